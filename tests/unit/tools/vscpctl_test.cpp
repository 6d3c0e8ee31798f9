// The parts of vscpctl that need no terminal: options to filters and lines, events and answers to text.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "protocol/event_line.h"
#include "tools/vscpctl/admin_view.h"
#include "tools/vscpctl/connection.h"
#include "tools/vscpctl/event_view.h"
#include "tools/vscpctl/selection.h"
#include "tools/vscpctl/send.h"

namespace tools::ctl {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kNoonNs = 1'767'355'200'123'000'000;  // 2026-01-02T12:00:00.123Z

vscp::Event event_from(std::string_view line) {
  vscp::Event event;
  EXPECT_TRUE(vscp::decode_event_line(line, event)) << line;
  return event;
}

class EventView : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

TEST(Duration, ReadsUnits) {
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("10"), 10s);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  for (const char* bad : {"", "s", "-1s", "0", "1d", "1 s", "nan", "inf", "1e3", "999999999999h"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST_F(EventView, ShowsAMeasurement) {
  const auto event =
      event_from("96,10,6,0,2026-01-02T12:00:00Z,0,FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:00:00:01,137,130,8,92");
  EXPECT_EQ(event_text(event, kNoonNs, {}),
            "12:00:00.123 p3 CLASS1.MEASUREMENT/TEMPERATURE    FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:00:00:01  "
            "21.40 °C sensor 1");
}

TEST_F(EventView, ShowsTheZoneIfThereIsOne) {
  const auto text = [](std::string_view line) {
    const std::string all = event_text(event_from(line), kNoonNs, {});
    return all.substr(all.find("00:00  ") + 7);
  };
  EXPECT_EQ(text("0,20,3,0,,,-,0,2,255"), "00 02 FF  zone 2/all");
  EXPECT_EQ(text("0,1,2,0,,,-,1,0,7,9"), "01 00 07 09  zone 0/7");
  EXPECT_EQ(text("0,20,38,0,,,-,0,2,255"), "00 02 FF");  // stream data begin otherwise
  EXPECT_EQ(text("0,30,5,0,,,-,0,2,255"), "00 02 FF");
  EXPECT_EQ(text("0,1040,6,0,,,-,0,0,0,1,50,49"), "21 °C");
  EXPECT_EQ(text("0,1040,6,0,,,-,0,1,0,1,50,49"), "21 °C zone 1/0");
}

TEST_F(EventView, NothingTrailsAnEventWithoutData) {
  EXPECT_TRUE(event_text(event_from("0,20,3,0,,,-"), kNoonNs, {}).ends_with(":00"));
}

TEST_F(EventView, ShowsDataAsHexAndATimeThatDiffers) {
  const auto event = event_from("0,20,3,0,2026-01-01T00:00:00Z,0,-,1,255");
  EXPECT_EQ(event_text(event, kNoonNs, {}),
            "12:00:00.123 p0 CLASS1.INFORMATION/ON             00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00  01 FF  "
            "at 2026-01-01 00:00:00");
}

TEST_F(EventView, CutsDataToTheWidthOfTheTerminal) {
  std::string line = "0,20,3,0,,,-";
  for (int i = 0; i < 487; ++i) line += ",1";
  const std::string text = event_text(event_from(line), kNoonNs, {false, 160});
  EXPECT_LE(text.size(), 160U);
  EXPECT_TRUE(text.ends_with("... 487 bytes  zone 1/1")) << text;
  EXPECT_EQ(event_text(event_from(line), kNoonNs, {false, 0}).find("bytes"), std::string::npos);
}

TEST_F(EventView, ColoursOnlyIfAsked) {
  const auto event = event_from("0,1,2,0,,,-,1,0,0");
  EXPECT_EQ(event_text(event, kNoonNs, {false, 0}).find('\x1b'), std::string::npos);
  EXPECT_NE(event_text(event, kNoonNs, {true, 0}).find("\x1b["), std::string::npos);
}

TEST_F(EventView, JsonIsOneParsableObject) {
  const auto event = event_from("96,1040,6,7,2026-01-02T12:00:00Z,5,-,1,2,3,1,50,49,46,53");
  const std::string text = event_json(event, kNoonNs);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("received"), "2026-01-02T12:00:00.123000000Z");
  EXPECT_EQ(json.at("time"), "2026-01-02T12:00:00.000000000Z");
  EXPECT_EQ(json.at("class"), 1040);
  EXPECT_EQ(json.at("class_name"), "CLASS2.MEASUREMENT_STR");
  EXPECT_EQ(json.at("type_name"), "TEMPERATURE");
  EXPECT_EQ(json.at("priority"), 3);
  EXPECT_EQ(json.at("obid"), 7);
  EXPECT_EQ(json.at("timestamp_us"), 5);
  EXPECT_EQ(json.at("data"), (std::vector<int>{1, 2, 3, 1, 50, 49, 46, 53}));
  EXPECT_EQ(json.at("measurement").at("value"), 21.5);
  EXPECT_EQ(json.at("measurement").at("unit"), "°C");
  EXPECT_EQ(json.at("measurement").at("zone"), 2);
}

TEST_F(EventView, JsonOfAnEventWithoutTimeDataOrName) {
  const auto json = nlohmann::json::parse(event_json(event_from("0,300,1,0,,,-"), kNoonNs));
  EXPECT_TRUE(json.at("time").is_null());
  EXPECT_TRUE(json.at("data").empty());
  EXPECT_EQ(json.at("class_name"), "");
  EXPECT_FALSE(json.contains("measurement"));
}

TEST(Selection, NothingAskedLetsEverythingPass) {
  const auto selection = Selection::make({});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->server_filter(), vscp::Filter{});
  EXPECT_TRUE(selection->wants(event_from("0,10,6,0,,,-")));
}

TEST(Selection, OneClassAndTypeByNameIsExactOnTheServer) {
  SelectionOptions options;
  options.classes = {"measurement"};
  options.types = {"temperature"};
  options.priority = 3;
  options.guid_prefix = "FF:a0";
  const auto selection = Selection::make(options);
  ASSERT_TRUE(selection) << selection.error().text;
  const auto& filter = selection->server_filter();
  EXPECT_EQ(filter.filter_class, 10);
  EXPECT_EQ(filter.mask_class, 0xffff);
  EXPECT_EQ(filter.filter_type, 6);
  EXPECT_EQ(filter.mask_type, 0xffff);
  EXPECT_EQ(filter.filter_priority, 3);
  EXPECT_EQ(filter.mask_priority, 7);
  EXPECT_EQ(filter.filter_guid.bytes[1], 0xa0);
  EXPECT_EQ(filter.mask_guid.bytes[1], 0xff);
  EXPECT_EQ(filter.mask_guid.bytes[2], 0);
}

TEST(Selection, SeveralClassesAreDecidedOnBothSides) {
  SelectionOptions options;
  options.classes = {"10", "11", "20"};
  const auto selection = Selection::make(options);
  ASSERT_TRUE(selection);
  for (const int vscp_class : {10, 11, 20, 12, 21, 30, 1034}) {
    const auto event = event_from("0," + std::to_string(vscp_class) + ",6,0,,,-");
    const bool wanted = vscp_class == 10 || vscp_class == 11 || vscp_class == 20;
    EXPECT_EQ(selection->wants(event), wanted) << vscp_class;
    EXPECT_TRUE(!wanted || selection->server_filter().matches(event)) << vscp_class;
  }
  EXPECT_NE(selection->server_filter().mask_class, 0);
}

TEST(Selection, TakesFilterAndMaskAsTheyAre) {
  SelectionOptions options;
  options.filter = "0,0x14,3,-";
  options.mask = "0,0xffff,0xff,-";
  const auto selection = Selection::make(options);
  ASSERT_TRUE(selection) << selection.error().text;
  EXPECT_EQ(selection->server_filter().filter_class, 20);
  EXPECT_EQ(selection->server_filter().mask_type, 0xff);
}

TEST(Selection, SaysWhatIsWrong) {
  const auto text_of = [](SelectionOptions options) {
    const auto selection = Selection::make(options);
    return selection ? std::string("accepted") : selection.error().text;
  };
  EXPECT_NE(text_of({.classes = {"MEASURMENT"}}).find("did you mean CLASS1.MEASUREMENT?"), std::string::npos);
  EXPECT_NE(text_of({.classes = {"70000"}}).find("0 to 65535"), std::string::npos);
  EXPECT_NE(text_of({.types = {"TEMPERATURE"}}).find("give exactly one --class"), std::string::npos);
  EXPECT_NE(text_of({.classes = {"10"}, .types = {"TEMPRATURE"}}).find("did you mean TEMPERATURE?"), std::string::npos);
  EXPECT_NE(text_of({.filter = "0,20,0,-"}).find("both"), std::string::npos);
  EXPECT_NE(text_of({.filter = "0,20,0,-", .mask = "nonsense"}).find("--mask"), std::string::npos);
  EXPECT_NE(text_of({.filter = "0,0,0,-", .mask = "0,0,0,-", .classes = {"10"}}).find("combined"), std::string::npos);
  for (const char* guid : {"GG", "FF::01", "FFF", "", "0:1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:0"}) {
    EXPECT_FALSE(parse_guid_prefix(guid)) << guid;
  }
}

TEST(MakeEventLine, BuildsFromOptions) {
  const auto line = make_event_line(
      {.vscp_class = "information", .vscp_type = "on", .data = "0,0x10,255", .guid = "", .priority = 3});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(*line, "96,20,3,0,,,-,0,16,255");
  const auto bare = make_event_line({.vscp_class = "20",
                                     .vscp_type = "3",
                                     .data = "",
                                     .guid = "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:00:00:01",
                                     .priority = 0});
  ASSERT_TRUE(bare);
  EXPECT_EQ(*bare, "0,20,3,0,,,FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:00:00:01");
}

TEST(MakeEventLine, SaysWhatIsWrong) {
  EXPECT_NE(make_event_line({}).error().text.find("--class and --type"), std::string::npos);
  EXPECT_NE(
      make_event_line({.vscp_class = "20", .vscp_type = "3", .data = "256", .guid = ""}).error().text.find("--data"),
      std::string::npos);
  EXPECT_NE(
      make_event_line({.vscp_class = "20", .vscp_type = "3", .data = "", .guid = "xyz"}).error().text.find("--guid"),
      std::string::npos);
  EXPECT_FALSE(check_event_line("0,20,3"));
  EXPECT_FALSE(check_event_line("SEND 0,20,3,,,,-"));
  EXPECT_TRUE(check_event_line("0,20,3,,,,-,1,2"));
}

TEST(NumberText, FollowsTheKey) {
  EXPECT_EQ(number_text("events_in", 1234567), "1 234 567");
  EXPECT_EQ(number_text("events_in", -1234), "-1 234");
  EXPECT_EQ(number_text("events_in", 999), "999");
  EXPECT_EQ(number_text("log_bytes", 2048), "2.00 KiB");
  EXPECT_EQ(number_text("turn_ns", 1500), "1.50 us");
  EXPECT_EQ(number_text("turn_ns_max", 1500), "1.50 us");
  EXPECT_EQ(number_text("queue_max", 1500), "1 500");
  EXPECT_EQ(number_text("uptime_s", 3725), "1 h 2 min");
}

TEST(StatText, ShowsEveryNumberPerWorkerAndInTotal) {
  const char* answer =
      R"({"version":"1.2","server_name":"hall","guid":"FF:01","uptime_s":61,"workers":[{"id":0,"sessions":1,"events_in":1000},)"
      R"({"id":1,"sessions":2,"events_in":5,"new_counter":7}],"total":{"sessions":3,"events_in":1005,"new_counter":7}})";
  const auto text = stat_text(answer, nullptr);
  ASSERT_TRUE(text) << text.error();
  EXPECT_EQ(*text,
            "vscprouterd 1.2  \"hall\"  FF:01  up 1 min 1 s\n"
            "counter      worker 0  worker 1  total\n"
            "sessions            1         2      3\n"
            "events_in       1 000         5  1 005\n"
            "new_counter         -         7      7\n");
}

TEST(StatText, ShowsRatesFromTheSecondAnswerOn) {
  StatMemory memory;
  memory.time = std::chrono::steady_clock::time_point(10s);
  const auto first = stat_text(R"({"workers":[],"total":{"events_in":100}})", &memory);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->find("per s"), std::string::npos);
  memory.time += 2s;
  const auto second = stat_text(R"({"workers":[],"total":{"events_in":3100}})", &memory);
  ASSERT_TRUE(second);
  EXPECT_NE(second->find("per s"), std::string::npos);
  EXPECT_NE(second->find("1 500"), std::string::npos);
}

