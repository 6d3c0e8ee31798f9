#include "drivers/socketcan/bus_monitor.h"

#include <gtest/gtest.h>

namespace drivers::socketcan {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNever = ~std::uint64_t{0};

ErrorFrame state_frame(BusState state) {
  ErrorFrame out;
  out.state = state;
  out.bus_off = state == BusState::kBusOff;
  return out;
}
ErrorFrame restart_frame() {
  ErrorFrame out;
  out.restarted = true;
  out.state = BusState::kActive;
  return out;
}
std::vector<unsigned> data_of(const vscp::Event& event) {
  return {event.data.begin(), event.data.begin() + event.data_size};
}

TEST(BusMonitor, AQuietBusTellsNothing) {
  BusMonitor monitor(0);
  BusMonitor::Telling news;
  EXPECT_FALSE(monitor.take(5, news));
  EXPECT_EQ(monitor.next_ns(5), kNever);
  monitor.on_state(BusState::kActive);
  ErrorFrame arbitration;
  arbitration.lost_arbitration = true;
  monitor.on_error_frame(arbitration);
  EXPECT_FALSE(monitor.take(5, news));
  EXPECT_EQ(monitor.figures().lost_arbitrations, 1U);
  EXPECT_EQ(monitor.figures().error_frames, 1U);
}

TEST(BusMonitor, BusOffIsToldAtOnceAndItsEndToo) {
  BusMonitor monitor(3);
  ErrorFrame passive = state_frame(BusState::kPassive);
  passive.has_counters = true;
  passive.transmit_errors = 136;
  passive.receive_errors = 9;
  monitor.on_error_frame(passive);
  monitor.on_error_frame(state_frame(BusState::kBusOff));
  EXPECT_EQ(monitor.next_ns(7), 7U);
  BusMonitor::Telling news;
  ASSERT_TRUE(monitor.take(7, news));
  EXPECT_TRUE(news.is_bad);
  EXPECT_EQ(news.event.vscp_class, 508);
  EXPECT_EQ(news.event.vscp_type, 7);
  EXPECT_EQ(news.event.priority(), 1);
  EXPECT_EQ(data_of(news.event), (std::vector<unsigned>{3, 255, 255, 3, 3, 136, 9, 1}));
  EXPECT_EQ(news.text, "bus off (transmit errors 136, receive errors 9)");
  EXPECT_FALSE(monitor.take(8, news));

  monitor.on_error_frame(restart_frame());
  EXPECT_FALSE(monitor.take(9, news)) << "once a second";
  EXPECT_EQ(monitor.next_ns(9), 7 + kSecond);
  ASSERT_TRUE(monitor.take(7 + kSecond, news));
  EXPECT_FALSE(news.is_bad);
  EXPECT_EQ(news.event.vscp_type, 0);
  EXPECT_EQ(data_of(news.event), (std::vector<unsigned>{3, 255, 255, 0, 3, 136, 9, 0}));
  EXPECT_EQ(monitor.figures().bus_offs, 1U);
  EXPECT_EQ(monitor.figures().restarts, 1U);
  EXPECT_EQ(monitor.next_ns(kSecond * 9), kNever);
}

TEST(BusMonitor, AFlappingBusIsToldOnceASecondWithTheWorst) {
  BusMonitor monitor(0);
  BusMonitor::Telling news;
  std::uint64_t told = 0;
  std::uint64_t bus_offs = 0;
  for (std::uint64_t ms = 0; ms < 10'000; ms += 10) {
    monitor.on_error_frame(state_frame(BusState::kBusOff));
    monitor.on_error_frame(restart_frame());
    while (monitor.take(ms * 1'000'000, news)) {
      ++told;
      EXPECT_EQ(news.event.data[4], 3);
      bus_offs += news.event.data[7];
    }
  }
  EXPECT_EQ(told, 10U);
  EXPECT_EQ(monitor.figures().bus_offs, 1000U);
  ASSERT_TRUE(monitor.take(kSecond * 20, news));
  EXPECT_EQ(bus_offs + news.event.data[7], 1000U);
}

TEST(BusMonitor, OnlyARestartEndsBusOff) {
  BusMonitor monitor(0);
  monitor.on_error_frame(state_frame(BusState::kBusOff));
  monitor.on_error_frame(state_frame(BusState::kWarning));
  EXPECT_EQ(monitor.state(), BusState::kBusOff);
  monitor.on_state(BusState::kActive);  // the kernel says so
  EXPECT_EQ(monitor.state(), BusState::kActive);
}

TEST(BusMonitor, LossesAreToldWithTheirNumber) {
  BusMonitor monitor(1);
  BusMonitor::Telling news;
  monitor.on_receive_losses(70'000);
  monitor.on_transmit_losses(5);
  ASSERT_TRUE(monitor.take(1, news));
  EXPECT_EQ(news.event.vscp_type, 18);
  EXPECT_EQ(data_of(news.event), (std::vector<unsigned>{1, 255, 255, 0, 1, 0x11, 0x70}));
  ASSERT_TRUE(monitor.take(1, news));
  EXPECT_EQ(news.event.vscp_type, 21);
  EXPECT_EQ(data_of(news.event), (std::vector<unsigned>{1, 255, 255, 0, 0, 0, 5}));
  EXPECT_FALSE(monitor.take(1, news));
  monitor.on_transmit_losses(8);
  EXPECT_FALSE(monitor.take(2, news));
  ASSERT_TRUE(monitor.take(1 + kSecond, news));
  EXPECT_EQ(news.event.data[6], 3);
}

TEST(BusMonitor, TheInterfaceGoesAndComes) {
  BusMonitor monitor(0);
  BusMonitor::Telling news;
  monitor.on_link(LinkState::kUp);
  ASSERT_TRUE(monitor.take(1, news));
  EXPECT_EQ(news.event.vscp_type, 16);
  EXPECT_EQ(news.text, "the interface is up");
  monitor.on_state(BusState::kPassive);
  monitor.on_link(LinkState::kDown);
  EXPECT_EQ(monitor.state(), BusState::kUnknown);
  monitor.on_link(LinkState::kAbsent);
  ASSERT_TRUE(monitor.take(1 + kSecond, news));
  EXPECT_EQ(news.text, "was error passive (transmit errors 0, receive errors 0)");
  ASSERT_TRUE(monitor.take(1 + kSecond, news));
  EXPECT_EQ(news.event.vscp_type, 33);
  EXPECT_EQ(data_of(news.event), (std::vector<unsigned>{0, 255, 255, 0}));
  monitor.on_link(LinkState::kUp);
  ASSERT_TRUE(monitor.take(1 + 2 * kSecond, news));
  EXPECT_EQ(news.event.vscp_type, 16);
  EXPECT_FALSE(monitor.take(1 + 2 * kSecond, news)) << "its controller begins anew";
  monitor.on_link(LinkState::kDown);  // and up again before anybody could be told
  monitor.on_link(LinkState::kUp);
  ASSERT_TRUE(monitor.take(1 + 3 * kSecond, news));
  EXPECT_EQ(news.text, "the interface is up again");
}

TEST(BusMonitor, BusOffIsToldEvenIfTheInterfaceWasSwitchedOffAtOnce) {
  BusMonitor monitor(0);
  BusMonitor::Telling news;
  monitor.on_link(LinkState::kUp);
  monitor.on_error_frame(state_frame(BusState::kPassive));
  while (monitor.take(1, news)) {
  }
  monitor.on_error_frame(state_frame(BusState::kBusOff));
  monitor.on_link(LinkState::kDown);
  monitor.on_link(LinkState::kUp);
  ASSERT_TRUE(monitor.take(1 + kSecond, news));
  EXPECT_EQ(news.text, "was bus off (transmit errors 0, receive errors 0)");
  EXPECT_EQ(data_of(news.event), (std::vector<unsigned>{0, 255, 255, 255, 3, 0, 0, 1}));
  monitor.on_state(BusState::kActive);
  EXPECT_EQ(monitor.figures().restarts, 1U);
  while (monitor.take(1 + 2 * kSecond, news)) EXPECT_EQ(news.news, News::kLink);
}

}  // namespace
}  // namespace drivers::socketcan
