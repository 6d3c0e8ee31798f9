// Assertions for our own bugs; always on, in release builds too. Never used on what a peer sends.
#pragma once

namespace router {

/// Prints the expression, place and thread name, then aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace router

#define VR_ASSERT(expression)                                            \
  do {                                                                   \
    if (!(expression)) [[unlikely]] {                                    \
      ::router::assertion_failed(#expression, __FILE__, __LINE__);       \
    }                                                                    \
  } while (false)
