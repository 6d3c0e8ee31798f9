// What goes wrong on a bus and around its interface: counted, and told in the log and by events, each kind of news at
// most once a second.
//
// Events (spec: class1.error.md), from the interface's GUID with nickname 0. Data bytes 0-2: number of the entry in
// "can", 255, 255.
//   CHANNEL (7), SUCCESS (0)  the bus got worse, is well again. 3: state now (BusState), 4: the worst since the last
//   such event,
//                             5, 6: transmit and receive errors as the controller counts them, 7: times bus-off since
//   OVERRUN (18)              frames from the bus were lost. 3-6: how many since the last such event, most significant
//   first TRM_FULL (21)             frames to the bus were lost, likewise NOT_OPEN (33)             the interface is
//   not there (3: 0) or is down (3: 1) INIT_READY (16)           it is there and up
//
// Thread rule: one thread; does no I/O.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/socketcan/error_frame.h"
#include "protocol/event.h"

namespace drivers::socketcan {

struct BusFigures {
  std::uint64_t error_frames = 0;
  std::uint64_t bus_offs = 0;
  std::uint64_t restarts = 0;  ///< times that it came back from bus-off
  std::uint64_t warnings = 0;  ///< times that the state became so
  std::uint64_t passives = 0;
  std::uint64_t lost_arbitrations = 0;
  std::uint64_t no_acknowledgements = 0;
  std::uint64_t bus_errors = 0;  ///< violations of the protocol
  std::uint64_t transceiver_errors = 0;
  std::uint64_t transmit_timeouts = 0;
  std::uint64_t controller_overflows = 0;  ///< frames lost in the controller: times that it said so
};

/// Of an interface. kUnknown: not known yet.
enum class LinkState : std::uint8_t { kUnknown, kAbsent, kDown, kUp };

enum class News : std::uint8_t { kBus, kReceiveLoss, kTransmitLoss, kLink, kCount };

class BusMonitor {
 public:
  static constexpr std::uint16_t kClass = 508;  ///< CLASS1.ERROR
  static constexpr std::uint64_t kPauseNs = 1'000'000'000;

  explicit BusMonitor(std::uint8_t entry) noexcept : entry_(entry) {}

  void on_error_frame(const ErrorFrame& error) noexcept;
  /// From elsewhere: what the kernel says of the controller.
  void on_state(BusState state) noexcept;
  void on_link(LinkState state) noexcept;
  /// Totals so far.
  void on_receive_losses(std::uint64_t total) noexcept { losses_[0].total = total; }
  void on_transmit_losses(std::uint64_t total) noexcept { losses_[1].total = total; }

  BusState state() const noexcept { return state_; }
  LinkState link() const noexcept { return link_; }
  const BusFigures& figures() const noexcept { return figures_; }

  /// News that is to be told now, if any: `event` has class, type, priority and data (not GUID and time), `text` is for
  /// the log.
  struct Telling {
    News news = News::kBus;
    bool is_bad = false;
    vscp::Event event;
    std::string text;
  };
  /// Fills `out`; false: nothing to tell now. What was given counts as told.
  bool take(std::uint64_t now_ns, Telling& out);
  /// When there is something to tell: now_ns or later; ~0: there is nothing.
  std::uint64_t next_ns(std::uint64_t now_ns) const noexcept;

 private:
  struct Loss {
    std::uint64_t total = 0;
    std::uint64_t told = 0;
  };
  bool is_new(News news) const noexcept;
  void enter(BusState state) noexcept;
  void tell_bus(Telling& out);
  void tell_loss(News news, Loss& loss, Telling& out);
  void tell_link(Telling& out);

  std::uint8_t entry_;
  BusState state_ = BusState::kUnknown;
  BusState told_state_ = BusState::kActive;  // a bus that is well from the start is no news
  BusState worst_ = BusState::kActive;       ///< since told
  bool was_off_ = false;                     ///< and has not been seen well since
  std::uint64_t bus_offs_told_ = 0;
  std::uint8_t transmit_errors_ = 0;
  std::uint8_t receive_errors_ = 0;
  LinkState link_ = LinkState::kUnknown;
  LinkState told_link_ = LinkState::kUnknown;
  bool link_lost_ = false;  ///< since told
  std::array<Loss, 2> losses_{};
  std::array<std::uint64_t, static_cast<std::size_t>(News::kCount)> not_before_{};
  BusFigures figures_;
};

}  // namespace drivers::socketcan
