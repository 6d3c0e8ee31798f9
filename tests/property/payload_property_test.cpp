// Properties of MQTT payloads and topics over random input (property_case.h).
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "drivers/mqtt/payload.h"
#include "drivers/mqtt/topic_match.h"
#include "drivers/mqtt/topic_template.h"
#include "tests/property/property_case.h"

namespace {

using drivers::mqtt::PayloadDialect;
using drivers::mqtt::PayloadFormat;
using drivers::mqtt::PayloadStyle;
using drivers::mqtt::TopicDefaults;
using property::cases;
using vscp::Event;

constexpr std::uint64_t kNow = 1'795'000'000'000'000'000ULL;
constexpr std::array kFormats{PayloadFormat::kJson, PayloadFormat::kXml, PayloadFormat::kString,
                              PayloadFormat::kBinary};
constexpr std::array kDialects{PayloadDialect::kCurrent, PayloadDialect::kLegacy};

// What a payload carries of an event.
Event carried(Event event, const PayloadStyle& style) {
  if (style.format == PayloadFormat::kBinary) event.obid = 0;
  if (style.dialect == PayloadDialect::kLegacy) {
    event.time_ns -= event.time_ns % 1'000'000'000U;
  } else {
    event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000 & 0xffffffffU);
  }
  return event;
}

class Payload : public property::PropertyCase {
 protected:
  // Half of them measurements of all codings, whole or cut short.
  Event any_payload_event() {
    Event event = any_event();
    if (chance(2)) return event;
    static constexpr std::array<std::uint16_t, 12> kClasses{10, 11, 60, 65, 70, 85, 522, 577, 1040, 1060, 15, 50};
    event.vscp_class = kClasses[below(kClasses.size())];
    event.vscp_type = static_cast<std::uint16_t>(below(70));
    event.data_size = static_cast<std::uint16_t>(below(chance(2) ? 9 : 40));
    return event;
  }

  PayloadStyle any_style() {
    return {.format = kFormats[below(kFormats.size())],
            .dialect = kDialects[below(kDialects.size())],
            .measurement = chance(2)};
  }

  std::string encoded(const Event& event, const PayloadStyle& style) {
    std::vector<char> out(drivers::mqtt::kPayloadWriteMax);  // of just its size, for the sanitizer builds
    return {out.data(), encode_payload(event, style, dates_, out.data())};
  }

  vscp::Result<drivers::mqtt::PayloadHints> decode(const std::string& payload, PayloadFormat format, Event& event) {
    const std::vector<std::uint8_t> copy(payload.begin(), payload.end());
    return decoder_.decode(copy, format, {}, kNow, event);
  }

  vscp::DateCache dates_;
  drivers::mqtt::PayloadDecoder decoder_;
};

TEST_F(Payload, EveryFormatAndDialectRoundTrips) {
  for (unsigned i = 0; i < cases / 4; ++i) {
    const Event event = any_payload_event();
    for (const PayloadFormat format : kFormats) {
      for (const PayloadDialect dialect : kDialects) {
        for (const bool measurement : {false, true}) {
          const PayloadStyle style{format, dialect, measurement};
          const std::string payload = encoded(event, style);
          for (const PayloadFormat told : {format, PayloadFormat::kAuto}) {
            Event back;
            const auto hints = decode(payload, told, back);
            ASSERT_TRUE(hints.has_value()) << payload << ": " << vscp::to_text(hints.error());
            ASSERT_EQ(hints->format, format);
            ASSERT_FALSE(hints->time_missing);
            ASSERT_EQ(hints->guid_missing, event.guid.is_zero());
            ASSERT_EQ(back, carried(event, style)) << payload;
          }
        }
      }
    }
  }
}

TEST_F(Payload, WhatIsCutShortIsNeverAnEvent) {
  for (unsigned i = 0; i < cases; ++i) {
    const PayloadStyle style = any_style();
    if (style.format == PayloadFormat::kString) continue;  // a line that loses data bytes is a line
    const std::string payload = encoded(any_payload_event(), style);
    Event event;
    ASSERT_FALSE(decode(payload.substr(0, below(payload.size())), style.format, event).has_value()) << payload;
  }
}

