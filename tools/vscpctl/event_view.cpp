#include "tools/vscpctl/event_view.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <utility>

#include "protocol/guid.h"
#include "protocol/names/measurement.h"
#include "protocol/names/names.h"
#include "tools/client/text.h"

namespace tools::ctl {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kClockDifferenceNs = 2 * kSecondNs;
constexpr std::size_t kNameColumn = 34;

constexpr const char* kDim = "\x1b[2m";
constexpr const char* kBold = "\x1b[1m";
constexpr const char* kCyan = "\x1b[36m";
constexpr const char* kRed = "\x1b[1;31m";
constexpr const char* kReset = "\x1b[0m";

/// A line that counts columns, which are not bytes: colours have none, UTF-8 characters one.
class Line {
 public:
  Line(bool colour, std::size_t width) : colour_(colour), width_(width) {}

  void add(std::string_view text, const char* style = nullptr) {
    const bool styled = colour_ && style != nullptr && !text.empty();
    if (styled) text_ += style;
    for (const char character : text) {
      if ((static_cast<unsigned char>(character) & 0xc0U) != 0x80U) ++columns_;
    }
    text_ += text;
    if (styled) text_ += kReset;
  }
  void pad_to(std::size_t column) {
    while (columns_ < column) add(" ");
  }
  /// Columns left before the edge.
  std::size_t room() const { return width_ == 0 ? SIZE_MAX : (columns_ < width_ ? width_ - columns_ : 0); }
  std::string take() { return std::move(text_); }

 private:
  bool colour_;
  std::size_t width_;
  std::size_t columns_ = 0;
  std::string text_;
};

std::string local_time(std::uint64_t time_ns, const char* format) {
  const auto seconds = static_cast<std::time_t>(time_ns / kSecondNs);
  std::tm fields{};
  localtime_r(&seconds, &fields);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, format, &fields);
  return {text, size};
}

std::string milliseconds(std::uint64_t time_ns) {
  char text[8];
  std::snprintf(text, sizeof text, ".%03u", static_cast<unsigned>(time_ns % kSecondNs / 1'000'000));
  return text;
}

std::string measurement_text(const vscp::Measurement& measurement) {
  std::string text(measurement.text.view());
  if (!measurement.unit.empty()) text += cat(" ", measurement.unit);
  return text;
}

std::string measurement_place(const vscp::Measurement& measurement) {
  std::string text;
  if (measurement.sensor != 0) text += cat(" sensor ", static_cast<unsigned>(measurement.sensor));
  // Zone 0 is "none" for those who have no zones.
  if (measurement.has_zone && (measurement.zone != 0 || measurement.subzone != 0)) {
    text += cat(" zone ", static_cast<unsigned>(measurement.zone), "/", static_cast<unsigned>(measurement.subzone));
  }
  return text;
}

std::string zone_text(const vscp::Zone& zone) {
  const auto one = [](std::uint8_t value) { return value == 255 ? std::string("all") : std::to_string(value); };
  return cat("  zone ", one(zone.zone), "/", one(zone.subzone));
}

std::string data_text(const vscp::Event& event, std::size_t room) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string text;
  const std::string tail = cat("... ", event.data_size, " bytes");
  const bool cut = room != SIZE_MAX && std::size_t{event.data_size} * 3 > room + 1;
  std::size_t shown = event.data_size;
  if (cut) shown = room > tail.size() + 3 ? (room - tail.size()) / 3 : 1;
  for (std::size_t i = 0; i < shown && i < event.data_size; ++i) {
    if (i > 0) text += ' ';
    text += kHex[event.data[i] >> 4U];
    text += kHex[event.data[i] & 15U];
  }
  if (cut && shown < event.data_size) text += tail;
  return text;
}

std::string json_string(std::string_view text) {
  // Only our own tokens, units and GUIDs come here; none has a character that JSON must escape.
  return cat("\"", text, "\"");
}

}  // namespace

std::string iso_time(std::uint64_t time_ns) {
  const auto seconds = static_cast<std::time_t>(time_ns / kSecondNs);
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  char text[64];
  std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &fields);
  size += static_cast<std::size_t>(
      std::snprintf(text + size, sizeof text - size, ".%09uZ", static_cast<unsigned>(time_ns % kSecondNs)));
  return {text, size};
}

std::string event_text(const vscp::Event& event, std::uint64_t received_ns, const ViewOptions& options) {
  Line line(options.colour, options.width);
  line.add(local_time(received_ns, "%H:%M:%S") + milliseconds(received_ns), kDim);
  line.add(cat(" p", static_cast<unsigned>(event.priority()), " "), event.priority() <= 1 ? kRed : nullptr);
  const std::size_t name_at = 16;
  line.add(vscp::event_name(event.vscp_class, event.vscp_type), kCyan);
  line.add(" ");
  line.pad_to(name_at + kNameColumn);
  line.add(vscp::to_string(event.guid), kDim);
  if (const auto measurement = vscp::decode_measurement(event)) {
    line.add("  ");
    line.add(measurement_text(*measurement), kBold);
    line.add(measurement_place(*measurement), kDim);
  } else if (event.data_size > 0) {
    line.add("  ");
    const auto zone = vscp::event_zone(event);
    const std::string place = zone ? zone_text(*zone) : std::string();
    const std::size_t room = line.room();
    line.add(data_text(event, room == SIZE_MAX ? room : room - std::min(room, place.size())));
    line.add(place, kDim);
  }
  const std::uint64_t difference =
      event.time_ns > received_ns ? event.time_ns - received_ns : received_ns - event.time_ns;
  if (event.time_ns != 0 && difference > kClockDifferenceNs) {
    line.add(cat("  at ", local_time(event.time_ns, "%Y-%m-%d %H:%M:%S")), kDim);
  }
  return line.take();
}

std::string event_json(const vscp::Event& event, std::uint64_t received_ns) {
  std::string out = cat(
      "{\"received\":", json_string(iso_time(received_ns)),
      ",\"time\":", event.time_ns == 0 ? std::string("null") : json_string(iso_time(event.time_ns)),
      ",\"priority\":", static_cast<unsigned>(event.priority()), ",\"head\":", event.head,
      ",\"class\":", event.vscp_class, ",\"class_name\":", json_string(vscp::class_token(event.vscp_class)),
      ",\"type\":", event.vscp_type,
      ",\"type_name\":", json_string(vscp::type_token(event.vscp_class, event.vscp_type)), ",\"obid\":", event.obid,
      ",\"timestamp_us\":", event.timestamp_us, ",\"guid\":", json_string(vscp::to_string(event.guid)), ",\"data\":[");
  for (std::size_t i = 0; i < event.data_size; ++i) {
    if (i > 0) out += ',';
    out += std::to_string(event.data[i]);
  }
  out += ']';
  if (const auto measurement = vscp::decode_measurement(event)) {
    char value[64];
    const char* value_end = std::to_chars(value, value + sizeof value, measurement->value).ptr;
    out += cat(",\"measurement\":{\"value\":", std::string_view(value, value_end),
               ",\"unit\":", json_string(measurement->unit),
               ",\"unit_code\":", static_cast<unsigned>(measurement->unit_code),
               ",\"sensor\":", static_cast<unsigned>(measurement->sensor));
    if (measurement->has_zone) {
      out += cat(",\"zone\":", static_cast<unsigned>(measurement->zone),
                 ",\"subzone\":", static_cast<unsigned>(measurement->subzone));
    }
    out += '}';
  }
  out += '}';
  return out;
}

}  // namespace tools::ctl
