#include <gtest/gtest.h>

#include <numeric>

#include "bench/baseline_payloads.h"
#include "tests/unit/mqtt/payload_events.h"

namespace drivers::mqtt::test {
namespace {

using vscp::Errc;

// --- Writing: byte by byte what upstream's programs write.

TEST(JsonPayload, IsWrittenAsUpstreamDoesNow) {
  EXPECT_EQ(encoded(full_event(), {}),
            "{\n\"head\": 352,\n\"obid\": 7,\n\"datetime\": \"2025-12-02T03:04:05.123456000Z\",\n"
            "\"timestamp_ns\": \"0x187d46f48b60fc00\",\n\"class\": 20,\n\"type\": 3,\n"
            "\"guid\": \"FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08\",\n\"data\": [1,2,3],\n\"note\": \"\"\n}");
}

TEST(JsonPayload, IsWrittenAs15x) {
  EXPECT_EQ(
      encoded(full_event({}), {.dialect = PayloadDialect::kLegacy}),
      "{\n\"vscpHead\": 96,\n\"vscpObId\":  7,\n\"vscpDateTime\": \"2025-12-02T03:04:05Z\",\n"
      "\"vscpTimeStamp\": 1000,\n\"vscpClass\": 20,\n\"vscpType\": 3,\n"
      "\"vscpGuid\": \"FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08\",\n\"vscpData\": [],\n\"vscpNote\": \"\"\n}");
}

TEST(JsonPayload, AMeasurementComesWithItsBlock) {
  vscp::Event event = full_event({0x89, 0x81, 0x01, 0x07});
  event.vscp_class = 10;
  event.vscp_type = 6;
  EXPECT_EQ(encoded(event, {}),
            "{\"class\":10,\"data\":[137,129,1,7],\"datetime\":\"2025-12-02T03:04:05.123456000Z\","
            "\"guid\":\"FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08\",\"head\":352,"
            "\"measurement\":{\"sensorindex\":1,\"subzone\":0,\"unit\":1,\"value\":26.3,\"zone\":0},"
            "\"note\":\"\",\"obid\":7,\"timestamp_ns\":\"0x187d46f48b60fc00\",\"type\":6}");
  EXPECT_EQ(encoded(event, {.dialect = PayloadDialect::kLegacy}),
            "{\"measurement\":{\"sensorindex\":1,\"subzone\":0,\"unit\":1,\"value\":26.3,\"zone\":0},"
            "\"vscpClass\":10,\"vscpData\":[137,129,1,7],\"vscpDateTime\":\"2025-12-02T03:04:05Z\","
            "\"vscpGuid\":\"FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08\",\"vscpHead\":96,"
            "\"vscpNote\":\"\",\"vscpObId\":7,\"vscpTimeStamp\":1000,\"vscpType\":6}");
  EXPECT_TRUE(encoded(event, {.measurement = false}).starts_with("{\n\"head\": 352,"));
  event.data[0] = 0x01;  // bits are no number
  EXPECT_TRUE(encoded(event, {}).starts_with("{\n\"head\": 352,"));
}

std::string value_of(std::initializer_list<std::uint8_t> data, std::uint16_t vscp_class) {
  vscp::Event event = full_event(data);
  event.vscp_class = vscp_class;
  event.vscp_type = 6;
  const std::string text = encoded(event, {});
  const std::size_t begin = text.find("\"value\":") + 8;
  return text.substr(begin, text.find(',', begin) - begin);
}

TEST(JsonPayload, ValuesAreWrittenAsUpstreamsLibraryDoes) {
  EXPECT_EQ(value_of({0x60, 21}, 10), "21.0");
  EXPECT_EQ(value_of({0x60, 0}, 10), "0.0");
  EXPECT_EQ(value_of({0x80, 5, 1}, 10), "100000.0");
  EXPECT_EQ(value_of({0x80, 14, 1}, 10), "100000000000000.0");
  EXPECT_EQ(value_of({0x80, 15, 1}, 10), "1e+15");
  EXPECT_EQ(value_of({0x80, 0x84, 1}, 10), "0.0001");
  EXPECT_EQ(value_of({0x80, 0x85, 0xff}, 10), "-1e-05");
  EXPECT_EQ(value_of({0x80, 0, 0, 0, 0, 0, 0, 1}, 60), "-5e-324");
}

// What the benchmark compares with is right, and so is ours: snprintf and upstream's own library write the same bytes.
TEST(JsonPayload, TheUsualWayWritesAndReadsTheSame) {
  vscp::Event event = full_event();
  EXPECT_EQ(baseline::encode_json_printf(event), encoded(event, {}));
  vscp::Event back = event;
  ASSERT_TRUE(baseline::decode_json_tree(encoded(event, {}), back));
  EXPECT_EQ(back, event);
  for (const std::initializer_list<std::uint8_t> data : {std::initializer_list<std::uint8_t>{0x89, 0x81, 0x01, 0x07},
                                                         {0x60, 21},
                                                         {0x60, 0},
                                                         {0x80, 5, 1},
                                                         {0x80, 15, 1},
                                                         {0x80, 0x84, 1},
                                                         {0x80, 0x85, 0xff},
                                                         {0xc0, 0x7f, 0xef, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                                                         {0xc0, 0x3f, 0xd5, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55},
                                                         {0x80, 14, 1},
                                                         {0xa0, 0x3d, 0xcc, 0xcc, 0xcd}}) {
    event = full_event(data);
    event.vscp_class = 10;
    event.vscp_type = 6;
    EXPECT_EQ(baseline::encode_json_measured(event), encoded(event, {}));
  }
}

TEST(JsonPayload, ATimeThatIsNotSetIsEmpty) {
  vscp::Event event = full_event();
  event.time_ns = 0;
  const std::string text = encoded(event, {});
  EXPECT_NE(text.find("\"datetime\": \"\",\n\"timestamp_ns\": \"0x0000000000000000\""), std::string::npos) << text;
  const Read back = read(text);
  EXPECT_TRUE(back.hints.value().time_missing);
  EXPECT_EQ(back.event.time_ns, kNow);
}

// --- Reading.

TEST(JsonPayload, ReadsWhatItWrites) {
  vscp::Event event = full_event();
  const Read now = read(encoded(event, {}));
  EXPECT_EQ(now.hints.value().format, PayloadFormat::kJson);
  EXPECT_FALSE(now.hints->time_missing);
  EXPECT_FALSE(now.hints->guid_missing);
  event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000);
  EXPECT_EQ(now.event, event);

  event = full_event();
  const Read old = read(encoded(event, {.dialect = PayloadDialect::kLegacy}));
  ASSERT_TRUE(old.hints);
  event.time_ns -= event.time_ns % 1'000'000'000;
  EXPECT_EQ(old.event, event);
}

TEST(JsonPayload, ReadsTheExamplesOfTheSpecification) {
  const Read full = read(R"({
    "head": 2,
    "obid": 123,
    "datetime": "2017-01-13T10:16:02",
    "timestamp":50817,
    "class": 10,
    "type": 8,
    "guid": "00:00:00:00:00:00:00:00:00:00:00:00:00:01:00:02",
    "data": [1,2,3,4,5,6,7],
    "note": "This is some text"
})");
  ASSERT_TRUE(full.hints);
  EXPECT_EQ(full.event.head, 2);
  EXPECT_EQ(full.event.obid, 123U);
  EXPECT_EQ(full.event.time_ns, 1'484'302'562'000'000'000ULL);
  EXPECT_EQ(full.event.timestamp_us, 50817U);
  EXPECT_EQ(full.event.vscp_class, 10);
  EXPECT_EQ(full.event.vscp_type, 8);
  EXPECT_EQ(full.event.guid, guid_of("00:00:00:00:00:00:00:00:00:00:00:00:00:01:00:02"));
  EXPECT_EQ(full.event.data_size, 7);
  EXPECT_EQ(full.event.data[6], 7);

