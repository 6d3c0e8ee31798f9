#include "tests/sim/sim_world.h"

#include <algorithm>
#include <set>

#include "drivers/link/link_session.h"
#include "router/base/check.h"
#include "router/base/password.h"

namespace sim {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::uint64_t kSettleSteps = 400'000;

}  // namespace

/// Gives new sockets to the workers in turn, as the link server does.
class SimWorld::Acceptor final : public router::OpOwner {
 public:
  Acceptor(SimWorld& world, router::Worker& worker) : world_(&world), worker_(&worker), listener_(world.net_.listen()) {
    worker.ring().start_accept(listener_, *this);
  }

  void stop() {
    if (stopping_) return;
    stopping_ = true;
    worker_->ring().cancel(listener_, *this, router::OpKind::kAccept);
  }
  bool is_over() const { return over_; }
  router::Socket listener() const { return listener_; }

 private:
  void on_completion(const router::Completion& completion) noexcept override {
    if (completion.result >= 0) hand_over(completion.result);
    if (completion.more) return;
    if (stopping_) {
      worker_->ring().close(listener_);
      over_ = true;
    } else {
      worker_->ring().start_accept(listener_, *this);
    }
  }

  void hand_over(router::Socket socket) {
    auto& router = *world_->router_;
    router::Worker& home = router.worker(static_cast<router::ThreadIndex>(next_++ % router.worker_count()));
    const auto open = [world = world_, &home, socket] { world->open_session(home, socket); };
    if (&home == worker_) {
      open();
    } else {
      home.post(router::make_task(open));
    }
  }

  SimWorld* world_;
  router::Worker* worker_;
  router::Socket listener_;
  std::uint32_t next_ = 0;
  bool stopping_ = false;
  bool over_ = false;
};

SimWorld::SimWorld(std::uint64_t seed, const WorldPlan& plan)
    : plan_(plan), net_(seed, clock_, plan.faults), ledger_(seed) {
  router::RouterSettings settings;
  settings.workers = plan.workers;
  settings.event_pool = plan.pool;
  settings.worker = plan.worker;
  std::string error;
  router_ = router::Router::make(
      settings, clock_,
      [this](std::string&) {
        auto ring = std::make_unique<router::SimRing>(net_, plan_.ring, this);
        rings_.push_back(ring.get());
        return ring;
      },
      error);
  VR_ASSERT(router_ != nullptr);
  make_link_context();
  for (router::ThreadIndex i = 0; i < plan.workers; ++i) {
    acceptors_.push_back(std::make_unique<Acceptor>(*this, router_->worker(i)));
  }
  for (std::uint32_t i = 0; i < plan.clients; ++i) add_client();
  for (std::uint32_t i = 0; i < plan.stalled; ++i) add_client(true);
}

SimWorld::~SimWorld() = default;

void SimWorld::make_link_context() {
  static const std::string hash =
      router::hash_password("secret", {.memory_kib = 64, .iterations = 1, .lanes = 1}).value();
  router::User user;
  user.name = "admin";
  user.password_hash = hash;
  user.allowed_verbs = router::verbs_for_privilege(router::kPrivilegeMax);
  logins_ = std::make_unique<drivers::link::LoginService>(
      clock_, std::make_shared<router::UserDirectory>(std::vector{user}), nullptr);
  link_ = std::make_shared<drivers::link::LinkContext>();
  link_->router = router_.get();
  link_->logins = logins_.get();
  link_->config.max_out_queue = plan_.session.events_max;
  link_->config.receive_sent_events = plan_.session.receives_own;
  link_->config.slow_consumer = plan_.session.limits.slow_consumer;
  link_->config.hold_producers_ms = plan_.session.limits.hold_ms;
  link_->config.keepalive_ms = plan_.session.keepalive_ms;
  link_->config.rcvloop_gap_ms = plan_.gap_ms;
  link_->config.login_timeout_s = 1'000'000;
  link_->config.idle_timeout_s = 0;
  link_->greeting = "Welcome.\r\n+OK - Success.\r\n";
}

