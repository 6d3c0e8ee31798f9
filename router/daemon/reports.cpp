#include "router/daemon/reports.h"

#include <array>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "protocol/datetime.h"
#include "router/base/json_writer.h"

namespace router {
namespace {

constexpr std::uint32_t kAnswerMs = 10'000;

struct Figure {
  const char* name;
  std::uint64_t (*read)(const Worker&);
};

// Every figure that a worker has, in the order in which it is shown.
constexpr std::array kFigures{
    Figure{"sessions", [](const Worker& w) { return w.counters().sessions.value(); }},
    Figure{"remotes", [](const Worker& w) { return w.counters().remotes.value(); }},
    Figure{"accepted", [](const Worker& w) { return w.counters().accepted.value(); }},
    Figure{"refused", [](const Worker& w) { return w.counters().refused.value(); }},
    Figure{"logins", [](const Worker& w) { return w.counters().logins.value(); }},
    Figure{"login_failures", [](const Worker& w) { return w.counters().login_failures.value(); }},
    Figure{"timeouts", [](const Worker& w) { return w.counters().timeouts.value(); }},
    Figure{"events_in", [](const Worker& w) { return w.counters().events_in.value(); }},
    Figure{"events_inbox", [](const Worker& w) { return w.counters().events_inbox.value(); }},
    Figure{"events_out", [](const Worker& w) { return w.counters().events_out.value(); }},
    Figure{"events_dropped", [](const Worker& w) { return w.fanout_counters().dropped.value(); }},
    Figure{"events_missed", [](const Worker& w) { return w.fanout_counters().missed.value(); }},
    Figure{"events_duplicate", [](const Worker& w) { return w.counters().duplicates.value(); }},
    Figure{"tls_handshakes", [](const Worker& w) { return w.counters().tls_handshakes.value(); }},
    Figure{"tls_failures", [](const Worker& w) { return w.counters().tls_failures.value(); }},
    Figure{"events_refused", [](const Worker& w) { return w.counters().events_refused.value(); }},
    Figure{"events_undeliverable", [](const Worker& w) { return w.counters().undeliverable.value(); }},
    Figure{"log_full", [](const Worker& w) { return w.fanout_counters().log_full.value(); }},
    Figure{"log_evictions", [](const Worker& w) { return w.fanout_counters().evicted.value(); }},
    Figure{"lines_encoded", [](const Worker& w) { return w.fanout_counters().encoded.value(); }},
    Figure{"bytes_in", [](const Worker& w) { return w.counters().bytes_in.value(); }},
    Figure{"bytes_out", [](const Worker& w) { return w.counters().bytes_out.value(); }},
    Figure{"commands", [](const Worker& w) { return w.counters().commands.value(); }},
    Figure{"bad_commands", [](const Worker& w) { return w.counters().bad_commands.value(); }},
    Figure{"bad_events", [](const Worker& w) { return w.counters().bad_events.value(); }},
    Figure{"bad_frames", [](const Worker& w) { return w.counters().bad_frames.value(); }},
    Figure{"input_pauses", [](const Worker& w) { return w.counters().input_pauses.value(); }},
    Figure{"holds", [](const Worker& w) { return w.counters().holds.value(); }},
    Figure{"slow_closed", [](const Worker& w) { return w.counters().slow_closed.value(); }},
    Figure{"overruns_told", [](const Worker& w) { return w.counters().overruns_told.value(); }},
    Figure{"events_held", [](const Worker& w) { return w.counters().events_held.value(); }},
    Figure{"log_segments", [](const Worker& w) { return w.fanout_counters().segments.value(); }},
    Figure{"index_chunks", [](const Worker& w) { return w.fanout_counters().chunks.value(); }},
    Figure{"skip_rules", [](const Worker& w) { return w.fanout_counters().skip_rules.value(); }},
    Figure{"filter_groups", [](const Worker& w) { return w.fanout_counters().groups.value(); }},
    Figure{"blocks", [](const Worker& w) { return w.counters().blocks.value(); }},
    Figure{"buffers_out", [](const Worker& w) { return w.counters().buffers_out.value(); }},
    Figure{"turns", [](const Worker& w) { return w.counters().turns.value(); }},
    Figure{"sleeps", [](const Worker& w) { return w.counters().sleeps.value(); }},
};

// Of the process; sockets in the tables of the rings are none.
std::uint64_t open_files() {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end; it.increment(error)) ++count;
  return count > 0 ? count - 1 : 0;  // without the one that looks
}

std::string date_text(std::uint64_t utc_ns) {
  std::array<char, vscp::kDatetimeTextSize> text;
  vscp::format_datetime(utc_ns, text.data());
  return {text.data(), text.size()};
}

void write_session(JsonWriter& writer, const SessionInfo& info) {
  writer.begin_object()
      .member("id", info.channel)
      .member("worker", info.worker)
      .member("user", info.user)
      .member("peer", info.peer)
      .member("listener", info.listener)
      .member("mode", info.mode)
      .member("guid", vscp::to_string(info.guid))
      .member("since", date_text(info.since_utc_ns))
      .member("events_in", info.figures.events_in)
      .member("events_out", info.figures.events_out)
      .member("bytes_in", info.figures.bytes_in)
      .member("bytes_out", info.figures.bytes_out)
      .member("queued", info.queued)
      .member("queued_bytes", info.queued_bytes)
      .member("dropped", info.dropped)
      .member("slow_consumer", to_text(info.slow_consumer))
      .member("pace", info.pace)
      .end_object();
}

}  // namespace

std::string stat_report(Router& router, std::span<const std::unique_ptr<Driver>> drivers) {
  const auto& settings = router.settings();
  std::array<std::uint64_t, kFigures.size()> total{};
  JsonWriter writer;
  writer.begin_object()
      .member("version", settings.version)
      .member("server_name", settings.server_name)
      .member("guid", vscp::to_string(settings.guid))
      .member("uptime_s", (router.clock().utc_ns() - router.started_utc_ns()) / 1'000'000'000)
      .member("open_files", open_files())
      .key("workers")
      .begin_array();
  for (ThreadIndex index = 0; index < router.worker_count(); ++index) {
    const Worker& worker = router.worker(index);
    writer.begin_object().member("id", index);
    for (std::size_t i = 0; i < kFigures.size(); ++i) {
      const std::uint64_t value = kFigures[i].read(worker);
      total[i] += value;
      writer.member(kFigures[i].name, value);
    }
    writer.end_object();
  }
  writer.end_array().key("total").begin_object();
  for (std::size_t i = 0; i < kFigures.size(); ++i) writer.member(kFigures[i].name, total[i]);
  writer.end_object().key("drivers").begin_array();
  for (const auto& driver : drivers) driver->report(writer);
  writer.end_array().end_object();
  return writer.take();
}

std::string sessions_report(Router& router) {
  // Shared: a worker that answers too late must find it alive.
  auto rows = std::make_shared<std::vector<SessionInfo>>();
  const bool complete = router.visit_sessions_and_wait(
      [rows](StreamSession& session) { session.describe(rows->emplace_back()); }, kAnswerMs);
  JsonWriter writer;
  if (!complete) {
    writer.begin_object().member("error", "a worker did not answer in time; try again").end_object();
    return writer.take();
  }
  writer.begin_object().key("sessions").begin_array();
  for (const auto& info : *rows) write_session(writer, info);
  writer.end_array().end_object();
  return writer.take();
}

}  // namespace router
