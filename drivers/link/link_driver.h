// The tcp/ip link server as a driver: its listeners in the configuration, their users files, the server itself.
//
// Thread rule: the supervisor's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drivers/link/link_config.h"
#include "drivers/link/link_server.h"
#include "router/core/driver_kind.h"
#include "router/core/users_file.h"

namespace drivers::link {

/// "link", and the entries of "drivers.level2" that are upstream's tcp/ip server driver: that driver is this router's own
/// job, so its file becomes one more listener.
class LinkDriverConfig final : public router::DriverConfig {
 public:
  static std::unique_ptr<router::DriverConfig> read(router::ObjectReader& root, const router::ConfigPlace& place);

  void check_files(std::vector<router::ConfigIssue>& errors, std::vector<router::ConfigIssue>& warnings) const override;
  std::unique_ptr<router::Driver> make(const router::DriverServices& services,
                                       router::ThreadIndex helper) const override;

  std::vector<LinkListenerConfig> listeners;
  bool embedded = false;     ///< missing users files are made, with a first user
  std::string state_folder;
  std::uint64_t log_bytes = 0;  ///< of a worker

  /// Users that cannot be with this configuration are errors too.
  router::UsersResult load_users(const std::string& path) const;

 private:
  void add(router::ConfigContext& context, const router::ConfigNode& node, const std::string& path,
           LinkListenerConfig listener);
  void read_upstream_drivers(router::ObjectReader& root, const router::ConfigPlace& place);
  void read_tcpipsrv(const router::ConfigNode& node, const std::string& path, const router::ConfigPlace& place,
                     router::ConfigContext& context);
};

class LinkDriver final : public router::Driver {
 public:
  LinkDriver(const LinkDriverConfig& config, const router::DriverServices& services);
  ~LinkDriver() override;

  std::string_view name() const noexcept override { return "link"; }
  std::string open() override;
  void start() override;
  void drain() override { server_->drain(); }
  void stop() override { server_->stop(); }
  std::string summary() const override;
  std::vector<std::string> news() const override;
  std::vector<std::string> warnings() const override { return warnings_; }
  std::vector<std::string> own_files() const override;
  /// Sessions that are logged in keep what they have.
  std::expected<std::size_t, std::string> reload() override;

 private:
  /// The first user of a fresh installation.
  struct FirstUser {
    std::string path;  ///< of the users file
    std::string password;
  };

  std::string make_first_user(const std::string& path);

  LinkDriverConfig config_;
  router::DriverServices services_;
  std::unique_ptr<LinkServer> server_;
  std::vector<std::string> warnings_;
  std::vector<FirstUser> first_users_;
  bool started_ = false;
};

}  // namespace drivers::link
