// The scenario filter-crowd: what an event costs the server when many sessions have filters that it does not pass.
#include "tools/vscpbench/crowd.h"
#include "tools/vscpbench/load_result.h"
#include "tools/vscpbench/scenario.h"

namespace bench {
namespace {

constexpr double kSeconds = 2;
const std::vector<std::size_t> kFilters{1, 10, 100, 1000, 10000};
const std::vector<std::string> kKinds{"class", "guid"};

constexpr std::string_view kAnyGuid = "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00";
constexpr std::string_view kWholeGuid = "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF";

/// The two commands of a filter for class and type.
std::pair<std::string, std::string> class_filter(std::size_t vscp_class, std::size_t vscp_type) {
  return {"SFLT 0," + std::to_string(vscp_class) + "," + std::to_string(vscp_type) + "," + std::string(kAnyGuid),
          "SMSK 0,65535,65535," + std::string(kAnyGuid)};
}

/// The filters that no event of the run passes: they differ from each other and from the one that matches.
std::pair<std::string, std::string> other_filter(const std::string& kind, const EventShape& shape, std::size_t index) {
  constexpr std::size_t kClasses = 500;
  if (kind == "class") {
    // Types above the event's: classes may be the same.
    return class_filter(1 + index % kClasses, shape.vscp_type + 1U + index / kClasses);
  }
  std::array<char, 64> guid{};
  std::snprintf(guid.data(), guid.size(), "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:%02X:%02X:%02X:%02X",
                static_cast<unsigned>(index >> 24U & 255U), static_cast<unsigned>(index >> 16U & 255U),
                static_cast<unsigned>(index >> 8U & 255U), static_cast<unsigned>(index & 255U));
  return {"SFLT 0,0,0," + std::string(guid.data()), "SMSK 0,0,0," + std::string(kWholeGuid)};
}

/// The filter of the one consumer that gets the events. By GUID: the byte that marks events of this tool.
std::vector<std::string> own_filter(const std::string& kind, const EventShape& shape) {
  if (kind == "class") {
    auto [filter, mask] = class_filter(shape.vscp_class, shape.vscp_type);
    return {filter, mask};
  }
  std::string guid(kAnyGuid);
  std::string mask(kAnyGuid);
  guid.replace(0, 2, "B0");
  mask.replace(0, 2, "F0");
  return {"SFLT 0,0,0," + guid, "SMSK 0,0,0," + mask};
}

CrowdPlan plan_of(const Context& context, const std::string& kind, std::size_t filters, std::size_t sessions) {
  CrowdPlan plan;
  plan.address = context.server.target().address;
  plan.sessions = sessions - 1;
  plan.processes = context.settings.processes;
  plan.at_once = context.settings.at_once;
  plan.stall_seconds = context.settings.load.stall_seconds;
  const auto others = filters > 1 ? filters - 1 : 1;
  const auto shape = context.settings.shape;
  plan.steps = link_steps(context.server.target(), context.wire,
                          {[=](std::size_t session) { return other_filter(kind, shape, session % others).first; },
                           [=](std::size_t session) { return other_filter(kind, shape, session % others).second; }});
  return plan;
}

/// All repeats of one point of the curve.
std::string run_point(Context& context, const std::string& kind, std::size_t filters) {
  const auto& settings = context.settings;
  const auto sessions = filters == 1 ? 1 : std::max(filters, settings.sessions);
  auto load = settings.load;
  load.producers = 1;
  load.consumers = 1;
  load.seconds = context.seconds(kSeconds);
  auto result = context.result(std::to_string(filters) + " by " + kind);
  result.parameters = {{"filters", static_cast<double>(filters)}, {"sessions", static_cast<double>(sessions)}};
  context.begin_part(result, 0);
  if (auto error = context.server.restart(); !error.empty()) return error;
  const auto plan = plan_of(context, kind, filters, sessions);
  load.consumer_commands = own_filter(kind, settings.shape);
  auto crowd = Crowd::start(plan);
  if (!crowd) return crowd.error();
  if (plan.sessions != 0) {
    auto error = crowd->open(context.stop, [&](const CrowdCounts& now) {
      context.progress.show(std::to_string(now.ready) + " of " + std::to_string(plan.sessions) + " sessions");
    });
    if (const auto death = context.server.death(); !death.empty()) return death;
    if (!error.empty()) return error;
  }
  std::vector<Outcome> outcomes;
  std::string error;
  EventShape shape;
  for (unsigned i = 0; i < settings.repeat && error.empty() && !context.stop; ++i) {
    context.begin_part(result, i);
    shape = context.shape();
    auto outcome = run_load(context.server.target(), load, shape, context.wire, context.server.pid(), context.stop,
                            context.progress_call());
    if (outcome) outcomes.push_back(std::move(*outcome));
    error = outcome ? context.server.death() : outcome.error();
  }
  const auto counts = crowd->counts();
  result.faults.failed += counts.failed;
  result.faults.closed += counts.closed;
  if (counts.failed != 0)
    result.remark("sessions that could not be opened, the first because: " + crowd->first_failure());
  if (outcomes.empty()) return error;
  add_load_parameters(load, shape, result);
  add_outcomes(load, outcomes, result);
  context.results.push_back(std::move(result));
  return error;
}

}  // namespace

std::string run_filter_crowd(Context& context) {
  const auto& settings = context.settings;
  for (const auto& kind : settings.filter_by.empty() ? kKinds : settings.filter_by) {
    for (const auto filters : settings.filters.empty() ? kFilters : settings.filters) {
      if (auto error = run_point(context, kind, filters); !error.empty()) return error;
      if (context.stop) return {};
    }
  }
  return {};
}

}  // namespace bench
