#include "drivers/link_client/reply_reader.h"

namespace drivers::link_client {
namespace {

constexpr int kDigitsMax = 9;

std::string_view without_blanks(std::string_view line) noexcept {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

bool is_letter(char c, char upper) noexcept {
  return c == upper || c == upper + ('a' - 'A');
}

}  // namespace

LineKind kind_of_line(std::string_view line) noexcept {
  line = without_blanks(line);
  if (line.size() < 3 || !is_letter(line[1], 'O') || !is_letter(line[2], 'K')) return LineKind::kOther;
  return line[0] == '+' ? LineKind::kPositive : line[0] == '-' ? LineKind::kNegative : LineKind::kOther;
}

std::int64_t number_in_line(std::string_view line) noexcept {
  line = without_blanks(line);
  std::int64_t number = 0;
  int digits = 0;
  for (; digits < static_cast<int>(line.size()) && line[static_cast<std::size_t>(digits)] >= '0' &&
         line[static_cast<std::size_t>(digits)] <= '9';
       ++digits) {
    if (digits == kDigitsMax) return -1;
    number = number * 10 + (line[static_cast<std::size_t>(digits)] - '0');
  }
  return digits == 0 ? -1 : number;
}

}  // namespace drivers::link_client
