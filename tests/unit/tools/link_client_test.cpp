#include "tools/client/link_client.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/unit/tools/fake_link_server.h"
#include "tools/client/address.h"
#include "tools/client/send_pipeline.h"

namespace tools {
namespace {

using test::FakeLinkServer;

constexpr std::chrono::milliseconds kShort{50};

LinkClient connected(const FakeLinkServer& server) {
  auto client = LinkClient::connect(server.address());
  if (!client) ADD_FAILURE() << client.error().text;
  return std::move(*client);
}

/// A port on which nothing listens: bound, so that nobody else takes it, and never listened on.
struct ClosedPort {
  ClosedPort() : fd(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size), 0);
    address = "127.0.0.1:" + std::to_string(ntohs(where.sin_port));
  }
  ~ClosedPort() { close(fd); }
  int fd;
  std::string address;
};

TEST(Address, ReadsEveryForm) {
  const auto expect = [](std::string_view text, std::string_view shown) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_string(*address), shown);
  };
  expect("localhost", "localhost:9598");
  expect("10.0.0.1:1234", "10.0.0.1:1234");
  expect("tcp://10.0.0.1:1234", "10.0.0.1:1234");
  expect("::1", "[::1]:9598");
  expect("[::1]", "[::1]:9598");
  expect("[fe80::1]:77", "[fe80::1]:77");
  expect("unix:/run/x", "unix:/run/x");
}

TEST(Address, RefusesNonsenseWithAnExample) {
  for (const char* text :
       {"", ":9598", "host:", "host:0", "host:65536", "host:9x", "[::1", "[::1]9", "unix:", "a b", "a/b"}) {
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().fault, ClientFault::kBadAddress);
    EXPECT_NE(address.error().text.find("host:port"), std::string::npos);
  }
}

TEST(LinkClient, SaysThatNothingListens) {
  const ClosedPort port;
  const auto client = LinkClient::connect(port.address);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().fault, ClientFault::kRefused);
  EXPECT_NE(client.error().text.find(port.address), std::string::npos);
  EXPECT_NE(client.error().text.find("start the daemon"), std::string::npos);
}

TEST(LinkClient, SaysThatAUnixSocketIsNotThere) {
  const auto client = LinkClient::connect("unix:/nonexistent/socket");
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().fault, ClientFault::kRefused);
}

TEST(LinkClient, WorksOverAUnixSocket) {
  char folder[] = "/tmp/link_client_test.XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/socket";
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, path.c_str(), path.size() + 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  std::thread server([listener] {
    const int fd = accept(listener, nullptr, nullptr);
    EXPECT_EQ(write(fd, "+OK - Success.\r\n", 16), 16);
    close(fd);
  });
  const auto client = LinkClient::connect("unix:" + path);
  server.join();
  EXPECT_TRUE(client);
  close(listener);
  unlink(path.c_str());
  rmdir(folder);
}

TEST(LinkClient, ReadsAGreetingOfSeveralLines) {
  const FakeLinkServer server(FakeLinkServer::with_login({}),
                              "Welcome\r\nVersion: 15.2\r\nCopyright\r\n+OK - Success.\r\n");
  const LinkClient client = connected(server);
  EXPECT_EQ(client.greeting().lines.size(), 3U);
  EXPECT_EQ(client.greeting().status, "+OK - Success.");
}

TEST(LinkClient, ReportsARefusingGreeting) {
  const FakeLinkServer server(FakeLinkServer::with_login({}), "-OK - Too many connections, try again later.\r\n");
  const auto client = LinkClient::connect(server.address());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().fault, ClientFault::kRejected);
  EXPECT_NE(client.error().text.find("Too many connections"), std::string::npos);
}

TEST(LinkClient, KnowsAServerThatIsNoLinkServer) {
  const FakeLinkServer server(FakeLinkServer::with_login({}), "SSH-2.0-OpenSSH_9.2\r\n");
  ClientOptions options;
  options.reply_timeout = kShort;
  const auto client = LinkClient::connect(server.address(), options);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().text.find("does not greet like a VSCP link server"), std::string::npos);
}

TEST(LinkClient, LogsIn) {
  const FakeLinkServer server(FakeLinkServer::with_login({}));
  LinkClient client = connected(server);
  EXPECT_TRUE(client.login("admin", "secret"));
  EXPECT_EQ(server.lines(), (std::vector<std::string>{"USER admin", "PASS secret"}));
}

TEST(LinkClient, WrongPasswordIsALoginErrorWithoutThePassword) {
  const FakeLinkServer server(FakeLinkServer::with_login({}));
  LinkClient client = connected(server);
  const auto done = client.login("admin", "guess-me");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, ClientFault::kLogin);
  EXPECT_NE(done.error().text.find("'admin'"), std::string::npos);
  EXPECT_EQ(done.error().text.find("guess-me"), std::string::npos);
}

