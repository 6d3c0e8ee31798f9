#include "router/core/reply_queue.h"

#include <algorithm>
#include <new>

#include "router/base/check.h"

namespace router {

OutBlock* ReplyQueue::take_block(Slab& blocks) noexcept {
  auto* block = static_cast<OutBlock*>(blocks.try_take());
  if (block == nullptr) return nullptr;
  block->next = block;
  block->begin = 0;
  block->end = 0;
  return block;
}

bool ReplyQueue::append_further(Slab& blocks, std::string_view text) noexcept {
  while (!text.empty()) {
    if (last_ == nullptr || last_->end == OutBlock::kBytes) {
      OutBlock* block = take_block(blocks);
      if (block == nullptr) return false;
      if (last_ != nullptr) {
        block->next = last_->next;
        last_->next = block;
      }
      last_ = block;
    }
    const std::size_t size = std::min<std::size_t>(text.size(), OutBlock::kBytes - last_->end);
    fill(*last_, text.substr(0, size));
    text.remove_prefix(size);
  }
  return true;
}

bool ReplyQueue::append_constant(Slab& blocks, std::string_view text) noexcept {
  if (size_ > 0 || text.size() > kConstantMax) return append(blocks, text);
  constant_ = text.data();
  constant_size_ = static_cast<std::uint32_t>(text.size());
  size_ = constant_size_;
  return true;
}

bool ReplyQueue::put_in_front(Slab& blocks, std::string_view text) noexcept {
  VR_ASSERT(text.size() <= kFrontMax);
  OutBlock* block = take_block(blocks);
  if (block == nullptr) return false;
  fill(*block, text);
  // The constant comes behind it, in the same block.
  size_ -= constant_size_;
  if (constant_size_ > 0) fill(*block, {constant_, constant_size_});
  constant_size_ = 0;
  if (last_ == nullptr) {
    last_ = block;
  } else {
    block->next = last_->next;
    last_->next = block;
  }
  return true;
}

std::size_t ReplyQueue::gather(std::span<iovec> ranges, std::size_t most, std::size_t& bytes) const noexcept {
  std::size_t count = 0;
  bytes = 0;
  const auto add = [&](const char* begin, std::size_t whole) {
    const std::size_t size = std::min(whole, most - bytes);
    ranges[count++] = {const_cast<char*>(begin), size};
    bytes += size;
  };
  if (constant_size_ > 0 && count < ranges.size() && bytes < most) add(constant_, constant_size_);
  for (const OutBlock* block = last_; block != nullptr && count < ranges.size() && bytes < most;) {
    block = block->next;
    add(block->bytes + block->begin, block->end - block->begin);
    if (block == last_) break;
  }
  return count;
}

void ReplyQueue::consume(Slab& blocks, std::size_t bytes) noexcept {
  VR_ASSERT(bytes <= size_);
  size_ -= static_cast<std::uint32_t>(bytes);
  const std::size_t of_constant = std::min<std::size_t>(bytes, constant_size_);
  constant_ += of_constant;
  constant_size_ -= static_cast<std::uint32_t>(of_constant);
  bytes -= of_constant;
  while (bytes > 0) {
    OutBlock* first = last_->next;
    const std::size_t here = std::min<std::size_t>(bytes, first->end - first->begin);
    first->begin += static_cast<std::uint32_t>(here);
    bytes -= here;
    if (first->begin < first->end) break;
    if (first == last_) {
      last_ = nullptr;
    } else {
      last_->next = first->next;
    }
    blocks.give(first);
  }
}

void ReplyQueue::clear(Slab& blocks) noexcept { consume(blocks, size_); }

}  // namespace router
