// The thread that watches network interfaces, opens and closes CAN sockets, and restarts controllers: all that may wait
// for the kernel's lock of the interfaces. One for all entries.
//
// Thread rule: start() and stop() by the supervisor; what ports ask for from any thread; ports are told on this thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "drivers/socketcan/link_book.h"
#include "router/base/clock.h"
#include "router/base/fd.h"
#include "router/core/inbox.h"

namespace drivers::socketcan {

/// What a port asks for; tests have their own. Any thread.
class LinkKeeper {
 public:
  virtual ~LinkKeeper() = default;
  /// Closes a socket that came with LinkNews and on which nothing is in flight any more. The entry gets another one
  /// when it can.
  virtual void give_back(std::size_t entry, int socket) = 0;
  /// Restarts the controller after bus-off, by switching the interface off and on where its driver knows nothing
  /// better; `done` is called with 0 or errno.
  virtual void restart(std::size_t entry, std::function<void(int error)> done) = 0;
};

class LinkWatch final : public LinkKeeper {
 public:
  explicit LinkWatch(const router::Clock& clock);
  ~LinkWatch() override { stop(); }
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;

  /// Before start(). `tell` is called on the thread.
  void add(const SocketSettings& settings, LinkBook::Tell tell) { book_.add(settings, std::move(tell)); }
  /// Empty, or what is wrong.
  std::string open();
  void start();
  void stop();

  void give_back(std::size_t entry, int socket) override;
  void restart(std::size_t entry, std::function<void(int error)> done) override;

 private:
  void run();
  void ask_for_list();
  void receive();
  void run_tasks();
  void post(std::unique_ptr<router::Task> task);
  int restart_now(std::int32_t index);
  /// Sends a request and waits for its answer: 0 or errno. Fills `link`, if there is one, with an interface that is
  /// told.
  static int ask(const std::vector<char>& request, LinkInfo* link = nullptr);
  std::uint64_t now_ns() const noexcept { return clock_->monotonic_ns(); }

  static constexpr std::size_t kTasksMax = 4096;
  const router::Clock* clock_;
  LinkBook book_;
  router::UniqueFd netlink_;
  router::UniqueFd wake_;
  router::TaskQueue tasks_{kTasksMax};
  std::vector<char> bytes_;  ///< of what is received
  std::uint64_t list_due_ns_ = ~std::uint64_t{0};
  bool listing_ = false;
  bool list_again_ = false;  ///< something was missed meanwhile
  std::thread thread_;
};

}  // namespace drivers::socketcan
