#include "router/core/users_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "router/base/password.h"
#include "tests/support/temp_dir.h"

namespace router {
namespace {

using vscp::Errc;
using vscp::LinkVerb;
using Lines = std::vector<std::string>;

constexpr std::string_view kHash = "2d1e4f91dae49cd08eaba2293e422273";

Lines lines(const std::vector<ConfigIssue>& issues) {
  Lines out;
  for (const ConfigIssue& issue : issues) out.push_back(to_text(issue));
  return out;
}

/// A users file with one user "u" that has these further members.
UsersResult one_user(const std::string& members) {
  return parse_users(R"({"users": [{"name": "u", "password": ")" + std::string(kHash) + "\",\n" + members + "}]}",
                     "u.json");
}

const User& user_of(const UsersResult& result) {
  static const User none;
  for (const ConfigIssue& issue : result.errors) ADD_FAILURE() << to_text(issue);
  return result.users && result.users->find("u") ? *result.users->find("u") : none;
}

std::string content(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST(UsersFile, AFileAsUpstreamShipsItWorks) {
  const UsersResult result = parse_users(R"({ "users" : [
    { "name" : "admin", "password" : "2d1e4f91dae49cd08eaba2293e422273", "fullname" : "Miss. Super user", "rights" : "admin",
      "remotes" : [ "+127.0.0.1", "+192.168.0.0/16", "+fe80::/64" ], "events" : "", "filter" : "", "mask" : "",
      "note" : "A note" },
    { "name" : "special1", "password" : "2d1e4f91dae49cd08eaba2293e422273", "fullname" : "Mrs", "rights" : [ "user", "" ],
      "remotes" : "", "events" : [ "10:*", "30:9" ], "filter" : "", "mask" : "", "note" : "" } ] })",
                                         "u.json");
  EXPECT_EQ(lines(result.errors), Lines{});
  EXPECT_EQ(lines(result.warnings), Lines{});
  ASSERT_TRUE(result.users);
  const User* admin = result.users->find("admin");
  ASSERT_NE(admin, nullptr);
  EXPECT_EQ(admin->full_name, "Miss. Super user");
  EXPECT_EQ(admin->note, "A note");
  EXPECT_TRUE(admin->may_use(LinkVerb::kShutdown));
  EXPECT_TRUE(admin->may_send(0, 1));
  EXPECT_FALSE(admin->host_rules.empty());
  const User* special = result.users->find("special1");
  ASSERT_NE(special, nullptr);
  EXPECT_TRUE(special->may_use(LinkVerb::kSend));  // upstream gives this list no rights at all
  EXPECT_TRUE(special->may_use(LinkVerb::kRcvLoop));
  EXPECT_FALSE(special->may_use(LinkVerb::kSetFilter));
  EXPECT_TRUE(special->may_send(10, 4));
  EXPECT_TRUE(special->may_send(30, 9));
  EXPECT_FALSE(special->may_send(30, 8));
  EXPECT_TRUE(special->host_rules.empty());
}

TEST(UsersFile, RightsInEachForm) {
  const std::uint32_t both = 0x110000;
  EXPECT_EQ(user_of(one_user(R"("rights": "send-events/receive-events")")).rights, both);
  EXPECT_EQ(user_of(one_user(R"("rights": "send-events, receive-events")")).rights, both);
  EXPECT_EQ(user_of(one_user(R"("rights": ["send-events", "receive-events"])")).rights, both);
  EXPECT_EQ(user_of(one_user(R"("rights": ["send-events/receive-events"])")).rights, both);
  EXPECT_EQ(user_of(one_user(R"("rights": 1114112)")).rights, both);
  EXPECT_EQ(user_of(one_user(R"("rights": "0x110000")")).rights, both);
  EXPECT_EQ(user_of(one_user(R"("rights": ["0x10000", 1048576])")).rights, both);
}

