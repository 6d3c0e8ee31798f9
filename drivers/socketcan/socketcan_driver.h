// The CAN interfaces of the configuration: one port each, spread over the workers, and the thread that watches
// interfaces.
//
// Thread rule: the supervisor's thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/socketcan/can_port.h"
#include "drivers/socketcan/link_watch.h"
#include "drivers/socketcan/socketcan_config.h"
#include "router/core/driver_kind.h"

namespace drivers::socketcan {

/// "can"
class SocketcanDriverConfig final : public router::DriverConfig {
 public:
  static std::unique_ptr<router::DriverConfig> read(router::ObjectReader& root, const router::ConfigPlace& place);

  std::unique_ptr<router::Driver> make(const router::DriverServices& services,
                                       router::ThreadIndex helper) const override;

  std::vector<CanConfig> entries;
};

class SocketcanDriver final : public router::Driver {
 public:
  SocketcanDriver(const std::vector<CanConfig>& entries, router::Router& router);

  std::string_view name() const noexcept override { return "socketcan"; }
  std::string open() override;
  void start() override;
  void drain() override;
  void leave() override;
  void stop() override;
  std::string summary() const override;
  std::vector<std::string> warnings() const override;
  void report(router::JsonWriter& array) const override;

 private:
  /// Runs on the worker of each port, with it.
  template <typename Function>
  void post_to_each(Function function);

  router::Router* router_;
  SocketSender sender_;
  std::vector<vscp::Guid> segments_;  ///< of all ports
  std::vector<std::unique_ptr<CanPort>> ports_;
  LinkWatch watch_;  // its thread tells the ports: it goes first
  std::vector<CanConfig> entries_;
};

}  // namespace drivers::socketcan
