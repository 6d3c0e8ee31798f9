// A server that vscpbench starts for a measurement: a process with a temporary folder of its own. Both are gone at the
// end, also if vscpbench dies first (then only the process).
// Thread rule: one thread, the one that lives longest (the process is killed when that thread ends).
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace bench {

class ChildProcess {
 public:
  /// Makes the folder. The error is a sentence.
  static std::expected<ChildProcess, std::string> make();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  const std::filesystem::path& folder() const { return folder_; }
  /// A file in the folder that only its owner may read. Empty, or a sentence.
  std::string write_file(const std::string& name, const std::string& text) const;

  /// Runs `command` (found in PATH unless it has a slash), its output into a file in the folder. Empty, or a sentence.
  std::string start(const std::vector<std::string>& command);
  pid_t pid() const { return pid_; }
  /// Tries `is_ready` again and again until it returns an empty text, at most for 15 seconds. A sentence with what it
  /// said last and the end of the output if it never does, or if the process ends before.
  std::string wait_until(const std::function<std::string()>& is_ready);
  /// Waits for the end, at most so long. False: it still runs.
  bool wait_for_end(int limit_ms);
  /// `signal`, then SIGKILL after ten seconds. Empty if it ended with status 0; otherwise a sentence with the end of
  /// what it printed.
  std::string stop(int signal = SIGTERM);
  std::string output() const;

 private:
  ChildProcess() = default;
  std::string output_tail() const;

  std::string name_;
  pid_t pid_ = 0;
  std::filesystem::path folder_;
};

/// A port of 127.0.0.1 that nobody listens on now; somebody else may take it before a server does, which then says so.
std::uint16_t free_port();

}  // namespace bench
