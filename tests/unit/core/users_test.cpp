#include "router/core/users.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace router {
namespace {

using vscp::Errc;
using vscp::LinkVerb;

/// A socket address for a numeric IPv4 or IPv6 text.
class Address {
 public:
  explicit Address(const char* text) {
    auto* four = reinterpret_cast<sockaddr_in*>(&storage_);
    auto* six = reinterpret_cast<sockaddr_in6*>(&storage_);
    if (::inet_pton(AF_INET, text, &four->sin_addr) == 1) {
      four->sin_family = AF_INET;
    } else if (::inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
      six->sin6_family = AF_INET6;
    } else {
      ADD_FAILURE() << text;
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }

 private:
  sockaddr_storage storage_{};
};

bool allows(std::initializer_list<const char*> rules, const char* address) {
  HostRules hosts;
  for (const char* rule : rules) EXPECT_TRUE(hosts.add(rule)) << rule;
  return hosts.allows(Address(address).get());
}

bool may_send(std::initializer_list<const char*> rules, std::uint16_t vscp_class, std::uint16_t vscp_type) {
  SendRules send;
  for (const char* rule : rules) EXPECT_TRUE(send.add(rule)) << rule;
  return send.allows(vscp_class, vscp_type);
}

TEST(HostRules, EmptyAllowsEveryone) {
  EXPECT_TRUE(allows({}, "8.8.8.8"));
  EXPECT_TRUE(allows({}, "2001:db8::1"));
}

TEST(HostRules, OneHost) {
  EXPECT_TRUE(allows({"192.168.1.8"}, "192.168.1.8"));
  EXPECT_FALSE(allows({"192.168.1.8"}, "192.168.1.9"));
  EXPECT_FALSE(allows({"192.168.1.8"}, "2001:db8::1"));
  EXPECT_TRUE(allows({"+192.168.1.8"}, "192.168.1.8"));
  EXPECT_FALSE(allows({"-192.168.1.8"}, "192.168.1.8"));
}

TEST(HostRules, StarsAtTheEnd) {
  EXPECT_TRUE(allows({"192.168.1.*"}, "192.168.1.200"));
  EXPECT_FALSE(allows({"192.168.1.*"}, "192.168.2.200"));
  EXPECT_TRUE(allows({"192.168.*.*"}, "192.168.2.200"));
  EXPECT_TRUE(allows({"192.168.*"}, "192.168.2.200"));
  EXPECT_FALSE(allows({"192.168.*"}, "192.169.2.200"));
  EXPECT_TRUE(allows({"*.*.*.*"}, "1.2.3.4"));
  EXPECT_FALSE(allows({"*.*.*.*"}, "2001:db8::1"));
  EXPECT_TRUE(allows({"*"}, "1.2.3.4"));
  EXPECT_TRUE(allows({"*"}, "2001:db8::1"));
}

TEST(HostRules, NetworksToTheBit) {
  EXPECT_TRUE(allows({"+10.1.0.0/16"}, "10.1.255.255"));
  EXPECT_FALSE(allows({"+10.1.0.0/16"}, "10.2.0.0"));
  EXPECT_TRUE(allows({"10.0.0.64/27"}, "10.0.0.95"));
  EXPECT_FALSE(allows({"10.0.0.64/27"}, "10.0.0.96"));
  EXPECT_FALSE(allows({"10.0.0.64/27"}, "10.0.0.63"));
  EXPECT_TRUE(allows({"0.0.0.0/0"}, "1.2.3.4"));
  EXPECT_FALSE(allows({"0.0.0.0/0"}, "::1"));
  EXPECT_TRUE(allows({"+fe80::/10"}, "febf::1"));
  EXPECT_FALSE(allows({"+fe80::/10"}, "fec0::1"));
  EXPECT_TRUE(allows({"::/0"}, "::1"));
  EXPECT_TRUE(allows({"::1"}, "::1"));
}

TEST(HostRules, MappedAddressesCountAsIpv4) {
  EXPECT_TRUE(allows({"192.168.1.*"}, "::ffff:192.168.1.7"));
  EXPECT_FALSE(allows({"192.168.1.*"}, "::ffff:192.168.2.7"));
  EXPECT_TRUE(allows({"::ffff:10.0.0.0/104"}, "10.9.9.9"));
}

TEST(HostRules, TheLastRuleThatCoversDecides) {
  EXPECT_FALSE(allows({"+10.0.0.0/8", "-10.1.0.0/16"}, "10.1.2.3"));
  EXPECT_TRUE(allows({"+10.0.0.0/8", "-10.1.0.0/16"}, "10.2.2.3"));
  EXPECT_TRUE(allows({"+10.0.0.0/8", "-10.1.0.0/16", "+10.1.1.0/24"}, "10.1.1.3"));
  EXPECT_TRUE(allows({"-10.1.0.0/16", "+10.0.0.0/8"}, "10.1.2.3"));
}

TEST(HostRules, UncoveredHostsAreRefusedOnlyIfSomethingIsAllowed) {
  EXPECT_TRUE(allows({"-10.1.0.0/16"}, "10.2.0.1"));
  EXPECT_FALSE(allows({"-10.1.0.0/16", "+10.3.0.0/16"}, "10.2.0.1"));
}

TEST(HostRules, OtherFamiliesPassOnlyWithoutRules) {
  sockaddr address{};
  address.sa_family = AF_UNIX;
  HostRules hosts;
  EXPECT_TRUE(hosts.allows(&address));
  ASSERT_TRUE(hosts.add("-1.2.3.4"));
  EXPECT_FALSE(hosts.allows(&address));
}

TEST(HostRules, RefusesWhatIsNoAddress) {
  HostRules hosts;
  for (const char* bad : {"", "+", "host", "1.2.3", "1.2.3.256", "1.2.*.4", "1.2.3.4.*", "256.*", "1..*", "fe80::g"}) {
    const auto result = hosts.add(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error(), Errc::kBadNumber) << bad;
  }
  for (const char* bad : {"1.2.3.4/33", "1.2.3.4/", "1.2.3.4/x", "::1/129", "::1/-1"}) {
    const auto result = hosts.add(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error(), Errc::kNumberRange) << bad;
  }
  EXPECT_TRUE(hosts.empty());
}

TEST(SendRules, EmptyAllowsEverything) {
  EXPECT_TRUE(may_send({}, 30, 5));
}

TEST(SendRules, EachForm) {
  EXPECT_TRUE(may_send({"*:*"}, 1, 2));
  EXPECT_TRUE(may_send({"10:*"}, 10, 99));
  EXPECT_FALSE(may_send({"10:*"}, 16, 99));  // numbers without 0x are decimal
  EXPECT_TRUE(may_send({"0x10:*"}, 16, 99));
  EXPECT_TRUE(may_send({"30:9"}, 30, 9));
  EXPECT_FALSE(may_send({"30:9"}, 30, 8));
  EXPECT_FALSE(may_send({"30:9"}, 31, 9));
  EXPECT_TRUE(may_send({"*:0x05"}, 77, 5));
  EXPECT_FALSE(may_send({"*:5"}, 5, 6));
  EXPECT_TRUE(may_send({"TX;20;-1"}, 20, 3));
  EXPECT_FALSE(may_send({"tx;20;3"}, 20, 4));
  EXPECT_TRUE(may_send({"65535:65535"}, 65535, 65535));
}

TEST(SendRules, AnyEntryIsEnough) {
  const auto rules = {"100:*", "20:3", "5:*", "*:7", "20:1", "5:*"};
  EXPECT_TRUE(may_send(rules, 5, 1));
  EXPECT_TRUE(may_send(rules, 100, 1));
  EXPECT_TRUE(may_send(rules, 20, 1));
  EXPECT_TRUE(may_send(rules, 20, 3));
  EXPECT_TRUE(may_send(rules, 9, 7));
  EXPECT_FALSE(may_send(rules, 20, 2));
}

TEST(SendRules, RefusesWhatIsNoRule) {
  SendRules rules;
  const auto code = [&](const char* text) {
    const auto result = rules.add(text);
    return result ? Errc{} : result.error();
  };
  EXPECT_EQ(code(""), Errc::kMissingField);
  EXPECT_EQ(code("30"), Errc::kMissingField);
  EXPECT_EQ(code("TX;30"), Errc::kMissingField);
  EXPECT_EQ(code("a:b"), Errc::kBadNumber);
  EXPECT_EQ(code("30:"), Errc::kBadNumber);
  EXPECT_EQ(code(":1"), Errc::kBadNumber);
  EXPECT_EQ(code("-1:1"), Errc::kBadNumber);
  EXPECT_EQ(code("1e:9"), Errc::kBadNumber);
  EXPECT_EQ(code("65536:1"), Errc::kNumberRange);
  EXPECT_EQ(code("1:99999999999999999999"), Errc::kNumberRange);
  EXPECT_TRUE(rules.empty());
}

TEST(Rights, WordsAndNumbers) {
  EXPECT_EQ(parse_right("admin"), kAllRights);
  EXPECT_EQ(parse_right("user"), 0x17007fU);
  EXPECT_EQ(parse_right("Send-Events"), 0x10000U);
  EXPECT_EQ(parse_right("shutdown"), 0x80000000U);
  EXPECT_EQ(parse_right("tcp"), 0x170001U);
  EXPECT_EQ(parse_right("0x100000"), 0x100000U);
  EXPECT_EQ(parse_right("4294967295"), kAllRights);
  EXPECT_EQ(parse_right("nobody"), std::nullopt);
  EXPECT_EQ(parse_right(""), std::nullopt);
  EXPECT_EQ(parse_right("-1"), std::nullopt);
  for (const std::string_view word : right_words()) EXPECT_TRUE(parse_right(word)) << word;
}

bool may(VerbSet verbs, LinkVerb verb) {
  return verbs.test(static_cast<std::size_t>(verb));
}

TEST(Privilege, LevelsAreThoseOfTheSpec) {
  const struct {
    LinkVerb verb;
    unsigned level;
  } rows[] = {{LinkVerb::kSend, 4},      {LinkVerb::kRetr, 2},     {LinkVerb::kRcvLoop, 2},    {LinkVerb::kChkData, 1},
              {LinkVerb::kClrAll, 1},    {LinkVerb::kStat, 1},     {LinkVerb::kInfo, 1},       {LinkVerb::kGetChid, 1},
              {LinkVerb::kSetGuid, 6},   {LinkVerb::kGetGuid, 1},  {LinkVerb::kSetFilter, 6},  {LinkVerb::kSetMask, 6},
              {LinkVerb::kShutdown, 15}, {LinkVerb::kRestart, 15}, {LinkVerb::kInterface, 15}, {LinkVerb::kTest, 15}};
  for (const auto& row : rows) {
    EXPECT_TRUE(may(verbs_for_privilege(row.level), row.verb)) << static_cast<int>(row.verb);
    EXPECT_FALSE(may(verbs_for_privilege(row.level - 1), row.verb)) << static_cast<int>(row.verb);
  }
}

TEST(Privilege, LevelZeroHasTheHarmlessCommands) {
  const VerbSet verbs = verbs_for_privilege(0);
  for (const LinkVerb verb : {LinkVerb::kRepeat, LinkVerb::kNoop, LinkVerb::kHelp, LinkVerb::kQuit, LinkVerb::kUser,
                              LinkVerb::kPass, LinkVerb::kChallenge, LinkVerb::kVersion, LinkVerb::kWhatCanYouDo}) {
    EXPECT_TRUE(may(verbs, verb)) << static_cast<int>(verb);
  }
}

TEST(Rights, EachCommandNeedsItsOwnBit) {
  const struct {
    LinkVerb verb;
    UserRight right;
  } rows[] = {{LinkVerb::kSend, UserRight::kSendEvents},
              {LinkVerb::kMeasurement, UserRight::kSendEvents},
              {LinkVerb::kRetr, UserRight::kReceiveEvents},
              {LinkVerb::kRcvLoop, UserRight::kReceiveEvents},
              {LinkVerb::kChkData, UserRight::kReceiveEvents},
              {LinkVerb::kClrAll, UserRight::kReceiveEvents},
              {LinkVerb::kSetGuid, UserRight::kSetGuid},
              {LinkVerb::kSetFilter, UserRight::kSetFilter},
              {LinkVerb::kSetMask, UserRight::kSetFilter},
              {LinkVerb::kInterface, UserRight::kInterface},
              {LinkVerb::kTest, UserRight::kTest},
              {LinkVerb::kRestart, UserRight::kRestart},
              {LinkVerb::kShutdown, UserRight::kShutdown}};
  for (const auto& row : rows) {
    const auto bit = static_cast<std::uint32_t>(row.right);
    EXPECT_TRUE(may(verbs_for_rights(bit), row.verb)) << static_cast<int>(row.verb);
    EXPECT_FALSE(may(verbs_for_rights(~bit), row.verb)) << static_cast<int>(row.verb);
  }
  for (const LinkVerb verb :
       {LinkVerb::kNoop, LinkVerb::kStat, LinkVerb::kGetChid, LinkVerb::kGetGuid, LinkVerb::kQuit}) {
    EXPECT_TRUE(may(verbs_for_rights(0), verb)) << static_cast<int>(verb);
  }
}

TEST(User, ControlClassesNeedTheirRight) {
  User user;
  const auto only = [&](UserRight right) { user.rights = static_cast<std::uint32_t>(right); };
  only(UserRight::kSendLevel1Control);
  EXPECT_TRUE(user.may_send(0, 1));
  EXPECT_TRUE(user.may_send(512, 1));
  EXPECT_FALSE(user.may_send(1024, 1));
  EXPECT_FALSE(user.may_send(1025, 1));
  EXPECT_TRUE(user.may_send(20, 1));
  only(UserRight::kSendLevel2Control);
  EXPECT_FALSE(user.may_send(0, 1));
  EXPECT_FALSE(user.may_send(512, 1));
  EXPECT_TRUE(user.may_send(1024, 1));
  only(UserRight::kSendHlo);
  EXPECT_TRUE(user.may_send(1025, 1));
  EXPECT_FALSE(user.may_send(1024, 1));
}

TEST(User, RightsAndListMustBothAllow) {
  User user;
  user.rights = 0;
  ASSERT_TRUE(user.send_rules.add("0:*"));
  EXPECT_FALSE(user.may_send(0, 1));
  EXPECT_FALSE(user.may_send(20, 1));
  user.rights = kAllRights;
  EXPECT_TRUE(user.may_send(0, 1));
  EXPECT_FALSE(user.may_send(20, 1));
}

TEST(UserDirectory, FindsByExactName) {
  std::vector<User> users(4);
  users[0].name = "zoe";
  users[1].name = "adam";
  users[2].name = "Adam";
  users[3].name = "adam";
  users[1].note = "first";
  const UserDirectory directory(std::move(users));
  EXPECT_EQ(directory.size(), 3U);
  ASSERT_NE(directory.find("adam"), nullptr);
  EXPECT_EQ(directory.find("adam")->note, "first");
  ASSERT_NE(directory.find("Adam"), nullptr);
  EXPECT_NE(directory.find("zoe"), nullptr);
  EXPECT_EQ(directory.find("ada"), nullptr);
  EXPECT_EQ(directory.find(""), nullptr);
  EXPECT_EQ(UserDirectory().find("x"), nullptr);
}

}  // namespace
}  // namespace router
