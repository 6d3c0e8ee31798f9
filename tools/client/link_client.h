// A small blocking client of the VSCP tcp/ip link protocol, for tools and tests. Spec: vscp_tcpiplink.md.
//
// Works with any server of the field: a reply is every line up to one that begins with "+OK" or "-OK".
// Thread rule: one object, one thread. Ownership: the object owns its socket and closes it.
// Bounds: lines from the server are at most kServerLineMax bytes, replies at most kReplyLinesMax lines.
//
//   auto client = tools::LinkClient::connect("127.0.0.1:9598");
//   if (!client) return fail(client.error().text);
//   if (auto done = client->login("admin", password); !done) return fail(done.error().text);
//   auto reply = client->command("VERS");   // reply->lines, reply->status, reply->ok()
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/event.h"
#include "protocol/filter.h"
#include "tools/client/client_error.h"

namespace tools {

inline constexpr std::size_t kServerLineMax = 16384;
inline constexpr std::size_t kReplyLinesMax = 100'000;

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds reply_timeout{10000};
  int stop_fd = -1;  ///< watched in every wait if not -1; readable means stop (kStopped). Not owned.
};

/// One answer: the data lines before the status line, and the status line, all without line end.
struct Reply {
  std::vector<std::string> lines;
  std::string status;
  bool ok() const noexcept { return status.starts_with("+OK"); }
};

class LinkClient {
 public:
  using Clock = std::chrono::steady_clock;
  using Deadline = Clock::time_point;

  /// Connects and reads the greeting. Errors: see connect_socket; kRejected if the server greets with -OK.
  static ClientResult<LinkClient> connect(std::string_view address, const ClientOptions& options = {});

  LinkClient(LinkClient&& other) noexcept;
  LinkClient& operator=(LinkClient&& other) noexcept;
  LinkClient(const LinkClient&) = delete;
  LinkClient& operator=(const LinkClient&) = delete;
  ~LinkClient();

  /// USER and PASS. Errors: kLogin if either is refused, kUsage for line breaks in them.
  ClientResult<void> login(std::string_view user, std::string_view password);

  /// Sends one command (no line end in it) and reads its reply; a -OK reply is a Reply, not an error.
  ClientResult<Reply> command(std::string_view text);

  /// The same, but -OK is the error kRejected with the server's text.
  ClientResult<Reply> must(std::string_view text);

  /// SEND of one event, waiting for the answer. Errors: kRejected and those of command().
  ClientResult<void> send(const vscp::Event& event);

  /// SFLT and SMSK.
  ClientResult<void> set_filter(const vscp::Filter& filter);

  /// RCVLOOP up to its +OK; events are then read with receive() or read_line().
  ClientResult<void> enter_receive_loop();

  /// Calls `on_line` with each event line (no line end; "+OK" signs of life are left out; a line is valid during the
  /// call only) until it returns false (success), `deadline` (success) or an error. More than `silence_max` without a
  /// byte from the server is kTimeout: a server shows life every 2 to 3 s. "-OK" is kRejected.
  ClientResult<void> receive(Deadline deadline, const std::function<bool(std::string_view)>& on_line,
                             std::chrono::milliseconds silence_max = std::chrono::seconds(30));

  /// QUITLOOP; events still under way are dropped.
  ClientResult<void> leave_receive_loop();

  /// QUIT, waits up to a second for the server to close, closes. Errors are of no use here.
  void quit() noexcept;

  /// Writes all bytes, as they are. Errors: kClosed, kTimeout, kStopped, kSystem.
  ClientResult<void> write(std::string_view bytes);

  /// Next line without its line end, valid until the next call on this object. kTimeout at the deadline leaves the
  /// connection usable. Errors: kClosed, kTimeout, kStopped, kProtocol (line too long), kSystem.
  ClientResult<std::string_view> read_line(Deadline deadline);

  /// A whole line is already here, so that read_line() does not wait.
  bool line_ready() const noexcept;

  /// Waits until a whole line is here (true) or the deadline is reached (false).
  ClientResult<bool> wait_line(Deadline deadline);

  /// Reads lines up to a status line.
  ClientResult<Reply> read_reply();

  int fd() const noexcept { return fd_; }
  const Reply& greeting() const noexcept { return greeting_; }
  /// The server's address, for messages.
  const std::string& server() const noexcept { return server_; }

 private:
  LinkClient(int fd, std::string server, const ClientOptions& options);

  ClientResult<void> fill(Deadline deadline);
  ClientResult<void> wait(short events, Deadline deadline);

  int fd_ = -1;
  std::string server_;
  ClientOptions options_;
  Reply greeting_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    ///< first unread byte
  std::size_t end_ = 0;      ///< end of the bytes read
  std::size_t scanned_ = 0;  ///< no line end before this
};

/// The event in the legacy line format, without line end. A time of 0 is left empty, for the server to set.
std::string event_line(const vscp::Event& event);

/// Copy of a peer's text that is safe to show: control characters become '?', at most `size_max` bytes.
std::string printable(std::string_view text, std::size_t size_max = 200);

}  // namespace tools
