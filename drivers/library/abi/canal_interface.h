// The Level I (CANAL) interface as libraries export it: names, types and values of the VSCP project's canal.h, 1.1.0.
//
// `long` is what the interface says: 64 bits here. A library sees these structures by pointer, so that their layout is
// the contract and is checked below.
#pragma once

#include <cstddef>
#include <cstdint>

namespace drivers::library {

inline constexpr unsigned long kCanalExtended = 0x1;  ///< 29-bit identifier
inline constexpr unsigned long kCanalRemote = 0x2;
inline constexpr unsigned long kCanalStatusMessage = 0x4;  ///< no frame: the adapter's state, id is the code
inline constexpr unsigned long kCanalFd = 0x8;

struct CanalMsg {
  unsigned long flags = 0;
  unsigned long obid = 0;
  unsigned long id = 0;
  unsigned char size = 0;  ///< 0..8
  unsigned char data[8] = {};
  unsigned long timestamp = 0;  ///< microseconds
};
static_assert(sizeof(CanalMsg) == 48 && offsetof(CanalMsg, id) == 16 && offsetof(CanalMsg, size) == 24 &&
              offsetof(CanalMsg, data) == 25 && offsetof(CanalMsg, timestamp) == 40);

struct CanalStatistics {
  unsigned long received_frames = 0;
  unsigned long sent_frames = 0;
  unsigned long received_bytes = 0;
  unsigned long sent_bytes = 0;
  unsigned long overruns = 0;
  unsigned long bus_warnings = 0;
  unsigned long bus_off = 0;
};
static_assert(sizeof(CanalStatistics) == 56);

struct CanalStatus {
  unsigned long channel_status = 0;
  unsigned long last_error = 0;
  unsigned long last_suberror = 0;
  char last_error_text[80] = {};  ///< a library may leave out the NUL
};
static_assert(sizeof(CanalStatus) == 104);

extern "C" {
using CanalOpenFunction = long(const char* configuration, unsigned long flags);  // 0 and below: failed
using CanalCloseFunction = int(long handle);
using CanalGetLevelFunction = unsigned long(long handle);
using CanalSendFunction = int(long handle, CanalMsg* message);
using CanalBlockingSendFunction = int(long handle, CanalMsg* message, unsigned long timeout_ms);  // 0 ms: for ever
using CanalReceiveFunction = int(long handle, CanalMsg* message);
using CanalBlockingReceiveFunction = int(long handle, CanalMsg* message, unsigned long timeout_ms);
using CanalDataAvailableFunction = int(long handle);  // number of messages
using CanalGetStatusFunction = int(long handle, CanalStatus* status);
using CanalGetStatisticsFunction = int(long handle, CanalStatistics* statistics);
using CanalSetFilterFunction = int(long handle, unsigned long filter);
using CanalSetMaskFunction = int(long handle, unsigned long mask);
using CanalSetBaudrateFunction = int(long handle, unsigned long baudrate);
using CanalGetVersionFunction = unsigned long();
using CanalGetDllVersionFunction = unsigned long();
using CanalGetVendorStringFunction = const char*();
using CanalGetDriverInfoFunction = const char*();
}

}  // namespace drivers::library
