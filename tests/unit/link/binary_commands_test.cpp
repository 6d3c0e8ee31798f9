// The binary commands: arguments, results, rights, login.
#include "protocol/event_line.h"
#include "tests/unit/link/binary_rig.h"

namespace link_test {
namespace {

class BinaryCommands : public BinaryTest {
 protected:
  void begin(const RigSettings& settings = {}) {
    make_rig(settings);
    client_ = binary();
  }
  /// A session that is not logged in, in binary.
  void begin_unknown(const RigSettings& settings = {}) {
    make_rig(settings);
    client_ = rig_->connect();
    rig_->read(client_);
    ASSERT_EQ(rig_->ask(client_, "binary\n"), kBinaryOn);
  }
  std::vector<Got> ask(std::string_view frames) { return BinaryTest::ask(client_, frames); }
  Got ask_one(BinaryCode code, std::string_view argument = {}) {
    const auto got = ask(command_frame(code, argument));
    EXPECT_EQ(got.size(), 1U);
    return got.empty() ? Got{} : got[0];
  }

  Socket client_ = -1;
};

// ---- asking --------------------------------------------------------------------------------------------------------

TEST_F(BinaryCommands, AnswerWithTheSpecsLayout) {
  begin();
  EXPECT_TRUE(ask_one(BinaryCode::kNoop).is(BinaryCode::kNoop));
  const Got challenge = ask_one(BinaryCode::kChallenge);
  EXPECT_EQ(challenge.argument.size(), 32U);
  EXPECT_EQ(challenge.argument.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(ask_one(BinaryCode::kChallenge).argument, challenge.argument);
  const Got channel = ask_one(BinaryCode::kGetChid);
  EXPECT_EQ(channel.argument, big(rig_->session(client_)->channel, 4));
  const Got version = ask_one(BinaryCode::kVersion);
  EXPECT_EQ(version.argument, big(1, 2) + big(2, 2) + big(3, 2) + big(4, 4));
  EXPECT_EQ(ask_one(BinaryCode::kWhatCanYouDo).argument.size(), 8U);
  EXPECT_EQ(ask_one(BinaryCode::kWhatCanYouDo, big(0xffff, 8)).argument.size(), 8U);
  EXPECT_EQ(ask_one(BinaryCode::kTest).argument, big(0, 4));
  EXPECT_TRUE(ask_one(BinaryCode::kTest, big(0xfff0, 2)).is(BinaryCode::kTest, VscpError::kParameter));
  EXPECT_TRUE(ask_one(BinaryCode::kRestart).is(BinaryCode::kRestart, VscpError::kUnsupported));
}

TEST_F(BinaryCommands, TellTheSameAsTheTextCommands) {
  begin();
  const Socket text = rig_->connect_logged_in();
  const std::string capabilities = ask_one(BinaryCode::kWhatCanYouDo).argument;
  std::string line;
  for (const char byte : capabilities) {
    char pair[4];
    std::snprintf(pair, sizeof pair, "%02X", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    line += (line.empty() ? "" : "-") + std::string(pair);
  }
  EXPECT_EQ(rig_->ask(text, "WCYD\r\n"), line + "\r\n" + kOk);
  const std::string guid = ask_one(BinaryCode::kGetGuid).argument;
  EXPECT_EQ(rig_->ask(client_, command_frame(BinaryCode::kText) + "GGID\r\n").substr(7, 2), [&guid] {
    char pair[4];
    std::snprintf(pair, sizeof pair, "%02X", static_cast<unsigned char>(guid[0]));
    return std::string(pair);
  }());
}

TEST_F(BinaryCommands, FirmwaresCodesAreUnderstood) {
  begin();
  const auto got = ask(command_frame(30) + command_frame(31));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].code, 30);  // as it was asked
  EXPECT_EQ(got[0].argument, big(0, 4));
  EXPECT_EQ(got[1].code, 31);
  EXPECT_EQ(got[1].argument.size(), 8U);
  EXPECT_TRUE(rig_->ask(client_, command_frame(34) + "NOOP\r\n").ends_with(kOk));
}

TEST_F(BinaryCommands, StatisticsAndStatus) {
  begin();
  ask(event_frame(1) + event_frame(2));
  const Got stat = ask_one(BinaryCode::kStat);
  ASSERT_EQ(stat.argument.size(), 32U);
  EXPECT_EQ(stat.number(0, 12), 0U);
  EXPECT_GT(stat.number(12, 4), 2 * event_frame(1).size());
  EXPECT_EQ(stat.number(16, 4), 2U);
  EXPECT_GT(stat.number(20, 4), 0U);
  EXPECT_EQ(stat.number(24, 8), 0U);
  EXPECT_EQ(ask_one(BinaryCode::kInfo).argument, std::string(13, '\0'));
  EXPECT_TRUE(ask_one(BinaryCode::kRetr).is(BinaryCode::kRetr, VscpError::kRcvEmpty));
  ask(command_frame(25));
  const Got info = ask_one(BinaryCode::kInfo);
  EXPECT_EQ(info.number(0, 4), 0U);
  EXPECT_EQ(info.number(4, 4), static_cast<unsigned>(vscp::Errc::kUnknownCommand));
  EXPECT_EQ(info.argument.substr(12), std::string(vscp::to_text(vscp::Errc::kUnknownCommand)) + '\0');
}

TEST_F(BinaryCommands, Interfaces) {
  RigSettings settings;
  settings.workers = 2;
  begin(settings);
  const Socket other = rig_->connect_logged_in(1);
  EXPECT_EQ(ask_one(BinaryCode::kInterface, big(0, 1)).argument, big(3, 2));
  EXPECT_EQ(ask_one(BinaryCode::kInterface, big(0, 3)).argument, big(3, 2));
  std::vector<std::string> guids;
  for (unsigned index = 0; index < 3; ++index) {
    const Got info = ask_one(BinaryCode::kInterface, big(1, 1) + big(index, 2));
    ASSERT_EQ(info.argument.size(), 84U);
    EXPECT_EQ(info.number(2, 2), index);
    guids.push_back(info.argument.substr(4, 16));
    EXPECT_EQ(info.argument.back(), '\0');
    EXPECT_NE(info.argument[20], '\0');
  }
  EXPECT_EQ(std::count(guids.begin(), guids.end(), ask_one(BinaryCode::kGetGuid).argument), 1);
  EXPECT_TRUE(
      ask_one(BinaryCode::kInterface, big(1, 1) + big(3, 2)).is(BinaryCode::kInterface, VscpError::kIndexOutOfBounds));
  for (const unsigned query : {2U, 3U}) {  // close, open
    EXPECT_TRUE(
        ask_one(BinaryCode::kInterface, big(query, 1) + big(0, 2)).is(BinaryCode::kInterface, VscpError::kUnsupported));
  }
  for (const std::string& bad : {big(1, 1), big(4, 1), big(0x040000, 3)}) {
    EXPECT_TRUE(ask_one(BinaryCode::kInterface, bad).is(BinaryCode::kInterface, VscpError::kParameter));
  }
  EXPECT_EQ(rig_->ask(other, "NOOP\r\n"), kOk);
}

TEST_F(BinaryCommands, CommandsBehindInterfaceWait) {
  RigSettings settings;
  settings.workers = 2;
  begin(settings);
  const auto got = ask(command_frame(BinaryCode::kInterface, big(0, 1)) + command_frame(BinaryCode::kGetChid) +
                       event_frame(1) + command_frame(BinaryCode::kNoop));
  ASSERT_EQ(got.size(), 4U);
  EXPECT_TRUE(got[0].is(BinaryCode::kInterface));
  EXPECT_TRUE(got[1].is(BinaryCode::kGetChid));
  EXPECT_TRUE(got[2].is(BinaryCode::kEventConfirm));
  EXPECT_TRUE(got[3].is(BinaryCode::kNoop));
}

// ---- setting -------------------------------------------------------------------------------------------------------

TEST_F(BinaryCommands, GuidIsSetAndGivenBack) {
  begin();
  const std::string before = ask_one(BinaryCode::kGetGuid).argument;
  const std::string mine(16, '\x5a');
  EXPECT_TRUE(ask_one(BinaryCode::kSetGuid, mine).is(BinaryCode::kSetGuid));
  EXPECT_EQ(ask_one(BinaryCode::kGetGuid).argument, mine);
  EXPECT_TRUE(ask_one(BinaryCode::kSetGuid, std::string(16, '\0')).is(BinaryCode::kSetGuid));
  EXPECT_EQ(ask_one(BinaryCode::kGetGuid).argument, before);
}

TEST_F(BinaryCommands, FilterAndMaskTogetherOrOneByOne) {
  begin();
  const Socket sender = rig_->connect_logged_in();
  const auto half = [](unsigned vscp_class) {
    return big(0, 1) + big(vscp_class, 2) + big(0, 2) + std::string(16, '\0');
  };
  const auto waiting_after = [&](unsigned vscp_class) {
    rig_->ask(client_, command_frame(BinaryCode::kClear));
    rig_->ask(sender, "SEND 0," + std::to_string(vscp_class) + ",3,0,,,-\r\n");
    return ask_one(BinaryCode::kChkData).number(0, 4);
  };
  EXPECT_TRUE(ask_one(BinaryCode::kSetFilter, half(20) + half(0xffff)).is(BinaryCode::kSetFilter));
  EXPECT_EQ(waiting_after(20), 1U);
  EXPECT_EQ(waiting_after(21), 0U);
  EXPECT_TRUE(ask_one(BinaryCode::kSetFilter, half(21)).is(BinaryCode::kSetFilter));
  EXPECT_EQ(waiting_after(20), 0U);
  EXPECT_EQ(waiting_after(21), 1U);
  EXPECT_TRUE(ask_one(BinaryCode::kSetMask, half(0)).is(BinaryCode::kSetMask));
  EXPECT_EQ(waiting_after(20), 1U);
}

TEST_F(BinaryCommands, QuitAnswersAndCloses) {
  begin();
  const auto got = ask(command_frame(BinaryCode::kQuit) + command_frame(BinaryCode::kNoop));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].is(BinaryCode::kQuit));
  EXPECT_TRUE(rig_->is_closed(client_));
}

