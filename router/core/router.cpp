#include "router/core/router.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>

#include "router/base/random.h"
#include "router/base/check.h"
#include "router/base/cpu.h"

namespace router {
namespace {

// Of a tour over all sessions, visited before events have their turn again: about 0.1 ms of work.
constexpr std::size_t kSlotsPerTurn = 128;

// Begins a tour and waits for its end; false after `timeout_ms`.
template <typename Begin>
bool wait_for(Begin begin, std::uint32_t timeout_ms) {
  // Shared, because a tour that comes too late must find something to finish in.
  auto finished = std::make_shared<std::promise<void>>();
  auto future = finished->get_future();
  begin([finished] { finished->set_value(); });
  return future.wait_for(std::chrono::milliseconds(timeout_ms)) == std::future_status::ready;
}

// Buffers of one thread that can be out at the same time, one line per reason.
std::size_t sum_of_bounds(const RouterSettings& settings) {
  const std::size_t receivers = std::size_t{settings.workers} + settings.helpers;
  const std::size_t staged = receivers * 256;                               // staged for each receiver
  const std::size_t in_inboxes = receivers * kInboxCredit;                  // waiting in its inbox
  const std::size_t taken = receivers * settings.worker.inbox_batch_max;    // taken by it, not yet sent home
  const std::size_t decoding = 64;                                          // being filled
  return staged + in_inboxes + taken + decoding;
}

}  // namespace

Router::Router(const RouterSettings& settings, const Clock& clock)
    : settings_(settings),
      clock_(&clock),
      started_utc_ns_(clock.utc_ns()),
      pool_capacity_(settings.event_pool != 0 ? settings.event_pool : sum_of_bounds(settings)),
      threads_(settings.workers, settings.helpers),
      seen_({}, SystemRandom().next()) {}

std::unique_ptr<Router> Router::make(const RouterSettings& settings, const Clock& clock, const RingFactory& make_ring,
                                     std::string& error) {
  std::unique_ptr<Router> router(new Router(settings, clock));
  for (ThreadIndex index = 0; index < settings.workers; ++index) {
    auto ring = make_ring(error);
    if (ring == nullptr) return nullptr;
    router->workers_.push_back(std::make_unique<Worker>(index, router->threads_, router->hold_, settings.worker,
                                                        std::move(ring), clock, settings.guid, router->pool_capacity_));
    router->threads_.set(index, *router->workers_.back());
  }
  return router;
}

Router::~Router() { stop(); }

void Router::add_helper(ThreadIndex index, HelperThread& helper, const InterfaceInfo& info) {
  VR_ASSERT(running_.empty() && index < settings_.helpers);
  threads_.set(helper_thread_index(index), helper);
  add_interface(info);
}

void Router::add_interface(const InterfaceInfo& info) {
  VR_ASSERT(running_.empty());
  const std::uint32_t other = workers_.front()->channels().find(info.guid);
  if (other != kNoChannel && other != info.channel) {
    warnings_.push_back(info.name +
                        ": its GUID may also be that of another interface or session here; give it one whose first 12 bytes are not the router's");
  }
  interfaces_.push_back(info);
  for (auto& worker : workers_) worker->channels().set(info.guid, info.channel);
}

void Router::start() {
  VR_ASSERT(running_.empty());
  for (auto& worker : workers_) worker->find_keepers();
  for (auto& worker : workers_) {
    const int cpu = settings_.cpus.empty() ? -1 : settings_.cpus[worker->index() % settings_.cpus.size()];
    running_.emplace_back([&worker, cpu] {
      char name[16];
      std::snprintf(name, sizeof(name), "vr-worker-%u", static_cast<unsigned>(worker->index()));
      name_and_pin_thread(name, cpu);
      worker->run();
    });
  }
}

void Router::stop() {
  for (auto& worker : workers_) worker->request_stop();
  for (auto& thread : running_) thread.join();
  running_.clear();
}

void Router::visit_workers(std::function<void(Worker&)> visit, std::function<void()> done) {
  struct Tour {
    Router* router;
    std::function<void(Worker&)> visit;
    std::function<void()> done;
  };
  // Hops from worker to worker, so that nothing is shared.
  struct Hop {
    static void go(std::shared_ptr<Tour> tour, ThreadIndex index) {
      Worker& worker = tour->router->worker(index);
      worker.post(make_task([tour = std::move(tour), index]() mutable {
        tour->visit(tour->router->worker(index));
        const auto next = static_cast<ThreadIndex>(index + 1);
        if (next < tour->router->worker_count()) {
          go(std::move(tour), next);
        } else {
          tour->done();
        }
      }));
    }
  };
  Hop::go(std::make_shared<Tour>(this, std::move(visit), std::move(done)), 0);
}

void Router::visit_some_sessions(SessionPlace from, std::function<void(StreamSession&)> visit,
                                 std::function<void(std::optional<SessionPlace>)> done) {
  worker(from.worker).post(make_task([this, from, visit = std::move(visit), done = std::move(done)] {
    const std::size_t next_slot = worker(from.worker).visit_slots(from.slot, kSlotsPerTurn, visit);
    const auto next_worker = static_cast<ThreadIndex>(from.worker + 1);
    if (next_slot != 0) {
      done(SessionPlace{from.worker, next_slot});
    } else if (next_worker < worker_count()) {
      done(SessionPlace{next_worker, 0});
    } else {
      done(std::nullopt);
    }
  }));
}

void Router::visit_sessions(std::function<void(StreamSession&)> visit, std::function<void()> done) {
  struct Tour {
    Router* router;
    std::function<void(StreamSession&)> visit;
    std::function<void()> done;
  };
  struct Hop {
    static void go(const std::shared_ptr<Tour>& tour, SessionPlace from) {
      tour->router->visit_some_sessions(
          from, [tour](StreamSession& session) { tour->visit(session); },
          [tour](std::optional<SessionPlace> next) {
            if (next) {
              go(tour, *next);
            } else {
              tour->done();
            }
          });
    }
  };
  Hop::go(std::make_shared<Tour>(this, std::move(visit), std::move(done)), {});
}

bool Router::is_settled(std::uint32_t timeout_ms) {
  struct Look {
    Router* router;
    std::function<void()> done;
    std::atomic<bool> busy{false};
  };
  struct Hop {
    static void go(std::shared_ptr<Look> look, ThreadIndex index) {
      const ThreadTable& threads = look->router->threads_;
      while (index < threads.size() && threads[index].interest() == nullptr) ++index;  // it takes none
      if (index == threads.size()) {
        look->done();
        return;
      }
      threads[index].post(make_task([look = std::move(look), index]() mutable {
        EventThread& thread = look->router->threads_[index];
        const bool is_worker = index < look->router->worker_count();
        if (thread.inbox().has_more() || (is_worker && look->router->worker(index).publisher().has_staged())) {
          look->busy = true;
        }
        go(std::move(look), static_cast<ThreadIndex>(index + 1));
      }));
    }
  };
  // Twice: what the first look did not see any more at its sender may not yet have been where it was looked for before.
  for (int i = 0; i < 2; ++i) {
    auto look = std::make_shared<Look>(this);
    const bool answered = wait_for(
        [&look](auto done) {
          look->done = std::move(done);
          Hop::go(look, 0);
        },
        timeout_ms);
    if (!answered || look->busy) return false;
  }
  return true;
}

bool Router::visit_workers_and_wait(std::function<void(Worker&)> visit, std::uint32_t timeout_ms) {
  return wait_for([&](auto done) { visit_workers(std::move(visit), std::move(done)); }, timeout_ms);
}

bool Router::visit_sessions_and_wait(std::function<void(StreamSession&)> visit, std::uint32_t timeout_ms) {
  return wait_for([&](auto done) { visit_sessions(std::move(visit), std::move(done)); }, timeout_ms);
}

}  // namespace router
