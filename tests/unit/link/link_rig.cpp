#include "tests/unit/link/link_rig.h"

#include <algorithm>
#include <array>

#include "protocol/link_reply.h"
#include "router/base/check.h"
#include "router/base/password.h"

namespace link_test {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr int kTurnsMax = 200'000;

}  // namespace

router::SimFaults no_faults() {
  router::SimFaults faults;
  faults.short_recv = 0;
  faults.short_send = 0;
  faults.multishot_end = 0;
  faults.delay = 0;
  faults.accept_error = 0;
  faults.cancel_loses = 0;
  return faults;
}

router::User make_user(std::string name, std::string_view password) {
  router::User user;
  user.name = std::move(name);
  user.password_hash = router::hash_password(password, {.memory_kib = 8, .iterations = 1, .lanes = 1}).value_or("");
  user.allowed_verbs.set();
  user.privilege = router::kPrivilegeMax;
  return user;
}

RigSettings::RigSettings() {
  config.rcvloop_gap_ms = 0;
  worker.fanout.log_bytes = 8U << 20U;
  worker.out_blocks = 4096;
  worker.held_inputs = 64;
}

LinkRig::LinkRig(const RigSettings& settings) : settings_(settings), net_(settings.seed, clock_, settings.faults) {
  router::RouterSettings router_settings;
  router_settings.workers = settings.workers;
  router_settings.event_pool = settings.event_pool;
  router_settings.worker = settings.worker;
  router_settings.server_name = "rig";
  router_settings.guid.bytes[0] = 0xff;
  std::string error;
  const auto make_ring = [this](std::string&) {
    auto ring = std::make_unique<router::SimRing>(net_, settings_.ring, nullptr);
    rings_.push_back(ring.get());
    return ring;
  };
  router_ = router::Router::make(router_settings, clock_, make_ring, error);
  VR_ASSERT(router_ != nullptr);
  std::vector<router::User> users = settings.users;
  if (users.empty()) users.push_back(make_user("admin", "secret"));
  logins_ = std::make_unique<drivers::link::LoginService>(
      clock_, std::make_shared<router::UserDirectory>(std::move(users)), nullptr);
  context_ = std::make_shared<drivers::link::LinkContext>();
  context_->router = router_.get();
  context_->logins = logins_.get();
  context_->config = settings.config;
  context_->tls = settings.tls;
  context_->listener = "rig";
  context_->greeting = "Welcome\r\n" + std::string(vscp::reply::kOk);
  context_->version_reply = "1,2,3,4";
  context_->on_closed = [this](const router::PeerAddress&) { ++closed_; };
  context_->request_shutdown = [this] { ++shutdowns_; };
  listener_ = net_.listen();
}

LinkRig::~LinkRig() {
  if (!ended_) VR_ASSERT(end().empty());
}

router::Socket LinkRig::connect(router::ThreadIndex index) {
  const router::Socket client = net_.connect(listener_);
  const router::Socket socket = worker(index).ring().adopt(net_.accept(listener_));
  auto session = std::make_unique<drivers::link::LinkSession>(worker(index), socket, router::PeerAddress(), *context_);
  auto* opened = session.release();
  opened->open();  // the worker's from here on
  clients_.push_back({client, index, opened->channel, opened->serial()});
  settle();
  return client;
}

router::Socket LinkRig::connect_logged_in(router::ThreadIndex index) {
  const router::Socket client = connect(index);
  const std::string answer = ask(client, "USER admin\r\nPASS secret\r\n");
  VR_ASSERT(answer.ends_with(std::string(vscp::reply::kUserOk) + std::string(vscp::reply::kOk)));
  return client;
}

bool LinkRig::send(router::Socket client, std::string_view text) {
  while (!text.empty()) {
    const int sent = net_.send(client, text);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    settle();
    if (net_.send_room(client) == 0) return false;
  }
  return true;
}

