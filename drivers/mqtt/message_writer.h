// Makes messages of an event: one per entry of "publish" that wants it.
//
// Thread rule: one owner. No allocation per message.
#pragma once

#include <cstdint>
#include <vector>

#include "drivers/mqtt/broker_config.h"
#include "drivers/mqtt/mqtt_client.h"
#include "drivers/mqtt/payload.h"
#include "drivers/mqtt/topic_template.h"
#include "protocol/event.h"

namespace drivers::mqtt {

class MessageWriter {
 public:
  /// `config` must outlive it.
  explicit MessageWriter(const BrokerConfig& config);

  std::size_t entries() const noexcept { return config_.publish.size(); }
  /// Whether entry `index` takes the event; if so `out` is its message, valid until the next call.
  bool write(std::size_t index, const vscp::Event& event, MqttOutgoing& out);

 private:
  const BrokerConfig& config_;
  std::vector<char> topic_;
  std::vector<char> payload_;
  TopicCache topic_dates_;
  vscp::DateCache dates_;
  std::vector<std::pair<std::string_view, std::string_view>> properties_;
};

}  // namespace drivers::mqtt
