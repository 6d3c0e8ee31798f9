#include "router/io/sim_net.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "router/base/check.h"

namespace router {

SimNet::SimNet(std::uint64_t seed, ManualClock& clock, const SimFaults& faults)
    : random_(seed), clock_(&clock), faults_(faults), trace_(seed) {}

SimNet::End& SimNet::at(Socket socket) {
  const auto index = static_cast<std::size_t>(socket - kFirstSocket);
  VR_ASSERT(socket >= kFirstSocket && index < ends_.size());
  return ends_[index];
}

const SimNet::End& SimNet::at(Socket socket) const {
  return const_cast<SimNet*>(this)->at(socket);
}

bool SimNet::is_open(Socket socket) const {
  return at(socket).open;
}

Socket SimNet::add(bool listener) {
  ends_.emplace_back();
  ends_.back().listener = listener;
  ++open_sockets_;
  return kFirstSocket + static_cast<Socket>(ends_.size()) - 1;
}

Socket SimNet::listen() {
  return add(true);
}

Socket SimNet::connect(Socket listener) {
  VR_ASSERT(at(listener).listener && at(listener).open);
  const Socket client = add(false);
  join(client, listener);
  return client;
}

void SimNet::join(Socket client, Socket listener) {
  const Socket server = add(false);
  at(client).peer = server;
  at(server).peer = client;
  at(listener).backlog.push_back(server);
}

// A listener's number as an IPv4 address.
sockaddr_storage SimNet::address_of(Socket listener) const {
  VR_ASSERT(at(listener).listener);
  sockaddr_storage address{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(address);
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = static_cast<std::uint32_t>(listener);
  return address;
}

bool SimNet::is_answered(const sockaddr_storage& address) const {
  return !at(static_cast<Socket>(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr)).silent;
}

int SimNet::connect(Socket socket, const sockaddr_storage& address) {
  const auto listener = static_cast<Socket>(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr);
  VR_ASSERT(at(socket).open && at(socket).peer < 0 && at(listener).listener);
  if (!at(listener).open) return -ECONNREFUSED;
  join(socket, listener);
  return 0;
}

int SimNet::accept(Socket listener) {
  End& end = at(listener);
  VR_ASSERT(end.listener && end.open);
  if (end.backlog.empty()) return -EAGAIN;
  const Socket server = end.backlog.front();
  end.backlog.pop_front();
  return server;
}

Socket SimNet::rename(Socket socket) {
  VR_ASSERT(at(socket).open && !at(socket).listener);
  ends_.push_back(std::exchange(at(socket), {}));
  at(socket).open = false;
  const Socket renamed = kFirstSocket + static_cast<Socket>(ends_.size()) - 1;
  at(at(renamed).peer).peer = renamed;
  return renamed;
}

int SimNet::send(Socket socket, std::span<const char> bytes) {
  End& end = at(socket);
  VR_ASSERT(end.open && !end.listener && !bytes.empty());
  if (end.broken) {
    const int error = end.error_told ? EPIPE : ECONNRESET;
    end.error_told = true;
    return -error;
  }
  if (end.shut) return -EPIPE;
  End& peer = at(end.peer);
  if (!peer.open) {
    // TCP takes the bytes; the answer to them is a reset.
    break_end(socket);
    return static_cast<int>(bytes.size());
  }
  const std::size_t room = faults_.socket_bytes - std::min(faults_.socket_bytes, peer.in.size());
  if (room == 0) return -EAGAIN;
  const std::size_t count = std::min(room, bytes.size());
  peer.in.append(bytes.data(), count);
  bytes_moved_ += count;
  return static_cast<int>(count);
}

int SimNet::recv(Socket socket, std::span<char> room) {
  End& end = at(socket);
  VR_ASSERT(end.open && !end.listener && !room.empty());
  if (!end.in.empty()) {
    const std::size_t count = std::min(room.size(), end.in.size());
    std::memcpy(room.data(), end.in.data(), count);
    end.in.erase(0, count);
    return static_cast<int>(count);
  }
  if (end.broken) {
    if (end.error_told) return 0;
    end.error_told = true;
    return -ECONNRESET;
  }
  return end.end_coming ? 0 : -EAGAIN;
}

void SimNet::shutdown_send(Socket socket) {
  End& end = at(socket);
  VR_ASSERT(end.open);
  end.shut = true;
  at(end.peer).end_coming = true;
}

void SimNet::close(Socket socket) {
  End& end = at(socket);
  VR_ASSERT(end.open);
  if (!end.listener && !end.in.empty()) {
    reset(socket);
    return;
  }
  end.open = false;
  --open_sockets_;
  if (end.listener) {
    for (const Socket waiting : std::exchange(end.backlog, {})) reset(waiting);
  } else if (end.peer >= 0) {
    at(end.peer).end_coming = true;
  }
}

void SimNet::reset(Socket socket) {
  End& end = at(socket);
  VR_ASSERT(end.open && !end.listener);
  end.open = false;
  end.in.clear();
  --open_sockets_;
  if (at(end.peer).open) break_end(end.peer);
}

// What had arrived stays readable; how much of the rest had arrived is chance.
void SimNet::break_end(Socket socket) {
  End& end = at(socket);
  end.broken = true;
  end.in.resize(random_.below(end.in.size() + 1));
}

std::size_t SimNet::send_room(Socket socket) const {
  const End& end = at(socket);
  const std::size_t waiting = at(end.peer).in.size();
  return faults_.socket_bytes - std::min(faults_.socket_bytes, waiting);
}

bool SimNet::is_writable(Socket socket) const {
  const End& end = at(socket);
  return end.broken || end.shut || !at(end.peer).open || send_room(socket) > 0;
}

bool SimNet::is_readable(Socket socket) const {
  const End& end = at(socket);
  if (end.listener) return !end.backlog.empty();
  return !end.in.empty() || end.broken || end.end_coming;
}

}  // namespace router
