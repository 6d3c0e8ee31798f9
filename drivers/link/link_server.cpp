#include "drivers/link/link_server.h"

#include <netinet/in.h>

#include <algorithm>

#include "drivers/link/link_listener.h"
#include "drivers/link/link_session.h"
#include "protocol/link_reply.h"
#include "router/io/socket.h"

namespace drivers::link {
namespace {

// How long a session may go on taking what is queued for it when the process stops.
constexpr std::uint64_t kDrainNs = 3'000'000'000;

// Spec: class2.protocol.md type 20, capability code: only what is really there.
constexpr std::uint64_t kManyInterfaces = std::uint64_t{1} << 61U;
constexpr std::uint64_t kLinkServer = std::uint64_t{1} << 15U;
constexpr std::uint64_t kIpv6 = std::uint64_t{1} << 6U;
constexpr std::uint64_t kIpv4 = std::uint64_t{1} << 5U;
constexpr std::uint64_t kManyConnections = std::uint64_t{1} << 3U;

std::uint64_t capabilities_of(const std::vector<LinkListenerSetup>& setups) {
  std::uint64_t bits = kManyInterfaces | kLinkServer | kManyConnections;
  for (const auto& setup : setups) {
    for (const auto& address : setup.config.addresses) {
      if (address.storage.ss_family == AF_INET6) bits |= kIpv6;
      if (address.storage.ss_family == AF_INET || address.all_interfaces) bits |= kIpv4;
    }
  }
  return bits;
}

// "0.1.0" as the four numbers of VERSION.
std::string version_numbers(std::string version) {
  std::replace(version.begin(), version.end(), '.', ',');
  return version + ",0";
}

void note_service(router::ServiceList& services, int socket, bool tls) {
  constexpr std::uint16_t kStandardPort = 9598;
  const sockaddr_storage address = router::local_address(socket);
  const std::uint16_t port = ntohs(address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                                                                : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  if (tls) services.add(router::Service::kTls);
  if (port != kStandardPort) services.add(router::Service::kLink, port, tls);
}

}  // namespace

LinkServer::LinkServer(router::Router& router, std::vector<LinkListenerSetup> setups,
                       std::function<void()> request_shutdown)
    : router_(&router), setups_(std::move(setups)), request_shutdown_(std::move(request_shutdown)) {}

LinkServer::~LinkServer() = default;

std::string LinkServer::open() {
  router_->services().add(capabilities_of(setups_));
  const std::string& version = router_->settings().version;
  for (std::size_t index = 0; index < setups_.size(); ++index) {
    const auto& setup = setups_[index];
    auto& worker = router_->worker(static_cast<router::ThreadIndex>(index % router_->worker_count()));
    const auto limits = std::make_shared<SessionLimits>(setup.config);
    logins_.push_back(std::make_unique<LoginService>(router_->clock(), setup.users, setup.on_old_form));
    doors_.emplace_back();
    if (setup.config.tls) {
      auto contexts = TlsDoor::make_contexts(*setup.config.tls, router_->worker_count());
      if (!contexts) return contexts.error();
      doors_.back() = std::make_shared<TlsDoor>(std::move(*contexts));
    }
    for (const auto& address : setup.config.addresses) {
      if (address.tls && doors_.back() == nullptr) return address.text + " is for TLS, but there is no certificate";
      auto socket = router::listen_tcp(address);
      if (!socket) return socket.error();
      auto context = std::make_shared<LinkContext>();
      context->router = router_;
      context->logins = logins_.back().get();
      context->config = setup.config;
      context->listener = router::address_text(router::local_address(socket->get())) + (address.tls ? "s" : "");
      if (address.tls) context->tls = doors_.back();
      note_service(router_->services(), socket->get(), address.tls);
      context->greeting = "Welcome to the VSCP daemon.\r\nVersion: vscprouterd " + version + "\r\n";
      context->greeting += vscp::reply::kOk;
      context->version_reply = version_numbers(version);
      context->capabilities = capabilities_of(setups_);
      context->request_shutdown = request_shutdown_;
      listeners_.push_back(std::make_unique<LinkListener>(worker, std::move(*socket), std::move(context), limits));
    }
  }
  return {};
}

void LinkServer::start() {
  for (auto& logins : logins_) logins->start();
  for (auto& listener : listeners_) {
    listener->worker().post(router::make_task([&listener] { listener->start(); }));
  }
}

void LinkServer::drain() {
  for (auto& listener : listeners_) {
    listener->worker().post(router::make_task([&listener] { listener->stop(); }));
  }
  router_->visit_workers(
      [](router::Worker& worker) {
        worker.for_each_session([](router::StreamSession& session) { session.drain(kDrainNs); });
      },
      [] {});
}

void LinkServer::stop() {
  for (auto& logins : logins_) logins->stop();
}

std::vector<std::string> LinkServer::addresses() const {
  std::vector<std::string> texts;
  for (const auto& listener : listeners_) texts.push_back(listener->address());
  return texts;
}

std::string LinkServer::renew_certificates(std::size_t index) {
  if (doors_[index] == nullptr) return {};
  auto contexts = TlsDoor::make_contexts(*setups_[index].config.tls, router_->worker_count());
  if (!contexts) return contexts.error();
  auto fresh = std::make_shared<TlsDoor::Contexts>(std::move(*contexts));  // a worker may come late
  const bool complete = router_->visit_workers_and_wait(
      [door = doors_[index], fresh](router::Worker& worker) {
        door->renew(worker.index(), std::move((*fresh)[worker.index()]));
      },
      router::Router::kAnswerMs);
  return complete ? std::string() : "a worker has had no time for the new certificates yet: it takes them as soon as it has";
}

void LinkServer::set_users(std::size_t index, std::shared_ptr<const router::UserDirectory> users) {
  logins_[index]->set_users(std::move(users));
}

}  // namespace drivers::link
