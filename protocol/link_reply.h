// Reply lines of the tcp/ip link protocol, with CRLF. Texts that clients read are upstream's, typos included; see
// protocol/README.md for each that differs from the spec.
#pragma once

#include <string_view>

namespace vscp::reply {

using std::string_view_literals::operator""sv;

inline constexpr auto kOk = "+OK - Success.\r\n"sv;
inline constexpr auto kAlive = "+OK\r\n"sv;
inline constexpr auto kUserOk = "+OK - User name accepted, password please\r\n"sv;
inline constexpr auto kCleared = "+OK - All events cleared.\r\n"sv;
inline constexpr auto kLoopEntered = "+OK - Receive loop entered. QUITLOOP to terminate.\r\n"sv;
inline constexpr auto kLoopLeft = "+OK - Quit receive loop.\r\n"sv;
inline constexpr auto kBye = "+OK - Connection closed by client.\r\n"sv;
inline constexpr auto kUnknownCommand = "-OK - Unknown command\r\n"sv;
inline constexpr auto kBadParameter = "-OK - Invalid parameter or format\r\n"sv;
inline constexpr auto kNoRights = "-OK - User does not have rights to perform this operation.\r\n"sv;
inline constexpr auto kLoginFirst = "-OK - Need to log in to perform this command.\r\n"sv;
inline constexpr auto kBadLogin = "-OK - Invalid username or password.\r\n"sv;
inline constexpr auto kNeedUser = "-OK - Need a Username before a password can be entered.\r\n"sv;
inline constexpr auto kBadPeer = "-OK - Invalid or unknown peer.\r\n"sv;
inline constexpr auto kEventNotAllowed = "-OK - Not allowed to sen this event (contact admin).\r\n"sv;
inline constexpr auto kNoEvents = "-OK - No event(s) available\r\n"sv;
inline constexpr auto kNotSupported = "-OK - Command is not supported here.\r\n"sv;
inline constexpr auto kBinaryOn = "+OK - Binary mode enabled\r\n"sv;
inline constexpr auto kTestFailed = "-OK - A test failed.\r\n"sv;
inline constexpr auto kInterfaceNotFound = "-OK - Interface not found.\r\n"sv;
inline constexpr auto kLineTooLong = "-OK - Line too long, closing.\r\n"sv;
inline constexpr auto kLoginTimeout = "-OK - Login timeout, closing.\r\n"sv;
inline constexpr auto kIdleTimeout = "-OK - Idle timeout, closing.\r\n"sv;
inline constexpr auto kTooManySessions = "-OK - Too many connections, try again later.\r\n"sv;
inline constexpr auto kTooSlow = "-OK - Too slow in reading events, closing.\r\n"sv;
inline constexpr auto kShuttingDown = "-OK - Server is shutting down, closing.\r\n"sv;
inline constexpr auto kBusy = "-OK - Server is busy, try again later.\r\n"sv;

}  // namespace vscp::reply
