// What the property tests share: a seed, a number of cases, random events. The seed is printed; --seed=N (or the
// variable PROPERTY_SEED) replays a run, --cases=N changes the number of cases per property.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "protocol/event.h"
#include "protocol/event_line.h"

namespace property {

extern std::uint64_t seed;
extern unsigned cases;

inline constexpr std::uint64_t kTimeEnd = 18'429'292'800'000'000'000ULL;  // end of 2553

/// A fixture; each test begins at the seed.
class PropertyCase : public testing::Test {
 protected:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance(unsigned one_in) { return below(one_in) == 0; }
  // Numbers of all lengths, not nearly only the longest.
  std::uint64_t any_length(unsigned bits) { return random_() >> (64 - bits + below(bits)); }

  vscp::Guid any_guid() {
    vscp::Guid guid;
    const auto fill = static_cast<std::uint8_t>(chance(2) ? 0xff : 0);
    const std::size_t filled = chance(2) ? 0 : below(17);
    for (std::size_t i = 0; i < 16; ++i) guid.bytes[i] = i < filled ? fill : static_cast<std::uint8_t>(any_length(8));
    return guid;
  }

  vscp::Event any_event() {
    vscp::Event event;
    event.time_ns = vscp::kTimestampNsMin + below(kTimeEnd - vscp::kTimestampNsMin);
    event.timestamp_us = static_cast<std::uint32_t>(any_length(32));
    event.obid = static_cast<std::uint32_t>(any_length(32));
    event.guid = any_guid();
    event.head = static_cast<std::uint16_t>(below(65536) & ~unsigned{vscp::kHeadFrameVersion});
    event.vscp_class = static_cast<std::uint16_t>(any_length(16));
    event.vscp_type = static_cast<std::uint16_t>(any_length(16));
    event.data_size = static_cast<std::uint16_t>(chance(4) ? below(513) : below(24));
    for (std::size_t i = 0; i < event.data_size; ++i) event.data[i] = static_cast<std::uint8_t>(any_length(8));
    return event;
  }

  std::mt19937_64 random_{seed};
};

}  // namespace property
