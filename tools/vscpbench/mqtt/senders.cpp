#include "tools/vscpbench/mqtt/senders.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <vector>

#include "drivers/mqtt/broker_config.h"
#include "drivers/mqtt/broker_intake.h"
#include "drivers/mqtt/broker_sender.h"
#include "drivers/mqtt/message_writer.h"
#include "router/base/clock.h"
#include "router/core/carried_event.h"
#include "router/io/memory_store.h"
#include "router/io/uring_ring.h"

namespace bench::mqtt {
namespace {

namespace driver = drivers::mqtt;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kPatienceMs = 60'000;
constexpr auto kPatience = std::chrono::milliseconds(kPatienceMs);
constexpr std::uint64_t kStoreBytes = 4ULL << 30U;

double own_cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double cpu_of(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  unsigned long user = 0;
  unsigned long system = 0;
  const int got = std::fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  std::fclose(file);
  return got == 2 ? static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)) : 0;
}

/// Notes the beginning, and divides by the events at the end.
class Stopwatch {
 public:
  explicit Stopwatch(const Load& load)
      : load_(load), own_(own_cpu_s()), broker_(cpu_of(load.broker_pid)), began_(Clock::now()) {}
  Run stop() const {
    const double events = static_cast<double>(load_.events);
    const std::chrono::duration<double> took = Clock::now() - began_;
    return {events / took.count(), (own_cpu_s() - own_) / events * 1e6,
            (cpu_of(load_.broker_pid) - broker_) / events * 1e6};
  }

 private:
  const Load& load_;
  double own_;
  double broker_;
  Clock::time_point began_;
};

vscp::Event sample(const Load& load, std::uint64_t number) {
  vscp::Event event{};
  event.time_ns = 1'767'323'045'000'000'000ULL + number;
  event.head = 0x60;
  event.vscp_class = 1040;
  event.vscp_type = 6;
  for (std::size_t i = 0; i < event.guid.bytes.size(); ++i) event.guid.bytes[i] = static_cast<std::uint8_t>(i + 1);
  event.data_size = static_cast<std::uint16_t>(load.payload);
  for (std::size_t i = 0; i < load.payload; ++i) event.data[i] = static_cast<std::uint8_t>(number + i);
  return event;
}

driver::BrokerConfig config_of(const Load& load, const std::string& more) {
  router::ConfigContext context;
  const auto root = router::parse_config_text(
      R"({"mqtt": {"host": "127.0.0.1", "daemon-topics": false, "port": )" + std::to_string(load.port) + more + "}}",
      context);
  router::ObjectReader reader(&*root, "", context);
  auto brokers = driver::read_brokers(reader, {});
  for (const auto& issue : context.errors) std::fprintf(stderr, "%s\n", router::to_text(issue).c_str());
  return std::move(brokers.at(0));
}

/// One router with one broker, whose workers do not run: what the sender needs around it.
struct Site {
  explicit Site(driver::BrokerConfig broker) : config(std::move(broker)), store({kStoreBytes, {}, 0}, clock) {
    router::RouterSettings settings;
    settings.helpers = 1;
    std::string error;
    router = router::Router::make(
        settings, clock, [](std::string& text) { return router::make_uring_ring({}, text); }, error);
    if (router == nullptr) return;
    sender = std::make_unique<driver::BrokerSender>(config, store, echoes, *router);
    memory.router = std::uint64_t{driver::site_hash(config.site.name)} << 32U;
    intake = std::make_unique<driver::BrokerIntake>(*router, 0, config, store, echoes, memory, *sender,
                                                    [this] { sender->wake(); });
    sender->set_intake(*intake);
  }
  ~Site() {
    if (router == nullptr) return;
    sender->stop(0);
    intake->finish();
  }

  void fill(const Load& load) {
    router::CarriedEventBytes bytes;
    for (std::uint64_t i = 0; i < load.events; ++i) {
      const auto record = router::encode_carried_event(sample(load, i), {memory.router, i + 1, 0}, bytes);
      static_cast<void>(store.append(3, record));
    }
  }
  /// What was filled in can be sent from now on.
  void release() {
    static_cast<void>(store.commit());
    sender->wake();
  }
  driver::BrokerConfig config;
  router::SystemClock clock;
  driver::BrokerEchoes echoes;
  driver::SiteMemory memory;
  router::MemoryStore store;
  std::unique_ptr<router::Router> router;
  std::unique_ptr<driver::BrokerSender> sender;
  std::unique_ptr<driver::BrokerIntake> intake;
};

