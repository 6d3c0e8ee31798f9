// What the functions of driver libraries return, in words. Level I and Level II share most codes. Any thread.
#pragma once

#include <string>

namespace drivers::library {

inline constexpr int kCodeSuccess = 0;

/// No event has come: queue empty, or the time is over.
bool is_nothing_there(int code) noexcept;
/// The library has no room for an event now.
bool is_no_room(int code) noexcept;
/// The library has the function but does not do what it is for.
bool is_not_supported(int code) noexcept;

/// "code 33: not open"; "code 4711, which the interface does not define".
std::string describe_code(int code);

}  // namespace drivers::library
