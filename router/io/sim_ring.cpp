#include "router/io/sim_ring.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "router/base/check.h"

namespace router {
namespace {

constexpr char kReleasedByte = static_cast<char>(0xdd);
constexpr std::uint64_t kNever = ~std::uint64_t{0};

std::uint64_t hash_of(std::span<const iovec> ranges) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const iovec& range : ranges) {
    const auto* bytes = static_cast<const unsigned char*>(range.iov_base);
    std::size_t i = 0;
    for (; i + 8 <= range.iov_len; i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes + i, sizeof(word));
      hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
      hash ^= hash >> 32U;
    }
    for (; i < range.iov_len; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace

SimRing::SimRing(SimNet& net, const SimRingSettings& settings, SimSleeper* sleeper)
    : net_(&net),
      settings_(settings),
      sleeper_(sleeper),
      memory_(std::size_t{settings.buffer_count} * settings.buffer_bytes, kReleasedByte),
      buffers_(settings.buffer_count, BufferState::kReleased),
      buffers_announced_(settings.buffer_count) {
  VR_ASSERT(settings.buffer_count > 0 && settings.buffer_count < kNoBuffer && settings.buffer_bytes > 0);
}

// ---- starting
// ---------------------------------------------------------------------------------------------------------------

SimRing::Operation& SimRing::start(OpKind kind, Socket socket, OpOwner& owner) noexcept {
  VR_ASSERT(net_->is_open(socket));
  for (const Operation& other : operations_) VR_ASSERT(other.owner != &owner || other.kind != kind);
  // A completion that ends an operation may still be waiting to be reaped: for its owner the operation goes on until
  // then.
  for (const Queued& queued : completions_) {
    VR_ASSERT(queued.owner != &owner || queued.completion.kind != kind || queued.completion.more);
  }
  Operation& operation = operations_.emplace_back();
  operation.owner = &owner;
  operation.kind = kind;
  operation.socket = socket;
  return operation;
}

Socket SimRing::adopt(int descriptor) noexcept {
  for (const Operation& operation : operations_) VR_ASSERT(operation.socket != descriptor);
  return net_->rename(descriptor);
}

void SimRing::start_accept(Socket listener, OpOwner& owner) noexcept {
  start(OpKind::kAccept, listener, owner);
}

void SimRing::start_connect(Socket socket, const sockaddr_storage& address, OpOwner& owner) noexcept {
  Operation& operation = start(OpKind::kConnect, socket, owner);
  const iovec range{const_cast<sockaddr_storage*>(&address), sizeof(address)};
  operation.hash = hash_of({&range, 1});
  operation.address = &address;
}

void SimRing::start_recv(Socket socket, OpOwner& owner) noexcept {
  start(OpKind::kRecv, socket, owner);
}

void SimRing::start_send(Socket socket, std::span<const iovec> ranges, OpOwner& owner) noexcept {
  VR_ASSERT(!ranges.empty());
  for (const iovec& range : ranges) VR_ASSERT(range.iov_len > 0);
  Operation& operation = start(OpKind::kSend, socket, owner);
  operation.ranges.assign(ranges.begin(), ranges.end());
  operation.hash = hash_of(ranges);
}

void SimRing::start_wait_writable(Socket socket, OpOwner& owner) noexcept {
  start(OpKind::kWritable, socket, owner);
}

void SimRing::start_recv_messages(Socket, OpOwner&) noexcept { VR_ASSERT(false); }

void SimRing::start_send_to(Socket, std::span<const iovec>, const sockaddr_storage&, OpOwner&) noexcept {
  VR_ASSERT(false);
}

void SimRing::start_wait_event(int, OpOwner&) noexcept { VR_ASSERT(false); }

void SimRing::cancel(Socket socket, OpOwner& owner, OpKind kind) noexcept {
  for (Operation& operation : operations_) {
    if (operation.owner != &owner || operation.kind != kind) continue;
    VR_ASSERT(operation.socket == socket);
    operation.cancelled = true;
  }
}

void SimRing::close(Socket socket) noexcept {
  for (const Operation& operation : operations_) VR_ASSERT(operation.socket != socket);
  net_->close(socket);
}

void SimRing::release_buffer(std::uint16_t buffer_id) noexcept {
  VR_ASSERT(buffer_id < buffers_.size() && buffers_[buffer_id] == BufferState::kLent);
  buffers_[buffer_id] = BufferState::kReleased;
  std::memset(memory_of(buffer_id), kReleasedByte, settings_.buffer_bytes);
  ++buffers_announced_;
}

void SimRing::submit() noexcept {
  for (std::size_t id = 0; id < buffers_.size(); ++id) {
    if (buffers_[id] != BufferState::kReleased) continue;
    buffers_[id] = BufferState::kWithKernel;
    buffers_free_.push_back(static_cast<std::uint16_t>(id));
  }
  for (Operation& operation : operations_) {
    if (operation.submitted) continue;
    operation.submitted = true;
    operation.ready_ns = net_->clock().monotonic_ns() + some_delay();
  }
}

std::uint64_t SimRing::some_delay() noexcept {
  const SimFaults& faults = net_->faults();
  return net_->chance(faults.delay) ? net_->random().below(faults.delay_max_ns + 1) : 0;
}

// ---- waiting
// ----------------------------------------------------------------------------------------------------------------

void SimRing::submit_and_wait(std::uint64_t timeout_ns) noexcept {
  submit();
  progress();
  if (timeout_ns == 0 || is_ready()) return;
  const std::uint64_t now_ns = net_->clock().monotonic_ns();
  const std::uint64_t deadline_ns = timeout_ns < kNever - now_ns ? now_ns + timeout_ns : kNever;
  if (sleeper_ != nullptr) {
    sleeper_->sleep(*this, deadline_ns);
  } else {
    sleep(deadline_ns);
  }
}

void SimRing::sleep(std::uint64_t deadline_ns) noexcept {
  while (!is_ready()) {
    const std::uint64_t now_ns = net_->clock().monotonic_ns();
    if (now_ns >= deadline_ns) return;
    const std::uint64_t next_ns = std::min(next_progress_ns(), deadline_ns);
    VR_ASSERT(next_ns != kNever);  // nothing could ever end this sleep
    net_->clock().advance(next_ns > now_ns ? next_ns - now_ns : 0);
    progress();
  }
}

std::uint32_t SimRing::reap(std::uint32_t limit) noexcept {
  std::uint32_t count = 0;
  if (wake_pending_ && limit > 0) {
    wake_pending_ = false;
    ++count;
  }
  while (count < limit && !completions_.empty()) {
    const Queued queued = completions_.front();
    completions_.pop_front();
    ++count;
    ++completions_seen_;
    if (queued.completion.has_buffer) {
      buffers_[queued.completion.buffer_id] = BufferState::kLent;
      --buffers_announced_;
    }
    queued.owner->on_completion(queued.completion);
  }
  return count;
}

// ---- completing
// -------------------------------------------------------------------------------------------------------------

void SimRing::progress() noexcept {
  if (operations_.empty()) return;
  const std::size_t first = net_->random().below(operations_.size());
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    Operation& operation = operations_[(first + i) % operations_.size()];
    if (operation.submitted && operation.ready_ns <= net_->clock().monotonic_ns()) try_complete(operation);
  }
  std::erase_if(operations_, [](const Operation& operation) { return operation.over; });
}

bool SimRing::can_complete(const Operation& operation) const noexcept {
  if (operation.cancelled) return true;
  switch (operation.kind) {
    case OpKind::kAccept:
    case OpKind::kRecv:
      return net_->is_readable(operation.socket);
    case OpKind::kSend:
      return true;
    case OpKind::kWritable:
      return net_->is_writable(operation.socket);
    case OpKind::kConnect:
      return net_->is_answered(*operation.address);
    case OpKind::kEvent:
      break;
  }
  return false;
}

std::uint64_t SimRing::next_progress_ns() const noexcept {
  std::uint64_t next_ns = kNever;
  for (const Operation& operation : operations_) {
    if (operation.submitted && can_complete(operation)) next_ns = std::min(next_ns, operation.ready_ns);
  }
  return next_ns;
}

bool SimRing::has_operation(const OpOwner& owner) const noexcept {
  return std::any_of(operations_.begin(), operations_.end(), [&](const auto& each) { return each.owner == &owner; }) ||
         std::any_of(completions_.begin(), completions_.end(), [&](const auto& each) { return each.owner == &owner; });
}

void SimRing::try_complete(Operation& operation) noexcept {
  if (!can_complete(operation)) return;
  if (operation.cancelled && operation.kind != OpKind::kSend) {
    const bool could_go_on =
        operation.kind == OpKind::kConnect
            ? net_->is_answered(*operation.address)
            : net_->is_readable(operation.socket) && operation.kind == OpKind::kRecv;
    if (!could_go_on || !net_->chance(net_->faults().cancel_loses)) {
      complete(operation, -ECANCELED, false);
      return;
    }
  }
  switch (operation.kind) {
    case OpKind::kAccept:
      complete_accept(operation);
      break;
    case OpKind::kRecv:
      complete_recv(operation);
      break;
    case OpKind::kSend:
      complete_send(operation);
      break;
    case OpKind::kWritable:
      complete(operation, POLLOUT, false);
      break;
    case OpKind::kConnect:
      complete_connect(operation);
      break;
    case OpKind::kEvent:
      break;
  }
}

void SimRing::complete(Operation& operation, int result, bool more, std::uint16_t buffer_id) noexcept {
  net_->note(static_cast<std::uint64_t>(operation.socket) << 40U ^ static_cast<std::uint64_t>(operation.kind) << 36U ^
             static_cast<std::uint64_t>(more) << 35U ^ static_cast<std::uint32_t>(result));
  Queued queued;
  queued.owner = operation.owner;
  queued.completion.kind = operation.kind;
  queued.completion.more = more;
  queued.completion.result = result;
  if (buffer_id != kNoBuffer) {
    buffers_[buffer_id] = BufferState::kFilled;
    queued.completion.has_buffer = true;
    queued.completion.buffer_id = buffer_id;
    queued.completion.bytes = {memory_of(buffer_id), result > 0 ? static_cast<std::size_t>(result) : 0};
  }
  completions_.push_back(queued);
  operation.over = !more;
  operation.ready_ns = net_->clock().monotonic_ns() + some_delay();
}

void SimRing::complete_accept(Operation& operation) noexcept {
  if (net_->chance(net_->faults().accept_error)) {
    complete(operation, net_->chance(500) ? -ECONNABORTED : -EMFILE, false);
    return;
  }
  complete(operation, net_->accept(operation.socket), !net_->chance(net_->faults().multishot_end));
}

void SimRing::complete_connect(Operation& operation) noexcept {
  const iovec range{const_cast<sockaddr_storage*>(operation.address), sizeof(sockaddr_storage)};
  VR_ASSERT(hash_of({&range, 1}) == operation.hash);
  complete(operation, net_->connect(operation.socket, *operation.address), false);
}

void SimRing::complete_recv(Operation& operation) noexcept {
  if (buffers_free_.empty()) {
    complete(operation, -ENOBUFS, false);
    return;
  }
  const std::uint16_t buffer_id = buffers_free_.back();
  const std::size_t there = std::min<std::size_t>(net_->bytes_readable(operation.socket), settings_.buffer_bytes);
  std::size_t room = settings_.buffer_bytes;
  if (there > 0 && net_->chance(net_->faults().short_recv)) {
    // Mostly small pieces: they cut lines.
    const std::size_t bound = net_->chance(500) ? std::min<std::size_t>(there, 40) : there;
    room = 1 + net_->random().below(bound);
  }
  const int result = net_->recv(operation.socket, {memory_of(buffer_id), room});
  VR_ASSERT(result != -EAGAIN);
  if (result <= 0) {
    // Kernels differ in whether the end of a stream takes a buffer.
    const bool with_buffer = result == 0 && net_->chance(300);
    if (with_buffer) buffers_free_.pop_back();
    complete(operation, result, false, with_buffer ? buffer_id : kNoBuffer);
    return;
  }
  buffers_free_.pop_back();
  complete(operation, result, !net_->chance(net_->faults().multishot_end), buffer_id);
}

void SimRing::complete_send(Operation& operation) noexcept {
  // Somebody wrote to, or gave away, bytes that were lent to the ring.
  VR_ASSERT(hash_of(operation.ranges) == operation.hash);
  std::size_t allowed = 0;
  for (const iovec& range : operation.ranges) allowed += range.iov_len;
  if (net_->chance(net_->faults().short_send)) allowed = 1 + net_->random().below(allowed);
  std::size_t sent = 0;
  int error = 0;
  for (const iovec& range : operation.ranges) {
    const std::size_t size = std::min(range.iov_len, allowed - sent);
    if (size == 0) break;
    const int result = net_->send(operation.socket, {static_cast<const char*>(range.iov_base), size});
    if (result < 0) {
      error = result;
      break;
    }
    sent += static_cast<std::size_t>(result);
    if (static_cast<std::size_t>(result) < size) break;
  }
  complete(operation, sent > 0 ? static_cast<int>(sent) : error, false);
}

}  // namespace router
