// The scenarios PRODUCERS:CONSUMERS and latency.
#include "tools/vscpbench/load_result.h"
#include "tools/vscpbench/scenario.h"

namespace bench {
namespace {

constexpr double kSeconds = 5;
constexpr double kLatencyRate = 10000;
/// Flat out, one event in so many gives a latency: reading its time costs more than the rest of a delivery.
constexpr std::uint32_t kTimeEveryFlatOut = 16;

std::string run_repeats(Context& context, const Load& load, Result result) {
  std::vector<Outcome> outcomes;
  std::string error;
  EventShape shape;
  for (unsigned i = 0; i < context.settings.repeat && !context.stop; ++i) {
    context.begin_part(result, i);
    shape = context.shape();
    auto outcome = run_load(context.server.target(), load, shape, context.wire, context.server.pid(), context.stop,
                            context.progress_call());
    if (!outcome) {
      error = outcome.error();
      break;
    }
    outcomes.push_back(std::move(*outcome));
    if (error = context.server.death(); !error.empty()) break;
  }
  if (outcomes.empty()) return error;
  add_load_parameters(load, shape, result);
  add_outcomes(load, outcomes, result);
  context.results.push_back(std::move(result));
  return error;
}

}  // namespace

std::string run_shape(Context& context) {
  auto load = context.settings.load;
  parse_shape(context.scenario, load);
  load.seconds = context.seconds(kSeconds);
  if (!context.settings.time_every_given) load.time_every = load.rate > 0 ? 1 : kTimeEveryFlatOut;
  std::string variant;
  if (load.rate > 0) variant = "at " + std::to_string(static_cast<std::uint64_t>(load.rate)) + "/s";
  return run_repeats(context, load, context.result(variant));
}

std::string run_latency(Context& context) {
  auto load = context.settings.load;
  load.producers = 1;
  load.consumers = 1;
  load.seconds = context.seconds(kSeconds);
  if (load.rate <= 0) load.rate = kLatencyRate;
  return run_repeats(context, load,
                     context.result("at " + std::to_string(static_cast<std::uint64_t>(load.rate)) + "/s"));
}

}  // namespace bench
