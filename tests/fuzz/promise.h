// What targets share: how a broken promise ends the process, and input as text.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "tests/fuzz/targets.h"

namespace fuzz {

inline void check(bool good, const char* promise) {
  if (good) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

inline std::string_view as_text(Bytes input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

/// The input in memory of just its size, so that AddressSanitizer sees one byte too many.
class ExactCopy {
 public:
  explicit ExactCopy(Bytes input) : bytes_(new std::uint8_t[input.size()]), size_(input.size()) {
    if (!input.empty()) std::memcpy(bytes_.get(), input.data(), input.size());
  }
  std::string_view text() const { return as_text(bytes()); }
  Bytes bytes() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_;
};

}  // namespace fuzz
