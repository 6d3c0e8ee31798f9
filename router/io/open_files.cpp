#include "router/io/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace router {
namespace {

constexpr rlim_t kLimitMax = 1U << 30U;  // handles of sockets in tables begin here
constexpr std::uint32_t kReservedMin = 16;
constexpr std::uint32_t kReservedMax = 4096;  // beyond that connections that wait are refused by the system's own limit
constexpr std::uint32_t kReservedShare = 8;

}  // namespace

std::uint32_t raise_open_files_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  return open_files_limit();
}

std::uint32_t open_files_limit() noexcept {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::uint32_t>(std::min(limit.rlim_cur, kLimitMax));
}

std::uint32_t reserved_open_files() noexcept {
  return std::clamp(open_files_limit() / kReservedShare, kReservedMin, kReservedMax);
}

int listen_backlog() noexcept { return static_cast<int>(reserved_open_files()); }

}  // namespace router
