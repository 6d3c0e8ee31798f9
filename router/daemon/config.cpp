#include "router/daemon/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace router {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEmbedded = R"({
  // One tcp/ip link listener on this machine, nothing else. Users are in users.json in the state folder.
  "runasuser": "",
  "guid": "-",
  "servername": "VSCP Router",
  "debug": 0,
  "logging": { "console-enable-log": true, "console-log-level": "info", "file-enable-log": false },
  "workers": { "count": 0, "cpus": "" },
  "log": { "bytes-per-worker": 67108864 },
  "link": [ { "interface": "127.0.0.1:9598", "path-users": "users.json", "max-out-queue": 32000,
              "receive-sent-events": false, "line-format": "legacy", "slow-consumer": "drop-lowest-priority" } ],
  "admin": { "socket": "vscprouterd.sock" },
  "simulate": { "enable": false }
}
)";

constexpr std::array<std::pair<std::string_view, LogLevel>, 9> kLogLevels{{{"trace", LogLevel::kTrace},
                                                                           {"debug", LogLevel::kDebug},
                                                                           {"info", LogLevel::kInfo},
                                                                           {"warn", LogLevel::kWarn},
                                                                           {"warning", LogLevel::kWarn},
                                                                           {"err", LogLevel::kError},
                                                                           {"error", LogLevel::kError},
                                                                           {"critical", LogLevel::kCritical},
                                                                           {"off", LogLevel::kOff}}};
constexpr std::uint32_t kCpuMax = 4095;

/// Takes a number off the front of `text`; false if there is none or it is not below kCpuMax.
bool take_cpu(std::string_view& text, std::uint32_t& value) noexcept {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || value > kCpuMax) return false;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return true;
}

/// "0-3,6" -> 0 1 2 3 6; false if it is no such list or names a cpu twice.
bool parse_cpu_list(std::string_view text, std::vector<std::uint32_t>& out) {
  std::string plain(text);
  std::erase_if(plain, [](char c) { return c == ' ' || c == '\t'; });
  std::string_view rest = plain;
  while (!rest.empty()) {
    std::uint32_t first = 0;
    if (!take_cpu(rest, first)) return false;
    std::uint32_t last = first;
    if (rest.starts_with('-')) {
      rest.remove_prefix(1);
      if (!take_cpu(rest, last) || last < first) return false;
    }
    for (std::uint32_t cpu = first; cpu <= last; ++cpu) {
      if (std::find(out.begin(), out.end(), cpu) != out.end()) return false;
      out.push_back(cpu);
    }
    if (rest.empty()) return true;
    if (!rest.starts_with(',') || rest.size() == 1) return false;
    rest.remove_prefix(1);
  }
  return true;
}

std::string absolute(const std::string& folder, const std::string& path) {
  return (fs::path(folder) / path).lexically_normal().string();
}

bool is_empty(const ConfigNode& node) noexcept {
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
      return true;
    case ConfigNode::Kind::kString:
      return node.text.empty();
    case ConfigNode::Kind::kArray:
      return node.items.empty();
    case ConfigNode::Kind::kObject:
      return node.members.empty();
    default:
      return false;
  }
}

/// Empty, or an object with "enable": false, or a list of nothing but those.
bool is_off(const ConfigNode& node) noexcept {
  if (is_empty(node)) return true;
  if (node.is_array()) return std::all_of(node.items.begin(), node.items.end(), is_off);
  const ConfigNode* enable = node.is_object() ? node.find("enable") : nullptr;
  return enable != nullptr && enable->kind == ConfigNode::Kind::kBool && !enable->boolean;
}

/// Reads one configuration text. One object per text; its steps add to the context and go on after errors.
class ConfigReading {
 public:
  ConfigReading(ConfigContext& context, std::string folder, std::string sys_class_net, std::string state_folder,
                bool embedded)
      : context_(context),
        folder_(std::move(folder)),
        sys_class_net_(std::move(sys_class_net)),
        state_folder_(std::move(state_folder)) {
    config_.embedded = embedded;
  }

  Config read(const ConfigNode& root) {
    ObjectReader reader(&root, "", context_);
    read_top(reader);
    read_logging(reader);
    read_workers(reader);
    read_admin(reader);
    read_kinds(reader);
    read_drivers(reader);
    read_features_to_come(reader);
    read_dead_keys(reader);
    reader.finish();
    return std::move(config_);
  }

