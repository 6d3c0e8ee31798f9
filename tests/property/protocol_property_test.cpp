// Properties of the protocol layer over random input (property_case.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "protocol/can_id.h"
#include "protocol/codec_kernels.h"
#include "protocol/datetime.h"
#include "protocol/event_line.h"
#include "protocol/filter.h"
#include "protocol/frame.h"
#include "protocol/link_command.h"
#include "tests/property/property_case.h"

namespace {

using vscp::CodecForm;
using vscp::Errc;
using vscp::Event;
using vscp::Filter;
using vscp::FrameType;
using vscp::Guid;
using vscp::LineFormat;

using property::cases;

constexpr std::uint64_t kNs = 1'000'000'000ULL;

class Protocol : public property::PropertyCase {
 protected:
  std::string any_line() {
    char out[vscp::kEventLineMax];
    const Event event = any_event();
    const LineFormat format = chance(2) ? LineFormat::kLegacy : LineFormat::kNanoseconds;
    return {out, vscp::encode_event_line(event, format, dates_, out) - 2};
  }

  // Changes, removes, doubles or inserts a few characters, mostly ones that mean something to the decoders.
  template <typename Text>
  void mutate(Text& text) {
    static constexpr std::string_view kChars = "0123456789,,,,xXobBaAfF:-{}*. \t\rTZ+";
    for (std::uint64_t changes = 1 + below(4); changes > 0 && !text.empty(); --changes) {
      const auto at = static_cast<std::ptrdiff_t>(below(text.size()));
      const auto c = static_cast<typename Text::value_type>(chance(4) ? static_cast<char>(below(256))
                                                                      : kChars[below(kChars.size())]);
      switch (below(4)) {
        case 0:
          text[static_cast<std::size_t>(at)] = c;
          break;
        case 1:
          text.erase(text.begin() + at);
          break;
        case 2:
          text.insert(text.begin() + at, c);
          break;
        default:
          text.resize(static_cast<std::size_t>(at));
          break;
      }
    }
  }

  vscp::DateCache dates_;
};

constexpr std::array kForms{CodecForm::kScalar, CodecForm::kSsse3, CodecForm::kAvx512};

// What a line carries of an event.
Event carried(Event event, LineFormat format) {
  if (format == LineFormat::kLegacy) {
    event.time_ns -= event.time_ns % kNs;
  } else {
    event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000 & 0xffffffffU);
  }
  return event;
}

TEST_F(Protocol, LinesRoundTripInEveryFormAndFormat) {
  for (unsigned i = 0; i < cases; ++i) {
    const Event event = any_event();
    for (const LineFormat format : {LineFormat::kLegacy, LineFormat::kNanoseconds}) {
      std::string first;
      for (const CodecForm form : kForms) {
        if (!vscp::use_codec_form(form)) continue;
        char out[vscp::kEventLineMax];
        const std::string line(out, vscp::encode_event_line(event, format, dates_, out));
        ASSERT_TRUE(line.ends_with("\r\n"));
        if (first.empty()) first = line;
        ASSERT_EQ(line, first);
        Event back;
        const auto hints = vscp::decode_event_line(std::string_view(line).substr(0, line.size() - 2), back);
        ASSERT_TRUE(hints.has_value()) << line;
        ASSERT_EQ(back, carried(event, format)) << line;
        ASSERT_EQ(hints->guid_missing, event.guid.is_zero());
        ASSERT_FALSE(hints->time_missing);
      }
    }
  }
}

TEST_F(Protocol, FramesRoundTrip) {
  for (unsigned i = 0; i < cases; ++i) {
    Event event = any_event();
    event.obid = 0;
    if (chance(50)) event.time_ns = 0;
    std::uint8_t bytes[vscp::kEventFrameMax];
    for (const FrameType type : {FrameType::kEvent0, FrameType::kEvent1}) {
      const std::size_t size = vscp::encode_event_frame(event, type, bytes);
      ASSERT_EQ(vscp::event_frame_size(bytes).value(), size);
      Event back;
      ASSERT_TRUE(vscp::decode_event_frame({bytes, size}, back).has_value());
      ASSERT_EQ(back, carried(event, type == FrameType::kEvent0 ? LineFormat::kLegacy : LineFormat::kNanoseconds));
    }
  }
}

TEST_F(Protocol, MutatedLinesGiveTheSameInEveryForm) {
  for (unsigned i = 0; i < cases; ++i) {
    std::string line = any_line();
    mutate(line);
    bool begun = false;
    vscp::Result<vscp::EventLineHints> first;
    Event first_event;
    for (const CodecForm form : kForms) {
      if (!vscp::use_codec_form(form)) continue;
      Event event;
      const auto result = vscp::decode_event_line(line, event);
      if (!begun) {
        begun = true;
        first = result;
        first_event = event;
      }
      ASSERT_EQ(result.has_value(), first.has_value()) << line;
      if (!result) {
        ASSERT_EQ(result.error(), first.error()) << line;
      } else {
        ASSERT_EQ(event, first_event) << line;
      }
    }
  }
}

