#include "tools/vscpbench/peers/contender.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tools/vscpbench/link_session.h"
#include "tools/vscpbench/server_stats.h"

namespace bench::peers {
namespace {

/// What a link server answers to VERS.
std::string version_of(const Target& target) {
  auto session = LinkSession::open(target);
  const auto lines = session ? session->command("VERS") : std::unexpected(session.error());
  return lines && lines->size() > 1 ? lines->front() : std::string();
}

Contender link_contender(std::string_view server, const std::string& wire, const Target& target, pid_t pid) {
  Contender contender;
  contender.server = server;
  contender.wire = wire;
  contender.make_wire = [wire](std::size_t) { return bench::make_wire(wire); };
  contender.target = target;
  contender.pid = pid;
  return contender;
}

bool is_floor(const std::string& name) {
  return name == kFloor || name.starts_with(std::string(kFloor) + ":");
}

/// "floor:a=1:b=2" into "a=1" and "b=2".
std::vector<std::string> floor_options(const std::string& name) {
  std::vector<std::string> options;
  std::istringstream words(name);
  std::string word;
  std::getline(words, word, ':');
  while (std::getline(words, word, ':')) options.push_back(word);
  return options;
}

}  // namespace

bool is_peer(const std::string& name) {
  const auto& kinds = peer_kinds();
  return is_floor(name) || std::any_of(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.name == name; });
}

std::expected<Servers, std::string> Servers::start(const Selection& selection) {
  Servers servers;
  std::string error;
  if (!selection.router.empty()) error = servers.start_router(selection, 1);
  for (const auto& peer : selection.peers) {
    if (error.empty()) error = is_floor(peer) ? servers.start_floor(selection, peer) : servers.start_peer(peer);
  }
  // Last, so that it stands aside of the others in tables.
  if (error.empty() && !selection.router.empty() && selection.two_workers) error = servers.start_router(selection, 2);
  if (!error.empty()) return std::unexpected(error);
  return servers;
}

std::string Servers::start_router(const Selection& selection, unsigned workers) {
  SpawnOptions options;
  options.program = selection.router;
  options.workers = workers;
  auto started = SpawnedServer::start(options);
  if (!started) return started.error();
  const auto& router = routers_.emplace_back(std::move(*started));
  if (workers == 1) add_version(std::string(kRouter), version_of(router.target()));
  for (const auto& wire : selection.wires) {
    auto contender = link_contender(kRouter, wire, router.target(), router.pid());
    if (workers != 1) contender.variant = kTwoWorkers;
    if (workers == 1 && wire == "text") {
      contender.connect_steps = link_steps(router.target(), *make_wire(wire));
      contender.refusal = "-OK";
    }
    contenders_.push_back(std::move(contender));
  }
  return {};
}

std::string Servers::start_floor(const Selection& selection, const std::string& name) {
  auto child = ChildProcess::make();
  if (!child) return child.error();
  const Target target{{"127.0.0.1", free_port(), ""}, "any", "any"};
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "cannot find the own program: " + error.message();
  std::vector<std::string> command{own, "floor", "--port", std::to_string(target.address.port)};
  const auto options = floor_options(name);
  for (const auto& option : options) command.push_back("--" + option);
  if (auto failed = child->start(command); !failed.empty()) return failed;
  auto failed = child->wait_until([&] {
    const auto session = LinkSession::open(target, 2);
    return session ? std::string() : session.error();
  });
  if (!failed.empty()) return failed;
  const auto& floor = floors_.emplace_back(std::move(*child));
  for (const auto& wire : selection.wires) {
    auto contender = link_contender(kFloor, wire, target, floor.pid());
    for (const auto& option : options) contender.variant += (contender.variant.empty() ? "" : " ") + option;
    contenders_.push_back(std::move(contender));
  }
  return {};
}

std::string Servers::start_peer(const std::string& name) {
  const auto& kinds = peer_kinds();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const auto& one) { return one.name == name; });
  if (kind == kinds.end()) return "there is no peer \"" + name + "\"";
  if (find_program(kind->program).empty()) {
    remarks_.push_back(not_installed(*kind));
    return {};
  }
  auto started = PeerServer::start(*kind);
  if (!started) return started.error();
  const auto& peer = peers_.emplace_back(std::move(*started));
  add_version(std::string(kind->program), peer.version());
  for (const auto& wire : kind->wires) {
    Contender contender;
    contender.server = kind->program;
    contender.wire = wire.name;
    contender.make_wire = wire.make;
    contender.target = peer.target();
    contender.pid = peer.pid();
    contender.deliveries_max = kind->deliveries_max;
    if (&wire == &kind->wires.front()) {
      contender.connect_steps = kind->connect_steps;
      contender.refusal = kind->refusal;
    }
    contenders_.push_back(std::move(contender));
  }
  return {};
}

void Servers::add_version(const std::string& server, const std::string& version) {
  versions_ += (versions_.empty() ? "" : ", ") + server + " " + version;
}

std::string Servers::death() const {
  for (const auto& contender : contenders_) {
    // A child that has ended is still there until it is waited for, but has no memory.
    const auto stats = read_process(contender.pid);
    if (!stats || stats->rss_bytes == 0) return contender.server + " ended during the measurement";
  }
  return {};
}

std::string Servers::stop() {
  std::string error;
  const auto note = [&](std::string text) {
    if (error.empty()) error = std::move(text);
  };
  for (auto& router : routers_) note(router.stop());
  for (auto& floor : floors_) note(floor.stop());
  for (auto& peer : peers_) note(peer.stop());
  return error;
}

}  // namespace bench::peers
