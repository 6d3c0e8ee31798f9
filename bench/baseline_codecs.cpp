#include "bench/baseline_codecs.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "protocol/datetime.h"

namespace baseline {
namespace {

using vscp::Event;
using vscp::kEventDataMax;
using vscp::LineFormat;

constexpr std::uint64_t kNsPerSecond = 1'000'000'000ULL;

// --- Table-driven ---

constexpr std::uint8_t kComma = 0x20;
constexpr std::uint8_t kBad = 0x40;

constexpr std::array<std::uint8_t, 256> kDecimalClass = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kBad);
  for (unsigned i = 0; i < 10; ++i) table['0' + i] = static_cast<std::uint8_t>(i);
  table[','] = kComma;
  return table;
}();

constexpr std::array<std::uint8_t, 256> kHexClass = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kBad);
  for (unsigned i = 0; i < 10; ++i) table['0' + i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 0; i < 6; ++i) {
    table['a' + i] = static_cast<std::uint8_t>(10 + i);
    table['A' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return table;
}();

struct Digits {
  char text[3];
  std::uint8_t size;
};

constexpr std::array<Digits, 256> kDigits = [] {
  std::array<Digits, 256> table{};
  for (unsigned value = 0; value < 256; ++value) {
    Digits& entry = table[value];
    if (value >= 100) entry.text[entry.size++] = static_cast<char>('0' + value / 100);
    if (value >= 10) entry.text[entry.size++] = static_cast<char>('0' + value / 10 % 10);
    entry.text[entry.size++] = static_cast<char>('0' + value % 10);
  }
  return table;
}();

template <typename Number>
bool take_number(const char*& pos, const char* end, Number& value) noexcept {
  value = 0;
  if (pos != end && *pos == ',') {
    ++pos;
    return true;
  }
  const auto [next, error] = std::from_chars(pos, end, value);
  if (error != std::errc{} || next == end || *next != ',') return false;
  pos = next + 1;
  return true;
}

bool take_guid(const char*& pos, const char* end, vscp::Guid& guid) noexcept {
  if (end - pos < 47) return false;
  unsigned bad = 0;
  for (std::size_t i = 0; i < 16; ++i, pos += 3) {
    const unsigned high = kHexClass[static_cast<unsigned char>(pos[0])];
    const unsigned low = kHexClass[static_cast<unsigned char>(pos[1])];
    bad |= (high | low) & kBad;
    if (i < 15 && pos[2] != ':') return false;
    guid.bytes[i] = static_cast<std::uint8_t>((high << 4U | low) & 0xffU);
  }
  --pos;  // the last pair has no colon
  return bad == 0;
}

void set_times(bool dated, std::uint64_t date_ns, std::uint64_t timestamp, Event& event) noexcept {
  const bool nanoseconds = timestamp >= vscp::kTimestampNsMin;
  event.time_ns = dated ? date_ns : nanoseconds ? timestamp : 0;
  event.timestamp_us = static_cast<std::uint32_t>((nanoseconds ? timestamp / 1000 : timestamp) & 0xffffffffU);
}

bool decode_data_hex_table(std::string_view text, std::uint8_t* data, std::uint16_t& size) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); at += 5) {
    if (text.size() - at < 4 || count == kEventDataMax) return false;
    const unsigned high = kHexClass[static_cast<unsigned char>(text[at + 2])];
    const unsigned low = kHexClass[static_cast<unsigned char>(text[at + 3])];
    if (text[at] != '0' || (text[at + 1] | 0x20) != 'x' || ((high | low) & kBad) != 0) return false;
    if (at + 4 < text.size() && text[at + 4] != ',') return false;
    data[count++] = static_cast<std::uint8_t>(high << 4U | low);
  }
  size = static_cast<std::uint16_t>(count);
  return true;
}

}  // namespace

bool decode_data_table(std::string_view text, std::uint8_t* data, std::uint16_t& size) noexcept {
  size = 0;
  if (text.empty()) return true;
  if (text.size() > 1 && (text[1] | 0x20) == 'x') return decode_data_hex_table(text, data, size);
  std::size_t count = 0;
  unsigned value = 0;
  bool digits = false;
  for (const char c : text) {
    const unsigned kind = kDecimalClass[static_cast<unsigned char>(c)];
    if (kind < 10) {
      value = value * 10 + kind;
      digits = true;
      if (value > 255) return false;
    } else {
      if (kind == kBad || !digits || count == kEventDataMax) return false;
      data[count++] = static_cast<std::uint8_t>(value);
      value = 0;
      digits = false;
    }
  }
  if (digits) {
    if (count == kEventDataMax) return false;
    data[count++] = static_cast<std::uint8_t>(value);
  }
  size = static_cast<std::uint16_t>(count);
  return true;
}

