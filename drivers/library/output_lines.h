// What a library prints, cut into lines for the log: short ones, and not many.
//
// Thread rule: one owner. No input or output of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace drivers::library {

class OutputLines {
 public:
  static constexpr std::size_t kLineMax = 200;    ///< the rest of a longer line is left out
  static constexpr std::uint32_t kLinesMax = 20;  ///< per second; how many were left out is said
  using Write = std::function<void(std::string_view line)>;

  explicit OutputLines(Write write) : write_(std::move(write)) {}

  void add(std::string_view bytes, std::uint64_t now_ns);
  /// The last line may lack its end.
  void finish(std::uint64_t now_ns);

 private:
  void end_line(std::uint64_t now_ns);
  void tell_left_out();

  Write write_;
  std::string line_;
  std::uint64_t second_ns_ = 0;
  std::uint32_t lines_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace drivers::library
