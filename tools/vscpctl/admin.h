// The daemon's admin socket: one JSON line there, one JSON line back. And what stat, sessions and spool make of the
// answers.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "tools/client/client_error.h"

namespace tools::ctl {

struct AdminOptions {
  std::string socket;  ///< empty: default_admin_socket()
  bool json = false;
  std::optional<std::chrono::milliseconds> repeat;
};

/// $VSCPROUTERD_SOCKET, else /run/vscprouterd/vscprouterd.sock if it exists, else
/// /var/lib/vscprouterd/vscprouterd.sock.
std::string default_admin_socket();

/// Sends {"command":"NAME"} and returns the answer line without line end. Errors: kRefused, kTimeout, kClosed, kSystem.
ClientResult<std::string> ask_daemon(const std::string& socket_path, std::string_view command, int stop_fd);

/// The same with a whole request, an object on one line.
ClientResult<std::string> ask_daemon_json(const std::string& socket_path, const std::string& request, int stop_fd);

int run_stat(const AdminOptions& options);
int run_sessions(const AdminOptions& options);
int run_reload(const AdminOptions& options);
/// What waits for far sides, of a running daemon.
int run_spools(const AdminOptions& options);
/// The first `most` events that wait in the spool of this name.
int run_spool_show(const AdminOptions& options, const std::string& name, unsigned most);
/// Drops what waits in it; asks on the terminal unless `sure`.
int run_spool_purge(const AdminOptions& options, const std::string& name, bool sure);

}  // namespace tools::ctl
