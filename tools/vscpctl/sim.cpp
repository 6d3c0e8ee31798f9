#include "tools/vscpctl/sim.h"

#include <cstdio>
#include <memory>

#include "tools/client/send_pipeline.h"
#include "tools/client/text.h"
#include "tools/vscpctl/stop_signal.h"

namespace tools::ctl {
namespace {

using Clock = LinkClient::Clock;

/// Events made before answers and signals are looked at again.
constexpr unsigned kBurstMax = 512;

std::uint64_t steady_ns(Clock::time_point time) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

std::uint64_t wall_clock_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

ClientResult<void> play(const SimOptions& options, LinkClient& client, SendPipeline& pipeline, const StopSignal& stop) {
  const auto started = Clock::now();
  const auto end = options.duration ? started + *options.duration : Clock::time_point::max();
  drivers::sim::Field field(options.field, steady_ns(started));
  const auto event = std::make_unique<vscp::Event>();
  for (;;) {
    const auto now = Clock::now();
    const std::uint64_t now_ns = steady_ns(now);
    const std::uint64_t wall_ns = wall_clock_ns();
    for (unsigned made = 0; made < kBurstMax && field.next_time_ns() <= now_ns; ++made) {
      if (options.count != 0 && field.count() >= options.count) return pipeline.finish();
      field.next(wall_ns, *event);
      if (auto pushed = pipeline.push(field.count(), *event); !pushed) return pushed;
    }
    if (auto flushed = pipeline.flush(); !flushed) return flushed;
    if (now >= end || stop.wait(0)) break;
    const auto due =
        Clock::time_point(std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(field.next_time_ns())));
    auto answered = client.wait_line(std::min(due, end));
    if (!answered) {
      if (answered.error().fault == ClientFault::kStopped) break;
      return std::unexpected(answered.error());
    }
    if (*answered) {
      if (auto flushed = pipeline.flush(); !flushed) return flushed;
    }
  }
  return stop.wait(0) ? ClientResult<void>{} : pipeline.finish();
}

}  // namespace

int run_sim(const SimOptions& options) {
  const StopSignal stop;
  const auto password = find_password(options.connection);
  if (!password) return fail(password.error().text);
  auto client = open_link(options.connection, *password, stop.fd());
  if (!client) return fail(client.error().text);
  bool told = false;
  SendPipeline pipeline(*client, options.lockstep ? 1 : SendPipeline::kWindowMax,
                        [&](std::uint64_t number, std::string_view status) {
                          if (!told) fail(cat("event ", number, " refused: ", printable(status)));
                          told = true;
                        });
  const auto started = Clock::now();
  const auto outcome = play(options, *client, pipeline, stop);
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  std::fprintf(stderr, "%llu events sent in %.1f s (%.1f/s), %llu refused\n",
               static_cast<unsigned long long>(pipeline.accepted()), seconds,
               seconds > 0 ? static_cast<double>(pipeline.accepted()) / seconds : 0,
               static_cast<unsigned long long>(pipeline.refused()));
  if (!outcome && outcome.error().fault != ClientFault::kStopped) return fail(outcome.error().text);
  if (pipeline.unanswered() == 0) client->quit();
  return pipeline.refused() == 0 ? kExitOk : kExitFailed;
}

}  // namespace tools::ctl
