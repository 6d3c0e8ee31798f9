#include "drivers/library/host_watch.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include "drivers/library/host_words.h"
#include "drivers/library/process_host.h"
#include "drivers/library/thread_host.h"
#include "router/base/log.h"

namespace drivers::library {
namespace {

constexpr std::uint64_t kMsNs = 1'000'000;
constexpr std::uint64_t kLookNs = 250 * kMsNs;
constexpr std::uint64_t kThrottleLookNs = 50 * kMsNs;
constexpr std::uint64_t kNever = ~std::uint64_t{0};
// A host that ran this long has run well: its next failure is a first one.
constexpr std::uint64_t kWellNs = 60'000 * kMsNs;
// Of an orderly stop: what waits goes out, the library closes, SIGTERM, SIGKILL.
constexpr std::array<std::uint64_t, 4> kStepNs{2000 * kMsNs, 1500 * kMsNs, 500 * kMsNs, 1000 * kMsNs};
constexpr int kOutputReads = 16;
constexpr std::uint64_t kDataSlack = 64U << 20U;

}  // namespace

std::string_view to_text(WatchState state) noexcept {
  constexpr std::array<std::string_view, 7> kTexts{"idle",   "pause",    "starting", "running",
                                                   "ending", "stopping", "over"};
  return kTexts[static_cast<std::size_t>(state)];
}

HostWatch::HostWatch(const LibraryConfig& config, std::uint8_t index, LibraryPort& port, std::string program,
                     const Bell& bell, const router::Clock& clock, HostRunner::Load load)
    : config_(config),
      index_(index),
      port_(&port),
      program_(std::move(program)),
      bell_(&bell),
      clock_(&clock),
      load_(std::move(load)),
      output_([this](std::string_view line) {
        router::log(router::LogLevel::kInfo, router::LogKind::kOnce,
                    "driver " + config_.name + ": " + std::string(line));
      }),
      delay_ms_(config.delay_ms) {}

HostWatch::~HostWatch() = default;

template <typename Function>
void HostWatch::post(Function function) {
  port_->worker().post(
      router::make_task([port = port_, function = std::move(function)]() mutable { function(*port); }));
}

WatchStatus HostWatch::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void HostWatch::set_state(WatchState state) {
  state_ = state;
  const std::lock_guard lock(mutex_);
  status_.state = state;
  status_.since_utc_ns = clock_->utc_ns();
  status_.process = host_ != nullptr ? host_->process_id() : 0;
}

void HostWatch::tell_site(SiteType type) {
  const SiteEvent news{.type = type, .index = index_, .starts = static_cast<std::uint32_t>(status_.starts)};
  post([news](LibraryPort& port) { port.tell(news); });
}

void HostWatch::note_failure(SiteType type, const std::string& reason) {
  router::log(router::LogLevel::kError, router::LogKind::kOnce, "driver " + config_.name + ": " + reason);
  {
    const std::lock_guard lock(mutex_);
    status_.last_error = reason;
    status_.last_error_utc_ns = clock_->utc_ns();
    switch (type) {
      case SiteType::kNotLoaded:
      case SiteType::kNotOpened:
        ++status_.refusals;
        break;
      case SiteType::kHung:
        ++status_.hangs;
        break;
      case SiteType::kMemory:
        ++status_.over_memory;
        break;
      default:
        ++status_.crashes;
        break;
    }
  }
  tell_site(type);
}

// ---- life -----------------------------------------------------------------------------------------------------------

void HostWatch::begin() {
  start_host(clock_->monotonic_ns());
}

std::string HostWatch::make_host() {
  auto link = HostLink::make(config_.library);
  if (!link) return link.error();
  if (config_.isolation == Isolation::kNone) {
    host_ = std::make_unique<ThreadHost>(config_.name, *link, config_.library, load_, *bell_);
  } else {
    const ProcessLimits limits{.data_bytes = config_.memory_max == 0 ? 0 : config_.memory_max + kDataSlack,
                               .open_files = config_.open_files_max};
    auto host = ProcessHost::start(program_, config_.name, **link, limits);
    if (!host) return host.error();
    host_ = std::move(*host);
  }
  link_ = std::move(*link);
  return {};
}

void HostWatch::start_host(std::uint64_t now) {
  {
    const std::lock_guard lock(mutex_);
    ++status_.starts;
  }
  started_ns_ = now;
  limits_ns_ = now;
  cpu_ns_ = 0;
  cpu_room_ns_ = 0;
  stopped_ = has_reason_ = false;
  figures_version_ = 0;
  reading_ = writing_ = {.since_ns = now};
  if (const auto problem = make_host(); !problem.empty()) {
    note_failure(SiteType::kNotLoaded, problem);
    finish(now);
    return;
  }
  set_state(WatchState::kStarting);
  post([link = link_](LibraryPort& port) mutable { port.attach(std::move(link)); });
}

// The host has gone: another one later, or none.
void HostWatch::finish(std::uint64_t now) {
  const bool last = state_ == WatchState::kStopping;
  if (link_ != nullptr) {
    old_links_.push_back(std::move(link_));
    link_.reset();
    post([](LibraryPort& port) { port.detach(); });
  }
  if (last) {
    post([](LibraryPort& port) { port.abort(); });
    set_state(WatchState::kOver);
    return;
  }
  if (now - started_ns_ >= std::max(kWellNs, config_.delay_max_ms * kMsNs)) delay_ms_ = config_.delay_ms;
  due_ns_ = now + delay_ms_ * kMsNs;
  if (config_.exponential) delay_ms_ = std::min<std::uint64_t>(delay_ms_ * 2, config_.delay_max_ms);
  set_state(WatchState::kPause);
}

void HostWatch::begin_stop() {
  const std::uint64_t now = clock_->monotonic_ns();
  if (state_ == WatchState::kOver || state_ == WatchState::kStopping) return;
  const bool running = state_ == WatchState::kRunning;
  set_state(WatchState::kStopping);
  if (host_ == nullptr) {
    finish(now);
    return;
  }
  pause(false);
  step_ = running ? 0 : 1;
  due_ns_ = now + kStepNs[step_];
  if (!running) link_->ask_to_stop();
}

void HostWatch::end_host(SiteType type, const std::string& reason, bool gently, std::uint64_t now) {
  note_failure(type, reason);
  has_reason_ = true;
  pause(false);
  if (!gently && !host_->send(SIGKILL)) return;  // a thread of the router, which nothing ends
  if (gently) link_->ask_to_stop();
  step_ = gently ? 1 : 3;
  due_ns_ = now + kStepNs[step_];
  set_state(WatchState::kEnding);
}

// ---- looking --------------------------------------------------------------------------------------------------------

std::uint64_t HostWatch::next_ns() const noexcept {
  switch (state_) {
    case WatchState::kIdle:
    case WatchState::kOver:
      return old_links_.empty() ? kNever : limits_ns_ + kLookNs;
    case WatchState::kPause:
      return due_ns_;
    case WatchState::kEnding:
    case WatchState::kStopping:
      return std::min(due_ns_, limits_ns_ + kLookNs);
    default:
      return limits_ns_ + (config_.cpu_max != 0 ? kThrottleLookNs : kLookNs);
  }
}

void HostWatch::add_descriptors(std::vector<pollfd>& out) const {
  if (host_ == nullptr) return;
  if (host_->end_descriptor() >= 0) out.push_back({.fd = host_->end_descriptor(), .events = POLLIN, .revents = 0});
  if (host_->output_descriptor() >= 0)
    out.push_back({.fd = host_->output_descriptor(), .events = POLLIN, .revents = 0});
}

void HostWatch::look() {
  const std::uint64_t now = clock_->monotonic_ns();
  std::erase_if(old_links_, [](const auto& link) { return link.use_count() == 1; });
  if (host_ != nullptr) {
    see_output(now);
    see_phase(now);
    see_end(now);
  }
  if (host_ != nullptr && (state_ == WatchState::kStarting || state_ == WatchState::kRunning)) see_limits(now);
  see_deadlines(now);
}

void HostWatch::see_output(std::uint64_t now) {
  std::array<char, 4096> bytes;
  for (int reads = 0; reads < kOutputReads && host_->output_descriptor() >= 0; ++reads) {
    const ssize_t count = ::read(host_->output_descriptor(), bytes.data(), bytes.size());
    if (count < 0) return;
    if (count == 0) {
      host_->close_output();
      return;
    }
    output_.add({bytes.data(), static_cast<std::size_t>(count)}, now);
  }
}

void HostWatch::see_phase(std::uint64_t now) {
  if (state_ != WatchState::kStarting) return;
  const HostStatus& shared = link_->memory().status;
  if (shared.phase.load(std::memory_order_acquire) != static_cast<std::uint32_t>(Phase::kReady)) return;
  set_state(WatchState::kRunning);
  const std::string about = about_words(shared);
  {
    const std::lock_guard lock(mutex_);
    status_.about = about;
  }
  reading_ = writing_ = {.since_ns = now};
  router::log(router::LogLevel::kInfo, router::LogKind::kOnce, "driver " + config_.name + " runs: " + about);
  tell_site(SiteType::kReady);
}

void HostWatch::see_end(std::uint64_t now) {
  const auto end = host_->take_end();
  if (!end) return;
  see_output(now);
  output_.finish(now);
  const HostStatus& shared = link_->memory().status;
  const bool good = end->signal == 0 && end->exit_code == 0 && link_->was_asked_to_stop.load(std::memory_order_acquire);
  if (!has_reason_ && !good) {
    const bool stopping = state_ == WatchState::kStopping;
    // A library may end the process with the same numbers.
    const bool failed = shared.phase.load(std::memory_order_acquire) == static_cast<std::uint32_t>(Phase::kFailed);
    const bool not_loaded = failed && end->exit_code == static_cast<int>(HostExit::kNotLoaded);
    const bool not_opened = failed && end->exit_code == static_cast<int>(HostExit::kNotOpened);
    const std::string words = end_words(*end, shared);
    note_failure(not_loaded   ? SiteType::kNotLoaded
                 : not_opened ? SiteType::kNotOpened
                              : SiteType::kEnded,
                 stopping ? words + ", while the router stops" : words);
  }
  host_.reset();
  finish(now);
}

void HostWatch::see_limits(std::uint64_t now) {
  if (link_->broken.load(std::memory_order_acquire)) {
    end_host(SiteType::kEnded, "wrote nonsense into the memory that it shares with the router: it is ended", false,
             now);
    return;
  }
  const std::uint64_t pause_ns = config_.cpu_max != 0 ? kThrottleLookNs : kLookNs;
  if (now - limits_ns_ < pause_ns) return;
  see_figures();
  if (const auto usage = host_->usage()) {
    {
      const std::lock_guard lock(mutex_);
      status_.memory_bytes = usage->memory_bytes;
      status_.cpu_ns = usage->cpu_ns;
    }
    if (config_.memory_max != 0 && usage->memory_bytes > config_.memory_max) {
      end_host(SiteType::kMemory,
               "uses " + std::to_string(usage->memory_bytes >> 20U) + " MiB of memory, more than memory-max (" +
                   std::to_string(config_.memory_max >> 20U) + " MiB): it is ended",
               true, now);
      return;
    }
    if (config_.cpu_max != 0) see_processor(*usage, now);
  }
  limits_ns_ = now;
  const HostStatus& shared = link_->memory().status;
  see_stillness(shared.reading, shared.trace.reading, reading_, now);
  if (state_ == WatchState::kStarting || state_ == WatchState::kRunning)
    see_stillness(shared.writing, shared.trace.writing, writing_, now);
}

void HostWatch::see_processor(const HostUsage& usage, std::uint64_t now) {
  const auto passed = static_cast<std::int64_t>(now - limits_ns_);
  // Up to a second's share may be saved up.
  const std::int64_t share = passed * config_.cpu_max / 100;
  const std::int64_t most = std::int64_t{10'000'000} * config_.cpu_max;
  cpu_room_ns_ = std::min(cpu_room_ns_ + share, most) - static_cast<std::int64_t>(usage.cpu_ns - cpu_ns_);
  cpu_ns_ = usage.cpu_ns;
  if (stopped_) {
    const std::lock_guard lock(mutex_);
    status_.throttled_ms += static_cast<std::uint64_t>(passed) / kMsNs;
  }
  pause(cpu_room_ns_ < 0);
  if (!stopped_ || told_throttled_) return;
  told_throttled_ = true;
  router::log(router::LogLevel::kWarn, router::LogKind::kOnce,
              "driver " + config_.name + ": uses more than cpu-max (" + std::to_string(config_.cpu_max) +
                  " % of a core): it is slowed down");
}

void HostWatch::pause(bool stopped) {
  if (stopped == stopped_) return;
  if (host_ != nullptr && host_->send(stopped ? SIGSTOP : SIGCONT)) stopped_ = stopped;
}

void HostWatch::see_stillness(const ThreadState& state, const std::atomic<LibraryCall>& call_of, Stillness& stillness,
                              std::uint64_t now) {
  const std::uint64_t beats = state.beats.load(std::memory_order_relaxed);
  const std::uint32_t call = state.call.load(std::memory_order_relaxed);
  if (beats != stillness.beats || call == static_cast<std::uint32_t>(Call::kNone) || stopped_) {
    stillness = {.beats = beats, .since_ns = now};
    return;
  }
  const bool beginning =
      call == static_cast<std::uint32_t>(Call::kLoad) || call == static_cast<std::uint32_t>(Call::kOpen);
  const std::uint64_t limit_ms = beginning ? config_.open_timeout_ms : config_.call_timeout_ms;
  if (limit_ms == 0 || stillness.told || now - stillness.since_ns < limit_ms * kMsNs) return;
  stillness.told = true;
  const std::string where = call_words(call_of);
  end_host(SiteType::kHung,
           "hangs: " + (where.empty() ? std::string("a call") : where) + " has not returned for " +
               std::to_string((now - stillness.since_ns) / kMsNs) + " ms",
           false, now);
}

void HostWatch::see_figures() {
  const HostStatus& shared = link_->memory().status;
  const std::uint32_t version = shared.figures_version.load(std::memory_order_acquire);
  if (version == figures_version_) return;
  figures_version_ = version;
  const std::lock_guard lock(mutex_);
  status_.figures = read_figures(shared);
}

void HostWatch::see_deadlines(std::uint64_t now) {
  if (state_ == WatchState::kPause && now >= due_ns_) {
    start_host(now);
    return;
  }
  if (host_ == nullptr || (state_ != WatchState::kEnding && state_ != WatchState::kStopping)) return;
  limits_ns_ = now;
  const bool drained = step_ == 0 && link_->is_drained.load(std::memory_order_acquire);
  if (!drained && now < due_ns_) return;
  switch (step_) {
    case 0:
      link_->ask_to_stop();
      break;
    case 1:
      router::log(router::LogLevel::kWarn, router::LogKind::kOnce,
                  "driver " + config_.name + ": does not end when it is told to");
      if (!host_->send(SIGTERM)) {
        host_.reset();  // threads that hang: they are left behind
        finish(now);
        return;
      }
      has_reason_ = true;
      break;
    default:
      host_->send(SIGKILL);
      break;
  }
  step_ = std::min(step_ + 1, 3U);
  due_ns_ = now + kStepNs[step_];
}

}  // namespace drivers::library
