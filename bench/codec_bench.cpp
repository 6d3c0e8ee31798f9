// Event-line codecs: ours in each form that this CPU has, against a table-driven loop and strtoul/snprintf; frames and
// their CRC.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "bench/baseline_codecs.h"
#include "bench/support/cost_counters.h"
#include "protocol/codec_kernels.h"
#include "protocol/crc_forms.h"
#include "protocol/event_line.h"
#include "protocol/filter.h"
#include "protocol/frame.h"
#include "protocol/frame_stream.h"
#include "protocol/link_command.h"

namespace {

using vscp::CodecForm;
using vscp::Event;
using vscp::LineFormat;

// Several different events in turn, so that a loop does not teach the branch predictor one of them by heart.
constexpr std::size_t kEvents = 512;

Event random_event(std::mt19937_64& random, std::size_t data_size) {
  Event event;
  event.time_ns = 1'795'309'323'000'000'000ULL + random() % 1'000'000'000ULL;
  event.timestamp_us = static_cast<std::uint32_t>(random());
  event.obid = static_cast<std::uint32_t>(random() % 1000);
  for (auto& byte : event.guid.bytes) byte = static_cast<std::uint8_t>(random());
  event.head = static_cast<std::uint16_t>(random() % 8 << 5U);
  event.vscp_class = static_cast<std::uint16_t>(random() % 1100);
  event.vscp_type = static_cast<std::uint16_t>(random() % 256);
  event.data_size = static_cast<std::uint16_t>(data_size);
  for (std::size_t i = 0; i < data_size; ++i) event.data[i] = static_cast<std::uint8_t>(random());
  return event;
}

std::vector<Event> random_events(std::size_t data_size) {
  std::mt19937_64 random(20261122);
  std::vector<Event> events;
  for (std::size_t i = 0; i < kEvents; ++i) events.push_back(random_event(random, data_size));
  return events;
}

std::string hex_list(const Event& event) {
  std::string text;
  char value[8];
  for (const unsigned byte : event.payload()) {
    std::snprintf(value, sizeof value, "0x%02X,", byte);
    text += value;
  }
  if (!text.empty()) text.pop_back();
  return text;
}

// Lines without line end. With `hex`, the data are 0xNN as upstream's C++ programs send them.
std::vector<std::string> lines_of(const std::vector<Event>& events, LineFormat format, bool hex) {
  vscp::DateCache dates;
  std::vector<std::string> lines;
  for (Event event : events) {
    std::string tail;
    if (hex && event.data_size > 0) {
      tail.assign(1, ',').append(hex_list(event));
      event.data_size = 0;
    }
    char out[vscp::kEventLineMax];
    const std::size_t size = vscp::encode_event_line(event, format, dates, out);
    lines.emplace_back(out, size - 2).append(tail);
  }
  return lines;
}

enum class Codec { kScalar, kSsse3, kAvx512, kTable, kLibc };
enum class Dialect { kLegacy, kNanoseconds, kHex };

LineFormat format_of(Dialect dialect) {
  return dialect == Dialect::kNanoseconds ? LineFormat::kNanoseconds : LineFormat::kLegacy;
}

bool select_form(benchmark::State& state, Codec codec) {
  if (codec == Codec::kTable || codec == Codec::kLibc) return true;
  if (vscp::use_codec_form(static_cast<CodecForm>(codec))) return true;
  state.SkipWithError("not on this CPU");
  return false;
}

void finish(benchmark::State& state, bench::CostCounters& costs, std::size_t bytes_total) {
  costs.report(state);
  state.SetBytesProcessed(
      static_cast<std::int64_t>(static_cast<double>(bytes_total) / kEvents * static_cast<double>(state.iterations())));
}

void decode_line(benchmark::State& state, Codec codec, Dialect dialect) {
  if (!select_form(state, codec)) return;
  const auto lines =
      lines_of(random_events(static_cast<std::size_t>(state.range(0))), format_of(dialect), dialect == Dialect::kHex);
  std::size_t bytes = 0;
  for (const auto& line : lines) bytes += line.size();
  Event event;
  std::size_t next = 0;
  bool good = true;
  bench::CostCounters costs;
  for (auto _ : state) {
    const std::string& line = lines[next++ % kEvents];
    switch (codec) {
      case Codec::kTable:
        good &= baseline::decode_line_table(line, event);
        break;
      case Codec::kLibc:
        good &= baseline::decode_line_libc(line.c_str(), event);
        break;
      default:
        good &= vscp::decode_event_line(line, event).has_value();
        break;
    }
    benchmark::DoNotOptimize(event);
  }
  finish(state, costs, bytes);
  if (!good) state.SkipWithError("a line was refused");
}

void encode_line(benchmark::State& state, Codec codec, Dialect dialect) {
  if (!select_form(state, codec)) return;
  const auto events = random_events(static_cast<std::size_t>(state.range(0)));
  const LineFormat format = format_of(dialect);
  std::size_t bytes = 0;
  for (const auto& line : lines_of(events, format, false)) bytes += line.size() + 2;
  // One line behind the other, as they go into a log of lines.
  std::vector<char> out(256 * 1024);
  std::size_t used = 0;
  std::size_t next = 0;
  vscp::DateCache dates;
  bench::CostCounters costs;
  for (auto _ : state) {
    const Event& event = events[next++ % kEvents];
    if (out.size() - used < vscp::kEventLineMax) used = 0;
    switch (codec) {
      case Codec::kTable:
        used += baseline::encode_line_table(event, format, dates, out.data() + used);
        break;
      case Codec::kLibc:
        used += baseline::encode_line_libc(event, format, out.data() + used, vscp::kEventLineMax);
        break;
      default:
        used += vscp::encode_event_line(event, format, dates, out.data() + used);
        break;
    }
    benchmark::ClobberMemory();
  }
  finish(state, costs, bytes);
}

void parse_send(benchmark::State& state) {
  std::vector<std::string> lines;
  for (const auto& line : lines_of(random_events(8), LineFormat::kLegacy, false))
    lines.push_back(std::string("SEND ").append(line));
  std::size_t next = 0;
  bench::CostCounters costs;
  for (auto _ : state) benchmark::DoNotOptimize(vscp::parse_link_command(lines[next++ % kEvents]));
  costs.report(state);
}
BENCHMARK(parse_send);

void filter_matches(benchmark::State& state) {
  const auto events = random_events(0);
  vscp::Filter filter{.filter_class = 10, .mask_class = 0xffff};
  filter.mask_guid.bytes.fill(0xff);
  std::size_t next = 0;
  bench::CostCounters costs;
  for (auto _ : state) benchmark::DoNotOptimize(filter.matches(events[next++ % kEvents]));
  costs.report(state);
}
BENCHMARK(filter_matches);

// Null: one byte per step through a table, as upstream has it.
void crc(benchmark::State& state, vscp::CrcFunction function) {
  const auto events = random_events(static_cast<std::size_t>(state.range(0)));
  std::size_t next = 0;
  bench::CostCounters costs;
  for (auto _ : state) {
    const auto bytes = events[next++ % kEvents].payload();
    benchmark::DoNotOptimize(function != nullptr ? function(bytes.data(), bytes.size(), 0xffff)
                                                 : baseline::crc_by_byte(bytes.data(), bytes.size()));
  }
  finish(state, costs, events[0].data_size * kEvents);
}

std::vector<std::uint8_t> frames_of(const std::vector<Event>& events) {
  std::vector<std::uint8_t> frames;
  std::uint8_t out[vscp::kEventFrameMax];
  for (const Event& event : events) {
    const std::size_t size = vscp::encode_event_frame(event, vscp::FrameType::kEvent1, out);
    frames.insert(frames.end(), out, out + size);
  }
  return frames;
}

// As a session takes them from its stream: find the end, then decode.
void decode_frame(benchmark::State& state) {
  const auto frames = frames_of(random_events(static_cast<std::size_t>(state.range(0))));
  std::span<const std::uint8_t> rest;
  Event event;
  bool good = true;
  bench::CostCounters costs;
  for (auto _ : state) {
    if (rest.empty()) rest = frames;
    const auto size = vscp::first_frame_size(rest);
    good &= size && vscp::decode_event_frame(rest.first(*size), event).has_value();
    rest = rest.subspan(*size);
    benchmark::DoNotOptimize(event);
  }
  finish(state, costs, frames.size());
  if (!good) state.SkipWithError("a frame was refused");
}
BENCHMARK(decode_frame)->Arg(0)->Arg(8)->Arg(64)->Arg(487);

void encode_frame(benchmark::State& state) {
  const auto events = random_events(static_cast<std::size_t>(state.range(0)));
  std::vector<std::uint8_t> out(256 * 1024);
  std::size_t used = 0;
  std::size_t next = 0;
  bench::CostCounters costs;
  for (auto _ : state) {
    if (out.size() - used < vscp::kEventFrameMax) used = 0;
    used += vscp::encode_event_frame(events[next++ % kEvents], vscp::FrameType::kEvent1, out.data() + used);
    benchmark::ClobberMemory();
  }
  finish(state, costs, frames_of(events).size());
}
BENCHMARK(encode_frame)->Arg(0)->Arg(8)->Arg(64)->Arg(487);

void register_crcs() {
  const auto add = [](const char* name, vscp::CrcFunction function) {
    auto* bench = benchmark::RegisterBenchmark(name, [=](benchmark::State& state) { crc(state, function); });
    for (const int size : {8, 43, 487}) bench->Arg(size);
  };
  add("crc/byte_table", nullptr);
  add("crc/table", vscp::crc_function(vscp::CrcForm::kTable));
  if (const auto function = vscp::crc_function(vscp::CrcForm::kClmul)) add("crc/clmul", function);
}

void register_lines() {
  struct Row {
    const char* name;
    Codec codec;
  };
  for (const Row& row : {Row{"avx512", Codec::kAvx512}, Row{"ssse3", Codec::kSsse3}, Row{"scalar", Codec::kScalar},
                         Row{"table_loop", Codec::kTable}, Row{"libc", Codec::kLibc}}) {
    const auto add = [&row](const std::string& what, auto function, Dialect dialect) {
      auto* bench =
          benchmark::RegisterBenchmark((what + "/" + row.name).c_str(),
                                       [=, codec = row.codec](benchmark::State& s) { function(s, codec, dialect); });
      for (const int size : {0, 8, 64, 487}) bench->Arg(size);
    };
    add("decode_line", decode_line, Dialect::kLegacy);
    add("decode_line_ns", decode_line, Dialect::kNanoseconds);
    add("decode_line_hex", decode_line, Dialect::kHex);
    add("encode_line", encode_line, Dialect::kLegacy);
    add("encode_line_ns", encode_line, Dialect::kNanoseconds);
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_lines();
  register_crcs();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
