#include "drivers/udp/datagram_sender.h"

#include <sys/uio.h>

#include <cerrno>
#include <utility>

#include "router/base/check.h"

namespace drivers::udp {
namespace {

constexpr std::uint64_t kNoMemoryNs = 1'000'000;

}  // namespace

DatagramSender::DatagramSender(router::Worker& worker, Owner& owner, router::UniqueFd socket)
    : worker_(&worker), owner_(&owner), socket_(socket.release()), slots_(kSlots) {}

DatagramSender::~DatagramSender() {
  VR_ASSERT(in_flight_ == 0 && !polling_);
  const router::UniqueFd closes(socket_);
}

void DatagramSender::send(std::size_t size, const sockaddr_storage& to) noexcept {
  VR_ASSERT(has_room() && size > 0 && size <= kDatagramMax);
  Slot& slot = slots_[(first_ + used_) % kSlots];
  ++used_;
  slot.size = static_cast<std::uint16_t>(size);
  slot.to = to;
  start(slot);
}

void DatagramSender::wait(SendWaiter& waiter) noexcept {
  if (!finishing_ && !waiter.ListNode<SendWaitTag>::is_linked()) waiting_.push_back(waiter);
}

void DatagramSender::start(Slot& slot) noexcept {
  slot.state = State::kSending;
  ++in_flight_;
  const iovec range{slot.bytes.data(), slot.size};
  worker_->ring().start_send_to(socket_, {&range, 1}, slot.to, *this);
}

void DatagramSender::on_completion(const router::Completion& completion) noexcept {
  if (completion.kind == router::OpKind::kSend) {
    on_sent(completion.result);
  } else {
    polling_ = false;
    if (!finishing_) send_waiting();
  }
  go_on();
}

void DatagramSender::on_timer(std::uint64_t) noexcept {
  send_waiting();
}

// Completions come in the order of the sends, so that this is the first of those in flight.
void DatagramSender::on_sent(int result) noexcept {
  VR_ASSERT(in_flight_ > 0);
  --in_flight_;
  while (slots_[(first_ + next_done_) % kSlots].state != State::kSending) ++next_done_;
  Slot& slot = slots_[(first_ + next_done_) % kSlots];
  ++next_done_;
  if (result == -EAGAIN || result == -ENOBUFS || result == -ENOMEM) {
    slot.state = State::kWaiting;
    full_ = true;
    no_memory_ = no_memory_ || result != -EAGAIN;
    ++figures_.waited;
    return;
  }
  slot.state = State::kDone;
  if (result < 0) {
    ++figures_.failed;
    figures_.last_error = -result;
  } else {
    ++figures_.sent;
  }
}

void DatagramSender::go_on() noexcept {
  while (used_ > 0 && slots_[first_].state == State::kDone) {
    first_ = (first_ + 1) % kSlots;
    --used_;
    if (next_done_ > 0) --next_done_;
  }
  if (finishing_) {
    if (in_flight_ == 0 && !polling_) owner_->on_sender_over();
  } else if (!full_) {
    for (std::size_t room = kSlots - used_; room > 0 && !waiting_.empty(); --room) waiting_.pop_front()->on_send_room();
  } else if (in_flight_ == 0 && !polling_ && !is_armed()) {
    wait_for_room();
  }
}

// Once everything that was under way has come back.
void DatagramSender::wait_for_room() noexcept {
  if (no_memory_) {
    worker_->timers().start(*this, worker_->now_ns() + kNoMemoryNs);
  } else {
    polling_ = true;
    worker_->ring().start_wait_writable(socket_, *this);
  }
}

void DatagramSender::send_waiting() noexcept {
  full_ = no_memory_ = false;
  next_done_ = 0;
  for (std::size_t i = 0; i < used_; ++i) {
    Slot& slot = slots_[(first_ + i) % kSlots];
    if (slot.state == State::kWaiting) start(slot);
  }
}

void DatagramSender::finish() noexcept {
  if (finishing_) return;
  finishing_ = true;
  worker_->timers().stop(*this);
  if (polling_) worker_->ring().cancel(socket_, *this, router::OpKind::kWritable);
  go_on();
}

}  // namespace drivers::udp
