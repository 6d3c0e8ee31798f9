// What a test library is to do, in words: of its configuration string, and of its own file's name, so that functions
// that are called before any configuration can go wrong too ("level1-segv@CanalGetVersion.so").
//
//   FAULT@FUNCTION   FAULT is segv, abort, exit, exit66, hang, throw, error, pointer (see the libraries)
//   NAME=NUMBER      count=100
//   NAME             echo
#pragma once

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace test_library {

class Words {
 public:
  void set(std::string_view text) { text_ = " " + std::string(text) + " "; }

  bool has(std::string_view word) const { return text_.find(" " + std::string(word) + " ") != std::string::npos; }
  unsigned long number(std::string_view name, unsigned long otherwise) const {
    const std::string begin = " " + std::string(name) + "=";
    const std::size_t at = text_.find(begin);
    unsigned long value = otherwise;
    if (at != std::string::npos) {
      std::from_chars(text_.data() + at + begin.size(), text_.data() + text_.size(), value);
    }
    return value;
  }
  /// Does what the words say of this function. True: it is to return an error.
  bool go_wrong(std::string_view function) const {
    const auto fault = [&](std::string_view name) { return has(std::string(name) + "@" + std::string(function)); };
    if (fault("segv")) ::raise(SIGSEGV);
    if (fault("abort")) std::abort();
    if (fault("exit")) std::exit(3);
    if (fault("exit66")) std::exit(66);  // a number that the host ends with, too
    if (fault("throw")) throw std::runtime_error("a test library throws");
    while (fault("hang")) ::pause();
    return fault("error");
  }

 private:
  std::string text_ = " ";
};

/// A leak as only the memory's growth shows it: each piece is reachable from the next, and the last from `kept`.
/// Written to, since what was never touched takes no place. (A static variable in here would keep a library from being
/// unloaded.)
inline void leak(std::size_t size, void*& kept) {
  void** const leaked = static_cast<void**>(std::malloc(std::max(size, sizeof(void*))));
  std::memset(leaked, 1, std::max(size, sizeof(void*)));
  *leaked = kept;
  kept = leaked;
}

/// The words between the first '-' and the ending of the file that `own_symbol` is in.
inline Words words_of_file(const void* own_symbol) {
  Words words;
  Dl_info info{};
  if (::dladdr(own_symbol, &info) == 0 || info.dli_fname == nullptr) return words;
  std::string name = info.dli_fname;
  name = name.substr(name.rfind('/') + 1);
  const std::size_t begin = name.find('-');
  if (begin != std::string::npos) words.set(name.substr(begin + 1, name.rfind('.') - begin - 1));
  return words;
}

}  // namespace test_library
