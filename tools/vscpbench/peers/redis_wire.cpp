// Protocol: RESP 2, commands as arrays of counted strings.
#include "tools/vscpbench/peers/body.h"
#include "tools/vscpbench/peers/peer_session.h"
#include "tools/vscpbench/peers/peer_wires.h"

namespace bench::peers {
namespace {

std::string counted(std::size_t bytes) {
  return "$" + std::to_string(bytes) + "\r\n";
}

class RedisScanner final : public BodyScanner {
 public:
  RedisScanner(const EventShape& shape, bool verify, std::uint32_t time_every)
      : BodyScanner({"*3\r\n$7\r\nmessage\r\n$4\r\nvscp\r\n" + counted(shape.payload_bytes), 0, "\r\n"}, shape, verify,
                    time_every) {}

 private:
  /// A subscriber gets nothing but messages, so this is none of ours or a spoiled one: on to what may be the next.
  std::size_t other(std::string_view bytes, std::vector<Seen>& seen) override {
    corrupted(seen);
    const auto next = bytes.find("\r\n*", 1);
    return next == std::string_view::npos ? bytes.size() : next + 2;
  }
};

class RedisWire final : public Wire {
 public:
  explicit RedisWire(std::size_t payload_bytes) : payload_bytes_(payload_bytes) {}

  std::string_view name() const override { return "redis"; }

  std::expected<OpenSession, std::string> open(const Target& target, Role role,
                                               const std::vector<std::string>& /*commands*/) const override {
    auto session = PeerSession::connect(target);
    if (!session) return std::unexpected(session.error());
    auto error = session->exchange("PING\r\n", "+PONG\r\n", "-");
    if (error.empty() && role == Role::kConsumer) {
      error = session->exchange(kRedisSubscribe, "*3\r\n$9\r\nsubscribe\r\n$4\r\nvscp\r\n:1\r\n", "-");
    }
    if (!error.empty()) return std::unexpected(error);
    return session->release();
  }

  std::string make_event(const EventShape& shape, std::uint32_t variant) const override {
    return prefix(shape) + make_body(shape.payload_bytes, variant) + "\r\n";
  }
  std::size_t id_offset(const EventShape& shape) const override { return prefix(shape).size(); }
  void write_id(const EventId& id, char* at) const override { write_body_id(id, payload_bytes_, at); }

  std::unique_ptr<Scanner> make_scanner(const EventShape& shape, bool verify, std::uint32_t time_every) const override {
    return std::make_unique<RedisScanner>(shape, verify, time_every);
  }

  std::size_t scan_replies(std::string_view bytes, Replies& replies) const override {
    std::size_t used = 0;
    for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n', used)) {
      const auto line = bytes.substr(used, end + 1 - used);
      if (line.front() == ':') {
        ++replies.accepted;
      } else if (replies.refused++ == 0) {
        replies.first_refusal = line.substr(0, line.find('\r'));
      }
      used = end + 1;
    }
    return used;
  }

 private:
  static std::string prefix(const EventShape& shape) {
    return "*3\r\n$7\r\nPUBLISH\r\n$4\r\nvscp\r\n" + counted(shape.payload_bytes);
  }

  std::size_t payload_bytes_;
};

}  // namespace

std::unique_ptr<Wire> make_redis_wire(std::size_t payload_bytes) {
  return std::make_unique<RedisWire>(payload_bytes);
}

}  // namespace bench::peers
