// What the daemon asks of anything that brings events in or takes them out.
//
// Thread rule: all calls come from the supervisor's thread, in the order open, start, drain, stop; summary(), news(), warnings() and own_files()
// after open(), reload() and report() between start() and drain(). What a driver does on workers or helper threads in between is its own.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace router {

class JsonWriter;

class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::string_view name() const noexcept = 0;
  /// Takes hold of everything that can be refused (ports, files, devices). Workers do not run yet. Empty, or one sentence
  /// per line that says what is wrong and what to do.
  virtual std::string open() = 0;
  /// Workers run: begin to exchange events.
  virtual void start() = 0;
  /// Take nothing new in; deliver what is under way.
  virtual void drain() = 0;
  /// Workers have stopped; release everything.
  virtual void stop() = 0;

  /// For the line that says that the router is ready: "link 127.0.0.1:9598". Empty: nothing to say.
  virtual std::string summary() const { return {}; }
  /// Lines to print once, before that line (a password that is shown only now).
  virtual std::vector<std::string> news() const { return {}; }
  /// What open() found doubtful; goes to the log.
  virtual std::vector<std::string> warnings() const { return {}; }
  /// Files that the user named by "runasuser" must be able to write, beside the state folder.
  virtual std::vector<std::string> own_files() const { return {}; }
  /// Reads the users files again: how many there are, or one sentence per line; what cannot be read stays as it was.
  virtual std::expected<std::size_t, std::string> reload() { return 0; }
  /// What `vscpctl stat` shows of the driver beside the workers' counters: any number of flat objects (numbers, texts, booleans), one per
  /// remote, broker or device. Each begins with the members "driver" (name()) and "name". Workers may be asked by tasks.
  virtual void report(JsonWriter& array) const { (void)array; }
};

}  // namespace router
