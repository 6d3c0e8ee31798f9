// What a session has to say besides events, until the peer has taken it: texts that live as long as the process lie where
// they are, everything else in blocks of the worker. An idle session says constant texts only and so needs no memory for
// them.
//
// Thread rule: one worker. Ownership: clear() gives the blocks back; a queue must be empty when it is destroyed.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "router/base/slab.h"

namespace router {

/// 4 KiB of a session's replies.
struct OutBlock {
  static constexpr std::uint32_t kBytes = 4096 - 16;
  OutBlock* next = nullptr;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  char bytes[kBytes];
};
static_assert(sizeof(OutBlock) == 4096);

class ReplyQueue {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// False if there is no memory; then a part of it may be in the queue.
  bool append(Slab& blocks, std::string_view text) noexcept {
    if (last_ == nullptr || text.size() > OutBlock::kBytes - last_->end) return append_further(blocks, text);
    fill(*last_, text);
    return true;
  }
  /// The text must live as long as the queue.
  bool append_constant(Slab& blocks, std::string_view text) noexcept;
  /// Goes out before everything else: the rest of something that is half out. At most kFrontMax bytes.
  bool put_in_front(Slab& blocks, std::string_view text) noexcept;
  /// Fills ranges with at most `most` bytes from the front of the queue on; returns how many. `bytes` gets their sum.
  std::size_t gather(std::span<iovec> ranges, std::size_t most, std::size_t& bytes) const noexcept;
  /// So many bytes are out.
  void consume(Slab& blocks, std::size_t bytes) noexcept;
  void clear(Slab& blocks) noexcept;

  static constexpr std::size_t kConstantMax = 1024;
  static constexpr std::size_t kFrontMax = OutBlock::kBytes - kConstantMax;

 private:
  static OutBlock* take_block(Slab& blocks) noexcept;
  bool append_further(Slab& blocks, std::string_view text) noexcept;
  void fill(OutBlock& block, std::string_view text) noexcept {
    std::memcpy(block.bytes + block.end, text.data(), text.size());
    block.end += static_cast<std::uint32_t>(text.size());
    size_ += static_cast<std::uint32_t>(text.size());
  }

  // First the constant, then the blocks: a ring of which the last is known, whose next is the first.
  const char* constant_ = nullptr;
  OutBlock* last_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t constant_size_ = 0;
};

}  // namespace router
