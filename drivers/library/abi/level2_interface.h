// The Level II interface as libraries export it, with both layouts of its event structure.
//
// vscp.h of the VSCP project changed the structure in February 2026 without a mark that a program could see; a
// library of one side with a program of the other reads sizes and pointers from the wrong places. Spec:
// vscp_driver_interfaces.md (its VSCPBlockingSend and VSCPBlockingReceive are VSCPWrite and VSCPRead in libraries).
#pragma once

#include <cstddef>
#include <cstdint>

namespace drivers::library {

/// Libraries of 14.x to 15.0.x.
struct ClassicEvent {
  std::uint16_t crc;
  std::uint32_t obid;
  std::uint16_t year;  ///< UTC; all date fields 0: not set
  std::uint8_t month;
  std::uint8_t day;
  std::uint8_t hour;
  std::uint8_t minute;
  std::uint8_t second;
  std::uint32_t timestamp;  ///< microseconds
  std::uint16_t head;
  std::uint16_t vscp_class;
  std::uint16_t vscp_type;
  std::uint8_t guid[16];
  std::uint16_t data_size;
  std::uint8_t* data;
};
static_assert(sizeof(ClassicEvent) == 56 && offsetof(ClassicEvent, obid) == 4 && offsetof(ClassicEvent, year) == 8 &&
              offsetof(ClassicEvent, second) == 14 && offsetof(ClassicEvent, timestamp) == 16 &&
              offsetof(ClassicEvent, head) == 20 && offsetof(ClassicEvent, vscp_class) == 22 &&
              offsetof(ClassicEvent, guid) == 26 && offsetof(ClassicEvent, data_size) == 42 &&
              offsetof(ClassicEvent, data) == 48);

struct Date2026 {
  std::uint8_t day;
  std::uint8_t hour;
  std::uint8_t minute;
  std::uint8_t second;
  std::uint32_t timestamp;  ///< microseconds
};

/// Libraries of 2026 and later.
struct Event2026 {
  std::uint16_t head;
  std::uint32_t obid;
  std::uint16_t year;  ///< 0xffff, with month 0xff: the time is timestamp_ns
  std::uint8_t month;
  union {
    std::uint64_t timestamp_ns;  ///< since 1970, UTC
    Date2026 date;
  };
  std::uint16_t vscp_class;
  std::uint16_t vscp_type;
  std::uint8_t guid[16];
  std::uint16_t data_size;
  std::uint8_t* data;
  std::uint16_t crc;
};
static_assert(sizeof(Event2026) == 64 && offsetof(Event2026, obid) == 4 && offsetof(Event2026, year) == 8 &&
              offsetof(Event2026, timestamp_ns) == 16 && offsetof(Event2026, date.timestamp) == 20 &&
              offsetof(Event2026, vscp_class) == 24 && offsetof(Event2026, guid) == 28 &&
              offsetof(Event2026, data_size) == 44 && offsetof(Event2026, data) == 48 &&
              offsetof(Event2026, crc) == 56);

extern "C" {
using VscpOpenFunction = long(const char* configuration_path, const void* guid);  // 0: failed
using VscpCloseFunction = int(long handle);
using VscpWriteFunction = int(long handle, const void* event, unsigned long timeout_ms);
using VscpReadFunction = int(long handle, void* event, unsigned long timeout_ms);
using VscpGetVersionFunction = unsigned long();
using VscpGetVendorStringFunction = const char*();
/// Ours, optional: sizeof(vscpEvent) as the library was compiled with. It makes detection exact.
using VscpEventSizeFunction = unsigned long();
}

}  // namespace drivers::library
