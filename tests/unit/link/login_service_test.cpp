// Most of it drives the service by hand (run_one), so that nothing depends on when a thread runs.
#include "drivers/link/login_service.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

#include "router/base/password.h"
#include "tests/unit/link/link_rig.h"

namespace {
std::atomic<unsigned> hashes_computed{0};
}  // namespace

// Stands in front of the library's own function and counts.
extern "C" int argon2id_verify(const char* encoded, const void* password, size_t size);
extern "C" int argon2id_verify(const char* encoded, const void* password, size_t size) {
  ++hashes_computed;
  static const auto real =
      reinterpret_cast<int (*)(const char*, const void*, size_t)>(dlsym(RTLD_NEXT, "argon2id_verify"));
  return real(encoded, password, size);
}

namespace drivers::link {
namespace {

using link_test::kSecond;
using link_test::make_user;
constexpr std::uint32_t kSuspectsPerHost = 2048;

std::shared_ptr<const router::UserDirectory> directory(std::vector<router::User> users) {
  return std::make_shared<router::UserDirectory>(std::move(users));
}

class LoginServiceTest : public ::testing::Test {
 protected:
  LoginServiceTest()
      : service_(clock_, directory({make_user("admin", "secret"), broken()}),
                 [this](auto& user, auto& hash) { old_forms_.push_back({user.name, hash}); }) {}

  static router::User broken() {
    router::User user = make_user("broken", "secret");
    user.password_hash = "$argon2id$v=19$m=8,t=1,p=1$zz";
    return user;
  }

  /// Hands a check in; its answer is added to answers_ when it is run.
  bool ask(const std::string& user, const std::string& password, const std::string& host = "10.0.0.1") {
    LoginRequest request;
    request.user = user;
    request.password = password;
    request.host = host;
    request.delay_ms = 1000;
    request.delay_max_ms = 8000;
    request.done = [this, host](LoginResult result) { answers_.push_back({host, std::move(result)}); };
    return service_.check(std::move(request));
  }
  LoginResult answer(const std::string& user, const std::string& password, const std::string& host = "10.0.0.1") {
    EXPECT_TRUE(ask(user, password, host));
    while (service_.run_one()) {
    }
    EXPECT_FALSE(answers_.empty());
    return answers_.back().result;
  }
  std::vector<std::uint32_t> delays_of_failures(int count, const std::string& host = "10.0.0.1") {
    std::vector<std::uint32_t> delays;
    for (int i = 0; i < count; ++i) delays.push_back(answer("admin", "wrong", host).delay_ms);
    return delays;
  }