std::size_t encode_data_table(const std::uint8_t* data, std::size_t size, char* out) noexcept {
  const char* const begin = out;
  for (std::size_t i = 0; i < size; ++i) {
    const Digits& digits = kDigits[data[i]];
    std::memcpy(out, digits.text, sizeof digits.text);
    out += digits.size;
    *out++ = ',';
  }
  return size == 0 ? 0 : static_cast<std::size_t>(out - begin) - 1;
}

bool decode_line_table(std::string_view line, Event& event) noexcept {
  const char* pos = line.data();
  const char* const end = pos + line.size();
  std::uint16_t head;
  if (!take_number(pos, end, head) || !take_number(pos, end, event.vscp_class) ||
      !take_number(pos, end, event.vscp_type) || !take_number(pos, end, event.obid)) {
    return false;
  }
  event.head = static_cast<std::uint16_t>(head & ~unsigned{vscp::kHeadFrameVersion});
  const void* const comma = std::memchr(pos, ',', static_cast<std::size_t>(end - pos));
  if (comma == nullptr) return false;
  const std::string_view date(pos, static_cast<std::size_t>(static_cast<const char*>(comma) - pos));
  pos = static_cast<const char*>(comma) + 1;
  std::uint64_t date_ns = 0;
  if (!date.empty()) {
    const auto parsed = vscp::parse_datetime(date);
    if (!parsed) return false;
    date_ns = *parsed;
  }
  std::uint64_t timestamp;
  if (!take_number(pos, end, timestamp)) return false;
  set_times(!date.empty(), date_ns, timestamp, event);
  if (!take_guid(pos, end, event.guid)) return false;
  event.data_size = 0;
  if (pos == end) return true;
  if (*pos++ != ',') return false;
  return decode_data_table({pos, static_cast<std::size_t>(end - pos)}, event.data.data(), event.data_size);
}

std::size_t encode_line_table(const Event& event, LineFormat format, vscp::DateCache& dates, char* out) noexcept {
  constexpr char kHex[] = "0123456789ABCDEF";
  const char* const begin = out;
  const auto put = [&out](auto value) {
    out = std::to_chars(out, out + 20, value).ptr;
    *out++ = ',';
  };
  const bool nanoseconds = format == LineFormat::kNanoseconds;
  put((event.head & ~unsigned{vscp::kHeadFrameVersion}) | (nanoseconds ? unsigned{vscp::kHeadFrameVersionNs} : 0U));
  put(event.vscp_class);
  put(event.vscp_type);
  put(event.obid);
  if (!nanoseconds) {
    const std::uint64_t second = event.time_ns / kNsPerSecond;
    if (second != dates.second) {
      vscp::format_datetime(event.time_ns, dates.text);
      dates.second = second;
    }
    std::memcpy(out, dates.text, vscp::kDatetimeTextSize);
    out += vscp::kDatetimeTextSize;
  }
  *out++ = ',';
  if (nanoseconds) {
    put(event.time_ns);
  } else {
    put(event.timestamp_us);
  }
  for (const unsigned byte : event.guid.bytes) {
    out[0] = kHex[byte >> 4U];
    out[1] = kHex[byte & 15U];
    out[2] = ':';
    out += 3;
  }
  --out;
  if (event.data_size > 0) {
    *out++ = ',';
    out += encode_data_table(event.data.data(), event.data_size, out);
  }
  std::memcpy(out, "\r\n", 2);
  return static_cast<std::size_t>(out + 2 - begin);
}

// --- strtoul and snprintf ---

namespace {

bool take_ulong(const char*& pos, unsigned long max, unsigned long& value) noexcept {
  char* next;
  value = std::strtoul(pos, &next, 10);
  if (*next != ',' || value > max) return false;
  pos = next + 1;
  return true;
}

bool take_guid_libc(const char*& pos, vscp::Guid& guid) noexcept {
  for (std::size_t i = 0; i < 16; ++i) {
    char* next;
    const unsigned long value = std::strtoul(pos, &next, 16);
    if (next == pos || value > 255) return false;
    guid.bytes[i] = static_cast<std::uint8_t>(value);
    pos = next;
    if (i < 15 && *pos++ != ':') return false;
  }
  return true;
}

bool take_date_libc(const char*& pos, std::uint64_t& date_ns) noexcept {
  std::tm date{};
  const char* next = strptime(pos, "%Y-%m-%dT%H:%M:%S", &date);
  if (next == nullptr) return false;
  if (*next == 'Z') ++next;
  if (*next != ',') return false;
  date_ns = static_cast<std::uint64_t>(timegm(&date)) * kNsPerSecond;
  pos = next + 1;
  return true;
}

}  // namespace

