// The io_uring of the floor: accept, receive into provided buffers, send; nothing virtual, one call per turn.
// Thread rule: the thread that calls open().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tools/vscpbench/floor/floor_options.h"

namespace bench::floor {

enum class Op : std::uint8_t { kAccept = 1, kReceive, kSend, kSignal };

struct Completion {
  Op op = Op::kAccept;
  std::uint32_t connection = 0;
  int result = 0;            ///< as of the system call; negative: error number
  bool more = false;         ///< the operation goes on and reports again
  bool released = false;     ///< zero-copy send: the memory is free again (an extra completion)
  bool has_buffer = false;   ///< of a receive: bytes are there
  std::uint16_t buffer = 0;  ///< the first one; a bundle goes on in next_buffer()
};

enum class Sending : std::uint8_t {
  kPlain,
  kZeroCopy,
  kChained,     ///< completes when all bytes are taken; the next send of this turn waits for that
  kEndOfChain,  ///< completes when all bytes are taken
};

class FloorRing {
 public:
  FloorRing();
  FloorRing(const FloorRing&) = delete;
  FloorRing& operator=(const FloorRing&) = delete;
  ~FloorRing();

  /// Empty, or a sentence that says what the kernel refuses. kAuto becomes what this kernel has.
  std::string open(const FloorOptions& options);
  ReceiveMode receive_mode() const noexcept;

  void accept(int listener) noexcept;
  void receive(int fd, std::uint32_t connection) noexcept;
  void send(int fd, std::uint32_t connection, std::string_view bytes, Sending sending) noexcept;
  void cancel_receive(std::uint32_t connection) noexcept;
  void watch_signal(int fd) noexcept;

  const char* buffer(std::uint16_t id) const noexcept;
  std::uint16_t next_buffer(std::uint16_t id) const noexcept;
  void release(std::uint16_t id) noexcept;

  /// Submits, and waits for a completion at least.
  void turn() noexcept;
  bool next(Completion& completion) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bench::floor
