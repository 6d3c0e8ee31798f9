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
#include "router/daemon/reports.h"
#include "router/daemon/spool_reports.h"
#include "router/io/open_files.h"
#include "router/io/uring_ring.h"

namespace router {
namespace {

constexpr std::uint64_t kDrainLimitNs = 5'000'000'000;
constexpr int kDrainPollMs = 10;
constexpr std::uint64_t kSettleLimitNs = 2'000'000'000;
constexpr std::uint32_t kSettleLookMs = 500;

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
  for (const auto& warning : router_->warnings()) log(LogLevel::kWarn, LogKind::kOnce, warning);
  for (const auto& driver : drivers_) {
    for (const auto& warning : driver->warnings()) log(LogLevel::kWarn, LogKind::kOnce, warning);
  }
  logf(LogLevel::kDebug, LogKind::kOnce, "configuration: %s, state in %s",
       options_.config_file.empty() ? "embedded" : options_.config_file.c_str(), config_.state_folder.c_str());
  const std::uint32_t files = open_files_limit();
  if (keeps_sockets_in_tables()) {
    logf(LogLevel::kDebug, LogKind::kOnce, "sockets are kept in tables: more of them than the limit of %u open files", files);
  } else {
    logf(LogLevel::kWarn, LogKind::kOnce,
         "before Linux 6.13 every session is an open file: at most %u sessions, for the limit of open files is %u; raise it "
         "with ulimit -n or LimitNOFILE=",
         files - reserved_open_files(), files);
  }
  return {};
}

std::string Supervisor::make_router() {
  raise_open_files_limit();
  std::vector<int> cpus(config_.workers.cpus.begin(), config_.workers.cpus.end());
  if (cpus.empty()) cpus = available_cpus();
  RouterSettings settings;
  settings.workers = static_cast<ThreadIndex>(
      config_.workers.count != 0 ? config_.workers.count : std::min<std::size_t>(cpus.size(), kWorkersMax));
  for (const auto& part : config_.drivers) settings.helpers = static_cast<ThreadIndex>(settings.helpers + part->helpers());
  settings.cpus = cpus;
  settings.event_pool = config_.workers.event_pool;
  settings.guid = config_.guid;
  settings.server_name = config_.server_name;
  settings.version = VSCPROUTER_VERSION;
  settings.worker.fanout.log_bytes = config_.log_bytes_per_worker;
  settings.worker.overrun_events = config_.overrun_events;
  std::string error;
  router_ = Router::make(settings, clock_, [](std::string& text) { return make_uring_ring({}, text); }, error);
  return error;
}

std::string Supervisor::open_drivers() {
  const DriverServices services{router_.get(), [fd = shutdown_.get()] {
                                  const std::uint64_t one = 1;
                                  [[maybe_unused]] const auto written = ::write(fd, &one, sizeof(one));
                                }};
  ThreadIndex helper = 0;
  for (const auto& part : config_.drivers) {
    auto driver = part->make(services, helper);
    helper = static_cast<ThreadIndex>(helper + part->helpers());
    if (driver != nullptr) drivers_.push_back(std::move(driver));
  }
  for (const auto& driver : drivers_) {
    if (auto error = driver->open(); !error.empty()) return error;
  }
  std::size_t spools = 0;
  for (const auto& driver : drivers_) {
    for (const auto& store : driver->stores()) spools += store.config->on_disk ? 1U : 0U;
  }
  if (spools > Promises::kKeepersMax) {
    return "there are " + std::to_string(spools) + " spools, and at most " + std::to_string(Promises::kKeepersMax) +
           " are possible: take \"spool\" out of some entries, or run a second router";
  }
  return {};
}

std::string Supervisor::open_admin() {
  if (config_.admin.socket.empty()) return {};
  admin_.add("stat", [this](const ConfigNode&) { return stat_report(*router_, drivers_); });
  admin_.add("sessions", [this](const ConfigNode&) { return sessions_report(*router_); });
  admin_.add("reload", [this](const ConfigNode&) { return reload(); });
  admin_.add("spools", [this](const ConfigNode&) { return spools_report(drivers_, clock_); });
  admin_.add("spool-show", [this](const ConfigNode& request) { return spool_records_report(drivers_, request); });
  admin_.add("spool-purge", [this](const ConfigNode& request) { return purge_spool_by_request(drivers_, request); });
  return admin_.open(config_.admin.socket);
}

std::string Supervisor::become_user() const {
  if (config_.run_as_user.empty()) return {};
  const passwd* entry = ::getpwnam(config_.run_as_user.c_str());
  if (entry == nullptr) return "runasuser: there is no user '" + config_.run_as_user + "'; create it or write another";
  if (::geteuid() == entry->pw_uid) return {};
  // What the router writes later must be that user's: the state folder, the socket and files of drivers in it.
  std::vector<std::string> own{config_.state_folder, config_.admin.socket};
  for (const auto& driver : drivers_) {
    for (auto& file : driver->own_files()) own.push_back(std::move(file));
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
  std::string text = "Ready: ";
  for (const auto& driver : drivers_) {
    for (const auto& line : driver->news()) std::printf("%s\n", line.c_str());
    if (const auto summary = driver->summary(); !summary.empty()) text += summary + ", ";
  }
  text += std::to_string(router_->worker_count()) + " workers";
  if (!config_.admin.socket.empty()) text += ", admin " + config_.admin.socket;
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

std::string Supervisor::start() {
  auto error = bring_up();
  if (error.empty()) announce();
  return error;
}

std::string Supervisor::bring_up() {
  std::string error = prepare_signals();
  if (error.empty()) error = make_state_folder(config_.state_folder);
  if (error.empty()) error = make_router();
  if (error.empty()) error = open_drivers();
  if (!error.empty()) return error;
  if (error = open_admin(); !error.empty()) return error;
  if (error = become_user(); !error.empty()) return error;
  if (error = start_logging(); !error.empty()) return error;
  log_spools(drivers_);
  router_->start();
  for (auto& driver : drivers_) driver->start();
  return {};
}

std::string Supervisor::reload() {
  std::string problems;
  std::size_t files = 0;
  for (const auto& driver : drivers_) {
    const auto read = driver->reload();
    if (read) {
      files += *read;
    } else {
      problems += (problems.empty() ? "" : "\n") + read.error();
    }
  }
  JsonWriter writer;
  if (!problems.empty()) {
    log(LogLevel::kError, LogKind::kOnce, "not reloaded, the old ones stay: " + problems);
    writer.begin_object().member("error", problems).end_object();
  } else {
    log(LogLevel::kInfo, LogKind::kOnce, "users reloaded");
    writer.begin_object().member("reloaded", files).end_object();
  }
  return writer.take();
}

bool Supervisor::handle_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof(info)) != sizeof(info)) return false;
  if (info.ssi_signo != SIGHUP) return true;
  reload();
  return false;
}

