#include "tools/vscpctl/admin_view.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "tools/client/link_client.h"
#include "tools/client/text.h"

namespace tools::ctl {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

/// Columns as wide as their widest cell; `right` says which are aligned right. The first row is the heading.
std::string table(const std::vector<Row>& rows, const std::vector<bool>& right) {
  std::vector<std::size_t> widths(right.size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - columns_of(row[i]), ' ');
      if (i > 0) line += "  ";
      line += right[i] ? padding + row[i] : row[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ' ');
  }
  return digits;
}

std::string decimal(double value, const char* unit) {
  char text[64];
  std::snprintf(text, sizeof text,
                std::abs(value) < 10    ? "%.2f %s"
                : std::abs(value) < 100 ? "%.1f %s"
                                        : "%.0f %s",
                value, unit);
  return text;
}

std::string scaled(double value, double step, std::initializer_list<const char*> units) {
  auto unit = units.begin();
  while (std::abs(value) >= step && unit + 1 != units.end()) {
    value /= step;
    ++unit;
  }
  return decimal(value, *unit);
}

std::string duration_text(double seconds) {
  if (seconds < 60) return decimal(seconds, "s");
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 3600) return cat(whole / 60, " min ", whole % 60, " s");
  if (whole < 86400) return cat(whole / 3600, " h ", whole % 3600 / 60, " min");
  return cat(whole / 86400, " d ", whole % 86400 / 3600, " h");
}

std::expected<Json, std::string> parse_answer(std::string_view text) {
  Json answer = Json::parse(text, nullptr, false);
  if (!answer.is_object()) return std::unexpected(cat("the daemon's answer is no JSON object: ", printable(text)));
  if (const auto error = answer.find("error"); error != answer.end()) {
    return std::unexpected(
        cat("the daemon says: ", printable(error->is_string() ? error->get<std::string>() : error->dump())));
  }
  return answer;
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? printable(found->get<std::string>()) : std::string();
}

std::string cell_of(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  if (found->is_number()) return number_text(key, found->get<double>());
  if (found->is_boolean()) return found->get<bool>() ? "yes" : "no";
  if (found->is_string()) return found->get<std::string>().empty() ? "-" : printable(found->get<std::string>());
  return printable(found->dump(-1, ' ', false, Json::error_handler_t::replace));
}

void collect_keys(const Json& object, std::vector<std::string>& keys, bool numbers_only) {
  if (!object.is_object()) return;
  for (const auto& [key, value] : object.items()) {
    if (numbers_only ? !value.is_number() : value.is_structured()) continue;
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  }
}

/// A row per object, a column per key.
std::string object_table(const Json& objects) {
  std::vector<std::string> keys;
  for (const Json& object : objects) collect_keys(object, keys, false);
  Row head;
  std::vector<bool> right;
  for (const std::string& key : keys) {
    head.push_back(printable(key));
    right.push_back(std::ranges::any_of(objects, [&](const Json& object) {
      return object.is_object() && object.contains(key) && object.at(key).is_number();
    }));
  }
  std::vector<Row> rows{head};
  for (const Json& object : objects) {
    if (!object.is_object()) continue;
    Row row;
    for (const std::string& key : keys) row.push_back(cell_of(object, key));
    rows.push_back(std::move(row));
  }
  return table(rows, right);
}

std::string heading(const Json& answer) {
  std::string text = cat("vscprouterd ", text_of(answer, "version"));
  if (const std::string name = text_of(answer, "server_name"); !name.empty()) text += cat("  \"", name, "\"");
  if (const std::string guid = text_of(answer, "guid"); !guid.empty()) text += cat("  ", guid);
  if (const auto up = answer.find("uptime_s"); up != answer.end() && up->is_number()) {
    text += cat("  up ", duration_text(up->get<double>()));
  }
  text += '\n';
  for (const auto& [key, value] : answer.items()) {
    if (key != "uptime_s" && value.is_number())
      text += cat(printable(key), ": ", number_text(key, value.get<double>()), "\n");
  }
  return text;
}

