// The stream of the binary protocol: any split, and what is no frame.
#include "protocol/frame_stream.h"
#include "tests/unit/link/binary_rig.h"

namespace link_test {
namespace {

class BinaryStream : public BinaryTest {
 protected:
  void begin(const RigSettings& settings = {}) {
    make_rig(settings);
    reader_ = rig_->connect_logged_in();
    EXPECT_EQ(rig_->ask(reader_, "RCVLOOP\r\n"), reply::kLoopEntered);
    client_ = binary();
  }
  /// The client gets one negative reply and then the end; what stood behind is not looked at.
  void expect_refused(const std::string& bytes, std::uint16_t code, VscpError error) {
    begin();
    rig_->send(client_, bytes + event_frame(77));
    const auto got = frames_of(rig_->read_all(client_));
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].code, code);
    EXPECT_EQ(got[0].error, error);
    EXPECT_TRUE(rig_->is_closed(client_));
    EXPECT_EQ(rig_->worker().counters().bad_frames.value(), 1U);
    EXPECT_EQ(rig_->read_all(reader_), "");
    end();
  }

  Socket reader_ = -1;
  Socket client_ = -1;
};

std::string some_of_each() {
  vscp::Event large;
  large.vscp_class = 21;
  large.data_size = 512;
  large.data.fill(0xf0);
  const std::string send = event_frame(3);
  return command_frame(BinaryCode::kNoop) + event_frame(1) + confirm_frame() + event_frame(large) +
         command_frame(BinaryCode::kRetr) + command_frame(BinaryCode::kRetr, big(2, 2)) +
         command_frame(BinaryCode::kUser, "somebody") + event_frame(large, true) +
         command_frame(BinaryCode::kSend, send.substr(1, send.size() - 3)) + command_frame(BinaryCode::kGetChid);
}

TEST_F(BinaryStream, CutInTwoAtEveryByte) {
  const std::string bytes = some_of_each();
  begin();
  const std::string expected = rig_->ask(client_, bytes);
  EXPECT_EQ(frames_of(expected).size(), 9U);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    rig_->send(client_, std::string_view(bytes).substr(0, cut));
    rig_->settle();
    rig_->send(client_, std::string_view(bytes).substr(cut));
    ASSERT_EQ(rig_->read_all(client_), expected) << "cut after " << cut;
    rig_->read(reader_);  // or it would hold the sender back
  }
}

TEST_F(BinaryStream, ByteByByte) {
  const std::string bytes = some_of_each();
  begin();
  const std::string expected = rig_->ask(client_, bytes);
  for (const char byte : bytes) {
    rig_->send(client_, {&byte, 1});
    rig_->settle();
  }
  EXPECT_EQ(rig_->read_all(client_), expected);
}

TEST_F(BinaryStream, InPiecesThatChanceMakes) {
  const std::string bytes = repeat(some_of_each(), 20);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RigSettings settings;
    settings.seed = seed;
    settings.faults = router::SimFaults();
    settings.faults.accept_error = 0;
    begin(settings);
    EXPECT_EQ(frames_of(rig_->ask(client_, bytes)).size(), 20U * 9) << "seed " << seed;
    end();
  }
}

TEST_F(BinaryStream, BothDialectsInOneWrite) {
  begin();
  const std::string answer =
      rig_->ask(client_, command_frame(BinaryCode::kText) + "NOOP\r\nBINARY\r\n" + command_frame(BinaryCode::kNoop) +
                             event_frame(1) + command_frame(BinaryCode::kText) + "NOOP\r\n");
  const std::string text_reply("\xf0\x00\x18\x00\x00\x6e\x02", 7);
  ASSERT_TRUE(answer.starts_with(text_reply + kOk + kBinaryOn));
  ASSERT_TRUE(answer.ends_with(text_reply + kOk));
  const auto got = frames_of(answer.substr(text_reply.size() + kOk.size() + kBinaryOn.size(),
                                           answer.size() - 2 * text_reply.size() - 2 * kOk.size() - kBinaryOn.size()));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0].is(BinaryCode::kNoop));
  EXPECT_TRUE(got[1].is(BinaryCode::kEventConfirm));
}

// ---- what is no frame ----------------------------------------------------------------------------------------------

TEST_F(BinaryStream, ATextLineIsNoFrame) {
  expect_refused("NOOP\r\n", 0xffff, VscpError::kInvalidFrame);
  expect_refused("SEND 0,20,3,0,,,-,1\r\n", 0xffff, VscpError::kInvalidFrame);
}

TEST_F(BinaryStream, UnknownTypesAndEncryption) {
  for (const char type : {'\x20', '\x7f', '\xd0'}) {
    expect_refused(type + event_frame(1).substr(1), 0xffff, VscpError::kInvalidFrame);
  }
  for (const char type : {'\x01', '\x13', '\xf1', '\x1f'}) {
    expect_refused(type + event_frame(1).substr(1), 0xffff, VscpError::kUnsupported);
  }
  expect_refused('\xe2' + command_frame(BinaryCode::kNoop).substr(1), 0xffff, VscpError::kUnsupported);
}

TEST_F(BinaryStream, SizesThatCannotBe) {
  std::string frame = event_frame(1);
  frame[34] = 2;
  frame[35] = 1;
  expect_refused(frame, 0xffff, VscpError::kSize);
  frame[34] = '\xff';
  expect_refused(frame, 0xffff, VscpError::kSize);
}

