#include "drivers/library/abi/call_guard.h"

#include "drivers/library/abi/library_text.h"
#include "drivers/library/abi/return_code.h"

namespace drivers::library {

std::string CallGuard::failure() const {
  const LibraryCall call = last_call();
  if (call == LibraryCall::kNone) return {};
  const std::string name(call_name(call));
  if (last_code() != kThrew) return name + " failed with " + describe_code(last_code());
  return name + " threw an exception, which no function of this interface may: " +
         library_text(exception_text().c_str(), kLibraryTextMax);
}

std::string_view call_name(LibraryCall call) noexcept {
  constexpr std::array<std::string_view, 25> kNames = {"none",
                                                       "loading",
                                                       "CanalOpen",
                                                       "CanalClose",
                                                       "CanalGetLevel",
                                                       "CanalSend",
                                                       "CanalBlockingSend",
                                                       "CanalDataAvailable",
                                                       "CanalReceive",
                                                       "CanalBlockingReceive",
                                                       "CanalGetStatus",
                                                       "CanalGetStatistics",
                                                       "CanalSetFilter",
                                                       "CanalSetMask",
                                                       "CanalGetVersion",
                                                       "CanalGetDllVersion",
                                                       "CanalGetVendorString",
                                                       "CanalGetDriverInfo",
                                                       "VSCPOpen",
                                                       "VSCPClose",
                                                       "VSCPWrite",
                                                       "VSCPRead",
                                                       "VSCPGetVersion",
                                                       "VSCPGetVendorString",
                                                       "VSCPEventSize"};
  const auto index = static_cast<std::size_t>(call);
  return index < kNames.size() ? kNames[index] : kNames[0];
}

}  // namespace drivers::library
