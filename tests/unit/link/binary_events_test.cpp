// Events in the binary protocol: sent, confirmed, pushed, polled; and what happens to them when the dialect changes.
#include <algorithm>

#include "protocol/event_line.h"
#include "protocol/frame.h"
#include "protocol/frame_stream.h"
#include "tests/unit/link/binary_rig.h"

namespace link_test {
namespace {

std::vector<std::uint32_t> count_up(std::uint32_t count, std::uint32_t first = 0) {
  std::vector<std::uint32_t> numbers(count);
  for (auto& number : numbers) number = first++;
  return numbers;
}

std::vector<std::uint32_t> numbers_of(const std::vector<Got>& frames) {
  std::vector<std::uint32_t> numbers;
  for (const Got& got : frames) {
    if (got.is_event) numbers.push_back(got.event_number());
  }
  return numbers;
}

/// Numbers of the event lines in a text; other lines are passed over.
std::vector<std::uint32_t> numbers_of_lines(std::string_view text) {
  std::vector<std::uint32_t> numbers;
  for (const auto& line : lines_of(text)) {
    Got got;
    if (vscp::decode_event_line(line, got.event)) numbers.push_back(got.event_number());
  }
  return numbers;
}

class BinaryEvents : public BinaryTest {
 protected:
  void begin(const RigSettings& settings = {}) {
    make_rig(settings);
    sender_ = binary();
    reader_ = binary();
  }
  void send_events(std::uint32_t count, std::uint32_t first = 0) {
    std::string frames;
    for (std::uint32_t i = 0; i < count; ++i) frames += event_frame(first + i);
    const auto got = ask(sender_, frames);
    ASSERT_EQ(got.size(), count);
    for (const Got& each : got) ASSERT_TRUE(each.is(BinaryCode::kEventConfirm));
  }
  void open(Socket client) {
    const auto got = ask(client, command_frame(BinaryCode::kOpen));
    ASSERT_FALSE(got.empty());
    ASSERT_TRUE(got[0].is(BinaryCode::kOpen));
  }

  Socket sender_ = -1;
  Socket reader_ = -1;
};

// ---- sent ----------------------------------------------------------------------------------------------------------

TEST_F(BinaryEvents, AConfirmTellsHeadAndCrc) {
  begin();
  vscp::Event event;
  event.head = 0x63;
  event.vscp_class = 20;
  const std::string frame = event_frame(event);
  const auto got = ask(sender_, frame);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm));
  EXPECT_EQ(got[0].argument, big(0x163, 4) + frame.substr(frame.size() - 2));
}

TEST_F(BinaryEvents, ArriveAsTheyWereSent) {
  begin();
  open(reader_);
  const Socket text = rig_->connect_logged_in();
  rig_->ask(text, "RCVLOOP\r\n");
  vscp::Event event;
  event.time_ns = 1'795'309'323'123'456'789ULL;
  event.head = 0xe0;
  event.vscp_class = 1024;
  event.vscp_type = 0xffff;
  event.guid.bytes.fill(0xab);
  event.data_size = 512;
  for (std::size_t i = 0; i < 512; ++i) event.data[i] = static_cast<std::uint8_t>(i);
  ASSERT_EQ(ask(sender_, event_frame(event)).size(), 1U);
  const auto got = frames_of(rig_->read_all(reader_));
  ASSERT_EQ(got.size(), 1U);
  event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000 & 0xffffffffU);
  EXPECT_EQ(got[0].event, event);
  vscp::Event line;
  ASSERT_TRUE(vscp::decode_event_line(lines_of(rig_->read_all(text)).at(0), line).has_value());
  EXPECT_EQ(line.obid, rig_->session(sender_)->channel);
  EXPECT_EQ(line.timestamp_us, event.timestamp_us);
  EXPECT_TRUE(std::ranges::equal(line.payload(), event.payload()));
}

TEST_F(BinaryEvents, WhatIsMissingIsFilledIn) {
  begin();
  open(reader_);
  const std::string guid = ask(sender_, command_frame(BinaryCode::kGetGuid)).at(0).argument;
  for (const bool type0 : {false, true}) {
    vscp::Event event;
    event.vscp_class = 20;
    ASSERT_EQ(ask(sender_, event_frame(event, type0)).size(), 1U);
    const auto got = frames_of(rig_->read_all(reader_));
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(std::string(got[0].event.guid.bytes.begin(), got[0].event.guid.bytes.end()), guid);
    EXPECT_EQ(got[0].event.time_ns, rig_->worker().utc_ns());
  }
  // A date without fraction stays, and so does the counter.
  vscp::Event event;
  event.time_ns = 1'795'309'323'000'000'000ULL;
  event.timestamp_us = 77;
  const Socket text = rig_->connect_logged_in();
  rig_->ask(text, "RCVLOOP\r\n");
  ask(sender_, event_frame(event, true));
  EXPECT_EQ(frames_of(rig_->read_all(reader_)).at(0).event.time_ns, event.time_ns);
  EXPECT_NE(rig_->read_all(text).find("Z,77,"), std::string::npos);
}

