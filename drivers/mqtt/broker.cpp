#include "drivers/mqtt/broker.h"

#include <utility>

#include "router/base/log.h"

namespace drivers::mqtt {
std::string Broker::open(router::Router& router, router::ThreadIndex helper, SiteMemory& site) {
  auto store = router::open_store(config_.store, router.clock());
  if (!store) return "mqtt " + config_.name + ": " + store.error();
  store_ = std::move(*store);
  sender_ = std::make_unique<BrokerSender>(config_, *store_, echoes_, router);
  intake_ = std::make_unique<BrokerIntake>(router, helper, config_, *store_, echoes_, site, *sender_,
                                           [this] { sender_->wake(); });
  sender_->set_intake(*intake_);
  return {};
}

void Broker::start() {
  intake_->find_owner();
  intake_->start();
  sender_->start();
}

void Broker::finish() {
  intake_->finish();
  const auto left = static_cast<unsigned long long>(store_->status().records);
  if (left == 0) return;
  if (config_.store.on_disk) {
    router::logf(router::LogLevel::kInfo, router::LogKind::kOnce, "mqtt %s: %llu records stay in the spool",
                 config_.name.c_str(), left);
  } else {
    router::logf(router::LogLevel::kWarn, router::LogKind::kOnce,
                 "mqtt %s: %llu records were not delivered, the process stops", config_.name.c_str(), left);
  }
}

router::DriverStore Broker::waiting() const {
  return {config_.name, config_.connection.host + ":" + std::to_string(config_.connection.port), &config_.store,
          store_.get(), intake_->is_refusing()};
}

}  // namespace drivers::mqtt
