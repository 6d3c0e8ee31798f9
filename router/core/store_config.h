// "spool" and "queue" of the configuration: where events wait for a far side, on disk or in memory. The same keys for
// every driver that carries events to one. And the stores that drivers have, as operators see them.
//
// Thread rule: read and opened at start-up, then read-only.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/base/config_node.h"
#include "router/io/event_store.h"

namespace router {

/// "queue": what waits in memory. "spool": what waits on disk.
struct StoreConfig {
  bool on_disk = false;                  ///< "spool": {"enable": true}, the default where there is a "spool"
  std::string folder;                    ///< "spool": {"folder"}; absolute. Default: the driver's
  std::uint64_t bytes_max = 16'777'216;  ///< "max-bytes"; of a spool 1 GiB
  std::uint64_t age_max_s = 0;           ///< "max-age-s": older events are dropped; 0 = never
  StoreFullPolicy when_full = StoreFullPolicy::kDropLowestPriority;  ///< "when-full"; of a spool "refuse"
};

std::string_view to_text(StoreFullPolicy policy) noexcept;

/// Reads "spool" of the reader's object. `default_folder` is relative to `state_folder`. Errors go to the reader's
/// context.
StoreConfig read_spool(ObjectReader& reader, const std::string& state_folder, const std::string& default_folder);
/// The same, and "queue" where there is no spool.
StoreConfig read_store(ObjectReader& reader, const std::string& state_folder, const std::string& default_folder);

/// The error is a sentence. `clock` must outlive the store. A spool that refuses when it is full gets some room more
/// than bytes_max: for events that are on their way when it says so.
std::expected<std::unique_ptr<EventStore>, std::string> open_store(const StoreConfig& config, const Clock& clock);
/// Folders and files of an open spool, for Driver::own_files().
std::vector<std::string> store_files(const StoreConfig& config);

/// A store of a driver. Borrows from it.
struct DriverStore {
  std::string name;      ///< of the far side in the configuration
  std::string far_side;  ///< its address
  const StoreConfig* config = nullptr;
  EventStore* store = nullptr;
  bool refusing = false;  ///< no room, or the disk does not take anything: events for it are refused
};

}  // namespace router