TEST_F(BinaryEvents, SendAsACommand) {
  begin();
  open(reader_);
  const std::string frame = event_frame(5);
  const auto got = ask(sender_, command_frame(BinaryCode::kSend, frame.substr(1, frame.size() - 3)));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].is(BinaryCode::kSend));
  EXPECT_EQ(numbers_of(frames_of(rig_->read_all(reader_))), count_up(1, 5));
}

TEST_F(BinaryEvents, ConfirmsMayBeOffButErrorsAreTold) {
  RigSettings settings;
  settings.config.binary_confirm = false;
  settings.users.push_back(make_user("admin", "secret"));
  ASSERT_TRUE(settings.users.back().send_rules.add("20:*").has_value());
  begin(settings);
  open(reader_);
  vscp::Event forbidden;
  forbidden.vscp_class = 21;
  std::string bad = event_frame(2);
  bad.back() ^= 1;
  const auto got = ask(sender_, event_frame(1) + event_frame(forbidden) + bad + event_frame(3));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kForbidden));
  EXPECT_TRUE(got[1].is(BinaryCode::kEventConfirm, VscpError::kInvalidChecksum));
  EXPECT_EQ(got[1].argument.substr(4), bad.substr(bad.size() - 2));
  EXPECT_EQ(numbers_of(frames_of(rig_->read_all(reader_))), (std::vector<std::uint32_t>{1, 3}));
  EXPECT_EQ(rig_->worker().counters().bad_events.value(), 2U);
}

TEST_F(BinaryEvents, ABadDateIsRefusedAndTheNextEventRead) {
  begin();
  vscp::Event event;
  event.time_ns = 1'795'309'323'000'000'000ULL;
  std::string frame = event_frame(event, true);
  frame[9] = 13;  // the month
  const auto got = ask(sender_, with_crc(frame.substr(0, frame.size() - 2)) + event_frame(1));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kParameter));
  EXPECT_TRUE(got[1].is(BinaryCode::kEventConfirm));
}

TEST_F(BinaryEvents, OwnEventsComeBackOnlyIfWanted) {
  for (const bool wanted : {false, true}) {
    RigSettings settings;
    settings.config.receive_sent_events = wanted;
    begin(settings);
    open(sender_);
    const auto got = ask(sender_, event_frame(1));
    EXPECT_EQ(numbers_of(got).size(), wanted ? 1U : 0U);
    end();
  }
}

TEST_F(BinaryEvents, AnotherWorkersReaderGetsThem) {
  RigSettings settings;
  settings.workers = 2;
  begin(settings);
  const Socket far = binary(1);
  open(far);
  send_events(300);
  EXPECT_EQ(numbers_of(frames_of(rig_->read_all(far))), count_up(300));
}

TEST_F(BinaryEvents, ADestinationInterfaceGetsItsEventAlone) {
  begin();
  open(reader_);
  const Socket other = binary();
  open(other);
  const std::string guid = ask(reader_, command_frame(BinaryCode::kGetGuid)).at(0).argument;
  vscp::Event event;
  event.vscp_class = 512 + 20;
  event.data_size = 17;
  std::ranges::copy(guid, event.data.begin());
  event.data[16] = 9;
  ask(sender_, event_frame(event));
  EXPECT_EQ(frames_of(rig_->read_all(reader_)).size(), 1U);
  EXPECT_EQ(rig_->read_all(other), "");
}

// ---- received ------------------------------------------------------------------------------------------------------

