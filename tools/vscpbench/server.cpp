#include "tools/vscpbench/server.h"

#include <poll.h>
#include <signal.h>

#include <cerrno>
#include <filesystem>

#include "tools/vscpbench/link_session.h"
#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

constexpr int kQuietLookMs = 100;
constexpr std::uint64_t kQuietNs = 2'000'000;  ///< of CPU time in one look

std::string program_of(pid_t pid) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
  return error ? std::string("server") : path.filename().string();
}

}  // namespace

std::expected<Server, std::string> Server::open(const Settings& settings) {
  Server server;
  server.options_ = settings.spawn;
  if (!settings.spawn.program.empty()) {
    if (auto error = server.restart(); !error.empty()) return std::unexpected(error);
    return server;
  }
  auto address = tools::parse_address(settings.host);
  if (!address) return std::unexpected(address.error().text);
  server.target_ = {std::move(*address), settings.user, settings.password};
  server.pid_ = settings.pid;
  if (server.pid_ != 0 && !read_process(server.pid_)) {
    return std::unexpected("there is no process " + std::to_string(server.pid_));
  }
  if (server.pid_ == 0 && server.target_.address.unix_path.empty()) {
    server.pid_ = find_listener(server.target_.address.port);
  }
  if (auto error = server.look(); !error.empty()) return std::unexpected(error);
  return server;
}

std::string Server::restart() {
  if (options_.program.empty()) return {};
  if (spawned_) {
    auto error = spawned_->stop();
    spawned_.reset();
    pid_ = 0;
    if (!error.empty()) return error;
  }
  auto started = SpawnedServer::start(options_);
  if (!started) return started.error();
  spawned_.emplace(std::move(*started));
  target_ = spawned_->target();
  pid_ = spawned_->pid();
  return look();
}

/// Logs in once.
std::string Server::look() {
  auto session = LinkSession::open(target_);
  if (!session) return session.error();
  name_ = pid_ != 0 ? program_of(pid_) : "server";
  const auto lines = session->command("VERS");
  version_ = lines && lines->size() > 1 ? lines->front() : std::string();
  session->command("QUIT");
  return {};
}

void Server::wait_until_quiet(double limit_seconds) const {
  const auto end = monotonic_ns() + static_cast<std::uint64_t>(limit_seconds * 1e9);
  auto before = read_process(pid_);
  while (before && monotonic_ns() < end) {
    if (poll(nullptr, 0, kQuietLookMs) < 0 && errno == EINTR) return;  // ctrl-C
    const auto after = read_process(pid_);
    if (!after || after->cpu_ns - before->cpu_ns < kQuietNs) return;
    before = after;
  }
}

std::string Server::death() const {
  if (pid_ == 0) return {};
  // A child that has ended is still there until it is waited for, but has no memory.
  const auto stats = read_process(pid_);
  if (stats && stats->rss_bytes != 0) return {};
  return name_ + " (process " + std::to_string(pid_) + ") ended during the measurement";
}

std::string Server::stop() {
  if (!spawned_) return {};
  auto error = spawned_->stop();
  spawned_.reset();
  return error;
}

}  // namespace bench
