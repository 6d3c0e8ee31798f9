#include "drivers/link_client/reply_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace drivers::link_client {
namespace {

std::vector<std::string> lines_of(ReplyReader& reader, std::string_view text, std::size_t piece) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, piece);
    EXPECT_EQ(reader.read(part,
                          [&](std::string_view line) {
                            lines.emplace_back(line);
                            return true;
                          }),
              part.size());
    text.remove_prefix(part.size());
  }
  return lines;
}

TEST(ReplyReader, TellsStatusLines) {
  EXPECT_EQ(kind_of_line("+OK"), LineKind::kPositive);
  EXPECT_EQ(kind_of_line("+OK - Success."), LineKind::kPositive);
  EXPECT_EQ(kind_of_line(" +ok"), LineKind::kPositive);
  EXPECT_EQ(kind_of_line("-OK - no"), LineKind::kNegative);
  for (const char* other : {"", "+", "+O", "OK", "0,20,3,1", "x+OK", "*OK", "+KO"})
    EXPECT_EQ(kind_of_line(other), LineKind::kOther) << other;
}

TEST(ReplyReader, TellsNumbers) {
  EXPECT_EQ(number_in_line("0"), 0);
  EXPECT_EQ(number_in_line(" 42 "), 42);
  EXPECT_EQ(number_in_line("999999999"), 999'999'999);
  for (const char* none : {"", "x", "-1", "1000000000", "99999999999999999999"})
    EXPECT_EQ(number_in_line(none), -1) << none;
}

TEST(ReplyReader, GivesTheSameLinesHoweverTheBytesAreCut) {
  const std::string text = "one\r\ntwo\n\r\n\nthree\r\r\n four \r\n";
  const std::vector<std::string> expected{"one", "two", "three", " four "};
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    ReplyReader reader;
    EXPECT_EQ(lines_of(reader, text, piece), expected) << piece;
    EXPECT_EQ(reader.unfinished(), 0U);
  }
}

TEST(ReplyReader, ARefusedLineComesAgain) {
  for (const std::size_t first : {0U, 3U}) {  // nothing, or a part of the line, is kept from before
    ReplyReader reader;
    const std::string text = "abcdef\r\nnext\r\n";
    std::vector<std::string> lines;
    bool takes = true;
    const auto visit = [&](std::string_view line) {
      if (takes) lines.emplace_back(line);
      return takes;
    };
    ASSERT_EQ(reader.read(std::string_view(text).substr(0, first), visit), first);
    takes = false;
    EXPECT_EQ(reader.read(std::string_view(text).substr(first), visit), 0U);
    takes = true;
    EXPECT_EQ(reader.read(std::string_view(text).substr(first), visit), text.size() - first);
    EXPECT_EQ(lines, (std::vector<std::string>{"abcdef", "next"}));
  }
}

TEST(ReplyReader, TheLongestLineAndOneMore) {
  for (const std::size_t piece : {1U, 1000U, 100'000U}) {
    ReplyReader reader;
    const std::string longest(ReplyReader::kLineMax, 'x');
    EXPECT_EQ(lines_of(reader, longest + "\r\n", piece), std::vector<std::string>{longest});
    EXPECT_FALSE(reader.is_too_long());
    EXPECT_TRUE(lines_of(reader, longest + "x\r\n", piece).empty());
    EXPECT_TRUE(reader.is_too_long());
    EXPECT_TRUE(lines_of(reader, "after\r\n", piece).empty());
  }
}

}  // namespace
}  // namespace drivers::link_client
