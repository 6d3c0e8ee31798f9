#include "drivers/mqtt/payload_fields.h"

#include <array>

#include "protocol/datetime.h"
#include "protocol/text_scan.h"

namespace drivers::mqtt {
namespace {

using vscp::Errc;

struct Name {
  std::string_view text;
  PayloadKey key;
};

constexpr std::array<Name, 29> kNames{{
    {"head", {PayloadField::kHead, false}},
    {"obid", {PayloadField::kObid, false}},
    {"datetime", {PayloadField::kDatetime, false}},
    {"timestamp", {PayloadField::kTimestamp, false}},
    {"timestamp_ns", {PayloadField::kTimestampNs, false}},
    {"class", {PayloadField::kClass, false}},
    {"type", {PayloadField::kType, false}},
    {"guid", {PayloadField::kGuid, false}},
    {"data", {PayloadField::kData, false}},
    {"note", {PayloadField::kSkipped, false}},
    {"measurement", {PayloadField::kSkipped, false}},
    {"sizedata", {PayloadField::kSkipped, false}},
    {"value", {PayloadField::kSkipped, false}},
    {"unit", {PayloadField::kSkipped, false}},
    {"sensorindex", {PayloadField::kSkipped, false}},
    {"zone", {PayloadField::kSkipped, false}},
    {"subzone", {PayloadField::kSkipped, false}},
    {"vscpHead", {PayloadField::kHead, true}},
    {"vscpObId", {PayloadField::kObid, true}},
    {"vscpDateTime", {PayloadField::kDatetime, true}},
    {"vscpTimeStamp", {PayloadField::kTimestamp, true}},
    {"vscpClass", {PayloadField::kClass, true}},
    {"vscpType", {PayloadField::kType, true}},
    {"vscpGuid", {PayloadField::kGuid, true}},
    {"vscpData", {PayloadField::kData, true}},
    {"vscpNote", {PayloadField::kSkipped, true}},
    // As firmware in the field spells them.
    {"vscpObid", {PayloadField::kObid, true}},
    {"vscpGUID", {PayloadField::kGuid, true}},
    {"sizeData", {PayloadField::kSkipped, false}},
}};

// Buckets by length and two characters, so that a look-up compares one name nearly always.
constexpr std::size_t kBuckets = 64;
constexpr std::size_t bucket_of(std::string_view name) noexcept {
  const auto at = [&name](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(name[i])); };
  return (name.size() * 7 + at(name.size() - 1) * 3 + at(name.size() / 2)) % kBuckets;
}
constexpr auto kFirstInBucket = [] {
  std::array<std::uint8_t, kBuckets + 1> first{};
  for (const Name& name : kNames) ++first[bucket_of(name.text) + 1];
  for (std::size_t i = 1; i <= kBuckets; ++i) first[i] = static_cast<std::uint8_t>(first[i] + first[i - 1]);
  return first;
}();
constexpr auto kSortedNames = [] {
  std::array<Name, kNames.size()> sorted{};
  auto next = kFirstInBucket;
  for (const Name& name : kNames) sorted[next[bucket_of(name.text)]++] = name;
  return sorted;
}();

constexpr std::uint64_t kNsPerUs = 1'000;

constexpr std::uint32_t low32(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(value & 0xffffffffU);
}

constexpr bool is_white(char c) noexcept {
  return vscp::text::is_blank(c) || c == '\n';
}

constexpr std::string_view trim_white(std::string_view text) noexcept {
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

// Lists that decode_data_list() does not take: over several lines, or with values in quotes.
vscp::Result<std::uint16_t> decode_loose_list(std::string_view text, std::uint8_t* data) noexcept {
  std::uint16_t count = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    const bool last = comma == std::string_view::npos;
    std::string_view value = trim_white(text.substr(0, comma));
    if (value.empty() && last) return count;
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    const auto number = vscp::text::parse_number(value);
    if (!number) return std::unexpected(number.error());
    if (*number > 0xff) return std::unexpected(Errc::kNumberRange);
    if (count == vscp::kEventDataMax) return std::unexpected(Errc::kDataSize);
    data[count++] = static_cast<std::uint8_t>(*number);
    if (last) return count;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

PayloadKey find_payload_key(std::string_view name) noexcept {
  if (name.empty()) return {};
  const std::size_t bucket = bucket_of(name);
  for (std::size_t i = kFirstInBucket[bucket]; i < kFirstInBucket[bucket + 1]; ++i) {
    if (kSortedNames[i].text == name) return kSortedNames[i].key;
  }
  return {};
}

PayloadFields::PayloadFields(vscp::Event& event) noexcept : event_(event) {
  event.time_ns = 0;
  event.timestamp_us = 0;
  event.obid = 0;
  event.guid = vscp::Guid{};
  event.head = 0;
  event.vscp_class = 0;
  event.vscp_type = 0;
  event.data_size = 0;
}

Errc PayloadFields::take_number(std::uint64_t max, std::string_view text, std::uint64_t& value,
                                PayloadField field) noexcept {
  value = 0;
  if (text.empty()) return Errc{};
  const auto number = vscp::text::parse_number(text);
  if (!number) {
    // Negative: a number, but of no field.
    const bool negative = text.size() > 1 && text[0] == '-' && vscp::text::parse_number(text.substr(1)).has_value();
    return negative ? Errc::kNumberRange : number.error();
  }
  if (*number > max) return Errc::kNumberRange;
  value = *number;
  set(field);
  return Errc{};
}

// As in event lines: a negative one is a 32-bit counter printed signed.
Errc PayloadFields::take_timestamp(std::string_view text) noexcept {
  if (!text.starts_with('-')) return take_number(~std::uint64_t{0}, text, timestamp_, PayloadField::kTimestamp);
  const Errc error = take_number(0x80000000U, text.substr(1), timestamp_, PayloadField::kTimestamp);
  if (text.size() == 1) return Errc::kBadNumber;
  timestamp_ = low32(0 - timestamp_);
  return error;
}

Errc PayloadFields::take_date(std::string_view text) noexcept {
  date_ns_ = 0;
  if (text.empty() || text.starts_with("0000-00-00")) return Errc{};
  const auto date = vscp::parse_datetime(text);
  if (!date) return date.error();
  date_ns_ = *date;
  return Errc{};
}

Errc PayloadFields::take_guid(std::string_view text) noexcept {
  event_.guid = vscp::Guid{};
  if (text.empty()) return Errc{};
  const auto guid = vscp::parse_guid(text);
  if (!guid) return guid.error();
  event_.guid = *guid;
  return Errc{};
}

Errc PayloadFields::take(PayloadKey key, std::string_view text) noexcept {
  if (key.field == PayloadField::kUnknown) return Errc{};
  any_ = true;
  if (key.field == PayloadField::kSkipped) return Errc{};
  const std::uint32_t bit = 1U << static_cast<unsigned>(key.field);
  if (key.legacy && (current_ & bit) != 0) return Errc{};
  if (!key.legacy) current_ |= bit;
  seen_ &= ~bit;
  text = trim_white(text);
  std::uint64_t value = 0;
  Errc error{};
  switch (key.field) {
    case PayloadField::kHead:
      error = take_number(0xffff, text, value, key.field);
      event_.head = static_cast<std::uint16_t>(value & ~std::uint64_t{vscp::kHeadFrameVersion});
      return error;
    case PayloadField::kObid:
      error = take_number(0xffffffff, text, value, key.field);
      event_.obid = low32(value);
      return error;
    case PayloadField::kClass:
      error = take_number(0xffff, text, value, key.field);
      event_.vscp_class = static_cast<std::uint16_t>(value);
      return error;
    case PayloadField::kType:
      error = take_number(0xffff, text, value, key.field);
      event_.vscp_type = static_cast<std::uint16_t>(value);
      return error;
    case PayloadField::kTimestamp:
      return take_timestamp(text);
    case PayloadField::kTimestampNs:
      return take_number(~std::uint64_t{0}, text, time_ns_, key.field);
    case PayloadField::kDatetime:
      return take_date(text);
    case PayloadField::kGuid:
      return take_guid(text);
    default:
      break;
  }
  auto count = vscp::decode_data_list(text, event_.data.data());
  if (!count && count.error() != Errc::kDataSize) count = decode_loose_list(text, event_.data.data());
  if (!count) return count.error();
  event_.data_size = *count;
  return Errc{};
}

vscp::Result<PayloadHints> PayloadFields::finish(const TopicDefaults& defaults, std::uint64_t now_ns) noexcept {
  if (!any_) return std::unexpected(Errc::kNoEventField);
  const bool counts_ns = timestamp_ >= vscp::kTimestampNsMin;
  event_.time_ns = time_ns_ != 0 ? time_ns_ : date_ns_ != 0 ? date_ns_ : counts_ns ? timestamp_ : 0;
  event_.timestamp_us = low32(counts_ns ? timestamp_ / kNsPerUs : timestamp_);
  return apply_defaults(event_, !has(PayloadField::kClass), !has(PayloadField::kType), !has(PayloadField::kTimestamp),
                        defaults, now_ns);
}

vscp::Result<PayloadHints> apply_defaults(vscp::Event& event, bool class_missing, bool type_missing,
                                          bool timestamp_missing, const TopicDefaults& defaults,
                                          std::uint64_t now_ns) noexcept {
  if ((class_missing && !defaults.vscp_class) || (type_missing && !defaults.vscp_type)) {
    return std::unexpected(Errc::kNoClassType);
  }
  if (class_missing) event.vscp_class = *defaults.vscp_class;
  if (type_missing) event.vscp_type = *defaults.vscp_type;
  if (event.guid.is_zero() && defaults.guid) event.guid = *defaults.guid;
  PayloadHints hints;
  hints.time_missing = event.time_ns == 0;
  hints.guid_missing = event.guid.is_zero();
  if (hints.time_missing) event.time_ns = now_ns;
  if (timestamp_missing) event.timestamp_us = low32(event.time_ns / kNsPerUs);
  return hints;
}

}  // namespace drivers::mqtt
