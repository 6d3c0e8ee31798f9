#include "drivers/library/abi/shared_object.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "router/base/fd.h"

namespace drivers::library {
namespace {

#if defined(__x86_64__)
constexpr unsigned kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kMachine = EM_AARCH64;
#else
constexpr unsigned kMachine = EM_NONE;  // not checked; the dynamic linker says so
#endif

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_386:
      return "32-bit x86";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "32-bit ARM";
    case EM_AARCH64:
      return "64-bit ARM (aarch64)";
    case EM_RISCV:
      return "RISC-V";
    default:
      return "machine number " + std::to_string(machine);
  }
}

std::string error_text(int number) {
  return std::generic_category().message(number);
}

/// The dynamic linker's words as a sentence. Its texts: "libx.so: cannot open shared object file: ...",
/// "FILE: undefined symbol: NAME".
std::string explain(const std::string& path, const char* words) {
  std::string text = words == nullptr ? "unknown reason" : words;
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  const std::size_t needed = text.find(": cannot open shared object file");
  if (needed != std::string::npos && text.compare(0, needed, path) != 0) {
    return path + " needs " + text.substr(0, needed) + ", which is not found; install it, or ldconfig its folder";
  }
  const std::string symbol = "undefined symbol: ";
  if (const std::size_t at = text.find(symbol); at != std::string::npos) {
    return path + " uses " + text.substr(at + symbol.size()) +
           ", which neither it nor any library that it names has; it was linked incompletely";
  }
  return path + " cannot be loaded: " + text;
}

}  // namespace

std::string check_file(const std::string& path) {
  if (path.empty()) return "the driver library has no path";
  if (path.find('/') == std::string::npos) return {};  // the dynamic linker looks for it
  const router::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    const int reason = errno;
    return reason == ENOENT ? "there is no file " + path : path + " cannot be opened: " + error_text(reason);
  }
  struct stat status{};
  if (::fstat(file.get(), &status) == 0 && !S_ISREG(status.st_mode)) return path + " is no file";
  Elf64_Ehdr header{};
  const auto size = ::pread(file.get(), &header, sizeof header, 0);
  if (size < EI_NIDENT || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return path + " is no shared object: it does not begin as an ELF file";
  }
  if (size < static_cast<long>(sizeof header)) return path + " is cut short";
  if (kMachine != EM_NONE && header.e_machine != kMachine) {
    return path + " is built for " + machine_name(header.e_machine) + ", this is " + machine_name(kMachine);
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return path + " is a 32-bit file";
  if (header.e_type != ET_DYN) return path + " is an ELF file, but no shared object (built without -shared?)";
  return {};
}

SharedObject::SharedObject(SharedObject&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

SharedObject& SharedObject::operator=(SharedObject&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

SharedObject::~SharedObject() {
  if (handle_ != nullptr) ::dlclose(handle_);
}

std::expected<SharedObject, std::string> SharedObject::load(const std::string& path) {
  if (std::string fault = check_file(path); !fault.empty()) return std::unexpected(std::move(fault));
  ::dlerror();
  void* const handle = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) return std::unexpected(explain(path, ::dlerror()));
  return SharedObject(handle);
}

void* SharedObject::find(const char* name) const noexcept {
  return ::dlsym(handle_, name);
}

}  // namespace drivers::library
