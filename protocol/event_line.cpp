#include "protocol/event_line.h"

#include <algorithm>
#include <cstring>

#include "protocol/codec_kernels.h"
#include "protocol/datetime.h"
#include "protocol/text_put.h"
#include "protocol/text_scan.h"

namespace vscp {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000ULL;
constexpr std::uint64_t kNsPerUs = 1'000ULL;

constexpr std::uint32_t low32(std::uint64_t value) noexcept {
  return static_cast<std::uint32_t>(value & 0xffffffffU);
}

// Reads an event line field by field. Each field has a short way for the form that nearly every sender uses, and
// take_field() with the general decoders for the rest.
class LineReader {
 public:
  explicit LineReader(std::string_view line) noexcept : pos_(line.data()), end_(line.data() + line.size()) {}

  // One of the unsigned numbers before the GUID; empty is 0 and sets `missing`.
  Errc take_number(std::uint64_t max, std::uint64_t& value, bool& missing) noexcept {
    if (!take_plain_number(value, missing)) {
      std::string_view field;
      if (!take_field(field)) return Errc::kMissingField;
      missing = field.empty();
      if (const Errc error = general_number(field, value); error != Errc{}) return error;
    }
    return value > max ? Errc::kNumberRange : Errc{};
  }

  // The timestamp is a number that may be printed signed: a 32-bit counter of which the top bit is set.
  Errc take_timestamp(std::uint64_t& value, bool& missing) noexcept {
    if (take_plain_number(value, missing)) return Errc{};
    std::string_view field;
    if (!take_field(field)) return Errc::kMissingField;
    missing = field.empty();
    const bool negative = field.starts_with('-');
    if (negative && field.size() == 1) return Errc::kBadNumber;
    if (const Errc error = general_number(field.substr(negative ? 1 : 0), value); error != Errc{}) return error;
    if (!negative) return Errc{};
    if (value > 0x80000000U) return Errc::kNumberRange;
    value = low32(0 - value);
    return Errc{};
  }

  // `time_ns` is 0 if the field is empty or all zero digits (a clock that was never set).
  Errc take_date(std::uint64_t& time_ns) noexcept {
    time_ns = 0;
    if (pos_ != end_ && *pos_ == ',') {
      ++pos_;
      return Errc{};
    }
    std::uint64_t seconds;
    if (left() > 20 && text::scan_datetime19(pos_, seconds)) {
      const std::size_t size = 19 + (pos_[19] == 'Z' ? 1U : 0U);
      if (pos_[size] == ',') {
        pos_ += size + 1;
        time_ns = seconds * kNsPerSecond;
        return Errc{};
      }
    }
    std::string_view field;
    if (!take_field(field)) return Errc::kMissingField;
    if (field.empty() || field.starts_with("0000-00-00")) return Errc{};
    const auto parsed = parse_datetime(field);
    if (!parsed) return parsed.error();
    time_ns = *parsed;
    return Errc{};
  }

  // The last field before the data; the line may end after it.
  Errc take_guid(Guid& guid) noexcept {
    if (left() >= kGuidTextSize && (left() == kGuidTextSize || pos_[kGuidTextSize] == ',') &&
        active_codec_kernels().parse_guid(pos_, guid.bytes.data())) {
      pos_ += std::min(left(), kGuidTextSize + 1);
      return Errc{};
    }
    guid = Guid{};
    const std::string_view rest(pos_, left());
    // Commas inside braces belong to the GUID ("{-:1,2,3}").
    const std::size_t brace = text::trim(rest).starts_with('{') ? rest.find('}') : std::string_view::npos;
    const std::size_t comma = rest.find(',', brace == std::string_view::npos ? 0 : brace);
    const std::string_view field = text::trim(rest.substr(0, comma));
    pos_ = comma == std::string_view::npos ? end_ : pos_ + comma + 1;
    if (field.empty()) return Errc{};
    const auto parsed = parse_guid(field);
    if (!parsed) return parsed.error();
    guid = *parsed;
    return Errc{};
  }

  std::string_view rest() const noexcept { return {pos_, left()}; }

