// TLS in memory: what two streams say to each other, and what they say when something is wrong.
#include <array>
#include <random>
#include <vector>

#include "tests/unit/io/tls_rig.h"

namespace {

using namespace tls_test;
using State = TlsStream::State;

std::string long_text(std::size_t size) {
  std::string text(size, 'x');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

TEST(TlsStream, BothSidesSayWhatTheOtherHears) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20U}) {
    TlsPair pair(files().client(), files().server(), "far", piece);
    EXPECT_FALSE(pair.server.may_write());
    pair.exchange();
    ASSERT_EQ(pair.client.state(), State::kOpen) << pair.client.problem();
    ASSERT_EQ(pair.server.state(), State::kOpen) << pair.server.problem();
    EXPECT_EQ(pair.client.version(), "TLSv1.3");
    EXPECT_EQ(TlsPair::say(pair.client, "NOOP\r\n"), 6U);
    EXPECT_EQ(TlsPair::say(pair.server, "+OK\r\n"), 5U);
    pair.exchange();
    EXPECT_EQ(pair.heard_by_server, "NOOP\r\n");
    EXPECT_EQ(pair.heard_by_client, "+OK\r\n");
    EXPECT_FALSE(pair.client.has_output());
  }
}

TEST(TlsStream, MuchIsWrittenInRecordsAndOnlySoMuchAtATime) {
  TlsPair pair(files().client(), files().server());
  pair.exchange();
  const std::string text = long_text(300'000);
  std::string_view left = text;
  while (!left.empty()) {
    // In ranges of several sizes, as the fan-out's log gives them.
    std::vector<iovec> ranges;
    std::size_t at = 0;
    for (std::size_t size = 5; at < left.size(); size = size * 3 % 20'011 + 1) {
      const std::size_t part = std::min(size, left.size() - at);
      ranges.push_back({const_cast<char*>(left.data() + at), part});
      at += part;
    }
    const std::size_t done = pair.server.write(ranges);
    ASSERT_GT(done, 0U);
    EXPECT_LE(done, TlsStream::kWriteMax + (16U << 10U));
    left.remove_prefix(done);
    pair.exchange();
  }
  EXPECT_EQ(pair.heard_by_client, text);
}

// The kernel reads what output() gave while more is written.
TEST(TlsStream, OutputStaysWhereItIsUntilItIsConsumed) {
  TlsPair pair(files().client(), files().server());
  pair.exchange();
  TlsPair::say(pair.client, "first ");
  const auto lent = pair.client.output();
  const std::string copy(lent.data(), lent.size());
  for (int i = 0; i < 3; ++i) TlsPair::say(pair.client, long_text(10'000));
  EXPECT_EQ(pair.client.output().data(), lent.data());
  EXPECT_EQ(std::string(lent.data(), lent.size()), copy);
  pair.exchange();
  EXPECT_EQ(pair.heard_by_server, "first " + long_text(10'000) + long_text(10'000) + long_text(10'000));
}

TEST(TlsStream, WhatIsNotTakenWaits) {
  TlsPair pair(files().client(), files().server());
  pair.exchange();
  TlsPair::say(pair.client, "one two");
  const auto bytes = pair.client.output();
  EXPECT_EQ(pair.server.feed(bytes), bytes.size());
  pair.server.consume_plain(4);
  pair.server.keep_plain();
  // Another stream of the thread uses the same memory.
  TlsPair other(files().client(), files().server());
  other.exchange();
  TlsPair::say(other.client, "something else");
  other.exchange();
  EXPECT_EQ(std::string(pair.server.plain().data(), pair.server.plain().size()), "two");
  pair.server.consume_plain(3);
  EXPECT_TRUE(pair.server.plain().empty());
}

TEST(TlsStream, EndIsSaidAndHeard) {
  TlsPair pair(files().client(), files().server());
  pair.exchange();
  TlsPair::say(pair.client, "QUIT\r\n");
  EXPECT_TRUE(pair.client.close());
  EXPECT_FALSE(pair.client.close());
  EXPECT_FALSE(pair.client.may_write());
  pair.exchange();
  EXPECT_EQ(pair.heard_by_server, "QUIT\r\n");
  EXPECT_EQ(pair.server.state(), State::kEnded);
  ASSERT_TRUE(pair.server.may_write());
  TlsPair::say(pair.server, "+OK\r\n");
  EXPECT_TRUE(pair.server.close());
  pair.exchange();
  EXPECT_EQ(pair.heard_by_client, "+OK\r\n");
  EXPECT_EQ(pair.client.state(), State::kEnded);
}

TEST(TlsStream, Versions) {
  TlsSettings only13 = files().server();
  only13.only_tls13 = true;
  TlsPair pair(files().client(), only13);
  pair.exchange();
  EXPECT_EQ(pair.server.state(), State::kOpen);
  EXPECT_EQ(pair.server.version(), "TLSv1.3");
}

struct Case {
  std::string what;
  TlsSettings client;
  TlsSettings server;
  std::string host;
  std::string client_says;  ///< empty: it opens
  std::string server_says;
};

TEST(TlsStream, WhatIsWrongIsSaidInASentence) {
  const TlsSettings plain = files().client();
  TlsSettings strange = plain;
  strange.ca_file = files().path("other.pem");
  TlsSettings unchecked = strange;
  unchecked.check_certificate = false;
  TlsSettings any_host = plain;
  any_host.check_host_name = false;
  TlsSettings with_own = plain;
  with_own.certificate_file = files().path("client.pem");
  with_own.key_file = files().path("client.key");
  TlsSettings asks = files().server();
  asks.check_certificate = true;
  asks.ca_file = files().path("ca.pem");
  TlsSettings asks_other = asks;
  asks_other.ca_file = files().path("other.pem");
  const std::string whose = "the certificate of the other side ";
  const std::array cases{
      Case{"all is well", plain, files().server(), "far", "", ""},
      Case{"by address", plain, files().server(), "127.0.0.1", "", ""},
      Case{"wrong address", plain, files().server(), "127.0.0.2", whose + "is not for \"127.0.0.2\"", "the other side"},
      Case{"wrong name", plain, files().server(), "near", whose + "is not for \"near\"", "the other side"},
      Case{"no name asked", any_host, files().server(), "near", "", ""},
      Case{"expired", plain, files().server("old"), "far", whose + "has expired", "expired"},
      Case{"from tomorrow on", plain, files().server("young"), "far", whose + "is not valid yet", "the other side"},
      Case{"unknown authority", strange, files().server(), "far", whose + "is of an authority that is not known here",
           "the other side does not know the authority of our certificate"},
      Case{"unchecked", unchecked, files().server(), "near", "", ""},
      Case{"client known", with_own, asks, "far", "", ""},
      Case{"client has none", plain, asks, "far", "the other side wants a certificate of ours",
           "the client has no certificate"},
      Case{"client unknown", with_own, asks_other, "far", "the other side does not know the authority",
           "the client's certificate is of an authority that is not known here"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.what);
    TlsPair pair(each.client, each.server, each.host);
    pair.exchange();
    for (const auto& [stream, says] : {std::pair{&pair.client, each.client_says}, {&pair.server, each.server_says}}) {
      EXPECT_EQ(stream->state(), says.empty() ? State::kOpen : State::kFailed);
      EXPECT_NE(stream->problem().find(says), std::string::npos) << stream->problem();
    }
  }
}

TEST(TlsStream, PlainTextIsNoTls) {
  TlsStream server(context(files().server()), "");
  const std::string hello = "USER admin\r\n";
  EXPECT_EQ(server.feed({hello.data(), hello.size()}), hello.size());
  EXPECT_EQ(server.state(), State::kFailed);
  EXPECT_EQ(server.problem(), "the other side speaks no TLS");
  TlsStream client(context(files().client()), "far");
  client.start();
  const std::string greeting = "Welcome to the VSCP daemon.\r\n+OK\r\n";
  client.feed({greeting.data(), greeting.size()});
  EXPECT_EQ(client.state(), State::kFailed);
  EXPECT_EQ(client.problem(), "the other side speaks no TLS");
  EXPECT_FALSE(client.close());
}

// Whatever comes: an error or nothing, never more than was said, and no end that was not said.
TEST(TlsStream, ChangedAndCutBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    TlsPair pair(files().client(), files().server());
    if (round % 2 == 0) pair.exchange();
    TlsStream& from = round % 2 == 0 ? pair.server : pair.client;
    TlsStream& to = round % 2 == 0 ? pair.client : pair.server;
    if (round % 2 == 0) TlsPair::say(from, "some text that matters");
    const auto out = from.output();
    std::string bytes(out.data(), out.size());
    const auto at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    const std::string cut = bytes.substr(0, random() % bytes.size());
    std::string heard;
    pair.give(to, round % 3 == 0 ? cut : bytes, heard);
    EXPECT_TRUE(heard.empty()) << heard;
    EXPECT_NE(to.state(), State::kEnded);
  }
}

}  // namespace
