// The MQTT driver: any number of brokers, each with its own topics.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "drivers/mqtt/broker.h"
#include "drivers/mqtt/broker_config.h"
#include "router/core/driver_kind.h"

namespace drivers::mqtt {

class MqttDriverConfig final : public router::DriverConfig {
 public:
  static std::unique_ptr<router::DriverConfig> read(router::ObjectReader& root, const router::ConfigPlace& place);

  router::ThreadIndex helpers() const noexcept override { return static_cast<router::ThreadIndex>(brokers.size()); }
  std::unique_ptr<router::Driver> make(const router::DriverServices& services,
                                       router::ThreadIndex helper) const override;

  std::vector<BrokerConfig> brokers;
};

class MqttDriver final : public router::Driver {
 public:
  MqttDriver(const MqttDriverConfig& config, const router::DriverServices& services, router::ThreadIndex helper);

  std::string_view name() const noexcept override { return "mqtt"; }
  std::string open() override;
  void start() override;
  void drain() override {}
  void leave() override;
  void stop() override;
  std::string summary() const override;
  std::vector<std::string> own_files() const override;
  void report(router::JsonWriter& array) const override;
  std::vector<router::DriverStore> stores() const override;
  std::string describe(std::span<const std::uint8_t> record) const override;
  void note_room(const router::EventStore& store) override;

 private:
  std::shared_ptr<void> library_;
  router::Router& router_;
  router::ThreadIndex helper_;
  SiteMemory site_;
  /// By host and port: what one connection has published may come back over another one to the same broker.
  std::map<std::string, BrokerEchoes> echoes_;
  std::vector<std::unique_ptr<Broker>> brokers_;
};

}  // namespace drivers::mqtt
