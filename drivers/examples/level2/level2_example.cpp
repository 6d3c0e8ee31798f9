// A Level II driver library: a thermometer and a lamp, each with a GUID of its own.
//
// Configuration file: a line "period=1000", milliseconds between two temperatures. VSCPRead and VSCPWrite are called by
// two threads at once. No exception may leave a function of the interface.
#include <bit>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "drivers/examples/level2/vscp_level2.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint8_t kThermometer = 1;
constexpr std::uint8_t kLamp = 2;
constexpr std::size_t kQueueMax = 1000;

struct Event {
  std::uint16_t vscp_class;
  std::uint16_t type;
  std::uint8_t node;
  std::vector<std::uint8_t> data;
};

class Room {
 public:
  Room(std::chrono::milliseconds period, const std::uint8_t* guid) : period_(period), next_(Clock::now()) {
    std::memcpy(guid_, guid, sizeof guid_);
  }

  int write(const vscpEvent& event) {
    // CLASS1.CONTROL turn on and off, at Level I and over Level II: answered with CLASS1.INFORMATION on and off.
    const bool control = event.vscp_class == 30 || event.vscp_class == 30 + 512;
    if (!control || (event.vscp_type != 5 && event.vscp_type != 6)) return VSCP_ERROR_SUCCESS;
    const std::lock_guard lock(mutex_);
    if (answers_.size() >= kQueueMax) return VSCP_ERROR_FIFO_FULL;
    answers_.push_back({20, static_cast<std::uint16_t>(event.vscp_type == 5 ? 3 : 4), kLamp, {0, 0, 0}});
    changed_.notify_one();
    return VSCP_ERROR_SUCCESS;
  }

  int read(vscpEvent& event, std::chrono::milliseconds timeout) {
    const auto latest = Clock::now() + timeout;
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, std::min(latest, next_), [this] { return !answers_.empty(); });
    if (!answers_.empty()) {
      give(answers_.front(), event);
      answers_.pop_front();
      return VSCP_ERROR_SUCCESS;
    }
    if (Clock::now() < next_) return VSCP_ERROR_TIMEOUT;
    next_ += period_;
    give(temperature(), event);
    return VSCP_ERROR_SUCCESS;
  }

 private:
  Event temperature() {
    celsius_ = celsius_ >= 24 ? 20 : celsius_ + 0.1;
    Event event{1060, 6, kThermometer, {0, 0, 0, 1}};  // CLASS2.MEASUREMENT_FLOAT: sensor, zone, sub-zone, unit
    const auto bits = std::bit_cast<std::uint64_t>(celsius_);
    for (int shift = 56; shift >= 0; shift -= 8) event.data.push_back(static_cast<std::uint8_t>(bits >> shift & 0xff));
    return event;
  }

  void give(const Event& from, vscpEvent& to) const {
    to = vscpEvent{};  // no time: the router sets it
    to.head = 3U << 5U;
    to.vscp_class = from.vscp_class;
    to.vscp_type = from.type;
    std::memcpy(to.GUID, guid_, sizeof to.GUID);
    to.GUID[15] = from.node;
    to.sizeData = static_cast<std::uint16_t>(from.data.size());
    to.pdata = new std::uint8_t[from.data.size()];  // the caller frees it
    std::memcpy(to.pdata, from.data.data(), from.data.size());
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> answers_;
  std::uint8_t guid_[16];
  const std::chrono::milliseconds period_;
  Clock::time_point next_;
  double celsius_ = 20;
};

std::unique_ptr<Room> room;  // one is enough; a driver for several hands out a handle for each
constexpr long kHandle = 1;

}  // namespace

EXPORT long VSCPOpen(const char* configuration_path, const std::uint8_t* guid) try {
  if (room != nullptr || configuration_path == nullptr || guid == nullptr) return 0;
  std::ifstream file(configuration_path);
  std::string line;
  if (!std::getline(file, line) || !line.starts_with("period=")) return 0;
  const int period = std::stoi(line.substr(std::strlen("period=")));
  if (period <= 0) return 0;
  room = std::make_unique<Room>(std::chrono::milliseconds(period), guid);
  return kHandle;
} catch (...) {
  return 0;
}

EXPORT int VSCPClose(long handle) {
  if (handle != kHandle || room == nullptr) return VSCP_ERROR_NOT_OPEN;
  room.reset();
  return VSCP_ERROR_SUCCESS;
}

EXPORT int VSCPWrite(long handle, const vscpEvent* event, unsigned long) try {
  if (handle != kHandle || room == nullptr) return VSCP_ERROR_NOT_OPEN;
  return room->write(*event);
} catch (...) {
  return VSCP_ERROR_GENERIC;
}

EXPORT int VSCPRead(long handle, vscpEvent* event, unsigned long timeout_ms) try {
  if (handle != kHandle || room == nullptr) return VSCP_ERROR_NOT_OPEN;
  return room->read(*event, std::chrono::milliseconds(timeout_ms));
} catch (...) {
  return VSCP_ERROR_GENERIC;
}

EXPORT unsigned long VSCPGetVersion(void) { return 1UL << 24; }  // 1.0.0
EXPORT const char* VSCPGetVendorString(void) { return "example, thermometer and lamp"; }
EXPORT unsigned long VSCPEventSize(void) { return sizeof(vscpEvent); }