std::string LinkRig::read(router::Socket client, std::size_t limit) {
  std::string text;
  std::array<char, 4096> room;
  while (text.size() < limit) {
    const int got = net_.recv(client, std::span(room).first(std::min(room.size(), limit - text.size())));
    if (got <= 0) break;
    text.append(room.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string LinkRig::read_all(router::Socket client) {
  std::string text;
  for (;;) {
    settle();
    const std::string more = read(client);
    if (more.empty()) return text;
    text += more;
  }
}

std::string LinkRig::ask(router::Socket client, std::string_view text) {
  VR_ASSERT(send(client, text));
  return read_all(client);
}

bool LinkRig::is_closed(router::Socket client) {
  std::array<char, 1> room;
  return net_.recv(client, room) == 0;
}

void LinkRig::close(router::Socket client) {
  net_.close(client);
  settle();
}

void LinkRig::reset(router::Socket client) {
  net_.reset(client);
  settle();
}

drivers::link::LinkSession* LinkRig::session(router::Socket client) {
  const auto entry = std::find_if(clients_.begin(), clients_.end(), [&](const auto& e) { return e.socket == client; });
  VR_ASSERT(entry != clients_.end());
  auto* found = static_cast<drivers::link::LinkSession*>(worker(entry->worker).find_session(entry->channel));
  return found != nullptr && found->serial() == entry->serial ? found : nullptr;
}

std::size_t LinkRig::session_count() const {
  std::size_t count = 0;
  for (router::ThreadIndex i = 0; i < settings_.workers; ++i) count += router_->worker(i).session_count();
  return count;
}

void LinkRig::turn() {
  for (router::ThreadIndex i = 0; i < settings_.workers; ++i) worker(i).run_once(false);
}

bool LinkRig::anything_waits() const {
  for (router::ThreadIndex i = 0; i < settings_.workers; ++i) {
    if (router_->worker(i).inbox().has_more()) return true;
  }
  return false;
}

void LinkRig::settle() {
  int quiet = 0;
  for (int turns = 0; quiet < 3; ++turns) {
    VR_ASSERT(turns < kTurnsMax);
    const std::uint64_t before = net_.trace();
    turn();
    const bool checked = run_logins_ && logins_->run_one();
    quiet = before == net_.trace() && !checked && !anything_waits() ? quiet + 1 : 0;
    std::uint64_t next_ns = kNever;
    for (const auto* ring : rings_) next_ns = std::min(next_ns, ring->next_progress_ns());
    const std::uint64_t now_ns = clock_.monotonic_ns();
    if (next_ns != kNever && next_ns > now_ns) {
      clock_.advance(next_ns - now_ns);
      quiet = 0;
    }
  }
}

void LinkRig::pass_time(std::uint64_t nanoseconds) {
  clock_.advance(nanoseconds);
  settle();
}

std::string LinkRig::end() {
  ended_ = true;
  for (const auto& client : clients_) {
    if (net_.is_open(client.socket)) net_.close(client.socket);
  }
  for (int i = 0; i < 100 && net_.open_sockets() > 1; ++i) pass_time(100 * kMillisecond);
  std::string left;
  const auto check = [&left](const std::string& what, std::size_t count, std::size_t expected) {
    if (count != expected)
      left += what + ": " + std::to_string(count) + " instead of " + std::to_string(expected) + "; ";
  };
  check("open sockets", net_.open_sockets(), 1);
  for (router::ThreadIndex i = 0; i < settings_.workers; ++i) {
    auto& each = worker(i);
    check("sessions", each.session_count(), 0);
    check("event buffers", each.pool().in_use(), 0);
    check("filter groups", each.fanout().group_count(), 0);
    check("index chunks", each.fanout().chunks_in_use(), 0);
    check("blocks", each.out_blocks().taken(), 0);
    check("held inputs", each.held_inputs().taken(), 0);
    check("receive buffers", rings_[i]->buffers_free(), settings_.ring.buffer_count);
    check("operations", rings_[i]->operation_count(), 0);
    check("holds", each.hold().is_on() ? 1 : 0, 0);
  }
  check("sessions that were closed", closed_, clients_.size());
  return left;
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string all;
  all.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return lines;
}

std::string send_line(std::uint32_t number) {
  std::string data;
  for (int shift = 24; shift >= 0; shift -= 8) data += ',' + std::to_string(number >> shift & 0xffU);
  return "SEND 0,20,3,0,,,-" + data + "\r\n";
}

}  // namespace link_test
