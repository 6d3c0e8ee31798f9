// The process's limit of open files, and what of it sockets may take.
//
// Thread rule: raise_open_files_limit() at start, before other threads; the rest any thread.
#pragma once

#include <cstdint>

namespace router {

/// Raises the limit to the highest that this process may set. Returns the limit that holds then.
std::uint32_t raise_open_files_limit() noexcept;
std::uint32_t open_files_limit() noexcept;

/// Open files that sockets leave to everything else: log files, users files, admin connections, further rings, and
/// connections that the kernel has accepted and that are about to be turned away.
std::uint32_t reserved_open_files() noexcept;

/// Connections that a listening socket lets wait for their accept. The kernel may accept all of them at once, so it is
/// not more than the reserve.
int listen_backlog() noexcept;

}  // namespace router
