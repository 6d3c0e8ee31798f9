#include "tests/fuzz/session_rules.h"

#include <algorithm>
#include <array>
#include <vector>

#include "protocol/link_reply.h"

namespace fuzz {
namespace {

namespace reply = vscp::reply;

constexpr std::array kReplies{reply::kOk,
                              reply::kAlive,
                              reply::kUserOk,
                              reply::kCleared,
                              reply::kLoopEntered,
                              reply::kLoopLeft,
                              reply::kBye,
                              reply::kUnknownCommand,
                              reply::kBadParameter,
                              reply::kNoRights,
                              reply::kLoginFirst,
                              reply::kBadLogin,
                              reply::kNeedUser,
                              reply::kBadPeer,
                              reply::kEventNotAllowed,
                              reply::kNoEvents,
                              reply::kNotSupported,
                              reply::kBinaryOn,
                              reply::kTestFailed,
                              reply::kInterfaceNotFound,
                              reply::kLineTooLong,
                              reply::kLoginTimeout,
                              reply::kIdleTimeout,
                              reply::kTooManySessions,
                              reply::kTooSlow,
                              reply::kShuttingDown,
                              reply::kBusy};

std::uint64_t hash_of(Bytes input) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : input) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

bool is_status(std::string_view line) {
  return line.starts_with("+OK") || line.starts_with("-OK");
}

bool is_known_status(std::string_view line) {
  if (std::find(kReplies.begin(), kReplies.end(), line) != kReplies.end()) return true;
  constexpr std::string_view kChallenge = "+OK - ";
  return line.size() == kChallenge.size() + 32 + 2 && line.starts_with(kChallenge) &&
         line.substr(kChallenge.size(), 32).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

link_test::RigSettings session_settings(Bytes input) {
  static const std::vector<router::User> users{link_test::make_user("admin", "secret")};
  const unsigned bits = input.empty() ? 0 : input[0];
  link_test::RigSettings settings;
  settings.seed = hash_of(input);
  settings.users = users;
  settings.workers = (bits & 1U) != 0 ? 2 : 1;
  if ((bits & 2U) != 0) settings.faults = {};
  if ((bits & 4U) != 0) settings.faults.socket_bytes = 600;
  if ((bits & 8U) != 0) settings.config.line_max = 64;
  if ((bits & 16U) != 0) settings.worker.out_blocks = 6;
  if ((bits & 32U) != 0) settings.config.line_format = vscp::LineFormat::kNanoseconds;
  if ((bits & 64U) != 0) settings.config.max_out_queue = 4;
  if ((bits & 128U) != 0) settings.event_pool = 3;
  settings.faults.accept_error = 0;
  settings.config.rcvloop_gap_ms = 50;
  settings.worker.fanout.log_bytes = 256U << 10U;
  settings.worker.fanout.segment_bytes = 16U << 10U;
  settings.worker.fanout.index_chunks = 256;
  settings.ring.buffer_count = 8;
  settings.ring.buffer_bytes = (bits & 2U) != 0 ? 50 : 4096;
  return settings;
}

}  // namespace fuzz