 private:
  void read_top(ObjectReader& reader) {
    config_.run_as_user = reader.text("runasuser", "", 64);
    config_.server_name = reader.text("servername", "VSCP Router", 256);
    const std::string state = reader.text("state-folder", "");
    config_.state_folder = state_folder_.empty() ? absolute(folder_, state.empty() ? "." : state) : state_folder_;
    read_debug(reader);
    const std::string guid = reader.text("guid", "");
    const auto parsed = vscp::parse_guid(guid.empty() ? "-" : guid);
    if (!parsed) {
      reader.error("guid", '"' + guid +
                               "\" is no GUID: write 16 hex pairs with colons, or \"-\" to have it made from " +
                               "the machine's MAC address");
    } else {
      config_.guid = parsed->is_zero() ? machine_guid(sys_class_net_) : *parsed;
    }
    config_.overrun_events = reader.boolean("overrun-events", config_.overrun_events);
    ObjectReader log(reader.object("log"), "log", context_);
    config_.log_bytes_per_worker = static_cast<std::uint64_t>(
        log.integer("bytes-per-worker", static_cast<std::int64_t>(config_.log_bytes_per_worker), 1 << 20U, 1LL << 40U));
    log.finish();
  }

  void read_debug(ObjectReader& reader) {
    const ConfigNode* node = reader.any("debug");
    if (node == nullptr) return;
    if (!node->is_string()) {
      config_.debug =
          static_cast<std::uint64_t>(reader.integer("debug", 0, 0, std::numeric_limits<std::int64_t>::max()));
      return;
    }
    std::string_view text = node->text;
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    const auto result = std::from_chars(text.data(), text.data() + text.size(), config_.debug, 16);
    const bool all = result.ec == std::errc{} && result.ptr == text.data() + text.size();
    if (!all) {
      reader.error("debug", '"' + node->text + "\" is no hex number: write a number, or hex digits in a string");
    }
  }

  void read_logging(ObjectReader& reader) {
    LoggingConfig& out = config_.logging;
    ObjectReader r(reader.object("logging"), "logging", context_);
    out.file_enable = r.boolean("file-enable-log", out.file_enable);
    out.file_level = r.word<LogLevel>("file-log-level", out.file_level, kLogLevels);
    out.file_pattern = r.text("file-pattern", out.file_pattern);
    out.file_path = absolute(folder_, r.text("file-path", out.file_path));
    out.file_size_max = static_cast<std::uint64_t>(
        r.integer("file-max-size", static_cast<std::int64_t>(out.file_size_max), 4096, 1LL << 40U));
    out.files_max = static_cast<std::uint32_t>(r.integer("file-max-files", out.files_max, 1, 1000));
    out.console_enable = r.boolean("console-enable-log", out.console_enable);
    out.console_level = r.word<LogLevel>("console-log-level", out.console_level, kLogLevels);
    out.console_pattern = r.text("console-pattern", out.console_pattern);
    if (config_.debug != 0) out.console_level = std::min(out.console_level, LogLevel::kDebug);
    r.finish();
  }

  void read_workers(ObjectReader& reader) {
    WorkersConfig& out = config_.workers;
    ObjectReader r(reader.object("workers"), "workers", context_);
    out.count = static_cast<std::uint32_t>(r.integer("count", 0, 0, kWorkersMax));
    const std::string cpus = r.text("cpus", "");
    if (!parse_cpu_list(cpus, out.cpus)) {
      r.error("cpus", '"' + cpus + "\" is no list of cpus: write numbers and ranges, each cpu once, for example " +
                          "\"0-3,6\", or \"\" for all");
      out.cpus.clear();
    }
    if (!out.cpus.empty() && out.count > out.cpus.size()) {
      r.error("count", std::to_string(out.count) + " workers do not fit on the " + std::to_string(out.cpus.size()) +
                           " cpus of \"cpus\": write at most that many, or 0");
    }
    const std::int64_t pool = r.integer("event-pool", 0, 0, 16'777'216);
    if (pool != 0 && pool < 1024) {
      r.error("event-pool", std::to_string(pool) + " is too small: write 0 (as many as needed) or at least 1024");
    }
    out.event_pool = static_cast<std::uint32_t>(pool);
    r.finish();
  }

  void read_admin(ObjectReader& reader) {
    ObjectReader r(reader.object("admin"), "admin", context_);
    if (!r.text("interface", "").empty()) {
      r.error("interface", "the web page is not supported by this version: remove the key, or write \"\"");
    }
    const std::string socket = r.text("socket", "vscprouterd.sock");
    if (!socket.empty()) config_.admin.socket = absolute(config_.state_folder, socket);
    r.finish();
  }

