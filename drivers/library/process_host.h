// A driver library in a process of its own: starts vscp-driver-host, and ends it for good.
//
// Thread rule: the watching thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "drivers/library/host.h"
#include "drivers/library/host_link.h"
#include "router/base/fd.h"

namespace drivers::library {

struct ProcessLimits {
  std::uint64_t data_bytes = 0;  ///< 0: any
  std::uint32_t open_files = 1024;
};

class ProcessHost : public Host {
 public:
  /// The error is a sentence.
  static std::expected<std::unique_ptr<Host>, std::string> start(const std::string& program, const std::string& name,
                                                                 const HostLink& link, const ProcessLimits& limits);
  /// Kills what is left, and waits for it.
  ~ProcessHost() override;

  std::optional<HostEnd> take_end() override;
  bool send(int signal_number) override;
  int end_descriptor() const noexcept override { return process_fd_.get(); }
  int output_descriptor() const noexcept override { return output_.get(); }
  void close_output() noexcept override { output_.reset(); }
  std::optional<HostUsage> usage() const override;
  int process_id() const noexcept override { return process_; }

 private:
  ProcessHost() = default;

  pid_t process_ = 0;  ///< also its process group; 0: it has been waited for
  router::UniqueFd process_fd_;
  router::UniqueFd output_;
  router::UniqueFd life_;  ///< closed by the kernel when the router dies
};

}  // namespace drivers::library