 private:
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - pos_); }

  static Errc general_number(std::string_view field, std::uint64_t& value) noexcept {
    value = 0;
    if (field.empty()) return Errc{};
    const auto parsed = text::parse_number(field);
    if (!parsed) return parsed.error();
    value = *parsed;
    return Errc{};
  }

  // Up to 19 decimal digits and a comma, nothing else, eight characters at a time. False (and nothing taken) if the
  // field is anything else, or so near the end of the line that eight characters cannot be read.
  bool take_plain_number(std::uint64_t& value, bool& missing) noexcept {
    const char* pos = pos_;
    std::uint64_t total = 0;
    for (int words = 0; words < 3 && end_ - pos > 8; ++words) {
      const std::uint64_t word = text::load8(pos);
      const unsigned digits = text::leading_digits(word);
      if (digits == 8) {
        if (words == 2) return false;
        total = total * 100'000'000U + text::digits_value(word, 8);
        pos += 8;
        continue;
      }
      if (pos[digits] != ',' || (words == 2 && digits > 3)) return false;
      if (digits > 0) {
        static constexpr std::uint32_t kPowers[8] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000};
        total = total * kPowers[digits] + text::digits_value(word, digits);
      }
      pos += digits;
      missing = pos == pos_;
      value = total;
      pos_ = pos + 1;
      return true;
    }
    return false;
  }

  // A field that must be followed by a comma, without blanks around it.
  bool take_field(std::string_view& field) noexcept {
    const std::string_view rest(pos_, left());
    const std::size_t comma = rest.find(',');
    if (comma == std::string_view::npos) return false;
    field = text::trim(rest.substr(0, comma));
    pos_ += comma + 1;
    return true;
  }

  const char* pos_;
  const char* const end_;
};

// Puts date and timestamp together by the rules in event_line.h.
void set_times(std::uint64_t date_ns, std::uint64_t timestamp, Event& event, EventLineHints& hints) noexcept {
  const bool nanoseconds = timestamp >= kTimestampNsMin;
  event.time_ns = date_ns != 0 ? date_ns : nanoseconds ? timestamp : 0;
  event.timestamp_us = low32(nanoseconds ? timestamp / kNsPerUs : timestamp);
  hints.time_missing = event.time_ns == 0;
}

Errc decode_fields(std::string_view line, Event& event, EventLineHints& hints) noexcept {
  LineReader reader(line);
  std::uint64_t numbers[4];
  static constexpr std::uint64_t kMax[4] = {0xffff, 0xffff, 0xffff, 0xffffffff};
  bool missing;
  for (std::size_t i = 0; i < 4; ++i) {
    if (const Errc error = reader.take_number(kMax[i], numbers[i], missing); error != Errc{}) return error;
  }
  event.head = static_cast<std::uint16_t>(numbers[0] & ~std::uint64_t{kHeadFrameVersion});
  event.vscp_class = static_cast<std::uint16_t>(numbers[1]);
  event.vscp_type = static_cast<std::uint16_t>(numbers[2]);
  event.obid = static_cast<std::uint32_t>(numbers[3]);

  std::uint64_t date_ns;
  std::uint64_t timestamp;
  if (const Errc error = reader.take_date(date_ns); error != Errc{}) return error;
  if (const Errc error = reader.take_timestamp(timestamp, hints.timestamp_missing); error != Errc{}) return error;
  set_times(date_ns, timestamp, event, hints);
  if (const Errc error = reader.take_guid(event.guid); error != Errc{}) return error;
  hints.guid_missing = event.guid.is_zero();

  const auto data_size = decode_data_list(reader.rest(), event.data.data());
  if (!data_size) return data_size.error();
  event.data_size = *data_size;
  return Errc{};
}

}  // namespace

Result<EventLineHints> decode_event_line(std::string_view line, Event& event) noexcept {
  EventLineHints hints;
  const Errc error = decode_fields(line, event, hints);
  if (error == Errc{}) return hints;
  // No field can hold a NUL, so one always ends here, and good lines need not be searched.
  return std::unexpected(line.find('\0') != std::string_view::npos ? Errc::kEmbeddedNul : error);
}

std::size_t encode_event_line(const Event& event, LineFormat format, DateCache& dates, char* out) noexcept {
  using text::put_comma;
  using text::put_short;
  const char* const begin = out;
  const bool nanoseconds = format == LineFormat::kNanoseconds;
  const std::uint32_t head = event.head & ~std::uint32_t{kHeadFrameVersion};
  out = put_comma(put_short(head | (nanoseconds ? std::uint32_t{kHeadFrameVersionNs} : 0U), out));
  out = put_comma(put_short(event.vscp_class, out));
  out = put_comma(put_short(event.vscp_type, out));
  out = put_comma(text::put_u32(event.obid, out));
  if (nanoseconds) {
    out = put_comma(text::put_u64(event.time_ns, put_comma(out)));
  } else {
    out = put_comma(text::put_u32(event.timestamp_us, put_comma(text::put_date(event.time_ns, dates, out))));
  }
  const CodecKernels& kernels = active_codec_kernels();
  kernels.format_guid(event.guid.bytes.data(), out);
  out += kGuidTextSize;
  const std::size_t data_size = std::min<std::size_t>(event.data_size, kEventDataMax);
  if (data_size > 0) {
    out = put_comma(out);
    // The comma behind the last value gives way to the line end.
    out += kernels.encode_decimal(event.data.data(), data_size, out) - 1;
  }
  out[0] = '\r';
  out[1] = '\n';
  return static_cast<std::size_t>(out + 2 - begin);
}

}  // namespace vscp
