#include "tools/vscpctl/admin.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "router/base/json_writer.h"
#include "tools/client/address.h"
#include "tools/client/text.h"
#include "tools/vscpctl/admin_view.h"
#include "tools/vscpctl/connection.h"
#include "tools/vscpctl/stop_signal.h"

namespace tools::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kAnswerTimeout{10};
/// 100 000 sessions of about 400 bytes, with room.
constexpr std::size_t kAnswerBytesMax = 256U << 20U;
constexpr const char* kRunSocket = "/run/vscprouterd/vscprouterd.sock";
constexpr const char* kStateSocket = "/var/lib/vscprouterd/vscprouterd.sock";

/// Owns a descriptor for one exchange.
struct Descriptor {
  explicit Descriptor(int descriptor) : fd(descriptor) {}
  ~Descriptor() { close(fd); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd;
};

ClientResult<void> wait(int fd, short events, int stop_fd, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0)
      return std::unexpected(ClientError{ClientFault::kTimeout, "the daemon does not answer; is it hung?"});
    pollfd polled[2] = {{fd, events, 0}, {stop_fd, POLLIN, 0}};
    const int ready = poll(polled, stop_fd >= 0 ? 2 : 1, static_cast<int>(left));
    if (ready > 0 && polled[1].revents != 0) return std::unexpected(ClientError{ClientFault::kStopped, "stopped"});
    if (ready > 0) return {};
  }
}

ClientResult<void> write_all(int fd, std::string_view bytes, int stop_fd, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t written = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      if (auto ready = wait(fd, POLLOUT, stop_fd, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return std::unexpected(ClientError{
          ClientFault::kClosed, cat("the daemon closed its admin socket: ", std::generic_category().message(errno))});
    }
  }
  return {};
}

ClientResult<std::string> read_answer(int fd, int stop_fd, Clock::time_point deadline) {
  std::string answer;
  std::array<char, 65536> bytes;
  while (answer.size() < kAnswerBytesMax) {
    const ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
    if (got > 0) {
      const std::string_view part(bytes.data(), static_cast<std::size_t>(got));
      const auto end = part.find('\n');
      answer += part.substr(0, end);
      if (end != std::string_view::npos) return answer;
    } else if (got == 0) {
      if (!answer.empty()) return answer;
      return std::unexpected(ClientError{ClientFault::kClosed, "the daemon closed its admin socket without an answer"});
    } else if (errno == EAGAIN) {
      if (auto ready = wait(fd, POLLIN, stop_fd, deadline); !ready) return std::unexpected(ready.error());
    } else if (errno != EINTR) {
      return std::unexpected(ClientError{ClientFault::kSystem, std::generic_category().message(errno)});
    }
  }
  return std::unexpected(ClientError{ClientFault::kProtocol, "the daemon's answer has no end"});
}

std::string request_of(std::string_view command) {
  router::JsonWriter request;
  request.begin_object().member("command", command).end_object();
  return request.take();
}

using View = std::expected<std::string, std::string> (*)(std::string_view, StatMemory*);

/// Asks, prints, and asks again while --watch says so.
int run(const AdminOptions& options, const std::string& request, View view) {
  const StopSignal stop;
  const std::string path = options.socket.empty() ? default_admin_socket() : options.socket;
  StatMemory memory;
  for (;;) {
    const auto answer = ask_daemon_json(path, request, stop.fd());
    if (!answer) return answer.error().fault == ClientFault::kStopped ? kExitOk : fail(answer.error().text);
    memory.time = Clock::now();
    const auto text = view(*answer, options.repeat ? &memory : nullptr);
    if (!text) return fail(text.error());
    const bool redraw = options.repeat && !options.json && isatty(STDOUT_FILENO) == 1;
    if (redraw) std::fputs("\x1b[H\x1b[2J", stdout);
    const std::string& shown = options.json ? *answer : *text;
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    if (!shown.ends_with('\n')) std::fputc('\n', stdout);
    if (options.repeat && !options.json && !redraw) std::fputc('\n', stdout);
    if (std::fflush(stdout) != 0) return kExitOk;
    if (!options.repeat || stop.wait(static_cast<int>(std::min<std::int64_t>(options.repeat->count(), 86'400'000)))) {
      return kExitOk;
    }
  }
}

}  // namespace

std::string default_admin_socket() {
  if (const char* path = std::getenv("VSCPROUTERD_SOCKET"); path != nullptr && *path != '\0') return path;
  return access(kRunSocket, F_OK) == 0 ? kRunSocket : kStateSocket;
}

ClientResult<std::string> ask_daemon(const std::string& socket_path, std::string_view command, int stop_fd) {
  return ask_daemon_json(socket_path, request_of(command), stop_fd);
}

ClientResult<std::string> ask_daemon_json(const std::string& socket_path, const std::string& request, int stop_fd) {
  Address address;
  address.unix_path = socket_path;
  const auto connected = connect_socket(address, kAnswerTimeout, stop_fd);
  if (!connected) {
    ClientError error = connected.error();
    if (error.fault == ClientFault::kRefused) {
      error.text = cat("no daemon at the admin socket ", socket_path,
                       "; start vscprouterd, or give the socket of its configuration with --socket");
    }
    return std::unexpected(std::move(error));
  }
  const Descriptor socket(*connected);
  const auto deadline = Clock::now() + kAnswerTimeout;
  if (auto done = write_all(socket.fd, cat(request, "\n"), stop_fd, deadline); !done) {
    return std::unexpected(done.error());
  }
  return read_answer(socket.fd, stop_fd, deadline);
}

int run_stat(const AdminOptions& options) {
  return run(options, request_of("stat"), &stat_text);
}

int run_sessions(const AdminOptions& options) {
  return run(options, request_of("sessions"), &sessions_text);
}

int run_reload(const AdminOptions& options) {
  return run(options, request_of("reload"), &reload_text);
}

int run_spools(const AdminOptions& options) {
  return run(options, request_of("spools"), &spools_text);
}

int run_spool_show(const AdminOptions& options, const std::string& name, unsigned most) {
  router::JsonWriter request;
  request.begin_object().member("command", "spool-show").member("name", name).member("max", most).end_object();
  return run(options, request.take(), &spool_records_text);
}

int run_spool_purge(const AdminOptions& options, const std::string& name, bool sure) {
  if (!sure) {
    if (isatty(STDIN_FILENO) != 1) return fail("this drops events for good: say --yes");
    std::fprintf(stderr, "Drop what waits in the spool '%s' for good? [y/N] ", printable(name).c_str());
    const int answer = std::getchar();
    if (answer != 'y' && answer != 'Y') return fail("nothing was dropped");
  }
  router::JsonWriter request;
  request.begin_object().member("command", "spool-purge").member("name", name).end_object();
  return run(options, request.take(), &purge_text);
}

}  // namespace tools::ctl
