// The simulator inside the router: a helper thread that publishes what a field of simulated nodes would send.
#pragma once

#include <memory>

#include "drivers/sim/field.h"
#include "router/core/driver_kind.h"
#include "router/core/helper_thread.h"
#include "router/core/router.h"

namespace drivers::sim {

/// "simulate"
class SimDriverConfig final : public router::DriverConfig {
 public:
  static std::unique_ptr<router::DriverConfig> read(router::ObjectReader& root, const router::ConfigPlace& place);

  router::ThreadIndex helpers() const noexcept override { return enable ? 1 : 0; }
  std::unique_ptr<router::Driver> make(const router::DriverServices& services,
                                       router::ThreadIndex helper) const override;

  bool enable = false;
  std::uint32_t nodes = 16;
  double rate = 5.0;       ///< events per second, all nodes together
  std::uint64_t seed = 0;  ///< 0 = a fresh one at each start
};

class SimDriver final : public router::Driver, private router::HelperThread {
 public:
  /// Takes helper place `helper` of the router (see RouterSettings::helpers).
  SimDriver(router::Router& router, router::ThreadIndex helper, const FieldOptions& options);
  ~SimDriver() override;

  std::string_view name() const noexcept override { return "sim"; }
  std::string open() override { return {}; }
  void start() override;
  void drain() override;
  void stop() override {}

 private:
  void body() override;

  const router::Clock* clock_;
  std::uint32_t channel_;
  FieldOptions options_;
};

}  // namespace drivers::sim
