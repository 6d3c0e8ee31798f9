// A Level II library for tests, good or bad as its configuration says (library_words.h); the "path" is the words.
// Compiled for each layout, with and without VSCPEventSize.
//
//   echo         what is written comes back
//   count=N      N events are there when it opens, class 20, type 3, data index, 1, 2
//   whole        an event is given by copying the whole structure, padding and all (else field by field, with the CRC)
//   sparing      an event is given and taken field by field, and never its CRC
//   flood        there is always an event
//   impatient    VSCPRead comes back at once
//   full         no room for what is written
//   deaf=N       does not look at the first N events that it is given
//   guid         gives one event whose data are the GUID as the library got it
//   text-guid    the same, read as text
//   bad-size     an event with 60000 data bytes; bad-null: one with a size and no data; bad-pointer: data nowhere
//   behind       writes behind the end of the event
//   own-data     data that the library keeps (not freed by the caller)
//   leak=N       each event read leaks N bytes
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

#include "drivers/examples/level2/vscp_level2.h"
#include "tests/drivers/library_words.h"

namespace {

using test_library::Words;

const Words& file_words() {
  static const Words words = test_library::words_of_file(reinterpret_cast<const void*>(&VSCPOpen));
  return words;
}

struct Kept {
  vscpEvent fields;
  std::vector<std::uint8_t> data;
};

struct Device {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Kept> events;
  Words words;
  std::uint8_t flood = 0;
  unsigned long written = 0;
  bool open = false;
};
Device device;
constexpr long kHandle = 4711;

bool wrong(const char* function) {
  const bool by_name = file_words().go_wrong(function);
  return device.words.go_wrong(function) || by_name;
}

Kept some_event(std::uint8_t index) {
  Kept kept{};
  kept.fields.head = 3U << 5;
  kept.fields.vscp_class = 20;
  kept.fields.vscp_type = 3;
  kept.fields.GUID[15] = index;
  kept.data = {index, 1, 2};
#ifdef VSCP_CLASSIC_EVENT
  kept.fields.year = 2026;
  kept.fields.month = 2;
  kept.fields.day = 3;
  kept.fields.hour = 4;
  kept.fields.minute = 5;
  kept.fields.second = 6;
  kept.fields.timestamp = 7;
#else
  kept.fields.head |= 0x100;
  kept.fields.year = 0xffff;
  kept.fields.month = 0xff;
  kept.fields.timestamp_ns = 1'770'091'506'000'000'000;  // 2026-02-03T04:05:06
#endif
  return kept;
}

/// Field by field; the CRC too unless `sparing`.
void copy_fields(vscpEvent& to, const vscpEvent& from, bool sparing) {
  to.head = from.head;
  to.obid = from.obid;
  to.year = from.year;
  to.month = from.month;
#ifdef VSCP_CLASSIC_EVENT
  to.day = from.day;
  to.hour = from.hour;
  to.minute = from.minute;
  to.second = from.second;
  to.timestamp = from.timestamp;
#else
  to.timestamp_ns = from.timestamp_ns;
#endif
  to.vscp_class = from.vscp_class;
  to.vscp_type = from.vscp_type;
  std::memcpy(to.GUID, from.GUID, sizeof to.GUID);
  if (!sparing) to.crc = from.crc;
}

void* leaked = nullptr;

int give(vscpEvent* event) {
  Kept kept = some_event(0);
  if (device.words.has("flood")) {
    kept = some_event(device.flood++);
  } else if (device.events.empty()) {
    return VSCP_ERROR_FIFO_EMPTY;
  } else {
    kept = std::move(device.events.front());
    device.events.pop_front();
  }
  if (const unsigned long size = device.words.number("leak", 0); size != 0) {
    test_library::leak(size, leaked);
  }
  if (device.words.has("whole")) {
    std::memset(event, 0xa5, sizeof *event);
    kept.fields.pdata = nullptr;
    std::memcpy(event, &kept.fields, sizeof *event);
  } else {
    copy_fields(*event, kept.fields, device.words.has("sparing"));
  }
  event->sizeData = static_cast<std::uint16_t>(kept.data.size());
  if (device.words.has("own-data")) {
    static std::uint8_t data[512];
    event->pdata = data;
  } else {
    event->pdata = kept.data.empty() ? nullptr : new std::uint8_t[kept.data.size()];
  }
  std::copy(kept.data.begin(), kept.data.end(), event->pdata);
  if (device.words.has("bad-size")) event->sizeData = 60000;
  if (device.words.has("bad-null")) event->pdata = (delete[] event->pdata, nullptr);
  if (device.words.has("bad-pointer")) event->pdata = (delete[] event->pdata, reinterpret_cast<std::uint8_t*>(8));
  if (device.words.has("behind")) std::memset(reinterpret_cast<char*>(event) + 64, 0x77, 32);
  return VSCP_ERROR_SUCCESS;
}

struct Initialiser {
  Initialiser() { file_words().go_wrong("load"); }
};
const Initialiser initialiser;

}  // namespace

