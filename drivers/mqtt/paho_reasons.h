// What the codes mean with which the MQTT library and a broker say how something ended.
//
// Pure functions. Spec: MQTT 3.1.1, 3.2.2.3; MQTT 5, 2.4.
#pragma once

#include <string>

#include "drivers/mqtt/mqtt_client.h"

namespace drivers::mqtt {

inline constexpr int kReasonErrors = 0x80;  ///< MQTT 5: reason codes from here on say no

/// Of a CONNACK: whether trying again soon is of no use.
bool is_permanent(int code, bool version5) noexcept;
/// `message`: what the library says, or null. `code`: the broker's, or the library's own, which is negative.
std::string reason_text(int code, const char* message, bool version5);
PublishEnd end_of(int code) noexcept;
/// Reasons of a DISCONNECT that are about what we sent.
bool blames_us(int code) noexcept;

}  // namespace drivers::mqtt