TEST_F(Protocol, MutatedFramesAndCommandsDoNoHarm) {
  unsigned refused = 0;
  for (unsigned i = 0; i < cases; ++i) {
    std::vector<std::uint8_t> bytes(vscp::kEventFrameMax);
    bytes.resize(
        vscp::encode_event_frame(any_event(), chance(2) ? FrameType::kEvent0 : FrameType::kEvent1, bytes.data()));
    mutate(bytes);
    Event event;
    refused += vscp::decode_event_frame(bytes, event).has_value() ? 0 : 1;
    if (const auto command = vscp::decode_command_frame(bytes)) {
      ASSERT_LE(command->argument.size(), bytes.size());
    }
    std::string text("SEND ");
    mutate(text.append(any_line()));
    if (const auto command = vscp::parse_link_command(text)) {
      ASSERT_NE(command->info, nullptr);
      ASSERT_GE(command->argument.data(), text.data());
      ASSERT_LE(command->argument.data() + command->argument.size(), text.data() + text.size());
    }
  }
  EXPECT_GT(refused, cases / 2);
}

// --- GUIDs ---

std::string hex(const Guid& guid, std::size_t from, std::size_t to, std::string_view separator, bool lower,
                bool single) {
  std::string text;
  for (std::size_t i = from; i < to; ++i) {
    char pair[4];
    const unsigned byte = guid.bytes[i];
    std::snprintf(pair, sizeof pair, single ? (lower ? "%x" : "%X") : (lower ? "%02x" : "%02X"), byte);
    if (i > from) text.append(separator);
    text.append(pair);
  }
  return text;
}

TEST_F(Protocol, GuidsRoundTripInEveryForm) {
  for (unsigned i = 0; i < cases; ++i) {
    const Guid guid = any_guid();
    const bool lower = chance(2);
    const std::string colons = hex(guid, 0, 16, ":", lower, false);
    std::vector<std::string> forms{colons, hex(guid, 0, 16, ":", lower, true), hex(guid, 0, 16, "", lower, false),
                                   hex(guid, 0, 16, "-", lower, false), vscp::to_string(guid)};
    const std::string plain = hex(guid, 0, 16, "", lower, false);
    forms.push_back(std::string(plain).insert(20, "-").insert(16, "-").insert(12, "-").insert(8, "-"));
    forms.push_back(std::string(plain).insert(2 * (1 + below(15)), ":"));
    std::size_t leading = 0;
    while (leading < 15 && guid.bytes[leading] == guid.bytes[0]) ++leading;
    const std::string tail = hex(guid, leading, 16, ":", lower, chance(2));
    if (guid.bytes[0] == 0xff && leading > 0) {
      forms.push_back(std::string("::").append(tail));
      forms.push_back(std::string("*:").append(tail));
    }
    if (guid.bytes[0] == 0 && leading > 0) {
      forms.push_back(std::string("-:").append(tail));
      forms.push_back(std::string("-:").append(hex(guid, leading, 16, ",", lower, true)));
    }
    for (std::size_t from = 1; from < 15; ++from) {
      std::size_t to = from;
      while (to < 15 && guid.bytes[to] == 0) ++to;
      if (to == from) continue;
      forms.push_back(hex(guid, 0, from, ":", lower, true).append("::").append(hex(guid, to, 16, ":", lower, false)));
      break;
    }
    for (const CodecForm form : kForms) {
      if (!vscp::use_codec_form(form)) continue;
      for (const std::string& text : forms) {
        const auto back = vscp::parse_guid(text);
        ASSERT_TRUE(back.has_value()) << text;
        ASSERT_EQ(*back, guid) << text;
        ASSERT_EQ(vscp::parse_guid(std::string(" {").append(text).append("} ")).value(), guid);
      }
      std::string bad = forms[below(forms.size())];
      mutate(bad);
      if (const auto back = vscp::parse_guid(bad)) {
        ASSERT_EQ(vscp::parse_guid(vscp::to_string(*back)).value(), *back);
      }
    }
  }
}

TEST_F(Protocol, DatesRoundTrip) {
  for (unsigned i = 0; i < cases; ++i) {
    const std::uint64_t time_ns = below(property::kTimeEnd);
    char out[64];
    char* end = vscp::format_datetime(time_ns, out);
    std::string text(out, end);
    ASSERT_EQ(vscp::parse_datetime(text).value(), time_ns - time_ns % kNs);
    char fraction[16];
    std::snprintf(fraction, sizeof fraction, ".%09u", static_cast<unsigned>(time_ns % kNs));
    text.insert(19, fraction);
    ASSERT_EQ(vscp::parse_datetime(text).value(), time_ns);
    mutate(text);
    if (const auto parsed = vscp::parse_datetime(text)) {
      // A changed year may lie behind kTimeEnd: any date that is read can be written and read again.
      end = vscp::format_datetime(*parsed, out);
      ASSERT_EQ(vscp::parse_datetime({out, static_cast<std::size_t>(end - out)}).value(), *parsed - *parsed % kNs) << text;
    }
  }
}

