// The configuration of the router: one JSON file, or an embedded text. Every key with its default stands at its member.
//
// Keys of the upstream daemon's vscpd.json keep their names and meaning. Errors are collected: one run shows all of
// them. Thread rule: made at start-up by the supervisor, then read-only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/guid.h"
#include "router/base/config_node.h"
#include "router/base/log.h"
#include "router/core/driver_kind.h"

namespace router {

/// "logging"
struct LoggingConfig {
  bool file_enable = false;                                     ///< "file-enable-log"
  LogLevel file_level = LogLevel::kInfo;                        ///< "file-log-level"
  std::string file_pattern = "[%Y-%m-%d %H:%M:%S.%e] [%l] %v";  ///< "file-pattern": spdlog's
  std::string file_path = "/var/log/vscp/vscprouterd.log";      ///< "file-path"
  std::uint64_t file_size_max = 5242880;                        ///< "file-max-size": bytes, then a new file is begun
  std::uint32_t files_max = 7;                                  ///< "file-max-files"
  bool console_enable = true;                                   ///< "console-enable-log"
  LogLevel console_level = LogLevel::kInfo;                     ///< "console-log-level"
  std::string console_pattern = "[%H:%M:%S.%e] [%^%l%$] %v";    ///< "console-pattern"
};

/// "workers"
struct WorkersConfig {
  std::uint32_t count = 0;          ///< 0 = one per allowed cpu (or per cpu of "cpus"), at most kWorkersMax
  std::vector<std::uint32_t> cpus;  ///< "cpus": "0-3,6"; empty = not pinned to given ones
  std::uint32_t event_pool = 0;     ///< "event-pool": event buffers per worker; 0 = the sum of all bounds
};
inline constexpr std::uint32_t kWorkersMax = 64;

/// "admin"
struct AdminConfig {
  std::string socket;  ///< "vscprouterd.sock": absolute, or relative to the state folder; "" = none
};

struct Config {
  std::string run_as_user;   ///< "runasuser": "" = stay
  vscp::Guid guid;           ///< "guid": all zero or absent = made from the machine's MAC or IP address
  std::string server_name;   ///< "servername"
  std::uint64_t debug = 0;   ///< "debug": a number, or hex in a string; not 0 = the console shows debug lines too
  std::string state_folder;  ///< "state-folder": absolute when loaded; "" in the file = the file's folder
  LoggingConfig logging;
  WorkersConfig workers;
  std::uint64_t log_bytes_per_worker = 67108864;  ///< "log": {"bytes-per-worker"}: memory of the fan-out log
  bool overrun_events = true;  ///< "overrun-events": an event tells when readers have lost some
  AdminConfig admin;
  std::vector<std::unique_ptr<DriverConfig>> drivers;  ///< one per kind
  bool embedded = false;                               ///< no file: the embedded text
};

/// The part that a kind of driver has read; null if there is none.
template <typename Part>
Part* driver_part(const Config& config) noexcept {
  for (const auto& driver : config.drivers) {
    if (auto* part = dynamic_cast<Part*>(driver.get()); part != nullptr) return part;
  }
  return nullptr;
}

struct ConfigResult {
  std::optional<Config> config;  ///< present if and only if there are no errors
  std::vector<ConfigIssue> errors;
  std::vector<ConfigIssue> warnings;
};

/// Reads and checks a file. Paths of users files and the state folder come back absolute. `state_folder`, if not empty,
/// takes the place of the file's "state-folder". `sys_class_net` is where the network interfaces are (a parameter for
/// tests).
ConfigResult load_config(const std::string& path, const std::string& state_folder = {},
                         const std::string& sys_class_net = "/sys/class/net");

/// The same for a text; `folder` is what relative paths are relative to. `known_keys`: see ConfigContext.
ConfigResult parse_config(std::string_view text, const std::string& file, const std::string& folder,
                          const std::string& sys_class_net = "/sys/class/net",
                          std::set<std::string>* known_keys = nullptr, const std::string& state_folder = {},
                          bool embedded = false);

/// The text that the router runs on when there is no file: one link listener on 127.0.0.1:9598.
std::string_view embedded_config_text() noexcept;

/// Parses the embedded text; relative paths are relative to `state_folder`.
ConfigResult embedded_config(const std::string& state_folder);

/// Where state is kept without a configuration file: $STATE_DIRECTORY (set by systemd), else /var/lib/vscprouterd for
/// root, else $XDG_STATE_HOME/vscprouterd, else ~/.local/state/vscprouterd, else the working folder.
std::string default_state_folder();

/// FF:FF:FF:FF:FF:FF:FF:FE:<mac>:00:00 of the first network interface with a MAC address (a device before virtual ones,
/// then by index; never the loopback), else FF:FF:FF:FF:FF:FF:FF:FD:<ip>:00:00:00:00.
vscp::Guid machine_guid(const std::string& sys_class_net);

}  // namespace router
