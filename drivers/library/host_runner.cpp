#include "drivers/library/host_runner.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "drivers/library/futex.h"
#include "router/base/clock.h"

namespace drivers::library {
namespace {

constexpr std::uint32_t kReadMs = 50;  // as upstream's; how soon a stop is seen
constexpr std::uint32_t kWriteMs = 500;
constexpr std::uint32_t kSleepMs = 1000;  // a wake-up ends it
constexpr std::uint32_t kFailedPauseMs = 10;
constexpr std::uint32_t kBusyPauseMs = 1;
constexpr std::uint64_t kFiguresNs = 1'000'000'000;
constexpr std::uint64_t kComplainNs = 1'000'000'000;
constexpr int kBusyTriesStopping = 2;

std::uint64_t now_ns() noexcept {
  return router::SystemClock().monotonic_ns();
}

template <std::size_t Size>
void put_text(std::string_view text, std::array<char, Size>& out, std::atomic<std::uint32_t>& size) noexcept {
  const std::size_t count = std::min(text.size(), out.size());
  std::memcpy(out.data(), text.data(), count);
  size.store(static_cast<std::uint32_t>(count), std::memory_order_release);
}

void mark_thread(ThreadState& state) noexcept {
  state.thread_id.store(static_cast<std::uint32_t>(::syscall(SYS_gettid)), std::memory_order_relaxed);
}

}  // namespace

/// What the thread is in, for the watch.
class HostRunner::InCall {
 public:
  InCall(ThreadState& state, Call call) noexcept : state_(&state) {
    beat();
    state.call.store(static_cast<std::uint32_t>(call), std::memory_order_relaxed);
  }
  ~InCall() {
    state_->call.store(static_cast<std::uint32_t>(Call::kNone), std::memory_order_relaxed);
    beat();
  }
  InCall(const InCall&) = delete;
  InCall& operator=(const InCall&) = delete;

