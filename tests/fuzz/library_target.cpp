// What a driver's host may write into the memory that it shares with the router: any bytes, any positions, at any time.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "drivers/library/event_ring.h"
#include "tests/fuzz/promise.h"
#include "tests/fuzz/targets.h"

namespace fuzz {
namespace {

namespace library = drivers::library;

constexpr std::size_t kRingBytes = 2048;

struct Memory {
  library::RingControl control{};
  alignas(library::kCacheLine) std::array<std::uint8_t, kRingBytes> data{};
};

}  // namespace

// The first half of the input lies in the ring; the rest are steps of nine bytes: what to do, and a number.
void library_ring(Bytes input) {
  const auto memory = std::make_unique<Memory>();
  const Bytes content = input.first(input.size() / 2);
  std::copy_n(content.begin(), std::min(content.size(), kRingBytes), memory->data.begin());
  library::RingReader reader(memory->control, memory->data);
  library::RingWriter writer(memory->control, memory->data);
  vscp::Event event;
  for (Bytes steps = input.subspan(content.size()); steps.size() >= 9; steps = steps.subspan(9)) {
    std::uint64_t number = 0;
    std::memcpy(&number, steps.data() + 1, sizeof(number));
    switch (steps[0] % 4) {
      case 0:
        memory->control.written.store(number);
        break;
      case 1:
        memory->control.written.store(memory->control.written.load() + number % 32 * library::kCacheLine);
        break;
      case 2:
        memory->control.taken.store(number);
        break;
      default:
        memory->data[number % kRingBytes] = steps[0];
        break;
    }
    std::size_t taken = 0;
    while (reader.take(event) == library::RingResult::kDone) {
      check(event.data_size <= event.data.size(), "no more data than an event has");
      check(++taken <= kRingBytes / library::kCacheLine, "no more events than the ring holds");
    }
    reader.release();
    reader.take_sleeper();
    if (!reader.prepare_to_sleep()) reader.finish_sleep();
    event.data_size = static_cast<std::uint16_t>(number % 513);
    for (std::size_t given = 0; writer.put(event) == library::RingResult::kDone; ++given) {
      check(given <= 2 * kRingBytes / library::kCacheLine, "a ring fills up");
    }
  }
}

}  // namespace fuzz
