#include "drivers/link/link_driver.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>
#include <utility>

#include "router/base/log.h"
#include "router/base/password.h"
#include "router/base/random.h"
#include "router/core/driver_entry.h"
#include "router/core/users_file.h"

namespace drivers::link {
namespace {

namespace fs = std::filesystem;
using router::ConfigContext;
using router::ConfigIssue;
using router::ConfigNode;
using router::ConfigPlace;
using router::ObjectReader;

std::string absolute(const std::string& folder, const std::string& path) {
  return (fs::path(folder) / path).lexically_normal().string();
}

std::string join_issues(const std::vector<ConfigIssue>& issues) {
  std::string text;
  for (const auto& issue : issues) text += (text.empty() ? "" : "\n") + router::to_text(issue);
  return text;
}

}  // namespace

// ---- configuration ----------------------------------------------------------------------------------------------------------

std::unique_ptr<router::DriverConfig> LinkDriverConfig::read(ObjectReader& root, const ConfigPlace& place) {
  auto config = std::make_unique<LinkDriverConfig>();
  config->embedded = place.embedded;
  config->state_folder = place.state_folder;
  config->log_bytes = place.log_bytes;
  const auto list = root.list("link");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string path = router::config_path("link", i);
    LinkListenerConfig listener = parse_link_listener(&list[i], path, root.context(), place.folder);
    listener.path_users = absolute(place.folder, listener.path_users);
    if (const auto problem = router::queue_bytes_problem(listener.max_out_bytes, place.log_bytes);
        !problem.empty()) {
      const ConfigNode& key = *list[i].find("max-out-bytes");
      root.error_at(key, path + ".max-out-bytes", problem);
    }
    config->add(root.context(), list[i], path, std::move(listener));
  }
  config->read_upstream_drivers(root, place);
  if (config->listeners.empty() && root.context().errors.empty()) {
    root.warning("link", "there is no listener, so no client can connect: write \"link\": [ {} ] for one on " +
                             std::string(kDefaultInterface));
  }
  return config;
}

void LinkDriverConfig::add(ConfigContext& context, const ConfigNode& node, const std::string& path,
                           LinkListenerConfig listener) {
  for (const LinkListenerConfig& other : listeners) {
    for (const router::ListenAddress& address : listener.addresses) {
      const bool taken = std::any_of(other.addresses.begin(), other.addresses.end(),
                                     [&](const router::ListenAddress& a) { return a.text == address.text; });
      if (!taken || address.any_port) continue;
      context.errors.push_back(
          {context.file, node.line, node.column, path,
           "another listener has \"" + address.text + "\" already: write another address or port"});
    }
  }
  listeners.push_back(std::move(listener));
}

void LinkDriverConfig::read_upstream_drivers(ObjectReader& root, const ConfigPlace& place) {
  const ConfigNode* drivers = root.any("drivers");
  const ConfigNode* level2 = drivers == nullptr ? nullptr : drivers->find("level2");
  if (level2 == nullptr || !level2->is_array()) return;
  for (std::size_t i = 0; i < level2->items.size(); ++i) {
    if (!router::is_tcpipsrv(level2->items[i]) || router::is_switched_off(level2->items[i])) continue;
    if (place.claimed != nullptr) place.claimed->insert(&level2->items[i]);
    read_tcpipsrv(level2->items[i], router::config_path("drivers.level2", i), place, root.context());
  }
}

void LinkDriverConfig::read_tcpipsrv(const ConfigNode& node, const std::string& path, const ConfigPlace& place,
                                     ConfigContext& context) {
  ObjectReader r(&node, path, context);
  const bool enable = r.boolean("enable", false);
  const std::string file = r.text("path-config", "");
  const std::string guid_text = r.text("guid", "");
  for (const std::string_view key : {"name", "path-driver", "mqtt"}) r.any(key);
  r.finish();
  if (!enable) {
    r.error("enable", "is missing: write \"enable\": true or false");
    return;
  }
  if (file.empty()) {
    r.error("path-config", "is missing: write the name of the driver's configuration file (tcpipsrv.json)");
    return;
  }
  const auto guid = vscp::parse_guid(guid_text.empty() ? "-" : guid_text);
  if (!guid) r.error("guid", '"' + guid_text + "\" is no GUID: write 16 hex pairs with colons, or \"-\"");
  ConfigContext inner;
  inner.file = absolute(place.folder, file);
  std::string text;
  std::optional<ConfigNode> root;
  if (router::read_config_file(inner.file, text, inner)) root = router::parse_config_text(text, inner);
  if (root) {
    const std::string folder = fs::path(inner.file).parent_path().string();
    LinkListenerConfig listener = parse_tcpipsrv(*root, inner, folder);
    listener.path_users = absolute(folder, listener.path_users);
    if (guid) listener.guid = *guid;
    add(context, node, path, std::move(listener));
  }
  std::move(inner.errors.begin(), inner.errors.end(), std::back_inserter(context.errors));
  std::move(inner.warnings.begin(), inner.warnings.end(), std::back_inserter(context.warnings));
}

