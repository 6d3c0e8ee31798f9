// The way to and from one peer, one group, or everybody else who is allowed: reads what came, writes what goes out,
// confirms and waits for confirmations. The port that it belongs to gives it events and takes them (LaneOf).
//
// Thread rule: the entry's worker. Takes memory only when it is made.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "drivers/udp/confirm_window.h"
#include "drivers/udp/datagram.h"
#include "drivers/udp/datagram_sender.h"
#include "drivers/udp/udp_config.h"
#include "router/core/event_port.h"
#include "router/core/timer_wheel.h"

namespace drivers::udp {

struct LaneFigures {
  std::array<std::uint64_t, static_cast<std::size_t>(Refusal::kCount)> refused{};
  std::uint64_t received = 0;       ///< datagrams
  std::uint64_t confirmed = 0;      ///< of ours, by the far side
  std::uint64_t refused_there = 0;  ///< of these, those that the far side did not take
  std::uint64_t resent = 0;
  std::uint64_t unconfirmed = 0;  ///< given up
  std::uint64_t unanswered = 0;   ///< confirmations of ours that found no room to go out

  void refuse(Refusal why) noexcept { ++refused[static_cast<std::size_t>(why)]; }
};

class Lane : private router::Timer, private SendWaiter {
 public:
  Lane(router::Router& router, router::Worker& worker, const LaneConfig& config,
       std::optional<router::FrameCipher> cipher);
  ~Lane() override = default;

  /// Where it sends. `to` is of the socket's family. Before the worker runs.
  void set_sender(DatagramSender& sender, const sockaddr_storage& to) noexcept;

  /// A datagram for it came. False: not now, the same one is to come again.
  bool take(std::span<const std::uint8_t> bytes, const sockaddr_storage& from) noexcept;
  /// Sends what waits as far as there is room.
  void pump() noexcept;
  /// An event of our own goes out; false: there is no room.
  bool send_event(const vscp::Event& event) noexcept;
  /// Takes nothing more in.
  void stop_receiving() noexcept { receiving_ = false; }
  /// Waits for no confirmation any more.
  void stop() noexcept;
  bool has_unconfirmed() const noexcept { return window_ && !window_->empty(); }

  const LaneConfig& config() const noexcept { return *config_; }
  LaneFigures& lane_figures() noexcept { return figures_; }
  std::size_t waits_for_confirmation() const noexcept { return window_ ? window_->waiting() : 0; }

 protected:
  virtual router::EventBuf* take_buffer() noexcept = 0;
  virtual void publish_buffer(router::EventBuf* event) noexcept = 0;
  virtual void return_buffer(router::EventBuf* event) noexcept = 0;
  virtual std::span<const std::uint8_t> next_frame() noexcept = 0;
  virtual bool next_event(vscp::Event& event) noexcept = 0;
  virtual void drop_frame() noexcept = 0;
  virtual void ask_to_pump() noexcept = 0;

 private:
  void on_timer(std::uint64_t) noexcept override { ask_to_pump(); }
  void on_send_room() noexcept override { ask_to_pump(); }
  bool take_event(std::span<const std::uint8_t> bytes, const sockaddr_storage& from) noexcept;
  std::optional<Refusal> judge(vscp::Event& event) noexcept;
  void take_confirmation(std::span<const std::uint8_t> bytes) noexcept;
  void confirm(const Confirmation& confirmation, bool encrypted, const sockaddr_storage& from) noexcept;
  bool send(std::span<const std::uint8_t> frame) noexcept;
  /// The next frame in the form in which it goes out; empty if there is none.
  std::span<const std::uint8_t> next_in_form() noexcept;
  bool resend_due() noexcept;
  void arm() noexcept;
  router::FrameCipher* cipher() noexcept { return cipher_ ? &*cipher_ : nullptr; }

  router::Router* router_;
  router::Worker* worker_;
  const LaneConfig* config_;
  std::optional<router::FrameCipher> cipher_;
  std::optional<ConfirmWindow> window_;
  DatagramSender* sender_ = nullptr;
  sockaddr_storage to_{};
  bool receiving_ = true;
  std::uint64_t armed_ns_ = 0;  ///< when the timer fires
  LaneFigures figures_;
  vscp::Event scratch_;
  std::array<std::uint8_t, vscp::kEventFrameMax> frame_{};
};

/// A lane whose events come from, and go to, this kind of port.
template <typename Port>
class LaneOf : public Port, public Lane {
 public:
  LaneOf(router::Router& router, router::Worker& worker, const router::EventPortSettings& settings,
         const LaneConfig& config, std::optional<router::FrameCipher> cipher)
      : Port(router, worker, settings), Lane(router, worker, config, std::move(cipher)) {}

 protected:
  void on_outgoing() noexcept override { pump(); }

 private:
  router::EventBuf* take_buffer() noexcept override { return this->acquire(); }
  void publish_buffer(router::EventBuf* event) noexcept override { this->publish(event); }
  void return_buffer(router::EventBuf* event) noexcept override { this->give_back(event); }
  std::span<const std::uint8_t> next_frame() noexcept override { return this->peek_frame(); }
  bool next_event(vscp::Event& event) noexcept override { return this->peek(event); }
  void drop_frame() noexcept override { this->pop(); }
  void ask_to_pump() noexcept override { this->ask_outgoing(); }
};

}  // namespace drivers::udp
