// Makes an event of a message that a broker brought.
//
// Thread rule: one owner.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "drivers/mqtt/broker_config.h"
#include "drivers/mqtt/payload.h"
#include "protocol/event.h"

namespace drivers::mqtt {

class MessageReader {
 public:
  /// `config` must outlive it.
  explicit MessageReader(const BrokerConfig& config) : config_(config) {}

  /// The format is that of the first subscription that the topic matches. Errors: those of PayloadDecoder.
  vscp::Result<void> read(std::string_view topic, std::span<const std::uint8_t> payload, std::uint64_t now_ns,
                          vscp::Event& event);

 private:
  const BrokerConfig& config_;
  PayloadDecoder decoder_;
};

}  // namespace drivers::mqtt