/// One table for each driver that has something to show.
std::string driver_tables(const Json& answer) {
  const auto found = answer.find("drivers");
  if (found == answer.end() || !found->is_array()) return {};
  std::vector<std::string> names;
  for (const Json& part : *found) {
    if (!part.is_object()) continue;
    const std::string name = text_of(part, "driver");
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  std::string out;
  for (const std::string& name : names) {
    Json parts = Json::array();
    std::ranges::copy_if(*found, std::back_inserter(parts),
                         [&](const Json& part) { return part.is_object() && text_of(part, "driver") == name; });
    for (Json& part : parts) part.erase("driver");
    out += cat("\n", name, "\n", object_table(parts));
  }
  return out;
}

/// What goes up and down has no rate.
bool is_level(std::string_view key) {
  return key == "sessions";
}

std::string rate_of(const std::string& key, double value, const StatMemory& memory) {
  const auto before = memory.previous.find(key);
  const double seconds = std::chrono::duration<double>(memory.time - memory.previous_time).count();
  if (before == memory.previous.end() || seconds <= 0) return "";
  return number_text(key.ends_with("_bytes") ? "_bytes" : "", std::round((value - before->second) / seconds));
}

}  // namespace

std::string number_text(std::string_view key, double value) {
  if (!std::isfinite(value)) return "-";
  for (const std::string_view statistic : {"_max", "_min", "_mean"}) {
    if (key.ends_with(statistic)) key.remove_suffix(statistic.size());
  }
  if (key.ends_with("_bytes")) return scaled(value, 1024, {"B", "KiB", "MiB", "GiB", "TiB"});
  if (key.ends_with("_ns")) return scaled(value, 1000, {"ns", "us", "ms", "s"});
  if (key.ends_with("_us")) return scaled(value, 1000, {"us", "ms", "s"});
  if (key.ends_with("_s")) return duration_text(value);
  if (value == std::floor(value) && std::abs(value) < 9e15) return grouped(static_cast<std::int64_t>(value));
  return decimal(value, "");
}

std::expected<std::string, std::string> stat_text(std::string_view json, StatMemory* memory) {
  const auto answer = parse_answer(json);
  if (!answer) return std::unexpected(answer.error());
  const Json workers =
      answer->contains("workers") && answer->at("workers").is_array() ? answer->at("workers") : Json::array();
  const Json total =
      answer->contains("total") && answer->at("total").is_object() ? answer->at("total") : Json::object();
  std::vector<std::string> keys;
  for (const Json& worker : workers) collect_keys(worker, keys, true);
  collect_keys(total, keys, true);
  std::erase(keys, "id");
  const bool rates = memory != nullptr && !memory->previous.empty();
  Row head{"counter"};
  for (const Json& worker : workers) head.push_back(cat("worker ", worker.is_object() ? cell_of(worker, "id") : "?"));
  head.emplace_back("total");
  if (rates) head.emplace_back("per s");
  std::vector<Row> rows{head};
  for (const std::string& key : keys) {
    Row row{printable(key)};
    for (const Json& worker : workers) row.push_back(worker.is_object() ? cell_of(worker, key) : "-");
    row.push_back(cell_of(total, key));
    if (rates) {
      const auto value = total.find(key);
      row.push_back(value != total.end() && value->is_number() && !is_level(key)
                        ? rate_of(key, value->get<double>(), *memory)
                        : "");
    }
    rows.push_back(std::move(row));
  }
  std::vector<bool> right(head.size(), true);
  right[0] = false;
  if (memory != nullptr) {
    memory->previous.clear();
    for (const auto& [key, value] : total.items()) {
      if (value.is_number()) memory->previous[key] = value.get<double>();
    }
    memory->previous_time = memory->time;
  }
  return heading(*answer) + table(rows, right) + driver_tables(*answer);
}

std::expected<std::string, std::string> sessions_text(std::string_view json, StatMemory* /*memory*/) {
  const auto answer = parse_answer(json);
  if (!answer) return std::unexpected(answer.error());
  const auto found = answer->find("sessions");
  if (found == answer->end() || !found->is_array()) {
    return std::unexpected(std::string("the daemon's answer has no list of sessions"));
  }
  if (found->empty()) return std::string("no sessions\n");
  return object_table(*found) + cat(found->size(), found->size() == 1 ? " session\n" : " sessions\n");
}