TEST(UsersFile, PrivilegeAndRightsMustBothAllow) {
  const UsersResult level_only = one_user(R"("privilege": 4)");
  EXPECT_TRUE(user_of(level_only).may_use(LinkVerb::kSend));
  EXPECT_FALSE(user_of(level_only).may_use(LinkVerb::kSetFilter));
  EXPECT_TRUE(user_of(level_only).may_send(0, 1));
  EXPECT_EQ(user_of(level_only).privilege, 4);

  const UsersResult both = one_user(R"("privilege": 15, "rights": "send-events")");
  EXPECT_TRUE(user_of(both).may_use(LinkVerb::kSend));
  EXPECT_FALSE(user_of(both).may_use(LinkVerb::kRetr));
  EXPECT_FALSE(user_of(both).may_send(0, 1));

  const UsersResult low = one_user(R"("privilege": 2, "rights": "admin")");
  EXPECT_FALSE(user_of(low).may_use(LinkVerb::kSend));
  EXPECT_TRUE(user_of(low).may_use(LinkVerb::kRetr));
}

TEST(UsersFile, NeitherPrivilegeNorRightsIsAWarning) {
  const UsersResult result = one_user(R"("note": "")");
  EXPECT_FALSE(user_of(result).may_use(LinkVerb::kSend));
  EXPECT_EQ(lines(result.warnings),
            Lines{"u.json:1:12: users[0].privilege: neither \"privilege\" nor \"rights\" is given, so this user may do "
                  "nothing: write \"privilege\": 4 to let him send and receive"});
}

TEST(UsersFile, FilterOverridesAndBothNamesOfKeys) {
  const UsersResult result =
      one_user(R"("privilege": 6, "full-name": "F", "allow-events": "20:*,30:5", "filter": "0,20,0,-",
    "mask": "0,0xffff,0,-", "max-out-queue": 100, "receive-sent-events": true,
    "line-format": "nanoseconds")");
  const User& user = user_of(result);
  EXPECT_EQ(user.full_name, "F");
  EXPECT_EQ(user.filter.filter_class, 20);
  EXPECT_EQ(user.filter.mask_class, 0xffff);
  EXPECT_TRUE(user.may_send(30, 5));
  EXPECT_FALSE(user.may_send(31, 5));
  EXPECT_EQ(user.overrides.queue.max_out_queue, 100U);
  EXPECT_EQ(user.overrides.receive_sent_events, true);
  EXPECT_EQ(user.overrides.line_format, vscp::LineFormat::kNanoseconds);
  const UsersResult plain = one_user(R"("privilege": 6)");
  EXPECT_FALSE(user_of(plain).overrides.queue.max_out_queue);
  EXPECT_FALSE(user_of(plain).overrides.queue.max_out_bytes);
  EXPECT_FALSE(user_of(plain).overrides.queue.slow_consumer);
  EXPECT_FALSE(user_of(plain).overrides.queue.hold_producers_ms);
  EXPECT_FALSE(user_of(plain).overrides.receive_sent_events);
  EXPECT_FALSE(user_of(plain).overrides.line_format);
}

TEST(UsersFile, HowFarAUserMayFallBehind) {
  const UsersResult result = one_user(
      R"("privilege": 6, "max-out-bytes": 0, "slow-consumer": "disconnect", "hold-producers-ms": 0)");
  const QueueLimits& queue = user_of(result).overrides.queue;
  EXPECT_EQ(queue.max_out_bytes, 0U);
  EXPECT_EQ(queue.slow_consumer, SlowConsumer::kDisconnect);
  EXPECT_EQ(queue.hold_producers_ms, 0U);
  EXPECT_EQ(lines(one_user("\"privilege\": 6, \"max-out-bytes\": 65535,\n\"slow-consumer\": \"drop\"").errors),
            (Lines{"u.json:2:34: users[0].max-out-bytes: 65535 is too small: write 65536 or more, or 0 for no limit",
                   "u.json:3:18: users[0].slow-consumer: \"drop\" is not known: write \"drop-lowest-priority\", "
                   "\"drop-oldest\" or \"disconnect\""}));
}

