// Whole subcommands of vscpctl against fake servers: what they say to the server, what they print, how they end.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "router/base/clock.h"
#include "router/io/spool.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/tools/fake_link_server.h"
#include "tools/vscpctl/admin.h"
#include "tools/vscpctl/send.h"
#include "tools/vscpctl/sim.h"
#include "tools/vscpctl/spool.h"
#include "tools/vscpctl/watch.h"

namespace tools::ctl {
namespace {

using test::FakeLinkServer;

class Run : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("VSCP_PASSWORD", "secret", 1);
    unsetenv("VSCP_USER");
  }
  static std::string event(int vscp_class, int type) {
    return "0," + std::to_string(vscp_class) + "," + std::to_string(type) +
           ",0,2026-01-02T03:04:05Z,0,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:01,1\r\n";
  }
};

TEST_F(Run, WatchSetsTheFilterBeforeItListensAndCountsOnlyWhatIsWanted) {
  const FakeLinkServer server(FakeLinkServer::with_login([](const std::string& line) -> std::string {
    if (line != "RCVLOOP") return "+OK - Success.\r\n";
    // Class 11 is between the wanted 10 and 14 in the bits that they share.
    return "+OK - Receive loop entered.\r\n+OK\r\n" + event(10, 1) + event(11, 1) + event(10, 2) + event(14, 3) +
           event(10, 4);
  }));
  WatchOptions options;
  options.connection.host = server.address();
  options.selection.classes = {"10", "14"};
  options.raw = true;
  options.count = 3;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_watch(options), kExitOk);
  const std::string out = ::testing::internal::GetCapturedStdout();
  const std::string summary = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(out, '\n'), 3);
  EXPECT_EQ(out.find("0,11,"), std::string::npos);
  EXPECT_NE(out.find("0,14,3,"), std::string::npos);
  EXPECT_TRUE(summary.starts_with("3 events in ")) << summary;
  auto lines = server.lines();
  ASSERT_GE(lines.size(), 6U);
  EXPECT_EQ(lines[0], "USER admin");
  EXPECT_TRUE(lines[2].starts_with("SFLT 0,10,0,")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with("SMSK 0,65531,0,")) << lines[3];
  EXPECT_EQ(lines[4], "CLRA");
  EXPECT_EQ(lines[5], "RCVLOOP");
}

TEST_F(Run, WatchFailsWhenTheServerEndsTheLoop) {
  const FakeLinkServer server(FakeLinkServer::with_login([](const std::string& line) -> std::string {
    return line == "RCVLOOP" ? "+OK\r\n-OK - Server is shutting down, closing.\r\n" : "+OK\r\n";
  }));
  WatchOptions options;
  options.connection.host = server.address();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_watch(options), kExitFailed);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("shutting down"), std::string::npos);
}

TEST_F(Run, WatchConnectsAgain) {
  int loops = 0;
  const FakeLinkServer server(FakeLinkServer::with_login([&loops](const std::string& line) -> std::string {
                                if (line != "RCVLOOP") return "+OK\r\n";
                                // The first loop is closed by the server after one event.
                                return (++loops == 1 ? "+OK - closing\r\n" : "+OK - Receive loop\r\n") + event(10, 1);
                              }),
                              "+OK - Success.\r\n", "+OK - closing");
  WatchOptions options;
  options.connection.host = server.address();
  options.reconnect = true;
  options.raw = true;
  options.count = 2;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_watch(options), kExitOk);
  EXPECT_EQ(std::ranges::count(::testing::internal::GetCapturedStdout(), '\n'), 2);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("trying again"), std::string::npos);
  EXPECT_NE(text.find("connected again"), std::string::npos);
  const auto lines = server.lines();
  EXPECT_EQ(std::ranges::count(lines, "RCVLOOP"), 2);
}

TEST_F(Run, AWrongPasswordIsNotTriedAgain) {
  setenv("VSCP_PASSWORD", "wrong", 1);
  const FakeLinkServer server(FakeLinkServer::with_login({}));
  WatchOptions options;
  options.connection.host = server.address();
  options.reconnect = true;
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_watch(options), kExitFailed);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("trying again"), std::string::npos);
  EXPECT_EQ(text.find("wrong"), std::string::npos);
}

TEST_F(Run, SendSaysWhatTheServerRefuses) {
  const FakeLinkServer server(FakeLinkServer::with_login([](const std::string& line) -> std::string {
    return line.starts_with("SEND 96,666,") ? "-OK - not this one\r\n" : "+OK\r\n";
  }));
  SendOptions options;
  options.connection.host = server.address();
  options.event.vscp_class = "INFORMATION";
  options.event.vscp_type = "ON";
  EXPECT_EQ(run_send(options), kExitOk);
  EXPECT_EQ(server.lines()[2], "SEND 96,20,3,0,,,-");
  options.event.vscp_class = "666";
  options.event.vscp_type = "3";
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_send(options), kExitFailed);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("not this one"), std::string::npos);
  options.event.vscp_class = "NOSUCHCLASS";
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_send(options), kExitUsage);
  ::testing::internal::GetCapturedStderr();
}

