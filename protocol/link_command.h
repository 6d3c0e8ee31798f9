// Commands of the VSCP tcp/ip link protocol: names, aliases, privilege, help. Spec: vscp_tcpiplink.md, list of
// commands.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/errc.h"

namespace vscp {

enum class LinkVerb : std::uint8_t {
  kRepeat,  ///< "+", "+n", "++"
  kNoop,
  kHelp,
  kQuit,
  kUser,
  kPass,
  kChallenge,
  kSend,
  kRetr,
  kRcvLoop,
  kQuitLoop,
  kChkData,
  kClrAll,
  kStat,
  kInfo,
  kGetChid,
  kSetGuid,
  kGetGuid,
  kVersion,
  kSetFilter,
  kSetMask,
  kTest,
  kShutdown,
  kRestart,
  kInterface,
  kWhatCanYouDo,
  kMeasurement,
  kBinary,
  kText,
  kBridge,
};

/// One row of the table of commands.
struct LinkCommandInfo {
  LinkVerb verb;
  std::string_view name;   ///< the long or usual name, upper case
  std::string_view alias;  ///< second name, may be empty
  std::uint8_t privilege;  ///< 0..15, by the spec
  bool before_login;       ///< may be used without login
  std::string_view usage;  ///< "SEND head,class,type,obid,datetime,timestamp,GUID,data..."
  std::string_view help;   ///< one or two sentences; no "+OK" or "-OK" inside, no line break
};

/// All commands in the order in which they are matched.
std::span<const LinkCommandInfo> link_commands() noexcept;

struct LinkCommand {
  const LinkCommandInfo* info = nullptr;
  std::string_view argument;  ///< blanks trimmed on both sides; may be empty
};

/// The row of this command.
const LinkCommandInfo& link_command(LinkVerb verb) noexcept;

/// Finds the command of one line (no line end). Case is ignored; leading and trailing blanks, and lone CRs, too.
/// Upstream matches by prefix and eats the next character (NOOPX is NOOP, SENDX 1 is SEND 1); we take a whole word,
/// except that a name directly followed by a character that cannot continue a word ("SEND0,..." no; "+2" yes) is split
/// there. Errors: kUnknownCommand (also for an empty line: the caller answers nothing to those), kEmbeddedNul (not
/// looked for in the argument of SEND, which decode_event_line checks).
Result<LinkCommand> parse_link_command(std::string_view line) noexcept;

/// Looks a name or alias up, case ignored; null if there is none.
const LinkCommandInfo* find_link_command(std::string_view name) noexcept;

}  // namespace vscp
