#include "drivers/mqtt/daemon_topics.h"

#include "protocol/text_put.h"
#include "router/base/json_writer.h"
#include "router/core/server_events.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;
constexpr std::uint32_t kTypeLevel1Driver = 2;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::uint32_t kTypeLevel2Driver = 3;

std::string date_of(std::uint64_t utc_ns) {
  vscp::DateCache dates;
  char text[64];
  return {text, vscp::text::put_date(utc_ns, dates, text)};
}

std::string drivers_json(std::span<const router::InterfaceInfo> interfaces) {
  router::JsonWriter out;
  out.begin_object().key("drivers").begin_array();
  for (const auto& one : interfaces) {
    if (one.type != kTypeLevel1Driver && one.type != kTypeLevel2Driver) continue;
    out.begin_object()
        .member("enable", true)
        .member("active", true)
        .member("name", one.name)
        .member("path", "")
        .member("param", "")
        .member("level", one.type == kTypeLevel1Driver ? 1 : 2)
        .member("flags", 0)
        .member("guid", vscp::to_string(one.guid))
        .member("translation", 0)
        .end_object();
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace

// Upstream's samples write the whole topic, its default is a name only.
std::string DaemonTopics::topic(const std::string& name) const {
  const std::string& base = config_.topic_daemon_base;
  return name.starts_with(base) ? name : base + name;
}

void DaemonTopics::note_connected(std::span<const router::InterfaceInfo> interfaces, std::uint64_t started_utc_ns,
                                  std::uint64_t now_ns) {
  waiting_.clear();
  if (!enabled()) return;
  waiting_.push_back({topic("server-name"), config_.server_name, 2, true});
  waiting_.push_back({topic("server-version"), VSCPROUTER_VERSION, 2, true});
  waiting_.push_back({topic("server-started-utc"), date_of(started_utc_ns), 2, true});
  if (!config_.topic_drivers.empty())
    waiting_.push_back({topic(config_.topic_drivers), drivers_json(interfaces), 2, true});
  beat_at_ns_ = now_ns + config_.heartbeat_s * kNsPerS;
}

void DaemonTopics::note_event(const vscp::Event& event, std::uint64_t utc_ns) {
  if (!enabled() || config_.topic_discovery.empty() || seen_.size() >= kGuidsMax || waiting_.size() >= kWaitingMax)
    return;
  if (!seen_.insert(event.guid).second) return;
  router::JsonWriter out;
  out.begin_object().member("guid", vscp::to_string(event.guid)).member("time", date_of(utc_ns)).end_object();
  waiting_.push_back({topic(config_.topic_discovery), out.take(), 1, true});
}

void DaemonTopics::beat(std::uint64_t now_ns, std::uint64_t utc_ns) {
  beat_at_ns_ = now_ns + config_.heartbeat_s * kNsPerS;
  const auto address = router::own_address();
  const router::ServerNotice notice{config_.server_guid, config_.server_name, address, services_};
  for (const auto& event : router::make_heartbeats(notice, utc_ns)) {
    for (std::size_t entry = 0; entry < writer_.entries(); ++entry) {
      MqttOutgoing message;
      if (waiting_.size() >= kWaitingMax || !writer_.write(entry, event, message)) continue;
      waiting_.push_back({message.topic,
                          {reinterpret_cast<const char*>(message.payload.data()), message.payload.size()},
                          message.qos,
                          message.retain});
    }
  }
}

}  // namespace drivers::mqtt
