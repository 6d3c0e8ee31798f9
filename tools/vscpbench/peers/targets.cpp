#include "tools/vscpbench/peers/targets.h"

#include <algorithm>

#include "tools/vscpbench/peers/contender.h"

namespace bench::peers {
namespace {

constexpr std::string_view kCpu = "server_us_per_delivery";
constexpr std::string_view kNats = "nats-server";
constexpr std::string_view kRedis = "redis-server";
constexpr std::string_view kMosquitto = "mosquitto";
constexpr std::string_view kQos0 = "mqtt-qos0";

using Results = std::vector<Result>;

const Result* router_of(const Results& results, std::string_view wire, std::string_view shape, std::size_t bytes) {
  return find_result(results, kRouter, wire, shape, bytes);
}

std::string work_name(std::string_view wire, std::string_view shape, std::size_t bytes) {
  return std::string(wire) + " " + std::string(shape) + " " + std::to_string(bytes) + " bytes";
}

std::optional<double> larger(std::optional<double> a, std::optional<double> b) {
  if (!a || !b) return a ? a : b;
  return std::max(*a, *b);
}

void against_floor(const Results& results, std::string_view wire, std::string_view shape, std::size_t bytes,
                   double limit, std::vector<TargetRow>& rows) {
  const auto* floor = find_result(results, kFloor, wire, shape, bytes);
  rows.push_back({work_name(wire, shape, bytes), "floor", limit, false,
                  ratio_of(router_of(results, wire, shape, bytes), floor, kCpu)});
}

/// The better of the two is the one against which the ratio is larger.
void against_better(const Results& results, std::string_view wire, std::string_view shape, std::size_t bytes,
                    std::vector<TargetRow>& rows) {
  const auto* router = router_of(results, wire, shape, bytes);
  const auto nats = ratio_of(router, find_result(results, kNats, "nats", shape, bytes), kCpu);
  const auto redis = ratio_of(router, find_result(results, kRedis, "redis", shape, bytes), kCpu);
  rows.push_back(
      {work_name(wire, shape, bytes), "better of nats-server, redis-server", 0.4, false, larger(nats, redis)});
}

/// The worst of all works that the router was measured with.
void against_mosquitto(const Results& results, std::vector<TargetRow>& rows) {
  TargetRow row{"any of these", "mosquitto QoS 0", 0.05, false, {}};
  for (const auto& router : results) {
    if (router.server != kRouter || !router.variant.empty() || router.find(kCpu) == nullptr) continue;
    const auto* peer = find_result(results, kMosquitto, kQos0, router.scenario, router.payload_bytes);
    const auto ratio = ratio_of(&router, peer, kCpu);
    if (!ratio || (row.measured && *row.measured >= *ratio)) continue;
    row.measured = ratio;
    row.work = "any of these, worst: " + work_name(router.wire, router.scenario, router.payload_bytes);
  }
  rows.push_back(std::move(row));
}

void latency(const Results& results, std::string_view figure, const char* name, std::vector<TargetRow>& rows) {
  for (const std::string_view wire : {"text", "binary"}) {
    const Result* router = nullptr;
    std::optional<double> worst;
    for (const auto& result : results) {
      if (result.scenario == "latency" && result.server == kRouter && result.wire == wire) router = &result;
    }
    for (const auto& result : results) {
      if (result.scenario != "latency" || result.server == kRouter || result.server == kFloor) continue;
      worst = larger(worst, ratio_of(router, &result, figure));
    }
    rows.push_back({std::string(wire) + " latency " + name, "best of the peers", 1, false, worst});
  }
}

}  // namespace

std::optional<double> ratio_of(const Result* a, const Result* b, std::string_view figure) {
  const auto* above = a != nullptr ? a->find(figure) : nullptr;
  const auto* below = b != nullptr ? b->find(figure) : nullptr;
  if (above == nullptr || below == nullptr) return std::nullopt;
  Figure ratios;
  for (std::size_t i = 0; i < std::min(above->values.size(), below->values.size()); ++i) {
    if (below->values[i] > 0) ratios.values.push_back(above->values[i] / below->values[i]);
  }
  if (ratios.values.empty()) return std::nullopt;
  return ratios.median();
}

const Result* find_result(const Results& results, std::string_view server, std::string_view wire,
                          std::string_view scenario, std::size_t payload_bytes, std::string_view variant) {
  for (const auto& result : results) {
    if (result.server == server && result.wire == wire && result.scenario == scenario &&
        result.payload_bytes == payload_bytes && result.variant == variant) {
      return &result;
    }
  }
  return nullptr;
}

std::vector<TargetRow> target_rows(const Results& results) {
  std::vector<TargetRow> rows;
  for (const std::string_view shape : {"1:16", "1:256"}) {
    for (const std::size_t bytes : {8U, 487U}) against_floor(results, "text", shape, bytes, 1.3, rows);
  }
  for (const std::size_t bytes : {8U, 487U}) against_floor(results, "text", "1:1", bytes, 2, rows);
  for (const std::string_view shape : {"1:16", "1:256"}) against_floor(results, "binary", shape, 487, 1.5, rows);
  against_floor(results, "binary", "1:1", 487, 3, rows);
  against_better(results, "text", "1:256", 8, rows);
  for (const std::string_view shape : {"1:16", "1:256"}) against_better(results, "binary", shape, 487, rows);
  against_mosquitto(results, rows);
  latency(results, "latency_p50_us", "p50", rows);
  latency(results, "latency_p99_us", "p99", rows);
  for (const std::string_view wire : {"text", "binary"}) {
    // Throughput per CPU second is what the CPU per delivery is the inverse of.
    const auto* one = router_of(results, wire, "16:16", 8);
    const auto* two = find_result(results, kRouter, wire, "16:16", 8, kTwoWorkers);
    rows.push_back({std::string(wire) + " 16:16 8 bytes, 2 workers, throughput per CPU second", "1 worker", 0.85, true,
                    ratio_of(one, two, kCpu)});
  }
  const Result* storms[2] = {};
  for (const auto& result : results) {
    if (result.scenario != "connect-storm") continue;
    if (result.server == kRouter) storms[0] = &result;
    if (result.server == kNats) storms[1] = &result;
  }
  rows.push_back(
      {"connects per CPU second", "nats-server", 1, true, ratio_of(storms[0], storms[1], "connects_per_server_cpu_s")});
  return rows;
}

}  // namespace bench::peers