TEST(LinkClient, CloseInsteadOfAnAnswerToThePasswordIsALoginError) {
  const FakeLinkServer server([](const std::string&) { return std::string("+OK - User name accepted\r\n"); },
                              "+OK - Success.\r\n", "+OK - User");
  LinkClient client = connected(server);
  const auto done = client.login("admin", "secret");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, ClientFault::kLogin);
  EXPECT_NE(done.error().text.find("closed the connection"), std::string::npos);
}

TEST(LinkClient, NeverSendsALineBreakFromOutside) {
  const FakeLinkServer server(FakeLinkServer::with_login({}));
  LinkClient client = connected(server);
  EXPECT_EQ(client.login("admin\r\nSHUTDOWN", "x").error().fault, ClientFault::kUsage);
  EXPECT_EQ(client.command("NOOP\nSHUTDOWN").error().fault, ClientFault::kUsage);
  EXPECT_EQ(client.command(std::string("NOOP\0X", 6)).error().fault, ClientFault::kUsage);
  EXPECT_EQ(client.command(std::string(5000, 'A')).error().fault, ClientFault::kUsage);
  EXPECT_TRUE(client.command("NOOP"));
  EXPECT_EQ(server.lines(), std::vector<std::string>{"NOOP"});
}

TEST(LinkClient, GivesDataLinesAndStatusOfAReply) {
  const FakeLinkServer server(FakeLinkServer::with_login([](const std::string& line) -> std::string {
    if (line == "VERS") return "1,2,3,4\r\n+OK - Success.\r\n";
    return "-OK - Unknown command\r\n";
  }));
  LinkClient client = connected(server);
  const auto good = client.command("VERS");
  ASSERT_TRUE(good);
  EXPECT_TRUE(good->ok());
  EXPECT_EQ(good->lines, std::vector<std::string>{"1,2,3,4"});
  const auto bad = client.command("FOO");
  ASSERT_TRUE(bad);
  EXPECT_FALSE(bad->ok());
  const auto must = client.must("FOO bar");
  ASSERT_FALSE(must);
  EXPECT_EQ(must.error().fault, ClientFault::kRejected);
  EXPECT_NE(must.error().text.find("refuses FOO: -OK - Unknown command"), std::string::npos);
}

TEST(LinkClient, ReportsTheClosedConnection) {
  const FakeLinkServer server([](const std::string&) { return std::string("+OK - closing\r\n"); });
  LinkClient client = connected(server);
  EXPECT_TRUE(client.command("QUIT"));
  const auto after = client.command("NOOP");
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().fault, ClientFault::kClosed);
}

TEST(LinkClient, RefusesALineWithoutEnd) {
  const FakeLinkServer server([](const std::string&) { return std::string(3 * kServerLineMax, 'x'); });
  LinkClient client = connected(server);
  const auto reply = client.command("NOOP");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault, ClientFault::kProtocol);
}

TEST(LinkClient, ReadsManyLinesAcrossItsBuffer) {
  // Far more than the buffer holds, in lines whose length has nothing to do with its size.
  std::string answer;
  for (int i = 0; i < 5000; ++i)
    answer += std::to_string(i) + std::string(static_cast<std::size_t>(i % 97), 'y') + "\r\n";
  answer += "+OK\r\n";
  const FakeLinkServer server([&](const std::string&) { return answer; });
  LinkClient client = connected(server);
  const auto reply = client.command("LIST");
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->lines.size(), 5000U);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(reply->lines[static_cast<std::size_t>(i)],
              std::to_string(i) + std::string(static_cast<std::size_t>(i % 97), 'y'));
  }
}

TEST(LinkClient, ReceiveLoopGivesEventsAndSkipsSignsOfLife) {
  const FakeLinkServer server(FakeLinkServer::with_login([](const std::string& line) -> std::string {
    if (line == "RCVLOOP") return "+OK - Receive loop entered.\r\n+OK\r\nevent 1\r\n+OK\r\nevent 2\r\nevent 3\r\n";
    return "+OK\r\nlate event\r\n+OK - Quit receive loop.\r\n";
  }));
  LinkClient client = connected(server);
  ASSERT_TRUE(client.enter_receive_loop());
  std::vector<std::string> got;
  const auto done = client.receive(LinkClient::Deadline::max(), [&](std::string_view line) {
    got.emplace_back(line);
    return got.size() < 3;
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(got, (std::vector<std::string>{"event 1", "event 2", "event 3"}));
  EXPECT_TRUE(client.leave_receive_loop());
  EXPECT_TRUE(client.must("NOOP"));
}

TEST(LinkClient, ReceiveEndsAtItsDeadline) {
  const FakeLinkServer server(
      FakeLinkServer::with_login([](const std::string&) { return std::string("+OK\r\nevent\r\n"); }));
  LinkClient client = connected(server);
  ASSERT_TRUE(client.enter_receive_loop());
  int count = 0;
  EXPECT_TRUE(client.receive(LinkClient::Clock::now() + kShort, [&](std::string_view) { return ++count > 0; }));
  EXPECT_EQ(count, 1);
}

TEST(LinkClient, SilenceIsALostLink) {
  const FakeLinkServer server(FakeLinkServer::with_login([](const std::string&) { return std::string("+OK\r\n"); }));
  LinkClient client = connected(server);
  ASSERT_TRUE(client.enter_receive_loop());
  const auto done = client.receive(LinkClient::Deadline::max(), [](std::string_view) { return true; }, kShort);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, ClientFault::kTimeout);
}

TEST(LinkClient, ReceiveReportsTheReasonOfTheServer) {
  const FakeLinkServer server(FakeLinkServer::with_login(
      [](const std::string&) { return std::string("+OK\r\n-OK - Too slow in reading events, closing.\r\n"); }));
  LinkClient client = connected(server);
  ASSERT_TRUE(client.enter_receive_loop());
  const auto done = client.receive(LinkClient::Deadline::max(), [](std::string_view) { return true; });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, ClientFault::kRejected);
  EXPECT_NE(done.error().text.find("Too slow"), std::string::npos);
}

