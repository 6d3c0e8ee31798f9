#include "drivers/sim/sim_driver.h"

#include <limits>

#include "router/base/random.h"

namespace drivers::sim {
namespace {

constexpr std::uint32_t kTypeLevel2Driver = 3;  // spec: vscp_tcpiplink.md#tcpip-interface-list
constexpr std::uint64_t kBatchMax = 256;
constexpr std::uint64_t kPoolWaitNs = 1'000'000;

}  // namespace

std::unique_ptr<router::DriverConfig> SimDriverConfig::read(router::ObjectReader& root, const router::ConfigPlace&) {
  auto config = std::make_unique<SimDriverConfig>();
  router::ObjectReader r(root.object("simulate"), "simulate", root.context());
  config->enable = r.boolean("enable", config->enable);
  config->nodes = static_cast<std::uint32_t>(r.integer("nodes", config->nodes, 1, 65535));
  config->rate = r.number("rate", config->rate, 0.001, 1e6);
  config->seed = static_cast<std::uint64_t>(r.integer("seed", 0, 0, std::numeric_limits<std::int64_t>::max()));
  r.finish();
  return config;
}

std::unique_ptr<router::Driver> SimDriverConfig::make(const router::DriverServices& services,
                                                      router::ThreadIndex helper) const {
  if (!enable) return nullptr;
  router::SystemRandom random;
  FieldOptions field;
  field.seed = seed != 0 ? seed : random.next();
  field.nodes = nodes;
  field.events_per_second = rate;
  return std::make_unique<SimDriver>(*services.router, helper, field);
}

SimDriver::SimDriver(router::Router& router, router::ThreadIndex helper, const FieldOptions& options)
    : HelperThread(router.helper_thread_index(helper), router.threads(), router.pool_capacity()),
      clock_(&router.clock()),
      channel_(router.threads().helper_channel(index())),
      options_(options) {
  router.add_helper(helper, *this,
                    {channel_, kTypeLevel2Driver, router::channel_guid(router.settings().guid, channel_), "simulator"});
}

SimDriver::~SimDriver() { drain(); }

void SimDriver::start() { HelperThread::start("vr-sim"); }

void SimDriver::drain() {
  request_stop();
  join();
}

void SimDriver::body() {
  Field field(options_, clock_->monotonic_ns());
  while (!is_stopping()) {
    const std::uint64_t now = clock_->monotonic_ns();
    std::uint64_t wait_ns = kPoolWaitNs;
    for (std::uint64_t count = 0; count < kBatchMax && !is_stopping(); ++count) {
      const std::uint64_t due = field.next_time_ns();
      if (due > now) {
        wait_ns = due - now;
        break;
      }
      router::EventBuf* event = publisher().try_acquire();
      if (event == nullptr) break;
      field.next(clock_->utc_ns(), event->event);
      event->event.obid = channel_;
      publish(event);
      if (count + 1 == kBatchMax) wait_ns = 0;
    }
    publisher().flush();
    sleep_and_run_tasks(wait_ns);
  }
  publisher().flush();
}

}  // namespace drivers::sim

namespace drivers {

extern const router::DriverKind kSimDriver{&sim::SimDriverConfig::read};

}  // namespace drivers
