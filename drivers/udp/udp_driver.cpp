#include "drivers/udp/udp_driver.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "router/base/json_writer.h"
#include "router/base/log.h"
#include "router/core/server_events.h"

namespace drivers::udp {
namespace {

using router::ConfigNode;
using router::ObjectReader;

// How long what waits may still go out when the process stops.
constexpr std::uint64_t kLeaveNs = 2'000'000'000;

/// `address`: of a peer, empty; of the entry, its own.
void write_lane(router::JsonWriter& array, const EntryConfig& entry, const LaneStatus& status,
                const std::string& address) {
  const LaneConfig& config = *status.config;
  array.begin_object()
      .member("driver", "udp")
      .member("name", address.empty() ? entry.name + " " + config.name : entry.name)
      .member("address", address.empty() ? config.target->text : address)
      .member("events_in", status.port.events_in)
      .member("events_out", status.port.events_out)
      .member("queued", status.port.waiting)
      .member("dropped", status.port.dropped);
  // What counts nothing is left out, so that the table shows what there is to see.
  const auto some = [&](std::string_view key, std::uint64_t value) {
    if (value != 0) array.member(key, value);
  };
  for (std::size_t i = 0; i < status.lane.refused.size(); ++i) {
    some(to_text(static_cast<Refusal>(i)), status.lane.refused[i]);
  }
  some("confirmed", status.lane.confirmed);
  some("refused_there", status.lane.refused_there);
  some("awaiting", status.unanswered_frames);
  some("resent", status.lane.resent);
  some("unconfirmed", status.lane.unconfirmed);
  some("unanswered", status.lane.unanswered);
}

void write(router::JsonWriter& array, const EntryConfig& config, const std::string& address,
           const EntryStatus& status) {
  for (std::size_t i = 0; i < status.lanes.size(); ++i) {
    write_lane(array, config, status.lanes[i], i == 0 ? address : std::string());
    if (i == 0) {
      array.member("datagrams_out", status.sending.sent)
          .member("send_errors", status.sending.failed)
          .member("kernel_dropped", status.kernel_dropped);
      if (status.sending.last_error != 0) array.member("last_error", std::strerror(status.sending.last_error));
      if (status.sending.waited != 0) array.member("socket_full", status.sending.waited);
      if (status.receive_errors != 0) array.member("receive_errors", status.receive_errors);
    }
    array.end_object();
  }
}

router::Service service_of(router::FrameEncryption encryption) noexcept {
  switch (encryption) {
    case router::FrameEncryption::kAes128:
      return router::Service::kAes128;
    case router::FrameEncryption::kAes192:
      return router::Service::kAes192;
    default:
      return router::Service::kAes256;
  }
}

}  // namespace

std::unique_ptr<router::DriverConfig> UdpDriverConfig::read(ObjectReader& root, const router::ConfigPlace& place) {
  auto out = std::make_unique<UdpDriverConfig>();
  const ConfigNode* node = root.any("udp");
  const bool is_null = node == nullptr || node->kind == ConfigNode::Kind::kNull;
  const auto list = is_null ? std::span<const ConfigNode>{} : root.list("udp");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string path = router::config_path("udp", i);
    auto entry = parse_entry(list[i], path, place.folder, place.log_bytes, root.context());
    if (!entry) continue;
    const auto& others = out->config.entries;
    if (std::any_of(others.begin(), others.end(),
                    [&](const EntryConfig& other) { return other.name == entry->name; })) {
      root.error_at(list[i], path,
                    "another entry has the name \"" + entry->name + "\" already: write another \"name\"");
    }
    out->config.entries.push_back(std::move(*entry));
  }
  return out;
}

std::unique_ptr<router::Driver> UdpDriverConfig::make(const router::DriverServices& services,
                                                      router::ThreadIndex) const {
  if (config.entries.empty()) return nullptr;
  return std::make_unique<UdpDriver>(config, *services.router);
}

