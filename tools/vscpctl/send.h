// vscpctl send: one event, or lines from standard input.
#pragma once

#include <cstdint>
#include <string>

#include "tools/client/client_error.h"
#include "tools/vscpctl/connection.h"

namespace tools::ctl {

inline constexpr int kPriorityDefault = 3;

struct EventOptions {
  std::string vscp_class = {};  ///< number or name
  std::string vscp_type = {};   ///< number or name
  std::string data = {};        ///< "1,2,0x03"
  std::string guid = {};        ///< empty or "-": the connection's
  int priority = -1;            ///< 0 (highest) to 7; -1: kPriorityDefault
};

struct SendOptions {
  ConnectionOptions connection;
  std::string line;  ///< an event line, "-" for standard input, or empty to use `event`
  EventOptions event;
  bool lockstep = false;  ///< wait for each answer
};

/// The event line for SEND, without line end; time and obid are left to the server. Errors: kUsage.
ClientResult<std::string> make_event_line(const EventOptions& options);

/// Whether the server could read this line. Errors: kUsage with the reason.
ClientResult<void> check_event_line(std::string_view line);

int run_send(const SendOptions& options);

}  // namespace tools::ctl
