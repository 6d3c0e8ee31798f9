// No heap allocation and no lock on a worker between receive and send after start: two real workers on io_uring, six
// real clients, every call of the allocator and of pthread's locks on the two worker threads counted while 100 000
// events go through.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "drivers/link/link_server.h"
#include "router/base/fd.h"
#include "router/base/password.h"
#include "router/core/router.h"
#include "router/io/uring_ring.h"
#include "tests/stress/event_stream.h"
#include "tests/stress/worker_calls.h"

namespace {

constexpr unsigned kProducers = 2;
constexpr unsigned kConsumers = 4;
constexpr std::uint64_t kWarmUp = 20'000;  // of each producer
constexpr std::uint64_t kCounted = 50'000;
constexpr std::uint64_t kSeed = 20'26;
constexpr std::size_t kReadBytes = 256U << 10U;

/// A client with a blocking socket. A read that waits for more than a minute fails: only a lost event takes so long.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), buffer_(kReadBytes) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{60, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    good_ = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    read_reply();
    ask("USER admin\r\n");
    ask("PASS secret\r\n");
    channel_ = static_cast<std::uint32_t>(std::strtoul(ask("CHID\r\n").c_str(), nullptr, 10));
  }

  bool is_good() const { return good_ && channel_ != 0; }
  std::uint32_t channel() const { return channel_; }

  std::string ask(const std::string& command) {
    write(command);
    return read_reply();
  }

  void write(std::string_view bytes) {
    while (good_ && !bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      good_ = sent > 0;
      if (good_) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  /// Reads until so many more lines have ended that begin with a digit (events), or with '+' (answers).
  void read_lines(std::uint64_t lines, bool events) {
    while (good_ && lines > 0) {
      const ssize_t size = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
      good_ = size > 0;
      for (ssize_t i = 0; i < size && lines > 0; ++i) {
        const char c = buffer_[static_cast<std::size_t>(i)];
        if (at_line_begin_) line_begin_ = c;
        at_line_begin_ = c == '\n';
        if (line_begin_ == '-') good_ = false;
        if (at_line_begin_ && (line_begin_ == '+') != events) --lines;
      }
    }
  }

 private:
  std::string read_reply() {
    std::string text;
    char c = 0;
    while (good_) {
      const std::size_t last = text.rfind('\n', text.size() < 2 ? 0 : text.size() - 2);
      const std::size_t begin = last == std::string::npos ? 0 : last + 1;
      if (!text.empty() && text.back() == '\n' && (text[begin] == '+' || text[begin] == '-')) break;
      good_ = ::recv(socket_.get(), &c, 1, 0) == 1;
      if (good_) text.push_back(c);
    }
    return text;
  }

  router::UniqueFd socket_;
  std::vector<char> buffer_;
  std::uint32_t channel_ = 0;
  bool good_ = false;
  bool at_line_begin_ = true;
  char line_begin_ = 0;
};

class AllocationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    router::RouterSettings settings;
    settings.workers = 2;
    settings.guid.bytes[0] = 1;
    settings.version = "0.0.0";
    // Nothing is to be dropped: the log holds all that is sent.
    settings.worker.fanout.log_bytes = 512U << 20U;
    settings.worker.fanout.index_chunks = 16'384;
    std::string error;
    router_ = router::Router::make(
        settings, clock_, [](std::string& why) { return router::make_uring_ring({}, why); }, error);
    ASSERT_NE(router_, nullptr) << error;

    router::User user;
    user.name = "admin";
    user.password_hash = *router::hash_password("secret", {.memory_kib = 64, .iterations = 1, .lanes = 1});
    user.allowed_verbs = router::verbs_for_privilege(router::kPrivilegeMax);
    drivers::link::LinkListenerSetup setup;
    setup.config.addresses = *router::parse_listen_addresses("127.0.0.1:0");
    setup.config.max_out_queue = 1'000'000;
    setup.config.keepalive_ms = 3'600'000;
    setup.users = std::make_shared<router::UserDirectory>(std::vector{user});
    server_ = std::make_unique<drivers::link::LinkServer>(*router_, std::vector{setup}, [] {});
    ASSERT_EQ(server_->open(), "");
    router_->start();
    server_->start();
    watch_workers(true);
  }

  void TearDown() override {
    if (server_ == nullptr) return;
    worker_calls::stop_counting();
    clients_.clear();
    server_->drain();
    server_->stop();
    router_->stop();
  }

  void watch_workers(bool watched) {
    ASSERT_TRUE(router_->visit_workers_and_wait(
        [watched](router::Worker&) { worker_calls::watch_this_thread(watched); }, 60'000));
  }

  Client& add_client() {
    const std::string address = server_->addresses().front();
    const auto port = static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
    clients_.push_back(std::make_unique<Client>(port));
    EXPECT_TRUE(clients_.back()->is_good());
    return *clients_.back();
  }

  router::SystemClock clock_;
  std::unique_ptr<router::Router> router_;
  std::unique_ptr<drivers::link::LinkServer> server_;
  std::vector<std::unique_ptr<Client>> clients_;
};

std::string sends_of(unsigned producer, std::uint64_t begin, std::uint64_t count) {
  std::string text;
  stress::StreamEvent event;
  for (std::uint64_t i = begin; i < begin + count; ++i) {
    stress::make_event(kSeed, producer, i, event);
    // Classes from 512 on name a destination; these go to everybody.
    event.vscp_class = static_cast<std::uint16_t>(event.vscp_class % 512);
    stress::append_send(event, text);
  }
  return text;
}

/// All events of one phase through the router: written without waiting, answered, and read by every consumer.
void run_phase(std::vector<Client*>& producers, std::vector<Client*>& consumers, const std::vector<std::string>& texts,
               std::uint64_t events) {
  std::vector<std::thread> threads;
  for (unsigned p = 0; p < producers.size(); ++p) {
    threads.emplace_back([&, p] { producers[p]->write(texts[p]); });
    threads.emplace_back([&, p] { producers[p]->read_lines(events, false); });
  }
  for (Client* consumer : consumers) {
    threads.emplace_back([&, consumer] { consumer->read_lines(events * producers.size(), true); });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(AllocationTest, WorkersNeitherAllocateNorLock) {
  std::vector<Client*> producers;
  std::vector<Client*> consumers;
  unsigned on_worker[2][2] = {};
  for (unsigned i = 0; i < kProducers + kConsumers; ++i) {
    Client& client = add_client();
    (i < kProducers ? producers : consumers).push_back(&client);
    ++on_worker[router_->threads().owner_of(client.channel())][i < kProducers ? 0 : 1];
  }
  ASSERT_FALSE(HasFailure());
  for (const auto& counts : on_worker) {
    ASSERT_GT(counts[0], 0U) << "no producer on one of the workers";
    ASSERT_GT(counts[1], 0U) << "no consumer on one of the workers";
  }
  for (Client* consumer : consumers) consumer->ask("RCVLOOP\r\n");

  std::vector<std::string> warm_up;
  std::vector<std::string> counted;
  for (unsigned p = 0; p < kProducers; ++p) {
    warm_up.push_back(sends_of(p, 0, kWarmUp));
    counted.push_back(sends_of(p, kWarmUp, kCounted));
  }
  run_phase(producers, consumers, warm_up, kWarmUp);
  worker_calls::start_counting();
  run_phase(producers, consumers, counted, kCounted);
  worker_calls::stop_counting();

  for (const auto& client : clients_) EXPECT_TRUE(client->is_good());
  EXPECT_EQ(worker_calls::count(), 0U) << worker_calls::first_call();
  for (router::ThreadIndex i = 0; i < 2; ++i) {
    EXPECT_GE(router_->worker(i).counters().events_in.value(), kWarmUp + kCounted);
    EXPECT_GE(router_->worker(i).counters().events_inbox.value(), kWarmUp + kCounted);
  }
}

/// What `action` adds to the count on a worker.
template <typename Action>
std::uint64_t counted_on_worker(router::Router& router, Action action) {
  std::atomic<std::uint64_t> added{0};
  worker_calls::start_counting();
  EXPECT_TRUE(router.visit_workers_and_wait(
      [&added, action](router::Worker& worker) {
        if (worker.index() != 0) return;
        const std::uint64_t before = worker_calls::count_here();
        action();
        added.store(worker_calls::count_here() - before);
      },
      60'000));
  worker_calls::stop_counting();
  return added.load();
}

TEST_F(AllocationTest, WhatAWorkerMustNotDoIsSeen) {
  std::atomic<std::size_t> size{1000};
  std::atomic<const char*> sink{nullptr};
  const auto allocate = [&] {
    const std::string text(size.load(), 'x');
    sink.store(text.data());
  };
  std::mutex mutex;
  const auto lock = [&mutex] { const std::scoped_lock held(mutex); };
  EXPECT_EQ(counted_on_worker(*router_, [] {}), 0U);
  EXPECT_EQ(counted_on_worker(*router_, allocate), 2U) << "one malloc, one free";
  EXPECT_NE(worker_calls::first_call(), "");
  EXPECT_EQ(counted_on_worker(*router_, lock), 1U);
  // Nobody else is counted.
  worker_calls::start_counting();
  watch_workers(false);
  allocate();
  const std::uint64_t others = worker_calls::count();
  EXPECT_TRUE(router_->visit_workers_and_wait([&](router::Worker&) { allocate(); }, 60'000));
  EXPECT_EQ(worker_calls::count(), others);
}

}  // namespace
