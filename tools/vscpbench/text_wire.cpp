#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <random>

#include "tools/vscpbench/wire.h"

namespace bench {
namespace {

constexpr std::size_t kGuidText = 47;
constexpr std::string_view kDate = "2026-01-02T03:04:05Z";
constexpr std::string_view kDateTimestamp = "1000";
constexpr std::string_view kNsTimestamp = "1767323045000001000";
constexpr std::string_view kNsAsLegacyTimestamp = "4132238145";  // microseconds of kNsTimestamp modulo 2^32
constexpr std::uint8_t kNoDigit = 0xff;

constexpr auto kHexValue = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 10; ++i) table['0' + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    table['A' + i] = static_cast<std::uint8_t>(10 + i);
    table['a' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return table;
}();

constexpr auto kHexPairs = [] {
  std::array<std::array<char, 2>, 256> table{};
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (std::size_t i = 0; i < 256; ++i) table[i] = {kDigits[i >> 4U], kDigits[i & 15U]};
  return table;
}();

unsigned hex_digit(char c) {
  return kHexValue[static_cast<unsigned char>(c)];
}

/// Two digits; a value above 255 means that one of them is none.
unsigned hex_byte(const char* at) {
  const unsigned high = hex_digit(at[0]);
  const unsigned low = hex_digit(at[1]);
  return (high | low) == kNoDigit || high == kNoDigit || low == kNoDigit ? 0x100U : high * 16 + low;
}

bool parse_guid_text(const char* text, std::uint8_t* guid) {
  for (std::size_t i = 0; i < 16; ++i) {
    const unsigned value = hex_byte(text + i * 3);
    if (value > 255 || (i < 15 && text[i * 3 + 2] != ':')) return false;
    guid[i] = static_cast<std::uint8_t>(value);
  }
  return true;
}

void append_number(std::string& out, unsigned value) {
  out += std::to_string(value);
}

std::string data_text(const std::vector<std::uint8_t>& data, bool hex) {
  std::string out;
  for (const auto byte : data) {
    out += ',';
    if (hex) {
      out += "0x";
      out.append(kHexPairs[byte].data(), 2);
    } else {
      append_number(out, byte);
    }
  }
  return out;
}

/// Reads one number of a received line, decimal or 0x.
bool parse_number(std::string_view text, std::uint64_t& value) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size();
}

class TextScanner final : public Scanner {
 public:
  TextScanner(const EventShape& shape, bool verify, std::uint32_t time_every)
      : shape_(shape), verify_(verify), time_every_(time_every) {
    for (std::uint32_t i = 0; i < kVariants; ++i) {
      payloads_.push_back(payload_of(shape.payload_bytes, i));
      decimal_.push_back(data_text(payloads_.back(), false));
      hex_.push_back(data_text(payloads_.back(), true));
    }
  }

  std::size_t scan(std::string_view bytes, std::vector<Seen>& seen) override {
    seen.clear();
    const char* const begin = bytes.data();
    const char* const end = begin + bytes.size();
    const char* at = begin;
    while (at < end) {
      if (is_like_last(at, end)) {
        Seen one;
        if (!take_fast(at, one)) take_slow({at, line_size_ - 1}, one);
        seen.push_back(one);
        at += line_size_;
        continue;
      }
      const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      if (newline == nullptr) break;
      // A reply or the sign of life of RCVLOOP.
      if (*at != '+' && *at != '-' && *at != '\r' && *at != '\n') {
        Seen one;
        take_slow({at, static_cast<std::size_t>(newline - at)}, one);
        seen.push_back(one);
      }
      at = newline + 1;
    }
    return static_cast<std::size_t>(at - begin);
  }

 private:
  /// Events of a run have the same size but for digits of their time, so the next line is most often as long as
  /// the last good one. A wrong guess cannot hide an event: its sequence number would be missed.
  bool is_like_last(const char* at, const char* end) const {
    return line_size_ != 0 && static_cast<std::size_t>(end - at) >= line_size_ && at[line_size_ - 1] == '\n' &&
           hex_digit(*at) < 10 && at[guid_at_ - 1] == ',' && at[guid_at_ + 2] == ':' && at[guid_at_ + 44] == ':' &&
           (at[guid_at_ + kGuidText] == ',' || at[guid_at_ + kGuidText] == '\r');
  }

