// A Ring without a kernel: the benchmark puts received bytes in, every send goes out whole at once. What is left is
// what the router itself does with an event.
//
// Thread rule: one thread.
#pragma once

#include <cerrno>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "router/io/ring.h"

namespace bench {

class ReplayRing final : public router::Ring {
 public:
  /// `socket` receives these bytes in the next turn; they must stay until then.
  void receive(router::Socket socket, std::span<const char> bytes) {
    router::Completion completion;
    completion.kind = router::OpKind::kRecv;
    completion.more = true;
    completion.has_buffer = true;
    completion.result = static_cast<int>(bytes.size());
    completion.bytes = bytes;
    queue_.emplace_back(receivers_.at(socket), completion);
  }
  bool is_idle() const noexcept { return queue_.empty(); }
  std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

  router::Socket adopt(int descriptor) noexcept override { return descriptor; }
  router::Socket open_socket(int) noexcept override { return -EMFILE; }
  void start_connect(router::Socket, const sockaddr_storage&, router::OpOwner&) noexcept override {}
  // The sessions that it replays have none of these.
  void start_recv_messages(router::Socket, router::OpOwner&) noexcept override {}
  void start_send_to(router::Socket, std::span<const iovec>, const sockaddr_storage&, router::OpOwner&) noexcept override {}
  void start_wait_event(int, router::OpOwner&) noexcept override {}
  void start_accept(router::Socket, router::OpOwner&) noexcept override {}
  void start_recv(router::Socket socket, router::OpOwner& owner) noexcept override { receivers_[socket] = &owner; }
  void start_send(router::Socket, std::span<const iovec> ranges, router::OpOwner& owner) noexcept override {
    std::size_t bytes = 0;
    for (const iovec& range : ranges) bytes += range.iov_len;
    bytes_sent_ += bytes;
    complete(owner, router::OpKind::kSend, static_cast<int>(bytes));
  }
  void start_wait_writable(router::Socket, router::OpOwner& owner) noexcept override {
    complete(owner, router::OpKind::kWritable, 0);
  }
  void cancel(router::Socket, router::OpOwner& owner, router::OpKind kind) noexcept override { complete(owner, kind, -125); }
  void shutdown_send(router::Socket) noexcept override {}
  void close(router::Socket socket) noexcept override { receivers_.erase(socket); }
  void release_buffer(std::uint16_t) noexcept override {}
  std::uint32_t buffers_free() const noexcept override { return 1; }
  std::uint32_t buffers_max() const noexcept override { return 1; }
  bool can_receive(router::Socket) const noexcept override { return true; }
  bool are_buffers_scarce(router::Socket) const noexcept override { return true; }
  void submit_and_wait(std::uint64_t) noexcept override {}
  std::uint32_t reap(std::uint32_t) noexcept override {
    batch_.swap(queue_);
    for (const auto& [owner, completion] : batch_) owner->on_completion(completion);
    const auto count = static_cast<std::uint32_t>(batch_.size());
    batch_.clear();
    return count;
  }
  void wake() noexcept override {}

 private:
  void complete(router::OpOwner& owner, router::OpKind kind, int result) {
    router::Completion completion;
    completion.kind = kind;
    completion.result = result;
    queue_.emplace_back(&owner, completion);
  }

  std::unordered_map<router::Socket, router::OpOwner*> receivers_;
  std::vector<std::pair<router::OpOwner*, router::Completion>> queue_;
  std::vector<std::pair<router::OpOwner*, router::Completion>> batch_;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace bench