// --- Data lists against a model that is written down as simply as the rules are ---

vscp::Result<std::vector<std::uint8_t>> model_list(std::string text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  std::vector<std::string> fields(1);
  for (const char c : text) {
    if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back().push_back(c);
    }
  }
  for (std::string& field : fields) {
    while (!field.empty() && blank(field.front())) field.erase(0, 1);
    while (!field.empty() && blank(field.back())) field.pop_back();
  }
  if (fields.size() == 1 && fields[0].empty()) return {};
  if (fields.size() > 1 && fields.back().empty()) fields.pop_back();
  std::vector<std::uint8_t> bytes;
  for (const std::string& field : fields) {
    if (field.empty()) return std::unexpected(Errc::kMissingField);
    int base = 10;
    const char* from = field.c_str();
    if (field.size() > 1 && field[0] == '0') {
      const char mark = field[1];
      base = mark == 'x' || mark == 'X' ? 16 : mark == 'o' || mark == 'O' ? 8 : mark == 'b' || mark == 'B' ? 2 : 10;
      if (base != 10) from += 2;
    }
    unsigned long long value = 0;
    const auto [end, error] = std::from_chars(from, field.c_str() + field.size(), value, base);
    if (end != field.c_str() + field.size() || error == std::errc::invalid_argument) {
      return std::unexpected(Errc::kBadNumber);
    }
    if (error != std::errc{} || value > 255) return std::unexpected(Errc::kNumberRange);
    if (bytes.size() == vscp::kEventDataMax) return std::unexpected(Errc::kDataSize);
    bytes.push_back(static_cast<std::uint8_t>(value));
  }
  return bytes;
}

TEST_F(Protocol, DataListsAreWhatTheModelSays) {
  static constexpr std::array kFormats{"%u", "0x%02X", "%u ", " %u", "0x%x", "0X%02x", "0o%o", "%03u", "%05u"};
  for (unsigned i = 0; i < cases; ++i) {
    std::string text;
    const bool mixed = chance(3);
    const char* format = kFormats[below(kFormats.size())];
    for (std::uint64_t count = chance(10) ? below(600) : below(40); count > 0; --count) {
      if (mixed) format = kFormats[below(kFormats.size())];
      char value[16];
      std::snprintf(value, sizeof value, format, static_cast<unsigned>(any_length(8)));
      text.append(value).append(",");
    }
    if (chance(2) && !text.empty()) text.pop_back();
    if (chance(2)) mutate(text);
    const auto expected = model_list(text);
    for (const CodecForm form : kForms) {
      if (!vscp::use_codec_form(form)) continue;
      std::array<std::uint8_t, vscp::kEventDataMax> data;
      const auto count = vscp::decode_data_list(text, data.data());
      ASSERT_EQ(count.has_value(), expected.has_value()) << text;
      if (count) {
        ASSERT_EQ(std::vector<std::uint8_t>(data.begin(), data.begin() + *count), *expected) << text;
      } else if (text.find('\0') != std::string::npos) {
        ASSERT_EQ(count.error(), Errc::kEmbeddedNul);
      } else {
        ASSERT_EQ(count.error(), expected.error()) << text;
      }
    }
  }
}

// --- CAN ---

TEST_F(Protocol, CanIdsRoundTrip) {
  for (unsigned i = 0; i < cases; ++i) {
    const auto id = static_cast<std::uint32_t>(below(1U << 29U));
    ASSERT_EQ(vscp::pack_can_id(vscp::unpack_can_id(id)), id);
    vscp::CanFrame frame{.id = id, .fd = below(2) == 1, .size = static_cast<std::uint8_t>(below(65))};
    if (!vscp::is_can_size(frame.size, frame.fd)) frame.size = static_cast<std::uint8_t>(frame.size % 9);
    for (auto& byte : frame.data) byte = static_cast<std::uint8_t>(below(256));
    Event event;
    ASSERT_TRUE(vscp::can_to_event(frame, any_guid(), event).has_value());
    ASSERT_LT(event.vscp_class, 512);
    const auto back = vscp::event_to_can(event, true);
    ASSERT_TRUE(back.has_value());
    ASSERT_EQ(vscp::event_to_can(event).has_value(), frame.size <= vscp::kCanDataMax);
    ASSERT_EQ(back->id, id);
    ASSERT_EQ(back->size, frame.size);
    ASSERT_TRUE(std::equal(frame.data, frame.data + frame.size, back->data));
  }
}

