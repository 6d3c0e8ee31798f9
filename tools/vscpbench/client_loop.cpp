#include "tools/vscpbench/client_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

constexpr std::size_t kReadBytes = 256U << 10U;
constexpr std::size_t kRestBytesMax = 64U << 10U;
constexpr std::uint64_t kTagWake = 0;
constexpr std::uint64_t kTagProducer = 1ULL << 32U;
constexpr std::uint64_t kTagConsumer = 2ULL << 32U;
constexpr std::uint64_t kTagIndex = 0xffffffffU;
constexpr std::int64_t kSleepMaxNs = 100'000'000;
/// Reads of one connection in one turn; more would let the others wait.
constexpr int kReadsPerTurn = 4;

/// Only one thread writes each of these, so a load and a store do.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t count) {
  counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

ClientLoop::ClientLoop(Shared& shared, std::size_t first, std::size_t step)
    : shared_(shared), buffer_(kRestBytesMax + kReadBytes) {
  for (std::size_t i = first; i < shared.producers.size(); i += step) producers_.push_back(shared.producers[i].get());
  for (std::size_t i = first; i < shared.consumers.size(); i += step) consumers_.push_back(shared.consumers[i].get());
}

ClientLoop::~ClientLoop() {
  join();
}

bool ClientLoop::watch(int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool ClientLoop::start(const std::vector<std::unique_ptr<ClientLoop>>& all) {
  all_ = &all;
  epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (epoll_.get() < 0 || wake_.get() < 0 || !watch(wake_.get(), EPOLLIN, kTagWake)) return false;
  for (std::size_t i = 0; i < producers_.size(); ++i) {
    if (!watch(producers_[i]->fd.get(), EPOLLIN | EPOLLOUT | EPOLLET, kTagProducer | i)) return false;
  }
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    consumers_[i]->tag = kTagConsumer | i;
    if (!watch(consumers_[i]->fd.get(), EPOLLIN, consumers_[i]->tag)) return false;
  }
  thread_ = std::thread([this] { loop(); });
  return true;
}

void ClientLoop::wake() {
  const std::uint64_t one = 1;
  // A full counter means that the loop is woken already.
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
}

void ClientLoop::join() {
  if (thread_.joinable()) thread_.join();
}

void ClientLoop::loop() {
  prctl(PR_SET_NAME, "vscpbench-load");
  prctl(PR_SET_TIMERSLACK, 1UL);  // the default of 50 us would show in latencies
  // What came together with the answer to RCVLOOP.
  for (auto* consumer : consumers_) {
    const auto used = consumer->scanner->scan(consumer->rest, seen_);
    consumer->rest.erase(0, used);
    account(*consumer, monotonic_ns());
    answer(*consumer);
  }
  while (!shared_.quit.load(std::memory_order_acquire)) {
    seen_epoch_.store(shared_.epoch.load(std::memory_order_acquire), std::memory_order_release);
    for (auto* producer : producers_) produce(*producer);
    wait_and_handle();
    if (progress_ && all_->size() > 1) wake_blocked();
    progress_ = false;
  }
}

void ClientLoop::wait_and_handle() {
  std::array<epoll_event, 512> events;
  waiting_.store(true, std::memory_order_relaxed);
  // Pairs with the fence in wake_blocked(): either that thread sees us waiting or we see its progress.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const auto sleep = sleep_ns();
  const timespec limit{sleep / 1'000'000'000, sleep % 1'000'000'000};
  const int count = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &limit, nullptr);
  waiting_.store(false, std::memory_order_relaxed);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    handle(event.data.u64, event.events);
  }
}

void ClientLoop::wake_blocked() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (const auto& other : *all_) {
    if (other.get() != this && !other->producers_.empty() && other->waiting_.exchange(false)) other->wake();
  }
}

void ClientLoop::handle(std::uint64_t tag, std::uint32_t events) {
  const auto index = static_cast<std::size_t>(tag & kTagIndex);
  if ((tag & kTagProducer) != 0) {
    auto& producer = *producers_[index];
    if ((events & EPOLLOUT) != 0) producer.writable = true;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_replies(producer);
  } else if ((tag & kTagConsumer) != 0) {
    if ((events & EPOLLOUT) != 0) answer(*consumers_[index]);
    if ((events & ~EPOLLOUT) != 0) consume(*consumers_[index]);
  } else {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(wake_.get(), &count, sizeof count);
  }
}

