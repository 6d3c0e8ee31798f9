#include "router/core/message_port.h"

#include <cerrno>
#include <utility>

#include "router/base/check.h"

namespace router {
namespace {

constexpr std::size_t kHeldPause = 256;    // messages kept before the rest is left to the socket
constexpr std::size_t kHeldRoom = 2048;    // what is on its way then is kept too: all buffers that there are, and those given back
constexpr std::uint64_t kNoBufferNs = 1'000'000;

}  // namespace

MessagePort::MessagePort(Router& router, Worker& worker, const EventPortSettings& settings)
    : EventPort(router, worker, settings), retry_(*this) {
  held_.reserve(kHeldRoom);
}

MessagePort::~MessagePort() { VR_ASSERT(descriptor_ < 0); }

void MessagePort::begin(int descriptor) noexcept {
  VR_ASSERT(descriptor_ < 0 && descriptor >= 0);
  descriptor_ = descriptor;
  ending_ = false;
  start_receiving();
}

void MessagePort::end() noexcept {
  if (descriptor_ < 0 || ending_) return;
  ending_ = true;
  worker().timers().stop(retry_);
  for (; held_first_ < held_.size(); ++held_first_) worker().ring().release_buffer(held_[held_first_].buffer_id);
  held_.clear();
  held_first_ = 0;
  if (receiving_ && !pausing_) worker().ring().cancel(descriptor_, *this, OpKind::kRecv);
  if (waiting_writable_) worker().ring().cancel(descriptor_, *this, OpKind::kWritable);
  close_if_over();
}

void MessagePort::abort() noexcept {
  if (aborting_) return;
  aborting_ = true;
  if (descriptor_ < 0) {
    close();
  } else {
    end();
  }
}

void MessagePort::close_if_over() noexcept {
  if (!ending_ || receiving_ || waiting_writable_ || in_flight_ > 0) return;
  close_descriptor(std::exchange(descriptor_, -1));
  ending_ = false;
  on_closed();
  if (aborting_) close();
}

// ---- receiving ------------------------------------------------------------------------------------------------------

void MessagePort::start_receiving() noexcept {
  if (descriptor_ < 0 || ending_ || receiving_) return;
  receiving_ = true;
  worker().ring().start_recv_messages(descriptor_, *this);
}

void MessagePort::receive_again() noexcept {
  if (held_.empty()) start_receiving();
}

void MessagePort::on_completion(const Completion& completion) noexcept {
  if (completion.kind == OpKind::kWritable) {
    waiting_writable_ = false;
    on_writable();
    close_if_over();
    return;
  }
  if (completion.kind == OpKind::kSend) {
    --in_flight_;
    on_sent(completion.result);
    close_if_over();
    return;
  }
  if (!completion.more) {
    receiving_ = false;
    pausing_ = false;
  }
  on_received(completion);
  close_if_over();
}

void MessagePort::on_received(const Completion& completion) noexcept {
  if (ending_ || completion.result < 0) {
    if (completion.has_buffer) worker().ring().release_buffer(completion.buffer_id);
    if (ending_ || completion.more) return;
    if (completion.result == -ENOBUFS) {
      // Whoever keeps the buffers gives them back in another turn.
      worker().timers().start(retry_, worker().now_ns() + kNoBufferNs);
    } else if (completion.result == -ECANCELED) {
      receive_again();
    } else {
      on_receive_error(-completion.result);
    }
    return;
  }
  if (!completion.has_buffer) {
    receive_again();
  } else if (held_.empty() && on_message(split_message(completion.bytes))) {
    worker().ring().release_buffer(completion.buffer_id);
    if (!completion.more) receive_again();
  } else {
    hold(completion);
  }
}

void MessagePort::hold(const Completion& completion) noexcept {
  if (held_.size() == kHeldRoom) {
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(held_first_));
    held_first_ = 0;
  }
  VR_ASSERT(held_.size() < kHeldRoom);
  held_.push_back({completion.buffer_id, completion.bytes});
  ask_to_take();
  if (receiving_ && !pausing_ && held_.size() - held_first_ >= kHeldPause) {
    pausing_ = true;
    worker().ring().cancel(descriptor_, *this, OpKind::kRecv);
  }
}

void MessagePort::on_may_take() noexcept {
  while (held_first_ < held_.size()) {
    const Held held = held_[held_first_];
    if (!on_message(split_message(held.bytes))) {
      ask_to_take();
      return;
    }
    if (held_first_ == held_.size()) return;  // it has ended the socket
    worker().ring().release_buffer(held.buffer_id);
    ++held_first_;
  }
  held_.clear();
  held_first_ = 0;
  if (!retry_.is_armed()) start_receiving();
}

// ---- sending --------------------------------------------------------------------------------------------------------

void MessagePort::send(std::span<const char> bytes) noexcept {
  const iovec range{const_cast<char*>(bytes.data()), bytes.size()};
  ++in_flight_;
  worker().ring().start_send(descriptor_, {&range, 1}, *this);
}

void MessagePort::send_to(std::span<const char> bytes, const sockaddr_storage& address) noexcept {
  const iovec range{const_cast<char*>(bytes.data()), bytes.size()};
  ++in_flight_;
  worker().ring().start_send_to(descriptor_, {&range, 1}, address, *this);
}

void MessagePort::wait_writable() noexcept {
  if (std::exchange(waiting_writable_, true)) return;
  worker().ring().start_wait_writable(descriptor_, *this);
}

}  // namespace router
