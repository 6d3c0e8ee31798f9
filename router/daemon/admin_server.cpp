#include "router/daemon/admin_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "router/base/config_node.h"
#include "router/base/json_writer.h"

namespace router {
namespace {

constexpr std::size_t kRequestMax = 4096;
constexpr std::size_t kClientsMax = 16;
constexpr std::uint64_t kPatienceNs = 5'000'000'000;
constexpr std::uint64_t kNever = ~std::uint64_t{0};

std::string error_reply(const std::string& text) {
  JsonWriter writer;
  writer.begin_object().member("error", text).end_object();
  return writer.take();
}

bool must_wait(int error_number) {
  return error_number == EAGAIN || error_number == EINTR;
}

bool somebody_listens(const sockaddr_un& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

AdminServer::~AdminServer() {
  if (socket_.valid()) ::unlink(path_.c_str());
}

std::string AdminServer::open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return "admin socket path " + path +
           " is too long (107 characters at most); choose a shorter state folder or admin.socket";
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (somebody_listens(address)) {
    return "admin socket " + path +
           " is in use: another vscprouterd runs with this state folder; stop it or use --state";
  }
  ::unlink(path.c_str());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t old_mask = ::umask(0177);
  const bool bound =
      socket.valid() && ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const int error_number = errno;
  ::umask(old_mask);
  if (!bound || ::listen(socket.get(), 16) != 0) {
    return "cannot make the admin socket " + path + ": " + std::strerror(error_number) +
           "; choose another --state folder";
  }
  socket_ = std::move(socket);
  path_ = path;
  return {};
}

std::string AdminServer::answer(std::string_view line) {
  ConfigContext context;
  context.file = "request";
  const auto tree = parse_config_text(line, context);
  const ConfigNode* command = tree ? tree->find("command") : nullptr;
  if (command == nullptr || !command->is_string()) {
    return error_reply("write one line such as {\"command\":\"stat\"}");
  }
  const auto handler = handlers_.find(command->text);
  if (handler == handlers_.end()) {
    std::string known;
    for (const auto& entry : handlers_) known += (known.empty() ? "" : ", ") + entry.first;
    return error_reply("unknown command; known are: " + known);
  }
  return handler->second(*tree);
}

std::uint64_t AdminServer::add_descriptors(std::vector<pollfd>& out) const {
  std::uint64_t until_ns = kNever;
  if (clients_.size() < kClientsMax) out.push_back({.fd = socket_.get(), .events = POLLIN, .revents = 0});
  for (const Client& client : clients_) {
    const short events = client.reply.empty() ? POLLIN : POLLOUT;
    out.push_back({.fd = client.socket.get(), .events = events, .revents = 0});
    until_ns = std::min(until_ns, client.until_ns);
  }
  return until_ns;
}

void AdminServer::look() {
  accept_some();
  const std::uint64_t now = clock_->monotonic_ns();
  std::erase_if(clients_, [&](Client& client) {
    const bool late = now >= client.until_ns;
    return !serve(client, late) || late;
  });
}

void AdminServer::accept_some() {
  while (clients_.size() < kClientsMax) {
    UniqueFd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.valid()) return;
    Client& client = clients_.emplace_back();
    client.socket = std::move(socket);
    client.until_ns = clock_->monotonic_ns() + kPatienceNs;
  }
}

// False: it is served, or gone. What is late is answered as it is, so that the client reads what was missing.
bool AdminServer::serve(Client& client, bool late) {
  if (client.reply.empty()) {
    if (!receive(client) && !late) return true;
    client.reply = answer(std::string_view(client.request).substr(0, client.request.find('\n'))) + '\n';
    client.until_ns = clock_->monotonic_ns() + kPatienceNs;
  }
  while (client.sent < client.reply.size()) {
    const auto size =
        ::send(client.socket.get(), client.reply.data() + client.sent, client.reply.size() - client.sent, MSG_NOSIGNAL);
    if (size < 0) return must_wait(errno);
    client.sent += static_cast<std::size_t>(size);
    client.until_ns = clock_->monotonic_ns() + kPatienceNs;
  }
  return false;
}

// Whether the request is whole, or as much as there will ever be of it.
bool AdminServer::receive(Client& client) {
  while (client.request.find('\n') == std::string::npos && client.request.size() < kRequestMax) {
    char piece[512];
    const auto size = ::recv(client.socket.get(), piece, sizeof(piece), 0);
    if (size < 0) return !must_wait(errno);
    if (size == 0) return true;
    client.request.append(piece, static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace router