/// Hands over messages as fast as the library takes them.
class Loop final : public driver::MqttEvents {
 public:
  void on_connected(bool, const drivers::mqtt::MqttLimits&) noexcept override { set(connected_); }
  void on_connect_failed(std::string_view, bool) noexcept override { set(failed_); }
  void on_connection_lost(std::string_view, bool) noexcept override { set(failed_); }
  void on_subscribed(std::span<const std::size_t>, std::string_view) noexcept override {}
  bool on_message(const driver::MqttMessageView&) noexcept override { return true; }
  void on_done(std::uint32_t token, driver::PublishEnd, std::string_view) noexcept override {
    const std::lock_guard lock(mutex_);
    free_.push_back(token);
    changed_.notify_one();
  }

  std::expected<Run, std::string> run(const Load& load, const driver::BrokerConfig& config) {
    std::string error;
    const auto client = driver::make_paho_client(config.connection, *this, error);
    if (client == nullptr) return std::unexpected(error);
    for (std::uint32_t token = 0; token < config.connection.in_flight_max; ++token) free_.push_back(token);
    const std::size_t all = free_.size();
    if (error = client->connect(); !error.empty()) return std::unexpected(error);
    wait([this] { return connected_ || failed_; });
    if (failed_) return std::unexpected("the broker cannot be reached");
    driver::MessageWriter writer(config);
    driver::MqttOutgoing message;
    writer.write(0, sample(load, 1), message);
    const Stopwatch watch(load);
    for (std::size_t i = 0; i < load.events && !failed_;) {
      message.tell_done = load.qos > 0 || i % 64 == 63 || i + 1 == load.events;
      if (message.tell_done) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kPatience, [this] { return !free_.empty() || failed_; });
        message.token = free_.back();
        free_.pop_back();
      }
      if (client->send(message) == driver::SendResult::kSent) {
        ++i;
        continue;
      }
      std::unique_lock lock(mutex_);
      if (message.tell_done) free_.push_back(message.token);
      const std::size_t before = free_.size();
      changed_.wait_for(lock, std::chrono::milliseconds(1), [&] { return free_.size() > before || failed_; });
    }
    wait([&] { return free_.size() == all || failed_; });
    const Run out = watch.stop();
    client->disconnect(500);
    if (failed_) return std::unexpected("the broker closed the connection");
    return out;
  }

 private:
  template <typename Condition>
  void wait(const Condition& condition) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, condition);
  }
  void set(bool& flag) {
    const std::lock_guard lock(mutex_);
    flag = true;
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool connected_ = false;
  bool failed_ = false;
  std::vector<std::uint32_t> free_;
};

std::string one_topic(const Load& load) {
  return R"(, "publish": [{"topic": "bench/{{class}}/{{type}}", "qos": )" + std::to_string(load.qos) +
         R"(, "format": ")" + load.format + R"("}])";
}

std::string site(const std::string& name, const std::string& peer) {
  return R"(, "site": {"name": ")" + name + R"(", "peer": ")" + peer + R"("})";
}

}  // namespace

std::expected<Run, std::string> run_library(const Load& load) {
  Loop loop;
  return loop.run(load, config_of(load, one_topic(load)));
}

std::expected<Run, std::string> run_router(const Load& load) {
  Site near(config_of(load, one_topic(load)));
  if (near.router == nullptr) return std::unexpected("no io_uring here");
  near.fill(load);
  near.sender->start();
  if (!near.sender->wait_connected(kPatienceMs)) return std::unexpected("the broker cannot be reached");
  const Stopwatch watch(load);
  near.release();
  if (!near.sender->wait_sent(kPatienceMs)) return std::unexpected("the broker did not take everything in time");
  return watch.stop();
}

std::expected<Run, std::string> run_sites(const Load& load) {
  const std::string id = std::to_string(::getpid());
  Site near(config_of(load, site("near-" + id, "far-" + id)));
  Site far(config_of(load, site("far-" + id, "near-" + id)));
  if (near.router == nullptr || far.router == nullptr) return std::unexpected("no io_uring here");
  far.intake->start();
  far.sender->start();
  near.intake->start();
  near.fill(load);
  near.sender->start();
  if (!near.sender->wait_connected(kPatienceMs) || !far.sender->wait_connected(kPatienceMs))
    return std::unexpected("the broker cannot be reached");
  const Stopwatch watch(load);
  near.release();
  if (!near.sender->wait_sent(kPatienceMs)) return std::unexpected("the far side did not confirm everything in time");
  return watch.stop();
}

}  // namespace bench::mqtt