TEST_F(BinaryEvents, WaitUntilTheyArePolledOrTheChannelIsOpened) {
  begin();
  send_events(5);
  EXPECT_EQ(ask(reader_, command_frame(BinaryCode::kChkData)).at(0).number(0, 4), 5U);
  auto got = ask(reader_, command_frame(BinaryCode::kRetr));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0].is(BinaryCode::kRetr));
  EXPECT_EQ(got[0].number(0, 2), 0x100U);  // head: the time is nanoseconds
  EXPECT_EQ(got[0].number(2, 8), rig_->worker().utc_ns());
  EXPECT_EQ(got[0].argument.substr(10, 3), std::string(3, '\0'));
  EXPECT_EQ(got[0].number(13, 4), 20U << 16U | 3U);
  EXPECT_EQ(got[0].number(33, 2), 4U);
  EXPECT_EQ(got[0].number(35, 4), 0U);  // its data: number 0
  EXPECT_TRUE(got[1].is(BinaryCode::kRetr));
  EXPECT_TRUE(got[1].argument.empty());
  // Zero is one.
  got = ask(reader_, command_frame(BinaryCode::kRetr, big(0, 2)));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].number(35, 4), 1U);
  // More than there are: those, and still a positive reply.
  got = ask(reader_, command_frame(BinaryCode::kRetr, big(65535, 2)));
  ASSERT_EQ(got.size(), 4U);
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(got[i].number(35, 4), 2 + i);
  EXPECT_TRUE(got[3].is(BinaryCode::kRetr));
  got = ask(reader_, command_frame(BinaryCode::kRetr, big(65535, 2)));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].is(BinaryCode::kRetr, VscpError::kRcvEmpty));
  send_events(3, 10);
  got = ask(reader_, command_frame(BinaryCode::kOpen));
  ASSERT_EQ(got.size(), 4U);
  EXPECT_TRUE(got[0].is(BinaryCode::kOpen));
  EXPECT_EQ(numbers_of(got), count_up(3, 10));
}

TEST_F(BinaryEvents, AnOpenChannelNeedsNoPolling) {
  begin();
  open(reader_);
  EXPECT_TRUE(ask(reader_, command_frame(BinaryCode::kRetr)).at(0).is(BinaryCode::kRetr, VscpError::kUnsupported));
  EXPECT_EQ(ask(reader_, command_frame(BinaryCode::kChkData)).at(0).number(0, 4), 0U);
  EXPECT_TRUE(ask(reader_, command_frame(BinaryCode::kClear)).at(0).is(BinaryCode::kClear));
  send_events(2);
  EXPECT_EQ(numbers_of(frames_of(rig_->read_all(reader_))), count_up(2));
  EXPECT_TRUE(ask(reader_, command_frame(BinaryCode::kClose)).at(0).is(BinaryCode::kClose));
  send_events(2, 2);
  EXPECT_EQ(rig_->read_all(reader_), "");
  EXPECT_EQ(ask(reader_, command_frame(BinaryCode::kChkData)).at(0).number(0, 4), 2U);
  EXPECT_TRUE(ask(reader_, command_frame(BinaryCode::kClear)).at(0).is(BinaryCode::kClear));
  EXPECT_EQ(ask(reader_, command_frame(BinaryCode::kChkData)).at(0).number(0, 4), 0U);
}

TEST_F(BinaryEvents, NoSignOfLifeIsSent) {
  begin();
  open(reader_);
  rig_->pass_time(60 * kSecond);
  EXPECT_EQ(rig_->read_all(reader_), "");
}

TEST_F(BinaryEvents, ConfirmsOfTheReaderChangeNothing) {
  begin();
  open(reader_);
  send_events(3);
  const std::string confirms = confirm_frame() + confirm_frame();
  for (std::size_t cut = 0; cut <= confirms.size(); ++cut) {
    rig_->send(reader_, std::string_view(confirms).substr(0, cut));
    rig_->settle();
    rig_->send(reader_, std::string_view(confirms).substr(cut));
  }
  EXPECT_EQ(numbers_of(frames_of(rig_->read_all(reader_))), count_up(3));
  EXPECT_TRUE(ask(reader_, command_frame(BinaryCode::kNoop)).at(0).is(BinaryCode::kNoop));
}

TEST_F(BinaryEvents, RetrOfManyForASlowPeer) {
  RigSettings settings;
  begin(settings);
  constexpr std::uint32_t kMany = 20'000;
  for (std::uint32_t first = 0; first < kMany; first += 1'000) send_events(1'000, first);
  rig_->net().faults().socket_bytes = 3'000;
  rig_->send(reader_, command_frame(BinaryCode::kRetr, big(kMany, 2)) + command_frame(BinaryCode::kNoop));
  std::string bytes;
  for (;;) {
    rig_->settle();
    const std::string more = rig_->read(reader_, 701);
    if (more.empty()) break;
    bytes += more;
  }
  const auto got = frames_of(bytes);
  ASSERT_EQ(got.size(), kMany + 2);
  for (std::uint32_t i = 0; i < kMany; ++i) ASSERT_EQ(got[i].number(35, 4), i);
  EXPECT_TRUE(got[kMany].is(BinaryCode::kRetr));
  EXPECT_TRUE(got[kMany + 1].is(BinaryCode::kNoop));
}

