#include <gtest/gtest.h>

#include <thread>

#include "drivers/library/abi/driver_library.h"
#include "protocol/names/measurement.h"
#include "tests/unit/library/test_folder.h"

namespace {

using namespace drivers::library;
using test_library::built;

constexpr std::uint32_t kWaitMs = 10'000;  // reached only by a failure

std::unique_ptr<DriverLibrary> load(const std::string& name, const std::string& words, auto&& change) {
  LibrarySettings settings;
  settings.path = built(name);
  settings.configuration = words;
  settings.guid.bytes[0] = 0xaa;
  change(settings);
  auto library = load_library(settings);
  EXPECT_TRUE(library) << library.error();
  return std::move(*library);
}
std::unique_ptr<DriverLibrary> load(const std::string& name, const std::string& words) {
  return load(name, words, [](LibrarySettings&) {});
}

vscp::Event level1_event() {
  vscp::Event event;
  event.vscp_class = 20;
  event.vscp_type = 3;
  event.data_size = 2;
  event.data[0] = 1;
  event.data[1] = 2;
  event.guid.bytes[15] = 7;
  return event;
}

std::string receiving(std::string_view library) {
  return library == "level1" ? "CanalBlockingReceive" : "CanalReceive";
}

class Level1 : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Libraries, Level1, testing::Values("level1", "level1_polling"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(Level1, ReadsInOrderAndThenNothing) {
  const auto library = load(GetParam(), "count=3");
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  for (std::uint8_t node = 1; node <= 3; ++node) {
    ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
    EXPECT_EQ(event.guid.bytes[15], node);
    EXPECT_EQ(event.guid.bytes[0], 0xaa);
    EXPECT_EQ(event.vscp_class, 10);
  }
  EXPECT_EQ(library->read(event, 1), Outcome::kNothing);
  EXPECT_EQ(library->figures().read_events, 3U);
  EXPECT_EQ(library->close(), "");
}

TEST_P(Level1, StrangeMessagesAreCountedAndLeftOut) {
  const auto library = load(GetParam(), "strange count=1");
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  EXPECT_EQ(event.guid.bytes[15], 1);
  const LibraryFigures figures = library->figures();
  EXPECT_EQ(figures.remote_frames, 1U);
  EXPECT_EQ(figures.standard_frames, 1U);
  EXPECT_EQ(figures.status_frames, 1U);
  EXPECT_EQ(figures.fd_frames, 1U);
  EXPECT_EQ(figures.bad_size, 1U);
  EXPECT_EQ(figures.bad_id, 1U);
  EXPECT_EQ(figures.read_events, 1U);
}

TEST_P(Level1, ReadsWhileAnotherThreadWrites) {
  const auto library = load(GetParam(), "echo");
  ASSERT_EQ(library->open(), "");
  std::thread writer([&] {
    for (int count = 0; count < 1000; ++count) EXPECT_EQ(library->write(level1_event(), kWaitMs), Outcome::kDone);
  });
  vscp::Event event;
  for (int count = 0; count < 1000; ++count) ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  writer.join();
  EXPECT_EQ(event.vscp_class, 20);
  EXPECT_EQ(event.data[1], 2);
  EXPECT_EQ(library->figures().written_events, 1000U);
}

TEST_P(Level1, OneCallAtATimeLetsBothThreadsOn) {
  const auto library = load(GetParam(), "echo", [](LibrarySettings& settings) { settings.one_call_at_a_time = true; });
  ASSERT_EQ(library->open(), "");
  std::thread writer([&] {
    for (int count = 0; count < 100; ++count) EXPECT_EQ(library->write(level1_event(), kWaitMs), Outcome::kDone);
  });
  vscp::Event event;
  for (int count = 0; count < 100; ++count) ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  writer.join();
}

TEST_P(Level1, TellsFailuresInWords) {
  const auto library = load(GetParam(), "error@CanalReceive error@CanalBlockingReceive count=1");
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  EXPECT_EQ(library->read(event, 1), Outcome::kFailed);
  EXPECT_EQ(library->failure(), receiving(GetParam()) + " failed with code 12: error without details");
  EXPECT_EQ(library->figures().read_failures, 1U);
}

TEST_P(Level1, ExceptionsStopHere) {
  const auto library =
      load(GetParam(), "throw@CanalReceive throw@CanalBlockingReceive throw@CanalSend throw@CanalBlockingSend count=1");
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  EXPECT_EQ(library->read(event, 1), Outcome::kFailed);
  EXPECT_NE(library->failure().find("a test library throws"), std::string::npos) << library->failure();
  EXPECT_EQ(library->write(level1_event(), 1), Outcome::kFailed);
  EXPECT_NE(library->failure().find("Send threw"), std::string::npos) << library->failure();
  EXPECT_EQ(library->figures().exceptions, 2U);
}

TEST_P(Level1, FullIsBusyAndWhatDoesNotFitIsNothing) {
  const auto library = load(GetParam(), "full");
  ASSERT_EQ(library->open(), "");
  EXPECT_EQ(library->write(level1_event(), 1), Outcome::kBusy);
  vscp::Event event = level1_event();
  event.vscp_class = 1040;
  EXPECT_EQ(library->write(event, 1), Outcome::kNothing);
  EXPECT_EQ(library->figures().write_busy, 1U);
  EXPECT_EQ(library->figures().not_deliverable, 1U);
}

TEST_P(Level1, OpensAgainWithTheWholeConfigurationWhateverTheLibraryDidToIt) {
  const auto library = load(GetParam(), "cut count=2");
  for (int round = 0; round < 2; ++round) {
    ASSERT_EQ(library->open(), "");
    vscp::Event event;
    for (int count = 0; count < 2; ++count) EXPECT_EQ(library->read(event, kWaitMs), Outcome::kDone) << round;
    EXPECT_EQ(library->close(), "");
  }
}

TEST_P(Level1, SaysWhyItIsNotOpen) {
  const auto library = load(GetParam(), "error@CanalOpen");
  EXPECT_NE(library->open().find("it returned -1"), std::string::npos);
  vscp::Event event;
  EXPECT_EQ(library->read(event, 1), Outcome::kFailed);
  EXPECT_EQ(library->failure(), "the library is not open");
}

TEST_P(Level1, OpensAgain) {
  const auto library = load(GetParam(), "count=1");
  vscp::Event event;
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(library->open(), "");
    ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
    ASSERT_EQ(library->close(), "");
  }
}

TEST_P(Level1, FlagsFiltersStatusAndStatistics) {
  const auto library = load(GetParam(), "count=2", [](LibrarySettings& settings) {
    settings.flags = 3;
    settings.canal_filter = 5;
    settings.canal_mask = 6;
  });
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  ASSERT_EQ(library->read(event, kWaitMs), Outcome::kDone);
  EXPECT_FALSE(library->figures().has_status);
  library->ask_status();
  const LibraryFigures figures = library->figures();
  ASSERT_TRUE(figures.has_status);
  EXPECT_EQ(figures.channel_status, 3U);
  EXPECT_EQ(figures.last_error, 5U);
  EXPECT_EQ(figures.last_suberror, 6U);
  EXPECT_EQ(std::string(figures.last_error_text.data()), std::string(79, 'x'));
  ASSERT_TRUE(figures.has_statistics);
  EXPECT_EQ(figures.received_frames, 1U);
  EXPECT_EQ(figures.received_bytes, 4U);
  const LibraryInfo info = library->info();
  EXPECT_EQ(info.version, 0x01010000U);
  EXPECT_EQ(info.library_version, 0x02030400U);
  EXPECT_EQ(info.vendor, "vscprouter tests");
  EXPECT_EQ(info.driver_info, "<?xml version=\"1.0\"?> <config/>");
  EXPECT_EQ(info.level, 1U);
}

TEST_P(Level1, TranslatesMeasurements) {
  const auto read = [](const char* name, std::uint8_t translation) {
    const auto library = load(name, "count=1", [&](LibrarySettings& settings) { settings.translation = translation; });
    EXPECT_EQ(library->open(), "");
    vscp::Event event;
    EXPECT_EQ(library->read(event, kWaitMs), Outcome::kDone);
    return event;
  };
  const vscp::Event number = read(GetParam(), kTranslateToDouble | kTranslateToText);
  EXPECT_EQ(number.vscp_class, 1060);
  EXPECT_EQ(vscp::decode_measurement(number)->value, 26.3);
  const vscp::Event text = read(GetParam(), kTranslateToText | kTranslateToLevel2);
  EXPECT_EQ(text.vscp_class, 1040);
  const vscp::Event mirrored = read(GetParam(), kTranslateToLevel2);
  EXPECT_EQ(mirrored.vscp_class, 522);
  EXPECT_EQ(mirrored.data_size, 20);
  EXPECT_EQ(mirrored.data[0], 0xaa);
}

TEST(Level1Blocking, FunctionsThatAreThereForNothing) {
  const auto library = load("level1", "unsupported echo");
  ASSERT_EQ(library->open(), "");
  ASSERT_EQ(library->write(level1_event(), 1), Outcome::kDone);
  vscp::Event event;
  EXPECT_EQ(library->read(event, kWaitMs), Outcome::kDone);
}

TEST(Level1Blocking, OneThatNeverWaitsIsWaitedFor) {
  const auto library = load("level1", "impatient");
  ASSERT_EQ(library->open(), "");
  vscp::Event event;
  EXPECT_EQ(library->read(event, 20), Outcome::kNothing);
  library->ask_status();
  // 20 ms in pauses of at least 100 us; without them it would be asked some 100 000 times.
  EXPECT_LE(library->figures().bus_off, 200U);
  EXPECT_GE(library->figures().bus_off, 1U);
}

}  // namespace