// --- Filters ---

template <typename Number>
bool bits_agree(Number filter, Number value, Number mask) {
  for (unsigned bit = 0; bit < 8 * sizeof(Number); ++bit) {
    const bool counts = (mask >> bit & 1) != 0;
    if (counts && (filter >> bit & 1) != (value >> bit & 1)) return false;
  }
  return true;
}

bool naive_matches(const Filter& filter, const Event& event) {
  bool good = bits_agree(filter.filter_priority, event.priority(), filter.mask_priority) &&
              bits_agree(filter.filter_class, event.vscp_class, filter.mask_class) &&
              bits_agree(filter.filter_type, event.vscp_type, filter.mask_type);
  for (std::size_t i = 0; i < 16; ++i) {
    good = good && bits_agree(filter.filter_guid.bytes[i], event.guid.bytes[i], filter.mask_guid.bytes[i]);
  }
  return good;
}

TEST_F(Protocol, FiltersAreWhatTheModelSays) {
  unsigned passed = 0;
  for (unsigned i = 0; i < cases; ++i) {
    const Event event = any_event();
    // Half of the filters are made from the event, so that enough of them pass.
    const bool near = chance(2);
    Filter filter;
    filter.filter_priority = near ? event.priority() : static_cast<std::uint8_t>(below(8));
    filter.filter_class = near ? event.vscp_class : static_cast<std::uint16_t>(any_length(16));
    filter.filter_type = near ? event.vscp_type : static_cast<std::uint16_t>(any_length(16));
    filter.filter_guid = near ? event.guid : any_guid();
    filter.mask_priority = static_cast<std::uint8_t>(chance(2) ? 0 : below(8));
    filter.mask_class = static_cast<std::uint16_t>(chance(2) ? 0 : any_length(16));
    filter.mask_type = static_cast<std::uint16_t>(chance(2) ? 0 : any_length(16));
    if (chance(2)) filter.mask_guid = any_guid();
    if (chance(3)) filter.filter_guid.bytes[below(16)] ^= static_cast<std::uint8_t>(1U << below(8));
    const bool expected = naive_matches(filter, event);
    passed += expected ? 1 : 0;
    ASSERT_EQ(filter.matches(event), expected);
    ASSERT_EQ(filter.canonical().matches(event), expected);
    ASSERT_EQ(filter.canonical(), filter.canonical().canonical());
    ASSERT_TRUE(!expected || filter.may_match_class(event.vscp_class));
    // Bits that the mask ignores change nothing, and both filters have one canonical form.
    Filter other = filter;
    const auto noise = static_cast<std::uint16_t>(below(65536));
    other.filter_class = static_cast<std::uint16_t>(filter.filter_class ^ (noise & ~unsigned{filter.mask_class}));
    other.filter_type = static_cast<std::uint16_t>(filter.filter_type ^ (noise & ~unsigned{filter.mask_type}));
    for (std::size_t k = 0; k < 16; ++k) {
      other.filter_guid.bytes[k] ^= static_cast<std::uint8_t>(below(256) & ~unsigned{filter.mask_guid.bytes[k]});
    }
    ASSERT_EQ(other.matches(event), expected);
    ASSERT_EQ(other.canonical(), filter.canonical());
  }
  EXPECT_GT(passed, cases / 20);
}

TEST_F(Protocol, FilterHalvesRoundTrip) {
  for (unsigned i = 0; i < cases; ++i) {
    const auto priority = static_cast<std::uint8_t>(below(256));
    const auto vscp_class = static_cast<std::uint16_t>(any_length(16));
    const auto vscp_type = static_cast<std::uint16_t>(any_length(16));
    const Guid guid = any_guid();
    const auto index = static_cast<std::uint32_t>(any_length(32));
    char front[64];
    std::snprintf(front, sizeof front, chance(2) ? "%u,%u,%u," : "0x%x,0x%04X, %u ,", unsigned{priority},
                  unsigned{vscp_class}, unsigned{vscp_type});
    std::string text = std::string(front).append(vscp::to_string(guid));
    const bool indexed = chance(2);
    if (indexed) text.append(",").append(std::to_string(index));
    const auto half = vscp::parse_filter_half(text);
    ASSERT_TRUE(half.has_value()) << text;
    ASSERT_EQ(half->priority, priority);
    ASSERT_EQ(half->vscp_class, vscp_class);
    ASSERT_EQ(half->vscp_type, vscp_type);
    ASSERT_EQ(half->guid, guid);
    ASSERT_EQ(half->index, indexed ? index : 0);
    mutate(text);
    (void)vscp::parse_filter_half(text);  // whatever comes out, nothing is read outside (sanitizer builds)
  }
}

}  // namespace