TEST(LinkClient, StopDescriptorEndsAWait) {
  const FakeLinkServer server([](const std::string&) { return std::string(); });
  ClientOptions options;
  options.stop_fd = eventfd(0, EFD_CLOEXEC);
  auto client = LinkClient::connect(server.address(), options);
  ASSERT_TRUE(client);
  const std::uint64_t one = 1;
  ASSERT_EQ(write(options.stop_fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  const auto reply = client->command("NOOP");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault, ClientFault::kStopped);
  close(options.stop_fd);
}

TEST(LinkClient, SendsTheFilterInBothHalves) {
  const FakeLinkServer server(FakeLinkServer::with_login({}));
  LinkClient client = connected(server);
  vscp::Filter filter;
  filter.filter_class = 20;
  filter.mask_class = 0xffff;
  ASSERT_TRUE(client.set_filter(filter));
  const std::string zero = "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00";
  EXPECT_EQ(server.lines(), (std::vector<std::string>{"SFLT 0,20,0," + zero, "SMSK 0,65535,0," + zero}));
}

vscp::Event sample_event(std::uint8_t number) {
  vscp::Event event;
  event.vscp_class = 20;
  event.vscp_type = 3;
  event.data[0] = number;
  event.data_size = 1;
  return event;
}

TEST(LinkClient, LeavesAnUnsetTimeToTheServer) {
  EXPECT_EQ(event_line(sample_event(7)), "0,20,3,0,,,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00,7");
  vscp::Event event = sample_event(7);
  event.time_ns = 1'767'323'045'000'000'000;
  event.timestamp_us = 12;
  EXPECT_EQ(event_line(event), "0,20,3,0,2026-01-02T03:04:05Z,12,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00,7");
}

TEST(LinkClient, SendReportsARefusedEvent) {
  const FakeLinkServer server(FakeLinkServer::with_login([](const std::string&) {
    return std::string("-OK - User does not have rights to perform this operation.\r\n");
  }));
  LinkClient client = connected(server);
  const auto done = client.send(sample_event(1));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, ClientFault::kRejected);
}

TEST(SendPipeline, CountsAndNamesWhatIsRefused) {
  const FakeLinkServer server(FakeLinkServer::with_login([](const std::string& line) -> std::string {
    return line.ends_with(",13") ? "-OK - Invalid parameter or format\r\n" : "+OK - Success.\r\n";
  }));
  for (const std::size_t window : {std::size_t{1}, std::size_t{2}, std::size_t{64}, std::size_t{10'000}}) {
    LinkClient client = connected(server);
    std::vector<std::uint64_t> refused;
    SendPipeline pipeline(client, window, [&](std::uint64_t tag, std::string_view) { refused.push_back(tag); });
    for (std::uint64_t i = 0; i < 1000; ++i) {
      ASSERT_TRUE(pipeline.push(i, sample_event(static_cast<std::uint8_t>(i % 256))));
      ASSERT_LE(pipeline.unanswered(), SendPipeline::kWindowMax);
    }
    ASSERT_TRUE(pipeline.finish());
    EXPECT_EQ(pipeline.unanswered(), 0U);
    EXPECT_EQ(refused, (std::vector<std::uint64_t>{13, 269, 525, 781}));
    EXPECT_EQ(pipeline.accepted(), 996U);
    EXPECT_EQ(pipeline.refused(), 4U);
  }
}

TEST(SendPipeline, WindowOfOneWaitsForEachAnswer) {
  // This server reads one command per packet and forgets the rest, as old ones do.
  const FakeLinkServer server(FakeLinkServer::with_login({}));
  LinkClient client = connected(server);
  SendPipeline pipeline(client, 1, {});
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(pipeline.push(i, sample_event(1)));
    EXPECT_EQ(pipeline.unanswered(), 0U);
    EXPECT_EQ(pipeline.accepted(), i + 1);
  }
}

TEST(Printable, ReplacesControlCharactersAndCuts) {
  EXPECT_EQ(printable("a\x1b[2Jb\r"), "a?[2Jb?");
  EXPECT_EQ(printable(std::string(500, 'x'), 10), "xxxxxxxxxx");
}

}  // namespace
}  // namespace tools
