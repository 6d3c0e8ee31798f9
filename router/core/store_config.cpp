#include "router/core/store_config.h"

#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include "router/io/memory_store.h"
#include "router/io/spool.h"

namespace router {
namespace fs = std::filesystem;

namespace {

constexpr std::array<std::pair<std::string_view, StoreFullPolicy>, 3> kFullPolicies{
    {{"refuse", StoreFullPolicy::kRefuse},
     {"drop-lowest-priority", StoreFullPolicy::kDropLowestPriority},
     {"drop-oldest", StoreFullPolicy::kDropOldest}}};
constexpr std::uint64_t kSpoolBytes = 1ULL << 30U;
constexpr std::int64_t kBytesLeast = 1 << 20;
constexpr std::int64_t kBytesMost = 1LL << 44U;
constexpr std::int64_t kTenYearsS = 315'360'000;
constexpr std::uint64_t kOnTheirWayBytes = 32U << 20U;
constexpr std::uint64_t kNsPerS = 1'000'000'000;

void read_bounds(ObjectReader& from, StoreConfig& to) {
  to.bytes_max = static_cast<std::uint64_t>(
      from.integer("max-bytes", static_cast<std::int64_t>(to.bytes_max), kBytesLeast, kBytesMost));
  to.age_max_s = static_cast<std::uint64_t>(from.integer("max-age-s", 0, 0, kTenYearsS));
  to.when_full = from.word<StoreFullPolicy>("when-full", to.when_full, kFullPolicies);
}

}  // namespace

std::string_view to_text(StoreFullPolicy policy) noexcept {
  for (const auto& [text, value] : kFullPolicies) {
    if (value == policy) return text;
  }
  return "?";
}

StoreConfig read_spool(ObjectReader& reader, const std::string& state_folder, const std::string& default_folder) {
  StoreConfig out;
  ObjectReader spool(reader.object("spool"), reader.path_of("spool"), reader.context());
  out.on_disk = spool.boolean("enable", reader.has("spool"));
  const std::string folder = spool.text("folder", default_folder);
  if (folder.empty()) spool.error("folder", "is empty: write a folder, or leave it out for " + default_folder);
  out.folder = (fs::path(state_folder) / folder).lexically_normal().string();
  out.bytes_max = kSpoolBytes;
  out.when_full = StoreFullPolicy::kRefuse;
  read_bounds(spool, out);
  spool.finish();
  return out;
}

StoreConfig read_store(ObjectReader& reader, const std::string& state_folder, const std::string& default_folder) {
  ObjectReader queue(reader.object("queue"), reader.path_of("queue"), reader.context());
  StoreConfig memory;
  read_bounds(queue, memory);
  queue.finish();
  StoreConfig disk = read_spool(reader, state_folder, default_folder);
  if (!disk.on_disk) return memory;
  if (reader.has("queue")) reader.error("queue", "has no use beside a spool: remove one of the two");
  return disk;
}

std::expected<std::unique_ptr<EventStore>, std::string> open_store(const StoreConfig& config, const Clock& clock) {
  StoreLimits limits;
  limits.bytes_max = config.bytes_max;
  limits.age_max_ns = config.age_max_s * kNsPerS;
  limits.policy = config.when_full;
  if (!config.on_disk) return std::make_unique<MemoryStore>(limits, clock);
  if (limits.policy == StoreFullPolicy::kRefuse) limits.bytes_max += kOnTheirWayBytes;
  const fs::path folder(config.folder);
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (error) {
    return std::unexpected("cannot make " + folder.parent_path().string() + " for the spool: " + error.message() +
                           "; write another spool.folder");
  }
  auto spool = Spool::open({folder.string(), limits}, clock);
  if (!spool) return std::unexpected(std::move(spool.error()));
  return std::move(*spool);
}

std::vector<std::string> store_files(const StoreConfig& config) {
  std::vector<std::string> out;
  if (!config.on_disk) return out;
  const fs::path folder(config.folder);
  out.push_back(folder.parent_path().string());
  out.push_back(folder.string());
  std::error_code error;
  for (fs::directory_iterator i(folder, error), end; !error && i != end; i.increment(error)) {
    out.push_back(i->path().string());
  }
  return out;
}

}  // namespace router
