// A Level I library for tests, good or bad as its configuration says (library_words.h).
//
//   echo          what is sent comes back
//   count=N       N temperatures are there when it opens, of nodes 1, 2, ...; after that nothing
//   strange       before them: remote, 11-bit, status, FD, too long, and one with an identifier of 40 bits
//   flood         there is always a message
//   impatient     the blocking functions come back at once; bus-off counts how often they were asked
//   unsupported   the blocking functions are there and do nothing
//   full          no room for what is sent
//   cut           cuts the configuration at its first blank, in place, as strtok() does
//   leak=N        each received message leaks N bytes
//   pointer@CanalGetVendorString   a pointer to nowhere
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>

#include "drivers/examples/level1/canal.h"
#include "tests/drivers/library_words.h"

namespace {

using test_library::Words;

const Words& file_words() {
  static const Words words = test_library::words_of_file(reinterpret_cast<const void*>(&CanalOpen));
  return words;
}

struct Device {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<canalMsg> messages;
  Words words;
  canalStatistics statistics{};
  unsigned long flags = 0;
  unsigned long filter = 0;
  unsigned long mask = 0;
  unsigned long flood = 0;
  bool open = false;
};
Device device;
constexpr long kHandle = 4711;

/// True: return an error.
bool wrong(const char* function) {
  const bool by_name = file_words().go_wrong(function);
  return device.words.go_wrong(function) || by_name;
}

canalMsg temperature(unsigned long node) {
  canalMsg message{};
  message.flags = CANAL_IDFLAG_EXTENDED;
  message.id = 3UL << 26 | 10UL << 16 | 6UL << 8 | (node & 0xff);
  message.sizeData = 4;
  const unsigned char data[4] = {0x89, 0x81, 0x01, 0x07};  // sensor 1, unit 1, 26.3
  std::memcpy(message.data, data, sizeof data);
  message.timestamp = node;
  return message;
}

void add_strange() {
  canalMsg message = temperature(77);
  message.flags |= CANAL_IDFLAG_RTR;
  device.messages.push_back(message);
  message = temperature(77);
  message.flags = 0;
  message.id = 0x123;
  device.messages.push_back(message);
  message = temperature(77);
  message.flags |= CANAL_IDFLAG_STATUS;
  device.messages.push_back(message);
  message = temperature(77);
  message.flags |= CANAL_IDFLAG_FD;
  device.messages.push_back(message);
  message = temperature(77);
  message.sizeData = 200;
  device.messages.push_back(message);
  message = temperature(77);
  message.id = 0xff'ffff'ffffUL;
  device.messages.push_back(message);
}

void* leaked = nullptr;

/// With the lock held.
int take(canalMsg* message) {
  if (const unsigned long size = device.words.number("leak", 0); size != 0) {
    test_library::leak(size, leaked);
  }
  if (device.words.has("flood")) {
    *message = temperature(device.flood++);
  } else if (device.messages.empty()) {
    return CANAL_ERROR_RCV_EMPTY;
  } else {
    *message = device.messages.front();
    device.messages.pop_front();
  }
  ++device.statistics.cntReceiveFrames;
  device.statistics.cntReceiveData += message->sizeData;
  return CANAL_ERROR_SUCCESS;
}

int put(const canalMsg* message) {
  if (device.words.has("full")) return CANAL_ERROR_FIFO_FULL;
  ++device.statistics.cntTransmitFrames;
  device.statistics.cntTransmitData += message->sizeData;
  if (device.words.has("echo")) {
    device.messages.push_back(*message);
    device.changed.notify_one();
  }
  return CANAL_ERROR_SUCCESS;
}

struct Initialiser {
  Initialiser() { file_words().go_wrong("load"); }
};
const Initialiser initialiser;

}  // namespace

long CanalOpen(const char* configuration, unsigned long flags) {
  const std::lock_guard lock(device.mutex);
  device.words.set(configuration == nullptr ? "" : configuration);
  if (wrong("CanalOpen") || device.open) return -1;
  device.flags = flags;
  if (device.words.has("cut")) *const_cast<char*>(std::strchr(configuration, ' ')) = '\0';
  device.messages.clear();
  if (device.words.has("strange")) add_strange();
  for (unsigned long node = 1; node <= device.words.number("count", 0); ++node) {
    device.messages.push_back(temperature(node));
  }
  device.open = true;
  return kHandle;
}

