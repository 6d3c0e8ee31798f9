#include "drivers/library/abi/library_text.h"

#include <algorithm>
#include <cstring>

namespace drivers::library {

std::string library_text(const char* text, std::size_t max) {
  if (text == nullptr) return {};
  std::string result(text, ::strnlen(text, max));
  std::ranges::replace_if(result, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
  return result;
}

std::string version_text(std::uint32_t version) {
  std::string text = std::to_string(version >> 24U) + '.' + std::to_string(version >> 16U & 0xffU) + '.' +
                     std::to_string(version >> 8U & 0xffU);
  if ((version & 0xffU) != 0) text += '.' + std::to_string(version & 0xffU);
  return text;
}

}  // namespace drivers::library
