#include "drivers/link_client/lane.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "drivers/link_client/remote.h"
#include "drivers/link_client/remote_session.h"
#include "router/base/check.h"
#include "router/io/socket.h"

namespace drivers::link_client {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
// A connection that worked for so long was a good one: the next attempts begin anew with the shortest pause.
constexpr std::uint64_t kGoodNs = 10 * kSecondNs;
constexpr std::uint32_t kDoublingsMax = 20;
constexpr std::uint64_t kJitterShare = 4;  // a pause is up to one part in so many shorter or longer

}  // namespace

Lane::~Lane() {
  VR_ASSERT(session_ == nullptr);
}

void Lane::start_in(std::uint64_t delay_ns) noexcept {
  if (state_ != State::kIdle && state_ != State::kWaiting) return;
  state_ = State::kWaiting;
  remote_->worker().timers().start(*this, remote_->worker().now_ns() + delay_ns);
  remote_->on_change();
}

void Lane::stop(bool at_once) noexcept {
  remote_->worker().timers().stop(*this);
  ++attempt_;
  if (connect_pending_) remote_->worker().ring().cancel(socket_, *this, router::OpKind::kConnect);
  const bool was_open = state_ == State::kOpen;
  state_ = State::kIdle;
  if (was_open && session_ != nullptr) {
    RemoteSession* session = std::exchange(session_, nullptr);
    if (at_once) {
      session->abort();
    } else {
      session->leave();
    }
  }
  remote_->on_change();
}

void Lane::on_timer(std::uint64_t) noexcept {
  if (state_ == State::kWaiting) {
    begin();
  } else if (state_ == State::kConnecting && connect_pending_) {
    timed_out_ = true;
    remote_->worker().ring().cancel(socket_, *this, router::OpKind::kConnect);
  }
}

void Lane::begin() noexcept {
  if (connect_pending_) {  // of an attempt that was given up; it ends soon
    start_in(kSecondNs / 100);
    return;
  }
  state_ = State::kResolving;
  begun_ns_ = remote_->worker().now_ns();
  working_since_ns_ = 0;
  remote_->on_change();
  const std::uint32_t attempt = ++attempt_;
  const RemoteConfig& config = remote_->config();
  if (Resolved number = resolve_number(config.host, config.port); !number.addresses.empty()) {
    take(std::move(number));
    return;
  }
  router::Worker& worker = remote_->worker();
  remote_->addresses().resolve(config.host, config.port, [this, &worker, attempt](Resolved found) {
    worker.post(router::make_task([this, attempt, found = std::move(found)]() mutable {
      if (state_ == State::kResolving && attempt == attempt_) take(std::move(found));
    }));
  });
}

void Lane::take(Resolved found) noexcept {
  if (found.addresses.empty()) {
    fail(Ending::kLost, "the name " + remote_->config().host + " has no address: " + found.error);
    return;
  }
  state_ = State::kConnecting;
  addresses_ = std::move(found.addresses);
  next_address_ = 0;
  try_next();
}

void Lane::try_next() noexcept {
  router::Worker& worker = remote_->worker();
  address_ = addresses_[next_address_++];
  socket_ = worker.ring().open_socket(address_.ss_family);
  if (socket_ < 0) {
    const int error_number = -socket_;
    if (next_address_ < addresses_.size()) {
      try_next();
    } else {
      fail(Ending::kLost, std::string("cannot make a socket: ") + std::strerror(error_number));
    }
    return;
  }
  connect_pending_ = true;
  timed_out_ = false;
  worker.ring().start_connect(socket_, address_, *this);
  worker.timers().start(*this, worker.now_ns() + remote_->config().connect_timeout_s * kSecondNs);
}

void Lane::on_completion(const router::Completion& completion) noexcept {
  connect_pending_ = false;
  const router::Socket socket = std::exchange(socket_, -1);
  router::Worker& worker = remote_->worker();
  if (state_ != State::kConnecting) {
    worker.ring().close(socket);
    remote_->on_change();
    return;
  }
  worker.timers().stop(*this);
  if (completion.result == 0) {
    open(socket);
    return;
  }
  worker.ring().close(socket);
  if (next_address_ < addresses_.size()) {
    try_next();
    return;
  }
  std::string why = "cannot connect to " + router::address_text(address_) + ": ";
  why += timed_out_ ? "no answer in " + std::to_string(remote_->config().connect_timeout_s) + " s"
                    : std::strerror(-completion.result);
  fail(Ending::kLost, why);
}

void Lane::open(router::Socket socket) noexcept {
  state_ = State::kOpen;
  auto session = std::make_unique<RemoteSession>(remote_->worker(), socket, *this, role_);
  session_ = session.release();  // the worker's from start() to its burial
  remote_->on_session_made(*session_);
  session_->open();
}

void Lane::on_session_working() noexcept {
  working_since_ns_ = remote_->worker().now_ns();
  remote_->on_change();
}

void Lane::on_session_closing(Ending ending, std::string_view why) noexcept {
  session_ = nullptr;
  if (state_ != State::kOpen) return;  // stopped
  if (ending != Ending::kDone) {
    fail(ending, why);
    return;
  }
  failures_ = 0;
  state_ = State::kIdle;
  remote_->on_visit_over(begun_ns_);
}

void Lane::fail(Ending ending, std::string_view why) noexcept {
  const std::uint64_t now_ns = remote_->worker().now_ns();
  if (working_since_ns_ != 0 && now_ns - working_since_ns_ >= kGoodNs) failures_ = 0;
  ++failures_;
  state_ = State::kIdle;
  remote_->on_failure(ending, why);
  if (!remote_->is_ending()) start_in(retry_delay_ns(ending));
}

std::uint64_t Lane::retry_delay_ns(Ending ending) noexcept {
  const RemoteConfig& config = remote_->config();
  std::uint64_t delay_ns = config.login_retry_s * kSecondNs;
  if (ending != Ending::kRefused) {
    const std::uint32_t doublings = std::min(failures_ - 1, kDoublingsMax);
    delay_ns = std::min(config.retry_s * kSecondNs << doublings, config.retry_max_s * kSecondNs);
  }
  const std::uint64_t jitter_ns = delay_ns / kJitterShare;
  return delay_ns - jitter_ns + remote_->random().below(2 * jitter_ns + 1);
}

}  // namespace drivers::link_client
