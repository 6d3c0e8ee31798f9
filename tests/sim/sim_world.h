// Workers, listeners and clients in one thread: which of them has its turn is decided by one seeded generator, and
// while a worker sleeps the others go on. After every turn what must always hold is checked; in the end everybody reads
// what is left and the books are compared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/link/link_context.h"
#include "router/base/clock.h"
#include "router/core/router.h"
#include "router/io/sim_net.h"
#include "router/io/sim_ring.h"
#include "tests/sim/line_session.h"
#include "tests/sim/sim_client.h"

namespace sim {

struct WorldPlan {
  router::ThreadIndex workers = 2;
  std::uint32_t clients = 8;
  std::uint32_t stalled = 0;  ///< clients more that never read
  std::uint32_t steps = 4000;
  std::size_t pool = 0;        ///< event buffers of a worker, 0 = the router's own bound
  std::uint32_t arrivals = 2;  ///< of 1000 steps, those in which another client comes
  std::uint32_t storm = 0;     ///< of 1000 steps, those in which a client goes without a word and another comes
  router::WorkerSettings worker;
  router::SimRingSettings ring;
  router::SimFaults faults;
  LineSettings session;
  bool link = false;         ///< sessions of the link server in place of LineSession
  std::uint32_t gap_ms = 0;  ///< of these, between RCVLOOP and the first event
  ClientPlan client;
};

/// A plan of all sorts of worlds: tiny pools, tiny logs, slow readers, storms, each alone or together.
WorldPlan plan_of(std::uint64_t seed);
/// For whoever looks for the cause of a failure.
std::string describe(const WorldPlan& plan);

struct Outcome {
  std::string failure;  ///< empty: all is well
  std::uint64_t trace = 0;
  std::uint64_t virtual_ns = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t answers = 0;
  std::uint64_t dropped = 0;
  std::uint64_t log_full = 0;
  std::uint64_t holds = 0;
  std::uint64_t sleeps = 0;
  std::uint64_t pauses = 0;
};

class SimWorld final : public router::SimSleeper {
 public:
  SimWorld(std::uint64_t seed, const WorldPlan& plan);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  Outcome run();

 private:
  class Acceptor;
  struct Sleeper {
    router::SimRing* ring;
    std::uint64_t deadline_ns;
  };

  void sleep(router::SimRing& ring, std::uint64_t deadline_ns) noexcept override;
  bool somebody_wakes() const;
  bool is_asleep(const router::SimRing& ring) const;
  void step();
  void worker_turn();
  void let_time_pass(bool to_next_event);
  std::uint64_t next_event_ns() const;
  void check_turn();
  void add_client(bool stalls = false);
  void make_link_context();
  void open_session(router::Worker& home, int descriptor);
  void settle();
  bool is_settled();
  void check_books();
  void tear_down();
  void check_empty();
  void fail(const std::string& text) { ledger_.fail(text); }
  std::uint64_t below(std::uint64_t bound) { return net_.random().below(bound); }

  WorldPlan plan_;
  router::ManualClock clock_;
  router::SimNet net_;
  Ledger ledger_;
  std::vector<router::SimRing*> rings_;
  std::unique_ptr<drivers::link::LoginService> logins_;
  std::shared_ptr<drivers::link::LinkContext> link_;
  std::unique_ptr<router::Router> router_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<Sleeper> sleepers_;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_end_ = 0;
  bool settling_ = false;
};

}  // namespace sim
