// A small link server session for the simulation: enough of the link protocol to drive everything that a session can do
// with a worker (publish, loop, poll, long replies, answers worked out elsewhere, filters, closing in every way).
//
// Commands: USER, PASS (its answer goes over another worker and back), NOOP, CHID, CDTA, CLRA, SEND, RETR, RCVLOOP,
// QUITLOOP, SFLT, SMSK, HELP (a long reply), QUIT. Replies have the texts of protocol/link_reply.h.
//
// Thread rule: the worker's. Ownership: the worker's, from open() on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/filter.h"
#include "router/core/router.h"
#include "router/core/stream_session.h"

namespace sim {

struct LineSettings {
  router::StreamLimits limits;
  std::uint32_t events_max = 1000;
  bool receives_own = false;
  std::uint32_t keepalive_ms = 2000;
};

class LineSession final : public router::StreamSession {
 public:
  LineSession(router::Router& router, router::Worker& worker, router::Socket socket, const LineSettings& settings);
  void open();

 private:
  enum class Done : std::uint8_t { kYes, kNotYet };

  std::size_t on_input(std::span<const char> bytes) noexcept override;
  void on_deadline(std::uint64_t now_ns) noexcept override;
  void on_progress() noexcept override;

  Done run(std::string_view line);
  Done run_joined(std::string_view word, std::string_view rest);
  void log_in();
  void on_login();
  Done send(std::string_view text);
  void set_filter(std::string_view text, bool mask);
  bool is_replying() const noexcept { return retr_left_ > 0 || help_left_ > 0; }
  void continue_reply();

  router::Router* router_;
  LineSettings settings_;
  std::string tail_;
  vscp::Filter filter_;
  std::uint32_t retr_left_ = 0;
  std::uint32_t help_left_ = 0;
};

/// Lines of the reply to HELP.
inline constexpr std::uint32_t kHelpLines = 1200;
inline constexpr std::string_view kHelpLine = "a line of help that is long enough to fill the allowance of replies\r\n";

}  // namespace sim
