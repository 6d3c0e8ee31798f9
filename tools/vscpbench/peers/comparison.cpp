#include "tools/vscpbench/peers/comparison.h"

#include <algorithm>

#include "tools/vscpbench/connect_storm.h"
#include "tools/vscpbench/engine.h"
#include "tools/vscpbench/load_result.h"
#include "tools/vscpbench/scenario.h"

namespace bench::peers {
namespace {

constexpr std::uint64_t kWindowMax = 16384;
constexpr std::uint64_t kWindowMin = 256;
constexpr std::uint64_t kBytesPerConsumer = 2U << 20U;
constexpr std::uint64_t kBytesOnTheWay = 256U << 20U;
constexpr std::uint32_t kTimeEveryFlatOut = 16;

class Comparison {
 public:
  Comparison(const ComparisonPlan& plan, const Servers& servers, ProgressLine& progress, const std::atomic<bool>& stop,
             std::vector<Result>& results)
      : plan_(plan), servers_(servers), progress_(progress), stop_(stop), results_(results) {}

  std::string run() {
    for (const auto payload : plan_.payloads) {
      for (const auto& shape : plan_.shapes) {
        auto load = plan_.load;
        if (!parse_shape(shape, load)) return "\"" + shape + "\" is no shape";
        load.time_every = kTimeEveryFlatOut;
        if (auto error = run_loads(shape, "", load, payload); !error.empty() || stop_) return error;
      }
    }
    if (plan_.latency_rate > 0) {
      auto load = plan_.load;
      load.rate = plan_.latency_rate;
      const auto rate = "at " + std::to_string(static_cast<std::uint64_t>(load.rate)) + "/s";
      if (auto error = run_loads("latency", rate, load, plan_.latency_bytes); !error.empty() || stop_) return error;
    }
    return plan_.connects != 0 ? run_connects() : std::string();
  }

 private:
  struct Turn {
    const Contender* contender = nullptr;
    Result result;
    std::vector<Outcome> outcomes;
    EventShape shape;
    Load load;
  };

  Turn turn_of(const Contender& contender, const std::string& scenario, const std::string& variant,
               std::size_t payload) const {
    Turn turn;
    turn.contender = &contender;
    turn.result.scenario = scenario;
    turn.result.variant =
        variant.empty() || contender.variant.empty() ? variant + contender.variant : contender.variant + " " + variant;
    turn.result.server = contender.server;
    turn.result.wire = contender.wire;
    turn.result.payload_bytes = payload;
    return turn;
  }

  void begin(const Turn& turn, unsigned repeat) {
    progress_.part(turn.result.server + ", " + label_of(turn.result) + ", run " + std::to_string(repeat + 1) + " of " +
                   std::to_string(plan_.repeat));
  }

  /// Calls `work` for every turn and repeat; who begins changes, so that nobody always comes after the same one.
  template <typename Work>
  std::string take_turns(std::vector<Turn>& turns, Work work) {
    for (unsigned repeat = 0; repeat < plan_.repeat; ++repeat) {
      for (std::size_t i = 0; i < turns.size(); ++i) {
        auto& turn = turns[(i + repeat) % turns.size()];
        begin(turn, repeat);
        auto error = work(turn);
        if (error.empty()) error = servers_.death();
        if (!error.empty()) return turn.result.server + ", " + label_of(turn.result) + ": " + error;
        if (stop_) return {};
      }
    }
    return {};
  }

  std::string run_loads(const std::string& scenario, const std::string& variant, const Load& load,
                        std::size_t payload) {
    std::vector<Turn> turns;
    for (const auto& contender : servers_.contenders()) {
      // Two workers only get something to do if there is more than one of each.
      if (contender.variant == kTwoWorkers && (load.producers < 2 || load.consumers < 2)) continue;
      turns.push_back(turn_of(contender, scenario, variant, payload));
    }
    const auto error = take_turns(turns, [&](Turn& turn) -> std::string {
      const auto wire = turn.contender->make_wire(payload);
      turn.shape.payload_bytes = payload;
      turn.shape.run = run_++ & 15U;
      turn.load = load;
      if (load.window == 0) set_window(turn.load, turn.contender->deliveries_max);
      const auto show = [&](const Progress& now) {
        progress_.show(std::string(now.phase) + ": " + std::to_string(now.deliveries) + " deliveries");
      };
      auto outcome = run_load(turn.contender->target, turn.load, turn.shape, *wire, turn.contender->pid, stop_, show);
      if (!outcome) return outcome.error();
      turn.outcomes.push_back(std::move(*outcome));
      return {};
    });
    for (auto& turn : turns) {
      if (turn.outcomes.empty()) continue;
      add_load_parameters(turn.load, turn.shape, turn.result);
      add_outcomes(turn.load, turn.outcomes, turn.result);
      results_.push_back(std::move(turn.result));
    }
    return error;
  }

  std::string run_connects() {
    std::vector<Turn> turns;
    for (const auto& contender : servers_.contenders()) {
      if (contender.connect_steps.empty()) continue;
      turns.push_back(turn_of(contender, "connect-storm", std::to_string(plan_.connects) + " sessions", 0));
    }
    const auto error = take_turns(turns, [&](Turn& turn) -> std::string {
      CrowdPlan plan;
      plan.address = turn.contender->target.address;
      plan.steps = turn.contender->connect_steps;
      plan.refuse = turn.contender->refusal;
      plan.sessions = plan_.connects;
      plan.stall_seconds = plan_.load.stall_seconds;
      auto crowd = Crowd::start(plan);
      if (!crowd) return crowd.error();
      if (auto failed = open_storm(*crowd, plan, turn.contender->pid, stop_, progress_, turn.result); !failed.empty()) {
        return failed;
      }
      return crowd->close();
    });
    for (auto& turn : turns) {
      if (!turn.result.figures.empty()) results_.push_back(std::move(turn.result));
    }
    return error;
  }

  const ComparisonPlan& plan_;
  const Servers& servers_;
  ProgressLine& progress_;
  const std::atomic<bool>& stop_;
  std::vector<Result>& results_;
  std::uint8_t run_ = 0;
};

}  // namespace

void set_window(Load& load, std::uint64_t deliveries_max) {
  const std::uint64_t consumers = std::max(1U, load.consumers);
  load.window_bytes = std::min(kBytesPerConsumer, kBytesOnTheWay / consumers);
  load.window = kWindowMax;
  if (deliveries_max != 0) load.window = std::clamp(deliveries_max / consumers, kWindowMin, kWindowMax);
}

std::string run_comparison(const ComparisonPlan& plan, const Servers& servers, ProgressLine& progress,
                           const std::atomic<bool>& stop, std::vector<Result>& results) {
  return Comparison(plan, servers, progress, stop, results).run();
}

}  // namespace bench::peers