void Supervisor::run() {
  const std::uint64_t end_ns = options_.run_for_ms ? clock_.monotonic_ns() + *options_.run_for_ms * 1'000'000 : 0;
  std::vector<pollfd> watched;
  for (;;) {
    watched = {{signals_.get(), POLLIN, 0}, {shutdown_.get(), POLLIN, 0}};
    std::uint64_t until_ns = admin_.add_descriptors(watched);
    if (end_ns != 0) until_ns = std::min(until_ns, end_ns);
    const std::uint64_t now = clock_.monotonic_ns();
    if (end_ns != 0 && now >= end_ns) break;
    const std::uint64_t wait_ns = until_ns > now ? until_ns - now : 0;
    const bool for_ever = until_ns == ~std::uint64_t{0};  // an idle daemon does not wake at all
    const int timeout_ms =
        for_ever ? -1 : static_cast<int>(std::min<std::uint64_t>(wait_ns / 1'000'000 + 1, 3'600'000));
    const int ready = ::poll(watched.data(), watched.size(), timeout_ms);
    if (ready > 0 && (watched[0].revents & POLLIN) != 0 && handle_signal()) break;
    if (ready > 0 && (watched[1].revents & POLLIN) != 0) break;
    admin_.look();
  }
  stop();
}

bool Supervisor::settle() {
  const std::uint64_t limit_ns = clock_.monotonic_ns() + kSettleLimitNs;
  while (!router_->is_settled(kSettleLookMs)) {
    if (clock_.monotonic_ns() >= limit_ns) return false;
    pollfd again{signals_.get(), POLLIN, 0};
    if (::poll(&again, 1, 1) > 0 && handle_signal()) return false;
  }
  return true;
}

void Supervisor::stop() {
  log(LogLevel::kInfo, LogKind::kOnce, "stopping: delivering what is queued");
  // Who brings events in ends first. The others see all of them before they take leave of their far sides, and what
  // brokers bring until then goes out by the links.
  for (auto driver = drivers_.rbegin(); driver != drivers_.rend(); ++driver) (*driver)->drain();
  bool settles = settle();
  for (auto driver = drivers_.rbegin(); driver != drivers_.rend(); ++driver) {
    (*driver)->leave();
    settles = settles && settle();
  }
  const std::uint64_t limit_ns = clock_.monotonic_ns() + kDrainLimitNs;
  for (;;) {
    std::uint64_t sessions = 0;
    for (ThreadIndex index = 0; index < router_->worker_count(); ++index) {
      const WorkerCounters& counters = router_->worker(index).counters();
      sessions += counters.sessions.value() + counters.remotes.value();
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
