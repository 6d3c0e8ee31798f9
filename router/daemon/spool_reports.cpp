#include "router/daemon/spool_reports.h"

#include <algorithm>
#include <array>
#include <expected>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/datetime.h"
#include "protocol/event_line.h"
#include "protocol/limits.h"
#include "router/base/json_writer.h"
#include "router/base/log.h"
#include "router/core/carried_event.h"
#include "router/io/spool.h"

namespace router {
namespace {

constexpr std::int64_t kShownMax = 1000;
constexpr std::int64_t kShownUsually = 10;
constexpr std::uint64_t kNsPerS = 1'000'000'000;

struct Named {
  Driver* driver = nullptr;
  DriverStore store;
};

std::string date_text(std::uint64_t utc_ns) {
  std::array<char, vscp::kDatetimeTextSize> text;
  return {text.data(), vscp::format_datetime(utc_ns, text.data())};
}

std::string error_reply(const std::string& text) {
  JsonWriter writer;
  writer.begin_object().member("error", text).end_object();
  return writer.take();
}

std::vector<Named> all_stores(Drivers drivers) {
  std::vector<Named> out;
  for (const auto& driver : drivers) {
    for (auto& store : driver->stores()) out.push_back({driver.get(), std::move(store)});
  }
  return out;
}

std::string full_name(const Named& named) {
  return std::string(named.driver->name()) + '/' + named.store.name;
}

/// The one that the request names.
std::expected<Named, std::string> find_store(Drivers drivers, const ConfigNode& request) {
  const ConfigNode* name = request.find("name");
  if (name == nullptr || !name->is_string()) return std::unexpected("\"name\" is missing: write that of a spool");
  std::vector<Named> found;
  std::string known;
  for (auto& named : all_stores(drivers)) {
    known += (known.empty() ? "" : ", ") + full_name(named);
    if (named.store.name == name->text || full_name(named) == name->text) found.push_back(std::move(named));
  }
  if (found.size() == 1) return std::move(found.front());
  if (known.empty()) return std::unexpected("there are no spools: no far side is configured that events wait for");
  if (found.empty()) return std::unexpected("there is no spool '" + name->text + "'; known are: " + known);
  return std::unexpected("several are named '" + name->text + "'; write one of: " + known);
}

void write_store(JsonWriter& writer, const Named& named, std::uint64_t now_ns) {
  const DriverStore& of = named.store;
  const StoreConfig& config = *of.config;
  const StoreStatus status = of.store->status();
  writer.begin_object()
      .member("name", of.name)
      .member("driver", named.driver->name())
      .member("far_side", of.far_side)
      .member("kind", config.on_disk ? "spool" : "memory")
      .member("events", status.records)
      .member("waiting_bytes", status.bytes)
      .member("limit_bytes", config.bytes_max)
      .member("age_limit_s", config.age_max_s)
      .member("when_full", to_text(config.when_full))
      .member("refusing", of.refusing)
      .member("in_flight", status.in_flight);
  writer.key("events_by_priority").begin_array();
  for (const std::uint64_t records : status.records_by_lane) writer.value(records);
  writer.end_array();
  writer.key("oldest");
  status.oldest_ns != 0 ? writer.value(date_text(status.oldest_ns)) : writer.null();
  writer.key("oldest_age_s");
  status.oldest_ns != 0 ? writer.value((now_ns - std::min(status.oldest_ns, now_ns)) / kNsPerS) : writer.null();
  writer.member("taken", status.appended)
      .member("released", status.released)
      .member("purged", status.purged)
      .member("refused", status.refused)
      .member("dropped_full", status.dropped_full)
      .member("dropped_age", status.dropped_age)
      .member("damaged", status.dropped_corrupt)
      .member("write_errors", status.write_errors)
      .member("folder", config.on_disk ? config.folder : std::string());
  if (const auto* spool = dynamic_cast<const Spool*>(of.store)) writer.member("disk_bytes", spool->disk_bytes());
  writer.end_object();
}

void write_record(JsonWriter& writer, const Driver& driver, const WaitingRecord& record) {
  writer.begin_object()
      .member("priority", record.lane())
      .member("stored", date_text(record.stored_ns))
      .member("in_flight", record.in_flight);
  vscp::Event event;
  if (const auto origin = decode_carried_event(record.bytes, event)) {
    std::array<char, vscp::kEventLineMax> line;
    vscp::DateCache dates;
    std::size_t size = vscp::encode_event_line(event, vscp::LineFormat::kLegacy, dates, line.data());
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r')) --size;
    writer.member("event", std::string_view(line.data(), size)).member("hops", origin->hops);
  } else {
    writer.member("message_bytes", record.bytes.size());
    if (const auto topic = driver.describe(record.bytes); !topic.empty()) writer.member("topic", topic);
  }
  writer.end_object();
}

}  // namespace

std::string spools_report(Drivers drivers, const Clock& clock) {
  JsonWriter writer;
  writer.begin_object().key("spools").begin_array();
  for (const auto& named : all_stores(drivers)) write_store(writer, named, clock.utc_ns());
  writer.end_array().end_object();
  return writer.take();
}

std::string spool_records_report(Drivers drivers, const ConfigNode& request) {
  const auto named = find_store(drivers, request);
  if (!named) return error_reply(named.error());
  std::int64_t most = kShownUsually;
  if (const ConfigNode* node = request.find("max"); node != nullptr) {
    most = node->integer;
    if (node->kind != ConfigNode::Kind::kInteger || most < 1 || most > kShownMax)
      return error_reply("\"max\" is a whole number from 1 to " + std::to_string(kShownMax));
  }
  JsonWriter writer;
  writer.begin_object()
      .member("name", named->store.name)
      .member("driver", named->driver->name())
      .member("events", named->store.store->status().records)
      .key("records")
      .begin_array();
  for (const auto& record : named->store.store->peek(static_cast<std::size_t>(most))) write_record(writer, *named->driver, record);
  writer.end_array().end_object();
  return writer.take();
}

std::string purge_spool_by_request(Drivers drivers, const ConfigNode& request) {
  const auto named = find_store(drivers, request);
  if (!named) return error_reply(named.error());
  EventStore& store = *named->store.store;
  const std::uint64_t purged = store.purge();
  const std::uint64_t in_flight = store.status().in_flight;
  named->driver->note_room(store);
  logf(LogLevel::kWarn, LogKind::kOnce,
       "%s: PURGED by the operator: %llu events that waited for %s were dropped, %llu in flight stay",
       full_name(*named).c_str(), static_cast<unsigned long long>(purged), named->store.far_side.c_str(),
       static_cast<unsigned long long>(in_flight));
  JsonWriter writer;
  writer.begin_object()
      .member("name", named->store.name)
      .member("purged", purged)
      .member("in_flight", in_flight)
      .end_object();
  return writer.take();
}

void log_spools(Drivers drivers) {
  for (const auto& named : all_stores(drivers)) {
    const auto* spool = dynamic_cast<const Spool*>(named.store.store);
    if (spool == nullptr) continue;
    log(spool->report().clean() ? LogLevel::kInfo : LogLevel::kError, LogKind::kOnce,
        full_name(named) + ": the spool in " + named.store.config->folder + " holds " + spool->report().text());
  }
}

}  // namespace router