  const Read least = read("{\n  \"class\": 10,\n  \"type\": 8,\n  \"data\": [0x81,0x01,0x07],\n}");
  ASSERT_TRUE(least.hints) << to_text(least.error());
  EXPECT_EQ(least.event.data_size, 3);
  EXPECT_EQ(least.event.data[0], 0x81);
  EXPECT_TRUE(least.hints->time_missing);
  EXPECT_TRUE(least.hints->guid_missing);
  EXPECT_EQ(least.event.time_ns, kNow);
  EXPECT_EQ(least.event.timestamp_us, static_cast<std::uint32_t>(kNow / 1000));
  EXPECT_EQ(least.event.obid, 0U);
  EXPECT_EQ(least.event.head, 0);

  const Read no_data = read("{\n  \"class\": 0,\n  \"type\": 3,\n}");
  ASSERT_TRUE(no_data.hints);
  EXPECT_EQ(no_data.event.data_size, 0);
}

TEST(JsonPayload, TheTopicFillsInWhatIsMissing) {
  const TopicDefaults topic = parse_topic_defaults("vscp/FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08/10/6");
  const Read from_topic = read(R"({"data":[1]})", PayloadFormat::kAuto, topic);
  ASSERT_TRUE(from_topic.hints);
  EXPECT_EQ(from_topic.event.vscp_class, 10);
  EXPECT_EQ(from_topic.event.vscp_type, 6);
  EXPECT_EQ(from_topic.event.guid, *topic.guid);
  EXPECT_FALSE(from_topic.hints->guid_missing);
  EXPECT_TRUE(read("{}", PayloadFormat::kAuto, topic).hints);
  // What is there counts, also if it is 0.
  const Read own = read(R"({"class":0,"type":1,"guid":"00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:09"})",
                        PayloadFormat::kAuto, topic);
  ASSERT_TRUE(own.hints);
  EXPECT_EQ(own.event.vscp_class, 0);
  EXPECT_EQ(own.event.vscp_type, 1);
  EXPECT_EQ(own.event.guid.bytes[15], 9);
  const Read zero = read(R"({"class":0,"type":1,"guid":"-"})", PayloadFormat::kAuto, topic);
  EXPECT_EQ(zero.event.guid, *topic.guid);

  EXPECT_EQ(read(R"({"data":[1]})").error(), Errc::kNoClassType);
  EXPECT_EQ(read(R"({"class":10})").error(), Errc::kNoClassType);
  EXPECT_EQ(read(R"({"type":10})").error(), Errc::kNoClassType);
  EXPECT_EQ(read("{}").error(), Errc::kNoClassType);
  EXPECT_EQ(read(R"({"class":null,"type":6})").error(), Errc::kNoClassType);
  EXPECT_EQ(read(R"({"class":"","type":6})").error(), Errc::kNoClassType);
  // Something else on the same topic.
  EXPECT_EQ(read(R"({"temperature":21.5})", PayloadFormat::kAuto, topic).error(), Errc::kNoEventField);
}

vscp::Event good(std::string_view members) {
  const Read result = read(std::string(R"({"class":10,"type":6,)").append(members).append("}"));
  EXPECT_TRUE(result.hints) << members << ": " << to_text(result.error());
  return result.event;
}

Errc bad(std::string_view members) {
  return read(std::string(R"({"class":10,"type":6,)").append(members).append("}")).error();
}

TEST(JsonPayload, Times) {
  EXPECT_EQ(good(R"("timestamp_ns":"0x187d46f48b60fc00")").time_ns, 1'764'644'645'123'456'000ULL);
  EXPECT_EQ(good(R"("timestamp_ns":1764644645123456000)").time_ns, 1'764'644'645'123'456'000ULL);
  EXPECT_EQ(good(R"("timestamp_ns":"1764644645123456000")").time_ns, 1'764'644'645'123'456'000ULL);
  EXPECT_EQ(good(R"("timestamp_ns":18446744073709551615)").time_ns, ~std::uint64_t{0});
  EXPECT_EQ(good(R"("timestamp_ns":"0x0")").time_ns, kNow);
  EXPECT_EQ(good(R"("datetime":"2025-12-02T03:04:05Z","timestamp_ns":5)").time_ns, 5U);
  EXPECT_EQ(good(R"("datetime":"2025-12-02T03:04:05.123456")").time_ns, 1'764'644'645'123'456'000ULL);
  EXPECT_EQ(good(R"("datetime":"2025-12-02 03:04:05")").time_ns, 1'764'644'645'000'000'000ULL);
  EXPECT_EQ(good(R"("datetime":"")").time_ns, kNow);
  EXPECT_EQ(good(R"("datetime":null)").time_ns, kNow);
  EXPECT_EQ(good(R"("datetime":"0000-00-00T00:00:00Z")").time_ns, kNow);
  EXPECT_EQ(good(R"("timestamp":1764644645123456000)").time_ns, 1'764'644'645'123'456'000ULL);
  EXPECT_EQ(good(R"("timestamp":1764644645123456000)").timestamp_us, static_cast<std::uint32_t>(1'764'644'645'123'456));
  EXPECT_EQ(good(R"("timestamp":1000)").time_ns, kNow);
  EXPECT_EQ(good(R"("timestamp":1000)").timestamp_us, 1000U);
  EXPECT_EQ(good(R"("timestamp":0)").timestamp_us, 0U);
  EXPECT_EQ(good(R"("timestamp":-1)").timestamp_us, 0xffffffffU);
  EXPECT_EQ(good(R"("vscpDateTime":"2025-12-02T03:04:05Z","vscpTimeStamp":4294967295)").timestamp_us, 0xffffffffU);
  EXPECT_EQ(bad(R"("datetime":"yesterday")"), Errc::kBadDate);
  EXPECT_EQ(bad(R"("datetime":"2025-13-02T03:04:05Z")"), Errc::kBadDate);
  EXPECT_EQ(bad(R"("datetime":5)"), Errc::kWrongKind);
  EXPECT_EQ(bad(R"("timestamp_ns":18446744073709551616)"), Errc::kNumberRange);
  EXPECT_EQ(bad(R"("timestamp":"-")"), Errc::kBadNumber);
  EXPECT_EQ(bad(R"("timestamp":-2147483649)"), Errc::kNumberRange);
}

TEST(JsonPayload, Numbers) {
  EXPECT_EQ(read(R"({"class":"0x0A","type":"6"})").event.vscp_class, 10);
  EXPECT_EQ(read(R"({"class":65535,"type":65535})").event.vscp_type, 65535);
  EXPECT_EQ(good(R"("obid":4294967295)").obid, 4294967295U);
  EXPECT_EQ(good(R"("head":65535)").head, 65535 & ~0x300);
  EXPECT_EQ(good(R"("head": null)").head, 0);
  EXPECT_EQ(read(R"({"class":65536,"type":6})").error(), Errc::kNumberRange);
  EXPECT_EQ(read(R"({"class":-1,"type":6})").error(), Errc::kNumberRange);
  EXPECT_EQ(read(R"({"class":10.5,"type":6})").error(), Errc::kBadNumber);
  EXPECT_EQ(read(R"({"class":1e1,"type":6})").error(), Errc::kBadNumber);
  EXPECT_EQ(read(R"({"class":true,"type":6})").error(), Errc::kWrongKind);
  EXPECT_EQ(read(R"({"class":[10],"type":6})").error(), Errc::kWrongKind);
  EXPECT_EQ(read(R"({"class":{"number":10},"type":6})").error(), Errc::kWrongKind);
  EXPECT_EQ(read(R"({"class":"ten","type":6})").error(), Errc::kBadNumber);
  EXPECT_EQ(bad(R"("obid":4294967296)"), Errc::kNumberRange);
  EXPECT_EQ(bad(R"("head":nul)"), Errc::kBadJson);
}

TEST(JsonPayload, BothNamesAndRepeatedNames) {
  EXPECT_EQ(read(R"({"class":10,"vscpClass":20,"type":6})").event.vscp_class, 10);
  EXPECT_EQ(read(R"({"vscpClass":20,"class":10,"type":6})").event.vscp_class, 10);
  EXPECT_EQ(read(R"({"class":10,"class":11,"type":6})").event.vscp_class, 11);
  EXPECT_EQ(read(R"({"class":10,"class":null,"type":6})").error(), Errc::kNoClassType);
  EXPECT_EQ(read(R"({"Class":10,"type":6})").error(), Errc::kNoClassType);
}

TEST(JsonPayload, SpellingsOfFirmware) {
  const vscp::Event event = read(R"({"vscpClass":10,"vscpType":6,"vscpObid":5,"vscpGUID":"::1","sizeData":0})").event;
  EXPECT_EQ(event.obid, 5U);
  EXPECT_EQ(event.guid, guid_of("::1"));
}

TEST(JsonPayload, Guids) {
  EXPECT_EQ(good(R"("guid":"::1")").guid, guid_of("::1"));
  EXPECT_EQ(good(R"("guid":"ff:ff:ff:ff:ff:ff:ff:fe:5c:cf:7f:c4:1e:7b:00:08")").guid, full_event().guid);
  EXPECT_TRUE(good(R"("guid":"")").guid.is_zero());
  EXPECT_EQ(good(R"("guid":"::\u0031")").guid, guid_of("::1"));  // escapes are JSON's business
  EXPECT_EQ(bad(R"("guid":"hello")"), Errc::kBadGuid);
  EXPECT_EQ(bad(R"("guid":1)"), Errc::kWrongKind);
}

std::vector<int> data_in(std::string_view list) {
  const vscp::Event event = good(std::string("\"data\":").append(list));
  return {event.data.begin(), event.data.begin() + event.data_size};
}

TEST(JsonPayload, Data) {
  using Data = std::vector<int>;
  EXPECT_EQ(data_in("[]"), Data{});
  EXPECT_EQ(data_in("[ ]"), Data{});
  EXPECT_EQ(data_in("[\n]"), Data{});
  EXPECT_EQ(data_in("null"), Data{});
  EXPECT_EQ(data_in("\"\""), Data{});
  EXPECT_EQ(data_in("[255]"), Data{255});
  EXPECT_EQ(data_in("[1, 2,\n 3 ]"), (Data{1, 2, 3}));
  EXPECT_EQ(data_in("[\n    1,\n    2,\n]"), (Data{1, 2}));
  EXPECT_EQ(data_in("\"1,2,0x03\""), (Data{1, 2, 3}));
  EXPECT_EQ(data_in("[\"1\",\"0xff\"]"), (Data{1, 255}));
  EXPECT_EQ(bad("\"data\":[256]"), Errc::kNumberRange);
  EXPECT_EQ(bad("\"data\":[1,300,2]"), Errc::kNumberRange);
  EXPECT_EQ(bad("\"data\":[\n300]"), Errc::kNumberRange);
  EXPECT_EQ(bad("\"data\":[-1]"), Errc::kBadNumber);
  EXPECT_EQ(bad("\"data\":[1.5]"), Errc::kBadNumber);
  EXPECT_EQ(bad("\"data\":[1,,2]"), Errc::kBadNumber);
  EXPECT_EQ(bad("\"data\":[1,true]"), Errc::kBadNumber);
  EXPECT_EQ(bad("\"data\":[1,[2]]"), Errc::kBadNumber);
  EXPECT_EQ(bad("\"data\":[1,{\"a\":2}]"), Errc::kBadNumber);
  EXPECT_EQ(bad("\"data\":[1}"), Errc::kBadJson);
  EXPECT_EQ(bad("\"data\":{}"), Errc::kWrongKind);
  EXPECT_EQ(bad("\"data\":5"), Errc::kWrongKind);
  EXPECT_EQ(bad("\"data\":true"), Errc::kWrongKind);
}

TEST(JsonPayload, DataSize) {
  std::string list = "[0";
  for (int i = 1; i < 512; ++i) list += ",\n        255";
  EXPECT_EQ(data_in(list + "]").size(), 512U);
  EXPECT_EQ(bad("\"data\":" + list + ",1]"), Errc::kDataSize);
  std::erase_if(list, [](char c) { return c == ' ' || c == '\n'; });
  EXPECT_EQ(data_in(list + "]").size(), 512U);
  EXPECT_EQ(bad("\"data\":" + list + ",1]"), Errc::kDataSize);
}

TEST(JsonPayload, WhatIsNotNeededIsSkipped) {
  EXPECT_EQ(
      good(R"("note":"a \" } ] note","measurement":{"value":[1,{"x":2}]},"unknown":[[]],"x":{"y":1.5e3})").vscp_type,
      6);
  EXPECT_EQ(good(R"("note":{"class":99})").vscp_class, 10);
  EXPECT_EQ(good(R"("cl\u0061ss":99)").vscp_class, 10);
}

TEST(JsonPayload, WhatIsCutShortIsAnError) {
  const std::string whole = encoded(full_event(), {});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(read(whole.substr(0, size)).error(), Errc::kBadJson) << size;
  }
  vscp::Event event = full_event({0x89, 0x81, 0x01, 0x07});
  event.vscp_class = 10;
  const std::string measured = encoded(event, {});
  for (std::size_t size = 1; size < measured.size(); ++size) {
    EXPECT_EQ(read(measured.substr(0, size)).error(), Errc::kBadJson) << size;
  }
}

TEST(JsonPayload, WhatIsNoJsonIsAnError) {
  for (const std::string_view text :
       {"{", "{}}", "{{}", "{\"class\":10,\"type\":6} x", "{\"class\":10,\"type\":6}{}", "{\"class\" 10}", "{class:10}",
        "{\"class\":10 \"type\":6}", "{\"class\":10,,\"type\":6}", "{,}", "{\"class\":10,\"type\":6]", "{\"a\xff\":1}",
        "{\"class\":}", "{\"class\":10,\"type\":6,\"note\":\"\n\"}"}) {
    EXPECT_EQ(read(text).error(), Errc::kBadJson) << text;
  }
  EXPECT_EQ(read("[1]", PayloadFormat::kJson).error(), Errc::kBadJson);
  EXPECT_EQ(read("5", PayloadFormat::kJson).error(), Errc::kBadJson);
  EXPECT_EQ(read("\"x\"", PayloadFormat::kJson).error(), Errc::kBadJson);
  EXPECT_EQ(read(" ", PayloadFormat::kJson).error(), Errc::kBadJson);
}

TEST(JsonPayload, WhiteSpaceMarkAndNulAround) {
  const std::string_view event = R"({"class":10,"type":6})";
  for (const char* before : {"", " ", "\r\n\t", "\xef\xbb\xbf", "\xef\xbb\xbf "}) {
    for (const std::string_view after : {std::string_view(), std::string_view("\n"), std::string_view("\0", 1)}) {
      const Read result = read(std::string(before).append(event).append(after));
      EXPECT_EQ(result.error(), Errc{});
      EXPECT_EQ(result.event.vscp_type, 6);
    }
  }
}

TEST(JsonPayload, SizeIsBounded) {
  std::string text = R"({"class":10,"type":6,"note":")";
  text.append(kPayloadReadMax - text.size() - 2, 'x').append("\"}");
  EXPECT_EQ(read(text).error(), Errc{});
  text.insert(text.size() - 2, 1, 'x');
  EXPECT_EQ(read(text).error(), Errc::kPayloadSize);
  std::string deep = R"({"class":10,"type":6,"x":)";
  deep.append(4000, '[').append(4000, ']').append("}");
  EXPECT_EQ(read(deep).error(), Errc{});
}

}  // namespace
}  // namespace drivers::mqtt::test