// The worker owns the session from open() on.
void SimWorld::open_session(router::Worker& home, int descriptor) {
  const router::Socket socket = home.ring().adopt(descriptor);
  if (plan_.link) {
    auto session = std::make_unique<drivers::link::LinkSession>(home, socket, router::PeerAddress(), *link_);
    session.release()->open();
  } else {
    auto session = std::make_unique<LineSession>(*router_, home, socket, plan_.session);
    session.release()->open();
  }
}

void SimWorld::add_client(bool stalls) {
  ClientPlan plan = plan_.client;
  // Some only listen, some only send, most do both; each reads at its own speed.
  const std::uint64_t kind = below(10);
  if (kind < 3) plan.events = 0;
  if (kind > 7) plan.commands = 0;
  if (plan.idle > 0) plan.idle = static_cast<std::uint32_t>(below(plan.idle));
  plan.read_max = 1 + static_cast<std::uint32_t>(below(plan.read_max));
  if (net_.chance(500)) plan.stop = 0;
  if (net_.chance(300)) {
    plan.fate = net_.chance(400) ? Fate::kHalfCloses : static_cast<Fate>(1 + below(4));
    plan.fate_after = static_cast<std::uint32_t>(below(plan.events + plan.commands + 1));
  }
  if (stalls) {
    plan = plan_.client;
    plan.stalls = true;
    plan.may_be_closed = true;
  }
  const router::Socket listener = acceptors_[below(acceptors_.size())]->listener();
  clients_.push_back(std::make_unique<SimClient>(net_, ledger_, listener, plan));
}

// ---- turns
// ------------------------------------------------------------------------------------------------------------------

bool SimWorld::is_asleep(const router::SimRing& ring) const {
  return std::any_of(sleepers_.begin(), sleepers_.end(), [&](const Sleeper& each) { return each.ring == &ring; });
}

bool SimWorld::somebody_wakes() const {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  return steps_ >= steps_end_ || !ledger_.failure.empty() ||
         std::any_of(sleepers_.begin(), sleepers_.end(),
                     [&](const Sleeper& each) { return each.ring->is_ready() || now_ns >= each.deadline_ns; });
}

// Sleeps lie inside each other: an outer sleeper that wakes ends the sleeps inside its own, which is a spurious end for
// them.
void SimWorld::sleep(router::SimRing& ring, std::uint64_t deadline_ns) noexcept {
  sleepers_.push_back({&ring, deadline_ns});
  while (!somebody_wakes()) step();
  sleepers_.pop_back();
}

void SimWorld::step() {
  ++steps_;
  if (net_.chance(100)) logins_->run_one();
  const bool all_asleep = sleepers_.size() == rings_.size();
  const std::uint64_t what = below(10);
  if (what < 4 && !all_asleep) {
    worker_turn();
  } else if (what < 8 && !clients_.empty()) {
    const bool happened = clients_[below(clients_.size())]->act();
    if (!happened && all_asleep && net_.chance(100)) let_time_pass(settling_);
  } else {
    rings_[below(rings_.size())]->progress();
    let_time_pass(all_asleep && settling_);
  }
  if (settling_) return;
  if (net_.chance(plan_.arrivals)) add_client();
  if (net_.chance(plan_.storm)) {
    clients_[below(clients_.size())]->leave(net_.chance(500) ? Fate::kResets : Fate::kCloses);
    add_client();
  }
}

void SimWorld::worker_turn() {
  std::uint64_t choice = below(rings_.size() - sleepers_.size());
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    if (is_asleep(*rings_[i]) || choice-- > 0) continue;
    router_->worker(static_cast<router::ThreadIndex>(i)).run_once(net_.chance(800));
    check_turn();
    return;
  }
}

