// A page with unmapped memory on both sides, so that one byte read or written outside of a text ends the test.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace test {

class GuardedMemory {
 public:
  GuardedMemory()
      : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
        base_(static_cast<char*>(mmap(nullptr, 3 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    mprotect(base_ + page_, page_, PROT_READ | PROT_WRITE);
  }
  ~GuardedMemory() { munmap(base_, 3 * page_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  /// A copy of the text that begins where the mapped memory does.
  std::string_view at_begin(std::string_view text) { return {place(base_ + page_, text), text.size()}; }
  /// A copy of the text that ends where the mapped memory does.
  std::string_view at_end(std::string_view text) { return {place(base_ + 2 * page_ - text.size(), text), text.size()}; }
  /// The last `size` bytes.
  std::uint8_t* room_at_end(std::size_t size) { return reinterpret_cast<std::uint8_t*>(base_ + 2 * page_ - size); }

 private:
  static const char* place(char* where, std::string_view text) {
    if (!text.empty()) std::memcpy(where, text.data(), text.size());
    return where;
  }

  std::size_t page_;
  char* base_;
};

}  // namespace test
