#include "drivers/socketcan/error_frame.h"

#include <gtest/gtest.h>
#include <linux/can/error.h>

#include <initializer_list>

namespace drivers::socketcan {
namespace {

vscp::CanFrame error_frame(std::uint32_t id, std::initializer_list<std::uint8_t> data) {
  vscp::CanFrame out{.id = id, .extended = false, .error = true, .size = CAN_ERR_DLC};
  std::copy(data.begin(), data.end(), out.data);
  return out;
}

// As drivers of real controllers send them.
TEST(ErrorFrame, BusOff) {
  const ErrorFrame error = decode_error_frame(error_frame(0x40, {0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(error.bus_off);
  EXPECT_EQ(error.state, BusState::kBusOff);
  EXPECT_EQ(to_text(error), "bus off");
}

TEST(ErrorFrame, PassiveWithCounters) {
  const ErrorFrame error = decode_error_frame(error_frame(0x204, {0, 0x20, 0, 0, 0, 0, 136, 3}));
  EXPECT_EQ(error.state, BusState::kPassive);
  EXPECT_TRUE(error.has_counters);
  EXPECT_EQ(error.transmit_errors, 136);
  EXPECT_EQ(error.receive_errors, 3);
  EXPECT_EQ(to_text(error), "error passive");
}

TEST(ErrorFrame, StatesOfTheController) {
  EXPECT_EQ(decode_error_frame(error_frame(4, {0, 0x04})).state, BusState::kWarning);
  EXPECT_EQ(decode_error_frame(error_frame(4, {0, 0x18})).state,
            BusState::kPassive);  // warning of one, passive of the other
  EXPECT_EQ(decode_error_frame(error_frame(4, {0, 0x40})).state, BusState::kActive);
  EXPECT_EQ(decode_error_frame(error_frame(4, {0, 0x01})).state, BusState::kUnknown);
  EXPECT_TRUE(decode_error_frame(error_frame(4, {0, 0x01})).receive_overflow);
  EXPECT_TRUE(decode_error_frame(error_frame(4, {0, 0x02})).transmit_overflow);
  EXPECT_EQ(decode_error_frame(error_frame(0x100, {})).state, BusState::kActive);
  EXPECT_TRUE(decode_error_frame(error_frame(0x100, {})).restarted);
}

TEST(ErrorFrame, ViolationsOfTheProtocol) {
  const ErrorFrame error = decode_error_frame(error_frame(0x88, {0, 0, 0x84, 0x0a}));
  EXPECT_TRUE(error.bus_error);
  EXPECT_EQ(error.protocol, CAN_ERR_PROT_STUFF | CAN_ERR_PROT_TX);
  EXPECT_EQ(to_text(error), "bit stuffing error, on transmission, in the data");
  EXPECT_EQ(to_text(decode_error_frame(error_frame(0xa0, {}))), "no acknowledgement");
  EXPECT_EQ(to_text(decode_error_frame(error_frame(0x2, {5}))), "lost arbitration");
  EXPECT_EQ(decode_error_frame(error_frame(0x2, {5})).arbitration_bit, 5);
  EXPECT_EQ(to_text(decode_error_frame(error_frame(0x10, {0, 0, 0, 0, 0x07}))), "CANH is shorted to ground");
  EXPECT_EQ(to_text(decode_error_frame(error_frame(0x1, {}))), "transmit timeout");
  EXPECT_EQ(to_text(decode_error_frame(error_frame(0x80, {}))), "bus error");
}

TEST(ErrorFrame, OtherFramesSayNothing) {
  EXPECT_FALSE(decode_error_frame({.id = 0x40, .error = false, .size = 8}).bus_off);
  EXPECT_FALSE(decode_error_frame({.id = 0x40, .error = true, .size = 7}).bus_off);
  EXPECT_EQ(to_text(decode_error_frame(error_frame(0, {255, 255, 255, 255, 255, 255, 255, 255}))), "");
}

TEST(ErrorFrame, EveryBitPatternHasAText) {
  for (std::uint32_t bit = 0; bit < 29; ++bit) {
    for (unsigned value = 0; value < 256; ++value) {
      const auto byte = static_cast<std::uint8_t>(value);
      const std::string text =
          to_text(decode_error_frame(error_frame(1U << bit, {byte, byte, byte, byte, byte, byte, byte, byte})));
      ASSERT_LT(text.size(), 400U);
      if (bit < 9 && bit != 2 && bit != 3 && bit != 4) {
        ASSERT_FALSE(text.empty()) << bit;
      }
    }
  }
}

}  // namespace
}  // namespace drivers::socketcan