std::uint64_t SimWorld::next_event_ns() const {
  std::uint64_t next_ns = kNever;
  for (const Sleeper& sleeper : sleepers_) next_ns = std::min(next_ns, sleeper.deadline_ns);
  for (const auto* ring : rings_) next_ns = std::min(next_ns, ring->next_progress_ns());
  return next_ns;
}

void SimWorld::let_time_pass(bool to_next_event) {
  std::uint64_t by_ns = below(100'000);
  // In the end nobody is waited for but the clock.
  to_next_event =
      to_next_event && std::none_of(clients_.begin(), clients_.end(), [](const auto& each) { return each->can_act(); });
  if (to_next_event || net_.chance(20)) {
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const std::uint64_t next_ns = next_event_ns();
    if (next_ns != kNever && next_ns > now_ns) by_ns = std::min<std::uint64_t>(next_ns - now_ns, 50'000'000);
  }
  clock_.advance(by_ns);
}

void SimWorld::check_turn() {
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    auto& worker = router_->worker(static_cast<router::ThreadIndex>(i));
    if (worker.pool().in_use() > worker.pool().capacity()) fail("more event buffers than the pool has");
    if (is_asleep(*rings_[i]) && !worker.is_holding() && worker.inbox().has_more() && !rings_[i]->is_wake_pending()) {
      fail("worker " + std::to_string(i) + " sleeps although its inbox has something");
    }
  }
}

// ---- the end
// ----------------------------------------------------------------------------------------------------------------

Outcome SimWorld::run() {
  steps_end_ = plan_.steps;
  while (steps_ < steps_end_ && ledger_.failure.empty()) step();
  settle();
  if (ledger_.failure.empty()) check_books();
  tear_down();
  if (ledger_.failure.empty()) check_empty();

  Outcome outcome;
  outcome.failure = ledger_.failure;
  outcome.trace = net_.trace();
  outcome.virtual_ns = clock_.monotonic_ns();
  outcome.deliveries = ledger_.deliveries;
  outcome.answers = ledger_.answers;
  for (router::ThreadIndex i = 0; i < router_->worker_count(); ++i) {
    const auto& worker = router_->worker(i);
    outcome.dropped += worker.fanout_counters().dropped.value();
    outcome.log_full += worker.fanout_counters().log_full.value();
    outcome.holds += worker.counters().holds.value();
    outcome.sleeps += worker.counters().sleeps.value();
    outcome.pauses += worker.counters().input_pauses.value();
  }
  return outcome;
}

void SimWorld::settle() {
  settling_ = true;
  // The rest is to be moved in a time that a test can wait for.
  net_.faults().short_recv = std::min(net_.faults().short_recv, 200U);
  net_.faults().short_send = std::min(net_.faults().short_send, 200U);
  net_.faults().delay_max_ns = std::min<std::uint64_t>(net_.faults().delay_max_ns, 1'000'000);
  for (auto& client : clients_) client->settle();
  steps_end_ = steps_ + kSettleSteps;
  while (steps_ < steps_end_ && ledger_.failure.empty()) {
    for (int i = 0; i < 64; ++i) step();
    if (is_settled()) return;
  }
  if (!ledger_.failure.empty()) return;
  std::string who;
  for (const auto& client : clients_) {
    if (!client->is_settled()) who += "; client " + std::to_string(client->source()) + ": " + client->describe();
  }
  std::string where;
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    auto& worker = router_->worker(static_cast<router::ThreadIndex>(i));
    where += "; worker " + std::to_string(i) + (is_asleep(*rings_[i]) ? " asleep" : "") + ", turns " +
             std::to_string(worker.counters().turns.value()) + ", buffers free " +
             std::to_string(rings_[i]->buffers_free()) + ", held " + std::to_string(worker.held_inputs().taken()) +
             ", events out of the pool " + std::to_string(worker.pool().in_use()) + ", operations " +
             std::to_string(rings_[i]->operation_count()) + (worker.hold().is_on() ? ", hold" : "") +
             (worker.may_publish() ? "" : ", may not publish") + (worker.inbox().has_more() ? ", inbox" : "");
  }
  fail("not settled at " + std::to_string(clock_.monotonic_ns() / 1'000'000) + " ms" + where + who);
}

