// The bytes that consumers get, in one ring of memory that is mapped twice in a row, so that any range of it lies in
// one piece. Positions only grow. Thread rule: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench::floor {

class EventLog {
 public:
  EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  ~EventLog();

  /// `bytes`: a power of two, at least a page. Empty, or why not.
  std::string open(std::size_t bytes);

  std::size_t capacity() const noexcept { return mask_ + 1; }
  std::uint64_t head() const noexcept { return head_; }
  char* end() noexcept { return memory_ + (head_ & mask_); }
  void commit(std::size_t bytes) noexcept { head_ += bytes; }
  std::string_view range(std::uint64_t from, std::uint64_t to) const noexcept {
    return {memory_ + (from & mask_), static_cast<std::size_t>(to - from)};
  }
  /// Only if nobody has anything left to read: the next bytes go where the first ones were, which the cache knows.
  void restart() noexcept { head_ = (head_ + mask_) & ~std::uint64_t{mask_}; }

 private:
  char* memory_ = nullptr;
  std::size_t mask_ = 0;
  std::uint64_t head_ = 0;
};

}  // namespace bench::floor
