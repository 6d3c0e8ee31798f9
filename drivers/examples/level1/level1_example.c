/* A Level I (CANAL) driver library: a thermometer, node 1, and a lamp, node 2.
 *
 * It waits by itself (CanalBlockingReceive), so that nobody has to poll it; what it does is for any two threads.
 * Configuration string: "period=1000", milliseconds between two temperatures. */
#include "drivers/examples/level1/canal.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define THERMOMETER 1
#define LAMP 2
#define QUEUE_SIZE 64
#define HANDLE 1

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static canalMsg queue[QUEUE_SIZE]; /* answers of the lamp that wait to be received */
static unsigned queue_first, queue_count;
static uint64_t period_ms, next_ms; /* of the thermometer */
static canalStatistics statistics;
static int is_open;

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now); /* the clock that pthread_cond_timedwait goes by */
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Identifier of an event: priority 3, class, type, nickname of the node. */
static unsigned long event_id(unsigned vscp_class, unsigned type, unsigned node) {
  return 3UL << 26 | (unsigned long)vscp_class << 16 | type << 8 | node;
}

static void temperature(canalMsg* message) {
  const int tenths = 200 + (int)(statistics.cntReceiveFrames % 40);
  memset(message, 0, sizeof *message);
  message->flags = CANAL_IDFLAG_EXTENDED;
  message->id = event_id(10, 6, THERMOMETER); /* CLASS1.MEASUREMENT, temperature */
  message->sizeData = 4;
  message->data[0] = 0x88; /* normalized integer, unit 1: degrees Celsius, sensor 0 */
  message->data[1] = 0x81; /* one decimal */
  message->data[2] = (unsigned char)(tenths >> 8);
  message->data[3] = (unsigned char)tenths;
}

long CanalOpen(const char* configuration, unsigned long flags) {
  unsigned period = 1000;
  if (is_open) return -1; /* there is one thermometer */
  if (configuration != NULL && *configuration != '\0' && sscanf(configuration, "period=%u", &period) != 1) return -1;
  if (period == 0 || flags != 0) return -1; /* what it does not know it refuses */
  period_ms = period;
  next_ms = now_ms();
  queue_count = 0;
  is_open = 1;
  return HANDLE;
}

int CanalClose(long handle) {
  if (handle != HANDLE || !is_open) return CANAL_ERROR_NOT_OPEN;
  is_open = 0;
  return CANAL_ERROR_SUCCESS;
}

/* CLASS1.CONTROL turn on and off for the lamp are answered with CLASS1.INFORMATION on and off. */
int CanalSend(long handle, canalMsg* message) {
  const unsigned vscp_class = message->id >> 16 & 0x1ff, type = message->id >> 8 & 0xff;
  int code = CANAL_ERROR_SUCCESS;
  if (handle != HANDLE || !is_open) return CANAL_ERROR_NOT_OPEN;
  pthread_mutex_lock(&mutex);
  ++statistics.cntTransmitFrames;
  statistics.cntTransmitData += message->sizeData;
  if (vscp_class == 30 && (type == 5 || type == 6)) {
    if (queue_count == QUEUE_SIZE) {
      code = CANAL_ERROR_FIFO_FULL;
    } else {
      canalMsg* const answer = &queue[(queue_first + queue_count++) % QUEUE_SIZE];
      memset(answer, 0, sizeof *answer);
      answer->flags = CANAL_IDFLAG_EXTENDED;
      answer->id = event_id(20, type == 5 ? 3 : 4, LAMP);
      answer->sizeData = 3; /* index, zone, sub-zone */
      pthread_cond_signal(&changed);
    }
  }
  pthread_mutex_unlock(&mutex);
  return code;
}

int CanalBlockingSend(long handle, canalMsg* message, unsigned long timeout_ms) {
  return (void)timeout_ms, CanalSend(handle, message); /* there is nothing to wait for */
}

int CanalBlockingReceive(long handle, canalMsg* message, unsigned long timeout_ms) {
  const uint64_t latest = now_ms() + timeout_ms;
  int code = CANAL_ERROR_SUCCESS;
  if (handle != HANDLE || !is_open) return CANAL_ERROR_NOT_OPEN;
  pthread_mutex_lock(&mutex);
  while (queue_count == 0 && now_ms() < next_ms && now_ms() < latest) {
    const uint64_t until = next_ms < latest ? next_ms : latest;
    const struct timespec time = {(time_t)(until / 1000), (long)(until % 1000) * 1000000};
    pthread_cond_timedwait(&changed, &mutex, &time);
  }
  if (queue_count != 0) {
    *message = queue[queue_first++ % QUEUE_SIZE];
    --queue_count;
  } else if (now_ms() >= next_ms) {
    temperature(message);
    next_ms += period_ms;
  } else {
    code = CANAL_ERROR_TIMEOUT;
  }
  if (code == CANAL_ERROR_SUCCESS) {
    ++statistics.cntReceiveFrames;
    statistics.cntReceiveData += message->sizeData;
  }
  pthread_mutex_unlock(&mutex);
  return code;
}

int CanalReceive(long handle, canalMsg* message) {
  const int code = CanalBlockingReceive(handle, message, 0);
  return code == CANAL_ERROR_TIMEOUT ? CANAL_ERROR_FIFO_EMPTY : code;
}

int CanalDataAvailable(long handle) {
  return handle == HANDLE && is_open ? (int)queue_count + (now_ms() >= next_ms ? 1 : 0) : 0;
}

int CanalGetStatus(long handle, canalStatus* status) {
  if (handle != HANDLE || !is_open) return CANAL_ERROR_NOT_OPEN;
  memset(status, 0, sizeof *status);
  return CANAL_ERROR_SUCCESS;
}

int CanalGetStatistics(long handle, canalStatistics* result) {
  if (handle != HANDLE || !is_open) return CANAL_ERROR_NOT_OPEN;
  *result = statistics;
  return CANAL_ERROR_SUCCESS;
}

/* A filter in the driver would be on CAN identifiers; the router has its own. */
int CanalSetFilter(long handle, unsigned long filter) { return (void)handle, (void)filter, CANAL_ERROR_SUCCESS; }
int CanalSetMask(long handle, unsigned long mask) { return (void)handle, (void)mask, CANAL_ERROR_SUCCESS; }
unsigned long CanalGetLevel(long handle) { return (void)handle, 1; }
unsigned long CanalGetVersion(void) { return 1UL << 24 | 1UL << 16; } /* of the interface: 1.1.0 */
unsigned long CanalGetDllVersion(void) { return 1UL << 24; }          /* of this library: 1.0.0 */
const char* CanalGetVendorString(void) { return "example, thermometer and lamp"; }
