#include "router/daemon/supervisor.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "router/base/cpu.h"
#include "router/base/json_writer.h"
#include "router/base/log.h"
#include "router/base/password.h"
#include "router/base/random.h"
#include "router/daemon/reports.h"
#include "router/daemon/users_file.h"
#include "router/io/uring_ring.h"

namespace router {
namespace {

constexpr std::uint64_t kDrainLimitNs = 5'000'000'000;
constexpr int kDrainPollMs = 10;

std::string join_issues(const std::vector<ConfigIssue>& issues) {
  std::string text;
  for (const auto& issue : issues) text += (text.empty() ? "" : "\n") + to_text(issue);
  return text;
}

std::string system_text(int error_number) {
  return std::strerror(error_number);
}

// With its parents; only the folder itself is ours alone.
std::string make_state_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (!error && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) error = {errno, std::generic_category()};
  if (!error) return {};
  return "cannot make the state folder " + path + ": " + error.message() + "; name another with --state";
}

// spdlog's own complaint has neither the cause in the system's words nor a way out.
std::string check_log_file(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (!error) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (file.valid()) return {};
    error = {errno, std::generic_category()};
  }
  return "cannot open the log file " + path + ": " + error.message() +
         R"(; write another logging.file-path, or "file-enable-log": false)";
}

}  // namespace

Supervisor::Supervisor(const Options& options, Config config) : options_(options), config_(std::move(config)) {}

Supervisor::~Supervisor() = default;

std::string Supervisor::prepare_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&set, number);
  // Before any thread is made, so that all of them inherit it.
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  shutdown_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_.valid() || !shutdown_.valid()) return "cannot watch for signals: " + system_text(errno);
  return {};
}

std::string Supervisor::make_first_user(const std::string& path) {
  SystemRandom random;
  const std::string password = make_random_password(random);
  const auto hash = hash_password(password);
  if (!hash) return "cannot hash the first password: not enough memory";
  const auto created = create_users_file(path, kFirstUserName, *hash);
  if (!created) {
    const int error_number = vscp::is_errno(created.error()) ? vscp::to_errno(created.error()) : EIO;
    return "cannot write " + path + ": " + system_text(error_number) +
           "; free some space or choose another --state folder";
  }
  first_users_.push_back({path, password});
  return {};
}

std::string Supervisor::start_logging() {
  LogSettings settings;
  settings.console = config_.logging.console_enable;
  settings.console_level = config_.logging.console_level;
  settings.console_pattern = config_.logging.console_pattern;
  settings.file = config_.logging.file_enable;
  settings.file_level = config_.logging.file_level;
  settings.file_pattern = config_.logging.file_pattern;
  settings.file_path = config_.logging.file_path;
  settings.file_bytes_max = config_.logging.file_size_max;
  settings.file_count_max = config_.logging.files_max;
  if (settings.file) {
    if (auto error = check_log_file(settings.file_path); !error.empty()) return error;
  }
  if (const auto error = start_log(settings); !error.empty()) return "cannot start the log: " + error;
  for (const auto& notice : notices_) log(LogLevel::kWarn, LogKind::kOnce, notice);
  logf(LogLevel::kDebug, LogKind::kOnce, "configuration: %s, state in %s",
       options_.config_file.empty() ? "embedded" : options_.config_file.c_str(), config_.state_folder.c_str());
  for (const auto& listener : config_.link) {
    logf(LogLevel::kDebug, LogKind::kOnce, "users of %s: %s", listener.addresses.front().text.c_str(),
         listener.path_users.c_str());
  }
  return {};
}

std::string Supervisor::make_router() {
  std::vector<int> cpus(config_.workers.cpus.begin(), config_.workers.cpus.end());
  if (cpus.empty()) cpus = available_cpus();
  RouterSettings settings;
  settings.workers = static_cast<ThreadIndex>(
      config_.workers.count != 0 ? config_.workers.count : std::min<std::size_t>(cpus.size(), kWorkersMax));
  settings.helpers = config_.simulate.enable ? 1 : 0;
  settings.cpus = cpus;
  settings.event_pool = config_.workers.event_pool;
  settings.guid = config_.guid;
  settings.server_name = config_.server_name;
  settings.version = VSCPROUTER_VERSION;
  settings.worker.fanout.log_bytes = config_.log_bytes_per_worker;
  std::string error;
  router_ = Router::make(settings, clock_, [](std::string& text) { return make_uring_ring({}, text); }, error);
  return error;
}