// ---- changing the dialect ------------------------------------------------------------------------------------------

TEST_F(BinaryEvents, WhatWaitsIsWrittenAnew) {
  begin();
  const Socket text = rig_->connect_logged_in();
  send_events(100);
  EXPECT_EQ(rig_->ask(text, "BINARY\r\n"), kBinaryOn);
  const auto got = ask(text, command_frame(BinaryCode::kRetr, big(40, 2)));
  ASSERT_EQ(got.size(), 41U);
  for (std::uint32_t i = 0; i < 40; ++i) EXPECT_EQ(got[i].number(35, 4), i);
  // The other half as lines again, then new ones.
  const std::string back = rig_->ask(text, command_frame(BinaryCode::kText) + "RETR 60\r\n");
  EXPECT_EQ(numbers_of_lines(std::string_view(back).substr(7)), count_up(60, 40));
  send_events(3, 100);
  EXPECT_EQ(numbers_of_lines(rig_->ask(text, "RCVLOOP\r\n")), count_up(3, 100));
  EXPECT_EQ(rig_->session(text)->events_dropped(), 0U);
}

TEST_F(BinaryEvents, TextWhileEventsArePushedCutsNoFrame) {
  // A peer that takes a few bytes at a time, so that TEXT comes while a frame is half out.
  for (std::size_t step = 1; step < 120; step += 7) {
    begin();
    open(reader_);
    rig_->net().faults().socket_bytes = 100;
    send_events(50);
    std::string bytes = rig_->read(reader_, step);
    rig_->send(reader_, command_frame(BinaryCode::kText) + "NOOP\r\nRCVLOOP\r\n");
    for (;;) {
      rig_->settle();
      const std::string more = rig_->read(reader_, step);
      if (more.empty()) break;
      bytes += more;
    }
    // Frames up to the answer to TEXT, then lines.
    const std::string answer("\xf0\x00\x18\x00\x00\x6e\x02", 7);
    const std::size_t split = bytes.find(answer);
    ASSERT_NE(split, std::string::npos) << "step " << step;
    auto numbers = numbers_of(frames_of(std::string_view(bytes).substr(0, split)));
    const auto lines = std::string_view(bytes).substr(split + answer.size());
    EXPECT_TRUE(lines.starts_with(kOk)) << lines;
    const auto rest = numbers_of_lines(lines);
    EXPECT_FALSE(rest.empty());
    numbers.insert(numbers.end(), rest.begin(), rest.end());
    EXPECT_EQ(numbers, count_up(50)) << "step " << step;
    end();
  }
}

TEST_F(BinaryEvents, BinaryLeavesTheReceiveLoop) {
  begin();
  const Socket text = rig_->connect_logged_in();
  rig_->ask(text, "RCVLOOP\r\n");
  send_events(1);
  EXPECT_EQ(numbers_of_lines(rig_->read_all(text)), count_up(1));
  EXPECT_EQ(rig_->ask(text, "BINARY\r\n"), kBinaryOn);
  send_events(1, 1);
  rig_->pass_time(5 * kSecond);
  EXPECT_EQ(rig_->read_all(text), "");
  EXPECT_EQ(numbers_of(ask(text, command_frame(BinaryCode::kOpen))), count_up(1, 1));
}

TEST_F(BinaryEvents, ChangingAllTheTimeLosesNothing) {
  begin();
  const Socket other = rig_->connect_logged_in();
  send_events(500);
  std::string changes;
  for (int i = 0; i < 20; ++i) changes += "BINARY\r\n" + command_frame(BinaryCode::kText);
  rig_->ask(other, changes);
  EXPECT_EQ(numbers_of_lines(rig_->ask(other, "RETR 500\r\n")), count_up(500));
}

TEST_F(BinaryEvents, APeerTooSlowIsToldInAFrame) {
  RigSettings settings;
  settings.config.slow_consumer = router::SlowConsumer::kDisconnect;
  settings.config.hold_producers_ms = 0;
  settings.config.max_out_queue = 100;
  begin(settings);
  open(reader_);
  rig_->net().faults().socket_bytes = 300;
  for (std::uint32_t i = 0; i < 10; ++i) send_events(100, i * 100);
  const auto got = frames_of(rig_->read_all(reader_));
  ASSERT_FALSE(got.empty());
  EXPECT_TRUE(got.back().is(BinaryCode::kEventConfirm, VscpError::kOverrun));
  EXPECT_TRUE(rig_->is_closed(reader_));
}

}  // namespace
}  // namespace link_test
