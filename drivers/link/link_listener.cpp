#include "drivers/link/link_listener.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "drivers/link/link_session.h"
#include "protocol/link_reply.h"
#include "router/base/log.h"
#include "router/io/socket.h"

namespace drivers::link {
namespace {

// After an accept that failed for lack of descriptors: accepting at once again would only spin.
constexpr std::uint64_t kRetryNs = 200'000'000;
// Connections on their way to their workers are open files of the process. Beyond this no more are accepted until a half has
// arrived.
constexpr std::uint64_t kOnTheirWayMax = 1024;
constexpr std::uint64_t kPauseNs = 1'000'000;

// Says why in one write and closes; the connection never becomes a session.
void turn_away(int descriptor, std::string_view text) noexcept {
  [[maybe_unused]] const auto sent = ::send(descriptor, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(descriptor, SHUT_WR);
  ::close(descriptor);
}

}  // namespace

LinkListener::LinkListener(router::Worker& worker, router::UniqueFd socket, std::shared_ptr<LinkContext> context,
                           std::shared_ptr<SessionLimits> limits)
    : worker_(&worker),
      socket_(std::move(socket)),
      context_(std::move(context)),
      limits_(std::move(limits)),
      hands_(context_->router->worker_count()) {
  context_->on_closed = [worker = worker_, limits = limits_](const router::PeerAddress& peer) {
    worker->post(router::make_task([limits, peer] { limits->remove(peer); }));
  };
}

void LinkListener::start() {
  if (accepting_ || stopped_) return;
  accepting_ = true;
  worker_->ring().start_accept(socket_.get(), *this);
}

void LinkListener::stop() {
  stopped_ = true;
  worker_->timers().stop(*this);
  if (accepting_) worker_->ring().cancel(socket_.get(), *this, router::OpKind::kAccept);
  // No new connection is even queued by the kernel from here on.
  ::shutdown(socket_.get(), SHUT_RDWR);
}

void LinkListener::on_timer(std::uint64_t now_ns) noexcept {
  paused_ = paused_ && on_their_way() > kOnTheirWayMax / 2;
  if (paused_) {
    worker_->timers().start(*this, now_ns + kPauseNs);
  } else {
    start();
  }
}

void LinkListener::on_completion(const router::Completion& completion) noexcept {
  if (!completion.more) accepting_ = false;
  if (completion.result >= 0) {
    take_in(completion.result);
    if (!accepting_ && !paused_) start();
    return;
  }
  if (stopped_ || completion.result == -ECANCELED) return;
  router::logf(router::LogLevel::kError, router::LogKind::kAccept, "cannot accept a connection on %s: %s%s",
               context_->listener.c_str(), std::strerror(-completion.result),
               completion.result == -EMFILE ? "; raise the limit of open files (ulimit -n, LimitNOFILE=)" : "");
  worker_->timers().start(*this, worker_->now_ns() + kRetryNs);
}

router::Worker& LinkListener::least_loaded() noexcept {
  router::Worker* best = nullptr;
  std::uint64_t best_load = ~std::uint64_t{0};
  for (router::ThreadIndex index = 0; index < hands_.size(); ++index) {
    router::Worker& candidate = context_->router->worker(index);
    // What we have handed over and it has not yet taken up counts too.
    const std::uint64_t load = candidate.counters().sessions.value() + hands_[index].on_their_way();
    if (load < best_load) {
      best = &candidate;
      best_load = load;
    }
  }
  return *best;
}

std::uint64_t LinkListener::on_their_way() const noexcept {
  std::uint64_t count = 0;
  for (const Hand& hand : hands_) count += hand.on_their_way();
  return count;
}

void LinkListener::take_in(int descriptor) {
  if (stopped_) {
    turn_away(descriptor, plain(vscp::reply::kShuttingDown));
    return;
  }
  const router::PeerAddress peer(router::peer_address(descriptor));
  if (!limits_->try_add(peer)) {
    refuse(descriptor, peer);
    return;
  }
  router::Worker& home = least_loaded();
  ++hands_[home.index()].given;
  if (&home == worker_) {
    open_session(home, descriptor, peer);
    return;
  }
  // We live until the workers have ended.
  home.post(router::make_task([this, &home, descriptor, peer] { open_session(home, descriptor, peer); }));
  if (paused_ || on_their_way() <= kOnTheirWayMax) return;
  paused_ = true;
  if (accepting_) worker_->ring().cancel(socket_.get(), *this, router::OpKind::kAccept);
  worker_->timers().start(*this, worker_->now_ns() + kPauseNs);
}

// On the session's worker.
void LinkListener::open_session(router::Worker& home, int descriptor, const router::PeerAddress& peer) {
  hands_[home.index()].taken.add();
  home.counters_mutable().accepted.add();
  if (home.is_stopping()) {
    turn_away(descriptor, plain(vscp::reply::kShuttingDown));
    return;
  }
  const router::Socket socket = home.ring().adopt(descriptor);
  if (socket < 0) {
    home.counters_mutable().refused.add();
    context_->on_closed(peer);
    router::logf(router::LogLevel::kWarn, router::LogKind::kRefused, "connection from %s refused: no room for more sockets",
                 router::address_text(peer.storage()).c_str());
    turn_away(descriptor, plain(vscp::reply::kTooManySessions));
    return;
  }
  auto session = std::make_unique<LinkSession>(home, socket, peer, *context_);
  session.release()->open();  // the worker owns it from start() to its burial
}

void LinkListener::refuse(int descriptor, const router::PeerAddress& peer) {
  worker_->counters_mutable().refused.add();
  router::logf(router::LogLevel::kWarn, router::LogKind::kRefused, "connection from %s refused: the limit of sessions is reached",
               router::address_text(peer.storage()).c_str());
  turn_away(descriptor, plain(vscp::reply::kTooManySessions));
}

}  // namespace drivers::link
