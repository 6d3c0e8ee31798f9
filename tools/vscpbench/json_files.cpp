#include "tools/vscpbench/json_files.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

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

std::string name_of(Better better) {
  return better == Better::kHigher ? "higher" : better == Better::kLower ? "lower" : "neither";
}

Better better_of(const std::string& name) {
  return name == "higher" ? Better::kHigher : name == "lower" ? Better::kLower : Better::kNeither;
}

Json machine_json(const Machine& machine) {
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory_bytes},
          {"kernel", machine.kernel},
          {"os", machine.host_os},
          {"governor", machine.governor},
          {"load_before", machine.load_before},
          {"vscpbench", machine.tool_version},
          {"commit", machine.tool_commit},
          {"compiler", machine.compiler},
          {"server", machine.server_version}};
}

Json faults_json(const Faults& faults) {
  return {{"lost", faults.lost},           {"duplicated", faults.duplicated}, {"reordered", faults.reordered},
          {"corrupted", faults.corrupted}, {"refused", faults.refused},       {"closed", faults.closed},
          {"failed", faults.failed},       {"stalled", faults.stalled},       {"interrupted", faults.interrupted}};
}

Json result_json(const Result& result) {
  Json json{{"scenario", result.scenario},
            {"variant", result.variant},
            {"server", result.server},
            {"wire", result.wire},
            {"payload_bytes", result.payload_bytes}};
  json["parameters"] = Json::object();
  for (const auto& [name, value] : result.parameters) json["parameters"][name] = value;
  json["figures"] = Json::object();
  for (const auto& figure : result.figures) {
    json["figures"][figure.name] = {{"unit", figure.unit},       {"better", name_of(figure.better)},
                                    {"median", figure.median()}, {"low", figure.low()},
                                    {"high", figure.high()},     {"values", figure.values}};
  }
  json["curves"] = Json::object();
  for (const auto& curve : result.curves) {
    Json points = Json::array();
    for (const auto& point : curve.points) points.push_back({point.x, point.y});
    json["curves"][curve.name] = {{"x_unit", curve.x_unit}, {"y_unit", curve.y_unit}, {"points", std::move(points)}};
  }
  json["faults"] = faults_json(result.faults);
  json["remarks"] = result.remarks;
  return json;
}

// What follows throws Json::exception for a key that is missing or of another type.

Machine read_machine(const Json& file) {
  const auto& json = file.at("machine");
  Machine machine;
  machine.cpu = json.at("cpu");
  machine.cores = json.at("cores");
  machine.memory_bytes = json.at("memory_bytes");
  machine.kernel = json.at("kernel");
  machine.host_os = json.at("os");
  machine.governor = json.value("governor", "");
  machine.load_before = json.value("load_before", 0.0);
  machine.tool_version = json.value("vscpbench", "");
  machine.tool_commit = json.value("commit", "");
  machine.compiler = json.value("compiler", "");
  machine.server_version = json.value("server", "");
  machine.date = file.at("date");
  machine.command = file.at("command");
  return machine;
}

Faults read_faults(const Json& json) {
  Faults faults;
  faults.lost = json.value("lost", std::uint64_t{0});
  faults.duplicated = json.value("duplicated", std::uint64_t{0});
  faults.reordered = json.value("reordered", std::uint64_t{0});
  faults.corrupted = json.value("corrupted", std::uint64_t{0});
  faults.refused = json.value("refused", std::uint64_t{0});
  faults.closed = json.value("closed", std::uint64_t{0});
  faults.failed = json.value("failed", std::uint64_t{0});
  faults.stalled = json.value("stalled", false);
  faults.interrupted = json.value("interrupted", false);
  return faults;
}

Result read_result(const Json& json) {
  Result result;
  result.scenario = json.at("scenario");
  result.variant = json.value("variant", "");
  result.server = json.at("server");
  result.wire = json.at("wire");
  result.payload_bytes = json.at("payload_bytes");
  for (const auto& [name, value] : json.at("parameters").items()) result.parameters.emplace_back(name, value);
  for (const auto& [name, value] : json.at("figures").items()) {
    Figure figure{name, value.at("unit"), better_of(value.at("better")), value.at("values")};
    if (!figure.values.empty()) result.figures.push_back(std::move(figure));
  }
  for (const auto& [name, value] : json.at("curves").items()) {
    Curve curve{name, value.at("x_unit"), value.at("y_unit"), {}};
    for (const auto& point : value.at("points")) curve.points.push_back({point.at(0), point.at(1)});
    result.curves.push_back(std::move(curve));
  }
  result.faults = read_faults(json.at("faults"));
  for (const auto& remark : json.at("remarks")) result.remarks.push_back(remark);
  return result;
}

/// The library's text without its "[json.exception.type_error.302] ".
std::string plain(const char* what) {
  const std::string text = what;
  const auto at = text.find("] ");
  return at == std::string::npos ? text : text.substr(at + 2);
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

std::string to_json(const ResultFile& file) {
  Json results = Json::array();
  for (const auto& result : file.results) results.push_back(result_json(result));
  const Json json{{"format", kResultFormat},
                  {"date", file.machine.date},
                  {"command", file.machine.command},
                  {"machine", machine_json(file.machine)},
                  {"results", std::move(results)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::expected<ResultFile, std::string> parse_result_file(std::string_view text) {
  try {
    const auto json = Json::parse(text);
    const auto format = json.is_object() ? json.value("format", "") : std::string();
    if (format != kResultFormat) {
      return std::unexpected(format.empty() ? std::string("it is JSON, but no result file of vscpbench")
                                            : "its format is \"" + format + "\", this vscpbench reads \"" +
                                                  std::string(kResultFormat) + "\"");
    }
    ResultFile file{read_machine(json), {}};
    for (const auto& result : json.at("results")) file.results.push_back(read_result(result));
    return file;
  } catch (const Json::exception& error) {
    return std::unexpected("it is damaged: " + plain(error.what()));
  }
}

std::expected<ResultFile, std::string> read_result_file(const std::string& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) {
    return std::unexpected("cannot read " + path + ": " + std::strerror(errno));
  }
  auto file = parse_result_file(text.str());
  if (!file) return std::unexpected("cannot use " + path + ": " + file.error());
  return file;
}

}  // namespace bench
