// The dialects of the servers that the router is compared with: one subject, topic or channel, binary bodies. Each
// wire is for events of one payload size, at least kBodyBytesMin.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "tools/vscpbench/wire.h"

namespace bench::peers {

/// NATS core: PUB and MSG, verbose off, so that nothing is answered.
std::unique_ptr<Wire> make_nats_wire(std::size_t payload_bytes);
/// Redis: PUBLISH, which answers with the number of receivers, and SUBSCRIBE.
std::unique_ptr<Wire> make_redis_wire(std::size_t payload_bytes);
/// MQTT 3.1.1. QoS 0: nothing is answered. QoS 1: PUBACK from the broker to producers and from consumers to the broker.
std::unique_ptr<Wire> make_mqtt_wire(std::size_t payload_bytes, unsigned qos);

/// What a NATS client sends after INFO; the last answer is PONG.
std::string nats_hello(Role role);
/// The answer of Redis ends with a line ":1".
inline constexpr std::string_view kRedisSubscribe = "SUBSCRIBE vscp\r\n";

}  // namespace bench::peers