std::expected<std::string, std::string> reload_text(std::string_view json, StatMemory* /*memory*/) {
  const auto answer = parse_answer(json);
  if (!answer) return std::unexpected(answer.error());
  const auto count = answer->find("reloaded");
  if (count == answer->end() || !count->is_number_unsigned()) {
    return std::unexpected(std::string("the daemon's answer does not say what it has read"));
  }
  return cat("users of ", count->get<std::uint64_t>(), count->get<std::uint64_t>() == 1 ? " listener" : " listeners",
             " read again\n");
}

namespace {

std::uint64_t count_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

/// "0:12 3:400"; "-" if there are none.
std::string by_priority(const Json& object) {
  const auto found = object.find("events_by_priority");
  std::string out;
  if (found == object.end() || !found->is_array()) return "-";
  for (std::size_t i = 0; i < found->size(); ++i) {
    const Json& count = found->at(i);
    if (count.is_number_unsigned() && count.get<std::uint64_t>() > 0)
      out += cat(out.empty() ? "" : " ", i, ":", count.get<std::uint64_t>());
  }
  return out.empty() ? "-" : out;
}

}  // namespace

std::expected<std::string, std::string> spools_text(std::string_view json, StatMemory* /*memory*/) {
  const auto answer = parse_answer(json);
  if (!answer) return std::unexpected(answer.error());
  const auto found = answer->find("spools");
  if (found == answer->end() || !found->is_array())
    return std::unexpected(std::string("the daemon's answer has no list of spools"));
  if (found->empty()) return std::string("no far sides that events wait for\n");
  Json rows = Json::array();
  std::string notes;
  for (const Json& spool : *found) {
    if (!spool.is_object()) continue;
    Json row;
    for (const char* key : {"name", "driver", "far_side", "kind", "events", "waiting_bytes", "limit_bytes"})
      row[key] = spool.value(key, Json());
    row["by_priority"] = by_priority(spool);
    row["oldest_age_s"] = spool.value("oldest_age_s", Json());
    for (const char* key : {"in_flight", "refused", "purged"}) row[key] = spool.value(key, Json());
    row["dropped"] = count_of(spool, "dropped_full") + count_of(spool, "dropped_age");
    row["damaged"] = spool.value("damaged", Json());
    rows.push_back(std::move(row));
    const std::string name = text_of(spool, "name");
    if (const std::string folder = text_of(spool, "folder"); !folder.empty()) {
      notes += cat(name, ": ", folder, ", ", number_text("_bytes", static_cast<double>(count_of(spool, "disk_bytes"))),
                   " on disk\n");
    }
    if (spool.value("refusing", Json(false)) == Json(true))
      notes += cat(name, ": events for it are REFUSED now: it is full, or the disk takes nothing\n");
  }
  return object_table(rows) + notes;
}

std::expected<std::string, std::string> spool_records_text(std::string_view json, StatMemory* /*memory*/) {
  const auto answer = parse_answer(json);
  if (!answer) return std::unexpected(answer.error());
  const auto found = answer->find("records");
  if (found == answer->end() || !found->is_array())
    return std::unexpected(std::string("the daemon's answer has no list of records"));
  std::string out;
  for (const Json& record : *found) {
    if (!record.is_object()) continue;
    out += cat(text_of(record, "stored"), " p", count_of(record, "priority"), "  ");
    if (const std::string event = text_of(record, "event"); !event.empty()) {
      out += event;
    } else {
      out += cat("a message of ", count_of(record, "message_bytes"), " bytes");
      if (const std::string topic = text_of(record, "topic"); !topic.empty()) out += cat(" on ", topic);
    }
    out += record.value("in_flight", Json(false)) == Json(true) ? "  (in flight)\n" : "\n";
  }
  return out + cat(found->size(), " of ", count_of(*answer, "events"), " shown\n");
}

std::expected<std::string, std::string> purge_text(std::string_view json, StatMemory* /*memory*/) {
  const auto answer = parse_answer(json);
  if (!answer) return std::unexpected(answer.error());
  if (!answer->contains("purged"))
    return std::unexpected(std::string("the daemon's answer does not say what it has dropped"));
  return cat(count_of(*answer, "purged"), " events were dropped, ", count_of(*answer, "in_flight"),
             " are in flight and stay\n");
}

}  // namespace tools::ctl