  /// Producer and sequence only. False: the slow way must look at it.
  bool take_fast(const char* line, Seen& one) const {
    const char* guid = line + guid_at_;
    const unsigned marker = hex_byte(guid);
    const unsigned p1 = hex_byte(guid + 6);
    const unsigned p0 = hex_byte(guid + 9);
    const unsigned s3 = hex_byte(guid + 12);
    const unsigned s2 = hex_byte(guid + 15);
    const unsigned s1 = hex_byte(guid + 18);
    const unsigned s0 = hex_byte(guid + 21);
    if ((p1 | p0 | s3 | s2 | s1 | s0) > 255 || marker != (kIdMarker | shape_.run)) return false;
    one.id.producer = static_cast<std::uint16_t>(p1 << 8U | p0);
    one.id.sequence = s3 << 24U | s2 << 16U | s1 << 8U | s0;
    one.id.run = shape_.run;
    return !verify_ && one.id.sequence % kSampleEvery != 0 && one.id.sequence % time_every_ != 0;
  }

  /// The whole line but its '\n'.
  void take_slow(std::string_view line, Seen& one) {
    const std::size_t full = line.size() + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::array<std::size_t, 6> commas{};
    std::size_t at = 0;
    for (auto& comma : commas) {
      comma = line.find(',', at);
      if (comma == std::string_view::npos) return corrupt(one, false);
      at = comma + 1;
    }
    std::array<std::uint8_t, 16> guid{};
    if (line.size() < at + kGuidText || !parse_guid_text(line.data() + at, guid.data())) return corrupt(one, false);
    if ((guid[0] & 0xf0U) != kIdMarker) {
      one.kind = SeenKind::kForeign;
      one.id_valid = false;
      return;
    }
    if (!unpack_id(guid.data(), shape_.run, one.id)) return corrupt(one, false);
    const auto data = line.substr(at + kGuidText);
    if (!data_is_right(data, one.id.sequence % kVariants) || !fields_are_right(line, commas)) return corrupt(one, true);
    line_size_ = full;
    guid_at_ = at;
    one.kind = SeenKind::kEvent;
    one.id_valid = true;
  }

  static void corrupt(Seen& one, bool id_valid) {
    one.kind = SeenKind::kCorrupted;
    one.id_valid = id_valid;
  }

  /// `data` begins with its comma.
  bool data_is_right(std::string_view data, std::uint32_t variant) const {
    if (data == decimal_[variant] || data == hex_[variant]) return true;
    const auto& payload = payloads_[variant];
    std::size_t count = 0;
    while (!data.empty()) {
      if (data.front() != ',') return false;
      data.remove_prefix(1);
      const auto end = std::min(data.find(','), data.size());
      std::uint64_t value = 0;
      if (count >= payload.size() || !parse_number(data.substr(0, end), value) || value != payload[count]) return false;
      ++count;
      data.remove_prefix(end);
    }
    return count == payload.size();
  }

  /// Head, class, type and, if we set it, the time. The obid is the server's.
  bool fields_are_right(std::string_view line, const std::array<std::size_t, 6>& commas) const {
    std::array<std::uint64_t, 3> values{};
    std::size_t begin = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      if (!parse_number(line.substr(begin, commas[i] - begin), values[i])) return false;
      begin = commas[i] + 1;
    }
    const std::uint64_t free = free_head_bits(shape_);
    if ((values[0] & ~free) != (shape_.head & ~free) || values[1] != shape_.vscp_class ||
        values[2] != shape_.vscp_type) {
      return false;
    }
    if (shape_.time_form == TimeForm::kNone) return true;
    const auto date = line.substr(commas[3] + 1, commas[4] - commas[3] - 1);
    const auto time = line.substr(commas[4] + 1, commas[5] - commas[4] - 1);
    const bool sent_ns = shape_.time_form == TimeForm::kNanoseconds;
    if (date.empty()) return time == (sent_ns ? kNsTimestamp : std::string_view("1767323045000000000"));
    return date == kDate && time == (sent_ns ? kNsAsLegacyTimestamp : kDateTimestamp);
  }

  EventShape shape_;
  bool verify_;
  std::uint32_t time_every_;
  std::size_t line_size_ = 0;  ///< of the last good line, its line end included; 0 = none yet
  std::size_t guid_at_ = 0;
  std::vector<std::vector<std::uint8_t>> payloads_;
  std::vector<std::string> decimal_;
  std::vector<std::string> hex_;
};

class TextWire final : public Wire {
 public:
  std::string_view name() const override { return "text"; }

