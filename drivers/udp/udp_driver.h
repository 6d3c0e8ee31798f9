// UDP as a driver: its entries, spread over the workers.
//
// Thread rule: the supervisor's thread.
#pragma once

#include <memory>
#include <vector>

#include "drivers/udp/udp_config.h"
#include "drivers/udp/udp_entry.h"
#include "router/core/driver_kind.h"

namespace drivers::udp {

/// "udp"
class UdpDriverConfig final : public router::DriverConfig {
 public:
  static std::unique_ptr<router::DriverConfig> read(router::ObjectReader& root, const router::ConfigPlace& place);

  std::unique_ptr<router::Driver> make(const router::DriverServices& services,
                                       router::ThreadIndex helper) const override;

  UdpConfig config;
};

class UdpDriver final : public router::Driver {
 public:
  UdpDriver(const UdpConfig& config, router::Router& router) : config_(config), router_(&router) {}

  std::string_view name() const noexcept override { return "udp"; }
  std::string open() override;
  void start() override;
  void drain() override;
  void leave() override;
  void stop() override {}
  std::string summary() const override;
  void report(router::JsonWriter& array) const override;

 private:
  template <typename Function>
  void post_to_each(Function function);
  void add_services(const EntryConfig& config, const UdpEntry& entry);

  UdpConfig config_;
  router::Router* router_;
  std::vector<std::unique_ptr<UdpEntry>> entries_;
};

}  // namespace drivers::udp