  struct Answer {
    std::string host;
    LoginResult result;
  };
  router::ManualClock clock_;
  std::vector<std::pair<std::string, std::string>> old_forms_;
  std::vector<Answer> answers_;
  LoginService service_;
};

TEST_F(LoginServiceTest, Accepts) {
  const LoginResult result = answer("admin", "secret");
  EXPECT_EQ(result.outcome, LoginOutcome::kAccepted);
  EXPECT_EQ(result.delay_ms, 0U);
  ASSERT_NE(result.user, nullptr);
  EXPECT_EQ(result.user, result.users->find("admin"));
}

TEST_F(LoginServiceTest, Refuses) {
  for (const auto& [user, password] : std::vector<std::pair<std::string, std::string>>{{"admin", "Secret"},
                                                                                       {"admin", ""},
                                                                                       {"admin", "secret "},
                                                                                       {"Admin", "secret"},
                                                                                       {"nobody", "secret"},
                                                                                       {"", ""}}) {
    const LoginResult result = answer(user, password);
    EXPECT_EQ(result.outcome, LoginOutcome::kWrong) << user << ' ' << password;
    EXPECT_EQ(result.user, nullptr);
    EXPECT_GE(result.delay_ms, 1000U);
  }
}

TEST_F(LoginServiceTest, UnknownUserCostsAHashToo) {
  hashes_computed = 0;
  answer("admin", "wrong", "a");
  EXPECT_EQ(hashes_computed, 1U);
  answer("nobody", "wrong", "b");
  EXPECT_EQ(hashes_computed, 2U);
  answer("nobody", "wrong", "c");
  EXPECT_EQ(hashes_computed, 3U);
}

TEST_F(LoginServiceTest, UnknownUserCostsAHashWithoutAnyUser) {
  service_.set_users(directory({broken()}));
  hashes_computed = 0;
  EXPECT_EQ(answer("nobody", "no such user").outcome, LoginOutcome::kWrong);
  EXPECT_EQ(hashes_computed, 1U);
}

// What is the right password of the hash that is checked in its place does not let an unknown user in.
TEST_F(LoginServiceTest, UnknownUserIsRefusedWithAnybodysPassword) {
  EXPECT_EQ(answer("nobody", "secret").outcome, LoginOutcome::kWrong);
}

TEST_F(LoginServiceTest, RememberedPasswordCostsNoHash) {
  hashes_computed = 0;
  answer("admin", "secret");
  EXPECT_EQ(hashes_computed, 1U);
  EXPECT_EQ(answer("admin", "secret").outcome, LoginOutcome::kAccepted);
  EXPECT_EQ(hashes_computed, 1U);
  EXPECT_EQ(answer("admin", "other").outcome, LoginOutcome::kWrong);
  EXPECT_EQ(hashes_computed, 2U);
}

TEST_F(LoginServiceTest, MalformedHashIsToldApart) {
  const LoginResult result = answer("broken", "secret");
  EXPECT_EQ(result.outcome, LoginOutcome::kBadHash);
  EXPECT_EQ(result.delay_ms, 1000U);
  EXPECT_EQ(result.user, nullptr);
}

TEST_F(LoginServiceTest, DelayDoublesToItsMaximum) {
  EXPECT_EQ(delays_of_failures(6), (std::vector<std::uint32_t>{1000, 2000, 4000, 8000, 8000, 8000}));
  EXPECT_EQ(delays_of_failures(100).back(), 8000U);  // no overflow either
}

TEST_F(LoginServiceTest, EveryHostHasItsOwnDelay) {
  EXPECT_EQ(delays_of_failures(3, "a").back(), 4000U);
  EXPECT_EQ(delays_of_failures(1, "b").back(), 1000U);
  EXPECT_EQ(delays_of_failures(1, "a").back(), 8000U);
}

TEST_F(LoginServiceTest, NoDelayIfNoneIsConfigured) {
  LoginRequest request;
  request.user = "admin";
  request.password = "wrong";
  request.host = "a";
  request.done = [this](LoginResult result) { answers_.push_back({"a", std::move(result)}); };
  service_.check(std::move(request));
  while (service_.run_one()) {
  }
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].result.delay_ms, 0U);
}

TEST_F(LoginServiceTest, TenMinutesForget) {
  clock_.advance(3600 * kSecond);
  EXPECT_EQ(delays_of_failures(3).back(), 4000U);
  clock_.advance(600 * kSecond);
  EXPECT_EQ(delays_of_failures(1).back(), 8000U);
  clock_.advance(600 * kSecond + 1);
  EXPECT_EQ(delays_of_failures(1).back(), 1000U);
}

TEST_F(LoginServiceTest, SuccessForgets) {
  EXPECT_EQ(delays_of_failures(3).back(), 4000U);
  EXPECT_EQ(answer("admin", "secret").outcome, LoginOutcome::kAccepted);
  EXPECT_EQ(delays_of_failures(1).back(), 1000U);
}

TEST_F(LoginServiceTest, SuspectsWaitBehindOthers) {
  delays_of_failures(1, "guesser");
  answers_.clear();
  for (int i = 0; i < 3; ++i) ask("admin", "secret", "guesser");
  ask("admin", "secret", "honest");
  while (service_.run_one()) {
  }
  ASSERT_EQ(answers_.size(), 4U);
  EXPECT_EQ(answers_[0].host, "honest");
  for (const auto& each : answers_) EXPECT_EQ(each.result.outcome, LoginOutcome::kAccepted);
}

TEST_F(LoginServiceTest, TooManySuspectsOfOneHostAreTurnedAway) {
  answer("admin", "secret", "honest");
  delays_of_failures(1, "guesser");
  delays_of_failures(1, "other");
  answers_.clear();
  for (std::uint32_t i = 0; i < kSuspectsPerHost; ++i) ASSERT_TRUE(ask("admin", "secret", "guesser"));
  for (std::uint32_t i = 0; i < kSuspectsPerHost; ++i) ASSERT_TRUE(service_.run_one());  // they become suspects
  EXPECT_TRUE(answers_.empty());
  ask("admin", "secret", "guesser");
  ask("admin", "secret", "other");
  ASSERT_TRUE(service_.run_one());
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].result.outcome, LoginOutcome::kBusy);
  // There is room again when they have been checked, and nobody was forgotten.
  while (service_.run_one()) {
  }
  EXPECT_EQ(answers_.size(), kSuspectsPerHost + 2);
  EXPECT_EQ(answer("admin", "secret", "guesser").outcome, LoginOutcome::kAccepted);
}

