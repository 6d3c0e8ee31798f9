#include "tools/vscpbench/floor/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "protocol/link_reply.h"

namespace bench::floor {
namespace {

constexpr std::size_t kOksPerSend = 4096;
constexpr int kBacklog = 4096;

std::uint64_t wall_clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

std::string listen_on(const FloorOptions& where, Fd& listener, std::uint16_t& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(where.port);
  if (inet_pton(AF_INET, where.host.c_str(), &address.sin_addr) != 1) {
    return "\"" + where.host + "\" is no IPv4 address like 127.0.0.1";
  }
  listener = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(listener.get(), generic, size) != 0 || listen(listener.get(), kBacklog) != 0 ||
      getsockname(listener.get(), generic, &size) != 0) {
    return "cannot listen on " + where.host + ":" + std::to_string(where.port) + ": " + std::strerror(errno);
  }
  port = ntohs(address.sin_port);
  return {};
}

/// 1:256 needs more descriptors than the usual soft limit may leave.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

std::string Relay::open() {
  if (!std::has_single_bit(options_.buffers) || options_.buffers > 32768 || options_.buffer_bytes < 64 ||
      !std::has_single_bit(options_.log_bytes) || options_.log_bytes < (64U << 10U) || options_.block_bytes < 64) {
    return "buffers and log are powers of two (log at least 65536), a buffer or block has at least 64 bytes";
  }
  raise_file_limit();
  for (std::size_t i = 0; i < kOksPerSend; ++i) oks_ += vscp::reply::kOk;
  if (auto error = log_.open(options_.log_bytes); !error.empty()) return error;
  if (auto error = ring_.open(options_); !error.empty()) return error;
  log_limit_ = log_.capacity();
  return listen_on(options_, listener_, port_);
}

void Relay::run(int signal_fd) {
  ring_.accept(listener_.get());
  ring_.watch_signal(signal_fd);
  for (;;) {
    ring_.turn();
    now_ns_ = wall_clock_ns();
    Completion completion;
    while (ring_.next(completion)) {
      switch (completion.op) {
        case Op::kAccept:
          accepted(completion);
          break;
        case Op::kSend:
          sent(completion);
          break;
        case Op::kReceive:
          receives_.push_back(completion);
          break;
        case Op::kSignal:
          return;
      }
    }
    restart_log();
    for (const auto& receive : receives_) received(receive);
    receives_.clear();
    end_turn();
  }
}

/// What has piled up in this turn goes to the kernel.
void Relay::end_turn() {
  if (!waiting_.empty()) {
    const auto waiting = std::exchange(waiting_, {});
    for (auto* connection : waiting) take_waiting(*connection);
  }
  if (consumers_ahead_ != consumers_.size()) {
    for (auto* consumer : consumers_) serve(*consumer);
  }
  while (!to_serve_.empty()) {
    auto& connection = *to_serve_.back();
    to_serve_.pop_back();
    connection.to_serve = false;
    serve(connection);
    drop_if_idle(connection);
  }
  if (released_) {
    const auto starved = std::exchange(starved_, {});
    for (auto* connection : starved) {
      connection->receiving = true;
      ring_.receive(connection->fd.get(), connection->index);
    }
    released_ = false;
  }
}

void Relay::accepted(const Completion& completion) {
  if (!completion.more) ring_.accept(listener_.get());
  if (completion.result < 0) return;
  const int on = 1;
  setsockopt(completion.result, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto connection = std::make_unique<Connection>();
  connection->fd = Fd(completion.result);
  if (free_indices_.empty()) {
    connection->index = static_cast<std::uint32_t>(connections_.size());
    connections_.emplace_back();
  } else {
    connection->index = free_indices_.back();
    free_indices_.pop_back();
  }
  connection->receiving = true;
  ring_.receive(completion.result, connection->index);
  reply(*connection, "Welcome to the floor of vscpbench.\r\n");
  reply(*connection, vscp::reply::kOk);
  connections_[connection->index] = std::move(connection);
}

void Relay::received(const Completion& completion) {
  auto& connection = *connections_[completion.connection];
  if (!completion.more) connection.receiving = false;
  if (completion.result == -ENOBUFS) {
    starved_.push_back(&connection);
    connection.receiving = true;  // as good as: end_turn() gives it to the kernel
    return;
  }
  if (completion.result > 0) {
    // All numbers before any buffer goes back: that changes the order which next_buffer() knows.
    bundle_.assign(1, completion.buffer);
    auto size = static_cast<std::uint32_t>(completion.result);
    for (auto left = size; left > options_.buffer_bytes; left -= options_.buffer_bytes) {
      bundle_.push_back(ring_.next_buffer(bundle_.back()));
    }
    for (const auto buffer : bundle_) {
      const auto part = std::min(size, options_.buffer_bytes);
      take_buffer(connection, {buffer, 0, part});
      size -= part;
    }
  } else if (completion.result != -ECANCELED) {
    close(connection);
  }
  if (connection.closing) want_service(connection);
  if (!connection.receiving && !connection.waiting && !connection.closing) {
    connection.receiving = true;
    ring_.receive(connection.fd.get(), connection.index);
  }
}

void Relay::take_buffer(Connection& connection, Piece piece) {
  if (connection.closing) return release(piece.buffer);
  if (!connection.waiting) {
    piece.begin += static_cast<std::uint32_t>(take(connection, {ring_.buffer(piece.buffer), piece.end}));
    if (piece.begin == piece.end || connection.closing) return release(piece.buffer);
    connection.waiting = true;
    waiting_.push_back(&connection);
    // Otherwise it would fill all buffers, and nobody else could get anything.
    if (connection.receiving && ring_.receive_mode() != ReceiveMode::kSingle) ring_.cancel_receive(connection.index);
  }
  connection.input.push_back(piece);
}

void Relay::take_waiting(Connection& connection) {
  while (!connection.input.empty()) {
    auto& piece = connection.input.front();
    const auto* bytes = ring_.buffer(piece.buffer);
    if (!connection.closing) {
      piece.begin += static_cast<std::uint32_t>(take(connection, {bytes + piece.begin, bytes + piece.end}));
      if (piece.begin != piece.end && !connection.closing) {
        waiting_.push_back(&connection);
        return;
      }
    }
    release(piece.buffer);
    connection.input.pop_front();
  }
  connection.waiting = false;
  want_service(connection);
  if (connection.closing || connection.receiving) return;
  connection.receiving = true;
  ring_.receive(connection.fd.get(), connection.index);
}

void Relay::release(std::uint16_t buffer) {
  ring_.release(buffer);
  released_ = true;
}

void Relay::sent(const Completion& completion) {
  auto& connection = *connections_[completion.connection];
  if (!completion.released) {
    if (completion.result < 0) connection.failed = true;
    if (completion.result > 0) connection.sent += static_cast<std::size_t>(completion.result);
  }
  if (!completion.more && --connection.sends == 0) sends_done(connection);
}

void Relay::sends_done(Connection& connection) {
  const auto bytes = std::exchange(connection.sent, 0);
  switch (connection.kind) {
    case Connection::Sends::kLog:
      connection.cursor += bytes;
      if (connection.cursor == log_.head()) ++consumers_ahead_;
      break;
    case Connection::Sends::kOks: {
      const auto done = connection.ok_offset + bytes;
      connection.oks_owed -= done / vscp::reply::kOk.size();
      connection.ok_offset = done % vscp::reply::kOk.size();
      break;
    }
    case Connection::Sends::kReplies:
      connection.replies_sending.erase(0, bytes);
      break;
  }
  if (connection.failed) close(connection);
  want_service(connection);
}

/// Goes out after the replies to SEND that are owed; those that come later join it, see owe_ok().
void Relay::reply(Connection& connection, std::string_view text) {
  connection.replies += text;
  want_service(connection);
}

void Relay::want_service(Connection& connection) {
  if (connection.to_serve) return;
  connection.to_serve = true;
  to_serve_.push_back(&connection);
}

void Relay::serve(Connection& connection) {
  if (connection.sends != 0 || connection.closing) return;
  using Sends = Connection::Sends;
  if (connection.replies_sending.empty() && connection.oks_owed == 0) {
    connection.replies_sending.swap(connection.replies);
  }
  const auto send = [&](Sends kind, std::string_view bytes) {
    connection.kind = kind;
    connection.sends = 1;
    ring_.send(connection.fd.get(), connection.index, bytes, Sending::kPlain);
  };
  if (!connection.replies_sending.empty()) return send(Sends::kReplies, connection.replies_sending);
  if (connection.oks_owed != 0) {
    const auto bytes = std::min<std::uint64_t>(connection.oks_owed, kOksPerSend) * vscp::reply::kOk.size();
    return send(Sends::kOks, std::string_view(oks_).substr(0, bytes).substr(connection.ok_offset));
  }
  if (connection.consumer && connection.cursor != log_.head()) return send_log(connection);
  if (connection.leaving) close(connection);
}

void Relay::send_log(Connection& connection) {
  connection.kind = Connection::Sends::kLog;
  auto bytes = log_.range(connection.cursor, log_.head());
  if (options_.send != SendMode::kBlocks) {
    connection.sends = 1;
    const auto sending = options_.send == SendMode::kZeroCopy ? Sending::kZeroCopy : Sending::kPlain;
    return ring_.send(connection.fd.get(), connection.index, bytes, sending);
  }
  while (!bytes.empty()) {
    const auto block = bytes.substr(0, options_.block_bytes);
    bytes.remove_prefix(block.size());
    ++connection.sends;
    const auto sending = bytes.empty() ? Sending::kEndOfChain : Sending::kChained;
    ring_.send(connection.fd.get(), connection.index, block, sending);
  }
}

void Relay::become_consumer(Connection& connection) {
  if (connection.consumer) return;
  connection.consumer = true;
  connection.cursor = log_.head();
  consumers_.push_back(&connection);
  ++consumers_ahead_;
}

bool Relay::has_room(std::size_t bytes) noexcept {
  if (log_.head() + bytes <= log_limit_) return true;
  auto oldest = log_.head();
  for (const auto* consumer : consumers_) oldest = std::min(oldest, consumer->cursor);
  log_limit_ = oldest + log_.capacity();
  return log_.head() + bytes <= log_limit_;
}

void Relay::commit(std::size_t bytes) noexcept {
  log_.commit(bytes);
  consumers_ahead_ = 0;
}

void Relay::restart_log() {
  if (consumers_ahead_ != consumers_.size()) return;
  log_.restart();
  for (auto* consumer : consumers_) consumer->cursor = log_.head();
  log_limit_ = log_.head() + log_.capacity();
}

void Relay::close(Connection& connection) {
  if (connection.closing) return;
  connection.closing = true;
  shutdown(connection.fd.get(), SHUT_RDWR);
  want_service(connection);
}

/// Ends a connection that is closing and that the kernel has nothing of any more.
void Relay::drop_if_idle(Connection& connection) {
  if (!connection.closing || connection.receiving || connection.waiting || connection.sends != 0) return;
  if (connection.to_serve) return;
  if (connection.consumer) {
    if (connection.cursor == log_.head()) --consumers_ahead_;
    std::erase(consumers_, &connection);
  }
  free_indices_.push_back(connection.index);
  connections_[connection.index].reset();
}

}  // namespace bench::floor
