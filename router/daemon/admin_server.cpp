#include "router/daemon/admin_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "router/base/config_node.h"
#include "router/base/json_writer.h"

namespace router {
namespace {

constexpr std::size_t kRequestMax = 4096;
constexpr std::size_t kSendAtOnce = 65'536;

std::string error_reply(const std::string& text) {
  JsonWriter writer;
  writer.begin_object().member("error", text).end_object();
  return writer.take();
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

void AdminServer::serve_one() {
  const UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client.valid()) return;
  const timeval limit{1, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  std::string request;
  while (request.find('\n') == std::string::npos && request.size() < kRequestMax) {
    char piece[512];
    const auto size = ::recv(client.get(), piece, sizeof(piece), 0);
    if (size <= 0) break;
    request.append(piece, static_cast<std::size_t>(size));
  }
  std::string reply = answer(std::string_view(request).substr(0, request.find('\n')));
  reply += '\n';
  for (std::size_t done = 0; done < reply.size();) {
    const auto size =
        ::send(client.get(), reply.data() + done, std::min(kSendAtOnce, reply.size() - done), MSG_NOSIGNAL);
    if (size <= 0) break;
    done += static_cast<std::size_t>(size);
  }
}

}  // namespace router
