// What happened to a host, in words for the operator. Nothing in the shared memory is trusted: texts are cut and freed
// of control characters, numbers that mean nothing are left out.
//
// Thread rule: pure functions of what they are given.
#pragma once

#include <cstdint>
#include <string>

#include "drivers/library/host.h"
#include "drivers/library/shared_memory.h"

namespace drivers::library {

/// "VSCPRead", or empty if the thread is in no function of the library.
std::string call_words(const std::atomic<LibraryCall>& call);
/// "ended by SIGSEGV in VSCPRead", "ended itself with exit code 3 in VSCPOpen", or the reason that the host left
/// behind.
std::string end_words(const HostEnd& end, const HostStatus& status);
/// Why a host that says kFailed could not begin.
std::string reason_words(const HostStatus& status);
/// What the library says of itself.
std::string about_words(const HostStatus& status);
/// "SIGSEGV"; "signal 63" for one without a name.
std::string signal_words(int signal_number);

}  // namespace drivers::library