void LinkDriverConfig::check_files(std::vector<ConfigIssue>& errors, std::vector<ConfigIssue>& warnings) const {
  for (const auto& listener : listeners) {
    std::error_code ignored;
    if (!fs::exists(listener.path_users, ignored)) {
      if (embedded) continue;  // the first start makes it
      errors.push_back({{}, 0, 0, {}, router::no_users_file_text(listener.path_users)});
      continue;
    }
    auto users = load_users(listener.path_users);
    std::move(users.warnings.begin(), users.warnings.end(), std::back_inserter(warnings));
    std::move(users.errors.begin(), users.errors.end(), std::back_inserter(errors));
  }
}

router::UsersResult LinkDriverConfig::load_users(const std::string& path) const {
  auto result = router::load_users(path);
  if (!result.users) return result;
  for (const auto& user : result.users->users()) {
    if (auto problem = router::queue_bytes_problem(user.overrides.queue.max_out_bytes, log_bytes); !problem.empty()) {
      result.errors.push_back({path, 0, 0, "user \"" + user.name + "\": max-out-bytes", std::move(problem)});
    }
  }
  if (!result.errors.empty()) result.users.reset();
  return result;
}

std::unique_ptr<router::Driver> LinkDriverConfig::make(const router::DriverServices& services,
                                                       router::ThreadIndex) const {
  return std::make_unique<LinkDriver>(*this, services);
}

// ---- driver -----------------------------------------------------------------------------------------------------------------

LinkDriver::LinkDriver(const LinkDriverConfig& config, const router::DriverServices& services)
    : config_(config), services_(services) {}

LinkDriver::~LinkDriver() {
  // Nobody has seen these passwords: the next start is the first one again.
  for (const auto& user : first_users_) {
    if (!started_) ::unlink(user.path.c_str());
  }
}

std::string LinkDriver::make_first_user(const std::string& path) {
  router::SystemRandom random;
  const std::string password = router::make_random_password(random);
  const auto hash = router::hash_password(password);
  if (!hash) return "cannot hash the first password: not enough memory";
  const auto created = router::create_users_file(path, router::kFirstUserName, *hash);
  if (!created) {
    const int error_number = vscp::is_errno(created.error()) ? vscp::to_errno(created.error()) : EIO;
    return "cannot write " + path + ": " + std::strerror(error_number) +
           "; free some space or choose another --state folder";
  }
  first_users_.push_back({path, password});
  return {};
}

std::string LinkDriver::open() {
  std::vector<LinkListenerSetup> setups;
  for (const auto& listener : config_.listeners) {
    const bool is_missing = ::access(listener.path_users.c_str(), F_OK) != 0;
    if (is_missing && config_.embedded) {
      if (auto error = make_first_user(listener.path_users); !error.empty()) return error;
    } else if (is_missing) {
      return router::no_users_file_text(listener.path_users);
    }
    auto users = config_.load_users(listener.path_users);
    if (!users.users) return join_issues(users.errors);
    for (const auto& warning : users.warnings) warnings_.push_back(router::to_text(warning));
    LinkListenerSetup setup;
    setup.users = users.users;
    setup.on_old_form = [path = listener.path_users](const router::User& user, const std::string& new_hash) {
      if (router::replace_password_hash(path, user.name, user.password_hash, new_hash)) {
        router::logf(router::LogLevel::kInfo, router::LogKind::kLogin,
                     "stored password of '%s' renewed: it had an old form", user.name.c_str());
      }
    };
    setup.config = listener;
    setups.push_back(std::move(setup));
  }
  server_ = std::make_unique<LinkServer>(*services_.router, std::move(setups), services_.request_shutdown);
  return server_->open();
}

void LinkDriver::start() {
  for (const auto& listener : config_.listeners) {
    router::logf(router::LogLevel::kDebug, router::LogKind::kOnce, "users of %s: %s",
                 listener.addresses.front().text.c_str(), listener.path_users.c_str());
  }
  server_->start();
  started_ = true;
}

std::string LinkDriver::summary() const {
  std::string text = "link";
  for (const auto& address : server_->addresses()) text += " " + address;
  return text;
}

std::vector<std::string> LinkDriver::news() const {
  std::vector<std::string> lines;
  for (const auto& user : first_users_) {
    lines.push_back("First start: user '" + std::string(router::kFirstUserName) + "', password '" + user.password +
                    "' (shown only now).");
  }
  return lines;
}

std::vector<std::string> LinkDriver::own_files() const {
  std::vector<std::string> files;
  for (const auto& listener : config_.listeners) {
    if (listener.path_users.starts_with(config_.state_folder + "/")) files.push_back(listener.path_users);
  }
  return files;
}

std::expected<std::size_t, std::string> LinkDriver::reload() {
  std::string problems;
  for (std::size_t index = 0; index < config_.listeners.size(); ++index) {
    auto users = config_.load_users(config_.listeners[index].path_users);
    if (users.users) {
      server_->set_users(index, users.users);
      const std::string problem = server_->renew_certificates(index);
      if (!problem.empty()) problems += (problems.empty() ? "" : "\n") + problem;
    } else {
      problems += (problems.empty() ? "" : "\n") + join_issues(users.errors);
    }
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return config_.listeners.size();
}

}  // namespace drivers::link

namespace drivers {

extern const router::DriverKind kLinkDriver{&link::LinkDriverConfig::read};

}  // namespace drivers
