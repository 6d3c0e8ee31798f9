#include "tests/stress/event_stream.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>
#include <string_view>

namespace stress {
namespace {

constexpr std::string_view kUpper = "0123456789ABCDEF";
constexpr std::string_view kLower = "0123456789abcdef";
constexpr std::uint64_t kFirstSecond = 946'684'800;        // 2000
constexpr std::uint64_t kSeconds = 100ULL * 365 * 86'400;  // a century

/// splitmix64: every state gives an independent-looking stream.
class Random {
 public:
  explicit Random(std::uint64_t state) : state_(state) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }

 private:
  std::uint64_t state_;
};

Random random_of(std::uint64_t seed, unsigned producer, std::uint64_t sequence) {
  return Random(Random(seed + producer).next() ^ Random(sequence).next());
}

/// Decimal text of every byte, with a comma in front.
struct ByteTexts {
  std::array<std::array<char, 4>, 256> text{};
  std::array<std::uint8_t, 256> size{};
};
constexpr ByteTexts kByteTexts = [] {
  ByteTexts texts;
  for (unsigned i = 0; i < 256; ++i) {
    auto& text = texts.text[i];
    std::uint8_t at = 0;
    text[at++] = ',';
    if (i >= 100) text[at++] = static_cast<char>('0' + i / 100);
    if (i >= 10) text[at++] = static_cast<char>('0' + i / 10 % 10);
    text[at++] = static_cast<char>('0' + i % 10);
    texts.size[i] = at;
  }
  return texts;
}();

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_hex(std::string& out, std::uint8_t byte, std::string_view digits) {
  out += digits[byte >> 4U];
  out += digits[byte & 15U];
}

void append_guid(std::string& out, const std::array<std::uint8_t, 16>& guid, std::string_view digits) {
  for (std::size_t i = 0; i < guid.size(); ++i) {
    if (i != 0) out += ':';
    append_hex(out, guid[i], digits);
  }
}

void append_data(std::string& out, const StreamEvent& event) {
  for (std::size_t i = 0; i < event.size; ++i) {
    const auto byte = event.data[i];
    out.append(kByteTexts.text[byte].data(), kByteTexts.size[byte]);
  }
}

void append_hex_data(std::string& out, const StreamEvent& event, std::string_view digits) {
  for (std::size_t i = 0; i < event.size; ++i) {
    out += ",0x";
    append_hex(out, event.data[i], digits);
  }
}

void append_date(std::string& out, std::uint64_t time_ns) {
  const auto seconds = static_cast<std::time_t>(time_ns / 1'000'000'000U);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text;
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  out.append(text.data(), size);
}

}  // namespace

std::uint16_t class_of(std::uint64_t seed, unsigned producer, std::uint64_t sequence) {
  return static_cast<std::uint16_t>(random_of(seed, producer, sequence).next());
}

void make_event(std::uint64_t seed, unsigned producer, std::uint64_t sequence, StreamEvent& event) {
  auto random = random_of(seed, producer, sequence);
  const auto first = random.next();
  event.vscp_class = static_cast<std::uint16_t>(first);
  event.vscp_type = static_cast<std::uint16_t>(first >> 16U);
  event.head = static_cast<std::uint16_t>(first >> 32U);
  const auto second = random.next();
  event.style = static_cast<std::uint32_t>(second);
  event.size = (second >> 32U) % (kPayloadMax + 1);
  for (std::size_t half = 0; half < 2; ++half) {
    const auto word = random.next();
    std::memcpy(event.guid.data() + half * 8, &word, 8);
  }
  event.guid[0] |= 1U;  // all zero means the channel's GUID
  const auto time = random.next();
  event.sent_with_date = (event.style & 1U) != 0;
  event.time_ns = (kFirstSecond + time % kSeconds) * 1'000'000'000U;
  if (event.sent_with_date) {
    event.timestamp_us = (event.style & 0x0eU) == 0 ? 0 : static_cast<std::uint32_t>(time >> 32U);
  } else {
    event.time_ns += random.next() % 1'000'000'000U;
    event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000);
  }
  for (std::size_t i = 0; i < event.size; i += 8) {
    const auto word = random.next();
    std::memcpy(event.data.data() + i, &word, std::min<std::size_t>(8, event.size - i));
  }
}

void append_send(const StreamEvent& event, std::string& out) {
  out += (event.style & 0x10U) != 0 ? "SEND " : "send ";
  append_number(out, event.head);
  out += ',';
  append_number(out, event.vscp_class);
  out += ',';
  append_number(out, event.vscp_type);
  out += (event.style & 0x20U) != 0 ? ",0," : ",,";
  if (event.sent_with_date) {
    append_date(out, event.time_ns);
    out += (event.style & 0x40U) != 0 ? "Z," : ",";
    append_number(out, event.timestamp_us);
  } else {
    out += ',';
    append_number(out, event.time_ns);
  }
  out += ',';
  const auto digits = (event.style & 0x80U) != 0 ? kUpper : kLower;
  append_guid(out, event.guid, digits);
  if ((event.style & 0x700U) == 0) {
    append_hex_data(out, event, digits);
  } else {
    append_data(out, event);
  }
  out += (event.style & 0x800U) != 0 ? "\r\n" : "\n";
}

void append_expected(const StreamEvent& event, const std::string& obid, OutFormat format, std::string& out) {
  const bool legacy = format == OutFormat::kLegacy;
  append_number(out, (event.head & ~0x0300U) | (legacy ? 0U : 0x0100U));
  out += ',';
  append_number(out, event.vscp_class);
  out += ',';
  append_number(out, event.vscp_type);
  out += ',';
  out += obid;
  out += ',';
  if (legacy) {
    append_date(out, event.time_ns);
    out += "Z,";
    append_number(out, event.timestamp_us);
  } else {
    out += ',';
    append_number(out, event.time_ns);
  }
  out += ',';
  append_guid(out, event.guid, kUpper);
  append_data(out, event);
  out += "\r\n";
}

}  // namespace stress
