// A spool in a folder of its own, and what tests do to its files.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "router/base/clock.h"
#include "router/io/spool.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/io/store_kinds.h"

namespace test {

/// Both clocks are set by the test.
class JumpClock final : public router::Clock {
 public:
  std::uint64_t monotonic_ns() const noexcept override { return monotonic; }
  std::uint64_t utc_ns() const noexcept override { return utc; }

  std::uint64_t monotonic = 1'000'000'000'000;
  std::uint64_t utc = 1'767'323'045'000'000'000;
};

inline constexpr std::uint64_t kTestBoot = 7;

inline router::SpoolOptions spool_options(const std::string& folder, std::uint64_t bytes_max = 64U << 20U) {
  router::SpoolOptions options;
  options.folder = folder;
  options.limits.bytes_max = bytes_max;
  options.limits.policy = router::StoreFullPolicy::kRefuse;
  options.segment_bytes = 128U << 10U;
  options.boot = kTestBoot;
  return options;
}

inline std::unique_ptr<router::Spool> open_spool(const router::SpoolOptions& options, const router::Clock& clock) {
  auto spool = router::Spool::open(options, clock);
  if (!spool) {
    ADD_FAILURE() << spool.error();
    return nullptr;
  }
  return std::move(*spool);
}

inline void put(router::EventStore& store, std::uint8_t lane, std::string_view text) {
  EXPECT_TRUE(store.append(lane, as_bytes(text)));
  EXPECT_TRUE(store.commit());
}

inline std::vector<std::string> read_texts(router::EventStore& store, std::size_t count = 1'000'000) {
  std::vector<std::string> found;
  std::vector<router::StoredRecord> out(256);
  while (found.size() < count) {
    const std::size_t got = store.read(std::span(out).first(std::min(out.size(), count - found.size())));
    if (got == 0) break;
    for (std::size_t i = 0; i < got; ++i) {
      found.emplace_back(reinterpret_cast<const char*>(out[i].bytes.data()), out[i].bytes.size());
    }
  }
  return found;
}

using Files = std::map<std::string, std::string>;

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::filesystem::file_size(path), '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

/// All files of a folder but the lock.
inline Files take_files(const std::string& folder) {
  Files files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename() == "lock") continue;
    files[entry.path().filename()] = read_file(entry.path());
  }
  return files;
}

inline void put_files(const std::string& folder, const Files& files) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/lock").flush();
  for (const auto& [name, bytes] : files) {
    std::ofstream file(folder + "/" + name, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

inline std::string segment_name(const Files& files) {
  for (const auto& [name, bytes] : files) {
    if (name.ends_with(".seg")) return name;
  }
  ADD_FAILURE() << "no segment";
  return {};
}

/// What the files take of the disk.
inline std::uint64_t disk_use(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    struct stat status{};
    if (::stat(entry.path().c_str(), &status) == 0) bytes += static_cast<std::uint64_t>(status.st_blocks) * 512U;
  }
  return bytes;
}

}  // namespace test