/// How long nothing is to be done unless the kernel says otherwise.
std::int64_t ClientLoop::sleep_ns() {
  if (shared_.load.spin) return 0;
  if (!shared_.sending.load(std::memory_order_acquire)) return kSleepMaxNs;
  const auto now = monotonic_ns();
  std::int64_t sleep = kSleepMaxNs;
  for (auto* producer : producers_) {
    if (producer->closed.load(std::memory_order_relaxed) || !producer->writable) continue;
    if (producer->pending_begin != producer->pending_end || allowed(*producer, now) != 0) return 0;
    const auto next = producer->next.load(std::memory_order_relaxed);
    if (shared_.interval_ns > 0 && next < producer->limit) {
      const auto due = due_ns(*producer, next);
      if (due > now) sleep = std::min(sleep, static_cast<std::int64_t>(due - now));
    }
  }
  return sleep;
}

std::uint64_t ClientLoop::due_ns(const Producer& producer, std::uint64_t sequence) const {
  const double offset = static_cast<double>(producer.index) / static_cast<double>(shared_.producers.size());
  const double turns = static_cast<double>(sequence - producer.base) + offset;
  return shared_.schedule_start + static_cast<std::uint64_t>(turns * shared_.interval_ns);
}

/// Room until some open consumer would be more than the window behind. Looks at all consumers only when the one
/// that held us back last has moved on.
std::uint64_t ClientLoop::window_left(Producer& producer) const {
  const auto& consumers = shared_.consumers;
  const auto next = producer.next.load(std::memory_order_relaxed);
  if (shared_.window == 0) return ~std::uint64_t{0};
  if (consumers.empty()) {
    return shared_.window - std::min(shared_.window, next - producer.answered.load(std::memory_order_relaxed));
  }
  const auto behind = [&](std::size_t consumer) {
    if (consumers[consumer]->closed.load(std::memory_order_relaxed)) return std::uint64_t{0};
    return next - std::min(next, consumers[consumer]->streams[producer.index].next());
  };
  auto most = behind(producer.slowest);
  if (most >= shared_.window) return 0;
  for (std::size_t i = 0; i < consumers.size(); ++i) {
    const auto lag = behind(i);
    if (lag <= most) continue;
    most = lag;
    producer.slowest = i;
    if (most >= shared_.window) return 0;
  }
  return shared_.window - most;
}

/// How many events may be written into the batch now, without turning its end.
std::size_t ClientLoop::allowed(Producer& producer, std::uint64_t now) const {
  const auto next = producer.next.load(std::memory_order_relaxed);
  if (next >= producer.limit) return 0;
  std::uint64_t count = std::min<std::uint64_t>(producer.limit - next, producer.slots - next % producer.slots);
  if (shared_.interval_ns > 0) {
    if (now < due_ns(producer, next)) return 0;
    std::uint64_t due = 1;
    const double late = static_cast<double>(now - due_ns(producer, next));
    due += static_cast<std::uint64_t>(late / shared_.interval_ns);
    return static_cast<std::size_t>(std::min({count, due, window_left(producer)}));
  }
  const auto window = window_left(producer);
  // Waits for a quarter of the window, so that writes stay large.
  if (shared_.window != 0 && window < std::min(count, std::max<std::uint64_t>(1, shared_.window / 4))) return 0;
  return static_cast<std::size_t>(std::min(count, window));
}

void ClientLoop::fill(Producer& producer, std::size_t count, std::uint64_t now) {
  const auto first = producer.next.load(std::memory_order_relaxed);
  const std::size_t slot = first % producer.slots;
  const bool measured = now >= shared_.measure_from.load(std::memory_order_relaxed);
  EventId id{.time_ns = now, .sequence = 0, .producer = producer.index, .run = shared_.run};
  char* at = producer.batch.data() + slot * producer.event_bytes;
  producer.pending_begin = slot * producer.event_bytes;
  const std::size_t id_offset = producer.id_offset;
  for (std::size_t i = 0; i < count; ++i, at += producer.event_bytes) {
    id.sequence = static_cast<std::uint32_t>(first + i);
    if (shared_.interval_ns > 0) {
      id.time_ns = due_ns(producer, first + i);
      if (measured) send_lag_.record(now - std::min(now, id.time_ns));
    }
    shared_.wire.write_id(id, at + id_offset);
  }
  producer.pending_end = (slot + count) * producer.event_bytes;
  producer.flushed.store(false, std::memory_order_relaxed);
  producer.next.store(first + count, std::memory_order_release);
}

/// One batch at most, so that reading gets its turn.
bool ClientLoop::produce(Producer& producer) {
  if (producer.closed.load(std::memory_order_relaxed) || !flush(producer)) return false;
  if (!shared_.sending.load(std::memory_order_acquire)) return false;
  const auto now = monotonic_ns();
  const auto count = allowed(producer, now);
  if (count == 0) return false;
  fill(producer, count, now);
  return flush(producer);
}