TEST(UsersFile, AllErrorsAtOnceWithPlaceAndHint) {
  const UsersResult result = one_user(
      "\"privilege\": 16, \"rights\": \"send-evnts/xyzzy\",\n"
      "\"remotes\": [\"+10.0.0.0/8\", \"office\"],\n"
      "\"events\": [\"20:*\", \"RX;20;3\"], \"filter\": \"x\",\n"
      "\"full-name\": \"a\", \"fullname\": \"b\", \"passwort\": \"z\"");
  EXPECT_FALSE(result.users);
  EXPECT_EQ(
      lines(result.errors),
      (Lines{
          "u.json:2:14: users[0].privilege: 16 is too large: write a whole number from 0 to 15",
          "u.json:2:28: users[0].rights: \"send-evnts\" is no right: did you mean \"send-events\"?",
          "u.json:2:28: users[0].rights: \"xyzzy\" is no right: write words like \"user\", \"send-events\", "
          "\"receive-events\", or a number",
          "u.json:3:28: users[0].remotes: \"office\" is no host: write \"192.168.1.8\", \"192.168.1.*\", "
          "\"192.168.0.0/16\" or \"fe80::/64\", with \"-\" before it to refuse",
          "u.json:4:20: users[0].events: \"RX;20;3\" is no event rule (" +
              std::string(vscp::to_text(Errc::kMissingField)) +
              "): write \"class:type\", \"class:*\", \"*:type\" or \"*:*\" with decimal or 0x numbers for what the "
              "user may send; what he receives is set by \"filter\" and \"mask\"",
          "u.json:4:42: users[0].filter: \"x\" is no filter (" +
              std::string(vscp::to_text(vscp::parse_filter_half("x").error())) +
              "): write \"priority,class,type,GUID\", for example \"0,20,0,-\"",
          "u.json:5:31: users[0].fullname: means the same as \"full-name\": remove one of the two",
          "u.json:5:36: users[0].passwort: unknown key: did you mean \"password\"?",
      }));
}

TEST(UsersFile, NamesAndPasswordsAreChecked) {
  const UsersResult result = parse_users(
      "{\"users\": [\n{\"privilege\": 1},\n{\"name\": \"a b\", \"password\": \"secret\", "
      "\"privilege\": 1},\n{\"name\": \"" +
          std::string(65, 'x') + "\", \"password\": \"" + std::string(kHash) + "\", \"privilege\": 1}], \"user\": 1}",
      "u.json");
  EXPECT_EQ(lines(result.errors),
            (Lines{
                "u.json:2:1: users[0].name: is missing: write the name that the user logs in with",
                "u.json:2:1: users[0].password: is missing: write the hash that \"vscpctl mkpasswd\" makes",
                "u.json:3:10: users[1].name: has a blank or control character, which no client can send in a name: "
                "leave it out",
                "u.json:3:29: users[1].password: is no password hash in a known form: write the hash that \"vscpctl "
                "mkpasswd\" makes",
                "u.json:4:10: users[2].name: has 65 bytes: write at most 64",
                "u.json:4:145: user: unknown key: did you mean \"users\"?",
            }));
}

TEST(UsersFile, APlainPasswordIsNeverShown) {
  for (const ConfigIssue& issue :
       parse_users(R"({"users": [{"name": "u", "password": "geheim", "privilege": 1}]})", "u").errors) {
    EXPECT_EQ(to_text(issue).find("geheim"), std::string::npos);
  }
}

TEST(UsersFile, TheSameNameTwiceIsAnError) {
  const std::string entry = "{\"name\": \"u\", \"password\": \"" + std::string(kHash) + "\", \"privilege\": 1}";
  EXPECT_EQ(lines(parse_users("{\"users\": [" + entry + ",\n" + entry + "]}", "u.json").errors),
            Lines{"u.json:2:1: users[1]: the user \"u\" is already there in line 1: remove one of the two"});
}

TEST(UsersFile, AnEmptyListIsAWarning) {
  const UsersResult result = parse_users("{\"users\": []}", "u.json");
  EXPECT_TRUE(result.users);
  EXPECT_EQ(lines(result.warnings), Lines{"u.json:1:1: users: is empty, so nobody can log in: add a user"});
}