std::string UdpDriver::open() {
  for (std::size_t i = 0; i < config_.entries.size(); ++i) {
    const EntryConfig& config = config_.entries[i];
    router::Worker& worker = router_->worker(static_cast<router::ThreadIndex>(i % router_->worker_count()));
    auto& entry = *entries_.emplace_back(std::make_unique<UdpEntry>(*router_, worker, config));
    if (auto problem = entry.open_all(); !problem.empty()) return problem;
    add_services(config, entry);
    const auto deduplicates = [](const LaneConfig& lane) { return lane.deduplicate; };
    if (deduplicates(config.others) || std::any_of(config.peers.begin(), config.peers.end(), deduplicates)) {
      router_->seen().activate();
    }
  }
  return {};
}

void UdpDriver::add_services(const EntryConfig& config, const UdpEntry& entry) {
  router::ServiceList& services = router_->services();
  const auto add_encryption = [&](const LaneConfig& lane) {
    const auto encryption = lane.encryption.encryption;
    if (encryption != router::FrameEncryption::kNone) services.add(service_of(encryption));
    return encryption != router::FrameEncryption::kNone;
  };
  bool encrypted = add_encryption(config.others);
  for (const LaneConfig& peer : config.peers) encrypted = add_encryption(peer) || encrypted;
  const auto service = config.group ? router::Service::kMulticastChannel : router::Service::kUdp;
  services.add(service);
  if (config.group && config.group->announce) services.add(router::Service::kMulticastAnnounce);
  const std::uint16_t port = entry.port();
  if (port != (config.group ? kDefaultGroupPort : kDefaultPort)) services.add(service, port, encrypted);
}

template <typename Function>
void UdpDriver::post_to_each(Function function) {
  for (auto& entry : entries_) {
    entry->worker().post(router::make_task([&entry = *entry, function] { function(entry); }));
  }
}

void UdpDriver::start() {
  const auto address = router::own_address();
  const router::RouterSettings& settings = router_->settings();
  const router::ServerNotice notice{settings.guid, settings.server_name, address, &router_->services()};
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const auto& group = config_.entries[i].group;
    const bool announces = group && group->announce;
    auto heartbeats = announces ? router::make_heartbeats(notice, 0) : std::vector<vscp::Event>{};
    entries_[i]->worker().post(router::make_task(
        [&entry = *entries_[i], heartbeats = std::move(heartbeats)]() mutable { entry.start(std::move(heartbeats)); }));
  }
}

void UdpDriver::drain() {
  post_to_each([](UdpEntry& entry) { entry.drain(); });
}

void UdpDriver::leave() {
  post_to_each([](UdpEntry& entry) { entry.leave(kLeaveNs); });
}

std::string UdpDriver::summary() const {
  std::string text = "udp";
  for (const auto& entry : entries_) text += ' ' + entry->address();
  return text;
}

void UdpDriver::report(router::JsonWriter& array) const {
  // Shared: a worker that answers too late must find it alive.
  const auto rows = std::make_shared<std::vector<std::pair<const UdpEntry*, EntryStatus>>>();
  std::vector<UdpEntry*> entries;
  for (const auto& entry : entries_) entries.push_back(entry.get());
  const bool complete = router_->visit_workers_and_wait(
      [rows, entries](router::Worker& worker) {
        for (UdpEntry* entry : entries) {
          if (&entry->worker() == &worker) rows->emplace_back(entry, entry->status());
        }
      },
      router::Router::kAnswerMs);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!complete) {
      router::write_no_answer(array, name(), config_.entries[i].name);
      continue;
    }
    const auto row =
        std::find_if(rows->begin(), rows->end(), [&](const auto& one) { return one.first == entries_[i].get(); });
    if (row != rows->end()) write(array, config_.entries[i], entries_[i]->address(), row->second);
  }
}

}  // namespace drivers::udp

namespace drivers {

extern const router::DriverKind kUdpDriver{&udp::UdpDriverConfig::read};

}  // namespace drivers
