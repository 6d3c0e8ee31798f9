#include "tools/vscpbench/crowd.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/vscpbench/crowd_member.h"
#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

constexpr int kLookMs = 20;
constexpr int kLookOftenMs = 1;
constexpr std::size_t kOwnFiles = 64;
constexpr std::uint32_t kFirstSource = 0x7f000002;  // 127.0.0.2
constexpr std::uint32_t kLastSource = 0x7ffffffe;

/// Each process of each crowd gets the next one, so that ports in TIME_WAIT are in nobody's way.
std::uint32_t next_source() {
  static std::uint32_t next = kFirstSource;
  if (next > kLastSource) next = kFirstSource;
  if ((next & 0xffU) == 0xffU || (next & 0xffU) == 0) ++next;
  return next++;
}

/// For connect(). Empty if `address` and `size` are set, otherwise a sentence.
std::string resolve(const tools::Address& from, sockaddr_storage& address, unsigned& size) {
  if (!from.unix_path.empty()) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    if (from.unix_path.size() >= sizeof path.sun_path) return "the path of the socket is too long: " + from.unix_path;
    std::memcpy(path.sun_path, from.unix_path.data(), from.unix_path.size());
    std::memcpy(&address, &path, sizeof path);
    size = sizeof path;
    return {};
  }
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(from.host.c_str(), std::to_string(from.port).c_str(), &wanted, &found);
  if (error != 0 || found == nullptr) return "unknown host " + from.host + ": " + gai_strerror(error);
  std::memcpy(&address, found->ai_addr, found->ai_addrlen);
  size = found->ai_addrlen;
  freeaddrinfo(found);
  return {};
}

bool is_loopback(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET) return false;
  sockaddr_in four{};
  std::memcpy(&four, &address, sizeof four);
  return ntohl(four.sin_addr.s_addr) >> 24U == 127;
}

/// Raises the soft limit of open files to the hard one, which the processes inherit, and returns it.
std::size_t files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = limit.rlim_max;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

void earliest(std::uint64_t& first, std::uint64_t other) {
  if (other != 0 && (first == 0 || other < first)) first = other;
}

}  // namespace

std::vector<CrowdStep> link_steps(const Target& target, const Wire& wire,
                                  const std::vector<std::function<std::string(std::size_t)>>& own_commands) {
  const auto always = [](std::string text) { return [line = std::move(text) + "\r\n"](std::size_t) { return line; }; };
  std::vector<CrowdStep> steps{{nullptr, "+OK"}};
  if (!target.user.empty()) {
    steps.push_back({always("USER " + target.user), "+OK"});
    steps.push_back({always("PASS " + target.password), "+OK"});
  }
  for (const auto& command : own_commands) {
    steps.push_back({[command](std::size_t session) { return command(session) + "\r\n"; }, "+OK"});
  }
  const auto setup = wire.consumer_setup();
  for (std::size_t i = 0; i < setup.size(); ++i) {
    const auto behind = i + 1 == setup.size() ? wire.consumer_start() : std::string();
    steps.push_back({[text = setup[i] + "\r\n" + behind](std::size_t) { return text; }, "+OK"});
  }
  return steps;
}

std::expected<Crowd, std::string> Crowd::start(const CrowdPlan& plan) {
  const auto files = files_limit();
  if (files <= kOwnFiles) {
    return std::unexpected("this process may open " + std::to_string(files) + " files, which is too few: ulimit -n");
  }
  const auto per_process = std::min(kSessionsPerProcess, files - kOwnFiles);
  Crowd crowd;
  crowd.sessions_ = plan.sessions;
  crowd.stall_seconds_ = plan.stall_seconds;
  const auto needed = (plan.sessions + per_process - 1) / per_process;
  const auto wanted = std::min<std::size_t>(plan.processes, plan.sessions);
  const auto count = std::max<std::size_t>({1, needed, wanted});
  void* mapped = mmap(nullptr, count * sizeof(CrowdShared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return std::unexpected(std::string("no memory for a crowd: ") + std::strerror(errno));
  crowd.shared_ = static_cast<CrowdShared*>(mapped);  // zeros are valid values of all members
  crowd.members_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (auto error = crowd.fork_member(plan, i); !error.empty()) return std::unexpected(error);
  }
  return crowd;
}

std::string Crowd::fork_member(const CrowdPlan& plan, std::size_t index) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::string("cannot start a process of the crowd: ") + std::strerror(errno);
  }
  auto& member = members_[index];
  member.control = Fd(ends[0]);
  const Fd theirs(ends[1]);
  const auto count = members_.size();
  CrowdMemberPlan part;
  part.plan = &plan;
  part.first_session = plan.sessions * index / count;
  part.sessions = plan.sessions * (index + 1) / count - part.first_session;
  part.at_once = std::max(1U, plan.at_once / static_cast<unsigned>(count));
  if (auto error = resolve(plan.address, part.address, part.address_size); !error.empty()) return error;
  if (is_loopback(part.address)) part.source = next_source();
  member.pid = fork();
  if (member.pid == 0) run_crowd_member(part, ends[1], shared_[index]);
  if (member.pid > 0) return {};
  member.pid = 0;
  return std::string("cannot start a process of the crowd: ") + std::strerror(errno);
}

Crowd::Crowd(Crowd&& other) noexcept
    : members_(std::move(other.members_)),
      shared_(std::exchange(other.shared_, nullptr)),
      sessions_(other.sessions_),
      stall_seconds_(other.stall_seconds_) {
  other.members_.clear();
}

