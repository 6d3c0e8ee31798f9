#include "drivers/library/library_port.h"

#include <algorithm>
#include <utility>

#include "drivers/library/futex.h"
#include "router/base/check.h"

namespace drivers::library {
namespace {

constexpr std::uint16_t kClassError = 508;
// A library that brings events this fast is looked at again without a wake-up, which costs both sides a system call.
constexpr std::uint64_t kStayAwakeNs = 20'000;
constexpr std::size_t kManyEvents = 4;
constexpr std::uint64_t kPaceNs = 10'000'000;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

LibraryPort::LibraryPort(router::Router& router, router::Worker& worker, const router::EventPortSettings& settings,
                         std::uint32_t max_rate, const Bell& bell)
    : EventPort(router, worker, settings), bell_(&bell), max_rate_(max_rate), pace_(*this) {}

// ---- hosts ----------------------------------------------------------------------------------------------------------

void LibraryPort::attach(std::shared_ptr<HostLink> link) {
  if (aborting_ || !is_open()) return;
  next_link_ = std::move(link);
  if (link_ == nullptr) {
    take_next_link();
  } else {
    detach();
  }
}

void LibraryPort::take_next_link() {
  link_ = std::move(next_link_);
  SharedMemory& memory = link_->memory();
  in_.emplace(memory.in, memory.in_data);
  out_.emplace(memory.out, memory.out_data);
  ready_ = broken_ = detaching_ = busy_ = false;
  if (taking_off_) stop_at_ = 0;
  wait_for_event();
  take_in();
  ask_outgoing();
}

void LibraryPort::wait_for_event() noexcept {
  waiting_ = true;
  worker().ring().start_wait_event(link_->event_descriptor(), *this);
}

void LibraryPort::detach() noexcept {
  if (link_ == nullptr || detaching_) return;
  // What it brought before it ended counts.
  take_in();
  detaching_ = true;
  worker().timers().stop(pace_);
  if (waiting_) {
    worker().ring().cancel(link_->event_descriptor(), *this, router::OpKind::kEvent);
  } else {
    let_go();
  }
}

void LibraryPort::let_go() noexcept {
  const std::uint64_t given = link_->given.load(std::memory_order_relaxed);
  const std::uint64_t written = link_->memory().status.written_events.load(std::memory_order_relaxed);
  lost_with_host_ += given - std::min(given, written);
  in_.reset();
  out_.reset();
  link_.reset();
  detaching_ = false;
  bell_->ring();
  if (aborting_) {
    if (is_open()) close();
  } else if (next_link_ != nullptr) {
    take_next_link();
  }
}

void LibraryPort::abort() noexcept {
  if (aborting_) return;
  aborting_ = true;
  next_link_.reset();
  worker().timers().stop(pace_);
  if (link_ != nullptr) {
    detach();
  } else if (is_open()) {
    close();
  }
}

void LibraryPort::note_broken() noexcept {
  broken_ = true;
  link_->broken.store(true, std::memory_order_release);
  bell_->ring();
}

void LibraryPort::on_completion(const router::Completion& completion) noexcept {
  waiting_ = false;
  if (detaching_) {
    let_go();
    return;
  }
  if (completion.result < 0) {
    note_broken();  // the host has done something to the eventfd that we share
    return;
  }
  wait_for_event();
  if (!ready_) bell_->ring();
  take_in();
  ask_outgoing();
}

// ---- from the library -----------------------------------------------------------------------------------------------

void LibraryPort::on_may_take() noexcept {
  if (tell_site()) take_in();
}

std::size_t LibraryPort::allowance() noexcept {
  if (max_rate_ == 0) return ~std::size_t{0};
  const std::uint64_t now = worker().now_ns();
  // At most a tenth of a second's events at once.
  const std::uint64_t most = std::max<std::uint64_t>(max_rate_ / 10, 1);
  const std::uint64_t more = (std::min(now - paced_ns_, kSecondNs) * max_rate_) / kSecondNs;
  if (more > 0) {
    tokens_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(tokens_ + more, most));
    paced_ns_ = now;
  }
  if (tokens_ == 0 && !pace_.is_armed()) worker().timers().start(pace_, now + kPaceNs);
  return tokens_;
}

void LibraryPort::take_in() noexcept {
  if (link_ == nullptr || detaching_ || broken_) return;
  const std::size_t allowed = allowance();
  if (allowed == 0) return;
  std::size_t taken = 0;
  RingResult result = RingResult::kDone;
  for (; taken < allowed && in_->taken() < stop_at_; ++taken) {
    if (in_->is_empty()) {
      result = RingResult::kNothing;
      break;
    }
    router::EventBuf* event = acquire();  // null: on_may_take() comes
    if (event == nullptr) break;
    result = in_->take(event->event);
    if (result != RingResult::kDone) {
      give_back(event);
      break;
    }
    event->event.head &= static_cast<std::uint16_t>(~vscp::kHeadFrameVersion);
    publish(event);
  }
  in_->release();
  if (max_rate_ != 0) tokens_ -= static_cast<std::uint32_t>(taken);
  if (in_->take_sleeper()) wake_futex(link_->memory().in.producer_asleep);
  if (result == RingResult::kBroken) {
    note_broken();
  } else if (result == RingResult::kNothing) {
    rest(taken);
  } else if (taken == allowed) {
    ask_to_take();
  }
}

// The ring is empty: looks again in the next turn, or is woken.
void LibraryPort::rest(std::size_t taken) noexcept {
  const std::uint64_t now = worker().now_ns();
  if (taken > 0) {
    busy_ = taken >= kManyEvents || (busy_ && now - last_taken_ns_ < kStayAwakeNs);
    last_taken_ns_ = now;
  }
  busy_ = busy_ && now - last_taken_ns_ < kStayAwakeNs;
  if (busy_ || !in_->prepare_to_sleep()) ask_to_take();
}

void LibraryPort::stop_taking() noexcept {
  if (taking_off_) return;
  taking_off_ = true;
  if (link_ == nullptr) return;
  // A position that cannot be is found out by take().
  stop_at_ = link_->memory().in.written.load(std::memory_order_acquire);
  take_in();
}

void LibraryPort::tell(const SiteEvent& event) noexcept {
  if (!is_open() || aborting_) return;
  if (news_count_ == news_.size()) {  // nobody listens: the oldest goes
    std::move(news_.begin() + 1, news_.end(), news_.begin());
    --news_count_;
  }
  news_[news_count_++] = event;
  tell_site();
}

// False: acquire() gave nothing, and on_may_take() comes.
bool LibraryPort::tell_site() noexcept {
  while (news_count_ > 0) {
    router::EventBuf* buffer = acquire();
    if (buffer == nullptr) return false;
    const SiteEvent news = news_[0];
    std::move(news_.begin() + 1, news_.begin() + static_cast<std::ptrdiff_t>(news_count_), news_.begin());
    --news_count_;
    vscp::Event& event = buffer->event;
    event.time_ns = 0;
    event.timestamp_us = 0;
    event.guid = guid();
    event.head = news.type == SiteType::kReady ? 3U << 5U : 1U << 5U;
    event.vscp_class = kClassError;
    event.vscp_type = static_cast<std::uint8_t>(news.type);
    event.data[0] = news.index;
    event.data[1] = event.data[2] = 255;
    for (unsigned i = 0; i < 4; ++i) event.data[3 + i] = static_cast<std::uint8_t>(news.starts >> (24 - 8 * i));
    event.data_size = 7;
    publish(buffer);
  }
  return true;
}

// ---- to the library -------------------------------------------------------------------------------------------------

void LibraryPort::on_outgoing() noexcept {
  if (link_ != nullptr && !detaching_ && !broken_) {
    SharedMemory& memory = link_->memory();
    if (!ready_) {
      ready_ = memory.status.phase.load(std::memory_order_acquire) == static_cast<std::uint32_t>(Phase::kReady);
    }
    if (ready_) give_out();
  }
}

void LibraryPort::give_out() noexcept {
  vscp::Event event;
  std::uint64_t given = 0;
  bool full = false;
  RingResult result = RingResult::kDone;
  while (!full && peek(event)) {
    result = out_->put(event);
    if (result == RingResult::kBroken) break;
    if (result == RingResult::kNothing) {
      full = out_->prepare_to_sleep();
      continue;
    }
    pop();
    ++given;
  }
  if (given > 0) {
    link_->given.fetch_add(given, std::memory_order_relaxed);
    out_->publish();
  }
  // Also when full: he may have gone to sleep before the last were there.
  if (out_->take_sleeper()) wake_futex(link_->memory().out.consumer_asleep);
  if (result == RingResult::kBroken) {
    note_broken();
  } else if (leaving_ && !full) {
    finish_leaving();
  }
}

void LibraryPort::leave() noexcept {
  leaving_ = true;
  if (link_ == nullptr) return;
  ask_outgoing();
}

void LibraryPort::finish_leaving() noexcept {
  if (link_->is_drained.load(std::memory_order_relaxed)) return;
  link_->is_drained.store(true, std::memory_order_release);
  link_->ask_to_stop();
  bell_->ring();
}

}  // namespace drivers::library
