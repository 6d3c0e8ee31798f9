// One connection to a far side that is to be there (or to be made every so often): looks the name up, connects, hands
// the socket to a session, and tries again later when it has gone.
//
// Thread rule: the remote's worker. It lives as long as its remote, which outlives the worker's thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "drivers/link_client/resolver.h"
#include "router/core/timer_wheel.h"
#include "router/io/ring.h"

namespace drivers::link_client {

class Remote;
class RemoteSession;

/// What a connection is for.
enum class Role : std::uint8_t {
  kReceive,  ///< RCVLOOP; becomes kVisit if the far side has none
  kSend,     ///< SEND
  kVisit,    ///< fetches by CDTA and RETR, and sends, in turn
};

/// Why a connection ended.
enum class Ending : std::uint8_t {
  kDone,     ///< as it should
  kLost,     ///< try again soon
  kRefused,  ///< the login was refused: try again late
};

class Lane final : public router::OpOwner, public router::Timer {
 public:
  Lane(Remote& remote, Role role) noexcept : remote_(&remote), role_(role) {}
  ~Lane() override;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  Remote& remote() noexcept { return *remote_; }
  Role role() const noexcept { return role_; }
  /// Null while there is no connection, or it is closing.
  RemoteSession* session() noexcept { return session_; }
  bool is_idle() const noexcept { return state_ == State::kIdle; }
  bool is_connecting() const noexcept { return state_ == State::kResolving || state_ == State::kConnecting; }
  /// Nothing of it is left that could still call back.
  bool is_over() const noexcept { return state_ == State::kIdle && !connect_pending_; }

  /// Connects after `delay_ns`.
  void start_in(std::uint64_t delay_ns) noexcept;
  /// Takes leave of the far side, or gives up what is being tried; does not begin again by itself. `at_once`: without
  /// leave.
  void stop(bool at_once) noexcept;

  // From the session.
  void on_session_working() noexcept;
  void on_session_closing(Ending ending, std::string_view why) noexcept;

 private:
  enum class State : std::uint8_t { kIdle, kWaiting, kResolving, kConnecting, kOpen };

  void on_timer(std::uint64_t now_ns) noexcept override;
  void on_completion(const router::Completion& completion) noexcept override;
  void begin() noexcept;
  void take(Resolved found) noexcept;
  void try_next() noexcept;
  void open(router::Socket socket) noexcept;
  void fail(Ending ending, std::string_view why) noexcept;
  std::uint64_t retry_delay_ns(Ending ending) noexcept;

  Remote* remote_;
  Role role_;
  State state_ = State::kIdle;
  bool connect_pending_ = false;  ///< the ring has a connect of ours
  bool timed_out_ = false;
  std::uint32_t failures_ = 0;  ///< in a row
  std::uint32_t attempt_ = 0;   ///< tells a late answer of the resolver from the one that is waited for
  std::uint64_t begun_ns_ = 0;
  std::uint64_t working_since_ns_ = 0;
  std::vector<sockaddr_storage> addresses_;
  std::size_t next_address_ = 0;
  sockaddr_storage address_{};  ///< lent to the ring
  router::Socket socket_ = -1;
  RemoteSession* session_ = nullptr;
};

}  // namespace drivers::link_client
