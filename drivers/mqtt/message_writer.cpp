#include "drivers/mqtt/message_writer.h"

#include <algorithm>

namespace drivers::mqtt {

MessageWriter::MessageWriter(const BrokerConfig& config)
    : config_(config),
      payload_(kPayloadWriteMax),
      properties_(config.user_properties.begin(), config.user_properties.end()) {
  std::size_t room = 1;
  for (const auto& entry : config.publish) room = std::max(room, entry.topic.size_max());
  topic_.resize(room);
}

bool MessageWriter::write(std::size_t index, const vscp::Event& event, MqttOutgoing& out) {
  const PublishConfig& entry = config_.publish[index];
  if (!config_.filter.matches(event) || !entry.filter.matches(event)) return false;
  // Empty: its only token is a byte that the event does not have.
  if (entry.topic.render(event, topic_dates_, topic_.data()) == 0) return false;
  const PayloadStyle style{entry.format, entry.dialect, config_.measurement_block};
  const std::size_t size = encode_payload(event, style, dates_, payload_.data());
  out.topic = topic_.data();
  out.payload = {reinterpret_cast<const std::uint8_t*>(payload_.data()), size};
  out.qos = entry.qos;
  out.retain = entry.retain;
  out.extras.user_properties = properties_;
  return true;
}

}  // namespace drivers::mqtt