// Whatever comes out of damaged payloads is within bounds, can be written and reads back as itself.
TEST_F(Payload, DamagedPayloadsAreErrorsOrEvents) {
  static constexpr std::string_view kChars = "0123456789,,\"\"{}[]:xX<>/= \n\\-nul.eE";
  for (unsigned i = 0; i < cases; ++i) {
    const PayloadStyle style = any_style();
    std::string payload = encoded(any_payload_event(), style);
    for (std::uint64_t changes = 1 + below(4); changes > 0; --changes) {
      const auto at = static_cast<std::ptrdiff_t>(below(payload.size()));
      const char c = chance(4) ? static_cast<char>(below(256)) : kChars[below(kChars.size())];
      switch (below(3)) {
        case 0:
          payload[static_cast<std::size_t>(at)] = c;
          break;
        case 1:
          payload.insert(payload.begin() + at, c);
          break;
        default:
          if (payload.size() > 1) payload.erase(payload.begin() + at);
      }
    }
    Event event;
    const auto hints = decode(payload, chance(2) ? style.format : PayloadFormat::kAuto, event);
    if (!hints) continue;
    ASSERT_LE(event.data_size, vscp::kEventDataMax);
    ASSERT_EQ(event.head & vscp::kHeadFrameVersion, 0);
    ASSERT_NE(event.time_ns, 0U);
    const PayloadStyle json{};
    Event back;
    ASSERT_TRUE(decode(encoded(event, json), PayloadFormat::kJson, back).has_value()) << payload;
    ASSERT_EQ(back, carried(event, json)) << payload;
  }
}

TEST_F(Payload, FieldsThatTheTopicTellsMayBeLeftOut) {
  const auto topic = drivers::mqtt::TopicTemplate::compile("a/{{guid}}/{{class}}/{{type}}/{{nickname}}",
                                                           drivers::mqtt::TopicUse::kPublish, {});
  ASSERT_TRUE(topic);
  drivers::mqtt::TopicCache cache;
  std::vector<char> out(topic->size_max());
  for (unsigned i = 0; i < cases; ++i) {
    const Event event = any_event();
    const std::string_view text(out.data(), topic->render(event, cache, out.data()));
    const TopicDefaults defaults = drivers::mqtt::parse_topic_defaults(text);
    if (event.guid.is_zero()) continue;
    ASSERT_EQ(defaults.guid, event.guid) << text;
    ASSERT_EQ(defaults.vscp_class, event.vscp_class) << text;
    ASSERT_EQ(defaults.vscp_type, event.vscp_type) << text;
  }
}

// Levels that are often alike, so that filters and topics often match.
class Topics : public property::PropertyCase {
 protected:
  std::vector<std::string> any_levels(bool wildcards) {
    static constexpr std::array<std::string_view, 6> kLevels{"a", "b", "", "$a", "+", "#"};
    std::vector<std::string> levels;
    for (std::uint64_t count = 1 + below(4); count > 0; --count) {
      std::string_view level = kLevels[below(wildcards ? 6 : 4)];
      if (level == "#" && count > 1) level = "+";
      levels.emplace_back(level);
    }
    return levels;
  }
  static std::string joined(const std::vector<std::string>& levels) {
    std::string text;
    for (const std::string& level : levels) text += (&level == levels.data() ? "" : "/") + level;
    return text;
  }
  // The standard, level by level.
  static bool expected(const std::vector<std::string>& filter, const std::vector<std::string>& topic) {
    if (topic[0].starts_with('$') && (filter[0] == "+" || filter[0] == "#")) return false;
    for (std::size_t i = 0;; ++i) {
      const bool filter_ends = i == filter.size();
      const bool topic_ends = i == topic.size();
      if (!filter_ends && filter[i] == "#") return true;
      if (filter_ends || topic_ends) return filter_ends && topic_ends;
      if (filter[i] != "+" && filter[i] != topic[i]) return false;
    }
  }
};

TEST_F(Topics, MatchAsTheStandardSays) {
  unsigned matches = 0;
  for (unsigned i = 0; i < cases; ++i) {
    const auto filter = any_levels(true);
    const auto topic = any_levels(false);
    const std::string filter_text = joined(filter);
    const std::string topic_text = joined(topic);
    if (filter_text.empty() || topic_text.empty()) continue;
    ASSERT_FALSE(drivers::mqtt::find_filter_fault(filter_text).has_value()) << filter_text;
    const bool matched = drivers::mqtt::topic_matches(filter_text, topic_text);
    ASSERT_EQ(matched, expected(filter, topic)) << filter_text << " " << topic_text;
    matches += matched ? 1U : 0U;
  }
  EXPECT_GT(matches, cases / 100);
}

}  // namespace