TEST_F(BinaryCommands, ShutdownIsAskedFor) {
  begin();
  EXPECT_TRUE(ask_one(BinaryCode::kShutdown).is(BinaryCode::kShutdown));
  EXPECT_EQ(rig_->shutdowns(), 1U);
}

TEST_F(BinaryCommands, UnknownCodesAreRefusedAndTheSessionGoesOn) {
  begin();
  for (const std::uint16_t code : {std::uint16_t{25}, std::uint16_t{0xff00}, std::uint16_t{0xfffe}}) {
    const auto got = ask(command_frame(code));
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].code, code);
    EXPECT_EQ(got[0].error, VscpError::kUnknownCommand);
  }
  EXPECT_TRUE(ask_one(BinaryCode::kNoop).is(BinaryCode::kNoop));
}

// A client tells the length of a reply by its code.
TEST_F(BinaryCommands, TheCodeOfAConfirmIsNoCommandAndIsAnsweredAtAConfirmsLength) {
  begin();
  const auto got = ask(command_frame(BinaryCode::kEventConfirm) + command_frame(BinaryCode::kNoop));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kUnknownCommand));
  EXPECT_EQ(got[0].argument, std::string(6, '\0'));
  EXPECT_TRUE(got[1].is(BinaryCode::kNoop));
}

