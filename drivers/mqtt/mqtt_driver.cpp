#include "drivers/mqtt/mqtt_driver.h"

#include <thread>

#include "drivers/mqtt/carried_message.h"
#include "drivers/mqtt/site_batch.h"
#include "router/base/random.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint32_t kSendLimitMs = 5000;  // at the end, for what still waits
constexpr std::uint32_t kPublishLimitMs = 2000;

}  // namespace

std::unique_ptr<router::DriverConfig> MqttDriverConfig::read(router::ObjectReader& root,
                                                             const router::ConfigPlace& place) {
  auto config = std::make_unique<MqttDriverConfig>();
  config->brokers = read_brokers(root, place);
  return config;
}

std::unique_ptr<router::Driver> MqttDriverConfig::make(const router::DriverServices& services,
                                                       router::ThreadIndex helper) const {
  if (brokers.empty()) return nullptr;
  return std::make_unique<MqttDriver>(*this, services, helper);
}

MqttDriver::MqttDriver(const MqttDriverConfig& config, const router::DriverServices& services,
                       router::ThreadIndex helper)
    : router_(*services.router), helper_(helper) {
  std::string site;
  for (const auto& broker : config.brokers) site = broker.site.enabled() ? broker.site.name : site;
  site_.router = (std::uint64_t{site_hash(site)} << 32U) | (router::SystemRandom().next() >> 32U);
  site_.mark = site_hash(vscp::to_string(router_.settings().guid));
  for (const auto& broker : config.brokers) {
    BrokerEchoes& echoes = echoes_[broker.connection.host + ":" + std::to_string(broker.connection.port)];
    brokers_.push_back(std::make_unique<Broker>(broker, echoes));
  }
}

std::string MqttDriver::open() {
  std::string problems;
  for (std::size_t i = 0; i < brokers_.size(); ++i) {
    const std::string problem = brokers_[i]->open(router_, static_cast<router::ThreadIndex>(helper_ + i), site_);
    if (!problem.empty()) problems += (problems.empty() ? "" : "\n") + problem;
  }
  if (!problems.empty()) return problems;
  std::vector<BrokerIntake*> intakes;
  for (const auto& broker : brokers_) intakes.push_back(broker->intake());
  for (const auto& broker : brokers_) broker->connect_bridges(intakes);
  return {};
}

void MqttDriver::start() {
  library_ = hold_mqtt_library();
  for (auto& broker : brokers_) broker->start();
}

void MqttDriver::leave() {
  std::vector<std::thread> leaving;
  for (auto& broker : brokers_) {
    leaving.emplace_back([&broker] { broker->stop_sending(kSendLimitMs); });
  }
  for (auto& thread : leaving) thread.join();
  // What one broker brought may be for another one's spool: nobody ends before all of it is published.
  for (auto& broker : brokers_) broker->wait_published(kPublishLimitMs);
}

void MqttDriver::stop() {
  for (auto& broker : brokers_) broker->finish();
}

std::string MqttDriver::summary() const {
  std::string out = "mqtt";
  for (const auto& broker : brokers_) {
    out += " " + broker->config().connection.host + ":" + std::to_string(broker->config().connection.port);
  }
  return out;
}

std::vector<std::string> MqttDriver::own_files() const {
  std::vector<std::string> out;
  for (const auto& broker : brokers_) {
    for (auto& file : broker->own_files()) out.push_back(std::move(file));
  }
  return out;
}

void MqttDriver::report(router::JsonWriter& array) const {
  for (const auto& broker : brokers_) broker->report(array);
}

std::vector<router::DriverStore> MqttDriver::stores() const {
  std::vector<router::DriverStore> out;
  for (const auto& broker : brokers_) out.push_back(broker->waiting());
  return out;
}

std::string MqttDriver::describe(std::span<const std::uint8_t> record) const {
  BlockJoiner joiner;
  BlockReader reader;
  if (!is_message_record(record) || joiner.add(record) != BlockJoiner::Step::kWhole) return {};
  const auto message = reader.read(joiner.block());
  return message ? std::string(message->topic) : std::string();
}

void MqttDriver::note_room(const router::EventStore& store) {
  for (const auto& broker : brokers_) {
    if (broker->waiting().store == &store) broker->note_room();
  }
}

}  // namespace drivers::mqtt

namespace drivers {

extern const router::DriverKind kMqttDriver{&mqtt::MqttDriverConfig::read};

}  // namespace drivers
