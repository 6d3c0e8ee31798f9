#include "drivers/socketcan/socketcan_driver.h"

#include <algorithm>
#include <utility>

#include "drivers/socketcan/receive_filter.h"
#include "router/base/json_writer.h"

namespace drivers::socketcan {
namespace {

using router::ConfigNode;
using router::ObjectReader;

// How long what waits may still go out when the process stops: some thousand frames at 125 kbit/s.
constexpr std::uint64_t kLeaveNs = 3'000'000'000;

void write(router::JsonWriter& array, const CanStatus& status) {
  array.begin_object()
      .member("driver", "socketcan")
      .member("name", status.device)
      .member("state", status.state)
      .member("bus", status.bus)
      .member("bit_rate", status.bit_rate)
      .member("frames_in", status.figures.frames_in)
      .member("frames_out", status.figures.frames_out)
      .member("waiting", status.waiting)
      .member("dropped", status.dropped)
      .member("expired", status.expired)
      .member("lost_in", status.lost_in)
      .member("not_vscp", status.figures.not_vscp)
      .member("malformed", status.figures.malformed)
      .member("not_level1", status.figures.not_level1)
      .member("foreign", status.figures.foreign)
      .member("refused", status.figures.refused)
      .member("error_frames", status.bus_figures.error_frames)
      .member("bus_offs", status.bus_figures.bus_offs)
      .member("restarts", status.bus_figures.restarts)
      .member("warnings", status.bus_figures.warnings)
      .member("passives", status.bus_figures.passives)
      .member("lost_arb", status.bus_figures.lost_arbitrations)
      .member("no_ack", status.bus_figures.no_acknowledgements)
      .member("bus_errors", status.bus_figures.bus_errors)
      .member("trx_errors", status.bus_figures.transceiver_errors)
      .member("tx_timeouts", status.bus_figures.transmit_timeouts)
      .member("overflows", status.bus_figures.controller_overflows)
      .member("problem", status.problem)
      .end_object();
}

}  // namespace

std::unique_ptr<router::DriverConfig> SocketcanDriverConfig::read(ObjectReader& root, const router::ConfigPlace&) {
  auto out = std::make_unique<SocketcanDriverConfig>();
  const ConfigNode* node = root.any("can");
  const bool is_null = node == nullptr || node->kind == ConfigNode::Kind::kNull;
  const auto list = is_null ? std::span<const ConfigNode>{} : root.list("can");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string path = router::config_path("can", i);
    auto entry = parse_can(list[i], path, root.context());
    if (!entry) continue;
    if (std::any_of(out->entries.begin(), out->entries.end(),
                    [&](const CanConfig& other) { return other.device == entry->device; })) {
      root.error_at(list[i], path,
                    "another entry has the device \"" + entry->device + "\" already: remove one of them");
    }
    out->entries.push_back(std::move(*entry));
  }
  return out;
}

std::unique_ptr<router::Driver> SocketcanDriverConfig::make(const router::DriverServices& services,
                                                            router::ThreadIndex) const {
  if (entries.empty()) return nullptr;
  return std::make_unique<SocketcanDriver>(entries, *services.router);
}

SocketcanDriver::SocketcanDriver(const std::vector<CanConfig>& entries, router::Router& router)
    : router_(&router), watch_(router.clock()), entries_(entries) {}

std::string SocketcanDriver::open() {
  for (const CanConfig& entry : entries_) {
    router::Worker& worker = router_->worker(static_cast<router::ThreadIndex>(ports_.size() % router_->worker_count()));
    CanPort& port = *ports_.emplace_back(
        std::make_unique<CanPort>(*router_, worker, entry, ports_.size(), segments_, watch_, sender_));
    if (!port.open()) return "too many entries in \"can\": there is no channel left for " + entry.device;
    segments_.push_back(port.guid());
    SocketSettings settings{
        .device = entry.device, .fd = entry.fd, .filter = std::nullopt, .receive_buffer = entry.receive_buffer};
    if (entry.receive) settings.filter = receive_filter(entry.in_filter, port.guid());
    watch_.add(settings, [&port](LinkNews news) {
      port.worker().post(router::make_task([&port, news = std::move(news)] { port.on_link(news); }));
    });
  }
  return watch_.open();
}

std::vector<std::string> SocketcanDriver::warnings() const {
  std::vector<std::string> out;
  for (const auto& port : ports_) {
    const CanConfig& entry = port->config();
    if (entry.receive && !receive_filter(entry.in_filter, port->guid())) {
      out.push_back("can " + entry.device +
                    ": no event of this interface can pass its in-filter, so nothing is received");
    }
  }
  return out;
}

std::string SocketcanDriver::summary() const {
  std::string out;
  for (const CanConfig& entry : entries_) out += (out.empty() ? "can " : ", can ") + entry.device;
  return out;
}

template <typename Function>
void SocketcanDriver::post_to_each(Function function) {
  for (auto& port : ports_) {
    port->worker().post(router::make_task([&port = *port, function] { function(port); }));
  }
}

void SocketcanDriver::start() {
  watch_.start();
}

void SocketcanDriver::drain() {
  post_to_each([](CanPort& port) { port.stop_receiving(); });
}

void SocketcanDriver::leave() {
  post_to_each([](CanPort& port) { port.leave(kLeaveNs); });
}

void SocketcanDriver::stop() {
  watch_.stop();
}

void SocketcanDriver::report(router::JsonWriter& array) const {
  // Shared: a worker that answers too late must find it alive.
  const auto rows = std::make_shared<std::vector<CanStatus>>();
  std::vector<CanPort*> ports;
  for (const auto& port : ports_) ports.push_back(port.get());
  const bool complete = router_->visit_workers_and_wait(
      [rows, ports](router::Worker& worker) {
        for (CanPort* port : ports) {
          if (&port->worker() == &worker) rows->push_back(port->status());
        }
      },
      router::Router::kAnswerMs);
  // In the order of the configuration.
  for (const CanConfig& entry : entries_) {
    if (!complete) {
      router::write_no_answer(array, name(), entry.device);
      continue;
    }
    const auto row = std::find_if(rows->begin(), rows->end(),
                                  [&](const CanStatus& status) { return status.device == entry.device; });
    if (row != rows->end()) write(array, *row);
  }
}

}  // namespace drivers::socketcan

namespace drivers {

extern const router::DriverKind kSocketcanDriver{&socketcan::SocketcanDriverConfig::read};

}  // namespace drivers
