#include "tools/vscpbench/scenario.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace bench {
namespace {

/// How many letters must change to make one of the other.
std::size_t edits(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= from.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const auto above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (from[i - 1] == to[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

std::string count_text(std::uint64_t count) {
  return std::to_string(count);
}

}  // namespace

EventShape Context::shape() const {
  static std::uint8_t run = 0;
  auto shape = settings.shape;
  shape.run = run++ & 15U;
  shape.payload_bytes = payload_bytes;
  return shape;
}

Result Context::result(std::string variant) const {
  Result result;
  result.scenario = scenario;
  result.variant = std::move(variant);
  result.server = server.name();
  result.wire = wire.name();
  result.payload_bytes = payload_bytes;
  return result;
}

ProgressCall Context::progress_call() const {
  return [this](const bench::Progress& now) {
    std::string seconds = std::to_string(now.seconds);
    seconds.resize(seconds.find('.') + 2);
    progress.show(std::string(now.phase) + " " + seconds + " s: " + count_text(now.events) + " events, " +
                  count_text(now.deliveries) + " deliveries");
  };
}

void Context::begin_part(const Result& result, unsigned repeat) const {
  auto name = label_of(result);
  if (settings.repeat > 1) {
    name += ", run " + std::to_string(repeat + 1) + " of " + std::to_string(settings.repeat);
  }
  progress.part(std::move(name));
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {"1:1", "one producer, one consumer, flat out", {8, 487}, run_shape},
      {"1:16", "one producer, 16 consumers, flat out", {8, 487}, run_shape},
      {"1:256", "one producer, 256 consumers, flat out", {8, 487}, run_shape},
      {"16:16", "16 producers, 16 consumers, flat out; so any PRODUCERS:CONSUMERS", {8, 487}, run_shape},
      {"latency",
       "1:1 at a fixed rate, open loop: latency percentiles and the generator's own lag",
       {487},
       run_latency},
      {"connect-storm",
       "many sessions at once: connect, login, RCVLOOP; per second and per CPU second",
       {8},
       run_connect_storm},
      {"idle-crowd", "many idle sessions: memory of each, CPU at rest, one event to all of them", {8}, run_idle_crowd},
      {"slow-crowd",
       "a 1:1 pair beside many readers that stop or trickle, against the pair alone",
       {8},
       run_slow_crowd},
      {"filter-crowd",
       "CPU per event against the number of sessions with distinct filters, of which one matches",
       {8},
       run_filter_crowd},
      {"overload",
       "a consumer that takes 40 % of what is sent: what arrives of each priority",
       {8},
       run_overload},
  };
  return all;
}

std::expected<Scenario, std::string> find_scenario(std::string_view name) {
  for (const auto& scenario : scenarios()) {
    if (scenario.name == name) return scenario;
  }
  Load load;
  if (parse_shape(name, load)) return Scenario{name, {}, {8, 487}, run_shape};
  const auto nearest = std::min_element(scenarios().begin(), scenarios().end(), [&](const auto& a, const auto& b) {
    return edits(name, a.name) < edits(name, b.name);
  });
  return std::unexpected("there is no scenario \"" + std::string(name) + "\"; did you mean \"" +
                         std::string(nearest->name) + "\"? `vscpbench list` shows all");
}

bool parse_shape(std::string_view text, Load& load) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto read = [](std::string_view digits, unsigned& out) {
    const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc{} && at == digits.data() + digits.size();
  };
  return read(text.substr(0, colon), load.producers) && read(text.substr(colon + 1), load.consumers) &&
         load.producers >= 1 && load.producers <= 65535;
}

}  // namespace bench
