#include "drivers/library/thread_host.h"

#include <sys/prctl.h>

#include <string_view>
#include <utility>

#include "router/base/log.h"

namespace drivers::library {

ThreadHost::ThreadHost(std::string name, std::shared_ptr<HostLink> link, LibrarySettings settings,
                       HostRunner::Load load, const Bell& bell)
    : shared_(std::make_shared<Shared>()) {
  thread_ = std::thread([shared = shared_, name = std::move(name), link = std::move(link),
                         settings = std::move(settings), load = std::move(load), bell = &bell]() mutable {
    ::prctl(PR_SET_NAME, "vr-lib-read");
    const auto say = [&name](std::string_view text) {
      router::log(router::LogLevel::kWarn, router::LogKind::kOnce, "driver " + name + ": " + std::string(text));
    };
    HostRunner runner(std::move(link), std::move(settings), std::move(load), say);
    shared->code = runner.run();
    shared->over.store(true, std::memory_order_release);
    if (!shared->abandoned.load(std::memory_order_acquire)) bell->ring();
  });
}

ThreadHost::~ThreadHost() {
  if (!thread_.joinable()) return;
  if (shared_->over.load(std::memory_order_acquire)) {
    thread_.join();
    return;
  }
  // It hangs in the library, and nothing ends a thread from outside.
  shared_->abandoned.store(true, std::memory_order_release);
  thread_.detach();
}

std::optional<HostEnd> ThreadHost::take_end() {
  if (!thread_.joinable() || !shared_->over.load(std::memory_order_acquire)) return std::nullopt;
  thread_.join();
  return HostEnd{.exit_code = static_cast<int>(shared_->code)};
}

}  // namespace drivers::library
