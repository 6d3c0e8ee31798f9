// The simulator inside the router: a helper thread that publishes what a field of simulated nodes would send.
#pragma once

#include "drivers/sim/field.h"
#include "router/core/driver.h"
#include "router/core/helper_thread.h"
#include "router/core/router.h"

namespace drivers::sim {

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
