// A remote that speaks TLS, on the simulated network with its accidents; the test is the far side.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "tests/unit/io/tls_rig.h"
#include "tests/unit/link_client/remote_rig.h"

namespace link_client_test {
namespace {

using drivers::link_client::RemoteConfig;
using router::TlsStream;

void with_tls(RemoteConfig& config) {
  config.tls = tls_test::files().client();
}

/// The far side's end of a connection.
class TlsFar {
 public:
  TlsFar(RemoteRig& rig, router::Socket socket, const std::string& certificate = "server")
      : rig_(rig), socket_(socket), stream_(tls_test::context(tls_test::files().server(certificate)), "") {
    go_on();
  }
  TlsStream& stream() { return stream_; }
  /// Until neither side has anything to say.
  void go_on() {
    for (bool moved = true; moved;) {
      const std::string bytes = rig_.heard(socket_);
      std::size_t done = 0;
      while (done < bytes.size()) {
        done += stream_.feed({bytes.data() + done, bytes.size() - done});
        heard_.append(stream_.plain().data(), stream_.plain().size());
        stream_.consume_plain(stream_.plain().size());
      }
      const auto out = stream_.output();
      moved = !bytes.empty() || !out.empty();
      rig_.say(socket_, {out.data(), out.size()});
      stream_.consume_output(out.size());
    }
  }
  std::string talk(std::string text) {
    std::string_view left = text;
    while (!left.empty()) {
      const iovec range{const_cast<char*>(left.data()), left.size()};
      left.remove_prefix(stream_.write({&range, 1}));
      go_on();
    }
    return std::exchange(heard_, {});
  }

 private:
  RemoteRig& rig_;
  router::Socket socket_;
  TlsStream stream_;
  std::string heard_;
};

TEST(RemoteTls, TalksAsWithoutIt) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    RemoteRig rig(with_tls, seed == 1 ? RemoteRig::no_faults() : router::SimFaults{}, seed);
    rig.start();
    TlsFar receiver(rig, rig.accept());
    ASSERT_EQ(receiver.stream().state(), TlsStream::State::kOpen) << receiver.stream().problem();
    EXPECT_EQ(receiver.talk("Hello\r\n+OK\r\n"), "CHID\r\n");
    EXPECT_EQ(receiver.talk("7\r\n+OK\r\n"), "RCVLOOP\r\n");
    receiver.talk("+OK\r\n");
    std::string events;
    for (std::uint32_t number = 0; number < 2000; ++number) events += event_line(number);
    receiver.talk(events);
    rig.pass_time(kSecond);
    EXPECT_EQ(rig.status().figures.events_in, 2000U);
    TlsFar sender(rig, rig.accept());
    for (int number = 0; number < 40; ++number) rig.publish(5, static_cast<std::uint8_t>(number));
    std::string heard = sender.talk("vscprouterd\r\n+OK\r\n");
    EXPECT_EQ(heard, "BRIDGE\r\n");
    heard = sender.talk("+OK\r\n");
    EXPECT_EQ(std::count(heard.begin(), heard.end(), '\n'), 40);
    for (int number = 0; number < 40; ++number) sender.talk("+OK\r\n");
    EXPECT_EQ(rig.status().figures.events_out, 40U);
    EXPECT_EQ(rig.status().state, "connected");
  }
}

TEST(RemoteTls, SaysWhyItDoesNotConnect) {
  RemoteRig rig(with_tls);
  rig.start();
  TlsFar far(rig, rig.accept(), "old");
  EXPECT_EQ(rig.status().last_error, "TLS: the certificate of the other side has expired");
  EXPECT_EQ(far.stream().problem(), "our certificate has expired, the other side says");
  const auto plain = rig.accept();
  ASSERT_GE(plain, 0);
  EXPECT_FALSE(rig.talk(plain, "Welcome to the VSCP daemon.\r\n+OK\r\n").empty());
  EXPECT_EQ(rig.status().last_error, "TLS: the other side speaks no TLS");
}

TEST(RemoteTls, DoesNotWaitForEver) {
  RemoteRig rig(with_tls);
  rig.start();
  const auto silent = rig.accept();
  ASSERT_GE(silent, 0);
  rig.pass_time(16 * kSecond);
  EXPECT_EQ(rig.status().last_error, "TLS was not ready in 15 s");
  const auto closing = rig.accept();
  ASSERT_GE(closing, 0);
  rig.net().close(closing);
  rig.pass_time(kMillisecond);
  EXPECT_NE(rig.status().last_error.find("before TLS was ready"), std::string::npos) << rig.status().last_error;
}

// The far side's end of TLS comes first, then that of the connection.
TEST(RemoteTls, EndOfTls) {
  RemoteRig rig(with_tls);
  rig.start();
  TlsFar far(rig, rig.accept());
  far.talk("+OK\r\n");
  EXPECT_TRUE(far.stream().close());
  far.go_on();
  EXPECT_EQ(far.stream().state(), TlsStream::State::kEnded);
  EXPECT_NE(rig.status().last_error.find("has closed the connection"), std::string::npos) << rig.status().last_error;
}

}  // namespace
}  // namespace link_client_test
