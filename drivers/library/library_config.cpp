#include "drivers/library/library_config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "router/core/driver_entry.h"
#include "router/core/filter_config.h"

namespace drivers::library {
namespace {

namespace fs = std::filesystem;

using router::ConfigNode;
using router::ObjectReader;

constexpr std::array<std::pair<std::string_view, Isolation>, 2> kIsolations{
    {{"process", Isolation::kProcess}, {"none", Isolation::kNone}}};
constexpr std::array<std::pair<std::string_view, EventLayout>, 3> kLayouts{
    {{"detect", EventLayout::kDetect}, {"classic", EventLayout::kClassic}, {"2026", EventLayout::k2026}}};
constexpr std::array<std::pair<std::string_view, GuidForm>, 2> kGuidForms{
    {{"raw", GuidForm::kRaw}, {"text", GuidForm::kText}}};
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kUint32Max = 0xffff'ffff;
constexpr std::uint32_t kTranslationBits = kTranslateToDouble | kTranslateToText | kTranslateToLevel2;

std::uint32_t small(ObjectReader& reader, std::string_view key, std::uint32_t fallback, std::int64_t min,
                    std::int64_t max) {
  return static_cast<std::uint32_t>(reader.integer(key, fallback, min, max));
}

/// A number, or null if the key is absent.
std::optional<std::uint32_t> maybe(ObjectReader& reader, std::string_view key) {
  const std::int64_t value = reader.integer(key, -1, 0, kUint32Max);
  if (value < 0) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

void read_level1(ObjectReader& reader, LibraryConfig& out) {
  out.library.configuration = reader.text("config", "", 16'384);
  out.library.path = reader.text("path", "");
  out.library.flags = small(reader, "flags", 0, 0, kUint32Max);
  out.library.translation = static_cast<std::uint8_t>(small(reader, "translation", 0, 0, 255));
  if ((out.library.translation & ~kTranslationBits) != 0) {
    reader.error("translation",
                 "has bits that mean nothing: write 1 (measurements as double), 2 (as text), 4 (Level I over Level "
                 "II), or a sum");
  }
  out.library.canal_filter = maybe(reader, "canal-filter");
  out.library.canal_mask = maybe(reader, "canal-mask");
}

void read_level2(ObjectReader& reader, const std::string& folder, LibraryConfig& out) {
  out.library.path = reader.text("path-driver", "");
  const std::string file = reader.text("path-config", "");
  if (!file.empty()) out.library.configuration = (fs::path(folder) / file).lexically_normal().string();
  out.library.layout = reader.word<EventLayout>("event-layout", out.library.layout, kLayouts);
  out.library.library_keeps_data = reader.boolean("library-keeps-data", false);
  out.library.guid_form = reader.word<GuidForm>("guid-form", out.library.guid_form, kGuidForms);
}

void read_queue(ObjectReader& reader, std::uint64_t log_bytes, LibraryConfig& out) {
  ObjectReader filter(reader.object("filter"), reader.path_of("filter"), reader.context());
  out.out_filter = router::read_filter(filter, "out-filter", "out-mask");
  filter.finish();
  out.send = reader.boolean("send", out.send);
  out.queue = router::read_queue_limits(reader);
  if (out.queue.slow_consumer == router::SlowConsumer::kDisconnect) {
    reader.error("slow-consumer", R"(is not for a driver library: write "drop-lowest-priority" or "drop-oldest")");
  }
  if (auto problem = router::queue_bytes_problem(out.queue.max_out_bytes, log_bytes); !problem.empty()) {
    reader.error("max-out-bytes", std::move(problem));
  }
  out.max_rate = small(reader, "max-rate", 0, 0, 100'000'000);
}

std::uint32_t seconds(ObjectReader& reader, std::string_view key, std::uint32_t fallback_ms) {
  return static_cast<std::uint32_t>(
      std::lround(reader.number(key, static_cast<double>(fallback_ms) / 1000, 0.01, 86'400) * 1000));
}

void read_restart(ObjectReader& reader, LibraryConfig& out) {
  ObjectReader restart(reader.object("restart"), reader.path_of("restart"), reader.context());
  out.delay_ms = seconds(restart, "delay", out.delay_ms);
  out.delay_max_ms = seconds(restart, "delay-max", std::max(out.delay_max_ms, out.delay_ms));
  out.exponential = restart.boolean("exponential-backoff", out.exponential);
  if (out.delay_max_ms < out.delay_ms) restart.error("delay-max", "is less than \"delay\": write at least as much");
  restart.finish();
}

void read_isolation(ObjectReader& reader, LibraryConfig& out) {
  out.isolation = reader.word<Isolation>("isolation", out.isolation, kIsolations);
  out.memory_max = static_cast<std::uint64_t>(
      reader.integer("memory-max", static_cast<std::int64_t>(out.memory_max), 0, std::int64_t{1} << 44U));
  if (out.memory_max != 0 && out.memory_max < (16U << 20U)) {
    reader.error("memory-max", "is too small: write 0 (any), or at least 16777216 bytes");
  }
  out.cpu_max = small(reader, "cpu-max", 0, 0, 6400);
  out.open_files_max = small(reader, "open-files-max", out.open_files_max, 32, 1 << 20);
  out.call_timeout_ms = small(reader, "call-timeout-ms", out.call_timeout_ms, 0, kHourMs);
  out.open_timeout_ms = small(reader, "open-timeout-ms", out.open_timeout_ms, 0, kHourMs);
  if (out.isolation == Isolation::kProcess) return;
  for (const std::string_view key : {"memory-max", "cpu-max", "open-files-max"}) {
    if (reader.has(key)) reader.error(key, R"(needs a process of its own: remove it, or write "isolation": "process")");
  }
}

LibraryConfig read_library(const ConfigNode* node, const std::string& path, LibraryKind kind,
                           const router::ConfigPlace& place, router::ConfigContext& context) {
  LibraryConfig out;
  out.library.kind = kind;
  ObjectReader reader(node, path, context);
  reader.boolean("enable", true);
  reader.text("name", "", 64);
  if (node != nullptr) out.name = router::driver_name(*node);
  const std::string_view path_key = kind == LibraryKind::kLevel1 ? "path" : "path-driver";
  if (kind == LibraryKind::kLevel1) {
    read_level1(reader, out);
  } else {
    read_level2(reader, place.folder, out);
  }
  if (node != nullptr && out.library.path.empty()) {
    reader.error(path_key, "is missing: write the name of the driver's library, /path/driver.so");
  } else if (!out.library.path.empty()) {
    // The dynamic linker searches its own folders for a name without a slash: a file of the configuration's is meant.
    out.library.path = (fs::path(place.folder) / out.library.path).lexically_normal().string();
  }
  if (!reader.text("guid", "").empty())
    out.library.guid = router::read_channel_guid(reader);  // upstream leaves it empty
  read_queue(reader, place.log_bytes, out);
  read_isolation(reader, out);
  read_restart(reader, out);
  out.library.one_call_at_a_time = reader.boolean("one-call-at-a-time", false);
  reader.any("mqtt");  // the MQTT driver's
  reader.finish();
  return out;
}

}  // namespace

LibrariesConfig read_libraries(ObjectReader& root, const router::ConfigPlace& place) {
  LibrariesConfig out;
  const ConfigNode* drivers = root.any("drivers");
  if (drivers != nullptr && !drivers->is_object()) drivers = nullptr;  // the daemon's own complaint
  if (root.context().known_keys != nullptr) {
    router::ConfigContext keys;
    keys.known_keys = root.context().known_keys;
    read_library(nullptr, "drivers.level1[]", LibraryKind::kLevel1, place, keys);
    read_library(nullptr, "drivers.level2[]", LibraryKind::kLevel2, place, keys);
  }
  for (const auto& [key, kind] :
       {std::pair{"level1", LibraryKind::kLevel1}, std::pair{"level2", LibraryKind::kLevel2}}) {
    const ConfigNode* list = drivers == nullptr ? nullptr : drivers->find(key);
    if (list == nullptr || !list->is_array()) continue;
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      const ConfigNode& node = list->items[i];
      if (!node.is_object() || router::is_switched_off(node) ||
          (place.claimed != nullptr && place.claimed->contains(&node)))
        continue;
      if (place.claimed != nullptr) place.claimed->insert(&node);
      const std::string path = router::config_path(router::config_path("drivers", key), i);
      LibraryConfig library = read_library(&node, path, kind, place, root.context());
      if (std::any_of(out.libraries.begin(), out.libraries.end(),
                      [&](const LibraryConfig& other) { return other.name == library.name; })) {
        root.error_at(node, path,
                      "another driver has the name \"" + library.name + "\" already: write another \"name\"");
      }
      out.libraries.push_back(std::move(library));
    }
  }
  ObjectReader reader(drivers, "drivers", root.context());
  out.host_program = reader.text("host-program", "");
  if (!out.host_program.empty()) {
    out.host_program = (fs::path(place.folder) / out.host_program).lexically_normal().string();
  }
  return out;
}

std::string find_host_program(const LibrariesConfig& config) {
  if (!config.host_program.empty()) return config.host_program;
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (error ? fs::path("/usr/bin") : self.parent_path()) / "vscp-driver-host";
}

std::string host_program_problem(const std::string& path) {
  if (::access(path.c_str(), X_OK) == 0) return {};
  return "cannot start " + path + ": " + std::strerror(errno) +
         ": install vscp-driver-host beside vscprouterd, or write its place as \"drivers.host-program\"";
}

std::string library_file_problem(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return "there is no file " + path + ": write the name of the driver's library";
  if (!fs::is_regular_file(status)) return path + " is no file: write the name of the driver's library";
  if (::access(path.c_str(), R_OK) != 0) return "cannot read " + path + ": " + std::strerror(errno);
  return {};
}

}  // namespace drivers::library
