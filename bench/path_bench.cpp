// The whole path of an event inside one worker, from received SEND lines to the bytes handed to the kernel, without the
// kernel: real link sessions on a ring that takes everything at once. One iteration is one receive buffer of lines.
//
// For instructions by function: valgrind --tool=callgrind --toggle-collect='path_turns*' path_bench
// --benchmark_filter=<one row>; dividing by the row's deliveries gives instructions per delivery.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/support/cost_counters.h"
#include "bench/support/replay_ring.h"
#include "drivers/link/link_context.h"
#include "drivers/link/link_session.h"
#include "router/base/check.h"
#include "router/base/clock.h"
#include "router/base/password.h"
#include "router/core/router.h"

namespace {

constexpr std::size_t kBufferBytes = 16'384;  // of the kernel's receive buffers

class Bench {
 public:
  explicit Bench(std::size_t readers) {
    router::RouterSettings settings;
    settings.workers = 1;
    std::string error;
    router_ = router::Router::make(
        settings, clock_,
        [this](std::string&) {
          auto ring = std::make_unique<bench::ReplayRing>();
          ring_ = ring.get();
          return ring;
        },
        error);
    VR_ASSERT(router_ != nullptr);
    router::User user;
    user.name = "u";
    user.password_hash = router::hash_password("p", {.memory_kib = 8, .iterations = 1, .lanes = 1}).value_or("");
    user.allowed_verbs.set();
    user.privilege = router::kPrivilegeMax;
    logins_ = std::make_unique<drivers::link::LoginService>(
        clock_, std::make_shared<router::UserDirectory>(std::vector<router::User>{user}), nullptr);
    context_ = std::make_shared<drivers::link::LinkContext>();
    context_->router = router_.get();
    context_->logins = logins_.get();
    context_->config.rcvloop_gap_ms = 0;
    context_->request_shutdown = [] {};
    for (std::size_t i = 0; i <= readers; ++i) {
      auto session = std::make_unique<drivers::link::LinkSession>(worker(), static_cast<router::Socket>(i), router::PeerAddress(),
                                                                    *context_);
      session.release()->open();
      say(static_cast<router::Socket>(i), "USER u\r\nPASS p\r\n");
      if (i > 0) say(static_cast<router::Socket>(i), "RCVLOOP\r\n");
    }
    VR_ASSERT(worker().fanout().group_count() == 1);
  }
  ~Bench() {
    worker().for_each_session([](router::StreamSession& session) { session.drain(0); });
    for (int i = 0; i < 1000 && worker().session_count() > 0; ++i) {
      clock_.advance(1'000'000'000);
      settle();
    }
    VR_ASSERT(worker().session_count() == 0);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  router::Worker& worker() { return router_->worker(0); }
  void say(router::Socket socket, std::string_view text) {
    ring_->receive(socket, {text.data(), text.size()});
    settle();
  }
  void settle() {
    do {
      worker().run_once(false);
    } while (!ring_->is_idle() || logins_->run_one() || worker().inbox().has_more());
  }
  bench::ReplayRing& ring() { return *ring_; }

 private:
  router::ManualClock clock_;
  std::unique_ptr<router::Router> router_;
  bench::ReplayRing* ring_ = nullptr;
  std::unique_ptr<drivers::link::LoginService> logins_;
  std::shared_ptr<drivers::link::LinkContext> context_;
};

std::string lines(std::size_t payload, std::size_t& events) {
  std::string line = "SEND 0,10,6,0,,,FF:FF:FF:FF:FF:FF:FF:FE:00:11:22:33:44:55:66:77";
  for (std::size_t i = 0; i < payload; ++i) line += ',' + std::to_string(i * 37 % 256);
  line += "\r\n";
  events = kBufferBytes / line.size();
  std::string text;
  for (std::size_t i = 0; i < events; ++i) text += line;
  return text;
}

[[gnu::noinline]] void path_turns(Bench& bench, const std::string& text) {
  bench.say(0, text);
}

// Arguments: readers, data bytes.
void Path_text(benchmark::State& state) {
  const auto readers = static_cast<std::size_t>(state.range(0));
  std::size_t events = 0;
  const std::string text = lines(static_cast<std::size_t>(state.range(1)), events);
  Bench bench(readers);
  path_turns(bench, text);
  const std::uint64_t out_before = bench.worker().counters().events_out.value();
  bench::CostCounters costs;
  std::uint64_t turns = 0;
  for (auto _ : state) {
    path_turns(bench, text);
    ++turns;
  }
  costs.report(state, static_cast<double>(events));
  const std::uint64_t deliveries = bench.worker().counters().events_out.value() - out_before;
  VR_ASSERT(deliveries == turns * events * readers);
  state.counters["deliveries"] = static_cast<double>(deliveries);
  state.counters["time/delivery"] =
      benchmark::Counter(static_cast<double>(deliveries), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(Path_text)->ArgNames({"readers", "bytes"})->ArgsProduct({{1, 16, 256}, {8, 487}});

}  // namespace

BENCHMARK_MAIN();
