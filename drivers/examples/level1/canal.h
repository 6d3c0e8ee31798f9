/* The Level I (CANAL) interface of a driver library, as little of it as a driver needs. C and C++.
 *
 * The VSCP project's canal.h has the same names, values and
 * layouts; a library may be written with either. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

#define CANAL_IDFLAG_EXTENDED 0x01 /* 29-bit identifier: VSCP has no other */
#define CANAL_IDFLAG_RTR 0x02
#define CANAL_IDFLAG_STATUS 0x04 /* not a frame: id is a code of the adapter */
#define CANAL_IDFLAG_FD 0x08

#define CANAL_ERROR_SUCCESS 0
#define CANAL_ERROR_FIFO_EMPTY 8
#define CANAL_ERROR_FIFO_FULL 9
#define CANAL_ERROR_GENERIC 12
#define CANAL_ERROR_NOT_SUPPORTED 17
#define CANAL_ERROR_RCV_EMPTY 19
#define CANAL_ERROR_TIMEOUT 32
#define CANAL_ERROR_NOT_OPEN 33
#define CANAL_ERROR_PARAMETER 34

typedef struct structCanalMsg {
  unsigned long flags;
  unsigned long obid;
  unsigned long id;       /* priority << 26 | hard-coded << 25 | class << 16 | type << 8 | nickname */
  unsigned char sizeData; /* 0..8 */
  unsigned char data[8];
  unsigned long timestamp; /* microseconds */
} canalMsg;

typedef struct structCanalStatistics {
  unsigned long cntReceiveFrames;
  unsigned long cntTransmitFrames;
  unsigned long cntReceiveData;
  unsigned long cntTransmitData;
  unsigned long cntOverruns;
  unsigned long cntBusWarnings;
  unsigned long cntBusOff;
} canalStatistics;

typedef struct structCanalStatus {
  unsigned long channel_status;
  unsigned long lasterrorcode;
  unsigned long lasterrorsubcode;
  char lasterrorstr[80];
} canalStatus;

/* Required. A handle is larger than 0. */
long CanalOpen(const char* configuration, unsigned long flags);
int CanalClose(long handle);
unsigned long CanalGetLevel(long handle); /* 1 */
int CanalSend(long handle, canalMsg* message);
int CanalDataAvailable(long handle);
int CanalReceive(long handle, canalMsg* message);
int CanalGetStatus(long handle, canalStatus* status);
int CanalGetStatistics(long handle, canalStatistics* statistics);
int CanalSetFilter(long handle, unsigned long filter);
int CanalSetMask(long handle, unsigned long mask);
unsigned long CanalGetVersion(void);
unsigned long CanalGetDllVersion(void);
const char* CanalGetVendorString(void);

/* Optional; with the two blocking ones nobody needs to poll. timeout_ms 0 waits for ever. */
int CanalBlockingSend(long handle, canalMsg* message, unsigned long timeout_ms);
int CanalBlockingReceive(long handle, canalMsg* message, unsigned long timeout_ms);
int CanalSetBaudrate(long handle, unsigned long baudrate);
const char* CanalGetDriverInfo(void);

#ifdef __cplusplus
}
#endif
