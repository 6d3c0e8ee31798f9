// Checks passwords on a thread of its own, because a password hash takes tens of milliseconds and a worker must not wait.
//
// Wrong passwords are slowed down per source address: the answer to the n-th failure in a row waits delay * 2^(n-1), up to a maximum. A
// success ends the row, and ten minutes without a failure do. Checks for an address that has failed wait until there are none for others, so that
// somebody who guesses does not keep anybody else out.
//
// Thread rule: check(), set_users() from any thread; everything else happens on the service's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "router/base/clock.h"
#include "router/base/credential_cache.h"
#include "router/core/inbox.h"
#include "router/core/users.h"

namespace drivers::link {

enum class LoginOutcome : std::uint8_t { kAccepted, kWrong, kBadHash, kBusy };

struct LoginResult {
  LoginOutcome outcome = LoginOutcome::kWrong;
  std::uint32_t delay_ms = 0;  ///< to wait before a refusal is answered
  std::shared_ptr<const router::UserDirectory> users;
  const router::User* user = nullptr;  ///< in `users`; accepted only
};

struct LoginRequest {
  std::string user;
  std::string password;  ///< wiped when the check is done
  std::string host;
  std::uint32_t delay_ms = 0;      ///< after a first failure
  std::uint32_t delay_max_ms = 0;
  std::function<void(LoginResult)> done;  ///< called on the service's thread
};

class LoginService {
 public:
  /// `on_old_form` is called on the service's thread after a login whose stored password has one of the old forms:
  /// user, stored hash, new hash.
  using OldFormHandler = std::function<void(const router::User& user, const std::string& new_hash)>;

  LoginService(const router::Clock& clock, std::shared_ptr<const router::UserDirectory> users,
               OldFormHandler on_old_form);
  ~LoginService();
  LoginService(const LoginService&) = delete;
  LoginService& operator=(const LoginService&) = delete;

  void start();
  void stop();
  /// What the service's thread would do next, on the caller's thread; false if nothing waits. For who has not called
  /// start(): simulation.
  bool run_one();
  /// False if too many checks are waiting.
  bool check(LoginRequest request);
  /// Checks that begin from now on use these users; sessions keep what they have.
  void set_users(std::shared_ptr<const router::UserDirectory> users);

 private:
  struct Failures {
    std::uint32_t count = 0;
    std::uint32_t waiting = 0;  ///< in suspects_
    std::uint64_t last_ns = 0;
  };
  void work();
  void take(LoginRequest& request);
  void run(LoginRequest& request);
  void take_fresh_users();
  LoginResult judge(LoginRequest& request);
  bool password_matches(const router::User* user, const LoginRequest& request, bool& bad_hash);
  const std::string& decoy_hash();
  std::uint32_t note_failure(const LoginRequest& request);

  const router::Clock* clock_;
  std::shared_ptr<const router::UserDirectory> users_;
  std::mutex fresh_mutex_;
  std::shared_ptr<const router::UserDirectory> fresh_users_;  ///< from set_users(), null when taken
  OldFormHandler on_old_form_;
  router::SystemRandom random_;
  router::CredentialCache cache_;
  std::string decoy_hash_;  ///< if no user has a good one
  std::unordered_map<std::string, Failures> failures_;
  std::deque<LoginRequest> suspects_;  ///< checks for addresses that have failed
  router::TaskQueue queue_;
  std::thread thread_;
};

}  // namespace drivers::link
