// Protocol: MQTT 3.1.1 (OASIS standard), packets with a type byte and a length of 1 to 4 bytes.
#include <array>
#include <atomic>

#include "tools/vscpbench/peers/body.h"
#include "tools/vscpbench/peers/peer_session.h"
#include "tools/vscpbench/peers/peer_wires.h"

namespace bench::peers {
namespace {

constexpr std::string_view kTopic = "vscp";
constexpr std::size_t kPacketIdBytes = 2;
constexpr unsigned kPublish = 3;
constexpr unsigned kPuback = 4;

std::string two_bytes(std::size_t value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value)};
}

std::string text_field(std::string_view text) {
  return two_bytes(text.size()) + std::string(text);
}

/// A packet's first byte and its length.
std::string head(unsigned first, std::size_t length) {
  std::string bytes(1, static_cast<char>(first));
  do {
    const auto digit = length % 128;
    length /= 128;
    bytes += static_cast<char>(length != 0 ? digit | 128U : digit);
  } while (length != 0);
  return bytes;
}

/// Length of the packet that begins `bytes`; 0 if that cannot be told yet.
std::size_t packet_bytes(std::string_view bytes) {
  std::size_t length = 0;
  for (std::size_t i = 1; i < bytes.size() && i < 5; ++i) {
    const auto digit = static_cast<unsigned char>(bytes[i]);
    length |= static_cast<std::size_t>(digit & 127U) << (7 * (i - 1));
    if ((digit & 128U) == 0) return 1 + i + length;
  }
  return 0;
}

std::string publish_prefix(std::size_t payload_bytes, unsigned qos) {
  const auto length = 2 + kTopic.size() + (qos != 0 ? kPacketIdBytes : 0) + payload_bytes;
  return head(kPublish << 4U | qos << 1U, length) + text_field(kTopic);
}

class MqttScanner final : public BodyScanner {
 public:
  MqttScanner(const EventShape& shape, bool verify, std::uint32_t time_every, unsigned qos)
      : BodyScanner({publish_prefix(shape.payload_bytes, qos), qos != 0 ? kPacketIdBytes : 0, ""}, shape, verify,
                    time_every),
        acknowledges_(qos != 0) {}

 private:
  std::size_t other(std::string_view bytes, std::vector<Seen>& seen) override {
    const auto size = packet_bytes(bytes);
    if (size == 0 || size > bytes.size()) return 0;
    if (static_cast<unsigned char>(bytes.front()) >> 4U == kPublish) corrupted(seen);
    return size;
  }

  void taken(const char* packet_id) override {
    if (!acknowledges_) return;
    const std::array<char, 4> acknowledgement{static_cast<char>(kPuback << 4U), 2, packet_id[0], packet_id[1]};
    answers.append(acknowledgement.data(), acknowledgement.size());
  }

  bool acknowledges_;
};

class MqttWire final : public Wire {
 public:
  MqttWire(std::size_t payload_bytes, unsigned qos) : payload_bytes_(payload_bytes), qos_(qos) {}

  std::string_view name() const override { return qos_ == 0 ? "mqtt-qos0" : "mqtt-qos1"; }
  bool answers_events() const override { return qos_ != 0; }

  std::expected<OpenSession, std::string> open(const Target& target, Role role,
                                               const std::vector<std::string>& /*commands*/) const override {
    constexpr unsigned char kLevel = 4;  // 3.1.1
    constexpr unsigned char kCleanSession = 2;
    static std::atomic<unsigned> sessions{0};
    auto session = PeerSession::connect(target);
    if (!session) return std::unexpected(session.error());
    auto variable = text_field("MQTT") + std::string{kLevel, kCleanSession} + two_bytes(0);  // no keep-alive
    variable += text_field("vscpbench-" + std::to_string(sessions++));
    // CONNACK: no session of before, and a return code of which 0 is yes.
    auto error = session->exchange(head(0x10, variable.size()) + variable, std::string_view("\x20\x02\0", 3), "");
    const auto code = error.empty() ? session->next_byte() : std::unexpected(error);
    if (!code) return std::unexpected(code.error());
    if (*code != 0) return std::unexpected("the broker refuses with code " + std::to_string(*code));
    if (error.empty() && role == Role::kConsumer) {
      const auto subscribe = two_bytes(1) + text_field(kTopic) + static_cast<char>(qos_);
      const auto granted = std::string("\x90\x03", 2) + two_bytes(1) + static_cast<char>(qos_);
      error = session->exchange(head(0x82, subscribe.size()) + subscribe, granted, "");
    }
    if (!error.empty()) return std::unexpected(error);
    return session->release();
  }

  std::string make_event(const EventShape& shape, std::uint32_t variant) const override {
    return publish_prefix(shape.payload_bytes, qos_) + std::string(qos_ != 0 ? kPacketIdBytes : 0, '\0') +
           make_body(shape.payload_bytes, variant);
  }
  std::size_t id_offset(const EventShape& shape) const override {
    return publish_prefix(shape.payload_bytes, qos_).size() + (qos_ != 0 ? kPacketIdBytes : 0);
  }
  /// The packet id, which lies in front of the body, must differ from those of all packets on their way.
  void write_id(const EventId& id, char* at) const override {
    write_body_id(id, payload_bytes_, at);
    if (qos_ == 0) return;
    const auto packet = id.sequence % 65535 + 1;
    at[-2] = static_cast<char>(packet >> 8U);
    at[-1] = static_cast<char>(packet);
  }

  std::unique_ptr<Scanner> make_scanner(const EventShape& shape, bool verify, std::uint32_t time_every) const override {
    return std::make_unique<MqttScanner>(shape, verify, time_every, qos_);
  }

  std::size_t scan_replies(std::string_view bytes, Replies& replies) const override {
    std::size_t used = 0;
    for (;;) {
      const auto packet = bytes.substr(used);
      const auto size = packet_bytes(packet);
      if (size == 0 || size > packet.size()) return used;
      if (static_cast<unsigned char>(packet.front()) >> 4U == kPuback) ++replies.accepted;
      used += size;
    }
  }

 private:
  std::size_t payload_bytes_;
  unsigned qos_;
};

}  // namespace

std::unique_ptr<Wire> make_mqtt_wire(std::size_t payload_bytes, unsigned qos) {
  return std::make_unique<MqttWire>(payload_bytes, qos);
}

}  // namespace bench::peers
