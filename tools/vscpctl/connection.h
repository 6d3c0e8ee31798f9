// How every subcommand reaches a server: address, user, password; and the small parsing that goes with options.
//
// Thread rule: main thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "tools/client/link_client.h"

namespace tools::ctl {

struct ConnectionOptions {
  std::string host = "127.0.0.1:9598";
  std::string user;           ///< empty: $VSCP_USER, else "admin"
  std::string password_file;  ///< empty: $VSCP_PASSWORD, else asked for on the terminal
};

/// Exit codes of vscpctl.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

/// Writes "vscpctl: TEXT" to standard error and returns kExitFailed.
int fail(std::string_view text);

/// User name after the rule above.
std::string user_name(const ConnectionOptions& options);

/// Password from the file's first line, the environment or the terminal. Errors: kUsage, kSystem.
ClientResult<std::string> find_password(const ConnectionOptions& options);

/// Asks on the controlling terminal, without echo. Errors: kUsage if there is none.
ClientResult<std::string> ask_password(std::string_view prompt);

/// First line of a file. Errors: kUsage with the reason.
ClientResult<std::string> read_first_line(const std::string& path);

/// Connects and logs in. `password` is used if given, so that a reconnect does not ask again.
ClientResult<LinkClient> open_link(const ConnectionOptions& options, const std::string& password, int stop_fd);

/// "10s", "500ms", "2m", "1h", "1.5s", or a bare number of seconds; more than 0, at most 10 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace tools::ctl
