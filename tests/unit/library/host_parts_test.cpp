// What goes between router and host besides events, and what is made of a library's output and its end.
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "drivers/library/host_link.h"
#include "drivers/library/host_runner.h"
#include "drivers/library/host_words.h"
#include "drivers/library/output_lines.h"

namespace drivers::library {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

TEST(HostLink, SettingsComeThrough) {
  LibrarySettings settings;
  settings.kind = LibraryKind::kLevel2;
  settings.path = "/usr/lib/x.so";
  settings.configuration = std::string(3000, 'c') + "secret";
  settings.flags = 0xffff'fff0;
  settings.guid.bytes[3] = 7;
  settings.layout = EventLayout::kClassic;
  settings.guid_form = GuidForm::kText;
  settings.translation = 5;
  settings.canal_mask = 0x1234'5678;
  settings.one_call_at_a_time = true;
  const auto link = HostLink::make(settings);
  ASSERT_TRUE(link);
  const auto got = read_settings((*link)->memory());
  ASSERT_TRUE(got);
  EXPECT_EQ(got->kind, settings.kind);
  EXPECT_EQ(got->path, settings.path);
  EXPECT_EQ(got->configuration, settings.configuration);
  EXPECT_EQ(got->flags, settings.flags);
  EXPECT_EQ(got->guid, settings.guid);
  EXPECT_EQ(got->layout, settings.layout);
  EXPECT_EQ(got->guid_form, settings.guid_form);
  EXPECT_EQ(got->translation, settings.translation);
  EXPECT_EQ(got->canal_filter, std::nullopt);
  EXPECT_EQ(got->canal_mask, settings.canal_mask);
  EXPECT_TRUE(got->one_call_at_a_time);
  EXPECT_FALSE(got->library_keeps_data);
}

TEST(HostLink, SettingsThatDoNotFitAreRefusedAndNonsenseIsNone) {
  LibrarySettings settings;
  settings.configuration = std::string(kSettingsBytes, 'c');
  EXPECT_FALSE(HostLink::make(settings));
  const auto link = HostLink::make({});
  ASSERT_TRUE(link);
  SharedMemory& memory = (*link)->memory();
  const std::uint32_t size = memory.settings_size;
  for (const std::uint32_t wrong : {std::uint32_t{0}, size - 1, size + 1, ~std::uint32_t{0}}) {
    memory.settings_size = wrong;
    EXPECT_FALSE(read_settings(memory)) << wrong;
  }
}

TEST(HostLink, FiguresAreWhatTheyWereAndGarbageIsHarmless) {
  const auto link = HostLink::make({});
  ASSERT_TRUE(link);
  HostStatus& status = (*link)->memory().status;
  LibraryFigures figures;
  figures.read_events = 12;
  figures.has_status = true;
  figures.last_error_text[0] = 'x';
  write_figures(figures, status);
  EXPECT_EQ(read_figures(status).read_events, 12U);
  EXPECT_TRUE(read_figures(status).has_status);
  for (auto& word : status.figures) word.store(~std::uint64_t{0});
  const LibraryFigures garbage = read_figures(status);
  EXPECT_TRUE(garbage.has_statistics);
  EXPECT_EQ(garbage.last_error_text.back(), 0);
}

TEST(HostWords, AnEndIsToldWithTheFunction) {
  HostStatus status{};
  EXPECT_EQ(end_words({.signal = SIGKILL}, status), "ended by SIGKILL");
  status.trace.reading.store(LibraryCall::kVscpRead);
  status.trace.writing.store(LibraryCall::kVscpWrite);
  EXPECT_EQ(end_words({.signal = SIGKILL}, status), "ended by SIGKILL in VSCPRead, with another thread in VSCPWrite");
  status.culprit.store(static_cast<std::uint32_t>(Culprit::kWriting));
  EXPECT_EQ(end_words({.signal = SIGSEGV}, status), "ended by SIGSEGV in VSCPWrite");
  status.culprit.store(static_cast<std::uint32_t>(Culprit::kOther));
  EXPECT_EQ(end_words({.signal = SIGFPE}, status), "ended by SIGFPE in a thread of the library's own");
  status.culprit.store(0);
  status.trace.writing.store(LibraryCall::kNone);
  EXPECT_EQ(end_words({.exit_code = 3}, status), "ended itself with exit code 3 in VSCPRead");
}

TEST(HostWords, TextsOfTheHostAreCutAndCleaned) {
  HostStatus status{};
  status.reason.fill('a');
  status.reason[1] = '\n';
  status.reason_size.store(~std::uint32_t{0});
  const HostEnd end{.exit_code = static_cast<int>(HostExit::kNotOpened)};
  EXPECT_EQ(end_words(end, status), "a?" + std::string(status.reason.size() - 2, 'a'));
  status.trace.reading.store(static_cast<LibraryCall>(200));
  EXPECT_EQ(end_words({.signal = SIGKILL}, status).find('\n'), std::string::npos);
}

TEST(OutputLines, LinesAreCutAndFew) {
  std::vector<std::string> lines;
  OutputLines output([&](std::string_view line) { lines.emplace_back(line); });
  output.add("one\r\ntw", kSecondNs);
  output.add("o\n\n", kSecondNs);
  output.add(std::string(1000, 'x') + "\n", kSecondNs);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "one");
  EXPECT_EQ(lines[1], "two");
  EXPECT_EQ(lines[2], std::string(OutputLines::kLineMax, 'x'));
  for (int i = 0; i < 1000; ++i) output.add("flood\n", kSecondNs + 1);
  EXPECT_EQ(lines.size(), OutputLines::kLinesMax);
  output.add("later\n", 3 * kSecondNs);
  ASSERT_EQ(lines.size(), OutputLines::kLinesMax + 2U);
  EXPECT_EQ(lines[OutputLines::kLinesMax], "(983 more lines left out)");
  output.add("no end", 3 * kSecondNs);
  output.finish(3 * kSecondNs);
  EXPECT_EQ(lines.back(), "no end");
}

}  // namespace
}  // namespace drivers::library
