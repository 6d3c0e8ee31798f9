// What a long run says while it works: one line that is rewritten on a terminal, now and then a plain line otherwise.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

class ProgressLine {
 public:
  /// Writes to standard error; nothing if `quiet`.
  explicit ProgressLine(bool quiet);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Begins a part of the work: "1:16 text 8 bytes, run 2 of 5". Shown at once.
  void part(std::string name);
  /// What it does now: "measured 2.5 s: 100 events". Shown a few times a second on a terminal, otherwise every ten
  /// seconds.
  void show(const std::string& text);
  /// Takes the line away before something else is printed.
  void clear();

 private:
  void write(const std::string& text);

  bool quiet_;
  bool terminal_;
  bool line_shown_ = false;
  std::string part_;
  std::uint64_t shown_ns_ = 0;
};

}  // namespace bench