// ---- login and rights ----------------------------------------------------------------------------------------------

TEST_F(BinaryCommands, LoginInOneOrTwoCommandsWithAndWithoutNul) {
  using namespace std::string_literals;
  for (const std::string& frames :
       {command_frame(BinaryCode::kUser, "admin") + command_frame(BinaryCode::kPass, "secret"),
        command_frame(BinaryCode::kUser, "admin\0"s) + command_frame(BinaryCode::kPass, "secret\0"s),
        command_frame(BinaryCode::kUser, "nobody") + command_frame(BinaryCode::kUser, "admin") +
            command_frame(BinaryCode::kPass, "secret"),
        command_frame(BinaryCode::kUser, "admin:secret"), command_frame(BinaryCode::kUser, "admin:secret\0"s)}) {
    begin_unknown();
    for (const Got& got : ask(frames)) EXPECT_EQ(got.error, VscpError::kSuccess);
    EXPECT_TRUE(ask_one(BinaryCode::kChkData).is(BinaryCode::kChkData));
    // Again is no harm.
    EXPECT_TRUE(ask_one(BinaryCode::kUser, "admin:wrong").is(BinaryCode::kUser));
    EXPECT_TRUE(ask_one(BinaryCode::kPass, "wrong").is(BinaryCode::kPass));
    end();
  }
}

