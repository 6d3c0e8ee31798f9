#include "drivers/mqtt/topic_template.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "drivers/mqtt/topic_match.h"
#include "tests/unit/mqtt/payload_events.h"

namespace drivers::mqtt::test {
namespace {

TopicValues values() {
  TopicValues result;
  result.server_guid = guid_of("00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:FF");
  result.interface_guid = guid_of("F0:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F");
  result.names = {{"clientid", "router-1"}, {"user", "eve#+"}, {"host", "localhost"}, {"driver-name", "mqtt/1"}};
  result.user_escapes = {{"site", "town/house"}, {"host", "mine"}};
  return result;
}

std::string error_of(std::string_view text, TopicUse use = TopicUse::kPublish) {
  const auto compiled = TopicTemplate::compile(text, use, values());
  return compiled ? "good" : std::to_string(compiled.error().offset) + " " + compiled.error().text;
}

std::string rendered(std::string_view text, const vscp::Event& event) {
  const auto compiled = TopicTemplate::compile(text, TopicUse::kPublish, values());
  if (!compiled) return compiled.error().text;
  TopicCache cache;
  std::vector<char> out(compiled->size_max());
  const std::size_t size = compiled->render(event, cache, out.data());
  EXPECT_LT(size, compiled->size_max());
  EXPECT_EQ(out[size], '\0');
  EXPECT_EQ(find_topic_fault({out.data(), size}), std::nullopt);
  return {out.data(), size};
}

std::string rendered(std::string_view text) {
  return rendered(text, full_event());
}

vscp::Event event_of(std::uint16_t vscp_class, std::uint16_t type, std::initializer_list<std::uint8_t> data) {
  vscp::Event event = full_event(data);
  event.vscp_class = vscp_class;
  event.vscp_type = type;
  return event;
}

TEST(TopicTemplate, TheTopicOfTheSpecification) {
  EXPECT_EQ(rendered("vscp/{{guid}}/{{class}}/{{type}}/{{nickname}}"),
            "vscp/FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08/20/3/8");
}

TEST(TopicTemplate, GuidsAndTheirBytes) {
  EXPECT_EQ(rendered("{{guid[0]}} {{guid[8]}} {{guid[15]}}"), "255 92 8");
  EXPECT_EQ(rendered("{{xguid[0]}} {{xguid[8]}} {{xguid[15]}}"), "FF 5C 08");
  EXPECT_EQ(rendered("{{guid.msb}} {{guid.lsb}} {{xguid.msb}} {{xguid.lsb}}"), "255 8 FF 08");
  EXPECT_EQ(rendered("{{nickname}} {{xnickname}}"), "8 0008");
  EXPECT_EQ(rendered("{{srvguid}}"), "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:FF");
  EXPECT_EQ(rendered("{{srvguid[15]}} {{xsrvguid[10]}} {{srvguid.msb}} {{xsrvguid.lsb}}"), "255 0A 0 FF");
  EXPECT_EQ(rendered("{{ifguid}}"), "F0:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F");
  EXPECT_EQ(rendered("{{ifguid[15]}} {{xifguid[0]}} {{ifguid.msb}} {{xifguid.lsb}}"), "15 F0 240 0F");
  for (std::size_t i = 0; i < 16; ++i) {
    const std::string index = "[" + std::to_string(i) + "]}}";
    EXPECT_EQ(rendered("{{guid" + index), std::to_string(full_event().guid.bytes[i]));
    EXPECT_EQ(rendered("{{srvguid" + index), std::to_string(values().server_guid.bytes[i]));
    EXPECT_EQ(rendered("{{ifguid" + index), std::to_string(values().interface_guid.bytes[i]));
  }
}

TEST(TopicTemplate, Numbers) {
  vscp::Event event = full_event({7, 0xab});
  event.vscp_class = 1060;
  event.vscp_type = 10;
  event.obid = 4'294'967'295U;
  event.timestamp_us = 4'000'000'000U;
  EXPECT_EQ(rendered("{{class}} {{xclass}} {{type}} {{xtype}}", event), "1060 424 10 0a");
  EXPECT_EQ(rendered("{{head}} {{xhead}}", event), "96 0060");
  EXPECT_EQ(rendered("{{obid}} {{xobid}}", event), "4294967295 FFFFFFFF");
  EXPECT_EQ(rendered("{{timestamp}} {{xtimestamp}}", event), "4000000000 EE6B2800");
  EXPECT_EQ(rendered("{{sizedata}} {{xsizedata}}", event), "2 0002");
  EXPECT_EQ(rendered("{{data[0]}} {{data[1]}} {{xdata[0]}} {{xdata[1]}}", event), "7 171 07 AB");
  EXPECT_EQ(rendered("a{{data[2]}}b{{xdata[511]}}", event), "ab");
}

TEST(TopicTemplate, Tokens) {
  EXPECT_EQ(rendered("{{class-token}}/{{type-token}}", event_of(10, 6, {})), "CLASS1.MEASUREMENT/TEMPERATURE");
  EXPECT_EQ(rendered("{{class-token}}/{{type-token}}", event_of(522, 6, {})), "CLASS2.LEVEL1.MEASUREMENT/TEMPERATURE");
  EXPECT_EQ(rendered("{{class-token}}/{{type-token}}", event_of(300, 65535, {})), "300/65535");
}

TEST(TopicTemplate, Dates) {
  EXPECT_EQ(rendered("{{datetime}}"), "2025-12-02T03:04:05Z");
  EXPECT_EQ(rendered("{{year}}-{{month}}-{{day}} {{hour}}.{{minute}}.{{second}}"), "2025-12-2 3.4.5");
  vscp::Event midnight = full_event();
  midnight.time_ns = 1'767'225'600'000'000'000ULL;  // 2026-01-01T00:00:00Z
  EXPECT_EQ(rendered("{{month}} {{hour}} {{minute}} {{second}}", midnight), "1 0 0 0");
}

// The zone of the process, for the life of this object.
class TimeZone {
 public:
  explicit TimeZone(const char* name) {
    if (const char* old = std::getenv("TZ")) old_ = old;
    setenv("TZ", name, 1);
    tzset();
  }
  ~TimeZone() {
    old_.empty() ? unsetenv("TZ") : setenv("TZ", old_.c_str(), 1);
    tzset();
  }

