// One broker: its store, the thread that brings events into it and the one that sends them.
//
// Thread rule: the supervisor's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drivers/mqtt/broker_config.h"
#include "drivers/mqtt/broker_intake.h"
#include "drivers/mqtt/broker_sender.h"
#include "drivers/mqtt/echo_guard.h"
#include "router/core/router.h"
#include "router/io/event_store.h"

namespace drivers::mqtt {

class Broker {
 public:
  /// `echoes`: of all connections to the same broker; it must outlive this.
  Broker(BrokerConfig config, BrokerEchoes& echoes) : config_(std::move(config)), echoes_(echoes) {}

  /// Empty, or what is wrong.
  /// `site` must outlive it.
  std::string open(router::Router& router, router::ThreadIndex helper, SiteMemory& site);
  /// When all are open.
  void connect_bridges(std::span<BrokerIntake* const> brokers) { intake_->connect_bridges(brokers); }
  BrokerIntake* intake() noexcept { return intake_.get(); }
  void start();
  /// Sends what waits for at most `timeout_ms`, and leaves the broker; what it brought is still being published.
  void stop_sending(std::uint32_t timeout_ms) { sender_->stop(timeout_ms); }
  bool wait_published(std::uint32_t timeout_ms) { return intake_->wait_published(timeout_ms); }
  void finish();
  void report(router::JsonWriter& array) const { sender_->report(array); }
  const BrokerConfig& config() const noexcept { return config_; }
  /// Of the spool.
  std::vector<std::string> own_files() const { return router::store_files(config_.store); }
  router::DriverStore waiting() const;
  /// The supervisor has purged the store.
  void note_room() noexcept { intake_->note_room(); }

 private:
  BrokerConfig config_;
  BrokerEchoes& echoes_;
  std::unique_ptr<router::EventStore> store_;
  std::unique_ptr<BrokerSender> sender_;
  std::unique_ptr<BrokerIntake> intake_;
};

}  // namespace drivers::mqtt