/// True if nothing is left to write.
bool ClientLoop::flush(Producer& producer) {
  while (producer.pending_begin != producer.pending_end) {
    if (!producer.writable) return false;
    const auto sent = send(producer.fd.get(), producer.batch.data() + producer.pending_begin,
                           producer.pending_end - producer.pending_begin, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) producer.writable = false;
      if (!would_block(errno)) producer.closed.store(true, std::memory_order_relaxed);
      return false;
    }
    producer.pending_begin += static_cast<std::size_t>(sent);
  }
  auto& answers = producer.replies.answers;
  while (!answers.empty()) {
    const auto sent = send(producer.fd.get(), answers.data(), answers.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      producer.writable = false;
      return false;
    }
    answers.erase(0, static_cast<std::size_t>(sent));
  }
  if (!shared_.wire.answers_events()) {
    producer.answered.store(producer.next.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  producer.flushed.store(true, std::memory_order_relaxed);
  return true;
}

void ClientLoop::read_replies(Producer& producer) {
  for (;;) {
    const std::size_t rest = producer.reply_rest.size();
    std::memcpy(buffer_.data(), producer.reply_rest.data(), rest);
    const auto got = recv(producer.fd.get(), buffer_.data() + rest, kReadBytes, 0);
    if (got <= 0) {
      if (got == 0 || !would_block(errno)) producer.closed.store(true, std::memory_order_relaxed);
      return;
    }
    const std::string_view bytes(buffer_.data(), rest + static_cast<std::size_t>(got));
    const auto used = shared_.wire.scan_replies(bytes, producer.replies);
    producer.reply_rest.assign(bytes.substr(std::min(used, bytes.size())).substr(0, kRestBytesMax));
    if (!shared_.wire.answers_events()) continue;
    producer.answered.store(producer.replies.accepted + producer.replies.refused, std::memory_order_relaxed);
  }
}

void ClientLoop::consume(Consumer& consumer) {
  if (consumer.closed.load(std::memory_order_relaxed)) return;
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const std::size_t rest = consumer.rest.size();
    std::memcpy(buffer_.data(), consumer.rest.data(), rest);
    const auto got = recv(consumer.fd.get(), buffer_.data() + rest, kReadBytes, 0);
    if (got <= 0) {
      if (got < 0 && would_block(errno)) return;
      consumer.closed.store(true, std::memory_order_relaxed);
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, consumer.fd.get(), nullptr);
      return;
    }
    const auto now = monotonic_ns();
    const std::string_view bytes(buffer_.data(), rest + static_cast<std::size_t>(got));
    const auto used = consumer.scanner->scan(bytes, seen_);
    account(consumer, now);
    answer(consumer);
    if (bytes.size() - used > kRestBytesMax) {  // no event is that long: what follows cannot be read
      add(counts_.corrupted, 1);
      consumer.rest.clear();
    } else {
      consumer.rest.assign(bytes.substr(used));
    }
    if (static_cast<std::size_t>(got) < kReadBytes / 2) return;
  }
}

/// Sends what the server must get back. A full socket is rare: the server reads acknowledgements.
void ClientLoop::answer(Consumer& consumer) {
  auto& answers = consumer.scanner->answers;
  if (answers.empty()) return;
  const auto sent = send(consumer.fd.get(), answers.data(), answers.size(), MSG_NOSIGNAL);
  if (sent > 0) answers.erase(0, static_cast<std::size_t>(sent));
  if (answers.empty() == !consumer.blocked) return;
  consumer.blocked = !answers.empty();
  epoll_event event{};
  event.events = consumer.blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = consumer.tag;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, consumer.fd.get(), &event);
}

void ClientLoop::account(Consumer& consumer, std::uint64_t now) {
  std::uint64_t delivered = 0;
  const auto measure_from = shared_.measure_from.load(std::memory_order_relaxed);
  for (const auto& one : seen_) {
    if (one.kind == SeenKind::kForeign) {
      add(counts_.foreign, 1);
      continue;
    }
    const bool known = one.id_valid && one.id.producer < shared_.producers.size() &&
                       one.id.sequence < shared_.producers[one.id.producer]->next.load(std::memory_order_acquire);
    if (one.kind == SeenKind::kCorrupted || !known) add(counts_.corrupted, 1);
    if (!known) continue;
    const auto arrival = consumer.streams[one.id.producer].arrive(one.id.sequence);
    if (arrival == Arrival::kDuplicate) {
      add(counts_.duplicated, 1);
      continue;
    }
    if (arrival == Arrival::kReordered) add(counts_.reordered, 1);
    ++delivered;
    if (one.id.time_ns >= measure_from) latency_.record(now - std::min(now, one.id.time_ns));
  }
  if (delivered == 0) return;
  progress_ = true;
  add(counts_.deliveries, delivered);
  counts_.last_delivery_ns.store(now, std::memory_order_relaxed);
}

}  // namespace bench
