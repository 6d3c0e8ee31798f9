// Protocol: the client protocol of NATS, text lines with counted payloads.

#include "tools/vscpbench/peers/body.h"
#include "tools/vscpbench/peers/peer_session.h"
#include "tools/vscpbench/peers/peer_wires.h"

namespace bench::peers {
namespace {

constexpr std::string_view kConnect =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"vscpbench\",\"version\":\"" VSCPROUTER_VERSION "\"}\r\n";
constexpr std::string_view kPing = "PING\r\n";
constexpr std::string_view kPong = "PONG\r\n";
constexpr std::string_view kRefusal = "-ERR";

/// A line with its end; empty if it is not complete.
std::string_view line_of(std::string_view bytes) {
  const auto newline = bytes.find('\n');
  return newline == std::string_view::npos ? std::string_view() : bytes.substr(0, newline + 1);
}

class NatsScanner final : public BodyScanner {
 public:
  NatsScanner(const EventShape& shape, bool verify, std::uint32_t time_every)
      : BodyScanner({"MSG vscp 1 " + std::to_string(shape.payload_bytes) + "\r\n", 0, "\r\n"}, shape, verify,
                    time_every) {}

 private:
  std::size_t other(std::string_view bytes, std::vector<Seen>& seen) override {
    const auto line = line_of(bytes);
    if (line.empty()) return 0;
    if (line == kPing) answers += kPong;
    // Pings, changes of INFO and errors are no events; everything else should have been one.
    if (line != kPing && line != kPong && !line.starts_with("INFO ") && !line.starts_with(kRefusal)) corrupted(seen);
    return line.size();
  }
};

class NatsWire final : public Wire {
 public:
  explicit NatsWire(std::size_t payload_bytes) : payload_bytes_(payload_bytes) {}

  std::string_view name() const override { return "nats"; }
  bool answers_events() const override { return false; }

  std::expected<OpenSession, std::string> open(const Target& target, Role role,
                                               const std::vector<std::string>& /*commands*/) const override {
    auto session = PeerSession::connect(target);
    if (!session) return std::unexpected(session.error());
    if (auto error = session->exchange("", "INFO ", kRefusal); !error.empty()) return std::unexpected(error);
    if (auto error = session->exchange(nats_hello(role), kPong, kRefusal); !error.empty())
      return std::unexpected(error);
    return session->release();
  }

  std::string make_event(const EventShape& shape, std::uint32_t variant) const override {
    return prefix(shape) + make_body(shape.payload_bytes, variant) + "\r\n";
  }
  std::size_t id_offset(const EventShape& shape) const override { return prefix(shape).size(); }
  void write_id(const EventId& id, char* at) const override { write_body_id(id, payload_bytes_, at); }

  std::unique_ptr<Scanner> make_scanner(const EventShape& shape, bool verify, std::uint32_t time_every) const override {
    return std::make_unique<NatsScanner>(shape, verify, time_every);
  }

  std::size_t scan_replies(std::string_view bytes, Replies& replies) const override {
    std::size_t used = 0;
    for (auto line = line_of(bytes); !line.empty(); line = line_of(bytes.substr(used))) {
      used += line.size();
      if (line == kPing) replies.answers += kPong;
      if (line.starts_with(kRefusal) && replies.refused++ == 0) {
        replies.first_refusal = line.substr(0, line.find('\r'));
      }
    }
    return used;
  }

 private:
  static std::string prefix(const EventShape& shape) {
    return "PUB vscp " + std::to_string(shape.payload_bytes) + "\r\n";
  }

  std::size_t payload_bytes_;
};

}  // namespace

std::string nats_hello(Role role) {
  auto hello = std::string(kConnect);
  if (role == Role::kConsumer) hello += "SUB vscp 1\r\n";
  return hello.append(kPing);
}

std::unique_ptr<Wire> make_nats_wire(std::size_t payload_bytes) {
  return std::make_unique<NatsWire>(payload_bytes);
}

}  // namespace bench::peers
