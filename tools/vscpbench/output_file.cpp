#include "tools/vscpbench/output_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace bench {
namespace {

std::string cannot_write(const std::string& path) {
  return "cannot write " + path + ": " + std::strerror(errno);
}

}  // namespace

std::string write_output(const std::string& path, std::string_view bytes) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "w");
  if (file == nullptr) return cannot_write(path);
  if (std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() || std::fflush(file) != 0) {
    auto error = cannot_write(path);
    if (file != stdout) std::fclose(file);
    return error;
  }
  if (file != stdout && std::fclose(file) != 0) return cannot_write(path);
  return {};
}

std::string check_output(const std::string& path) {
  if (path.empty() || path == "-") return {};
  std::error_code error;
  const bool was_there = std::filesystem::exists(path, error);
  std::FILE* file = std::fopen(path.c_str(), "a");
  if (file == nullptr) return cannot_write(path);
  std::fclose(file);
  if (!was_there) unlink(path.c_str());
  return {};
}

}  // namespace bench
