#include "bench/baseline_payloads.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "protocol/datetime.h"
#include "protocol/guid.h"
#include "protocol/names/measurement.h"

namespace baseline {

bool decode_json_tree(std::string_view payload, vscp::Event& event) {
  const auto json = nlohmann::json::parse(payload, nullptr, false);
  if (!json.is_object()) return false;
  for (const char* key : {"head", "obid", "class", "type", "guid", "data", "timestamp_ns"}) {
    if (!json.contains(key)) return false;
  }
  event.head = static_cast<std::uint16_t>(json["head"].get<std::uint16_t>() & ~vscp::kHeadFrameVersion);
  event.obid = json["obid"].get<std::uint32_t>();
  event.time_ns = std::strtoull(json["timestamp_ns"].get<std::string>().c_str(), nullptr, 0);
  event.vscp_class = json["class"].get<std::uint16_t>();
  event.vscp_type = json["type"].get<std::uint16_t>();
  const auto guid = vscp::parse_guid(json["guid"].get<std::string>());
  if (!guid) return false;
  event.guid = *guid;
  const auto data = json["data"].get<std::vector<std::uint8_t>>();
  if (data.size() > vscp::kEventDataMax) return false;
  std::ranges::copy(data, event.data.begin());
  event.data_size = static_cast<std::uint16_t>(data.size());
  return true;
}

std::string encode_json_printf(const vscp::Event& event) {
  std::string data;
  char number[8];
  for (const unsigned byte : event.payload()) {
    std::snprintf(number, sizeof number, "%u", byte);
    if (!data.empty()) data += ',';
    data += number;
  }
  char date[40];
  const auto fraction = static_cast<unsigned>(event.time_ns % 1'000'000'000U);
  vscp::format_datetime(event.time_ns, date);
  std::snprintf(date + vscp::kDatetimeTextSize - 1, 16, ".%09uZ", fraction);
  std::string out(512 + data.size(), '\0');
  const int size = std::snprintf(
      out.data(), out.size(),
      "{\n\"head\": %d,\n\"obid\": %lu,\n\"datetime\": \"%s\",\n\"timestamp_ns\": \"0x%016llx\",\n\"class\": %d,\n"
      "\"type\": %d,\n\"guid\": \"%s\",\n\"data\": [%s],\n\"note\": \"%s\"\n}",
      event.head | vscp::kHeadFrameVersionNs, static_cast<unsigned long>(event.obid), date,
      static_cast<unsigned long long>(event.time_ns), event.vscp_class, event.vscp_type,
      vscp::to_string(event.guid).c_str(), data.c_str(), "");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::string encode_json_measured(const vscp::Event& event) {
  const std::string plain = encode_json_printf(event);
  const auto measurement = vscp::decode_measurement(event);
  if (!measurement) return plain;
  auto json = nlohmann::json::parse(plain);
  json["measurement"]["value"] = measurement->value;
  json["measurement"]["unit"] = measurement->unit_code;
  json["measurement"]["sensorindex"] = measurement->sensor;
  json["measurement"]["zone"] = measurement->zone;
  json["measurement"]["subzone"] = measurement->subzone;
  return json.dump();
}

}  // namespace baseline