std::string Supervisor::make_link_server() {
  std::vector<drivers::link::LinkListenerSetup> setups;
  for (auto& listener : config_.link) {
    const bool is_missing = ::access(listener.path_users.c_str(), F_OK) != 0;
    if (is_missing && config_.embedded) {
      if (auto error = make_first_user(listener.path_users); !error.empty()) return error;
    } else if (is_missing) {
      return no_users_file_text(listener.path_users);
    }
    auto users = load_users(listener.path_users);
    if (!users.users) return join_issues(users.errors);
    for (const auto& warning : users.warnings) notices_.push_back(to_text(warning));
    drivers::link::LinkListenerSetup setup;
    setup.users = users.users;
    setup.on_old_form = [path = listener.path_users](const User& user, const std::string& new_hash) {
      if (replace_password_hash(path, user.name, user.password_hash, new_hash)) {
        logf(LogLevel::kInfo, LogKind::kLogin, "stored password of '%s' renewed: it had an old form",
             user.name.c_str());
      }
    };
    setup.config = listener;
    setups.push_back(std::move(setup));
  }
  auto server = std::make_unique<drivers::link::LinkServer>(*router_, std::move(setups), [fd = shutdown_.get()] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof(one));
  });
  link_ = server.get();
  drivers_.push_back(std::move(server));
  return {};
}

std::string Supervisor::open_admin() {
  if (config_.admin.socket.empty()) return {};
  admin_.add("stat", [this] { return stat_report(*router_); });
  admin_.add("sessions", [this] { return sessions_report(*router_); });
  admin_.add("reload", [this] { return reload_users(); });
  return admin_.open(config_.admin.socket);
}

std::string Supervisor::become_user() const {
  if (config_.run_as_user.empty()) return {};
  const passwd* entry = ::getpwnam(config_.run_as_user.c_str());
  if (entry == nullptr) return "runasuser: there is no user '" + config_.run_as_user + "'; create it or write another";
  if (::geteuid() == entry->pw_uid) return {};
  // What the router writes later must be that user's: the state folder, the socket and users files in it.
  std::vector<std::string> own{config_.state_folder, config_.admin.socket};
  for (const auto& listener : config_.link) {
    if (listener.path_users.starts_with(config_.state_folder + "/")) own.push_back(listener.path_users);
  }
  for (const auto& path : own) {
    if (!path.empty() && ::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
      return "cannot give " + path + " to user '" + config_.run_as_user + "': " + system_text(errno) +
             "; start as root or leave runasuser empty";
    }
  }
  if (::initgroups(entry->pw_name, entry->pw_gid) != 0 || ::setgid(entry->pw_gid) != 0 ||
      ::setuid(entry->pw_uid) != 0) {
    return "cannot become user '" + config_.run_as_user + "': " + system_text(errno) +
           "; start as root or leave runasuser empty";
  }
  return {};
}

