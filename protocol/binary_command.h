// Commands of the binary protocol: codes, the text command that does the same, and how long their arguments are.
// Spec: vscp_over_binary.md, "Commands".
#pragma once

#include <cstdint>

#include "protocol/link_command.h"

namespace vscp {

enum class BinaryCode : std::uint16_t {
  kNoop = 0,
  kQuit = 1,
  kUser = 2,
  kPass = 3,
  kChallenge = 4,
  kSend = 5,
  kRetr = 6,
  kOpen = 7,
  kClose = 8,
  kChkData = 9,
  kClear = 10,
  kStat = 11,
  kInfo = 12,
  kGetChid = 13,
  kSetGuid = 14,
  kGetGuid = 15,
  kVersion = 16,
  kSetFilter = 17,
  kSetMask = 18,
  kInterface = 19,
  kTest = 20,
  kWhatCanYouDo = 21,
  kShutdown = 22,
  kRestart = 23,
  kText = 24,
  kEventConfirm = 0xffff,
};

/// Bytes of one half of a filter: priority, class, type, GUID.
inline constexpr std::size_t kFilterHalfBytes = 21;

/// Neither commands nor replies say how long they are, so that on a stream the length must follow from the code.
enum class ArgumentForm : std::uint8_t {
  kSizes,  ///< `shortest`, or a multiple of `step` more, at most `longest`
  kText,   ///< up to `longest` characters, with or without a NUL at the end
  kEvent,  ///< an event frame without its first byte and its CRC
};

struct BinaryCommandInfo {
  BinaryCode code;
  LinkVerb verb;  ///< whose rights are needed
  ArgumentForm form = ArgumentForm::kSizes;
  std::uint16_t shortest = 0;
  std::uint16_t longest = 0;
  std::uint16_t step = 1;
};

/// Null if there is no such command (kEventConfirm is none). The codes 30 to 34, which earlier firmware has for TEST,
/// WCYD, SHUTDOWN, RESTART and TEXT, are found too.
const BinaryCommandInfo* find_binary_command(std::uint16_t code) noexcept;

}  // namespace vscp
