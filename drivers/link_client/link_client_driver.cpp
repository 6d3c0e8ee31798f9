#include "drivers/link_client/link_client_driver.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "protocol/datetime.h"
#include "router/base/json_writer.h"
#include "router/base/random.h"

namespace drivers::link_client {
namespace {

using router::ConfigNode;
using router::ObjectReader;

// How long what waits may still go out when the process stops.
constexpr std::uint64_t kDrainNs = 3'000'000'000;
constexpr std::uint32_t kTypeLevel2Driver = 3;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::int64_t kEventsMax = 1 << 28;

std::string date_text(std::uint64_t utc_ns) {
  std::array<char, vscp::kDatetimeTextSize> text;
  vscp::format_datetime(utc_ns, text.data());
  return {text.data(), text.size()};
}

void write(router::JsonWriter& array, const RemoteStatus& status) {
  array.begin_object()
      .member("driver", "link_client")
      .member("name", status.name)
      .member("address", status.address)
      .member("state", status.state)
      .member("since", date_text(status.since_utc_ns))
      .member("events_in", status.figures.events_in)
      .member("events_out", status.figures.events_out)
      .member("duplicates", status.figures.duplicates)
      .member("echoes", status.figures.echoes)
      .member("filtered", status.figures.filtered)
      .member("bad", status.figures.bad)
      .member("refused", status.figures.refused)
      .member("resent", status.resent)
      .member("queued", status.queued)
      .member("dropped", status.dropped)
      .member("connects", status.figures.connects)
      .member("last_error", status.last_error)
      .member("last_error_at", status.last_error.empty() ? std::string() : date_text(status.last_error_utc_ns))
      .end_object();
}

}  // namespace

std::unique_ptr<router::DriverConfig> LinkClientDriverConfig::read(ObjectReader& root,
                                                                   const router::ConfigPlace& place) {
  auto out = std::make_unique<LinkClientDriverConfig>();
  const ConfigNode* node = root.any("link-client");
  const bool is_null = node == nullptr || node->kind == ConfigNode::Kind::kNull;
  const auto list = is_null ? std::span<const ConfigNode>{} : root.list("link-client");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string path = router::config_path("link-client", i);
    auto remote = parse_remote(list[i], path, place.folder, place.state_folder, place.log_bytes, root.context());
    if (!remote) continue;
    const auto& others = out->config.remotes;
    if (std::any_of(others.begin(), others.end(),
                    [&](const RemoteConfig& other) { return other.name == remote->name; })) {
      root.error_at(list[i], path,
                    "another entry has the name \"" + remote->name + "\" already: write another \"name\"");
    }
    out->config.remotes.push_back(std::move(*remote));
  }
  const ConfigNode* duplicates = root.object("duplicates");
  router::SeenSettings seen;
  ObjectReader r(duplicates, "duplicates", root.context());
  seen.window_s = static_cast<std::uint32_t>(r.integer("window-s", seen.window_s, 1, 86'400));
  seen.events =
      static_cast<std::uint32_t>(r.integer("events", seen.events, router::SeenEvents::kEventsMin, kEventsMax));
  r.finish();
  const auto& remotes = out->config.remotes;
  if (duplicates != nullptr ||
      std::any_of(remotes.begin(), remotes.end(), [](const RemoteConfig& remote) { return remote.deduplicate; })) {
    out->config.duplicates = seen;
  }
  return out;
}

router::ThreadIndex LinkClientDriverConfig::helpers() const noexcept {
  return static_cast<router::ThreadIndex>(std::count_if(config.remotes.begin(), config.remotes.end(),
                                                        [](const RemoteConfig& remote) { return remote.spool.on_disk; }));
}

std::unique_ptr<router::Driver> LinkClientDriverConfig::make(const router::DriverServices& services,
                                                             router::ThreadIndex helper) const {
  if (config.remotes.empty() && !config.duplicates) return nullptr;
  return std::make_unique<LinkClientDriver>(config, *services.router, helper);
}

LinkClientDriver::LinkClientDriver(const LinkClientConfig& config, router::Router& router, router::ThreadIndex helper)
    : config_(config), router_(&router), next_helper_(helper) {}

std::string LinkClientDriver::open() {
  router::SystemRandom random;
  Contexts contexts(router_->worker_count());
  if (config_.duplicates) {
    router_->seen().configure(*config_.duplicates);
    router_->seen().activate();
  }
  for (std::size_t i = 0; i < config_.remotes.size(); ++i) {
    router::Worker& worker = router_->worker(static_cast<router::ThreadIndex>(i % router_->worker_count()));
    if (auto problem = add_remote(config_.remotes[i], worker, random.next()); !problem.empty()) return problem;
    auto tls = tls_of(contexts, *remotes_.back());
    if (!tls) return tls.error();
    remotes_.back()->set_tls(std::move(*tls));
  }
  return {};
}

std::string LinkClientDriver::add_remote(const RemoteConfig& config, router::Worker& worker, std::uint64_t seed) {
  Remote& remote = *remotes_.emplace_back(std::make_unique<Remote>(*router_, worker, config, resolver_, seed));
  if (config.spool.on_disk) {
    auto store = router::open_store(config.spool, router_->clock());
    if (!store) return "link client " + config.name + ": " + store.error();
    writers_.push_back(
        std::make_unique<SpoolWriter>(*router_, next_helper_++, remote.config(), std::move(*store), remote));
  }
  if (!remote.open()) return "too many entries in \"link-client\": there is no channel left for " + config.name;
  if (!config.spool.on_disk)
    router_->add_interface({remote.channel, kTypeLevel2Driver, remote.guid(), "link client " + config.name});
  return {};
}

std::expected<std::shared_ptr<router::TlsContext>, std::string> LinkClientDriver::tls_of(Contexts& contexts,
                                                                                         const Remote& remote) {
  if (!remote.config().tls) return nullptr;
  auto context = contexts[remote.worker().index()].get(*remote.config().tls);
  if (!context) return std::unexpected("link client " + remote.config().name + ": " + context.error());
  return context;
}

std::expected<std::size_t, std::string> LinkClientDriver::reload() {
  Contexts contexts(router_->worker_count());
  std::string problems;
  const auto add = [&problems](const std::string& problem) { problems += (problems.empty() ? "" : "\n") + problem; };
  // Shared: a worker may come late.
  const auto fresh = std::make_shared<std::vector<std::pair<Remote*, std::shared_ptr<router::TlsContext>>>>();
  for (auto& remote : remotes_) {
    auto tls = tls_of(contexts, *remote);
    if (!tls) {
      add(tls.error());
    } else if (*tls != nullptr) {
      fresh->emplace_back(remote.get(), std::move(*tls));
    }
  }
  const bool complete = fresh->empty() || router_->visit_workers_and_wait(
                                              [fresh](router::Worker& worker) {
                                                for (auto& [remote, tls] : *fresh) {
                                                  if (&remote->worker() == &worker) remote->set_tls(std::move(tls));
                                                }
                                              },
                                              router::Router::kAnswerMs);
  if (!complete) add("a worker has had no time for the new certificates yet: it takes them as soon as it has");
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return 0;
}

template <typename Function>
void LinkClientDriver::post_to_each(Function function) {
  for (auto& remote : remotes_) {
    remote->worker().post(router::make_task([&remote = *remote, function] { function(remote); }));
  }
}

void LinkClientDriver::start() {
  resolver_.start();
  for (auto& writer : writers_) writer->start();
  post_to_each([](Remote& remote) { remote.start(); });
}

void LinkClientDriver::drain() {
  post_to_each([](Remote& remote) { remote.stop_receiving(); });
}

void LinkClientDriver::leave() {
  post_to_each([](Remote& remote) { remote.drain(kDrainNs); });
}

void LinkClientDriver::stop() {
  resolver_.stop();
  for (auto& writer : writers_) writer->finish();
}

std::vector<std::string> LinkClientDriver::own_files() const {
  std::vector<std::string> out;
  for (const RemoteConfig& remote : config_.remotes) {
    for (auto& file : router::store_files(remote.spool)) out.push_back(std::move(file));
  }
  return out;
}

std::vector<router::DriverStore> LinkClientDriver::stores() const {
  std::vector<router::DriverStore> out;
  for (const auto& writer : writers_) out.push_back(writer->waiting());
  return out;
}

void LinkClientDriver::note_room(const router::EventStore& store) {
  for (const auto& writer : writers_) {
    if (writer->waiting().store == &store) writer->nudge();
  }
}

void LinkClientDriver::report(router::JsonWriter& array) const {
  // Shared: a worker that answers too late must find it alive.
  const auto rows = std::make_shared<std::vector<RemoteStatus>>();
  std::vector<Remote*> remotes;
  for (const auto& remote : remotes_) remotes.push_back(remote.get());
  const bool complete = router_->visit_workers_and_wait(
      [rows, remotes](router::Worker& worker) {
        for (Remote* remote : remotes) {
          if (&remote->worker() == &worker) rows->push_back(remote->status());
        }
      },
      router::Router::kAnswerMs);
  if (!complete) {
    for (const RemoteConfig& config : config_.remotes) router::write_no_answer(array, name(), config.name);
    return;
  }
  for (RemoteStatus& status : *rows) {
    const auto writer = std::find_if(writers_.begin(), writers_.end(),
                                     [&](const auto& one) { return one->waiting().name == status.name; });
    if (writer != writers_.end()) (*writer)->add_to(status);
  }
  // In the order of the configuration.
  for (const RemoteConfig& config : config_.remotes) {
    const auto row = std::find_if(rows->begin(), rows->end(),
                                  [&](const RemoteStatus& status) { return status.name == config.name; });
    if (row != rows->end()) write(array, *row);
  }
}

}  // namespace drivers::link_client

namespace drivers {

extern const router::DriverKind kLinkClientDriver{&link_client::LinkClientDriverConfig::read};

}  // namespace drivers
