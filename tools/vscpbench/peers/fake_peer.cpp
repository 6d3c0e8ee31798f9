#include "tools/vscpbench/peers/fake_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace bench::peers {
namespace {

unsigned octet(char c) {
  return static_cast<unsigned char>(c);
}

/// The number that follows the last blank or mark of a line.
std::size_t last_number(std::string_view line) {
  const auto at = line.find_last_of(" $");
  return std::strtoull(std::string(line.substr(at + 1)).c_str(), nullptr, 10);
}

std::string mqtt_packet(unsigned first, const std::string& rest) {
  std::string packet(1, static_cast<char>(first));
  auto length = rest.size();
  for (; length > 127; length /= 128) packet += static_cast<char>(length % 128 | 128U);
  return packet + static_cast<char>(length) + rest;
}

}  // namespace

FakePeer::FakePeer(FakeDialect dialect, PeerFaults faults)
    : dialect_(dialect),
      faults_(faults),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      wake_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_.get(), generic, size) != 0 || listen(listener_.get(), 512) != 0 ||
      getsockname(listener_.get(), generic, &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FakePeer::~FakePeer() {
  quit_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
  thread_.join();
}

std::uint64_t FakePeer::answers() const {
  for (auto count = connections_.load(); count != 0; count = connections_.load()) connections_.wait(count);
  return answers_.load();
}

void FakePeer::serve() {
  while (!quit_) {
    std::vector<pollfd> polled{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    for (const auto& [fd, client] : clients_) polled.push_back({fd, POLLIN, 0});
    poll(polled.data(), polled.size(), -1);
    if (polled[0].revents != 0) accept_client();
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      auto client = clients_.find(polled[i].fd);
      if (client != clients_.end() && !read_client(client->second)) clients_.erase(client);
    }
    connections_.store(static_cast<unsigned>(clients_.size()));
    connections_.notify_all();
    for (auto& [fd, client] : clients_) {
      write_all(fd, client.out);
      client.out.clear();
    }
  }
}

void FakePeer::accept_client() {
  const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  auto& client = clients_[fd];
  client.fd = Fd(fd);
  if (dialect_ == FakeDialect::kNats) client.out = "INFO {\"server_id\":\"fake\"} \r\n";
}

bool FakePeer::read_client(Client& client) {
  std::array<char, 65536> bytes;
  const auto got = recv(client.fd.get(), bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  client.in.append(bytes.data(), static_cast<std::size_t>(got));
  std::size_t used = 0;
  for (auto n = take(client, client.in); n != 0; n = take(client, std::string_view(client.in).substr(used))) used += n;
  client.in.erase(0, used);
  return true;
}

/// The length of the command that begins `bytes`, done; 0 if it is not complete.
std::size_t FakePeer::take(Client& client, std::string_view bytes) {
  if (bytes.empty()) return 0;
  switch (dialect_) {
    case FakeDialect::kNats:
      return take_nats(client, bytes);
    case FakeDialect::kRedis:
      return take_redis(client, bytes);
    case FakeDialect::kMqtt:
      return take_mqtt(client, bytes);
  }
  return 0;
}

std::size_t FakePeer::take_nats(Client& client, std::string_view bytes) {
  const auto end = bytes.find("\r\n");
  if (end == std::string_view::npos) return 0;
  const auto line = bytes.substr(0, end);
  if (line.starts_with("CONNECT") && faults_.refuse) client.out += "-ERR 'Authorization Violation'\r\n";
  if (line.starts_with("SUB ")) client.subscriber = true;
  if (line == "PING") client.out += "PONG\r\n";
  if (line == "PONG") ++answers_;
  if (!line.starts_with("PUB ")) return end + 2;
  const auto size = last_number(line);
  if (bytes.size() < end + 2 + size + 2) return 0;
  publish(std::string(bytes.substr(end + 2, size)));
  return end + 2 + size + 2;
}

std::size_t FakePeer::take_redis(Client& client, std::string_view bytes) {
  const auto end = bytes.find("\r\n");
  if (end == std::string_view::npos) return 0;
  const auto line = bytes.substr(0, end);
  if (line == "PING") client.out += faults_.refuse ? "-NOAUTH Authentication required.\r\n" : "+PONG\r\n";
  if (line.starts_with("SUBSCRIBE")) {
    client.subscriber = true;
    client.out += "*3\r\n$9\r\nsubscribe\r\n$4\r\nvscp\r\n:1\r\n";
  }
  if (line != "*3") return end + 2;
  constexpr std::string_view kCommand = "*3\r\n$7\r\nPUBLISH\r\n$4\r\nvscp\r\n";
  const auto body_line = bytes.find("\r\n", kCommand.size());
  if (bytes.size() < kCommand.size() || body_line == std::string_view::npos) return 0;
  const auto size = last_number(bytes.substr(kCommand.size(), body_line - kCommand.size()));
  if (bytes.size() < body_line + 2 + size + 2) return 0;
  publish(std::string(bytes.substr(body_line + 2, size)));
  client.out += ":3\r\n";
  return body_line + 2 + size + 2;
}

std::size_t FakePeer::take_mqtt(Client& client, std::string_view bytes) {
  std::size_t length = 0;
  std::size_t at = 1;
  do {
    if (at >= bytes.size()) return 0;
    length |= (octet(bytes[at]) & 127U) << (7 * (at - 1));
  } while ((octet(bytes[at++]) & 128U) != 0);
  if (bytes.size() < at + length) return 0;
  const auto rest = bytes.substr(at, length);
  const unsigned type = octet(bytes.front()) >> 4U;
  const unsigned qos = octet(bytes.front()) >> 1U & 3U;
  if (type == 1) client.out += mqtt_packet(0x20, std::string{0, static_cast<char>(faults_.refuse ? 5 : 0)});
  if (type == 4) ++answers_;
  if (type == 8) {
    client.subscriber = true;
    client.qos = octet(rest.back());
    client.out += mqtt_packet(0x90, std::string(rest.substr(0, 2)) + rest.back());
  }
  if (type == 3) {
    const auto topic_end = 2 + (octet(rest[0]) << 8U | octet(rest[1]));
    if (qos != 0) client.out += mqtt_packet(0x40, std::string(rest.substr(topic_end, 2)));
    publish(std::string(rest.substr(topic_end + (qos != 0 ? 2 : 0))));
  }
  return at + length;
}

void FakePeer::publish(std::string body) {
  const auto number = ++published_;
  if (number == faults_.ping) {
    for (auto& [fd, client] : clients_) client.out += "PING\r\n";
  }
  if (number == faults_.lose) return;
  if (number == faults_.change_last_byte) body.back() = static_cast<char>(body.back() ^ 1);
  if (number == faults_.change_first_byte) body.front() = static_cast<char>(body.front() ^ 64);
  if (number == faults_.swap_with_next) {
    held_ = std::move(body);
    return;
  }
  to_subscribers(body);
  if (number == faults_.duplicate) to_subscribers(body);
  if (!held_.empty()) to_subscribers(std::exchange(held_, {}));
}

void FakePeer::to_subscribers(const std::string& body) {
  const auto size = std::to_string(body.size()) + "\r\n";
  for (auto& [fd, client] : clients_) {
    if (!client.subscriber) continue;
    switch (dialect_) {
      case FakeDialect::kNats:
        client.out += "MSG vscp 1 " + size + body + "\r\n";
        break;
      case FakeDialect::kRedis:
        client.out += "*3\r\n$7\r\nmessage\r\n$4\r\nvscp\r\n$" + size + body + "\r\n";
        break;
      case FakeDialect::kMqtt:
        client.out += mqtt_packet(0x30U | client.qos << 1U,
                                  std::string("\0\4vscp", 6) + (client.qos != 0 ? std::string("\1\2", 2) : "") + body);
        break;
    }
  }
}

}  // namespace bench::peers
