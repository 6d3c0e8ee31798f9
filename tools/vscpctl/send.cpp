#include "tools/vscpctl/send.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include "protocol/event_line.h"
#include "protocol/guid.h"
#include "protocol/limits.h"
#include "tools/client/send_pipeline.h"
#include "tools/client/text.h"
#include "tools/vscpctl/selection.h"
#include "tools/vscpctl/stop_signal.h"

namespace tools::ctl {
namespace {

std::unexpected<ClientError> usage(std::string text) {
  return std::unexpected(ClientError{ClientFault::kUsage, std::move(text)});
}

/// Lines of standard input, with the stop signal watched while it waits.
class InputLines {
 public:
  explicit InputLines(int stop_fd) : stop_fd_(stop_fd) {}

  /// Next line without its line end; false at the end of input, or after a signal (then stopped() is true).
  bool next(std::string& line) {
    for (;;) {
      const auto end = buffer_.find('\n', begin_);
      if (end != std::string::npos) {
        line.assign(buffer_, begin_, end - begin_);
        begin_ = end + 1;
        return true;
      }
      if (at_end_) {
        line.assign(buffer_, begin_);
        begin_ = buffer_.size();
        return !line.empty();
      }
      fill();
      if (stopped_) return false;
    }
  }
  /// Another line can be had without waiting.
  bool ready() const { return buffer_.find('\n', begin_) != std::string::npos; }
  bool stopped() const noexcept { return stopped_; }

 private:
  void fill() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    pollfd polled[2] = {{STDIN_FILENO, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0 && errno == EINTR) return;
    if (polled[1].revents != 0) {
      stopped_ = true;
      return;
    }
    std::array<char, 65536> bytes;
    const ssize_t got = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got > 0 && buffer_.size() < kLineBytesMax) {
      buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    } else if (got >= 0 || errno != EINTR) {
      at_end_ = true;
    }
  }

  static constexpr std::size_t kLineBytesMax = 1U << 20U;
  int stop_fd_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool at_end_ = false;
  bool stopped_ = false;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

int send_one(const SendOptions& options, LinkClient& client) {
  const auto line = options.line.empty() ? make_event_line(options.event) : ClientResult<std::string>(options.line);
  auto reply = client.must(cat("SEND ", trim(*line)));
  client.quit();
  if (!reply) return fail(reply.error().text);
  return kExitOk;
}

int send_input(const SendOptions& options, LinkClient& client, const StopSignal& stop) {
  std::uint64_t bad = 0;
  SendPipeline pipeline(
      client, options.lockstep ? 1 : SendPipeline::kWindowMax,
      [](std::uint64_t number, std::string_view status) { fail(cat("line ", number, ": ", printable(status))); });
  InputLines input(stop.fd());
  std::string line;
  std::uint64_t number = 0;
  ClientResult<void> outcome;
  while (outcome && input.next(line)) {
    ++number;
    const std::string_view text = trim(line);
    if (text.empty() || text.front() == '#') continue;
    if (const auto good = check_event_line(text); !good) {
      ++bad;
      fail(cat("line ", number, ": ", good.error().text));
      continue;
    }
    outcome = pipeline.push_line(number, text);
    if (outcome && !input.ready()) outcome = pipeline.flush();
  }
  if (outcome && !input.stopped()) outcome = pipeline.finish();
  std::fprintf(stderr, "%llu sent, %llu refused, %llu not sent\n", static_cast<unsigned long long>(pipeline.accepted()),
               static_cast<unsigned long long>(pipeline.refused()), static_cast<unsigned long long>(bad));
  if (!outcome && outcome.error().fault != ClientFault::kStopped) {
    return fail(cat("after line ", number, ": ", outcome.error().text, "; ", pipeline.unanswered(),
                    " events were not answered"));
  }
  if (pipeline.unanswered() != 0) return fail(cat("stopped; ", pipeline.unanswered(), " events were not answered"));
  client.quit();
  return bad == 0 && pipeline.refused() == 0 ? kExitOk : kExitFailed;
}

ClientResult<void> check_options(const SendOptions& options) {
  const bool friendly = !options.event.vscp_class.empty() || !options.event.vscp_type.empty() ||
                        !options.event.data.empty() || !options.event.guid.empty() || options.event.priority >= 0;
  if (options.line.empty()) {
    const auto line = make_event_line(options.event);
    if (!line) return std::unexpected(line.error());
    return {};
  }
  if (friendly) return usage("an event line says all: leave out --class, --type, --data, --guid and --priority");
  if (options.line == "-") return {};
  return check_event_line(trim(options.line));
}

}  // namespace

ClientResult<std::string> make_event_line(const EventOptions& options) {
  if (options.vscp_class.empty() || options.vscp_type.empty()) {
    return usage("say what to send: an event line, - for lines from standard input, or --class and --type");
  }
  const auto vscp_class = parse_class(options.vscp_class);
  if (!vscp_class) return std::unexpected(vscp_class.error());
  const auto vscp_type = parse_type(*vscp_class, options.vscp_type);
  if (!vscp_type) return std::unexpected(vscp_type.error());
  std::string guid = "-";
  if (!options.guid.empty() && options.guid != "-") {
    const auto parsed = vscp::parse_guid(options.guid);
    if (!parsed) return usage(cat("--guid: '", options.guid, "' is no GUID; write 16 hex bytes with colons, or -"));
    guid = vscp::to_string(*parsed);
  }
  std::array<std::uint8_t, vscp::kEventDataMax> data;
  const auto size = vscp::decode_data_list(options.data, data.data());
  if (!size) {
    return usage(cat("--data: ", vscp::to_text(size.error()), "; write bytes with commas, as 1,2,0x03 (at most ",
                     vscp::kEventDataMax, ")"));
  }
  const int priority = options.priority < 0 ? kPriorityDefault : options.priority;
  std::string line = cat((priority & 7) << 5, ",", *vscp_class, ",", *vscp_type, ",0,,,", guid);
  for (std::size_t i = 0; i < *size; ++i) line += cat(",", static_cast<unsigned>(data[i]));
  return line;
}

ClientResult<void> check_event_line(std::string_view line) {
  const auto event = std::make_unique<vscp::Event>();
  const auto hints = vscp::decode_event_line(line, *event);
  if (hints) return {};
  return usage(cat("not an event line (", vscp::to_text(hints.error()),
                   "); write head,class,type,obid,datetime,timestamp,GUID,data..., as 0,20,3,,,,-,1,2"));
}

int run_send(const SendOptions& options) {
  if (const auto good = check_options(options); !good) {
    fail(good.error().text);
    return kExitUsage;
  }
  const StopSignal stop;
  const auto password = find_password(options.connection);
  if (!password) return fail(password.error().text);
  auto client = open_link(options.connection, *password, stop.fd());
  if (!client) return fail(client.error().text);
  if (options.line == "-") return send_input(options, *client, stop);
  return send_one(options, *client);
}

}  // namespace tools::ctl