 private:
  std::string old_;
};

TEST(TopicTemplate, LocalDatesAreLocal) {
  const TimeZone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(rendered("{{local-datetime}}"), "2025-12-02T04:04:05");
  EXPECT_EQ(rendered("{{local-year}} {{local-month}} {{local-day}} {{local-hour}} {{local-minute}} {{local-second}}"),
            "2025 12 2 4 4 5");
  // The hour of the change, with one cache, forwards and backwards.
  const auto compiled = TopicTemplate::compile("{{local-hour}}.{{local-minute}}", TopicUse::kPublish, {});
  ASSERT_TRUE(compiled);
  TopicCache cache;
  std::vector<char> out(compiled->size_max());
  const auto at = [&](std::uint64_t second) {
    vscp::Event event = full_event();
    event.time_ns = second * 1'000'000'000U;
    return std::string(out.data(), compiled->render(event, cache, out.data()));
  };
  constexpr std::uint64_t kSummer = 1'774'746'000;  // 2026-03-29T01:00:00Z
  EXPECT_EQ(at(kSummer - 60), "1.59");
  EXPECT_EQ(at(kSummer), "3.0");
  EXPECT_EQ(at(kSummer - 60), "1.59");
}

TEST(TopicTemplate, LocalDatesWestOfGreenwich) {
  const TimeZone zone("EST5");
  EXPECT_EQ(rendered("{{local-datetime}} {{datetime}}"), "2025-12-01T22:04:05 2025-12-02T03:04:05Z");
  vscp::Event event = full_event();
  event.time_ns = 5;
  EXPECT_EQ(rendered("{{local-datetime}}", event), "1970-01-01T00:00:00");
}

TEST(TopicTemplate, Measurements) {
  constexpr std::string_view kAll =
      "{{is-measurement}} {{measurement-value}} {{measurement-unit}} {{measurement-sensorindex}} {{measurement-zone}} "
      "{{measurement-subzone}}";
  EXPECT_EQ(rendered(kAll, event_of(10, 6, {0x8b, 0x82, 0x08, 0x52})), "true 21.30 1 3 0 0");
  EXPECT_EQ(rendered(kAll, event_of(65, 6, {9, 1, 2, 0x80, 0x81, 0x01, 0x07})), "true 26.3 0 9 1 2");
  EXPECT_EQ(rendered(kAll, event_of(20, 3, {9, 1, 2})), "false 0 0 0 0 0");
}

TEST(TopicTemplate, OptionalLevelsAtTheEndAreLeftOut) {
  constexpr std::string_view kTopic = "vscp/{{class}}/{{sensor-index}}/{{zone}}/{{subzone}}";
  EXPECT_EQ(rendered(kTopic, event_of(10, 6, {0x8b, 0x82, 0x08, 0x52})), "vscp/10/3");
  EXPECT_EQ(rendered(kTopic, event_of(65, 6, {9, 1, 2, 0x80, 0x81, 0x01, 0x07})), "vscp/65/9/1/2");
  EXPECT_EQ(rendered(kTopic, event_of(70, 6, {0x41, 0x83, 0x80, 0x00})), "vscp/70");
  EXPECT_EQ(rendered(kTopic, event_of(20, 3, {9, 1, 2})), "vscp/20/9/1/2");
  EXPECT_EQ(rendered(kTopic, event_of(20, 3, {})), "vscp/20");
  EXPECT_EQ(rendered(kTopic, event_of(30, 5, {1, 2, 3})), "vscp/30");
  EXPECT_EQ(rendered("vscp/{{zone}}/{{sensor-index}}", event_of(10, 6, {0x8b, 0x82, 0x08, 0x52})), "vscp/0/3");
  EXPECT_EQ(rendered("vscp/x/{{zone}}", event_of(20, 3, {})), "vscp/x");
  EXPECT_EQ(rendered("vscp/{{zone}}/x", event_of(20, 3, {})), "vscp/0/x");
  EXPECT_EQ(rendered("vscp/a{{zone}}", event_of(20, 3, {})), "vscp/a0");
  EXPECT_EQ(rendered("vscp/{{class}}{{zone}}", event_of(20, 3, {})), "vscp/200");
  EXPECT_EQ(rendered("{{zone}}/{{subzone}}", event_of(20, 3, {})), "0");
  EXPECT_EQ(rendered("/{{zone}}", event_of(20, 3, {})), "/0");
  EXPECT_EQ(rendered("a/{{zone}}/b/{{zone}}", event_of(20, 3, {})), "a/0/b");
}

TEST(TopicTemplate, ValuesThatDoNotChange) {
  const auto compiled =
      TopicTemplate::compile("{{clientid}}/{{user}}/{{driver-name}}/{{site}}/{{host}}", TopicUse::kFixed, values());
  ASSERT_TRUE(compiled) << compiled.error().text;
  EXPECT_TRUE(compiled->is_constant());
  EXPECT_EQ(compiled->constant(), "router-1/eve%23%2B/mqtt/1/town/house/mine");
  TopicCache cache;
  std::vector<char> out(compiled->size_max());
  EXPECT_EQ(compiled->render(full_event(), cache, out.data()), compiled->constant().size());
  EXPECT_STREQ(out.data(), compiled->constant().c_str());
}

TEST(TopicTemplate, FormsOfMustache) {
  EXPECT_EQ(rendered("a/{{ class }}/{{{type}}}/{{{ type }}}/{{&class}}/{{& class }}/b"), "a/20/3/3/20/20/b");
  EXPECT_EQ(rendered("{{class}}{{type}}"), "203");
  EXPECT_EQ(rendered("no tokens { here }"), "no tokens { here }");
}

TEST(TopicTemplate, EveryMistakeIsToldWithWhatToWrite) {
  EXPECT_EQ(error_of("vscp/{{gudi}}"), "5 nobody knows the token {{gudi}}; did you mean {{guid}}?");
  EXPECT_EQ(error_of("vscp/{{sensorindex}}"),
            "5 nobody knows the token {{sensorindex}}; did you mean {{sensor-index}}?");
  EXPECT_EQ(error_of("vscp/{{sites}}"), "5 nobody knows the token {{sites}}; did you mean {{site}}?");
  EXPECT_EQ(error_of("vscp/{{zzzzzzzzzz}}"), "5 nobody knows the token {{zzzzzzzzzz}}");
  EXPECT_EQ(error_of("{{data}}"), "0 {{data}} needs an index: write {{data[0]}}");
  EXPECT_EQ(error_of("{{xguid}}"), "0 {{xguid}} needs an index: write {{xguid[0]}}");
  EXPECT_EQ(error_of("{{xsrvguid}}"), "0 {{xsrvguid}} needs an index: write {{xsrvguid[0]}}");
  EXPECT_EQ(error_of("{{class[1]}}"), "0 {{class[1]}} has no parts: write {{class}}");
  EXPECT_EQ(error_of("{{guid[16]}}"), "0 {{guid[16]}}: the last index is 15");
  EXPECT_EQ(error_of("{{srvguid[16]}}"), "0 {{srvguid[16]}}: the last index is 15");
  EXPECT_EQ(error_of("{{data[512]}}"), "0 {{data[512]}}: the last index is 511");
  EXPECT_EQ(error_of("{{guid[x]}}"), "0 nobody knows the token {{guid[x]}}; did you mean {{guid}}?");
  EXPECT_EQ(error_of("{{class.msb}}"), "0 nobody knows the token {{class.msb}}; did you mean {{class}}?");
  EXPECT_EQ(error_of("a/{{class"), "2 {{ without }} behind it");
  EXPECT_EQ(error_of("a/{{{class}}"), "2 {{ without }} behind it");
  EXPECT_EQ(error_of("a/class}}"), "7 }} without {{ before it");
  EXPECT_EQ(error_of("a/{{}}"), "2 a token without name");
  EXPECT_EQ(error_of("{{#class}}x{{/class}}"),
            "0 {{#class}}: sections, comments and partials are not known here, only {{token}}");
  EXPECT_EQ(error_of("{{!hello}}"), "0 {{!hello}}: sections, comments and partials are not known here, only {{token}}");
  EXPECT_EQ(error_of("vscp/#"), "5 the topic has a wildcard ('+' or '#'), which only a filter may have");
  EXPECT_EQ(error_of(""), "0 the topic is empty");
  EXPECT_EQ(error_of("a\nb"), "1 the topic has a control character");
  EXPECT_EQ(error_of("a\xdc{{class}}\xa1"), "1 the topic is not UTF-8");
  EXPECT_EQ(error_of(std::string(65536, 'a')), "65535 the topic is longer than 65535 bytes");
  EXPECT_EQ(error_of(std::string(65530, 'a') + "{{guid}}"), "0 the topic may get longer than 65535 bytes");
}

TEST(TopicTemplate, SubscriptionsAndWillsHaveNoEvent) {
  EXPECT_EQ(error_of("vscp/{{srvguid}}/#", TopicUse::kSubscribe), "good");
  EXPECT_EQ(error_of("vscp/+/10/6", TopicUse::kSubscribe), "good");
  EXPECT_EQ(
      error_of("vscp/{{guid}}/#", TopicUse::kSubscribe),
      "5 {{guid}} changes with each event, which this topic does not; use one of srvguid, ifguid, clientid, user, "
      "host, driver-name, site, host");
  EXPECT_EQ(error_of("vscp/a#", TopicUse::kSubscribe), "6 the topic has a wildcard that is not a whole level");
  EXPECT_EQ(error_of("vscp/{{srvguid}}/#", TopicUse::kFixed),
            "18 the topic has a wildcard ('+' or '#'), which only a filter may have");
  EXPECT_EQ(error_of("will/{{class}}", TopicUse::kFixed).substr(0, 29), "5 {{class}} changes with each");
}

TEST(TopicTemplate, LiteralTopicsKeepTheirBraces) {
  const auto compiled = TopicTemplate::compile_literal("vscp/{{guid}}", TopicUse::kPublish);
  ASSERT_TRUE(compiled);
  EXPECT_EQ(compiled->constant(), "vscp/{{guid}}");
  TopicCache cache;
  std::vector<char> out(compiled->size_max());
  EXPECT_EQ(std::string(out.data(), compiled->render(full_event(), cache, out.data())), "vscp/{{guid}}");
  EXPECT_FALSE(TopicTemplate::compile_literal("vscp/#", TopicUse::kPublish));
  EXPECT_TRUE(TopicTemplate::compile_literal("vscp/#", TopicUse::kSubscribe));
}

TEST(TopicTemplate, EveryTokenCompilesAndStaysInItsRoom) {
  vscp::Event event = full_event();
  event.data_size = 512;
  event.data.fill(0xff);
  event.obid = event.timestamp_us = 0xffffffff;
  event.head = event.vscp_class = event.vscp_type = 0xffff;
  for (const std::string_view name : event_token_names()) {
    std::string token = std::string("{{").append(name).append("}}");
    if (error_of(token) != "good") token.insert(token.size() - 2, "[0]");
    ASSERT_EQ(error_of(token), "good") << token;
    EXPECT_FALSE(rendered(token, event).empty()) << token;
    EXPECT_FALSE(rendered("a/" + token + "/b", event).empty()) << token;
  }
}

}  // namespace
}  // namespace drivers::mqtt::test
