#include "protocol/link_command.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace {

using vscp::Errc;
using vscp::LinkVerb;
using vscp::parse_link_command;

TEST(LinkCommand, FindsNamesAndAliasesInAnyCase) {
  for (const auto& info : vscp::link_commands()) {
    EXPECT_EQ(vscp::find_link_command(info.name), &info);
    std::string lower(info.name);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    EXPECT_EQ(vscp::find_link_command(lower), &info);
    if (!info.alias.empty()) {
      EXPECT_EQ(vscp::find_link_command(info.alias), &info);
    }
    const auto command = parse_link_command(lower);
    ASSERT_TRUE(command.has_value()) << lower;
    EXPECT_EQ(command->info, &info);
    EXPECT_TRUE(command->argument.empty());
  }
  EXPECT_EQ(vscp::find_link_command(""), nullptr);
  EXPECT_EQ(vscp::find_link_command("XMYCOMMAND"), nullptr);
  EXPECT_EQ(vscp::find_link_command("WHATCANYOUDOWHATCANYOUDO"), nullptr);
}

// The list of vscp_tcpiplink.md, and our three additions.
TEST(LinkCommand, HasThePrivilegesOfTheSpec) {
  const std::map<std::string_view, unsigned> kPrivileges{
      {"+", 0},           {"NOOP", 0},     {"HELP", 0},       {"QUIT", 0},    {"USER", 0},         {"PASS", 0},
      {"CHALLENGE", 0},   {"SEND", 4},     {"RETR", 2},       {"RCVLOOP", 2}, {"QUITLOOP", 2},     {"CDTA", 1},
      {"CHKDATA", 1},     {"CLRA", 1},     {"CLRALL", 1},     {"STAT", 1},    {"INFO", 1},         {"CHID", 1},
      {"GETCHID", 1},     {"SGID", 6},     {"SETGUID", 6},    {"GGID", 1},    {"GETGUID", 1},      {"VERS", 0},
      {"VERSION", 0},     {"SFLT", 6},     {"SETFILTER", 6},  {"SMSK", 6},    {"SETMASK", 6},      {"TEST", 15},
      {"SHUTDOWN", 15},   {"RESTART", 15}, {"INTERFACE", 15}, {"WCYD", 0},    {"WHATCANYOUDO", 0}, {"BINARY", 0},
      {"MEASUREMENT", 4}, {"TEXT", 0}};
  for (const auto& [name, privilege] : kPrivileges) {
    const auto* info = vscp::find_link_command(name);
    ASSERT_NE(info, nullptr) << name;
    EXPECT_EQ(info->privilege, privilege) << name;
  }
}

TEST(LinkCommand, OnlyTheseWorkBeforeLogin) {
  const std::set<std::string_view> kBefore{"+",         "NOOP",     "HELP", "QUIT", "USER",   "PASS",
                                           "CHALLENGE", "QUITLOOP", "VERS", "WCYD", "BINARY", "TEXT"};
  for (const auto& info : vscp::link_commands()) {
    EXPECT_EQ(info.before_login, kBefore.contains(info.name)) << info.name;
  }
}

TEST(LinkCommand, HelpIsThereAndLooksLikeNoReply) {
  std::set<LinkVerb> verbs;
  for (const auto& info : vscp::link_commands()) {
    EXPECT_TRUE(verbs.insert(info.verb).second) << info.name;
    EXPECT_TRUE(info.usage.starts_with(info.name)) << info.name;
    EXPECT_FALSE(info.help.empty()) << info.name;
    for (const std::string_view text : {info.usage, info.help}) {
      EXPECT_EQ(text.find("+OK"), std::string_view::npos);
      EXPECT_EQ(text.find("-OK"), std::string_view::npos);
      EXPECT_EQ(text.find_first_of("\r\n"), std::string_view::npos);
    }
  }
  EXPECT_EQ(verbs.size(), static_cast<std::size_t>(LinkVerb::kBridge) + 1);
}

struct Line {
  std::string_view line;
  LinkVerb verb;
  std::string_view argument;
};

TEST(LinkCommand, SplitsNameAndArgument) {
  constexpr Line kLines[] = {
      {"NOOP", LinkVerb::kNoop, ""},
      {"  noop  ", LinkVerb::kNoop, ""},
      {"NOOP\r", LinkVerb::kNoop, ""},
      {"setmask  0,..", LinkVerb::kSetMask, "0,.."},
      {"user admin", LinkVerb::kUser, "admin"},
      {"PASS  a secret with blanks ", LinkVerb::kPass, "a secret with blanks"},
      {"SEND 0,20,3,,,,-", LinkVerb::kSend, "0,20,3,,,,-"},
      {"send\t$tempevent1", LinkVerb::kSend, "$tempevent1"},
      {"SEND-1", LinkVerb::kSend, "-1"},
      {"exit", LinkVerb::kQuit, ""},
      {"CLOSELOOP", LinkVerb::kQuitLoop, ""},
      {"+", LinkVerb::kRepeat, ""},
      {"+2", LinkVerb::kRepeat, "2"},
      {"+ 2", LinkVerb::kRepeat, "2"},
      {"++", LinkVerb::kRepeat, "+"},
      {"INTERFACE LIST", LinkVerb::kInterface, "LIST"},
      {"measurement string,2,6", LinkVerb::kMeasurement, "string,2,6"},
  };
  for (const Line& line : kLines) {
    const auto command = parse_link_command(line.line);
    ASSERT_TRUE(command.has_value()) << line.line;
    EXPECT_EQ(command->info->verb, line.verb) << line.line;
    EXPECT_EQ(command->argument, line.argument) << line.line;
  }
}

TEST(LinkCommand, RefusesWhatIsNoCommand) {
  for (const std::string_view line : {"", "   ", "\r", "NOOPX", "SEND0,20,3", "RETR5", "SENDX 1", "XMYCOMMAND", "1,2,3",
                                      "-OK", "$", "NO OP", "WHATCANYOUDOWHATCANYOUDO", "\xff\xfe"}) {
    EXPECT_EQ(parse_link_command(line).error(), Errc::kUnknownCommand) << line;
  }
}

TEST(LinkCommand, SaysThatThereIsANul) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(parse_link_command("NOOP\0"sv).error(), Errc::kEmbeddedNul);
  EXPECT_EQ(parse_link_command("USER a\0b"sv).error(), Errc::kEmbeddedNul);
  EXPECT_EQ(parse_link_command("\0\0\0"sv).error(), Errc::kEmbeddedNul);
  EXPECT_EQ(parse_link_command("SEND 1\0"sv)->argument, "1\0"sv);  // left to decode_event_line
}

}  // namespace
