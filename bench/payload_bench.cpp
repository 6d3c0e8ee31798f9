// MQTT payloads in every format and dialect, and topics. What a broker's thread pays for each message.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "bench/baseline_payloads.h"
#include "bench/support/cost_counters.h"
#include "drivers/mqtt/payload.h"
#include "drivers/mqtt/topic_match.h"
#include "drivers/mqtt/topic_template.h"

namespace {

using namespace drivers::mqtt;
using vscp::Event;

// Several different events in turn, so that a loop does not teach the branch predictor one of them by heart.
constexpr std::size_t kEvents = 512;
constexpr std::uint64_t kNow = 1'795'309'323'000'000'000ULL;
constexpr std::string_view kGuid = "FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08";

std::vector<Event> random_events(std::size_t data_size, bool measurements) {
  std::mt19937_64 random(20261122);
  std::vector<Event> events(kEvents);
  for (Event& event : events) {
    event.time_ns = kNow + random() % 1'000'000'000ULL;
    event.timestamp_us = static_cast<std::uint32_t>(random());
    event.obid = static_cast<std::uint32_t>(random() % 1000);
    for (auto& byte : event.guid.bytes) byte = static_cast<std::uint8_t>(random());
    event.head = static_cast<std::uint16_t>(random() % 8 << 5U);
    event.vscp_class = measurements ? 10 : static_cast<std::uint16_t>(20 + random() % 10);
    event.vscp_type = static_cast<std::uint16_t>(random() % 66);
    event.data_size = static_cast<std::uint16_t>(data_size);
    for (std::size_t i = 0; i < data_size; ++i) event.data[i] = static_cast<std::uint8_t>(random());
    if (measurements) {
      event.vscp_type = 6;
      event.data_size = 4;
      event.data[0] = 0x89;  // integer with decimals
      event.data[1] = 0x82;
    }
  }
  return events;
}

// What random data become in this style, one string each.
std::vector<std::string> payloads_of(const std::vector<Event>& events, const PayloadStyle& style) {
  vscp::DateCache dates;
  std::vector<std::string> payloads;
  char out[kPayloadWriteMax];
  for (const Event& event : events) payloads.emplace_back(out, encode_payload(event, style, dates, out));
  return payloads;
}

void encode(benchmark::State& state, PayloadStyle style, bool measurements) {
  const auto events = random_events(static_cast<std::size_t>(state.range(0)), measurements);
  std::vector<char> out(256 * 1024);
  std::size_t used = 0;
  std::size_t bytes = 0;
  std::size_t next = 0;
  vscp::DateCache dates;
  bench::CostCounters costs;
  for (auto _ : state) {
    if (out.size() - used < kPayloadWriteMax) used = 0;
    const std::size_t size = encode_payload(events[next++ % kEvents], style, dates, out.data() + used);
    used += size;
    bytes += size;
    benchmark::ClobberMemory();
  }
  costs.report(state);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void decode_all(benchmark::State& state, const std::vector<std::string>& payloads, PayloadFormat format) {
  PayloadDecoder decoder;
  Event event;
  bool good = true;
  std::size_t next = 0;
  std::size_t bytes = 0;
  // The first message makes buffers.
  const auto decode = [&](const std::string& payload) {
    return decoder.decode({reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()}, format, {}, kNow,
                          event);
  };
  good &= decode(payloads[0]).has_value();
  bench::CostCounters costs;
  for (auto _ : state) {
    const std::string& payload = payloads[next++ % kEvents];
    good &= decode(payload).has_value();
    bytes += payload.size();
    benchmark::DoNotOptimize(event);
  }
  costs.report(state);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  if (!good) state.SkipWithError("a payload was refused");
}

void decode(benchmark::State& state, PayloadStyle style, bool measurements) {
  const auto events = random_events(static_cast<std::size_t>(state.range(0)), measurements);
  decode_all(state, payloads_of(events, style), PayloadFormat::kAuto);
}

// As people and other libraries write JSON: one value per line.
void decode_json_pretty(benchmark::State& state) {
  const auto events = random_events(static_cast<std::size_t>(state.range(0)), false);
  auto payloads = payloads_of(events, {});
  for (std::string& payload : payloads) {
    const std::size_t begin = payload.find('[');
    std::string spread;
    for (const char c : payload.substr(begin)) spread.append(1, c).append(c == ',' || c == '[' ? "\n        " : "");
    payload = payload.substr(0, begin) + spread;
  }
  decode_all(state, payloads, PayloadFormat::kAuto);
}
BENCHMARK(decode_json_pretty)->Arg(8)->Arg(487);

// The usual way, for JSON.
void encode_baseline(benchmark::State& state, bool measurements) {
  const auto events = random_events(static_cast<std::size_t>(state.range(0)), measurements);
  std::size_t next = 0;
  bench::CostCounters costs;
  for (auto _ : state) {
    const Event& event = events[next++ % kEvents];
    benchmark::DoNotOptimize(measurements ? baseline::encode_json_measured(event)
                                          : baseline::encode_json_printf(event));
  }
  costs.report(state);
}
BENCHMARK_CAPTURE(encode_baseline, json, false)->Arg(8)->Arg(487);
BENCHMARK_CAPTURE(encode_baseline, json_measurement, true)->Arg(4);

void decode_baseline(benchmark::State& state) {
  const auto payloads = payloads_of(random_events(static_cast<std::size_t>(state.range(0)), false), {});
  Event event;
  bool good = true;
  std::size_t next = 0;
  bench::CostCounters costs;
  for (auto _ : state) {
    good &= baseline::decode_json_tree(payloads[next++ % kEvents], event);
    benchmark::DoNotOptimize(event);
  }
  costs.report(state);
  if (!good) state.SkipWithError("a payload was refused");
}
BENCHMARK(decode_baseline)->Arg(8)->Arg(487);

void render_topic(benchmark::State& state, std::string_view text, bool measurements) {
  const auto events = random_events(8, measurements);
  const auto topic = TopicTemplate::compile(text, TopicUse::kPublish, {});
  if (!topic) return state.SkipWithError(topic.error().text.c_str());
  std::vector<char> out(topic->size_max());
  TopicCache cache;
  std::size_t next = 0;
  bench::CostCounters costs;
  for (auto _ : state) benchmark::DoNotOptimize(topic->render(events[next++ % kEvents], cache, out.data()));
  costs.report(state);
}
BENCHMARK_CAPTURE(render_topic, usual, "vscp/{{guid}}/{{class}}/{{type}}/{{nickname}}", false);
BENCHMARK_CAPTURE(render_topic, names, "vscp/{{class-token}}/{{type-token}}/{{xguid[14]}}{{xguid[15]}}", false);
BENCHMARK_CAPTURE(render_topic, measurement, "vscp/{{guid}}/{{class}}/{{type}}/{{nickname}}/{{sensor-index}}/{{zone}}",
                  true);

void topic_defaults(benchmark::State& state) {
  const std::string topic = std::string("vscp/").append(kGuid).append("/10/6/8");
  bench::CostCounters costs;
  for (auto _ : state) {
    benchmark::DoNotOptimize(topic.data());
    benchmark::DoNotOptimize(parse_topic_defaults(topic));
  }
  costs.report(state);
}
BENCHMARK(topic_defaults);

void match_topic(benchmark::State& state, std::string_view filter) {
  const std::string topic = std::string("vscp/").append(kGuid).append("/10/6/8");
  bench::CostCounters costs;
  for (auto _ : state) {
    benchmark::DoNotOptimize(filter);
    benchmark::DoNotOptimize(topic_matches(filter, topic));
  }
  costs.report(state);
}
BENCHMARK_CAPTURE(match_topic, hash, "vscp/#");
BENCHMARK_CAPTURE(match_topic, plus, "vscp/+/10/6/+");

void register_payloads() {
  struct Row {
    const char* name;
    PayloadStyle style;
  };
  constexpr auto kOld = PayloadDialect::kLegacy;
  for (const Row& row :
       {Row{"json", {.format = PayloadFormat::kJson}}, Row{"json_15x", {PayloadFormat::kJson, kOld, true}},
        Row{"xml", {.format = PayloadFormat::kXml}}, Row{"string", {.format = PayloadFormat::kString}},
        Row{"binary", {.format = PayloadFormat::kBinary}}}) {
    const auto add = [&row](const char* what, auto function) {
      const std::string name = std::string(what).append("/").append(row.name);
      auto* bench = benchmark::RegisterBenchmark(
          name.c_str(), [=, style = row.style](benchmark::State& state) { function(state, style, false); });
      for (const int size : {8, 487}) bench->Arg(size);
    };
    add("encode", encode);
    add("decode", decode);
  }
  for (const Row& row : {Row{"json", {.format = PayloadFormat::kJson}}, Row{"xml", {.format = PayloadFormat::kXml}}}) {
    const auto add = [&row](const char* what, auto function) {
      benchmark::RegisterBenchmark(std::string(what).append("_measurement/").append(row.name).c_str(),
                                   [=, style = row.style](benchmark::State& state) { function(state, style, true); })
          ->Arg(4);
    };
    add("encode", encode);
    add("decode", decode);
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_payloads();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
