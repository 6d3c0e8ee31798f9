#include "drivers/udp/confirm_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "protocol/vscp_error.h"

namespace drivers::udp {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes frame(std::uint16_t number) {
  vscp::Event event;
  event.vscp_class = 20;
  event.vscp_type = number;
  event.data_size = 0;
  Bytes out(vscp::kEventFrameMax);
  out.resize(vscp::encode_event_frame(event, vscp::FrameType::kEvent1, out.data()));
  return out;
}

TEST(ConfirmWindow, HoldsWhatIsNotConfirmed) {
  ConfirmWindow window(2, 100, 3);
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.due_ns(), ~std::uint64_t{0});
  ASSERT_TRUE(window.can_take(frame(1)));
  window.add(frame(1), 1000);
  EXPECT_FALSE(window.can_take(frame(1))) << "one of two that are alike could not be told from the other";
  ASSERT_TRUE(window.can_take(frame(2)));
  window.add(frame(2), 1010);
  EXPECT_FALSE(window.can_take(frame(3))) << "full";
  EXPECT_EQ(window.waiting(), 2U);
  EXPECT_EQ(window.due_ns(), 1100U);
  EXPECT_FALSE(window.confirm(confirmation_of(frame(3))));
  EXPECT_TRUE(window.confirm(confirmation_of(frame(1))));
  EXPECT_FALSE(window.confirm(confirmation_of(frame(1)))) << "that was all";
  EXPECT_EQ(window.due_ns(), 1110U);
  EXPECT_TRUE(window.can_take(frame(1)));
}

TEST(ConfirmWindow, SendsAgainLaterEachTimeAndGivesUp) {
  ConfirmWindow window(4, 100, 3);
  window.add(frame(7), 0);
  std::uint64_t given_up = 0;
  EXPECT_TRUE(window.next_due(99, given_up).empty());
  EXPECT_TRUE(std::ranges::equal(window.next_due(100, given_up), frame(7)));
  EXPECT_TRUE(std::ranges::equal(window.next_due(100, given_up), frame(7))) << "it was not sent";
  window.sent(100);
  EXPECT_EQ(window.due_ns(), 300U);
  EXPECT_TRUE(std::ranges::equal(window.next_due(300, given_up), frame(7)));
  window.sent(300);
  EXPECT_EQ(window.due_ns(), 700U);
  EXPECT_EQ(given_up, 0U);
  EXPECT_TRUE(window.next_due(700, given_up).empty());
  EXPECT_EQ(given_up, 1U);
  EXPECT_TRUE(window.empty());
}

TEST(ConfirmWindow, TheLongestDueComesFirst) {
  ConfirmWindow window(4, 100, 5);
  window.add(frame(2), 5);
  window.add(frame(1), 0);
  std::uint64_t given_up = 0;
  EXPECT_TRUE(std::ranges::equal(window.next_due(200, given_up), frame(1)));
  window.sent(200);
  EXPECT_TRUE(std::ranges::equal(window.next_due(200, given_up), frame(2)));
  window.sent(200);
  EXPECT_TRUE(window.next_due(200, given_up).empty());
  EXPECT_EQ(window.clear(), 2U);
  EXPECT_TRUE(window.can_take(frame(1)));
}

}  // namespace
}  // namespace drivers::udp
