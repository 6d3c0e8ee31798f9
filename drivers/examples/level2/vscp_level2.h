/* The Level II interface of a driver library, as little of it as a driver needs. C and C++.
 *
 * The VSCP project's vscp.h has the same names and layout
 * since February 2026. A library that was compiled with an older one has a shorter event; define
 * VSCP_CLASSIC_EVENT to make such a one. VSCPEventSize() says which it is, so that nobody has to guess. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VSCP_ERROR_SUCCESS 0
#define VSCP_ERROR_FIFO_EMPTY 8
#define VSCP_ERROR_FIFO_FULL 9
#define VSCP_ERROR_GENERIC 12
#define VSCP_ERROR_TIMEOUT 32
#define VSCP_ERROR_NOT_OPEN 33
#define VSCP_ERROR_PARAMETER 34

#ifdef VSCP_CLASSIC_EVENT
typedef struct vscp_event_t {
  uint16_t crc; /* not used */
  uint32_t obid;
  uint16_t year; /* UTC; all of the date 0: the receiver sets the time */
  uint8_t month;
  uint8_t day;
  uint8_t hour;
  uint8_t minute;
  uint8_t second;
  uint32_t timestamp; /* microseconds */
  uint16_t head;
  uint16_t vscp_class;
  uint16_t vscp_type;
  uint8_t GUID[16];  /* all 0: the interface's */
  uint16_t sizeData; /* 0..512 */
  uint8_t* pdata;
} vscpEvent;
#else
typedef struct vscp_event_t {
  uint16_t head;
  uint32_t obid;
  uint16_t year; /* 0xffff, month 0xff and head | 0x100: the time is timestamp_ns; all 0: the receiver sets it */
  uint8_t month;
  uint64_t timestamp_ns; /* since 1970, UTC */
  uint16_t vscp_class;
  uint16_t vscp_type;
  uint8_t GUID[16];  /* all 0: the interface's */
  uint16_t sizeData; /* 0..512 */
  uint8_t* pdata;
  uint16_t crc; /* not used */
} vscpEvent;
#endif

/* Required. A handle is not 0. The GUID is 16 bytes, its most significant first. */
long VSCPOpen(const char* configuration_path, const uint8_t* guid);
int VSCPClose(long handle);
/* The event is the caller's and is copied. timeout_ms 0 waits for ever. */
int VSCPWrite(long handle, const vscpEvent* event, unsigned long timeout_ms);
/* Fills the caller's event; its pdata is made with new[] here and freed by the caller. */
int VSCPRead(long handle, vscpEvent* event, unsigned long timeout_ms);
unsigned long VSCPGetVersion(void); /* major << 24 | minor << 16 | release << 8 | build */

/* Optional. */
const char* VSCPGetVendorString(void);
unsigned long VSCPEventSize(void); /* sizeof(vscpEvent) */

#ifdef __cplusplus
}
#endif