TEST(UsersFile, MissingFileAndOpenFile) {
  const test::TempDir folder;
  const std::string path = folder.path() + "/users.json";
  EXPECT_EQ(lines(load_users(path).errors), Lines{path + ": cannot be opened: No such file or directory"});
  ASSERT_TRUE(create_users_file(path, "admin", kHash));
  EXPECT_EQ(lines(load_users(path).warnings), Lines{});
  ::chmod(path.c_str(), 0644);
  EXPECT_EQ(lines(load_users(path).warnings),
            Lines{path + ": everyone on this machine can read the password hashes: run chmod 600 on the file"});
}

TEST(UsersFile, TheFirstFileHasOneUserThatMayDoEverything) {
  const test::TempDir folder;
  const std::string path = folder.path() + "/users.json";
  const std::string hash = *hash_password("pw", {64, 1, 1});
  ASSERT_TRUE(create_users_file(path, kFirstUserName, hash));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  const UsersResult result = load_users(path);
  ASSERT_TRUE(result.users);
  const User* admin = result.users->find("admin");
  ASSERT_NE(admin, nullptr);
  EXPECT_EQ(admin->privilege, 15);
  EXPECT_TRUE(admin->may_use(LinkVerb::kShutdown));
  EXPECT_EQ(check_password(admin->password_hash, "admin", "pw"), PasswordCheck::kMatch);
  // Nothing else is left in the folder.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(UsersFile, AnExistingFileIsNeverOverwrittenByTheFirst) {
  const test::TempDir folder;
  const std::string path = folder.path() + "/users.json";
  std::ofstream(path) << "mine";
  const auto result = create_users_file(path, "admin", kHash);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), vscp::from_errno(EEXIST));
  EXPECT_EQ(content(path), "mine");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  const auto nowhere = create_users_file(folder.path() + "/no/users.json", "admin", kHash);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error(), vscp::from_errno(ENOENT));
}

TEST(UsersFile, ANameThatNobodyCanSendIsNotWritten) {
  const test::TempDir folder;
  const std::string path = folder.path() + "/users.json";
  for (const char* name : {"", "a b", "a\x01", "\xff"}) {
    const auto made = create_users_file(path, name, kHash);
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error(), Errc::kBadNumber) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(create_users_file(path, "low", kHash, 2));
  EXPECT_EQ(load_users(path).users->find("low")->privilege, 2);
}

class AddUser : public testing::Test {
 protected:
  std::string entry(std::string_view between, std::string_view end) const {
    const std::string b(between);
    return "{" + b + "\"name\": \"new\"," + b + "\"password\": \"" + std::string(kHash) + "\"," + b +
           "\"privilege\": 6" + std::string(end) + "}";
  }
  /// The file after adding "new" to it.
  std::string added(std::string_view text) {
    std::ofstream(path_) << text;
    ::chmod(path_.c_str(), 0640);
    EXPECT_TRUE(add_user(path_, "new", kHash, 6)) << text;
    const UsersResult result = load_users(path_);
    EXPECT_TRUE(result.users != nullptr && result.users->find("new") != nullptr) << content(path_);
    struct stat info{};
    EXPECT_EQ(::stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0640U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
    return content(path_);
  }
  const test::TempDir folder_;
  const std::string path_ = folder_.path() + "/users.json";
  const std::string user_ = R"({"name": "a", "privilege": 1, "password": ")" + std::string(kHash) + "\"}";
};

TEST_F(AddUser, GoesBehindTheLastOneInItsLayout) {
  EXPECT_EQ(added("{\"users\":[]} // end\n"), "{\"users\":[" + entry(" ", " ") + "]} // end\n");
  EXPECT_EQ(added("{\"users\":[ // none yet\n]}"), "{\"users\":[" + entry(" ", " ") + " // none yet\n]}");
  EXPECT_EQ(added("{\"users\":[" + user_ + "]}"), "{\"users\":[" + user_ + ", " + entry(" ", " ") + "]}");
  EXPECT_EQ(added("{\"users\":[" + user_ + " // c\n]}"),
            "{\"users\":[" + user_ + ", // c\n" + entry(" ", " ") + "\n]}");
  EXPECT_EQ(added("{\"users\":[\n\t" + user_ + "  // c\r\n]}"),
            "{\"users\":[\n\t" + user_ + ",  // c\n\t" + entry(" ", " ") + "\r\n]}");
  const std::string in_lines =
      "{\n   \"name\": \"a\", \"privilege\": 1,\n\"password\": \"" + std::string(kHash) + "\"\n }";
  EXPECT_EQ(added("{\"users\":[\n " + in_lines + "\n]}\n"),
            "{\"users\":[\n " + in_lines + ",\n " + entry("\n   ", "\n ") + "\n]}\n");
}

