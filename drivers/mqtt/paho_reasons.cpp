#include "drivers/mqtt/paho_reasons.h"

#include <MQTTAsync.h>

namespace drivers::mqtt {
namespace {

constexpr int kQuotaExceeded = 0x97;
constexpr int kServerBusy = 0x89;
constexpr int kReceiveMaximumExceeded = 0x93;
constexpr int kMessageRateTooHigh = 0x96;

/// CONNACK codes of MQTT 3.1.1, as Paho hands them on.
std::string_view connect_refusal(int code) noexcept {
  switch (code) {
    case 1:
      return "the broker does not speak this protocol version";
    case 2:
      return "the broker does not accept the client id";
    case 3:
      return "the broker is not available";
    case 4:
      return "wrong user name or password";
    case 5:
      return "not authorised";
    default:
      return {};
  }
}

}  // namespace

bool is_permanent(int code, bool version5) noexcept {
  if (!version5) return code == 1 || code == 2 || code == 4 || code == 5;
  return code >= kReasonErrors && code != kServerBusy && code != MQTTREASONCODE_SERVER_UNAVAILABLE &&
         code != MQTTREASONCODE_USE_ANOTHER_SERVER && code != MQTTREASONCODE_CONNECTION_RATE_EXCEEDED &&
         code != MQTTREASONCODE_UNSPECIFIED_ERROR;
}

std::string reason_text(int code, const char* message, bool version5) {
  if (!version5) {
    if (const auto text = connect_refusal(code); !text.empty()) return std::string(text);
  } else if (code >= kReasonErrors) {
    const char* text = MQTTReasonCode_toString(static_cast<MQTTReasonCodes>(code));
    if (text != nullptr) return text;
  }
  if (message != nullptr && *message != 0) return message;
  const char* text = MQTTAsync_strerror(code);
  return text != nullptr ? text : "error " + std::to_string(code);
}

PublishEnd end_of(int code) noexcept {
  if (code == kQuotaExceeded || code == kMessageRateTooHigh || code == kServerBusy || code == kReceiveMaximumExceeded) {
    return PublishEnd::kBusy;
  }
  return code >= kReasonErrors ? PublishEnd::kRefused : PublishEnd::kUnknown;
}

bool blames_us(int code) noexcept {
  switch (code) {
    case MQTTREASONCODE_MALFORMED_PACKET:
    case MQTTREASONCODE_PROTOCOL_ERROR:
    case MQTTREASONCODE_NOT_AUTHORIZED:
    case MQTTREASONCODE_TOPIC_FILTER_INVALID:
    case MQTTREASONCODE_TOPIC_NAME_INVALID:
    case MQTTREASONCODE_PACKET_TOO_LARGE:
    case MQTTREASONCODE_PAYLOAD_FORMAT_INVALID:
    case MQTTREASONCODE_RETAIN_NOT_SUPPORTED:
    case MQTTREASONCODE_QOS_NOT_SUPPORTED:
      return true;
    default:
      return false;
  }
}

}  // namespace drivers::mqtt