TEST(StatText, WhatGoesUpAndDownHasNoRate) {
  StatMemory memory;
  memory.time = std::chrono::steady_clock::time_point(10s);
  ASSERT_TRUE(stat_text(R"({"total":{"sessions":9}})", &memory));
  memory.time += 2s;
  EXPECT_TRUE(stat_text(R"({"total":{"sessions":1}})", &memory)->ends_with("\nsessions      1\n"));
}

TEST(ReloadText, SaysWhatWasReadOrWhatIsWrong) {
  EXPECT_EQ(reload_text(R"({"reloaded":1})", nullptr), "users of 1 listener read again\n");
  EXPECT_EQ(reload_text(R"({"reloaded":2})", nullptr), "users of 2 listeners read again\n");
  EXPECT_EQ(reload_text(R"({"error":"u.json:1:1: x"})", nullptr).error(), "the daemon says: u.json:1:1: x");
  EXPECT_FALSE(reload_text("{}", nullptr));
}

TEST(SpoolTexts, ShowWhatTheDaemonSaysAndNotWhatATerminalWouldObey) {
  const auto list = spools_text(
      R"({"spools":[{"name":"a\u001b[2J","driver":"mqtt","kind":"spool","events":1200,"limit_bytes":1048576,)"
      R"("events_by_priority":[0,5,0,1195],"dropped_full":2,"dropped_age":3,"oldest_age_s":61,"refusing":true,)"
      R"("folder":"/x","disk_bytes":2048},7]})",
      nullptr);
  ASSERT_TRUE(list);
  EXPECT_NE(list->find("a?[2J  mqtt    -         spool   1 200"), std::string::npos) << *list;
  EXPECT_NE(list->find("  1:5 3:1195  "), std::string::npos) << *list;
  EXPECT_TRUE(list->ends_with("a?[2J: /x, 2.00 KiB on disk\n"
                              "a?[2J: events for it are REFUSED now: it is full, or the disk takes nothing\n"))
      << *list;
  const auto records = spool_records_text(
      R"({"events":9,"records":[{"priority":0,"stored":"2026-01-02T03:04:05Z","in_flight":true,"event":"0,1,2"},)"
      R"({"priority":3,"stored":"x","in_flight":false,"message_bytes":70,"topic":"a/b\u0007"},null]})",
      nullptr);
  ASSERT_TRUE(records);
  EXPECT_EQ(*records,
            "2026-01-02T03:04:05Z p0  0,1,2  (in flight)\n"
            "x p3  a message of 70 bytes on a/b?\n"
            "3 of 9 shown\n");
  EXPECT_EQ(purge_text(R"({"purged":5,"in_flight":2})", nullptr), "5 events were dropped, 2 are in flight and stay\n");
  for (const auto text : {&spools_text, &spool_records_text, &purge_text}) {
    EXPECT_FALSE(text("{}", nullptr));
    EXPECT_FALSE(text("[", nullptr));
    EXPECT_EQ(text(R"({"error":"no"})", nullptr).error(), "the daemon says: no");
  }
}

TEST(StatText, DriversHaveATableEach) {
  const auto text = stat_text(
      R"({"total":{},"drivers":[{"driver":"link_client","name":"north","state":"connected","events_in":1200},)"
      R"({"driver":"mqtt","name":"site","retained":true},{"driver":"link_client","name":"a","state":"\u001b[2J"},7]})",
      nullptr);
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->ends_with("\nlink_client\n"
                              "name   state      events_in\n"
                              "north  connected      1 200\n"
                              "a      ?[2J               -\n"
                              "\nmqtt\n"
                              "name  retained\n"
                              "site  yes\n"))
      << *text;
}

TEST(StatText, SurvivesAnyAnswer) {
  EXPECT_FALSE(stat_text("", nullptr));
  EXPECT_FALSE(stat_text("[]", nullptr));
  EXPECT_FALSE(stat_text("{\"wor", nullptr));
  EXPECT_EQ(stat_text(R"({"error":"not \u001b[2J allowed"})", nullptr).error(), "the daemon says: not ?[2J allowed");
  EXPECT_TRUE(stat_text("{}", nullptr));
  EXPECT_TRUE(stat_text(R"({"workers":[1,"x",null],"total":5})", nullptr));
  EXPECT_TRUE(stat_text(R"({"workers":{},"total":{"a":"b"}})", nullptr));
}

TEST(SessionsText, OneRowPerSession) {
  const char* answer = R"({"sessions":[{"id":1,"user":"admin","peer":"127.0.0.1:5555","events_in":12},)"
                       R"({"id":10,"user":"","peer":"[::1]:7","events_in":3456,"dropped":2}]})";
  const auto text = sessions_text(answer, nullptr);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text,
            "id  user   peer            events_in  dropped\n"
            " 1  admin  127.0.0.1:5555         12        -\n"
            "10  -      [::1]:7             3 456        2\n"
            "2 sessions\n");
  EXPECT_EQ(*sessions_text(R"({"sessions":[]})", nullptr), "no sessions\n");
  EXPECT_FALSE(sessions_text("{}", nullptr));
  EXPECT_TRUE(sessions_text(R"({"sessions":[1,null,{"user":"\u001b[2J"}]})", nullptr)->find('\x1b') ==
              std::string::npos);
}

}  // namespace
}  // namespace tools::ctl