TEST_F(AddUser, RefusesWhatTheFileMayNotHave) {
  const auto refused = [&](std::string_view text, std::string_view name) {
    std::ofstream(path_) << text;
    const auto result = add_user(path_, name, kHash, 6);
    EXPECT_FALSE(result) << text;
    EXPECT_EQ(content(path_), text);
    return result ? Errc{} : result.error();
  };
  const std::string file = "{\"users\": [" + user_ + "]}";
  EXPECT_EQ(refused(file, "a"), vscp::from_errno(EEXIST));
  EXPECT_EQ(refused(file, "b c"), Errc::kBadNumber);
  EXPECT_EQ(refused("{\"users\": [" + user_ + ", 5]}", "b"), Errc::kBadNumber);
  EXPECT_EQ(refused("{", "b"), Errc::kBadNumber);
  EXPECT_EQ(refused("{}", "b"), Errc::kMissingField);
  EXPECT_EQ(add_user(path_ + ".none", "b", kHash, 6).error(), vscp::from_errno(ENOENT));
}

TEST(UsersFile, RandomPasswordsAreLongAndUnambiguous) {
  SystemRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string password = make_random_password(random);
    EXPECT_EQ(password.size(), 20U);
    EXPECT_EQ(password.find_first_of("0O1lI"), std::string::npos) << password;
    EXPECT_TRUE(std::all_of(password.begin(), password.end(), [](unsigned char c) { return std::isalnum(c) != 0; }));
    seen.insert(password);
  }
  EXPECT_EQ(seen.size(), 200U);
}

class ReplaceHash : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(path_) << text_;
    ::chmod(path_.c_str(), 0640);
  }
  const test::TempDir folder_;
  const std::string path_ = folder_.path() + "/users.json";
  const std::string text_ =
      "// kept\n{ \"users\" : [ {\"name\":\"a\",\t\"password\" : \"oldhash\", \"note\": \"oldhash\" }, // kept too\r\n"
      "  { \"password\": \"oldhash\", \"name\": \"b\", \"unknown\": [1, 2] } ] }\n\n";
};

TEST_F(ReplaceHash, ChangesOneValueAndNothingElse) {
  ASSERT_TRUE(replace_password_hash(path_, "b", "oldhash", "new\"hash"));
  std::string expected = text_;
  expected.replace(expected.rfind("\"oldhash\""), 9, "\"new\\\"hash\"");
  EXPECT_EQ(content(path_), expected);
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(ReplaceHash, RefusesAnUnknownUserOrAHashThatChangedMeanwhile) {
  for (const auto& [user, hash] : {std::pair("c", "oldhash"), std::pair("a", "otherhash")}) {
    const auto result = replace_password_hash(path_, user, hash, "new");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), Errc::kMissingField);
  }
  EXPECT_EQ(content(path_), text_);
}

TEST_F(ReplaceHash, RefusesAFileThatIsNotJson) {
  std::ofstream(path_) << "{";
  const auto result = replace_password_hash(path_, "a", "oldhash", "new");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), Errc::kBadNumber);
  const auto missing = replace_password_hash(path_ + ".none", "a", "oldhash", "new");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), vscp::from_errno(ENOENT));
}

TEST_F(ReplaceHash, ALinkStaysALink) {
  const std::string link = folder_.path() + "/link.json";
  std::filesystem::create_symlink(path_, link);
  ASSERT_TRUE(replace_password_hash(link, "a", "oldhash", "newhash"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_NE(content(path_).find("\"password\" : \"newhash\""), std::string::npos);
}

}  // namespace
}  // namespace router
