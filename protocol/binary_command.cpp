#include "protocol/binary_command.h"

#include <array>

#include "protocol/limits.h"

namespace vscp {
namespace {

using enum ArgumentForm;
using Code = BinaryCode;
using Verb = LinkVerb;

// By code. Sizes from the argument tables of each command; that of SETGUID shows the reply's offsets, but the text has
// the GUID alone.
constexpr std::array kCommands{
    BinaryCommandInfo{Code::kNoop, Verb::kNoop},
    BinaryCommandInfo{Code::kQuit, Verb::kQuit},
    BinaryCommandInfo{Code::kUser, Verb::kUser, kText, 0, kUserNameMax + 1 + kPasswordMax},
    BinaryCommandInfo{Code::kPass, Verb::kPass, kText, 0, kPasswordMax},
    BinaryCommandInfo{Code::kChallenge, Verb::kChallenge},
    BinaryCommandInfo{Code::kSend, Verb::kSend, kEvent},
    BinaryCommandInfo{Code::kRetr, Verb::kRetr, kSizes, 0, 2, 2},
    BinaryCommandInfo{Code::kOpen, Verb::kRcvLoop},
    BinaryCommandInfo{Code::kClose, Verb::kQuitLoop},
    BinaryCommandInfo{Code::kChkData, Verb::kChkData},
    BinaryCommandInfo{Code::kClear, Verb::kClrAll},
    BinaryCommandInfo{Code::kStat, Verb::kStat},
    BinaryCommandInfo{Code::kInfo, Verb::kInfo},
    BinaryCommandInfo{Code::kGetChid, Verb::kGetChid},
    BinaryCommandInfo{Code::kSetGuid, Verb::kSetGuid, kSizes, 16, 16},
    BinaryCommandInfo{Code::kGetGuid, Verb::kGetGuid},
    BinaryCommandInfo{Code::kVersion, Verb::kVersion},
    BinaryCommandInfo{Code::kSetFilter, Verb::kSetFilter, kSizes, kFilterHalfBytes, 2 * kFilterHalfBytes,
                      kFilterHalfBytes},
    BinaryCommandInfo{Code::kSetMask, Verb::kSetMask, kSizes, kFilterHalfBytes, kFilterHalfBytes},
    BinaryCommandInfo{Code::kInterface, Verb::kInterface, kSizes, 1, 3, 2},
    BinaryCommandInfo{Code::kTest, Verb::kTest, kSizes, 0, 2, 2},
    BinaryCommandInfo{Code::kWhatCanYouDo, Verb::kWhatCanYouDo, kSizes, 0, 8, 8},
    BinaryCommandInfo{Code::kShutdown, Verb::kShutdown},
    BinaryCommandInfo{Code::kRestart, Verb::kRestart},
    BinaryCommandInfo{Code::kText, Verb::kText},
};

constexpr std::uint16_t kOldFirst = 30;  // code 20 in the spec of today
constexpr std::uint16_t kOldLast = 34;
constexpr std::uint16_t kOldOffset = 10;

}  // namespace

const BinaryCommandInfo* find_binary_command(std::uint16_t code) noexcept {
  if (code >= kOldFirst && code <= kOldLast) code = static_cast<std::uint16_t>(code - kOldOffset);
  return code < kCommands.size() ? &kCommands[code] : nullptr;
}

}  // namespace vscp
