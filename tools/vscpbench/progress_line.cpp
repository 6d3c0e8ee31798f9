#include "tools/vscpbench/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "tools/vscpbench/server_stats.h"

namespace bench {
namespace {

constexpr std::uint64_t kTerminalNs = 250'000'000;
constexpr std::uint64_t kPlainNs = 10'000'000'000;
constexpr int kColumns = 80;

/// What fits on one line: a longer one could not be rewritten.
int line_width() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return (known ? size.ws_col : kColumns) - 1;
}

}  // namespace

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::part(std::string name) {
  part_ = std::move(name);
  shown_ns_ = monotonic_ns();
  write(part_);
}

void ProgressLine::show(const std::string& text) {
  const auto now = monotonic_ns();
  if (now - shown_ns_ < (terminal_ ? kTerminalNs : kPlainNs)) return;
  shown_ns_ = now;
  write(part_ + ", " + text);
}

void ProgressLine::write(const std::string& text) {
  if (quiet_) return;
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%.*s", line_width(), text.c_str());
    line_shown_ = true;
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!line_shown_) return;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
  line_shown_ = false;
}

}  // namespace bench