Crowd::~Crowd() {
  for (auto& member : members_) {
    member.control = Fd();
    if (member.pid > 0) kill(member.pid, SIGKILL);
  }
  for (const auto& member : members_) {
    while (member.pid > 0 && waitpid(member.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (shared_ != nullptr) munmap(shared_, std::max<std::size_t>(1, members_.size()) * sizeof(CrowdShared));
}

std::string Crowd::death_of(const Member& member) {
  return "process " + std::to_string(member.pid) + " of the crowd has ended by itself";
}

std::string Crowd::command(char what) {
  for (const auto& member : members_) {
    if (send(member.control.get(), &what, 1, MSG_NOSIGNAL) != 1) return death_of(member);
  }
  return {};
}

/// Returns when every member has answered; with `stop`, also when that is set or nothing moves any more.
std::string Crowd::await_answer(const std::atomic<bool>* stop, const Call& progress) {
  std::vector<pollfd> waiting;
  for (const auto& member : members_) waiting.push_back({member.control.get(), POLLIN, 0});
  auto left = members_.size();
  std::uint64_t moved = 0;
  auto moved_ns = monotonic_ns();
  while (left > 0) {
    poll(waiting.data(), waiting.size(), kLookMs);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      char answer = 0;
      if (recv(waiting[i].fd, &answer, 1, 0) != 1) return death_of(members_[i]);
      waiting[i].fd = -1;
      --left;
    }
    if (stop == nullptr) continue;
    if (stop->load(std::memory_order_relaxed)) return "interrupted";
    const auto now = counts();
    if (progress) progress(now);
    if (now.ready + now.failed != moved) {
      moved = now.ready + now.failed;
      moved_ns = monotonic_ns();
    } else if (static_cast<double>(monotonic_ns() - moved_ns) > stall_seconds_ * 1e9) {
      return "only " + std::to_string(now.ready) + " of " + std::to_string(sessions_) +
             " sessions could be opened, then the server answered no more: has it reached a limit of sessions or open files?";
    }
  }
  return {};
}

std::string Crowd::open(const std::atomic<bool>& stop, const Call& progress) {
  if (auto error = command(kCrowdOpen); !error.empty()) return error;
  if (auto error = await_answer(&stop, progress); !error.empty()) return error;
  const auto now = counts();
  if (now.ready == 0) return "no session could be opened: " + first_failure();
  return {};
}

std::string Crowd::read(Reading reading) {
  const char what = reading == Reading::kAll       ? kCrowdReadAll
                    : reading == Reading::kNothing ? kCrowdReadNothing
                                                   : kCrowdTrickle;
  if (auto error = command(what); !error.empty()) return error;
  return await_answer(nullptr, {});
}

std::string Crowd::mark() {
  if (auto error = command(kCrowdMark); !error.empty()) return error;
  return await_answer(nullptr, {});
}

std::string Crowd::refresh() {
  if (auto error = command(kCrowdRefresh); !error.empty()) return error;
  return await_answer(nullptr, {});
}

std::string Crowd::close() {
  if (auto error = command(kCrowdClose); !error.empty()) return error;
  return await_answer(nullptr, {});
}

bool Crowd::wait_for(std::uint64_t deliveries, const std::atomic<bool>& stop, const Call& progress) {
  std::vector<pollfd> alive;
  for (const auto& member : members_) alive.push_back({member.control.get(), 0, 0});
  std::uint64_t moved = 0;
  auto moved_ns = monotonic_ns();
  for (;;) {
    const auto now = counts();
    if (now.deliveries >= deliveries) return true;
    if (progress) progress(now);
    if (stop.load(std::memory_order_relaxed)) return false;
    if (now.deliveries != moved) {
      moved = now.deliveries;
      moved_ns = monotonic_ns();
    } else if (static_cast<double>(monotonic_ns() - moved_ns) > stall_seconds_ * 1e9) {
      return false;
    }
    // A process of the crowd that ends is noticed at once.
    if (poll(alive.data(), alive.size(), kLookOftenMs) > 0) return false;
  }
}

CrowdCounts Crowd::counts() const {
  CrowdCounts sum;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const auto& part = shared_[i];
    sum.ready += part.ready.load(std::memory_order_acquire);
    sum.failed += part.failed.load(std::memory_order_acquire);
    sum.closed += part.closed.load(std::memory_order_acquire);
    sum.deliveries += part.deliveries.load(std::memory_order_acquire);
    sum.missed += part.missed.load(std::memory_order_relaxed);
    sum.repeated += part.repeated.load(std::memory_order_relaxed);
    sum.corrupted += part.corrupted.load(std::memory_order_relaxed);
    earliest(sum.first_arrival_ns, part.first_arrival_ns.load(std::memory_order_relaxed));
    sum.last_arrival_ns = std::max(sum.last_arrival_ns, part.last_arrival_ns.load(std::memory_order_relaxed));
  }
  return sum;
}

std::string Crowd::first_failure() const {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (shared_[i].failed.load(std::memory_order_acquire) != 0) return shared_[i].failure.data();
  }
  return {};
}

Histogram Crowd::opening_times() const {
  Histogram sum;
  for (std::size_t i = 0; i < members_.size(); ++i) sum.merge(shared_[i].opening.counts, shared_[i].opening.max);
  return sum;
}

Histogram Crowd::arrival_times() const {
  Histogram sum;
  for (std::size_t i = 0; i < members_.size(); ++i) sum.merge(shared_[i].arrivals.counts, shared_[i].arrivals.max);
  return sum;
}

std::uint64_t Crowd::cpu_ns() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) sum += shared_[i].cpu_ns;
  return sum;
}

std::uint64_t Crowd::private_bytes() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) sum += shared_[i].private_bytes;
  return sum;
}

}  // namespace bench
