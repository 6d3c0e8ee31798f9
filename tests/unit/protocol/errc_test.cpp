#include "protocol/errc.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "protocol/event.h"

namespace {

using vscp::Errc;

TEST(Errc, EveryCodeHasItsOwnText) {
  std::set<std::string> texts;
  const auto add = [&texts](unsigned code) {
    const std::string text(vscp::to_text(static_cast<Errc>(code)));
    EXPECT_NE(text, "unknown error") << code;
    EXPECT_TRUE(texts.insert(text).second) << text;
    EXPECT_FALSE(text.ends_with('.')) << text;
  };
  for (unsigned code = 1; code <= static_cast<unsigned>(Errc::kNoClassType); ++code) add(code);
  for (unsigned code = 0x1000; code <= static_cast<unsigned>(Errc::kClosed); ++code) add(code);
  EXPECT_EQ(vscp::to_text(static_cast<Errc>(0x0fff)), "unknown error");
}

TEST(Errc, KeepsErrno) {
  const Errc code = vscp::from_errno(ECONNRESET);
  EXPECT_TRUE(vscp::is_errno(code));
  EXPECT_EQ(vscp::to_errno(code), ECONNRESET);
  EXPECT_FALSE(vscp::is_errno(Errc::kBadGuid));
  EXPECT_EQ(vscp::to_text(code), "operating system error");
}

TEST(Event, ComparesDataUpToItsSize) {
  vscp::Event left;
  left.data.fill(1);
  vscp::Event right = left;
  left.data_size = right.data_size = 2;
  right.data[2] = 9;
  EXPECT_EQ(left, right);
  right.data[1] = 9;
  EXPECT_NE(left, right);
  right = left;
  right.head = 0x20;
  EXPECT_NE(left, right);
  EXPECT_EQ(right.priority(), 1);
}

}  // namespace