 private:
  void beat() noexcept {
    state_->beats.store(state_->beats.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  ThreadState* state_;
};

HostRunner::HostRunner(std::shared_ptr<HostLink> link, LibrarySettings settings, Load load, Say say)
    : link_(std::move(link)),
      memory_(&link_->memory()),
      settings_(std::move(settings)),
      load_(std::move(load)),
      say_(std::move(say)) {
  settings_.trace = &memory_->status.trace;
}

void HostRunner::set_phase(Phase phase) noexcept {
  memory_->status.phase.store(static_cast<std::uint32_t>(phase), std::memory_order_release);
  link_->wake_router();
}

HostExit HostRunner::fail(HostExit code, const std::string& reason) {
  put_text(reason, memory_->status.reason, memory_->status.reason_size);
  set_phase(Phase::kFailed);
  return code;
}

HostExit HostRunner::run() {
  ThreadState& state = memory_->status.reading;
  mark_thread(state);
  set_phase(Phase::kLoading);
  {
    const InCall call(state, Call::kLoad);
    auto library = load_(settings_);
    if (!library) return fail(HostExit::kNotLoaded, library.error());
    library_ = std::move(*library);
  }
  set_phase(Phase::kOpening);
  std::string problem;
  {
    const InCall call(state, Call::kOpen);
    problem = library_->open();
  }
  if (!problem.empty()) return fail(HostExit::kNotOpened, problem);
  tell_about();
  std::thread writing([this] { write_loop(); });
  set_phase(Phase::kReady);
  read_loop();
  writing.join();
  set_phase(Phase::kClosing);
  {
    const InCall call(state, Call::kClose);
    problem = library_->close();
    library_.reset();
  }
  if (!problem.empty()) say_(problem);
  set_phase(Phase::kClosed);
  return HostExit::kDone;
}

void HostRunner::complain(std::uint64_t& last_ns, std::string_view what) {
  const std::uint64_t now = now_ns();
  if (last_ns != 0 && now - last_ns < kComplainNs) return;
  last_ns = now;
  say_(what);
}

// ---- reading --------------------------------------------------------------------------------------------------------

void HostRunner::read_loop() {
  RingWriter ring(memory_->in, memory_->in_data);
  ThreadState& state = memory_->status.reading;
  vscp::Event event;
  std::uint64_t complained_ns = 0;
  std::uint64_t figures_ns = 0;
  std::uint32_t quick = 0;
  while (!is_stopping()) {
    Outcome outcome = Outcome::kNothing;
    {
      const InCall call(state, Call::kRead);
      outcome = library_->read(event, kReadMs);
    }
    if (outcome == Outcome::kDone) {
      event.data_size = std::min<std::uint16_t>(event.data_size, static_cast<std::uint16_t>(event.data.size()));
      give(ring, event);
    } else if (outcome == Outcome::kFailed) {
      complain(complained_ns, library_->failure());
      wait_futex(memory_->stop, 0, kFailedPauseMs);
    }
    // The clock is not asked for each of many events.
    if (outcome == Outcome::kDone && ++quick < 1024) continue;
    quick = 0;
    if (const std::uint64_t now = now_ns(); now - figures_ns >= kFiguresNs) {
      figures_ns = now;
      const InCall call(state, Call::kFigures);
      tell_figures();
    }
  }
}

// Waits while the router takes nothing: the library is held back. False: the host is to stop.
bool HostRunner::give(RingWriter& ring, const vscp::Event& event) noexcept {
  for (;;) {
    const RingResult result = ring.put(event);
    if (result == RingResult::kDone) break;
    if (result == RingResult::kBroken || is_stopping()) return false;
    if (ring.prepare_to_sleep()) {
      wait_futex(memory_->in.producer_asleep, 1, kSleepMs);
      ring.finish_sleep();
    }
  }
  ring.publish();
  if (ring.take_sleeper()) link_->wake_router();
  return true;
}

void HostRunner::tell_figures() {
  write_figures(library_->figures(), memory_->status);
}

void HostRunner::tell_about() {
  const LibraryInfo info = library_->info();
  const auto dotted = [](std::uint32_t version) {
    return std::to_string(version >> 24U) + '.' + std::to_string(version >> 16U & 0xffU) + '.' +
           std::to_string(version >> 8U & 0xffU) + '.' + std::to_string(version & 0xffU);
  };
  std::string text = info.vendor + ", version " + dotted(info.version);
  if (settings_.kind == LibraryKind::kLevel2 && info.layout != EventLayout::kDetect) {
    text += info.layout == EventLayout::kClassic ? ", vscpEvent of 56 bytes" : ", vscpEvent of 64 bytes";
    if (!info.layout_reason.empty()) text += " (" + info.layout_reason + ')';
  }
  put_text(text, memory_->status.about, memory_->status.about_size);
}

// ---- writing --------------------------------------------------------------------------------------------------------

void HostRunner::write_loop() {
  ::prctl(PR_SET_NAME, "vr-lib-write");
  mark_thread(memory_->status.writing);
  RingReader ring(memory_->out, memory_->out_data);
  vscp::Event event;
  for (;;) {
    const bool stopping = is_stopping();  // before the look: what was there before the stop is written
    const RingResult result = ring.take(event);
    if (result == RingResult::kDone) {
      write_one(event);
      memory_->status.written_events.fetch_add(1, std::memory_order_relaxed);
      ring.release();
      if (ring.take_sleeper()) link_->wake_router();
      continue;
    }
    if (result == RingResult::kBroken || stopping) return;
    if (ring.prepare_to_sleep()) {
      if (!is_stopping()) wait_futex(memory_->out.consumer_asleep, 1, kSleepMs);
      ring.finish_sleep();
    }
  }
}

void HostRunner::write_one(const vscp::Event& event) {
  int tries = 0;
  for (;;) {
    Outcome outcome = Outcome::kDone;
    {
      const InCall call(memory_->status.writing, Call::kWrite);
      outcome = library_->write(event, kWriteMs);
    }
    if (outcome == Outcome::kFailed) complain(write_complained_ns_, library_->failure());
    if (outcome != Outcome::kBusy) return;
    if (is_stopping() && ++tries >= kBusyTriesStopping) return;
    // A library that cannot wait by itself.
    wait_futex(memory_->stop, 0, kBusyPauseMs);
  }
}

}  // namespace drivers::library
