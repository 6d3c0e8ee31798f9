// The rings of the shared memory: order, bounds, sleepers, and a far side that writes anything anywhere.
#include "drivers/library/event_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace drivers::library {
namespace {

constexpr std::size_t kBytes = 4096;

struct Memory {
  RingControl control{};
  alignas(kCacheLine) std::array<std::uint8_t, kBytes> data{};
};

vscp::Event make_event(std::uint32_t number, std::size_t data_size) {
  vscp::Event event;
  event.timestamp_us = number;
  event.vscp_class = 20;
  event.data_size = static_cast<std::uint16_t>(data_size);
  for (std::size_t i = 0; i < data_size; ++i) event.data[i] = static_cast<std::uint8_t>(number + i);
  return event;
}

class EventRing : public testing::Test {
 protected:
  std::unique_ptr<Memory> memory_ = std::make_unique<Memory>();
  RingWriter writer_{memory_->control, memory_->data};
  RingReader reader_{memory_->control, memory_->data};
  vscp::Event event_;
};

TEST_F(EventRing, EventsOfEverySizeComeThroughInOrderAroundTheEnd) {
  for (std::uint32_t number = 0; number < 2000; ++number) {
    const vscp::Event sent = make_event(number, number % 513);
    ASSERT_EQ(writer_.put(sent), RingResult::kDone);
    EXPECT_EQ(reader_.take(event_), RingResult::kNothing) << "not published";
    writer_.publish();
    ASSERT_EQ(reader_.take(event_), RingResult::kDone);
    EXPECT_EQ(event_, sent);
    reader_.release();
  }
  EXPECT_TRUE(writer_.is_empty());
}

TEST_F(EventRing, AFullRingRefusesUntilTheReaderReleases) {
  std::size_t count = 0;
  while (writer_.put(make_event(7, 8)) == RingResult::kDone) ++count;
  EXPECT_EQ(count, kBytes / kCacheLine);
  writer_.publish();
  ASSERT_EQ(reader_.take(event_), RingResult::kDone);
  EXPECT_EQ(writer_.put(make_event(7, 8)), RingResult::kNothing);
  reader_.release();
  EXPECT_EQ(writer_.put(make_event(7, 8)), RingResult::kDone);
}

TEST_F(EventRing, ASleeperIsSeenOnceAndOnlyWhenHeMayGoOn) {
  EXPECT_FALSE(writer_.take_sleeper());
  EXPECT_TRUE(reader_.prepare_to_sleep());
  ASSERT_EQ(writer_.put(make_event(1, 8)), RingResult::kDone);
  writer_.publish();
  EXPECT_TRUE(writer_.take_sleeper());
  EXPECT_FALSE(writer_.take_sleeper());
  EXPECT_FALSE(reader_.prepare_to_sleep()) << "something is there";
  while (writer_.put(make_event(1, 8)) == RingResult::kDone) {
  }
  writer_.publish();
  EXPECT_TRUE(writer_.prepare_to_sleep());
  ASSERT_EQ(reader_.take(event_), RingResult::kDone);
  reader_.release();
  EXPECT_FALSE(reader_.take_sleeper()) << "a line is free: too little to wake for";
  while (reader_.take(event_) == RingResult::kDone) {
  }
  reader_.release();
  EXPECT_TRUE(reader_.take_sleeper());
  EXPECT_FALSE(writer_.prepare_to_sleep()) << "there is room";
}

TEST_F(EventRing, PositionsOfTheWriterThatCannotBeBreakTheReader) {
  for (const std::uint64_t position :
       {std::uint64_t{kBytes + kCacheLine}, std::uint64_t{1}, ~std::uint64_t{0}, ~std::uint64_t{63}}) {
    auto memory = std::make_unique<Memory>();
    RingReader reader(memory->control, memory->data);
    memory->control.written.store(position);
    EXPECT_EQ(reader.take(event_), RingResult::kBroken) << position;
    memory->control.written.store(0);
    EXPECT_EQ(reader.take(event_), RingResult::kBroken) << "for good";
    EXPECT_FALSE(reader.is_empty());
    EXPECT_TRUE(reader.prepare_to_sleep()) << "nobody turns round and round for it";
  }
}

TEST_F(EventRing, AWriterThatGoesBackBreaksTheReader) {
  ASSERT_EQ(writer_.put(make_event(1, 100)), RingResult::kDone);
  writer_.publish();
  ASSERT_EQ(reader_.take(event_), RingResult::kDone);
  memory_->control.written.store(kCacheLine);
  EXPECT_EQ(reader_.take(event_), RingResult::kBroken);
}

TEST_F(EventRing, MoreDataThanAnEventHasOrThanIsThereBreaksTheReader) {
  for (const std::uint16_t size : {std::uint16_t{513}, std::uint16_t{0xffff}, std::uint16_t{25}}) {
    auto memory = std::make_unique<Memory>();
    RingReader reader(memory->control, memory->data);
    vscp::Event event = make_event(1, 8);
    event.data_size = size;
    std::memcpy(memory->data.data(), &event, kCacheLine);
    memory->control.written.store(kCacheLine);
    EXPECT_EQ(reader.take(event_), RingResult::kBroken) << size;
  }
}

TEST_F(EventRing, PositionsOfTheReaderThatCannotBeBreakTheWriter) {
  while (writer_.put(make_event(1, 8)) == RingResult::kDone) {
  }
  memory_->control.taken.store(writer_.written() + 1);
  EXPECT_EQ(writer_.put(make_event(1, 8)), RingResult::kBroken);
  EXPECT_FALSE(writer_.is_empty());
  EXPECT_TRUE(writer_.prepare_to_sleep());
}

TEST_F(EventRing, AHostileWriterNeverMakesTheReaderLeaveItsMemory) {
  std::mt19937_64 random(20261122);
  for (int round = 0; round < 2000; ++round) {
    auto memory = std::make_unique<Memory>();
    RingReader reader(memory->control, memory->data);
    std::generate(memory->data.begin(), memory->data.end(), [&] { return static_cast<std::uint8_t>(random()); });
    // Sizes that are nearly right, so that some records pass.
    for (std::size_t line = 0; line < kBytes; line += kCacheLine) {
      const auto size = static_cast<std::uint16_t>(random() % 600);
      std::memcpy(memory->data.data() + line + offsetof(vscp::Event, data_size), &size, sizeof(size));
    }
    std::uint64_t position = 0;
    for (int step = 0; step < 20; ++step) {
      position = random() % 4 == 0 ? random() : position + random() % 16 * kCacheLine;
      memory->control.written.store(position);
      std::size_t taken = 0;
      while (reader.take(event_) == RingResult::kDone) {
        ASSERT_LE(event_.data_size, event_.data.size());
        ASSERT_LE(++taken, kBytes / kCacheLine) << "bounded by the ring";
      }
      reader.release();
      reader.take_sleeper();
    }
  }
}

TEST_F(EventRing, TwoThreads) {
  constexpr std::uint32_t kCount = 20'000;
  std::thread writing([&] {
    for (std::uint32_t number = 0; number < kCount;) {
      if (writer_.put(make_event(number, number % 200)) == RingResult::kDone) {
        writer_.publish();
        ++number;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (std::uint32_t number = 0; number < kCount;) {
    if (reader_.take(event_) == RingResult::kDone) {
      ASSERT_EQ(event_, make_event(number, number % 200));
      reader_.release();
      ++number;
    } else {
      std::this_thread::yield();
    }
  }
  writing.join();
}

}  // namespace
}  // namespace drivers::library
