// The Ring on Linux io_uring. Needs kernel 6.1 (multishot receive with provided buffers, DEFER_TASKRUN).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "router/io/ring.h"

namespace router {

struct UringSettings {
  std::uint32_t entries = 4096;         ///< submission queue; completions get four times as many
  std::uint32_t buffer_count = 256;     ///< receive buffers, a power of two, at most 32768
  std::uint32_t buffer_bytes = 16'384;  ///< bytes of one receive buffer
};

/// Makes a ring that is not yet bound to a thread; the first submit_and_wait() binds it. On failure returns null and
/// sets `error` to one sentence that says what is missing and what to do about it (old kernel, seccomp, sysctl, memlock).
std::unique_ptr<Ring> make_uring_ring(const UringSettings& settings, std::string& error);

}  // namespace router