long VSCPOpen(const char* configuration_path, const std::uint8_t* guid) {
  const std::lock_guard lock(device.mutex);
  device.words.set(configuration_path == nullptr ? "" : configuration_path);
  if (wrong("VSCPOpen") || device.open) return 0;
  device.events.clear();
  device.written = 0;
  const auto count = static_cast<std::uint8_t>(device.words.number("count", 0));
  for (std::uint8_t index = 1; index <= count; ++index) device.events.push_back(some_event(index));
  if (device.words.has("guid") || device.words.has("text-guid")) {
    Kept kept = some_event(0);
    const std::size_t size = device.words.has("guid") ? 16 : std::strlen(reinterpret_cast<const char*>(guid));
    kept.data.assign(guid, guid + size);
    device.events.push_back(kept);
  }
  device.open = true;
  return kHandle;
}

int VSCPClose(long handle) {
  if (wrong("VSCPClose")) return VSCP_ERROR_GENERIC;
  const std::lock_guard lock(device.mutex);
  if (handle != kHandle || !device.open) return VSCP_ERROR_NOT_OPEN;
  device.open = false;
  return VSCP_ERROR_SUCCESS;
}

int VSCPWrite(long handle, const vscpEvent* event, unsigned long) {
  if (wrong("VSCPWrite")) return VSCP_ERROR_GENERIC;
  const std::lock_guard lock(device.mutex);
  if (handle != kHandle || !device.open) return VSCP_ERROR_NOT_OPEN;
  if (device.words.has("full")) return VSCP_ERROR_FIFO_FULL;
  if (device.written++ < device.words.number("deaf", 0)) return VSCP_ERROR_SUCCESS;
  Kept kept{};
  copy_fields(kept.fields, *event, device.words.has("sparing"));
  if (event->sizeData > 512) return VSCP_ERROR_PARAMETER;
  if (event->sizeData != 0) kept.data.assign(event->pdata, event->pdata + event->sizeData);
  if (device.words.has("echo")) {
    device.events.push_back(std::move(kept));
    device.changed.notify_one();
  }
  return VSCP_ERROR_SUCCESS;
}

int VSCPRead(long handle, vscpEvent* event, unsigned long timeout_ms) {
  if (wrong("VSCPRead")) return VSCP_ERROR_GENERIC;
  std::unique_lock lock(device.mutex);
  if (handle != kHandle || !device.open) return VSCP_ERROR_NOT_OPEN;
  if (!device.words.has("flood") && !device.words.has("impatient")) {
    device.changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), [] { return !device.events.empty(); });
  }
  return give(event);
}

#ifndef WITHOUT_GET_VERSION
unsigned long VSCPGetVersion(void) {
  wrong("VSCPGetVersion");
  return 0x0f000203;
}
#endif

const char* VSCPGetVendorString(void) {
  wrong("VSCPGetVendorString");
  if (file_words().has("pointer@VSCPGetVendorString")) return reinterpret_cast<const char*>(8);
  return "vscprouter tests";
}

#ifdef WITH_EVENT_SIZE
unsigned long VSCPEventSize(void) {
  wrong("VSCPEventSize");
  return sizeof(vscpEvent);
}
#endif
