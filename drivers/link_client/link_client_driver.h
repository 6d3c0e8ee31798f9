// The link client as a driver: its remotes, spread over the workers, and the threads that look names up.
//
// Thread rule: the supervisor's thread.
#pragma once

#include <memory>
#include <vector>

#include "drivers/link_client/link_client_config.h"
#include "drivers/link_client/remote.h"
#include "drivers/link_client/resolver.h"
#include "router/core/driver_kind.h"

namespace drivers::link_client {

/// "link-client", "duplicates"
class LinkClientDriverConfig final : public router::DriverConfig {
 public:
  static std::unique_ptr<router::DriverConfig> read(router::ObjectReader& root, const router::ConfigPlace& place);

  std::unique_ptr<router::Driver> make(const router::DriverServices& services,
                                       router::ThreadIndex helper) const override;

  LinkClientConfig config;
};

class LinkClientDriver final : public router::Driver {
 public:
  LinkClientDriver(const LinkClientConfig& config, router::Router& router);

  std::string_view name() const noexcept override { return "link_client"; }
  std::string open() override;
  void start() override;
  void drain() override;
  void stop() override;
  void report(router::JsonWriter& array) const override;

 private:
  /// Runs on the worker of each remote, with it.
  template <typename Function>
  void post_to_each(Function function);

  LinkClientConfig config_;
  router::Router* router_;
  Resolver resolver_;
  std::vector<std::unique_ptr<Remote>> remotes_;
};

}  // namespace drivers::link_client
