// SIGINT and SIGTERM as a descriptor that becomes readable, so that a command ends between two steps and not inside
// one. SIGPIPE is ignored: a closed pipe is an error of write. One object, made at the start of main's work.
#pragma once

namespace tools::ctl {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  int fd() const noexcept { return fd_; }
  /// Waits at most `timeout_ms`; true if a signal came. Does not consume it.
  bool wait(int timeout_ms) const noexcept;

 private:
  int fd_ = -1;
};

}  // namespace tools::ctl
