#include "tools/vscpbench/stop_signal.h"

#include <signal.h>

namespace bench {
namespace {

std::atomic<bool> stop{false};

void on_signal(int number) {
  if (!stop.exchange(true)) return;
  signal(number, SIG_DFL);
  raise(number);
}

}  // namespace

void watch_stop_signals() {
  struct sigaction action{};
  action.sa_handler = on_signal;  // without SA_RESTART: a wait ends
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

const std::atomic<bool>& stop_requested() {
  return stop;
}

}  // namespace bench