TEST_F(LoginServiceTest, TooManyChecksAreRefused) {
  unsigned taken = 0;
  while (taken < 100'000 && ask("admin", "secret")) ++taken;
  EXPECT_EQ(taken, 16'384U);
  while (service_.run_one()) {
  }
  EXPECT_EQ(answers_.size(), taken);
  EXPECT_TRUE(ask("admin", "secret"));
}

TEST_F(LoginServiceTest, NewUsers) {
  EXPECT_EQ(answer("admin", "secret").outcome, LoginOutcome::kAccepted);
  const LoginResult before = answers_.back().result;
  service_.set_users(directory({make_user("admin", "changed"), make_user("second", "secret")}));
  EXPECT_EQ(answer("admin", "secret").outcome, LoginOutcome::kWrong);
  EXPECT_EQ(answer("admin", "changed").outcome, LoginOutcome::kAccepted);
  EXPECT_EQ(answer("second", "secret").outcome, LoginOutcome::kAccepted);
  EXPECT_EQ(before.users->find("second"), nullptr);  // who is logged in keeps what he has
}

TEST_F(LoginServiceTest, NewUsersForgetRememberedPasswords) {
  const auto users = directory({make_user("admin", "secret")});
  service_.set_users(users);
  answer("admin", "secret");
  hashes_computed = 0;
  service_.set_users(users);
  EXPECT_EQ(answer("admin", "secret").outcome, LoginOutcome::kAccepted);
  EXPECT_EQ(hashes_computed, 1U);
}

TEST_F(LoginServiceTest, OldFormIsReplacedOnce) {
  router::User old;
  old.name = "old";
  old.password_hash = "cf116363aabe3bdcc4f268ec1126a879";  // MD5 of "old:secret"
  service_.set_users(directory({old}));
  EXPECT_EQ(answer("old", "wrong").outcome, LoginOutcome::kWrong);
  EXPECT_TRUE(old_forms_.empty());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answer("old", "secret").outcome, LoginOutcome::kAccepted);
  ASSERT_EQ(old_forms_.size(), 1U);
  EXPECT_EQ(old_forms_[0].first, "old");
  EXPECT_EQ(router::check_password(old_forms_[0].second, "old", "secret"), router::PasswordCheck::kMatch);
  EXPECT_EQ(router::check_password(old_forms_[0].second, "old", "wrong"), router::PasswordCheck::kMismatch);
}

// ---- with its thread ------------------------------------------------------------------------------------------------

TEST(LoginServiceThread, AnswersAndStops) {
  const router::SystemClock clock;
  LoginService service(clock, directory({make_user("admin", "secret")}), nullptr);
  service.start();
  std::binary_semaphore done(0);
  LoginOutcome outcome = LoginOutcome::kBusy;
  LoginRequest request;
  request.user = "admin";
  request.password = "secret";
  request.done = [&](LoginResult result) {
    outcome = result.outcome;
    done.release();
  };
  ASSERT_TRUE(service.check(std::move(request)));
  done.acquire();
  EXPECT_EQ(outcome, LoginOutcome::kAccepted);
  service.stop();
  service.stop();
}

// Every answer asks again, so that there is always a check waiting: a stop that waited for them would never end.
TEST(LoginServiceThread, StopDoesNotWaitForChecks) {
  const router::SystemClock clock;
  const auto token = std::make_shared<int>(0);
  {
    LoginService service(clock, directory({make_user("admin", "secret")}), nullptr);
    std::binary_semaphore answered(0);
    std::atomic<int> answers{0};
    std::function<void()> ask = [&, token] {
      LoginRequest request;
      request.user = "admin";
      request.password = "wrong";
      request.host = std::to_string(answers % 7);
      request.done = [&, token](LoginResult) {
        if (answers++ == 0) answered.release();
        ask();
      };
      EXPECT_TRUE(service.check(std::move(request)));
    };
    for (int i = 0; i < 100; ++i) ask();
    service.start();
    answered.acquire();
    service.stop();
    const int at_stop = answers;
    EXPECT_GE(at_stop, 1);
    EXPECT_GT(token.use_count(), 2);  // those that were not asked are still there
    EXPECT_EQ(answers, at_stop);
  }
  EXPECT_EQ(token.use_count(), 1);  // and go with the service, unanswered
}

}  // namespace
}  // namespace drivers::link
