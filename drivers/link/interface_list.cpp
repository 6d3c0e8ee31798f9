// INTERFACE: what is connected, in the text protocol as a list and in the binary one by number. Sessions of other workers
// are asked on their worker's thread.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "drivers/link/answers.h"
#include "drivers/link/link_session.h"
#include "protocol/datetime.h"
#include "protocol/link_reply.h"
#include "router/core/router.h"

namespace drivers::link {
namespace {

// Commas and bars separate columns, and a reply line must not look like a status line.
std::string column(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) { return c == ',' || c == '|' || c == '+' || static_cast<unsigned char>(c) < 0x20; }, ' ');
  return clean;
}

std::string interface_row(const InterfaceEntry& entry) {
  char date[vscp::kDatetimeTextSize];
  vscp::format_datetime(entry.since_utc_ns, date);
  constexpr std::size_t kDateSize = sizeof(date) - 1;  // without the Z: a client takes the last 19 characters
  return std::to_string(entry.id) + ',' + std::to_string(entry.type) + ',' + vscp::to_string(entry.guid) + ',' +
         column(entry.name) + "|Started at " + std::string(date, kDateSize) + "\r\n";
}

// Spec: vscp_tcpiplink.md#tcpip-interface-list.
constexpr std::uint32_t kTypeInternal = 1;
constexpr std::uint32_t kTypeLinkClient = 4;

InterfaceEntry entry_of(router::StreamSession& session) {
  router::SessionInfo info;
  session.describe(info);
  return {info.channel, kTypeLinkClient, info.guid, "tcp/ip link client " + info.peer, info.since_utc_ns};
}

// The router itself and its drivers.
void visit_fixed_interfaces(const router::Router& router, const std::function<void(const InterfaceEntry&)>& visit) {
  visit({0, kTypeInternal, router.settings().guid, router.settings().server_name, router.started_utc_ns()});
  for (const auto& entry : router.interfaces()) {
    visit({entry.channel, entry.type, entry.guid, entry.name, router.started_utc_ns()});
  }
}

}  // namespace

// Runs `next` on the session's worker, unless the session has gone meanwhile. Any worker may call what is returned.
std::function<void(std::function<void(LinkSession&)>)> LinkSession::way_home() {
  return [&home = worker(), id = channel, serial = serial_](std::function<void(LinkSession&)> next) {
    home.post(router::make_task([&home, id, serial, next = std::move(next)] {
      auto* session = static_cast<LinkSession*>(home.find_session(id));
      if (session != nullptr && session->serial() == serial && session->is_open()) next(*session);
    }));
  };
}

// The session is busy until `done`, which is called unless the session has gone. `visit` is called on any worker.
void LinkSession::visit_interfaces(std::function<void(const InterfaceEntry&)> visit,
                                   std::function<void(LinkSession&)> done) {
  visit_fixed_interfaces(*context_->router, visit);
  set_busy(true);
  context_->router->visit_sessions(
      [visit = std::move(visit)](router::StreamSession& session) { visit(entry_of(session)); },
      [done = std::move(done), go_home = way_home()] { go_home(done); });
}

// Spec: vscp_tcpiplink.md#interface. Row by row as the client takes them: all of 100 000 sessions would be 10 MB for each
// client that asks. The list is no snapshot: of sessions that come and go meanwhile some are in it.
void LinkSession::interface(std::string_view argument) {
  if (argument.starts_with("UNIQUE") || argument.starts_with("unique")) {
    refuse(answers::kInterfaceNotFound, vscp::Errc::kUnknownCommand);
    return;
  }
  std::string rows;
  visit_fixed_interfaces(*context_->router, [&rows](const InterfaceEntry& entry) { rows += interface_row(entry); });
  extras().next_row.emplace();
  set_busy(true);
  start_long_reply(std::move(rows));
}

void LinkSession::fetch_rows(router::SessionPlace from) {
  set_busy(true);
  auto rows = std::make_shared<std::string>();
  context_->router->visit_some_sessions(
      from, [rows](router::StreamSession& session) { *rows += interface_row(entry_of(session)); },
      [rows, go_home = way_home()](std::optional<router::SessionPlace> next) {
        go_home([rows, next](LinkSession& session) { session.take_rows(std::move(*rows), next); });
      });
}

// After the last ones it goes on with what the client has sent meanwhile.
void LinkSession::take_rows(std::string rows, std::optional<router::SessionPlace> next) {
  extras().next_row = next;
  if (!next) rows += vscp::reply::kOk;
  start_long_reply(std::move(rows));
}

}  // namespace drivers::link
