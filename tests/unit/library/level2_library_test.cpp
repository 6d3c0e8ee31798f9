#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "drivers/library/abi/driver_library.h"
#include "tests/unit/library/test_folder.h"

namespace {

using namespace drivers::library;
using test_library::built;

constexpr std::uint32_t kWaitMs = 10'000;  // reached only by a failure

struct Form {
  const char* library;
  EventLayout layout;
  const char* words;
};

std::unique_ptr<DriverLibrary> load(const std::string& name, const std::string& words, auto&& change) {
  LibrarySettings settings;
  settings.kind = LibraryKind::kLevel2;
  settings.path = built(name);
  settings.configuration = words;
  for (std::size_t at = 0; at < 16; ++at) settings.guid.bytes[at] = static_cast<std::uint8_t>(at);
  change(settings);
  auto library = load_library(settings);
  EXPECT_TRUE(library) << library.error();
  return std::move(*library);
}
std::unique_ptr<DriverLibrary> load(const std::string& name, const std::string& words) {
  return load(name, words, [](LibrarySettings&) {});
}

vscp::Event level2_event(std::uint16_t size) {
  vscp::Event event;
  event.head = 2U << 5U;
  event.vscp_class = 1040;
  event.vscp_type = 513;
  event.time_ns = 1'770'091'506'000'000'000;
  for (std::size_t at = 0; at < 16; ++at) event.guid.bytes[at] = static_cast<std::uint8_t>(0xf0 + at);
  event.data_size = size;
  for (std::size_t at = 0; at < size; ++at) event.data[at] = static_cast<std::uint8_t>(at);
  return event;
}

class Level2 : public testing::TestWithParam<Form> {};
INSTANTIATE_TEST_SUITE_P(Libraries, Level2,
                         testing::Values(Form{"level2_classic", EventLayout::kClassic, "whole"},
                                         Form{"level2_classic", EventLayout::kClassic, "fields"},
                                         Form{"level2_classic", EventLayout::kClassic, "sparing"},
                                         Form{"level2_2026", EventLayout::k2026, "whole"},
                                         Form{"level2_2026", EventLayout::k2026, "fields"},
                                         Form{"level2_2026", EventLayout::k2026, "sparing"}),
                         [](const auto& tested) {
                           return std::string(tested.param.library) + "_" + tested.param.words;
                         });

void expect_first_event(DriverLibrary& library) {
  vscp::Event event;
  ASSERT_EQ(library.read(event, kWaitMs), Outcome::kDone) << library.failure();
  EXPECT_EQ(event.vscp_class, 20);
  EXPECT_EQ(event.vscp_type, 3);
  EXPECT_EQ(event.head, 3U << 5U);
  EXPECT_EQ(event.guid.bytes[15], 1);
  EXPECT_EQ(event.time_ns, 1'770'091'506'000'000'000U);
  ASSERT_EQ(event.data_size, 3);
  EXPECT_EQ(event.data[0], 1);
  EXPECT_EQ(event.data[2], 2);
}

TEST_P(Level2, TheFirstEventTellsTheLayout) {
  const auto library = load(GetParam().library, std::string(GetParam().words) + " count=1");
  EXPECT_EQ(library->info().layout, EventLayout::kDetect);
  ASSERT_EQ(library->open(), "");
  expect_first_event(*library);
  EXPECT_EQ(library->info().layout, GetParam().layout) << library->info().layout_reason;
  vscp::Event event;
  EXPECT_EQ(library->read(event, 1), Outcome::kNothing);
  EXPECT_EQ(library->figures().overrun_writes, 0U);
  EXPECT_EQ(library->figures().layout_conflicts, 0U);
}

TEST_P(Level2, TheFirstWriteTellsTheLayoutUnlessTheLibraryIsSparing) {
  const bool sparing = std::string_view(GetParam().words) == "sparing";
  const auto library = load(GetParam().library, std::string(GetParam().words) + " echo");
  ASSERT_EQ(library->open(), "");
  const vscp::Event sent = level2_event(sparing ? 512 : 100);
  ASSERT_EQ(library->write(sent, kWaitMs), Outcome::kDone);
  vscp::Event event;
  ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  EXPECT_EQ(event.vscp_class, 0);  // the event that is the same in both
  EXPECT_EQ(event.vscp_type, 0);
  EXPECT_EQ(event.data_size, 0);
  const bool told = !sparing || GetParam().layout == EventLayout::kClassic;
  if (!told) {
    EXPECT_NE(library->info().layout_reason.find("a guess"), std::string::npos);
    return;  // the library has got an event with the right data and size, but a wrong class
  }
  ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  EXPECT_EQ(library->info().layout, GetParam().layout) << library->info().layout_reason;
  EXPECT_TRUE(event == [&] {
    vscp::Event expected = sent;
    expected.timestamp_us = event.timestamp_us;
    return expected;
  }());
}

TEST(Level2Layout, ALibraryThatDoesNotLookYetIsAskedAgain) {
  const auto library = load("level2_2026", "echo deaf=4");
  ASSERT_EQ(library->open(), "");
  const vscp::Event sent = level2_event(100);
  ASSERT_EQ(library->write(sent, kWaitMs), Outcome::kDone);
  EXPECT_EQ(library->info().layout, EventLayout::kDetect);
  ASSERT_EQ(library->write(sent, kWaitMs), Outcome::kDone);
  EXPECT_EQ(library->info().layout, EventLayout::kDetect);
  ASSERT_EQ(library->write(sent, kWaitMs), Outcome::kDone);
  EXPECT_EQ(library->info().layout, EventLayout::k2026) << library->info().layout_reason;
}

TEST_P(Level2, AWrongLayoutInTheConfigurationNeverBecomesAWrongEvent) {
  const EventLayout wrong = GetParam().layout == EventLayout::k2026 ? EventLayout::kClassic : EventLayout::k2026;
  const auto library = load(GetParam().library, std::string(GetParam().words) + " count=1 echo",
                            [&](LibrarySettings& settings) { settings.layout = wrong; });
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  EXPECT_EQ(library->read(event, kWaitMs), Outcome::kFailed);
  EXPECT_EQ(library->figures().layout_conflicts, 1U);
  EXPECT_NE(library->failure().find("write \"event-layout\""), std::string::npos) << library->failure();
}

TEST_P(Level2, WritesInTheWrongLayoutStayInMemory) {
  const EventLayout wrong = GetParam().layout == EventLayout::k2026 ? EventLayout::kClassic : EventLayout::k2026;
  const auto library = load(GetParam().library, "echo", [&](LibrarySettings& settings) { settings.layout = wrong; });
  ASSERT_EQ(library->open(), "");
  library->write(level2_event(512), kWaitMs);
  library->write(level2_event(0), kWaitMs);
}

TEST_P(Level2, ReadsWhileAnotherThreadWrites) {
  const auto library =
      load(GetParam().library, "echo count=1", [&](LibrarySettings& settings) { settings.layout = GetParam().layout; });
  ASSERT_EQ(library->open(), "");
  expect_first_event(*library);
  std::thread writer([&] {
    for (int count = 0; count < 1000; ++count) EXPECT_EQ(library->write(level2_event(20), kWaitMs), Outcome::kDone);
  });
  vscp::Event event;
  for (int count = 0; count < 1000; ++count) ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  writer.join();
  EXPECT_EQ(event.vscp_class, 1040);
  EXPECT_EQ(event.data[19], 19);
}

TEST(Level2Layout, AFunctionOfTheLibraryTells) {
  EXPECT_EQ(load("level2_classic_sized", "")->info().layout, EventLayout::kClassic);
  EXPECT_EQ(load("level2_2026_sized", "")->info().layout, EventLayout::k2026);
  const auto configured =
      load("level2_2026_sized", "", [](LibrarySettings& settings) { settings.layout = EventLayout::kClassic; });
  EXPECT_EQ(configured->info().layout, EventLayout::kClassic);
  EXPECT_EQ(configured->info().layout_reason, "configured");
}

TEST(Level2Layout, NamesInTheFileTell) {
  const test_library::TestFolder folder;
  const auto layout = [&](const std::string& names) {
    std::string reason;
    const std::string path = folder.copy("level2_classic", "named" + names + ".so");
    std::ofstream(path, std::ios::binary | std::ios::app) << names;
    LibrarySettings settings;
    settings.kind = LibraryKind::kLevel2;
    settings.path = path;
    return load_library(settings).value()->info().layout;
  };
  EXPECT_EQ(layout("nothing"), EventLayout::kDetect);
  EXPECT_EQ(layout("_Z14vscp_copyEventP"), EventLayout::kClassic);
  EXPECT_EQ(layout("_Z14vscp_copyEventP_Z20vscp_makeTimeStampNsv"), EventLayout::k2026);
}

TEST(Level2Guid, RawOrText) {
  const auto data = [](const std::string& words, GuidForm form) {
    const auto library = load("level2_2026", words, [&](LibrarySettings& settings) { settings.guid_form = form; });
    EXPECT_EQ(library->open(), "");
    vscp::Event event;
    EXPECT_EQ(library->read(event, kWaitMs), Outcome::kDone);
    return std::string(reinterpret_cast<const char*>(event.data.data()), event.data_size);
  };
  const std::string raw = data("guid", GuidForm::kRaw);
  ASSERT_EQ(raw.size(), 16U);
  EXPECT_EQ(raw[15], 15);
  EXPECT_EQ(data("text-guid", GuidForm::kText), "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F");
}

TEST(Level2Faults, GarbageIsCountedAndLeftOut) {
  const auto figures = [](const std::string& words, Outcome expected) {
    const auto library = load("level2_2026", words + " count=2");
    EXPECT_EQ(library->open(), "");
    vscp::Event event;
    EXPECT_EQ(library->read(event, kWaitMs), expected);
    return library->figures();
  };
  EXPECT_EQ(figures("bad-size", Outcome::kNothing).bad_size, 1U);
  EXPECT_EQ(figures("bad-null", Outcome::kNothing).bad_pointer, 1U);
  EXPECT_EQ(figures("behind", Outcome::kDone).overrun_writes, 1U);
}

TEST(Level2Faults, DataThatTheLibraryKeepsAreNotFreed) {
  const auto library =
      load("level2_2026", "own-data count=2", [](LibrarySettings& settings) { settings.library_keeps_data = true; });
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  EXPECT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  EXPECT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  EXPECT_EQ(event.data[0], 2);
}

TEST(Level2Faults, ErrorsInWords) {
  const auto refused = load("level2_2026", "error@VSCPOpen");
  EXPECT_NE(refused->open().find("returned 0"), std::string::npos);
  const auto library = load("level2_2026", "error@VSCPRead throw@VSCPWrite error@VSCPClose");
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  EXPECT_EQ(library->read(event, 1), Outcome::kFailed);
  EXPECT_EQ(library->failure(), "VSCPRead failed with code 12: error without details");
  EXPECT_EQ(library->write(level2_event(1), 1), Outcome::kFailed);
  EXPECT_NE(library->failure().find("VSCPWrite threw"), std::string::npos);
  EXPECT_EQ(library->close(), "VSCPClose failed with code 12: error without details");
  const auto full = load("level2_classic", "full");
  ASSERT_EQ(full->open(), "");
  EXPECT_EQ(full->write(level2_event(1), 1), Outcome::kBusy);
}

}  // namespace
