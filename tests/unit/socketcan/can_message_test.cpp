#include "drivers/socketcan/can_message.h"

#include <gtest/gtest.h>
#include <linux/can.h>
#include <sys/socket.h>
#include <time.h>

#include <cstring>
#include <string>
#include <vector>

namespace drivers::socketcan {
namespace {

std::vector<char> raw_frame(std::uint32_t id, std::uint8_t size, bool fd = false) {
  canfd_frame frame{};
  frame.can_id = id;
  frame.len = size;
  for (std::size_t i = 0; i < sizeof(frame.data); ++i) frame.data[i] = static_cast<std::uint8_t>(i + 1);
  std::vector<char> out(fd ? CANFD_MTU : CAN_MTU);
  std::memcpy(out.data(), &frame, out.size());
  return out;
}

template <typename Data>
void add_control(std::vector<char>& out, int type, const Data& data, int level = SOL_SOCKET) {
  cmsghdr head{};
  head.cmsg_len = CMSG_LEN(sizeof(data));
  head.cmsg_level = level;
  head.cmsg_type = type;
  const std::size_t at = out.size();
  out.resize(at + CMSG_SPACE(sizeof(data)));
  std::memcpy(out.data() + at, &head, sizeof(head));
  std::memcpy(out.data() + at + CMSG_LEN(0), &data, sizeof(data));
}

TEST(CanMessage, ReadsFramesOfAllKinds) {
  const auto event = read_frame(raw_frame(0x0c0a0609 | CAN_EFF_FLAG, 3));
  ASSERT_TRUE(event);
  EXPECT_TRUE(event->extended && !event->remote && !event->error && !event->fd);
  EXPECT_EQ(event->id, 0x0c0a0609U);
  EXPECT_EQ(event->size, 3);
  EXPECT_EQ(event->data[2], 3);
  EXPECT_EQ(event->data[3], 0);

  const auto standard = read_frame(raw_frame(0x7ff, 0));
  ASSERT_TRUE(standard);
  EXPECT_FALSE(standard->extended);
  EXPECT_TRUE(read_frame(raw_frame(0x1 | CAN_EFF_FLAG | CAN_RTR_FLAG, 8))->remote);

  const auto error = read_frame(raw_frame(0x40 | CAN_ERR_FLAG, 8));
  ASSERT_TRUE(error);
  EXPECT_TRUE(error->error);
  EXPECT_EQ(error->id, 0x40U);

  const auto fd = read_frame(raw_frame(0x1fffffff | CAN_EFF_FLAG, 64, true));
  ASSERT_TRUE(fd);
  EXPECT_TRUE(fd->fd);
  EXPECT_EQ(fd->data[63], 64);
}

TEST(CanMessage, RefusesWhatIsNoFrame) {
  EXPECT_FALSE(read_frame({}));
  EXPECT_FALSE(read_frame(raw_frame(CAN_EFF_FLAG, 9)));
  EXPECT_FALSE(read_frame(raw_frame(CAN_EFF_FLAG, 255)));
  EXPECT_FALSE(read_frame(raw_frame(CAN_EFF_FLAG, 9, true)));
  EXPECT_FALSE(read_frame(raw_frame(CAN_EFF_FLAG, 65, true)));
  for (std::size_t size = 0; size <= 100; ++size) {
    std::vector<char> bytes(size);
    EXPECT_EQ(read_frame(bytes).has_value(), size == CAN_MTU || size == CANFD_MTU) << size;
  }
}

TEST(CanMessage, WritesWhatItReads) {
  for (const bool fd : {false, true}) {
    const auto frame = read_frame(raw_frame(0x0c0a0609 | CAN_EFF_FLAG, fd ? 24 : 5, fd));
    ASSERT_TRUE(frame);
    std::array<std::uint8_t, kFrameBytesMax> bytes;
    const std::size_t size = write_frame(*frame, true, bytes);
    ASSERT_EQ(size, fd ? CANFD_MTU : CAN_MTU);
    EXPECT_EQ(bytes[5], fd ? CANFD_BRS : 0);
    const auto back = read_frame({reinterpret_cast<const char*>(bytes.data()), size});
    ASSERT_TRUE(back);
    EXPECT_EQ(back->id, frame->id);
    EXPECT_EQ(back->size, frame->size);
    EXPECT_TRUE(back->extended);
    EXPECT_EQ(std::memcmp(back->data, frame->data, frame->size), 0);
  }
}

TEST(CanMessage, ReadsTimesAndDrops) {
  std::vector<char> control;
  add_control(control, SO_RXQ_OVFL, std::uint32_t{77});
  const timespec stamps[3] = {{1'700'000'000, 5}, {0, 0}, {12, 34}};
  add_control(control, SO_TIMESTAMPING, stamps);
  const MessageNotes notes = read_notes(control);
  EXPECT_EQ(notes.dropped, 77U);
  EXPECT_EQ(notes.kernel_ns, 1'700'000'000'000'000'005U);
  EXPECT_EQ(notes.hardware_ns, 12'000'000'034U);

  control.clear();
  add_control(control, SO_TIMESTAMPNS, timespec{2, 3});
  EXPECT_EQ(read_notes(control).kernel_ns, 2'000'000'003U);
  EXPECT_FALSE(read_notes(control).dropped);
}

TEST(CanMessage, ControlMessagesAreNotTrusted) {
  std::vector<char> control;
  add_control(control, SO_TIMESTAMPNS, timespec{-1, 3});
  add_control(control, SO_TIMESTAMPNS, timespec{1, 3'000'000'000});
  add_control(control, SO_RXQ_OVFL, std::uint16_t{1});
  add_control(control, SO_TIMESTAMPING, timespec{1, 1});
  add_control(control, SO_TIMESTAMPNS, timespec{5, 0}, SOL_SOCKET + 1);
  const MessageNotes notes = read_notes(control);
  EXPECT_EQ(notes.kernel_ns, 0U);
  EXPECT_EQ(notes.hardware_ns, 0U);
  EXPECT_FALSE(notes.dropped);
}

TEST(LossCount, CountsOnOverTheEndOf32BitsAndNeverBack) {
  LossCount count;
  count.note(10);
  count.note(7);  // a message that came before the socket was asked
  count.note(12);
  EXPECT_EQ(count.total(), 12U);
  count.restart();
  count.note(0);
  count.note(5);
  EXPECT_EQ(count.total(), 17U);
  count.restart();
  count.note(0x7fffffff);
  count.note(0xfffffffe);
  count.note(3);
  EXPECT_EQ(count.total(), 17U + 0x100000003U);
  count.add(2);
  EXPECT_EQ(count.total(), 19U + 0x100000003U);
}

}  // namespace
}  // namespace drivers::socketcan