void Supervisor::announce() const {
  for (const auto& user : first_users_) {
    std::printf("First start: user '%s', password '%s' (shown only now).\n", std::string(kFirstUserName).c_str(),
                user.password.c_str());
  }
  std::string text = "Ready: link";
  for (const auto& address : link_->addresses()) text += " " + address;
  text += ", " + std::to_string(router_->worker_count()) + " workers";
  if (!config_.admin.socket.empty()) text += ", admin " + config_.admin.socket;
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

std::string Supervisor::start() {
  auto error = bring_up();
  if (error.empty()) {
    announce();
    return {};
  }
  // Nobody has seen these passwords: the next start is the first one again.
  for (const auto& user : first_users_) ::unlink(user.path.c_str());
  return error;
}

std::string Supervisor::bring_up() {
  std::string error = prepare_signals();
  if (error.empty()) error = make_state_folder(config_.state_folder);
  if (error.empty()) error = make_router();
  if (error.empty()) error = make_link_server();
  if (!error.empty()) return error;
  if (config_.simulate.enable) {
    SystemRandom random;
    drivers::sim::FieldOptions field;
    field.seed = config_.simulate.seed != 0 ? config_.simulate.seed : random.next();
    field.nodes = config_.simulate.nodes;
    field.events_per_second = config_.simulate.rate;
    drivers_.push_back(std::make_unique<drivers::sim::SimDriver>(*router_, ThreadIndex{0}, field));
  }
  for (auto& driver : drivers_) {
    if (error = driver->open(); !error.empty()) return error;
  }
  if (error = open_admin(); !error.empty()) return error;
  if (error = become_user(); !error.empty()) return error;
  if (error = start_logging(); !error.empty()) return error;
  router_->start();
  for (auto& driver : drivers_) driver->start();
  return {};
}

std::string Supervisor::reload_users() {
  std::string problems;
  for (std::size_t index = 0; index < config_.link.size(); ++index) {
    auto users = load_users(config_.link[index].path_users);
    if (users.users) {
      link_->set_users(index, users.users);
    } else {
      problems += (problems.empty() ? "" : "\n") + join_issues(users.errors);
    }
  }
  JsonWriter writer;
  if (!problems.empty()) {
    log(LogLevel::kError, LogKind::kOnce, "users not reloaded, the old ones stay: " + problems);
    writer.begin_object().member("error", problems).end_object();
  } else {
    log(LogLevel::kInfo, LogKind::kOnce, "users reloaded");
    writer.begin_object().member("reloaded", config_.link.size()).end_object();
  }
  return writer.take();
}

bool Supervisor::handle_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof(info)) != sizeof(info)) return false;
  if (info.ssi_signo != SIGHUP) return true;
  reload_users();
  return false;
}

void Supervisor::run() {
  const std::uint64_t end_ns = options_.run_for_ms ? clock_.monotonic_ns() + *options_.run_for_ms * 1'000'000 : 0;
  for (;;) {
    int timeout_ms = -1;
    if (end_ns != 0) {
      const std::uint64_t now = clock_.monotonic_ns();
      if (now >= end_ns) break;
      timeout_ms = static_cast<int>(std::min<std::uint64_t>((end_ns - now) / 1'000'000 + 1, 3'600'000));
    }
    std::array<pollfd, 3> watched{
        {{signals_.get(), POLLIN, 0}, {shutdown_.get(), POLLIN, 0}, {admin_.fd(), POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), timeout_ms) <= 0) continue;
    if ((watched[0].revents & POLLIN) != 0 && handle_signal()) break;
    if ((watched[1].revents & POLLIN) != 0) break;
    if ((watched[2].revents & POLLIN) != 0) admin_.serve_one();
  }
  stop();
}

void Supervisor::stop() {
  log(LogLevel::kInfo, LogKind::kOnce, "stopping: delivering what is queued");
  for (auto driver = drivers_.rbegin(); driver != drivers_.rend(); ++driver) (*driver)->drain();
  const std::uint64_t limit_ns = clock_.monotonic_ns() + kDrainLimitNs;
  for (;;) {
    std::uint64_t sessions = 0;
    for (ThreadIndex index = 0; index < router_->worker_count(); ++index) {
      sessions += router_->worker(index).counters().sessions.value();
    }
    if (sessions == 0 || clock_.monotonic_ns() >= limit_ns) break;
    pollfd again{signals_.get(), POLLIN, 0};
    // A second signal ends the patience.
    if (::poll(&again, 1, kDrainPollMs) > 0 && handle_signal()) break;
  }
  for (auto& driver : drivers_) driver->stop();
  router_->stop();
  log(LogLevel::kInfo, LogKind::kOnce, "stopped");
  stop_log();
}

}  // namespace router
