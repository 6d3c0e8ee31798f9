// TLS on one connection, without the connection: received bytes go in, bytes to be sent come out, and between them is
// what the two sides say. Who owns the socket moves the bytes (router/core/stream_session.h).
//
// Bounded: it takes one record of the peer's at a time (16 KiB), and what it has to send is what write() was given and
// its own part of the conversation; a peer that makes that grow without reading is an error.
//
// Thread rule: one owner at a time. Memory: OpenSSL allocates when the conversation begins, for each message of the
// handshake, and per record while bytes are on their way; an idle stream keeps no buffers. Errors: state() becomes
// kFailed, problem() says what was wrong, and output() may have a last word for the peer.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/io/tls_context.h"

struct ssl_st;
struct bio_st;

namespace router {

class TlsStream {
 public:
  enum class State : std::uint8_t {
    kHandshake,
    kOpen,
    kEnded,  ///< the peer has said that nothing more comes; we may still write
    kFailed,
  };

  /// What a turn of a session writes at most; a larger gather waits for the next one.
  static constexpr std::size_t kWriteMax = 64U << 10U;

  /// `host`, of a client: whom we want to reach, a name or an address; what its certificate must be for. The context
  /// lives as long as the stream.
  TlsStream(std::shared_ptr<TlsContext> context, std::string host);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// A client speaks first. A server needs no call: it begins with the first bytes that come.
  void start() noexcept;

  /// Takes received bytes, up to the first that say something: returns how many, and then either all are taken, or
  /// plain() is not empty, or the state is not what it was. REQUIRES: plain() is empty.
  std::size_t feed(std::span<const char> bytes) noexcept;
  /// What the peer has said and nobody has taken yet. It lies in memory that all streams of the thread share:
  /// keep_plain() saves what is left before another one is fed.
  std::span<const char> plain() const noexcept { return plain_; }
  void consume_plain(std::size_t bytes) noexcept;
  void keep_plain() noexcept;

  /// Encrypts from the ranges until kWriteMax bytes are in output(); returns how many bytes of them. REQUIRES:
  /// may_write().
  std::size_t write(std::span<const iovec> ranges) noexcept;
  bool may_write() const noexcept { return (state_ == State::kOpen || state_ == State::kEnded) && !closed_; }
  /// Says that nothing more will come. False if that has been said, or cannot be.
  bool close() noexcept;

  bool has_output() const noexcept { return sending_done_ < sending_.size() || !output_.empty(); }
  /// Bytes to be sent, maybe not all that there are. They stay where they are until they are consumed: what is added
  /// meanwhile comes behind them.
  std::span<const char> output() noexcept;
  void consume_output(std::size_t bytes) noexcept;

  State state() const noexcept { return state_; }
  bool is_server() const noexcept { return context_->is_server(); }
  /// After kFailed: a sentence without its end, such as "its certificate has expired".
  const std::string& problem() const noexcept { return problem_; }
  /// "TLSv1.3", or empty before the handshake is over.
  std::string_view version() const noexcept;

  /// Records that have said nothing since the stream was open: requests for new keys, tickets. They cost more than others.
  std::uint32_t silent_records() const noexcept { return silent_records_; }

  /// For the owner: the first byte of the input that it keeps has been fed already, and what it says waits in plain().
  bool keeps_fed_byte = false;

 private:
  friend struct TlsBytes;  // the two ends of OpenSSL's view of the connection

  bool begin() noexcept;
  bool set_host() noexcept;
  void shake_hands() noexcept;
  void read() noexcept;
  bool write_record(const char* bytes, std::size_t size) noexcept;
  void fail(std::string problem) noexcept;
  void take_error(int result) noexcept;
  std::string verify_problem(long result) const;

  std::shared_ptr<TlsContext> context_;
  ssl_st* ssl_ = nullptr;  ///< from the first byte on: who only connects costs nothing
  std::string host_;
  std::span<const char> input_;  ///< during feed()
  std::span<const char> plain_;  ///< in the thread's memory, or in kept_
  std::vector<char> kept_;
  std::vector<char> output_;  ///< behind what is being sent
  std::vector<char> sending_;
  std::size_t sending_done_ = 0;
  std::string problem_;
  State state_ = State::kHandshake;
  bool closed_ = false;
  std::uint32_t silent_records_ = 0;
  std::uint32_t silent_in_row_ = 0;  ///< since something was said
};

}  // namespace router
