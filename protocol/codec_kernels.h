// The inner loops of the text codecs in several forms, one of which is chosen by the CPU at the first use.
// Internal to protocol/; tests and benchmarks use it to try each form by itself.
//
// A decoding kernel only says "taken" or "not taken": what it does not take (blanks, hex, errors) goes to the
// general code in data_list.cpp and guid.cpp, which decides what is wrong. All forms take exactly what they are said
// to take here, but may refuse any input. No kernel reads a byte outside of its input.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vscp {

enum class CodecForm : std::uint8_t { kScalar, kSsse3, kAvx512 };
inline constexpr std::size_t kCodecFormCount = 3;

struct CodecKernels {
  static constexpr std::size_t kNotTaken = ~std::size_t{0};

  /// Takes lists of 1 to kEventDataMax decimal values 0..255 of 1 to 3 digits, commas between, none at the ends.
  /// Returns the number of values, or kNotTaken. Writes nothing beyond data[kEventDataMax - 1].
  std::size_t (*decode_decimal)(const char* text, std::size_t size, std::uint8_t* data) noexcept;
  /// Takes lists of 1 to kEventDataMax values "0xNN" (x and digits in either case), commas between. The rest as above.
  std::size_t (*decode_hex)(const char* text, std::size_t size, std::uint8_t* data) noexcept;
  /// Writes "1,2,255," (a comma behind each value) and returns its length. `out` has room for 4 bytes per value
  /// rounded up to 16 values, which may all be overwritten.
  std::size_t (*encode_decimal)(const std::uint8_t* data, std::size_t size, char* out) noexcept;
  /// Reads kGuidTextSize characters, 16 hex pairs with colons; false if they are anything else.
  bool (*parse_guid)(const char* text, std::uint8_t* bytes) noexcept;
  /// Writes kGuidTextSize characters.
  void (*format_guid)(const std::uint8_t* bytes, char* text) noexcept;
};

/// The kernels in this form, null if this CPU or this build has not got them. kScalar is always there.
const CodecKernels* codec_kernels(CodecForm form) noexcept;

/// The kernels in use: the best that this CPU has, unless set. Any thread.
const CodecKernels& active_codec_kernels() noexcept;

/// For tests and benchmarks: what active_codec_kernels() gives from now on, in every thread. False, and no change, if
/// the form is not available.
bool use_codec_form(CodecForm form) noexcept;

}  // namespace vscp
