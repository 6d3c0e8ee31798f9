// The Ring on Linux io_uring. Needs kernel 6.1 (multishot receive with provided buffers, DEFER_TASKRUN).
//
// Sockets that are adopted live in a table of the ring, where they are no open files of the process. The kernel bounds a
// table by the limit of open files; when one is full a further io_uring is added, which costs its own receive buffers and,
// while it has work, a call of its own per turn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "router/io/ring.h"

namespace router {

struct UringSettings {
  std::uint32_t entries = 4096;         ///< submission queue; completions get four times as many
  std::uint32_t buffer_count = 64;      ///< receive buffers, a power of two, at most 32768
  std::uint32_t buffer_bytes = 65'536;  ///< bytes of one receive buffer
  bool keep_sockets = true;             ///< in tables, if keeps_sockets_in_tables()
  std::uint32_t table_slots = 0;        ///< sockets per table; 0 = the limit of open files, at most 65536
  // Of each further io_uring. Every buffer gets touched, because the kernel takes them in turn.
  std::uint32_t side_entries = 2048;
  std::uint32_t side_buffer_count = 64;
  std::uint32_t side_buffer_bytes = 8192;
};

/// Makes a ring that is not yet bound to a thread; the first submit_and_wait() binds it. On failure returns null and
/// sets `error` to one sentence that says what is missing and what to do about it (old kernel, seccomp, sysctl, memlock).
std::unique_ptr<Ring> make_uring_ring(const UringSettings& settings, std::string& error);

/// Whether this kernel can keep sockets in tables: it must close one while operations on others go on. Linux before
/// 6.13 keeps what was taken out of a table open until every operation begun earlier has ended, which for a receive may
/// be months. Tried out, not looked up.
bool keeps_sockets_in_tables() noexcept;

}  // namespace router
