// What the daemon asks of anything that brings events in or takes them out.
//
// Thread rule: all calls come from the supervisor's thread, in the order open, start, drain, stop. What a driver does on workers or helper
// threads in between is its own.
#pragma once

#include <string>
#include <string_view>

namespace router {

class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::string_view name() const noexcept = 0;
  /// Takes hold of everything that can be refused (ports, files, devices). Workers do not run yet. Empty, or one sentence
  /// that says what is wrong and what to do.
  virtual std::string open() = 0;
  /// Workers run: begin to exchange events.
  virtual void start() = 0;
  /// Take nothing new in; deliver what is under way.
  virtual void drain() = 0;
  /// Workers have stopped; release everything.
  virtual void stop() = 0;
};

}  // namespace router
