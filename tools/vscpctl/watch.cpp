#include "tools/vscpctl/watch.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "protocol/event_line.h"
#include "tools/client/text.h"
#include "tools/vscpctl/event_view.h"
#include "tools/vscpctl/stop_signal.h"

namespace tools::ctl {
namespace {

using Clock = LinkClient::Clock;

constexpr std::chrono::milliseconds kBackoffFirst{500};
constexpr std::chrono::milliseconds kBackoffMax{30'000};

std::uint64_t wall_clock_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool wants_colour(const std::string& choice) {
  if (choice == "always") return true;
  if (choice == "never") return false;
  const char* no_colour = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

class Watch {
 public:
  Watch(const WatchOptions& options, Selection selection, const StopSignal& stop)
      : options_(options),
        selection_(std::move(selection)),
        stop_(stop),
        end_(options.duration ? Clock::now() + *options.duration : Clock::time_point::max()),
        colour_(wants_colour(options.colour)),
        is_terminal_(isatty(STDOUT_FILENO) == 1),
        event_(std::make_unique<vscp::Event>()) {}

  int run() {
    const auto password = find_password(options_.connection);
    if (!password) return fail(password.error().text);
    const auto started = Clock::now();
    const int code = connections(*password);
    if (was_connected_) summary(Clock::now() - started);
    return code;
  }

 private:
  /// One connection after the other. Returns the exit code.
  int connections(const std::string& password) {
    std::chrono::milliseconds backoff = kBackoffFirst;
    for (;;) {
      const std::uint64_t before = events_;
      const ClientResult<void> outcome = one_connection(password);
      if (done_ || outcome) return kExitOk;
      const ClientError& error = outcome.error();
      if (error.fault == ClientFault::kStopped) return kExitOk;
      const bool hopeless = error.fault == ClientFault::kLogin || error.fault == ClientFault::kUsage;
      if (!options_.reconnect || hopeless || (!was_connected_ && error.fault == ClientFault::kBadAddress)) {
        return fail(error.text);
      }
      if (events_ != before) backoff = kBackoffFirst;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now());
      const auto pause = std::min(backoff, left);
      fail(cat(error.text, "; trying again in ", backoff.count(), " ms"));
      if (pause.count() > 0 && stop_.wait(static_cast<int>(pause.count()))) return kExitOk;
      if (Clock::now() >= end_) return kExitOk;
      backoff = std::min(backoff * 2, kBackoffMax);
    }
  }

  /// Success: nothing more is wanted.
  ClientResult<void> one_connection(const std::string& password) {
    auto client = open_link(options_.connection, password, stop_.fd());
    if (!client) return std::unexpected(client.error());
    if (selection_.server_filter() != vscp::Filter{}) {
      if (auto done = client->set_filter(selection_.server_filter()); !done) return done;
      // What came before the filter was complete is not wanted.
      if (auto done = client->must("CLRA"); !done) return std::unexpected(done.error());
    }
    if (auto done = client->enter_receive_loop(); !done) return done;
    if (was_connected_) {
      fail(cat("connected again to ", client->server()));
    } else if (isatty(STDERR_FILENO) == 1 && is_terminal_) {
      std::fprintf(stderr, "watching %s; Ctrl-C ends\n", client->server().c_str());
    }
    was_connected_ = true;
    auto outcome = client->receive(end_, [&](std::string_view line) {
      const bool more = on_line(line);
      if (!more || !client->line_ready()) std::fflush(stdout);
      return more;
    });
    std::fflush(stdout);
    if (outcome) client->quit();
    return outcome;
  }

  bool on_line(std::string_view line) {
    if (!vscp::decode_event_line(line, *event_)) {
      if (malformed_++ == 0) fail(cat("a line that is no event: ", printable(line)));
      return true;
    }
    if (!selection_.wants(*event_)) return true;
    ++events_;
    std::string out;
    if (options_.raw) {
      out = printable(line, line.size());
    } else if (options_.json) {
      out = event_json(*event_, wall_clock_ns());
    } else {
      out = event_text(*event_, wall_clock_ns(), {colour_, is_terminal_ ? terminal_width() : 0});
    }
    out += '\n';
    const bool written = std::fwrite(out.data(), 1, out.size(), stdout) == out.size() && std::ferror(stdout) == 0;
    // Whoever read the output has gone ("| head"): that is an end, not an error.
    done_ = !written || (options_.count != 0 && events_ >= options_.count);
    return !done_;
  }

  void summary(Clock::duration elapsed) const {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    std::fprintf(stderr, "%llu %s in %.1f s (%.1f/s)", static_cast<unsigned long long>(events_),
                 events_ == 1 ? "event" : "events", seconds, seconds > 0 ? static_cast<double>(events_) / seconds : 0);
    if (malformed_ != 0) std::fprintf(stderr, ", %llu malformed", static_cast<unsigned long long>(malformed_));
    std::fputc('\n', stderr);
  }

  const WatchOptions& options_;
  Selection selection_;
  const StopSignal& stop_;
  Clock::time_point end_;
  bool colour_;
  bool is_terminal_;
  bool done_ = false;
  bool was_connected_ = false;
  std::uint64_t events_ = 0;
  std::uint64_t malformed_ = 0;
  std::unique_ptr<vscp::Event> event_;
};

}  // namespace

int run_watch(const WatchOptions& options) {
  auto selection = Selection::make(options.selection);
  if (!selection) {
    fail(selection.error().text);
    return kExitUsage;
  }
  const StopSignal stop;
  return Watch(options, std::move(*selection), stop).run();
}

}  // namespace tools::ctl