  void read_kinds(ObjectReader& reader) {
    const ConfigPlace place{folder_,       config_.state_folder, config_.embedded, config_.log_bytes_per_worker,
                            config_.guid, config_.server_name,  &claimed_};
    for (const DriverKind* kind : driver_kinds()) config_.drivers.push_back(kind->read(reader, place));
  }

  /// What no kind of driver has taken for its own.
  void read_drivers(ObjectReader& reader) {
    ObjectReader r(reader.object("drivers"), "drivers", context_);
    r.any("host-program");
    for (const std::string_view key : {"level1", "level2"}) {
      const auto list = r.list(key);
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i].is_object() && (is_off(list[i]) || claimed_.contains(&list[i]))) continue;
        refuse_driver(list[i], config_path(config_path("drivers", key), i));
      }
    }
    r.finish();
  }

  void refuse_driver(const ConfigNode& node, const std::string& path) {
    context_.errors.push_back({context_.file, node.line, node.column, path,
                               "is " + std::string(node.kind_text()) + ": write an object, { ... }"});
  }

  /// Sections whose features later versions have. Nobody shall believe that they work already.
  void read_features_to_come(ObjectReader& reader) {
    constexpr std::pair<std::string_view, std::string_view> kSections[] = {
        {"spool", "the spool is"},
    };
    for (const auto& [key, what] : kSections) {
      const ConfigNode* node = reader.any(key);
      if (node == nullptr || is_off(*node)) continue;
      reader.error(key,
                   std::string(what) +
                       " not supported by this version: remove the section, or write \"enable\": " + "false in it");
    }
  }

  /// Keys of the upstream daemon that have no meaning here.
  void read_dead_keys(ObjectReader& reader) {
    for (const std::string_view key : {"vscpkey", "classtypedb", "maindb", "discoverydb"}) {
      const ConfigNode* node = reader.any(key);
      if (node == nullptr || is_empty(*node)) continue;
      reader.warning(key, "has no meaning for this router and is not used: remove it");
    }
  }

  ConfigContext& context_;
  std::string folder_;
  std::string sys_class_net_;
  std::string state_folder_;  // instead of the file's
  std::set<const ConfigNode*> claimed_;
  Config config_;
};

}  // namespace

ConfigResult parse_config(std::string_view text, const std::string& file, const std::string& folder,
                          const std::string& sys_class_net, std::set<std::string>* known_keys,
                          const std::string& state_folder, bool embedded) {
  ConfigContext context;
  context.file = file;
  context.known_keys = known_keys;
  ConfigResult result;
  std::error_code error;
  const auto full = [&error](const std::string& path) {
    return fs::absolute(path.empty() ? "." : path, error).lexically_normal().string();
  };
  if (const auto root = parse_config_text(text, context)) {
    const std::string state = state_folder.empty() ? std::string() : full(state_folder);
    Config config = ConfigReading(context, full(folder), sys_class_net, state, embedded).read(*root);
    if (context.errors.empty()) result.config = std::move(config);
  }
  sort_issues(context);
  result.errors = std::move(context.errors);
  result.warnings = std::move(context.warnings);
  return result;
}

ConfigResult load_config(const std::string& path, const std::string& state_folder, const std::string& sys_class_net) {
  ConfigContext context;
  context.file = path;
  std::string text;
  if (!read_config_file(path, text, context)) return {std::nullopt, std::move(context.errors), {}};
  return parse_config(text, path, fs::path(path).parent_path().string(), sys_class_net, nullptr, state_folder);
}

std::string_view embedded_config_text() noexcept {
  return kEmbedded;
}

ConfigResult embedded_config(const std::string& state_folder) {
  return parse_config(kEmbedded, "embedded configuration", state_folder, "/sys/class/net", nullptr, {}, true);
}

std::string default_state_folder() {
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
  // systemd may give several folders, separated by colons: the first is ours.
  const std::string given = environment("STATE_DIRECTORY");
  if (!given.empty()) return given.substr(0, given.find(':'));
  if (::geteuid() == 0) return "/var/lib/vscprouterd";
  const std::string state = environment("XDG_STATE_HOME");
  if (!state.empty()) return state + "/vscprouterd";
  const std::string home = environment("HOME");
  return home.empty() ? "." : home + "/.local/state/vscprouterd";
}

}  // namespace router