  /// A producer takes no events: without this the server would queue every event for it.
  std::vector<std::string> producer_setup() const override {
    return {"SFLT 0,65535,65535," + zero_guid(), "SMSK 0,65535,65535," + zero_guid()};
  }
  std::vector<std::string> consumer_setup() const override { return {"RCVLOOP"}; }

  std::string make_event(const EventShape& shape, std::uint32_t variant) const override {
    return prefix(shape) + zero_guid() + data_text(payload_of(shape.payload_bytes, variant), false) + "\r\n";
  }
  std::size_t id_offset(const EventShape& shape) const override { return prefix(shape).size(); }

  void write_id(const EventId& id, char* at) const override {
    std::array<std::uint8_t, 16> guid;
    pack_id(id, guid.data());
    for (std::size_t i = 0; i < 16; ++i) std::memcpy(at + i * 3, kHexPairs[guid[i]].data(), 2);
  }

  std::unique_ptr<Scanner> make_scanner(const EventShape& shape, bool verify, std::uint32_t time_every) const override {
    return std::make_unique<TextScanner>(shape, verify, time_every);
  }

  std::size_t scan_replies(std::string_view bytes, Replies& replies) const override {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at < end) {
      const auto* newline = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      if (newline == nullptr) break;
      if (*at == '+') {
        ++replies.accepted;
      } else if (*at == '-') {
        if (replies.refused++ == 0) replies.first_refusal.assign(at, newline - (newline[-1] == '\r' ? 1 : 0));
      }
      at = newline + 1;
    }
    return static_cast<std::size_t>(at - bytes.data());
  }

 private:
  static std::string zero_guid() { return "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00"; }

  static std::string prefix(const EventShape& shape) {
    std::string line = "SEND ";
    append_number(line, shape.head);
    line += ',';
    append_number(line, shape.vscp_class);
    line += ',';
    append_number(line, shape.vscp_type);
    line += ",0,";
    switch (shape.time_form) {
      case TimeForm::kNone:
        line += ",,";
        break;
      case TimeForm::kDate:
        line.append(kDate).append(",").append(kDateTimestamp).append(",");
        break;
      case TimeForm::kNanoseconds:
        line.append(",").append(kNsTimestamp).append(",");
        break;
    }
    return line;
  }
};

}  // namespace

void pack_id(const EventId& id, std::uint8_t* guid) noexcept {
  guid[0] = static_cast<std::uint8_t>(kIdMarker | (id.run & 15U));
  guid[2] = static_cast<std::uint8_t>(id.producer >> 8U);
  guid[3] = static_cast<std::uint8_t>(id.producer);
  for (unsigned i = 0; i < 4; ++i) guid[4 + i] = static_cast<std::uint8_t>(id.sequence >> (24 - 8 * i));
  for (unsigned i = 0; i < 8; ++i) guid[8 + i] = static_cast<std::uint8_t>(id.time_ns >> (56 - 8 * i));
  unsigned sum = 0;
  for (unsigned i = 2; i < 16; ++i) sum = sum * 31 + guid[i];
  guid[1] = static_cast<std::uint8_t>(sum);
}

bool unpack_id(const std::uint8_t* guid, std::uint8_t run, EventId& id) noexcept {
  unsigned sum = 0;
  for (unsigned i = 2; i < 16; ++i) sum = sum * 31 + guid[i];
  if (guid[0] != (kIdMarker | run) || guid[1] != static_cast<std::uint8_t>(sum)) return false;
  id.run = run;
  id.producer = static_cast<std::uint16_t>(guid[2] << 8U | guid[3]);
  id.sequence = 0;
  for (unsigned i = 0; i < 4; ++i) id.sequence = id.sequence << 8U | guid[4 + i];
  id.time_ns = 0;
  for (unsigned i = 0; i < 8; ++i) id.time_ns = id.time_ns << 8U | guid[8 + i];
  return true;
}

std::vector<std::uint8_t> payload_of(std::size_t bytes, std::uint32_t variant) {
  std::mt19937 random(20260102);  // the same in every run, so that results compare
  std::vector<std::uint8_t> payload(bytes);
  for (auto& byte : payload) byte = static_cast<std::uint8_t>(random());
  std::mt19937 order(variant + 1);
  for (std::size_t i = payload.size(); i > 1; --i) std::swap(payload[i - 1], payload[order() % i]);
  return payload;
}

std::unique_ptr<Wire> make_text_wire() {
  return std::make_unique<TextWire>();
}

}  // namespace bench
