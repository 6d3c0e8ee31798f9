#include "drivers/link/login_service.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>

#include "router/base/crypto.h"
#include "router/base/log.h"
#include "router/base/password.h"

namespace drivers::link {
namespace {

constexpr std::size_t kWaitingMax = 16'384;
constexpr std::size_t kCacheEntries = 65'536;
constexpr std::size_t kFailureEntriesMax = 16'384;
constexpr std::uint32_t kSuspectsPerHost = 2048;
constexpr std::uint64_t kForgetNs = 600'000'000'000;
// Hashing must not take the processor away from the workers.
constexpr int kNiceness = 10;

}  // namespace

LoginService::LoginService(const router::Clock& clock, std::shared_ptr<const router::UserDirectory> users,
                           OldFormHandler on_old_form)
    : clock_(&clock),
      users_(std::move(users)),
      on_old_form_(std::move(on_old_form)),
      cache_(kCacheEntries, random_),
      queue_(kWaitingMax) {}

LoginService::~LoginService() { stop(); }

void LoginService::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "vr-login");
    ::setpriority(PRIO_PROCESS, 0, kNiceness);  // of this thread, on Linux
    work();
  });
}

void LoginService::stop() {
  if (!thread_.joinable()) return;
  queue_.close();
  thread_.join();
}

bool LoginService::check(LoginRequest request) {
  auto task = router::make_task([this, request = std::move(request)]() mutable { take(request); });
  return queue_.try_post(task);
}

void LoginService::set_users(std::shared_ptr<const router::UserDirectory> users) {
  // Not by the queue: a check that is asked for after this call must not come before it.
  const std::lock_guard lock(fresh_mutex_);
  fresh_users_ = std::move(users);
}

void LoginService::take_fresh_users() {
  const std::lock_guard lock(fresh_mutex_);
  if (fresh_users_ == nullptr) return;
  users_ = std::move(fresh_users_);
  cache_.clear();
}

void LoginService::work() {
  while (!queue_.is_closed()) {
    if (run_one()) continue;
    if (auto task = queue_.wait_task()) task->run();
  }
}

bool LoginService::run_one() {
  if (auto task = queue_.try_task()) {
    task->run();
    return true;
  }
  if (suspects_.empty()) return false;
  LoginRequest request = std::move(suspects_.front());
  suspects_.pop_front();
  if (const auto entry = failures_.find(request.host); entry != failures_.end()) --entry->second.waiting;
  run(request);
  return true;
}

void LoginService::take(LoginRequest& request) {
  const auto entry = failures_.find(request.host);
  if (entry == failures_.end() || entry->second.count == 0) {
    run(request);
    return;
  }
  if (entry->second.waiting >= kSuspectsPerHost) {
    LoginResult result;
    result.outcome = LoginOutcome::kBusy;
    result.delay_ms = request.delay_ms;
    request.done(std::move(result));
    return;
  }
  ++entry->second.waiting;
  suspects_.push_back(std::move(request));
}

void LoginService::run(LoginRequest& request) {
  LoginResult result = judge(request);
  router::secure_wipe(request.password.data(), request.password.size());
  request.done(std::move(result));
}

LoginResult LoginService::judge(LoginRequest& request) {
  take_fresh_users();
  LoginResult result;
  result.users = users_;
  const router::User* user = users_->find(request.user);
  bool bad_hash = false;
  if (password_matches(user, request, bad_hash)) {
    if (const auto entry = failures_.find(request.host); entry != failures_.end()) entry->second.count = 0;
    result.outcome = LoginOutcome::kAccepted;
    result.user = user;
    return result;
  }
  result.outcome = bad_hash ? LoginOutcome::kBadHash : LoginOutcome::kWrong;
  result.delay_ms = note_failure(request);
  return result;
}

// Somebody's hash, so that an unknown name costs what a known one does, whatever form and cost the hashes here have.
const std::string& LoginService::decoy_hash() {
  for (const router::User& user : users_->users()) {
    if (router::is_password_hash(user.password_hash)) return user.password_hash;
  }
  if (decoy_hash_.empty()) decoy_hash_ = router::hash_password("no such user").value_or("");
  return decoy_hash_;
}

bool LoginService::password_matches(const router::User* user, const LoginRequest& request, bool& bad_hash) {
  if (user == nullptr) {
    router::check_password(decoy_hash(), request.user, request.password);
    return false;
  }
  if (cache_.contains(user->name, user->password_hash, request.password)) return true;
  switch (router::check_password(user->password_hash, user->name, request.password)) {
    case router::PasswordCheck::kMatch:
      cache_.remember(user->name, user->password_hash, request.password);
      return true;
    case router::PasswordCheck::kMatchOldForm:
      cache_.remember(user->name, user->password_hash, request.password);
      if (on_old_form_) {
        if (auto fresh = router::hash_password(request.password)) on_old_form_(*user, *fresh);
      }
      return true;
    case router::PasswordCheck::kMalformedHash:
      bad_hash = true;
      return false;
    case router::PasswordCheck::kMismatch:
      break;
  }
  return false;
}

std::uint32_t LoginService::note_failure(const LoginRequest& request) {
  const std::uint64_t now = clock_->monotonic_ns();
  if (failures_.size() >= kFailureEntriesMax) {
    const auto is_old = [now](const auto& entry) { return entry.second.waiting == 0 && now - entry.second.last_ns > kForgetNs; };
    std::erase_if(failures_, is_old);
    // Still full of fresh ones: a flood from everywhere. Forget those that wait for nothing.
    if (failures_.size() >= kFailureEntriesMax) {
      std::erase_if(failures_, [](const auto& entry) { return entry.second.waiting == 0; });
    }
  }
  Failures& failures = failures_[request.host];
  if (now - failures.last_ns > kForgetNs) failures.count = 0;
  failures.last_ns = now;
  const std::uint32_t doublings = std::min<std::uint32_t>(failures.count++, 16);
  const std::uint64_t delay = std::uint64_t{request.delay_ms} << doublings;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(delay, std::max(request.delay_max_ms, request.delay_ms)));
}

}  // namespace drivers::link