int CanalClose(long handle) {
  if (wrong("CanalClose")) return CANAL_ERROR_GENERIC;
  const std::lock_guard lock(device.mutex);
  if (handle != kHandle || !device.open) return CANAL_ERROR_NOT_OPEN;
  device.open = false;
  return CANAL_ERROR_SUCCESS;
}

unsigned long CanalGetLevel(long) {
  wrong("CanalGetLevel");
  return 1;
}

int CanalSend(long handle, canalMsg* message) {
  if (wrong("CanalSend")) return CANAL_ERROR_GENERIC;
  const std::lock_guard lock(device.mutex);
  if (handle != kHandle || !device.open) return CANAL_ERROR_NOT_OPEN;
  return put(message);
}

int CanalDataAvailable(long handle) {
  wrong("CanalDataAvailable");
  const std::lock_guard lock(device.mutex);
  if (handle != kHandle || !device.open) return 0;
  return device.words.has("flood") ? 1 : static_cast<int>(device.messages.size());
}

int CanalReceive(long handle, canalMsg* message) {
  if (wrong("CanalReceive")) return CANAL_ERROR_GENERIC;
  const std::lock_guard lock(device.mutex);
  if (handle != kHandle || !device.open) return CANAL_ERROR_NOT_OPEN;
  return take(message);
}

int CanalGetStatus(long handle, canalStatus* status) {
  if (wrong("CanalGetStatus")) return CANAL_ERROR_GENERIC;
  if (handle != kHandle) return CANAL_ERROR_NOT_OPEN;
  status->channel_status = device.flags;
  status->lasterrorcode = device.filter;
  status->lasterrorsubcode = device.mask;
  std::memset(status->lasterrorstr, 'x', sizeof status->lasterrorstr);  // without a NUL, as some do
  return CANAL_ERROR_SUCCESS;
}

int CanalGetStatistics(long handle, canalStatistics* statistics) {
  if (wrong("CanalGetStatistics")) return CANAL_ERROR_GENERIC;
  const std::lock_guard lock(device.mutex);
  if (handle != kHandle) return CANAL_ERROR_NOT_OPEN;
  *statistics = device.statistics;
  return CANAL_ERROR_SUCCESS;
}

int CanalSetFilter(long, unsigned long filter) {
  if (wrong("CanalSetFilter")) return CANAL_ERROR_GENERIC;
  device.filter = filter;
  return CANAL_ERROR_SUCCESS;
}

#ifndef WITHOUT_SET_MASK
int CanalSetMask(long, unsigned long mask) {
  if (wrong("CanalSetMask")) return CANAL_ERROR_GENERIC;
  device.mask = mask;
  return CANAL_ERROR_SUCCESS;
}
#endif

unsigned long CanalGetVersion(void) {
  wrong("CanalGetVersion");
  return 0x01010000;
}

unsigned long CanalGetDllVersion(void) {
  wrong("CanalGetDllVersion");
  return 0x02030400;
}

const char* CanalGetVendorString(void) {
  wrong("CanalGetVendorString");
  if (file_words().has("pointer@CanalGetVendorString")) return reinterpret_cast<const char*>(8);
  return "vscprouter tests";
}

const char* CanalGetDriverInfo(void) {
  wrong("CanalGetDriverInfo");
  return "<?xml version=\"1.0\"?>\n<config/>";
}

#ifndef POLLING
int CanalBlockingSend(long handle, canalMsg* message, unsigned long) {
  if (wrong("CanalBlockingSend")) return CANAL_ERROR_GENERIC;
  const std::lock_guard lock(device.mutex);
  if (device.words.has("unsupported")) return CANAL_ERROR_NOT_SUPPORTED;
  if (handle != kHandle || !device.open) return CANAL_ERROR_NOT_OPEN;
  return put(message);
}

int CanalBlockingReceive(long handle, canalMsg* message, unsigned long timeout_ms) {
  if (wrong("CanalBlockingReceive")) return CANAL_ERROR_GENERIC;
  std::unique_lock lock(device.mutex);
  if (device.words.has("unsupported")) return CANAL_ERROR_NOT_SUPPORTED;
  if (handle != kHandle || !device.open) return CANAL_ERROR_NOT_OPEN;
  if (device.words.has("impatient")) {
    ++device.statistics.cntBusOff;
  } else if (!device.words.has("flood")) {
    device.changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), [] { return !device.messages.empty(); });
  }
  const int code = take(message);
  return code == CANAL_ERROR_RCV_EMPTY ? CANAL_ERROR_TIMEOUT : code;
}
#endif
