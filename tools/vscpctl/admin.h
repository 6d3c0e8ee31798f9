// The daemon's admin socket: one JSON line there, one JSON line back. And what stat and sessions make of the answers.
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

int run_stat(const AdminOptions& options);
int run_sessions(const AdminOptions& options);
int run_reload(const AdminOptions& options);

}  // namespace tools::ctl
