// What runs per message takes no heap memory: writing payloads, rendering topics, and reading all forms but XML.
// Counted by the operators new of this program, so it is about the program's own code, not about the C library.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "drivers/mqtt/topic_match.h"
#include "drivers/mqtt/topic_template.h"
#include "tests/unit/mqtt/payload_events.h"

namespace {

std::atomic<std::size_t> allocations{0};

void* counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

void* operator new(std::size_t size) {
  void* const memory = counted(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void* operator new[](std::size_t size) {
  return operator new(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return counted(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace drivers::mqtt::test {
namespace {

template <typename Action>
std::size_t allocations_of(Action action) {
  const std::size_t before = allocations.load();
  action();
  return allocations.load() - before;
}

TEST(NoHeap, TheCounterCounts) {
  EXPECT_GE(allocations_of([] { delete new volatile int(1); }), 1U);
}

TEST(NoHeap, PayloadsAreWrittenAndReadWithoutIt) {
  vscp::Event measurement = full_event({0x89, 0x81, 0x01, 0x07});
  measurement.vscp_class = 10;
  measurement.vscp_type = 6;
  vscp::Event large = full_event();
  large.data_size = 512;
  large.data.fill(255);
  vscp::DateCache dates;
  PayloadDecoder decoder;
  std::vector<char> out(kPayloadWriteMax);
  vscp::Event back;
  for (const vscp::Event& event : {measurement, large}) {
    for (const auto format :
         {PayloadFormat::kJson, PayloadFormat::kXml, PayloadFormat::kString, PayloadFormat::kBinary}) {
      for (const auto dialect : {PayloadDialect::kCurrent, PayloadDialect::kLegacy}) {
        std::size_t size = 0;
        const PayloadStyle style{format, dialect, true};
        EXPECT_EQ(allocations_of([&] { size = encode_payload(event, style, dates, out.data()); }), 0U);
        if (format == PayloadFormat::kXml) continue;
        bool good = false;
        EXPECT_EQ(allocations_of([&] {
                    good =
                        decoder.decode(bytes_of({out.data(), size}), PayloadFormat::kAuto, {}, kNow, back).has_value();
                  }),
                  0U)
            << to_text(format);
        EXPECT_TRUE(good);
      }
    }
  }
  // The largest, and what is refused.
  const std::string largest = std::string(R"({"class":1,"type":2,"note":")").append(16000, 'x').append("\"}");
  for (const std::string_view payload : {std::string_view(largest), std::string_view("{\"class\":"),
                                         std::string_view("hello"), std::string_view("1,2")}) {
    EXPECT_EQ(allocations_of(
                  [&] { static_cast<void>(decoder.decode(bytes_of(payload), PayloadFormat::kAuto, {}, kNow, back)); }),
              0U)
        << payload.substr(0, 20);
  }
}

TEST(NoHeap, TopicsAreRenderedAndMatchedWithoutIt) {
  const auto topic = TopicTemplate::compile(
      "a/{{guid}}/{{class-token}}/{{type-token}}/{{measurement-value}}/{{datetime}}/{{sensor-index}}/{{zone}}",
      TopicUse::kPublish, {});
  ASSERT_TRUE(topic);
  vscp::Event event = full_event({0x89, 0x81, 0x01, 0x07});
  event.vscp_class = 522;
  TopicCache cache;
  std::vector<char> out(topic->size_max());
  std::size_t size = 0;
  EXPECT_EQ(allocations_of([&] { size = topic->render(event, cache, out.data()); }), 0U);
  const std::string_view text(out.data(), size);
  bool matches = false;
  EXPECT_EQ(
      allocations_of([&] { matches = topic_matches("a/+/#", text) && parse_topic_defaults(text).guid == event.guid; }),
      0U);
  EXPECT_TRUE(matches);
}

}  // namespace
}  // namespace drivers::mqtt::test