bool decode_data_libc(const char* text, std::uint8_t* data, std::uint16_t& size) noexcept {
  std::size_t count = 0;
  while (*text != '\0') {
    char* next;
    const unsigned long value = std::strtoul(text, &next, 0);
    if (next == text || value > 255 || count == kEventDataMax) return false;
    data[count++] = static_cast<std::uint8_t>(value);
    text = next;
    if (*text == '\0') break;
    if (*text++ != ',') return false;
  }
  size = static_cast<std::uint16_t>(count);
  return true;
}

std::size_t encode_data_libc(const std::uint8_t* data, std::size_t size, char* out, std::size_t room) noexcept {
  std::size_t used = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const int added = std::snprintf(out + used, room - used, i == 0 ? "%u" : ",%u", static_cast<unsigned>(data[i]));
    used += static_cast<std::size_t>(added);
  }
  return used;
}

bool decode_line_libc(const char* line, Event& event) noexcept {
  unsigned long head, vscp_class, vscp_type, obid, timestamp;
  if (!take_ulong(line, 0xffff, head) || !take_ulong(line, 0xffff, vscp_class) ||
      !take_ulong(line, 0xffff, vscp_type) || !take_ulong(line, 0xffffffff, obid)) {
    return false;
  }
  event.head = static_cast<std::uint16_t>(head & ~unsigned{vscp::kHeadFrameVersion});
  event.vscp_class = static_cast<std::uint16_t>(vscp_class);
  event.vscp_type = static_cast<std::uint16_t>(vscp_type);
  event.obid = static_cast<std::uint32_t>(obid);
  std::uint64_t date_ns = 0;
  const bool dated = *line != ',';
  if (!dated) {
    ++line;
  } else if (!take_date_libc(line, date_ns)) {
    return false;
  }
  if (!take_ulong(line, ~0UL, timestamp)) return false;
  set_times(dated, date_ns, timestamp, event);
  if (!take_guid_libc(line, event.guid)) return false;
  event.data_size = 0;
  if (*line == '\0') return true;
  if (*line++ != ',') return false;
  return decode_data_libc(line, event.data.data(), event.data_size);
}

std::size_t encode_line_libc(const Event& event, LineFormat format, char* out, std::size_t room) noexcept {
  const bool nanoseconds = format == LineFormat::kNanoseconds;
  const unsigned head =
      (event.head & ~unsigned{vscp::kHeadFrameVersion}) | (nanoseconds ? unsigned{vscp::kHeadFrameVersionNs} : 0U);
  int used = std::snprintf(out, room, "%u,%u,%u,%u,", head, unsigned{event.vscp_class}, unsigned{event.vscp_type},
                           static_cast<unsigned>(event.obid));
  const auto add = [&](const char* format_text, auto... values) {
    used += std::snprintf(out + used, room - static_cast<std::size_t>(used), format_text, values...);
  };
  if (nanoseconds) {
    add(",%llu,", static_cast<unsigned long long>(event.time_ns));
  } else {
    const auto second = static_cast<std::time_t>(event.time_ns / kNsPerSecond);
    std::tm date;
    gmtime_r(&second, &date);
    used +=
        static_cast<int>(std::strftime(out + used, room - static_cast<std::size_t>(used), "%Y-%m-%dT%H:%M:%SZ", &date));
    add(",%u,", static_cast<unsigned>(event.timestamp_us));
  }
  for (std::size_t i = 0; i < 16; ++i) add(i == 0 ? "%02X" : ":%02X", unsigned{event.guid.bytes[i]});
  std::size_t size = static_cast<std::size_t>(used);
  if (event.data_size > 0) {
    out[size++] = ',';
    size += encode_data_libc(event.data.data(), event.data_size, out + size, room - size);
  }
  std::memcpy(out + size, "\r\n", 2);
  return size + 2;
}

std::uint16_t crc_by_byte(const std::uint8_t* bytes, std::size_t size) noexcept {
  static constexpr std::array<std::uint16_t, 256> kTable = [] {
    std::array<std::uint16_t, 256> table{};
    for (unsigned byte = 0; byte < 256; ++byte) {
      unsigned crc = byte << 8U;
      for (int bit = 0; bit < 8; ++bit) crc = (crc << 1U) ^ ((crc & 0x8000U) != 0 ? 0x1021U : 0U);
      table[byte] = static_cast<std::uint16_t>(crc & 0xffffU);
    }
    return table;
  }();
  unsigned crc = 0xffff;
  for (std::size_t i = 0; i < size; ++i) crc = ((crc << 8U) & 0xffffU) ^ kTable[(crc >> 8U) ^ bytes[i]];
  return static_cast<std::uint16_t>(crc);
}

}  // namespace baseline
