#include "protocol/can_id.h"

#include <gtest/gtest.h>

namespace {

using vscp::CanFrame;
using vscp::CanId;
using vscp::Errc;
using vscp::Event;
using vscp::Guid;

TEST(CanId, HasTheBitsOfTheSpec) {
  const CanId id{.priority = 5, .hard_coded = true, .vscp_class = 0x155, .vscp_type = 0xa5, .nickname = 0x3c};
  EXPECT_EQ(vscp::pack_can_id(id), 5U << 26 | 1U << 25 | 0x155U << 16 | 0xa5U << 8 | 0x3cU);
  EXPECT_EQ(vscp::unpack_can_id(vscp::pack_can_id(id)), id);
  EXPECT_EQ(
      vscp::pack_can_id({.priority = 7, .hard_coded = true, .vscp_class = 511, .vscp_type = 255, .nickname = 255}),
      0x1fffffffU);
}

TEST(CanId, BecomesAnEventWithTheNicknameInTheGuid) {
  Guid interface_guid;
  interface_guid.bytes.fill(0x11);
  CanFrame frame{
      .id = vscp::pack_can_id({.priority = 3, .hard_coded = true, .vscp_class = 10, .vscp_type = 6, .nickname = 9}),
      .size = 2};
  frame.data[0] = 0xaa;
  frame.data[1] = 0xbb;
  Event event;
  ASSERT_TRUE(vscp::can_to_event(frame, interface_guid, event).has_value());
  EXPECT_EQ(event.guid.bytes[14], 0x11);
  EXPECT_EQ(event.guid.bytes[15], 9);
  EXPECT_EQ(event.priority(), 3);
  EXPECT_EQ(event.head, (3U << 5) | vscp::kHeadHardCoded);
  EXPECT_EQ(event.vscp_class, 10);
  EXPECT_EQ(event.vscp_type, 6);
  EXPECT_EQ(event.time_ns, 0U);
  ASSERT_EQ(event.data_size, 2);
  EXPECT_EQ(event.data[1], 0xbb);
  const auto back = vscp::event_to_can(event);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->id, frame.id);
  EXPECT_EQ(back->size, 2);
  EXPECT_TRUE(back->extended);
}

TEST(CanId, RefusesFramesThatAreNotVscp) {
  Event event;
  for (const CanFrame& frame :
       {CanFrame{.extended = false}, CanFrame{.remote = true}, CanFrame{.error = true}, CanFrame{.size = 9}}) {
    EXPECT_EQ(vscp::can_to_event(frame, {}, event).error(), Errc::kNotVscpFrame);
  }
}

Event event_of(std::uint16_t vscp_class, std::uint16_t vscp_type, std::uint16_t data_size) {
  Event event;
  event.vscp_class = vscp_class;
  event.vscp_type = vscp_type;
  event.data_size = data_size;
  event.data.fill(0);
  event.data[16] = 0x42;
  return event;
}

TEST(CanId, StripsTheDestinationOfMirroredClasses) {
  const auto frame = vscp::event_to_can(event_of(512 + 20, 3, 17));
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(vscp::unpack_can_id(frame->id).vscp_class, 20);
  EXPECT_EQ(frame->size, 1);
  EXPECT_EQ(frame->data[0], 0x42);
  EXPECT_EQ(vscp::event_to_can(event_of(1023, 3, 24))->size, 8);
}

TEST(CanId, RefusesEventsThatCanCannotCarry) {
  for (const Event& event : {event_of(1024, 3, 0), event_of(1040, 3, 16), event_of(65535, 0, 0), event_of(20, 256, 0),
                             event_of(20, 3, 9), event_of(532, 3, 15), event_of(532, 3, 25), event_of(1024, 0, 20)}) {
    EXPECT_EQ(vscp::event_to_can(event).error(), Errc::kNotLevel1);
  }
}

TEST(CanId, FdFramesCarryTheSizesThatTheyHave) {
  for (std::size_t size = 0; size <= 66; ++size) {
    const bool exact =
        size <= 8 || size == 12 || size == 16 || size == 20 || size == 24 || size == 32 || size == 48 || size == 64;
    Event event = event_of(20, 3, static_cast<std::uint16_t>(size));
    for (std::size_t i = 0; i < size; ++i) event.data[i] = static_cast<std::uint8_t>(i + 1);
    const auto frame = vscp::event_to_can(event, true);
    ASSERT_EQ(frame.has_value(), exact) << size;
    EXPECT_EQ(vscp::event_to_can(event, false).has_value(), size <= 8) << size;
    if (!exact) continue;
    EXPECT_EQ(frame->fd, size > 8) << size;
    Event back;
    ASSERT_TRUE(vscp::can_to_event(*frame, event.guid, back).has_value());
    EXPECT_EQ(back, event);
  }
}

TEST(CanId, FdFramesOfImpossibleSizeAreRefused) {
  Event event;
  for (const CanFrame& frame :
       {CanFrame{.fd = true, .size = 9}, CanFrame{.fd = true, .size = 63}, CanFrame{.fd = true, .size = 65},
        CanFrame{.fd = false, .size = 12}, CanFrame{.remote = true, .fd = true}}) {
    EXPECT_EQ(vscp::can_to_event(frame, {}, event).error(), Errc::kNotVscpFrame);
  }
}

TEST(CanId, DestinationsAreNotCountedAmongTheDataOfFdFrames) {
  EXPECT_EQ(vscp::event_to_can(event_of(520, 3, 16 + 64), true)->size, 64);
  EXPECT_EQ(vscp::event_to_can(event_of(520, 3, 16 + 12), true)->size, 12);
  EXPECT_FALSE(vscp::event_to_can(event_of(520, 3, 16 + 9), true));
  EXPECT_FALSE(vscp::event_to_can(event_of(1040, 3, 8), true));
}

}  // namespace
