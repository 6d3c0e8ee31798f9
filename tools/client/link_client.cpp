#include "tools/client/link_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "protocol/event_line.h"
#include "protocol/limits.h"
#include "tools/client/address.h"
#include "tools/client/text.h"

namespace tools {
namespace {

/// A server that does not close after QUIT is left alone after this.
constexpr std::chrono::milliseconds kQuitWaitMax{1000};
constexpr std::size_t kBufferBytes = 4 * kServerLineMax;

ClientError stopped() {
  return {ClientFault::kStopped, "stopped"};
}

bool is_status(std::string_view line) {
  return line.starts_with("+OK") || line.starts_with("-OK");
}

bool breaks_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

}  // namespace

std::string printable(std::string_view text, std::size_t size_max) {
  std::string result(text.substr(0, size_max));
  for (char& character : result) {
    const auto code = static_cast<unsigned char>(character);
    // C1 control characters arrive as bytes of UTF-8 too, so only the lower range can be judged bytewise.
    if (code < 0x20 || code == 0x7f) character = '?';
  }
  return result;
}

std::string event_line(const vscp::Event& event) {
  std::array<char, vscp::kEventLineMax> line;
  if (event.time_ns != 0) {
    vscp::DateCache dates;
    const std::size_t size = vscp::encode_event_line(event, vscp::LineFormat::kLegacy, dates, line.data());
    std::string_view text(line.data(), size);
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    return std::string(text);
  }
  std::string text =
      cat(event.head, ",", event.vscp_class, ",", event.vscp_type, ",", event.obid, ",,,", vscp::to_string(event.guid));
  if (event.data_size == 0) return text;
  const std::size_t size = vscp::encode_data_list(event.data.data(), event.data_size, line.data());
  return cat(text, ",", std::string_view(line.data(), size));
}

LinkClient::LinkClient(int fd, std::string server, const ClientOptions& options)
    : fd_(fd), server_(std::move(server)), options_(options), buffer_(kBufferBytes) {}

LinkClient::LinkClient(LinkClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      server_(std::move(other.server_)),
      options_(other.options_),
      greeting_(std::move(other.greeting_)),
      buffer_(std::move(other.buffer_)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      scanned_(std::exchange(other.scanned_, 0)) {}

LinkClient& LinkClient::operator=(LinkClient&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) close(fd_);
  fd_ = std::exchange(other.fd_, -1);
  server_ = std::move(other.server_);
  options_ = other.options_;
  greeting_ = std::move(other.greeting_);
  buffer_ = std::move(other.buffer_);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  scanned_ = std::exchange(other.scanned_, 0);
  return *this;
}

LinkClient::~LinkClient() {
  if (fd_ >= 0) close(fd_);
}

ClientResult<LinkClient> LinkClient::connect(std::string_view address_text, const ClientOptions& options) {
  const auto address = parse_address(address_text);
  if (!address) return std::unexpected(address.error());
  const auto fd = connect_socket(*address, options.connect_timeout, options.stop_fd);
  if (!fd) return std::unexpected(fd.error());
  LinkClient client(*fd, to_string(*address), options);
  auto greeting = client.read_reply();
  if (!greeting) {
    ClientError error = greeting.error();
    if (error.fault == ClientFault::kTimeout || error.fault == ClientFault::kProtocol) {
      error.text = cat("what answers at ", client.server_, " does not greet like a VSCP link server; check the port");
    }
    return std::unexpected(std::move(error));
  }
  if (!greeting->ok()) {
    return std::unexpected(ClientError{ClientFault::kRejected,
                                       cat(client.server_, " refuses the connection: ", printable(greeting->status))});
  }
  client.greeting_ = std::move(*greeting);
  return client;
}

ClientResult<void> LinkClient::wait(short events, Deadline deadline) {
  for (;;) {
    int timeout_ms = -1;
    if (deadline != Deadline::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    }
    pollfd polled[2] = {{fd_, events, 0}, {options_.stop_fd, POLLIN, 0}};
    const int ready = poll(polled, options_.stop_fd >= 0 ? 2 : 1, timeout_ms);
    if (ready < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(ClientError{ClientFault::kSystem, cat("poll: ", std::generic_category().message(errno))});
    }
    if (polled[1].revents != 0) return std::unexpected(stopped());
    if (polled[0].revents != 0) return {};
    if (deadline != Deadline::max() && Clock::now() >= deadline) {
      return std::unexpected(
          ClientError{ClientFault::kTimeout, cat("no answer from ", server_, " in time; is it overloaded?")});
    }
  }
}

ClientResult<void> LinkClient::write(std::string_view bytes) {
  const Deadline deadline = Clock::now() + options_.reply_timeout;
  while (!bytes.empty()) {
    const ssize_t written = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (auto ready = wait(POLLOUT, deadline); !ready) return ready;
      continue;
    }
    if (errno == EPIPE || errno == ECONNRESET) {
      return std::unexpected(ClientError{ClientFault::kClosed, cat(server_, " closed the connection")});
    }
    return std::unexpected(
        ClientError{ClientFault::kSystem, cat("writing to ", server_, ": ", std::generic_category().message(errno))});
  }
  return {};
}

ClientResult<void> LinkClient::fill(Deadline deadline) {
  if (begin_ > 0 && end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  for (;;) {
    const ssize_t got = ::recv(fd_, buffer_.data() + end_, buffer_.size() - end_, 0);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return {};
    }
    if (got == 0 || errno == ECONNRESET) {
      return std::unexpected(ClientError{ClientFault::kClosed, cat(server_, " closed the connection")});
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return std::unexpected(ClientError{ClientFault::kSystem,
                                         cat("reading from ", server_, ": ", std::generic_category().message(errno))});
    }
    if (auto ready = wait(POLLIN, deadline); !ready) return ready;
  }
}

bool LinkClient::line_ready() const noexcept {
  return std::memchr(buffer_.data() + begin_, '\n', end_ - begin_) != nullptr;
}

ClientResult<bool> LinkClient::wait_line(Deadline deadline) {
  while (!line_ready()) {
    if (end_ - begin_ > kServerLineMax) return true;  // read_line() says what is wrong
    if (auto more = fill(deadline); !more) {
      if (more.error().fault == ClientFault::kTimeout) return false;
      return std::unexpected(more.error());
    }
  }
  return true;
}

ClientResult<std::string_view> LinkClient::read_line(Deadline deadline) {
  for (;;) {
    const char* unscanned = buffer_.data() + scanned_;
    if (const void* found = end_ > scanned_ ? std::memchr(unscanned, '\n', end_ - scanned_) : nullptr) {
      const auto line_end = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      std::string_view line(buffer_.data() + begin_, line_end - begin_);
      if (line.ends_with('\r')) line.remove_suffix(1);
      begin_ = scanned_ = line_end + 1;
      return line;
    }
    scanned_ = end_;
    if (begin_ == end_) begin_ = end_ = scanned_ = 0;
    if (end_ - begin_ > kServerLineMax) {
      return std::unexpected(
          ClientError{ClientFault::kProtocol,
                      cat(server_, " sent a line of more than ", kServerLineMax, " bytes; it is no VSCP link server")});
    }
    if (auto more = fill(deadline); !more) return std::unexpected(more.error());
  }
}

ClientResult<Reply> LinkClient::read_reply() {
  Reply reply;
  const Deadline deadline = Clock::now() + options_.reply_timeout;
  for (;;) {
    auto line = read_line(deadline);
    if (!line) return std::unexpected(line.error());
    if (is_status(*line)) {
      reply.status = *line;
      return reply;
    }
    if (reply.lines.size() == kReplyLinesMax) {
      return std::unexpected(ClientError{ClientFault::kProtocol, cat(server_, " sends a reply without end")});
    }
    reply.lines.emplace_back(*line);
  }
}

ClientResult<Reply> LinkClient::command(std::string_view text) {
  if (breaks_line(text) || text.size() > vscp::kCommandLineMax) {
    return std::unexpected(ClientError{ClientFault::kUsage, "a command must be one line of at most 4096 characters"});
  }
  std::string line(text);
  line += "\r\n";
  if (auto written = write(line); !written) return std::unexpected(written.error());
  return read_reply();
}

ClientResult<Reply> LinkClient::must(std::string_view text) {
  auto reply = command(text);
  if (!reply || reply->ok()) return reply;
  const auto name = text.substr(0, text.find(' '));
  return std::unexpected(
      ClientError{ClientFault::kRejected, cat(server_, " refuses ", name, ": ", printable(reply->status))});
}

ClientResult<void> LinkClient::login(std::string_view user, std::string_view password) {
  const auto refused = [&](std::string_view status) {
    return std::unexpected(
        ClientError{ClientFault::kLogin, cat(server_, " does not accept user '", printable(user),
                                             "' with this password (", printable(status), "); check both")});
  };
  if (breaks_line(user) || breaks_line(password) || user.empty()) {
    return std::unexpected(ClientError{ClientFault::kUsage, "user name and password must be one line each"});
  }
  auto answer = command(cat("USER ", user));
  if (!answer) return std::unexpected(answer.error());
  if (!answer->ok()) return refused(answer->status);
  answer = command(cat("PASS ", password));
  if (!answer) {
    if (answer.error().fault == ClientFault::kClosed) return refused("the server closed the connection");
    return std::unexpected(answer.error());
  }
  if (!answer->ok()) return refused(answer->status);
  return {};
}

ClientResult<void> LinkClient::send(const vscp::Event& event) {
  if (auto written = write(cat("SEND ", event_line(event), "\r\n")); !written) return written;
  auto reply = read_reply();
  if (!reply) return std::unexpected(reply.error());
  if (reply->ok()) return {};
  return std::unexpected(
      ClientError{ClientFault::kRejected, cat(server_, " refuses the event: ", printable(reply->status))});
}

ClientResult<void> LinkClient::set_filter(const vscp::Filter& filter) {
  auto done = must(cat("SFLT ", filter.filter_priority, ",", filter.filter_class, ",", filter.filter_type, ",",
                       vscp::to_string(filter.filter_guid)));
  if (!done) return std::unexpected(done.error());
  done = must(cat("SMSK ", filter.mask_priority, ",", filter.mask_class, ",", filter.mask_type, ",",
                  vscp::to_string(filter.mask_guid)));
  if (!done) return std::unexpected(done.error());
  return {};
}

ClientResult<void> LinkClient::enter_receive_loop() {
  auto done = must("RCVLOOP");
  if (!done) return std::unexpected(done.error());
  return {};
}

ClientResult<void> LinkClient::receive(Deadline deadline, const std::function<bool(std::string_view)>& on_line,
                                       std::chrono::milliseconds silence_max) {
  for (;;) {
    // The clock is asked only when there is nothing to do.
    const Deadline silence = line_ready() ? Deadline::max() : Clock::now() + silence_max;
    if (!line_ready() && Clock::now() >= deadline) return {};
    const auto line = read_line(std::min(deadline, silence));
    if (!line) {
      if (line.error().fault != ClientFault::kTimeout) return std::unexpected(line.error());
      if (Clock::now() >= deadline) return {};
      return std::unexpected(ClientError{
          ClientFault::kTimeout,
          cat(server_, " has shown no sign of life for ",
              std::chrono::duration_cast<std::chrono::seconds>(silence_max).count(), " s; the link is lost")});
    }
    if (line->starts_with("+OK") || line->empty()) continue;
    if (line->starts_with("-OK")) {
      return std::unexpected(
          ClientError{ClientFault::kRejected, cat(server_, " ends the receive loop: ", printable(*line))});
    }
    if (!on_line(*line)) return {};
  }
}

ClientResult<void> LinkClient::leave_receive_loop() {
  if (auto written = write("QUITLOOP\r\n"); !written) return written;
  // A sign of life ("+OK" alone) may be under way and looks like an answer. Servers of the field answer with a text
  // behind the +OK; for one that does not, a bare "+OK" and then a second of silence is the answer.
  Deadline deadline = Clock::now() + options_.reply_timeout;
  bool bare_seen = false;
  for (;;) {
    const auto line = read_line(deadline);
    if (!line) {
      if (bare_seen && line.error().fault == ClientFault::kTimeout) return {};
      return std::unexpected(line.error());
    }
    if (*line == "+OK") {
      bare_seen = true;
      deadline = std::min(deadline, Clock::now() + std::chrono::seconds(1));
    } else if (is_status(*line)) {
      return {};
    }
  }
}

void LinkClient::quit() noexcept {
  if (fd_ < 0) return;
  const Deadline deadline = Clock::now() + std::min(options_.reply_timeout, kQuitWaitMax);
  if (write("QUIT\r\n")) {
    while (read_line(deadline)) {
    }
  }
  close(fd_);
  fd_ = -1;
}

}  // namespace tools
