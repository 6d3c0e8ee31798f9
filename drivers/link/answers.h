// What a session answers, in both dialects: the status line of the text protocol and the error code of a reply frame.
#pragma once

#include <string_view>

#include "protocol/link_reply.h"
#include "protocol/vscp_error.h"

namespace drivers::link {

struct Answer {
  std::string_view text;  ///< with CRLF
  vscp::VscpError error;
};

namespace answers {

namespace reply = vscp::reply;
using vscp::VscpError;

inline constexpr Answer kOk{reply::kOk, VscpError::kSuccess};
inline constexpr Answer kUserOk{reply::kUserOk, VscpError::kSuccess};
inline constexpr Answer kCleared{reply::kCleared, VscpError::kSuccess};
inline constexpr Answer kLoopEntered{reply::kLoopEntered, VscpError::kSuccess};
inline constexpr Answer kLoopLeft{reply::kLoopLeft, VscpError::kSuccess};
inline constexpr Answer kBye{reply::kBye, VscpError::kSuccess};
inline constexpr Answer kUnknownCommand{reply::kUnknownCommand, VscpError::kUnknownCommand};
inline constexpr Answer kBadParameter{reply::kBadParameter, VscpError::kParameter};
inline constexpr Answer kNoRights{reply::kNoRights, VscpError::kPermission};
inline constexpr Answer kLoginFirst{reply::kLoginFirst, VscpError::kNotAuthorized};
inline constexpr Answer kBadLogin{reply::kBadLogin, VscpError::kCredentials};
inline constexpr Answer kNeedUser{reply::kNeedUser, VscpError::kUser};
inline constexpr Answer kBadPeer{reply::kBadPeer, VscpError::kForbidden};
inline constexpr Answer kEventNotAllowed{reply::kEventNotAllowed, VscpError::kForbidden};
inline constexpr Answer kNoEvents{reply::kNoEvents, VscpError::kRcvEmpty};
inline constexpr Answer kNotSupported{reply::kNotSupported, VscpError::kUnsupported};
inline constexpr Answer kTestFailed{reply::kTestFailed, VscpError::kOperationFailed};
inline constexpr Answer kInterfaceNotFound{reply::kInterfaceNotFound, VscpError::kIndexOutOfBounds};
inline constexpr Answer kLineTooLong{reply::kLineTooLong, VscpError::kSize};
inline constexpr Answer kLoginTimeout{reply::kLoginTimeout, VscpError::kTimeout};
inline constexpr Answer kIdleTimeout{reply::kIdleTimeout, VscpError::kTimeout};
inline constexpr Answer kTooSlow{reply::kTooSlow, VscpError::kOverrun};
inline constexpr Answer kBusy{reply::kBusy, VscpError::kTransmitFull};

}  // namespace answers

}  // namespace drivers::link
