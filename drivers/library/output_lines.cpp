#include "drivers/library/output_lines.h"

#include <algorithm>

namespace drivers::library {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

void OutputLines::add(std::string_view bytes, std::uint64_t now_ns) {
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    line_ += bytes.substr(0, std::min(end, kLineMax - line_.size()));
    if (end < bytes.size()) end_line(now_ns);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
}

void OutputLines::finish(std::uint64_t now_ns) {
  end_line(now_ns);
  tell_left_out();
}

void OutputLines::end_line(std::uint64_t now_ns) {
  if (now_ns - second_ns_ >= kSecondNs) {
    tell_left_out();
    second_ns_ = now_ns;
    lines_ = 0;
  }
  while (!line_.empty() && (line_.back() == '\r' || line_.back() == ' ')) line_.pop_back();
  if (line_.empty()) return;
  if (lines_ < kLinesMax) {
    ++lines_;
    write_(line_);
  } else {
    ++left_out_;
  }
  line_.clear();
}

void OutputLines::tell_left_out() {
  if (left_out_ == 0) return;
  write_("(" + std::to_string(left_out_) + " more lines left out)");
  left_out_ = 0;
}

}  // namespace drivers::library
