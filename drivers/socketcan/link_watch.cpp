#include "drivers/socketcan/link_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "router/base/log.h"

namespace drivers::socketcan {
namespace {

constexpr std::size_t kReceiveBytes = 65'536;
constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint64_t kListPauseNs = 100 * kMillisecondNs;
constexpr long kAnswerS = 2;

router::UniqueFd open_netlink(unsigned groups, int flags) {
  router::UniqueFd out(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (out.valid() && ::bind(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) out.reset();
  return out;
}

}  // namespace

LinkWatch::LinkWatch(const router::Clock& clock) : clock_(&clock), book_(open_can_socket), bytes_(kReceiveBytes) {}

std::string LinkWatch::open() {
  netlink_ = open_netlink(RTMGRP_LINK, SOCK_NONBLOCK);
  if (!netlink_.valid())
    return std::string("network interfaces cannot be watched: ") + std::strerror(errno) +
           ": allow the daemon sockets of the family AF_NETLINK";
  wake_ = router::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.valid()) return std::string("no eventfd: ") + std::strerror(errno);
  return {};
}

void LinkWatch::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "vr-can-links");
    run();
  });
}

void LinkWatch::stop() {
  if (!thread_.joinable()) return;
  tasks_.close();
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
  run_tasks();  // what was given back last is closed
}

void LinkWatch::post(std::unique_ptr<router::Task> task) {
  tasks_.try_post(task);
  ::eventfd_write(wake_.get(), 1);
}

void LinkWatch::give_back(std::size_t entry, int socket) {
  post(router::make_task([this, entry, socket] {
    ::close(socket);
    book_.on_given_back(entry, now_ns());
  }));
}

void LinkWatch::restart(std::size_t entry, std::function<void(int error)> done) {
  post(router::make_task([this, entry, done = std::move(done)] {
    const std::int32_t index = book_.index_of(entry);
    const int error = index == 0 ? ENODEV : restart_now(index);
    ask_for_list();  // its state has changed, or was another
    done(error);
  }));
}

int LinkWatch::restart_now(std::int32_t index) {
  const int error = ask(make_restart_request(index, 1));
  if (error != EOPNOTSUPP) return error;
  // Only for what the kernel itself knows: any process may put error frames on an interface.
  LinkInfo link;
  if (ask(make_look_request(index, 1), &link) != 0 || link.state != BusState::kBusOff) return error;
  if (const int refused = ask(make_switch_request(index, false, 1)); refused != 0) return refused;
  return ask(make_switch_request(index, true, 1));
}

int LinkWatch::ask(const std::vector<char>& request, LinkInfo* link) {
  const router::UniqueFd socket = open_netlink(0, 0);
  if (!socket.valid()) return errno;
  const timeval patience{kAnswerS, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  if (::send(socket.get(), request.data(), request.size(), 0) < 0) return errno;
  std::vector<char> answer(kReceiveBytes);
  const ssize_t size = ::recv(socket.get(), answer.data(), answer.size(), 0);
  if (size < 0) return errno;
  return read_links({answer.data(), static_cast<std::size_t>(size)},
                    [link](const LinkInfo& told, LinkChange) {
                      if (link != nullptr) *link = told;
                    })
      .error;
}

void LinkWatch::run_tasks() {
  while (auto task = tasks_.try_task()) task->run();
}

void LinkWatch::ask_for_list() {
  if (listing_) {
    list_again_ = true;
    return;
  }
  list_due_ns_ = ~std::uint64_t{0};
  const std::vector<char> request = make_list_request(1);
  listing_ = ::send(netlink_.get(), request.data(), request.size(), 0) >= 0;
  if (listing_) {
    book_.begin_list();
  } else {
    router::logf(router::LogLevel::kError, router::LogKind::kResource, "can: the list of interfaces cannot be had: %s",
                 std::strerror(errno));
  }
}

void LinkWatch::receive() {
  for (;;) {
    const ssize_t size = ::recv(netlink_.get(), bytes_.data(), bytes_.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {  // some were lost, possibly the end of a list
      listing_ = false;
      ask_for_list();
      continue;
    }
    if (size <= 0) return;
    const LinkReading reading =
        read_links({bytes_.data(), static_cast<std::size_t>(size)},
                   [this](const LinkInfo& link, LinkChange change) { book_.on_link(link, change, now_ns()); });
    if (!listing_ || (!reading.done && reading.error == 0)) continue;
    listing_ = false;
    if (reading.error == 0) book_.end_list(now_ns());
    if (reading.error != 0 || std::exchange(list_again_, false)) list_due_ns_ = now_ns() + kListPauseNs;
  }
}

void LinkWatch::run() {
  ask_for_list();
  while (!tasks_.is_closed()) {
    const std::uint64_t now = now_ns();
    const std::uint64_t due = std::min(book_.next_ns(), list_due_ns_);
    int timeout_ms = -1;
    if (due != ~std::uint64_t{0}) {
      timeout_ms = due <= now ? 0 : static_cast<int>(std::min<std::uint64_t>((due - now) / kMillisecondNs + 1, 60'000));
    }
    std::array<pollfd, 2> waits{{{netlink_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), timeout_ms);
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
    run_tasks();
    receive();
    book_.on_time(now_ns());
    if (list_due_ns_ <= now_ns()) ask_for_list();
  }
}

}  // namespace drivers::socketcan
