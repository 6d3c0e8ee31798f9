#include "tools/vscpbench/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace bench {
namespace {

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string data_as_hex(std::string_view list) {
  std::string out;
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "0x%02X", static_cast<unsigned>(std::atoi(std::string(list).c_str())));
    if (!out.empty()) out += ',';
    out += text.data();
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

}  // namespace

FakeServer::FakeServer(Faults faults)
    : faults_(faults), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), wake_(eventfd(0, EFD_CLOEXEC)) {
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

FakeServer::~FakeServer() {
  quit_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void FakeServer::serve() {
  while (!quit_) {
    std::vector<pollfd> polled{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    for (const auto& [fd, client] : clients_) polled.push_back({fd, POLLIN, 0});
    poll(polled.data(), polled.size(), -1);
    if (polled[0].revents != 0) accept_client();
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      auto client = clients_.find(polled[i].fd);
      if (client != clients_.end() && !read_client(client->first, client->second)) clients_.erase(client);
    }
    deliver();
  }
}

void FakeServer::accept_client() {
  const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  clients_[fd].fd = Fd(fd);
  send_all(fd, "Welcome to a server that is made for tests.\r\n+OK - Success.\r\n");
}

bool FakeServer::read_client(int fd, Client& client) {
  std::array<char, 65536> bytes;
  const auto got = recv(fd, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  client.in.append(bytes.data(), static_cast<std::size_t>(got));
  std::size_t at = 0;
  for (auto end = client.in.find("\r\n", at); end != std::string::npos; end = client.in.find("\r\n", at)) {
    if (!handle_line(client, std::string_view(client.in).substr(at, end - at))) return false;
    at = end + 2;
  }
  client.in.erase(0, at);
  send_all(fd, client.out);
  client.out.clear();
  return true;
}

bool FakeServer::handle_line(Client& client, std::string_view line) {
  if (line.starts_with("QUIT")) return false;
  if (line.starts_with("SEND ")) {
    const auto event = relay(line.substr(5));
    if (sends_ == faults_.refuse) {
      client.out += "-OK - Invalid parameter or format\r\n";
      return true;
    }
    fanout_ += event;
  } else if (line == "RCVLOOP") {
    client.in_loop = true;
  } else if (line == "PASS wrong") {
    send_all(client.fd.get(), "-OK - Invalid username or password.\r\n");
    return false;
  }
  client.out += "+OK - Success.\r\n";
  return true;
}

/// The event lines that come of one SEND: none, one or two.
std::string FakeServer::relay(std::string_view arguments) {
  ++sends_;
  std::vector<std::string> fields;
  for (int i = 0; i < 7; ++i) {
    const auto end = std::min(arguments.find(','), arguments.size());
    fields.emplace_back(arguments.substr(0, end));
    arguments.remove_prefix(std::min(end + 1, arguments.size()));
  }
  std::string data(arguments);
  if (sends_ == faults_.change_data) data.back() = data.back() == '9' ? '8' : static_cast<char>(data.back() + 1);
  if (sends_ == faults_.cut_data) data.erase(data.rfind(','));
  if (sends_ == faults_.change_guid) fields[6].back() = fields[6].back() == '0' ? '1' : '0';
  if (sends_ == faults_.change_class) fields[1] += "1";
  if (faults_.hex_data) data = data_as_hex(data);
  fields[3].assign(1, '7');
  if (fields[4].empty() && fields[5].empty()) {
    if (!faults_.nanoseconds) fields[4] = "2026-11-22T01:02:03Z";
    fields[5] = std::to_string(sends_ * 1000);  // the number of digits changes while events flow
  }
  std::string event;
  for (const auto& field : fields) event += field + ",";
  event.append(data);
  if (data.empty()) event.pop_back();
  event += "\r\n";
  if (sends_ == faults_.lose || (faults_.lose_from != 0 && sends_ >= faults_.lose_from)) return {};
  if (sends_ == faults_.duplicate) return event + event;
  if (sends_ == faults_.swap_with_next) {
    held_ = event;
    return {};
  }
  event += held_;
  held_.clear();
  return event;
}

void FakeServer::deliver() {
  if (faults_.close_consumer != 0 && sends_ >= faults_.close_consumer) {
    faults_.close_consumer = 0;
    for (auto client = clients_.begin(); client != clients_.end(); ++client) {
      if (!client->second.in_loop) continue;
      clients_.erase(client);
      break;
    }
  }
  for (auto& [fd, client] : clients_) {
    if (client.in_loop && !fanout_.empty()) send_all(fd, fanout_);
  }
  fanout_.clear();
}

}  // namespace bench
