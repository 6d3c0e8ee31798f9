#include <array>

#include "router/base/random.h"
#include "tests/sim/sim_world.h"

namespace sim {
namespace {

template <std::size_t kCount>
std::uint64_t one_of(router::SeededRandom& random, const std::array<std::uint64_t, kCount>& choices) {
  return choices[random.below(kCount)];
}

}  // namespace

WorldPlan plan_of(std::uint64_t seed) {
  // Not the generator of the world itself: a change here must not change what happens in a given plan.
  router::SeededRandom random(seed * 2 + 1);
  const auto pick = [&random](auto... choices) {
    return one_of(random, std::array<std::uint64_t, sizeof...(choices)>{static_cast<std::uint64_t>(choices)...});
  };
  const auto pick32 = [&pick](auto... choices) { return static_cast<std::uint32_t>(pick(choices...)); };
  WorldPlan plan;
  plan.workers = static_cast<router::ThreadIndex>(1 + random.below(4));
  plan.clients = pick32(2, 4, 8, 16);
  plan.steps = pick32(2000, 4000, 8000);
  plan.pool = pick(0, 0, 4, 64, 512);
  plan.arrivals = pick32(0, 1, 5);
  plan.storm = pick32(0, 0, 0, 10, 40);

  plan.worker.fanout.log_bytes = pick(48U << 10U, 256U << 10U, 8U << 20U);
  plan.worker.fanout.segment_bytes = pick(8U << 10U, 16U << 10U, 64U << 10U);
  plan.worker.fanout.index_chunks = pick(16, 64, 4096);
  plan.worker.out_blocks = 16'384;
  plan.worker.reap_max = pick32(1, 8, 1024);
  plan.worker.inbox_batch_max = pick32(1, 16, 1024);
  plan.worker.input_per_turn = pick32(1024, 20'000, 256U << 10U);
  plan.worker.input_per_round = pick32(1024, 4096, 64U << 10U);
  plan.worker.sends_per_turn = pick32(1, 3, 256);

  plan.ring.buffer_count = pick32(2, 4, 16, 64);
  plan.ring.buffer_bytes = pick32(64, 700, 4096, 16'384);
  plan.worker.held_inputs = plan.ring.buffer_count;

  if (random.below(4) == 0) {
    plan.faults = {
        .short_recv = 0, .short_send = 0, .multishot_end = 0, .delay = 0, .delay_max_ns = 0, .accept_error = 0};
  } else {
    plan.faults.short_recv = pick32(0, 100, 800);
    plan.faults.short_send = pick32(0, 100, 800);
    plan.faults.multishot_end = pick32(0, 50, 500);
    plan.faults.delay = pick32(0, 300, 800);
    plan.faults.delay_max_ns = pick(10'000, 1'000'000, 100'000'000);
  }
  plan.faults.cancel_loses = pick32(0, 500, 1000);
  plan.faults.socket_bytes = pick(300, 4096, 64U << 10U);

  using router::SlowConsumer;
  plan.session.limits.slow_consumer =
      static_cast<SlowConsumer>(pick(SlowConsumer::kDropLowestPriority, SlowConsumer::kDropLowestPriority,
                                     SlowConsumer::kDropOldest, SlowConsumer::kDropOldest, SlowConsumer::kDisconnect));
  plan.session.limits.hold_ms = pick32(0, 2, 50, 500);
  plan.session.events_max = pick32(10, 60, 1000, 32'000);
  // For ever: nothing but wake-ups then ends a worker's sleep.
  plan.session.keepalive_ms = pick32(20, 2000, 86'400'000);

  plan.stalled = pick32(0, 0, 0, 0, 2, 6);

  plan.client.events = pick32(20, 100, 400);
  plan.client.commands = pick32(10, 40);
  plan.client.idle = pick32(0, 500, 950);
  plan.client.stop = pick32(0, 5, 20);
  plan.client.stop_ns = pick(1'000'000, 100'000'000, 2'000'000'000);
  plan.client.read_max = pick32(50, 2000, 65'536);
  plan.link = random.below(2) == 0;
  plan.gap_ms = pick32(0, 1, 50);
  plan.client.help_lines = plan.link ? 0 : kHelpLines;
  plan.client.long_replies = plan.faults.socket_bytes >= 4096;
  plan.client.may_be_closed = plan.session.limits.slow_consumer == SlowConsumer::kDisconnect;
  return plan;
}

std::string describe(const WorldPlan& plan) {
  std::string text;
  const auto add = [&text](const char* name, std::uint64_t value) {
    text += (text.empty() ? "" : ", ") + std::string(name) + ' ' + std::to_string(value);
  };
  add("link", plan.link ? 1 : 0);
  add("workers", plan.workers);
  add("clients", plan.clients);
  add("stalled", plan.stalled);
  add("steps", plan.steps);
  add("storm", plan.storm);
  add("pool", plan.pool);
  add("input per turn", plan.worker.input_per_turn);
  add("per round", plan.worker.input_per_round);
  add("sends", plan.worker.sends_per_turn);
  add("log", plan.worker.fanout.log_bytes);
  add("segment", plan.worker.fanout.segment_bytes);
  add("chunks", plan.worker.fanout.index_chunks);
  add("buffers", plan.ring.buffer_count);
  add("of bytes", plan.ring.buffer_bytes);
  add("socket", plan.faults.socket_bytes);
  add("short recv", plan.faults.short_recv);
  add("short send", plan.faults.short_send);
  add("multishot end", plan.faults.multishot_end);
  add("delay", plan.faults.delay);
  add("up to us", plan.faults.delay_max_ns / 1000);
  add("policy", static_cast<std::uint64_t>(plan.session.limits.slow_consumer));
  add("hold ms", plan.session.limits.hold_ms);
  add("events max", plan.session.events_max);
  return text;
}

}  // namespace sim
