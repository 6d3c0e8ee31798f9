#include "drivers/mqtt/message_reader.h"

#include "drivers/mqtt/topic_match.h"

namespace drivers::mqtt {

vscp::Result<void> MessageReader::read(std::string_view topic, std::span<const std::uint8_t> payload,
                                       std::uint64_t now_ns, vscp::Event& event) {
  PayloadFormat format = PayloadFormat::kAuto;
  for (const auto& entry : config_.subscribe) {
    if (!topic_matches(entry.subscription.topic, topic)) continue;
    format = entry.format;
    break;
  }
  TopicDefaults defaults;
  if (config_.topic_defaults) defaults = parse_topic_defaults(topic);
  const auto hints = decoder_.decode(payload, format, defaults, now_ns, event);
  if (!hints) return std::unexpected(hints.error());
  return {};
}

}  // namespace drivers::mqtt
