// How the daemon gets from the configuration to drivers without knowing any of them: a table of kinds, made from the list of names in
// drivers/meson.build. A kind reads its own part of the configuration; what it read makes the driver.
//
// Thread rule: the supervisor's thread, at start-up.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/config_node.h"
#include "router/core/driver.h"
#include "router/core/router.h"

namespace router {

/// Where a configuration is being read.
struct ConfigPlace {
  std::string folder;        ///< absolute; what relative paths are relative to
  std::string state_folder;  ///< absolute
  bool embedded = false;     ///< no file: the text inside the program
  std::uint64_t log_bytes = 0;  ///< of each worker
  vscp::Guid guid;              ///< of the router
  std::string server_name;
  /// Entries of "drivers.level1" and "drivers.level2" that some kind has taken for its own; the rest are refused.
  std::set<const ConfigNode*>* claimed = nullptr;
};

/// What the daemon lends to drivers; it outlives them.
struct DriverServices {
  Router* router = nullptr;
  std::function<void()> request_shutdown;  ///< any thread: end as on SIGTERM
};

/// A driver's part of the configuration, read and without errors.
class DriverConfig {
 public:
  virtual ~DriverConfig() = default;
  /// How many helper threads the driver takes; 0 also when it is switched off.
  virtual ThreadIndex helpers() const noexcept { return 0; }
  /// For --check-config: what a start would read besides the configuration. Opens nothing for good.
  virtual void check_files(std::vector<ConfigIssue>& errors, std::vector<ConfigIssue>& warnings) const {
    (void)errors;
    (void)warnings;
  }
  /// Null if it is switched off. `helper` is the first of its helpers' places in the router.
  virtual std::unique_ptr<Driver> make(const DriverServices& services, ThreadIndex helper) const = 0;
};

struct DriverKind {
  /// Reads the kind's keys of the top object. Errors go to the reader's context; never null.
  std::unique_ptr<DriverConfig> (*read)(ObjectReader& root, const ConfigPlace& place);
};

/// In the order of drivers/meson.build.
std::span<const DriverKind* const> driver_kinds() noexcept;

}  // namespace router
