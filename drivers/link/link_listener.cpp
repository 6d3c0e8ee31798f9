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

// Says why in one write and closes; the connection never becomes a session.
void turn_away(router::Socket socket, std::string_view text) noexcept {
  [[maybe_unused]] const auto sent = ::send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(socket, SHUT_WR);
  ::close(socket);
}

}  // namespace

LinkListener::LinkListener(router::Worker& worker, router::UniqueFd socket, std::shared_ptr<LinkContext> context)
    : worker_(&worker),
      socket_(std::move(socket)),
      context_(std::move(context)),
      placed_(context_->router->worker_count()) {
  context_->on_closed = [this](const sockaddr_storage& peer) {
    worker_->post(router::make_task([this, peer] { count_session(peer, -1); }));
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

void LinkListener::on_timer(std::uint64_t) noexcept { start(); }

void LinkListener::on_completion(const router::Completion& completion) noexcept {
  if (!completion.more) accepting_ = false;
  if (completion.result >= 0) {
    take_in(completion.result);
    if (!accepting_) start();
    return;
  }
  if (stopped_ || completion.result == -ECANCELED) return;
  router::logf(router::LogLevel::kError, router::LogKind::kAccept, "cannot accept a connection on %s: %s%s",
               context_->listener.c_str(), std::strerror(-completion.result),
               completion.result == -EMFILE ? "; raise the limit of open files (ulimit -n, LimitNOFILE=)" : "");
  worker_->timers().start(*this, worker_->now_ns() + kRetryNs);
}

void LinkListener::count_session(const sockaddr_storage& peer, int step) {
  sessions_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(sessions_) + step);
  if (context_->config.max_sessions_per_address == 0) return;
  const auto host = router::host_text(peer);
  const auto entry = sessions_of_host_.try_emplace(host, 0).first;
  entry->second = static_cast<std::uint32_t>(static_cast<int>(entry->second) + step);
  if (entry->second == 0) sessions_of_host_.erase(entry);
}

bool LinkListener::is_full(const sockaddr_storage& peer) {
  // Counted here and not by the workers: those on their way to another worker are in no worker's count.
  if (sessions_ >= context_->config.max_sessions) return true;
  const std::uint32_t limit = context_->config.max_sessions_per_address;
  if (limit == 0) return false;
  const auto entry = sessions_of_host_.find(router::host_text(peer));
  return entry != sessions_of_host_.end() && entry->second >= limit;
}

router::Worker& LinkListener::least_loaded() noexcept {
  router::Worker* best = nullptr;
  std::uint64_t best_load = ~std::uint64_t{0};
  for (router::ThreadIndex index = 0; index < placed_.size(); ++index) {
    router::Worker& candidate = context_->router->worker(index);
    // What we have handed over and it has not yet taken up counts too.
    const std::uint64_t taken = candidate.counters().accepted.value();
    const std::uint64_t load = candidate.counters().sessions.value() + (placed_[index] > taken ? placed_[index] - taken : 0);
    if (load < best_load) {
      best = &candidate;
      best_load = load;
    }
  }
  return *best;
}

void LinkListener::take_in(router::Socket socket) {
  if (stopped_) {
    turn_away(socket, vscp::reply::kShuttingDown);
    return;
  }
  const auto peer = router::peer_address(socket);
  if (is_full(peer)) {
    worker_->counters_mutable().refused.add();
    router::logf(router::LogLevel::kWarn, router::LogKind::kRefused, "connection from %s refused: the limit of sessions is reached",
                 router::address_text(peer).c_str());
    turn_away(socket, vscp::reply::kTooManySessions);
    return;
  }
  count_session(peer, 1);
  router::set_stream_options(socket);
  router::Worker& home = least_loaded();
  ++placed_[home.index()];
  const auto open = [&home, socket, context = context_] {
    home.counters_mutable().accepted.add();
    auto session = std::make_unique<LinkSession>(home, socket, context);
    session.release()->open();  // the worker owns it from start() to its burial
  };
  if (&home == worker_) {
    open();
  } else {
    home.post(router::make_task(open));
  }
}

}  // namespace drivers::link
