#include "tools/vscpbench/json_files.h"

#include <nlohmann/json.hpp>

namespace bench {
namespace {

using Json = nlohmann::ordered_json;

void set_options(Json& object, const std::vector<std::string>& options, std::string& error) {
  for (const auto& option : options) {
    const auto at = option.find('=');
    if (at == 0 || at == std::string::npos) {
      error = "\"" + option + "\" is no key=value";
      return;
    }
    const auto text = option.substr(at + 1);
    auto value = Json::parse(text, nullptr, false);
    object[option.substr(0, at)] = value.is_discarded() ? Json(text) : value;
  }
}

Json to_json(const Figure& figure) {
  return {{"median", figure.median}, {"low", figure.low}, {"high", figure.high}};
}

Json to_json(const Histogram& histogram) {
  Json json{{"count", histogram.total()}};
  for (const double percent : {50.0, 90.0, 99.0, 99.9, 99.99}) {
    std::string name = Json(percent).dump();
    if (name.ends_with(".0")) name.resize(name.size() - 2);
    json["p" + name + "_ns"] = histogram.percentile(percent / 100);
  }
  json["max_ns"] = histogram.max();
  return json;
}

Json to_json(const Outcome& o) {
  Json json{{"seconds", o.seconds},
            {"events", o.events},
            {"deliveries", o.deliveries},
            {"lost", o.lost},
            {"duplicated", o.duplicated},
            {"reordered", o.reordered},
            {"corrupted", o.corrupted},
            {"refused", o.refused},
            {"foreign", o.foreign},
            {"closed", o.closed},
            {"stalled", o.stalled},
            {"interrupted", o.interrupted},
            {"connect_seconds", o.connect_seconds},
            {"client_cpu_ns", o.client_cpu_ns},
            {"latency", to_json(o.latency)}};
  if (o.send_lag.total() != 0) json["send_lag"] = to_json(o.send_lag);
  if (o.server_known) {
    json["server"] = {
        {"cpu_ns", o.server_cpu_ns()},
        {"user_ticks", o.server_after.user_ticks - o.server_before.user_ticks},
        {"system_ticks", o.server_after.system_ticks - o.server_before.system_ticks},
        {"wait_ns", static_cast<std::int64_t>(o.server_after.wait_ns - o.server_before.wait_ns)},
        {"voluntary", static_cast<std::int64_t>(o.server_after.voluntary - o.server_before.voluntary)},
        {"involuntary", static_cast<std::int64_t>(o.server_after.involuntary - o.server_before.involuntary)},
        {"rss_bytes", o.server_after.rss_bytes},
        {"threads", o.server_after.threads}};
  }
  return json;
}

Json to_json(const Row& row) {
  const auto s = summarize(row);
  Json repeats = Json::array();
  for (const auto& outcome : row.outcomes) repeats.push_back(to_json(outcome));
  return {{"scenario", scenario_name(row.load)},
          {"wire", row.wire},
          {"producers", row.load.producers},
          {"consumers", row.load.consumers},
          {"client_threads", row.load.threads},
          {"payload_bytes", row.shape.payload_bytes},
          {"head", row.shape.head},
          {"class", row.shape.vscp_class},
          {"type", row.shape.vscp_type},
          {"time_form", row.shape.time_form == TimeForm::kNone   ? "none"
                        : row.shape.time_form == TimeForm::kDate ? "date"
                                                                 : "ns"},
          {"rate", row.load.rate},
          {"window", row.load.window},
          {"verify", row.load.verify},
          {"warmup_seconds", row.load.warmup_seconds},
          {"events_per_s", to_json(s.events_per_s)},
          {"deliveries_per_s", to_json(s.deliveries_per_s)},
          {"server_us_per_delivery", s.server_known ? to_json(s.server_us) : Json()},
          {"client_us_per_delivery", to_json(s.client_us)},
          {"server_voluntary_switches_per_s", s.server_known ? Json(s.voluntary_per_s) : Json()},
          {"server_rss_bytes", s.server_known ? Json(s.rss_bytes) : Json()},
          {"latency_us",
           {{"p50", to_json(s.p50_us)},
            {"p90", to_json(s.p90_us)},
            {"p99", to_json(s.p99_us)},
            {"p99.9", to_json(s.p999_us)},
            {"max", to_json(s.max_us)}}},
          {"faultless", s.faultless},
          {"repeats", std::move(repeats)}};
}

}  // namespace

SpawnFiles spawn_files(const SpawnOptions& options, const Target& target, const std::string& password_hash,
                       const std::string& folder, std::string& error) {
  Json link{{"interface", tools::to_string(target.address)}, {"path-users", folder + "/users.json"}};
  Json user{{"name", target.user}, {"password", password_hash}, {"privilege", 15}};
  set_options(link, options.server_options, error);
  set_options(user, options.user_options, error);
  const Json config{{"workers", {{"count", options.workers}}},
                    {"link", Json::array({link})},
                    {"admin", {{"interface", ""}, {"socket", folder + "/admin.sock"}}}};
  const Json users{{"users", Json::array({user})}};
  return {config.dump(2) + "\n", users.dump(2) + "\n"};
}

std::string result_file(const Machine& machine, const std::vector<Row>& rows) {
  Json results = Json::array();
  for (const auto& row : rows) results.push_back(to_json(row));
  const Json json{{"format", "vscpbench-1"},
                  {"machine",
                   {{"cpu", machine.cpu},
                    {"cores", machine.cores},
                    {"memory_bytes", machine.memory_bytes},
                    {"kernel", machine.kernel},
                    {"os", machine.host_os},
                    {"vscpbench", machine.tool_version},
                    {"server", machine.server_version},
                    {"compiler", machine.compiler}}},
                  {"date", machine.date},
                  {"command", machine.command},
                  {"results", std::move(results)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bench
