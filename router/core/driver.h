// What the daemon asks of anything that brings events in or takes them out.
//
// Thread rule: all calls come from the supervisor's thread, in the order open, start, drain, leave, stop; summary(), news(),
// warnings(), own_files() and stores() after open(), reload(), report() and note_room() between start() and drain().
// What a driver does on workers or helper threads in between is its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/core/store_config.h"

namespace router {

class JsonWriter;

/// The row of something whose worker has not answered in time: that it is there, and why its figures are not.
void write_no_answer(JsonWriter& array, std::string_view driver, std::string_view name);

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
  /// All drivers have drained, and what they took in has come to those who want it. Send it to the far sides, for as
  /// long as is fit, and take leave of them.
  virtual void leave() {}
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
  /// Where events wait for far sides: one per far side (router/core/store_config.h). Valid until stop().
  virtual std::vector<DriverStore> stores() const { return {}; }
  /// Of a record in one of them that is no event: the topic of a message. Empty if that is not known.
  virtual std::string describe(std::span<const std::uint8_t> record) const {
    (void)record;
    return {};
  }
  /// One of them was purged: it may have room again.
  virtual void note_room(const EventStore& store) { (void)store; }
};

}  // namespace router
