#include "tools/vscpbench/peers/peer_session.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace bench::peers {
namespace {

constexpr std::size_t kAnswerBytesMax = 1U << 20U;

/// What a server said, for a message: one line, printable.
std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 200)) {
    if (c == '\r' || c == '\n') break;
    text += c >= ' ' && c <= '~' ? c : '.';
  }
  return text;
}

}  // namespace

std::expected<PeerSession, std::string> PeerSession::connect(const Target& target) {
  auto fd = connect_to(target);
  if (!fd) return std::unexpected(fd.error());
  return PeerSession(std::move(*fd));
}

std::string PeerSession::exchange(std::string_view bytes, std::string_view awaited, std::string_view refusal) {
  if (const auto error = write_all(fd_.get(), bytes); !error.empty()) return "cannot send: " + error;
  for (;;) {
    const auto at = rest_.find(awaited);
    if (!refusal.empty()) {
      const auto refused = rest_.find(refusal);
      if (refused < at) return "the server answers \"" + printable(std::string_view(rest_).substr(refused)) + "\"";
    }
    if (at != std::string::npos) {
      rest_.erase(0, at + awaited.size());
      return {};
    }
    if (auto error = read_more(); !error.empty()) return error;
  }
}

std::expected<unsigned, std::string> PeerSession::next_byte() {
  if (rest_.empty()) {
    if (auto error = read_more(); !error.empty()) return std::unexpected(error);
  }
  const auto byte = static_cast<unsigned char>(rest_.front());
  rest_.erase(0, 1);
  return byte;
}

std::string PeerSession::read_more() {
  std::array<char, 16384> part;
  const auto got = recv(fd_.get(), part.data(), part.size(), 0);
  if (got == 0) return "the server closed the connection";
  if (got < 0) return std::string("no answer: ") + std::strerror(errno);
  rest_.append(part.data(), static_cast<std::size_t>(got));
  return rest_.size() > kAnswerBytesMax ? "endless answer" : "";
}

OpenSession PeerSession::release() {
  fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
  return {std::move(fd_), std::move(rest_)};
}

}  // namespace bench::peers
