// Texts of a library for people: bounded, without control characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace drivers::library {

/// At most `max` characters; reads no further than that. Null is an empty text. Control characters become blanks.
std::string library_text(const char* text, std::size_t max);

/// "1.2.3" or "1.2.3.4" of a version that is packed a byte each, its first in the highest byte.
std::string version_text(std::uint32_t version);

}  // namespace drivers::library
