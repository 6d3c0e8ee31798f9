// Driver libraries as a driver of the daemon: a port on a worker for each, and one thread that watches over their
// hosts.
//
// Thread rule: the supervisor's thread; the watching thread is made here.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "drivers/library/bell.h"
#include "drivers/library/host_watch.h"
#include "drivers/library/library_config.h"
#include "drivers/library/library_port.h"
#include "router/core/driver_kind.h"

namespace drivers::library {

/// "drivers.level1", "drivers.level2", "drivers.host-program"
class LibraryDriverConfig final : public router::DriverConfig {
 public:
  static std::unique_ptr<router::DriverConfig> read(router::ObjectReader& root, const router::ConfigPlace& place);

  void check_files(std::vector<router::ConfigIssue>& errors, std::vector<router::ConfigIssue>& warnings) const override;
  std::unique_ptr<router::Driver> make(const router::DriverServices& services,
                                       router::ThreadIndex helper) const override;

  LibrariesConfig config;
};

class LibraryDriver final : public router::Driver {
 public:
  /// `load` finds libraries for "isolation": "none".
  LibraryDriver(const LibrariesConfig& config, router::Router& router, HostRunner::Load load = load_library);
  ~LibraryDriver() override;

  std::string_view name() const noexcept override { return "library"; }
  std::string open() override;
  void start() override;
  void drain() override;
  void leave() override;
  void stop() override;
  std::string summary() const override;
  std::vector<std::string> warnings() const override;
  void report(router::JsonWriter& array) const override;

 private:
  /// Runs on the worker of each port, with it.
  template <typename Function>
  void post_to_each(Function function);
  void watch();

  LibrariesConfig config_;
  router::Router* router_;
  HostRunner::Load load_;
  Bell bell_;
  std::vector<std::unique_ptr<LibraryPort>> ports_;
  std::vector<std::unique_ptr<HostWatch>> watches_;
  std::atomic<bool> leaving_{false};
  std::atomic<bool> quitting_{false};
  std::thread thread_;
};

}  // namespace drivers::library