TEST_F(BinaryCommands, AWrongPasswordIsToldLateAndCloses) {
  for (const bool at_once : {true, false}) {
    begin_unknown();
    std::string frames = command_frame(BinaryCode::kUser, at_once ? "admin:wrong" : "admin");
    if (!at_once) frames += command_frame(BinaryCode::kPass, "wrong");
    const auto first = ask(frames + command_frame(BinaryCode::kNoop));
    EXPECT_EQ(first.size(), at_once ? 0U : 1U);
    rig_->pass_time(2 * kSecond);
    const auto got = frames_of(rig_->read_all(client_));
    ASSERT_EQ(got.size(), 1U);
    EXPECT_TRUE(got[0].is(at_once ? BinaryCode::kUser : BinaryCode::kPass, VscpError::kCredentials));
    EXPECT_TRUE(rig_->is_closed(client_));
    end();
  }
}

TEST_F(BinaryCommands, BeforeLoginOnlyWhatTextAllows) {
  begin_unknown();
  for (const BinaryCode code : {BinaryCode::kNoop, BinaryCode::kChallenge, BinaryCode::kVersion,
                                BinaryCode::kWhatCanYouDo, BinaryCode::kClose}) {
    EXPECT_TRUE(ask_one(code).is(code)) << static_cast<int>(code);
  }
  for (const BinaryCode code :
       {BinaryCode::kRetr, BinaryCode::kOpen, BinaryCode::kChkData, BinaryCode::kClear, BinaryCode::kStat,
        BinaryCode::kInfo, BinaryCode::kGetChid, BinaryCode::kGetGuid, BinaryCode::kTest, BinaryCode::kShutdown}) {
    EXPECT_TRUE(ask_one(code).is(code, VscpError::kNotAuthorized)) << static_cast<int>(code);
  }
  EXPECT_TRUE(ask_one(BinaryCode::kPass, "secret").is(BinaryCode::kPass, VscpError::kUser));
  const auto got = ask(event_frame(1));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kNotAuthorized));
  // The login can be done in either dialect, and holds in both.
  EXPECT_EQ(rig_->ask(client_, command_frame(BinaryCode::kText) + "USER admin\r\nPASS secret\r\n").substr(7),
            std::string(reply::kUserOk) + kOk);
  EXPECT_EQ(rig_->ask(client_, "BINARY\r\n"), kBinaryOn);
  EXPECT_TRUE(ask_one(BinaryCode::kStat).is(BinaryCode::kStat));
}

TEST_F(BinaryCommands, RightsAreThoseOfTheTextCommands) {
  RigSettings settings;
  settings.users.push_back(make_user("admin", "secret"));
  auto& user = settings.users.back();
  user.allowed_verbs = router::verbs_for_privilege(1);
  begin(settings);
  for (const BinaryCode code :
       {BinaryCode::kRetr, BinaryCode::kOpen, BinaryCode::kTest, BinaryCode::kShutdown, BinaryCode::kRestart}) {
    EXPECT_TRUE(ask_one(code).is(code, VscpError::kPermission)) << static_cast<int>(code);
  }
  EXPECT_TRUE(ask_one(BinaryCode::kSetGuid, std::string(16, '\1')).is(BinaryCode::kSetGuid, VscpError::kPermission));
  EXPECT_TRUE(ask_one(BinaryCode::kChkData).is(BinaryCode::kChkData));
  const auto got =
      ask(event_frame(1) + command_frame(BinaryCode::kSend, event_frame(1).substr(1, event_frame(1).size() - 3)));
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kPermission));
  EXPECT_TRUE(got[1].is(BinaryCode::kSend, VscpError::kPermission));
}

TEST_F(BinaryCommands, TimeoutsAreToldInFrames) {
  begin_unknown();
  rig_->pass_time(31 * kSecond);
  auto got = frames_of(rig_->read_all(client_));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kTimeout));
  EXPECT_TRUE(rig_->is_closed(client_));
  begin();
  rig_->pass_time(43'201 * kSecond);
  got = frames_of(rig_->read_all(client_));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].is(BinaryCode::kEventConfirm, VscpError::kTimeout));
  EXPECT_TRUE(rig_->is_closed(client_));
}

}  // namespace
}  // namespace link_test
