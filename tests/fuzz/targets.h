// Fuzz targets of the protocol layer. Each takes any bytes, and ends the process if a promise of the decoder is broken.
//
// libFuzzer programs (option `fuzz`, clang) call one of them each; replay_corpus runs all of them over the committed
// corpus in every build.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace fuzz {

using Bytes = std::span<const std::uint8_t>;

void event_line(Bytes input);
void data_list(Bytes input);
void link_command(Bytes input);
void guid(Bytes input);
void datetime(Bytes input);
void filter_half(Bytes input);
void event_frame(Bytes input);
void command_frame(Bytes input);

struct Target {
  std::string_view name;  ///< folder of its corpus, and of the program fuzz_<name>
  void (*run)(Bytes input);
};

inline constexpr Target kTargets[] = {
    {"event_line", event_line},     {"data_list", data_list},
    {"link_command", link_command}, {"guid", guid},
    {"datetime", datetime},         {"filter_half", filter_half},
    {"event_frame", event_frame},   {"command_frame", command_frame},
};

}  // namespace fuzz