TEST_F(BinaryStream, CommandsWithAWrongCrcOrLength) {
  std::string frame = command_frame(BinaryCode::kNoop);
  frame.back() ^= 1;
  expect_refused(frame, 0, VscpError::kInvalidChecksum);
  expect_refused(command_frame(BinaryCode::kNoop, "x"), 0, VscpError::kInvalidChecksum);
  expect_refused(command_frame(BinaryCode::kSetGuid, "short"), 14, VscpError::kInvalidChecksum);
  expect_refused(command_frame(BinaryCode::kSetFilter, std::string(30, 'x')), 17, VscpError::kInvalidChecksum);
  expect_refused(command_frame(BinaryCode::kUser, std::string(200, 'x')), 2, VscpError::kInvalidChecksum);
  expect_refused(command_frame(std::uint16_t{1000}, "argument"), 1000, VscpError::kUnknownCommand);
}

TEST_F(BinaryStream, AnEventWithAWrongCrcIsRefusedAlone) {
  begin();
  std::string bad = event_frame(1);
  bad[20] ^= 1;
  const auto got = frames_of(rig_->ask(client_, bad + event_frame(2)));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kInvalidChecksum));
  EXPECT_TRUE(got[1].is(BinaryCode::kEventConfirm));
  EXPECT_EQ(lines_of(rig_->read_all(reader_)).size(), 1U);
  EXPECT_EQ(rig_->worker().counters().bad_frames.value(), 0U);
  EXPECT_EQ(rig_->worker().counters().bad_events.value(), 1U);
}

// A size that is too small leaves bytes over, which soon are no frame.
TEST_F(BinaryStream, AWrongSizeDoesNotGoOnForEver) {
  vscp::Event event;
  event.data_size = 400;
  event.data.fill('x');
  for (int size = 0; size < 256; ++size) {
    begin();
    std::string bad = event_frame(event);
    bad[34] = 0;
    bad[35] = static_cast<char>(size);
    rig_->ask(client_, bad + repeat(event_frame(7), 30));
    EXPECT_TRUE(rig_->is_closed(client_)) << size;
    EXPECT_EQ(rig_->worker().counters().bad_frames.value(), 1U);
    end();
  }
}

TEST_F(BinaryStream, HalfAFrameAndThenNothing) {
  const std::string whole = some_of_each();
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{20}, std::size_t{41}}) {
    begin();
    rig_->send(client_, std::string_view(whole).substr(5, size));  // of the event frame
    rig_->settle();
    EXPECT_EQ(rig_->read_all(client_), "");
    rig_->half_close(client_);
    EXPECT_EQ(rig_->read_all(client_), "");
    EXPECT_TRUE(rig_->is_closed(client_));
    end();
  }
  begin();
  rig_->send(client_, std::string_view(whole).substr(5, 20));
  rig_->reset(client_);
}

TEST_F(BinaryStream, BeforeLoginGarbageEndsWithTheTimeOfLogin) {
  rig_ = std::make_unique<LinkRig>();
  client_ = rig_->connect();
  rig_->read(client_);
  EXPECT_EQ(rig_->ask(client_, "BINARY\r\n"), kBinaryOn);
  EXPECT_EQ(rig_->ask(client_, std::string(30, '\x10')), "");  // perhaps an event
  rig_->pass_time(31 * kSecond);
  const auto got = frames_of(rig_->read_all(client_));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kTimeout));
  EXPECT_TRUE(rig_->is_closed(client_));
}

// ---- what cannot be processed now ----------------------------------------------------------------------------------

TEST_F(BinaryStream, EventsWaitForBuffersInOrder) {
  RigSettings settings;
  settings.event_pool = 0;
  settings.worker.inbox_batch_max = 4;
  settings.workers = 2;
  begin(settings);
  const Socket far = rig_->connect_logged_in(1);
  EXPECT_EQ(rig_->ask(far, "BINARY\r\n"), kBinaryOn);
  EXPECT_TRUE(frames_of(rig_->ask(far, command_frame(BinaryCode::kOpen))).at(0).is(BinaryCode::kOpen));
  std::string bytes;
  for (std::uint32_t i = 0; i < 5'000; ++i) bytes += event_frame(i);
  ASSERT_TRUE(rig_->send(client_, bytes));
  std::string confirms;
  std::string events;
  for (int quiet = 0; quiet < 3; ++quiet) {
    const std::string more = rig_->read_all(far);
    const std::string answers = rig_->read_all(client_);
    if (!more.empty() || !answers.empty()) quiet = 0;
    events += more;
    confirms += answers;
  }
  EXPECT_EQ(frames_of(confirms).size(), 5'000U);
  const auto got = frames_of(events);
  ASSERT_EQ(got.size(), 5'000U);
  for (std::uint32_t i = 0; i < 5'000; ++i) ASSERT_EQ(got[i].event_number(), i);
}

TEST_F(BinaryStream, APeerThatTakesNoConfirmsIsNotReadFurther) {
  begin();
  std::string bytes;
  for (std::uint32_t i = 0; i < 30'000; ++i) bytes += event_frame(i);
  rig_->net().faults().socket_bytes = 4'096;
  std::size_t sent = 0;
  while (rig_->net().send_room(client_) > 0) {
    sent += static_cast<std::size_t>(rig_->net().send(client_, std::string_view(bytes).substr(sent)));
    rig_->settle();
    rig_->read(reader_);
  }
  EXPECT_LT(sent, bytes.size());
  // And on it goes as soon as the peer reads.
  std::string confirms;
  while (sent < bytes.size()) {
    confirms += rig_->read(client_);
    rig_->read(reader_);
    const int more = rig_->net().send(client_, std::string_view(bytes).substr(sent));
    if (more > 0) sent += static_cast<std::size_t>(more);
    rig_->settle();
  }
  for (std::string more = "x"; !more.empty(); rig_->read(reader_)) confirms += more = rig_->read_all(client_);
  EXPECT_EQ(frames_of(confirms).size(), 30'000U);
}

}  // namespace
}  // namespace link_test
