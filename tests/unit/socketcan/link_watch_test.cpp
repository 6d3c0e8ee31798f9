// The thread that watches interfaces, on the interfaces that this machine has.
#include "drivers/socketcan/link_watch.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "router/base/clock.h"

namespace drivers::socketcan {
namespace {

constexpr std::chrono::seconds kLimit{20};  // of a wait whose end is certain

class Watch : public testing::Test {
 protected:
  /// The entry's news: the first of them.
  std::future<LinkNews> add(const std::string& device) {
    auto first = std::make_shared<std::promise<LinkNews>>();
    auto told = std::make_shared<bool>(false);
    watch_.add({.device = device, .filter = {}}, [first, told](LinkNews news) {
      if (!*told) first->set_value(std::move(news));
      *told = true;
    });
    return first->get_future();
  }
  static LinkNews wait(std::future<LinkNews>& news) {
    EXPECT_EQ(news.wait_for(kLimit), std::future_status::ready);
    return news.get();
  }
  router::SystemClock clock_;
  LinkWatch watch_{clock_};
};

TEST_F(Watch, TellsWhatIsThereAndWhatIsNot) {
  auto lo = add("lo");
  auto none = add("no-such-can");
  ASSERT_EQ(watch_.open(), "");
  watch_.start();
  const LinkNews loopback = wait(lo);
  EXPECT_GT(loopback.link.index, 0);
  EXPECT_EQ(loopback.link.name, "lo");
  EXPECT_EQ(loopback.socket, -1);
  EXPECT_EQ(loopback.problem, "it is no CAN interface");
  EXPECT_EQ(wait(none).link.index, 0);
  watch_.stop();
}

TEST_F(Watch, RestartsOnlyWhatIsThere) {
  auto none = add("no-such-can");
  ASSERT_EQ(watch_.open(), "");
  watch_.start();
  wait(none);
  std::promise<int> answer;
  watch_.restart(0, [&answer](int error) { answer.set_value(error); });
  auto error = answer.get_future();
  ASSERT_EQ(error.wait_for(kLimit), std::future_status::ready);
  EXPECT_EQ(error.get(), ENODEV);
}

TEST_F(Watch, ClosesWhatIsGivenBackAlsoAtTheEnd) {
  add("no-such-can");
  ASSERT_EQ(watch_.open(), "");
  watch_.start();
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  watch_.give_back(0, ends[0]);
  watch_.stop();
  char byte = 0;
  EXPECT_EQ(::recv(ends[1], &byte, 1, 0), 0) << "the other end sees that it was closed";
  ::close(ends[1]);
}

}  // namespace
}  // namespace drivers::socketcan