TEST_F(Run, SimSendsItsCount) {
  for (const bool lockstep : {false, true}) {
    const FakeLinkServer server(FakeLinkServer::with_login({}));
    SimOptions options;
    options.connection.host = server.address();
    options.field.events_per_second = 1e6;
    options.count = 700;
    options.lockstep = lockstep;
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(run_sim(options), kExitOk);
    EXPECT_TRUE(::testing::internal::GetCapturedStderr().starts_with("700 events sent in "));
    const auto lines = server.lines();
    EXPECT_EQ(std::ranges::count_if(lines, [](const std::string& line) { return line.starts_with("SEND "); }), 700);
  }
}

/// A daemon's admin socket that gives one answer.
class FakeAdmin {
 public:
  explicit FakeAdmin(std::string answer) : answer_(std::move(answer)) {
    char folder[] = "/tmp/vscpctl_test.XXXXXX";
    EXPECT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    path_ = folder_ + "/socket";
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    std::memcpy(where.sun_path, path_.c_str(), path_.size() + 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeAdmin() {
    finish();
    close(listener_);
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }
  FakeAdmin(const FakeAdmin&) = delete;
  FakeAdmin& operator=(const FakeAdmin&) = delete;

  const std::string& path() const { return path_; }

  /// The command line that came. Waits for the end of the exchange.
  const std::string& asked() {
    finish();
    return asked_;
  }

 private:
  void finish() {
    if (thread_.joinable()) thread_.join();
  }
  void serve() {
    const int fd = accept(listener_, nullptr, nullptr);
    char byte = 0;
    while (read(fd, &byte, 1) == 1 && byte != '\n') asked_ += byte;
    std::size_t done = 0;
    while (done < answer_.size()) {
      const ssize_t written = send(fd, answer_.data() + done, answer_.size() - done, MSG_NOSIGNAL);
      if (written <= 0) break;
      done += static_cast<std::size_t>(written);
    }
    close(fd);
  }

  std::string answer_;
  std::string asked_;
  std::string folder_;
  std::string path_;
  int listener_ = -1;
  std::thread thread_;
};

TEST_F(Run, AsksTheDaemonAndReadsALongAnswer) {
  const std::string answer = "{\"sessions\":[\"" + std::string(1'000'000, 'x') + "\"]}";
  FakeAdmin daemon(answer + "\nmore that is not read");
  const auto got = ask_daemon(daemon.path(), "sessions", -1);
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(*got, answer);
  EXPECT_EQ(daemon.asked(), "{\"command\":\"sessions\"}");
}

TEST_F(Run, ADaemonThatClosesIsAnError) {
  FakeAdmin daemon("");
  const auto got = ask_daemon(daemon.path(), "stat", -1);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, ClientFault::kClosed);
}

TEST_F(Run, StatPrintsTheDaemonsError) {
  FakeAdmin daemon("{\"error\":\"not now\"}\n");
  AdminOptions options;
  options.socket = daemon.path();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_stat(options), kExitFailed);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "vscpctl: the daemon says: not now\n");
}

TEST_F(Run, StatWithoutADaemonSaysWhatToDo) {
  AdminOptions options;
  options.socket = "/nonexistent/socket";
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_stat(options), kExitFailed);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("start vscprouterd"), std::string::npos);
}

TEST_F(Run, SpoolShowsWhatWaitsAndDropsIt) {
  const ::test::TempDir dir;
  const std::string folder = dir.path() + "/site";
  const router::ManualClock clock(1'767'323'045'000'000'000);
  router::SpoolOptions spool_options;
  spool_options.folder = folder;
  spool_options.limits.bytes_max = 1U << 20U;
  const auto shown = [&folder](bool purge, bool json) {
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(run_spool({folder, purge, json}), kExitOk);
    return ::testing::internal::GetCapturedStdout();
  };
  {
    auto spool = router::Spool::open(spool_options, clock);
    ASSERT_TRUE(spool) << spool.error();
    const std::vector<std::uint8_t> record(10);
    for (const std::uint8_t lane : std::array<std::uint8_t, 3>{0, 3, 3}) ASSERT_TRUE((*spool)->append(lane, record));
    ASSERT_TRUE((*spool)->commit());
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(run_spool({folder, false, false}), kExitFailed);
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("is in use by process"), std::string::npos);
  }
  EXPECT_EQ(shown(false, false), folder +
                                     ": 3 records (144 bytes) in 1 segments, 131072 bytes on disk\n"
                                     "  oldest      2026-01-02T03:04:05Z\n"
                                     "  priority 0  1\n"
                                     "  priority 3  2\n");
  const std::string json = shown(true, true);
  EXPECT_NE(json.find("\"records-by-priority\":[1,0,0,2,0,0,0,0]"), std::string::npos) << json;
  EXPECT_NE(json.find("\"oldest\":\"2026-01-02T03:04:05Z\""), std::string::npos) << json;
  EXPECT_TRUE(shown(false, false).starts_with(folder + ": 0 records"));
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run_spool({folder + "/not", false, false}), kExitFailed);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("cannot open the spool folder"), std::string::npos);
}

}  // namespace
}  // namespace tools::ctl