bool SimWorld::is_settled() {
  std::set<std::uint32_t> stalled_channels;
  for (const auto& client : clients_) {
    while (client->act()) {
    }
    if (!client->is_settled()) return false;
    if (client->is_stalled()) stalled_channels.insert(client->channel());
  }
  for (router::ThreadIndex i = 0; i < router_->worker_count(); ++i) {
    auto& worker = router_->worker(i);
    if (worker.inbox().has_more() || worker.publisher().has_staged()) return false;
    bool waiting = false;
    worker.for_each_session([&](router::StreamSession& session) {
      waiting = waiting || (session.is_open() && session.is_joined() && stalled_channels.count(session.channel) == 0 &&
                            worker.fanout().has_waiting(session));
    });
    if (waiting) return false;
  }
  return true;
}

void SimWorld::check_books() {
  for (const auto& client : clients_) {
    if (!client->is_connected() || !client->is_logged_in() || client->is_stalled()) continue;
    auto& worker = router_->worker(router_->threads().owner_of(client->channel()));
    auto* session = worker.find_session(client->channel());
    if (session == nullptr) {
      fail("a connected client has no session");
      continue;
    }
    const std::uint64_t missing = client->count_missing();
    const std::uint64_t counted = session->events_dropped() + worker.fanout_counters().log_full.value();
    if (missing > counted) {
      fail("client " + std::to_string(client->source()) + " misses " + std::to_string(missing) + " events, counted " +
           std::to_string(session->events_dropped()) + " dropped and " +
           std::to_string(worker.fanout_counters().log_full.value()) + " without memory");
    }
  }
}

void SimWorld::tear_down() {
  // After a failure too: the objects must go in order.
  for (auto& client : clients_) client->leave(static_cast<Fate>(1 + below(4)));
  for (auto& acceptor : acceptors_) acceptor->stop();
  const std::string failure = ledger_.failure;
  const auto is_over = [this] {
    bool over = true;
    for (router::ThreadIndex i = 0; i < router_->worker_count(); ++i)
      over = over && router_->worker(i).session_count() == 0;
    for (const auto& acceptor : acceptors_) over = over && acceptor->is_over();
    return over;
  };
  steps_end_ = steps_ + kSettleSteps;
  while (steps_ < steps_end_ && !is_over()) {
    ledger_.failure.clear();
    for (int i = 0; i < 16; ++i) step();
    if (ledger_.failure.empty()) continue;
    break;
  }
  if (!failure.empty()) ledger_.failure = failure;
  if (!is_over()) fail("sessions do not end");
  for (int i = 0; i < 4; ++i) {
    for (router::ThreadIndex index = 0; index < router_->worker_count(); ++index)
      router_->worker(index).run_once(false);
  }
}

void SimWorld::check_empty() {
  for (router::ThreadIndex i = 0; i < router_->worker_count(); ++i) {
    auto& worker = router_->worker(i);
    const std::string name = "worker " + std::to_string(i) + ": ";
    if (worker.pool().in_use() != 0)
      fail(name + std::to_string(worker.pool().in_use()) + " event buffers are not back");
    if (worker.fanout().group_count() != 0) fail(name + "filter groups are left");
    if (worker.fanout().chunks_in_use() != 0) fail(name + "index chunks are left");
    if (worker.fanout().segments_in_use() > router::kFormats) fail(name + "log segments are left");
    if (worker.out_blocks().taken() != 0) fail(name + "reply blocks are left");
    if (worker.held_inputs().taken() != 0) fail(name + "held inputs are left");
    if (rings_[i]->buffers_free() != plan_.ring.buffer_count) fail(name + "receive buffers are not back");
    if (rings_[i]->operation_count() != 0) fail(name + "operations are left");
    if (worker.hold().is_on()) fail(name + "a hold is left");
  }
}

}  // namespace sim
