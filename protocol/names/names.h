// Names of VSCP classes and types, both ways. Numbers and tokens are those of the specification.
//
// Classes 512 to 1023 are Level I classes over Level II: class 522 is "CLASS2.LEVEL1.MEASUREMENT" with the types of
// class 10. Types 256 to 1279 of the Level II measurement classes 1040 and 1060 are those of classes 11 to 14.
// Thread rule: pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vscp {

/// "CLASS1.MEASUREMENT", or empty if the specification names no such class.
std::string class_token(std::uint16_t vscp_class);

/// The same without heap memory: written to `out`, which has room for kClassTokenMax characters. Returns the end.
inline constexpr std::size_t kClassTokenMax = 64;
char* format_class_token(std::uint16_t vscp_class, char* out) noexcept;

/// "TEMPERATURE", or empty if unknown. At most kTypeTokenMax characters.
inline constexpr std::size_t kTypeTokenMax = 64;
std::string_view type_token(std::uint16_t vscp_class, std::uint16_t vscp_type) noexcept;

/// "CLASS1.MEASUREMENT/TEMPERATURE", with the number in place of each name that is unknown ("CLASS1.MEASUREMENT/200",
/// "300/1").
std::string event_name(std::uint16_t vscp_class, std::uint16_t vscp_type);

/// Reads a class: a number (decimal or 0x) or a token, case ignored, with or without "CLASS1." in front; a name that
/// both levels have means Level I.
std::optional<std::uint16_t> find_class(std::string_view text);

/// Reads a type of that class: a number or a token, case ignored.
std::optional<std::uint16_t> find_type(std::uint16_t vscp_class, std::string_view text);

/// The known class token that is most like `text`, for "did you mean"; empty if none is near.
std::string nearest_class(std::string_view text);

/// The same for a type of that class.
std::string nearest_type(std::uint16_t vscp_class, std::string_view text);

}  // namespace vscp
