#include "drivers/link_client/resolver.h"

#include <netdb.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace drivers::link_client {
namespace {

Resolved look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  Resolved out;
  if (code != 0) {
    out.error = code == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(code);
    return out;
  }
  for (const addrinfo* entry = list; entry != nullptr && out.addresses.size() < kAddressesMax; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    sockaddr_storage address{};
    std::memcpy(&address, entry->ai_addr, std::min<std::size_t>(entry->ai_addrlen, sizeof(address)));
    out.addresses.push_back(address);
  }
  ::freeaddrinfo(list);
  if (out.addresses.empty()) out.error = "it has no IPv4 or IPv6 address";
  return out;
}

}  // namespace

Resolved resolve_number(const std::string& host, std::uint16_t port) {
  return look_up(host, port, AI_NUMERICHOST);
}

void Resolver::start() {
  for (std::size_t i = 0; i < kThreads; ++i) {
    auto line = std::make_shared<Line>();
    lines_.push_back(line);
    std::thread([line] { work(*line); }).detach();
  }
}

void Resolver::work(Line& line) {
  pthread_setname_np(pthread_self(), "vr-resolve");
  while (!line.queue.is_closed()) {
    if (auto task = line.queue.wait_task()) task->run();
  }
}

void Resolver::stop() {
  for (auto& line : lines_) {
    const std::scoped_lock lock(line->mutex);
    line->closed = true;
    line->queue.close();
  }
  lines_.clear();
}

void Resolver::resolve(const std::string& host, std::uint16_t port, std::function<void(Resolved)> done) {
  Line& line = *lines_[std::hash<std::string_view>{}(host) % lines_.size()];
  auto task = router::make_task([&line, host, port, done] {
    Resolved found = look_up(host, port, AI_ADDRCONFIG);
    const std::scoped_lock lock(line.mutex);
    if (!line.closed) done(std::move(found));
  });
  if (!line.queue.try_post(task)) done({{}, "too many names wait to be looked up"});
}

}  // namespace drivers::link_client
