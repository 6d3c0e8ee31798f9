// A Level II library for driver_bench: does nothing but what is measured. Its configuration is "flood" (there is always
// an event) or "echo" (what is written comes back, with the times at which it was written and read in its data).
#include <atomic>
#include <cstring>
#include <ctime>
#include <semaphore>
#include <string_view>

#include "drivers/examples/level2/vscp_level2.h"

namespace {

constexpr long kHandle = 1;
constexpr std::size_t kStamps = 24;  // three times: published, written, read

bool flood = false;
std::uint8_t echoed[kStamps];
std::counting_semaphore<> there(0);

void stamp(std::uint8_t* data, std::size_t index) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::uint64_t ns =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  std::memcpy(data + 8 * index, &ns, sizeof ns);
}

}  // namespace

long VSCPOpen(const char* configuration_path, const std::uint8_t*) {
  flood = std::string_view(configuration_path).ends_with("flood");
  return kHandle;
}

int VSCPClose(long) {
  return VSCP_ERROR_SUCCESS;
}

int VSCPWrite(long, const vscpEvent* event, unsigned long) {
  if (event->sizeData != kStamps) return VSCP_ERROR_SUCCESS;
  std::memcpy(echoed, event->pdata, kStamps);
  stamp(echoed, 1);
  there.release();
  return VSCP_ERROR_SUCCESS;
}

int VSCPRead(long, vscpEvent* event, unsigned long timeout_ms) {
  if (!flood && !there.try_acquire_for(std::chrono::milliseconds(timeout_ms))) return VSCP_ERROR_FIFO_EMPTY;
  event->head = 0x100;
  event->year = 0xffff;
  event->month = 0xff;
  event->timestamp_ns = 0;
  event->vscp_class = 10;
  event->vscp_type = 6;
  std::memset(event->GUID, 1, sizeof event->GUID);
  event->sizeData = flood ? 8 : kStamps;
  event->pdata = new std::uint8_t[event->sizeData];
  if (flood) {
    std::memset(event->pdata, 7, 8);
  } else {
    std::memcpy(event->pdata, echoed, kStamps);
    stamp(event->pdata, 2);
  }
  return VSCP_ERROR_SUCCESS;
}

unsigned long VSCPGetVersion(void) {
  return 0x01000000;
}
const char* VSCPGetVendorString(void) {
  return "driver_bench";
}
unsigned long VSCPEventSize(void) {
  return sizeof(vscpEvent);
}
