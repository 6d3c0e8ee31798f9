#include "router/base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace {

using router::LogKind;
using router::LogLevel;

class LogTest : public testing::Test {
 protected:
  void start(LogLevel level = LogLevel::kInfo) {
    router::LogSettings settings;
    settings.console = false;
    settings.file = true;
    settings.file_level = level;
    settings.file_pattern = "%l %v";
    settings.file_path = path();
    ASSERT_EQ(router::start_log(settings), "");
  }
  ~LogTest() override { router::stop_log(); }
  std::string path() const { return folder_.path() + "/log.txt"; }
  /// What was written, after the log thread has ended.
  std::vector<std::string> lines() {
    router::stop_log();
    std::ifstream file(path());
    std::vector<std::string> result;
    for (std::string line; std::getline(file, line);) result.push_back(line);
    return result;
  }

 private:
  test::TempDir folder_;
};

TEST_F(LogTest, LinesComeInOrderWithTheirLevel) {
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_TRUE(router::log_enabled(LogLevel::kInfo));
  EXPECT_FALSE(router::log_enabled(LogLevel::kDebug));
  router::log(LogLevel::kInfo, LogKind::kOnce, "first");
  router::log(LogLevel::kDebug, LogKind::kOnce, "too fine");
  router::logf(LogLevel::kError, LogKind::kOnce, "%s %d", "second", 2);
  EXPECT_EQ(lines(), (std::vector<std::string>{"info first", "error second 2"}));
  EXPECT_FALSE(router::log_enabled(LogLevel::kCritical)) << "after its end";
}

TEST_F(LogTest, APeerCannotForgeLines) {
  ASSERT_NO_FATAL_FAILURE(start());
  constexpr char kText[] = "user a\r\ninfo forged\x1b[2J\0\xff\x7f end";
  router::log(LogLevel::kInfo, LogKind::kOnce, std::string_view(kText, sizeof(kText) - 1));
  const auto written = lines();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0], "info user a??info forged?[2J??? end");
}

TEST_F(LogTest, LongLinesAreCut) {
  ASSERT_NO_FATAL_FAILURE(start());
  const std::string text(1'000, 'x');
  router::log(LogLevel::kInfo, LogKind::kOnce, text);
  router::logf(LogLevel::kInfo, LogKind::kOnce, "%s", text.c_str());
  const std::string cut = "info " + text.substr(0, 240);
  EXPECT_EQ(lines(), (std::vector<std::string>{cut, cut}));
}

// A flood of one kind is written now and then, and says how much was left out; other kinds and threads are not held
// back by it.
TEST_F(LogTest, AFloodIsCounted) {
  ASSERT_NO_FATAL_FAILURE(start());
  for (int i = 0; i < 5'000; ++i) router::log(LogLevel::kWarn, LogKind::kRefused, "refused");
  router::log(LogLevel::kWarn, LogKind::kLoginFailed, "login failed");
  std::thread([] { router::log(LogLevel::kWarn, LogKind::kRefused, "refused elsewhere"); }).join();
  const auto written = lines();
  const auto refused = std::count_if(written.begin(), written.end(), [](const std::string& line) {
    return line == "warning refused" || (line.starts_with("warning refused (") && line.ends_with(" more like this)"));
  });
  EXPECT_GE(refused, 1);
  EXPECT_LT(refused, 5'000);
  EXPECT_EQ(written.front(), "warning refused");
  EXPECT_EQ(std::count(written.begin(), written.end(), "warning login failed"), 1);
  EXPECT_EQ(std::count(written.begin(), written.end(), "warning refused elsewhere"), 1);
}

// What a full ring refuses is counted: lines written and lines lost are all there were.
TEST_F(LogTest, NothingIsLostSilently) {
  ASSERT_NO_FATAL_FAILURE(start());
  constexpr std::uint64_t kLines = 20'000;
  for (std::uint64_t i = 0; i < kLines; ++i) router::logf(LogLevel::kInfo, LogKind::kOnce, "%d", static_cast<int>(i));
  std::uint64_t lost = 0;
  std::vector<long> numbers;
  for (const std::string& line : lines()) {
    if (line.starts_with("info ")) {
      numbers.push_back(std::stol(line.substr(5)));
    } else {
      ASSERT_TRUE(line.ends_with(" log lines lost")) << line;
      lost += std::stoul(line.substr(std::string("warning ").size()));
    }
  }
  EXPECT_EQ(numbers.size() + lost, kLines);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_EQ(numbers.front(), 0);
}

TEST(Log, AFileThatCannotBeOpenedIsSaidSo) {
  router::LogSettings settings;
  settings.console = false;
  settings.file = true;
  settings.file_path = "/proc/no-such-folder/log.txt";
  const std::string error = router::start_log(settings);
  EXPECT_NE(error.find("/proc/no-such-folder"), std::string::npos) << error;
  EXPECT_FALSE(router::log_enabled(LogLevel::kCritical));
}

}  // namespace
