// One connection to a far side, as a conversation: greeting, login, then what its role is for (lane.h). Spec:
// vscp_tcpiplink.md; what real servers and devices do differently: README.md of this folder.
//
// One command at a time, but for SEND, of which several may be unanswered towards servers that can take that
// (upstream's daemon answers only the first of several commands that arrive together).
//
// Thread rule: the worker's thread. Ownership: the worker, from open() on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "drivers/link_client/frame_reader.h"
#include "drivers/link_client/lane.h"
#include "drivers/link_client/reply_reader.h"
#include "protocol/binary_command.h"
#include "router/core/stream_session.h"
#include "router/io/tls.h"

namespace drivers::link_client {

struct RemoteConfig;

class RemoteSession final : public router::StreamSession {
 public:
  RemoteSession(router::Worker& worker, router::Socket socket, Lane& lane, Role role);
  ~RemoteSession() override;

  void open();
  /// Says goodbye and closes; the lane has let go of it.
  void leave() noexcept;

  Role role() const noexcept { return role_; }
  /// Logged in, and doing what it is for.
  bool is_working() const noexcept { return working_; }
  /// The channel that it has told the far side not to give our events to is another one.
  bool names_other_channel(std::uint32_t far) const noexcept { return is_binary_ && named_channel_ != far; }
  /// Between its login and knowing its own channel.
  bool is_asking_channel() const noexcept { return step_ == Step::kPass || step_ == Step::kChannel; }

 private:
  /// Whose reply is waited for.
  enum class Step : std::uint8_t {
    kGreeting,
    kUser,
    kPass,
    kBridge,
    kChannel,
    kFilter,
    kMask,
    kLoop,
    kCount,
    kFetch,
    kNoop,
    kBinary,
    kOpen,
    kNothing
  };

  // StreamSession.
  std::size_t on_input(std::span<const char> bytes) noexcept override;
  void on_deadline(std::uint64_t now_ns) noexcept override;
  void on_closing() noexcept override;
  void on_progress() noexcept override;
  router::TlsStream* tls() const noexcept override { return tls_.get(); }
  void on_secured() noexcept override;
  void on_tls_failed(std::string_view why) noexcept override;

  std::size_t take_lines(std::string_view text) noexcept;
  bool take_line(std::string_view line) noexcept;
  void take_other(std::string_view line) noexcept;
  void take_greeting(std::string_view line) noexcept;
  bool take_event(std::string_view line) noexcept;
  router::EventBuf* acquire_event() noexcept;
  void publish(router::EventBuf* buffer) noexcept;
  void take_answer(bool positive, std::string_view line) noexcept;
  void take_login_answer(Step step, bool positive, std::string_view line) noexcept;
  void take_visit_answer(Step step, bool positive) noexcept;
  void take_send_answer(bool positive, std::string_view line) noexcept;
  void wait_for_room() noexcept;
  void ask(Step step, std::string_view command) noexcept;
  void expect(Step step) noexcept;
  void ask_half(Step step) noexcept;
  void logged_in() noexcept;
  void start_role() noexcept;
  void start_sending() noexcept;
  void ask_filter_or_loop() noexcept;
  void enter_loop() noexcept;
  void start_visit() noexcept;
  void fetch(std::int64_t waiting) noexcept;
  void fetched() noexcept;
  void pump_out() noexcept;
  void write_event(std::string_view bytes) noexcept;

  // Frames (remote_binary.cpp).
  using Frame = std::span<const std::uint8_t>;
  std::size_t take_frames(std::string_view bytes) noexcept;
  bool take_frame(Frame frame) noexcept;
  bool take_event_frame(Frame frame) noexcept;
  void take_reply_frame(Frame frame) noexcept;
  void ask_frame(Step step, vscp::BinaryCode code) noexcept;
  void say_frame(vscp::BinaryCode code) noexcept;
  void write_converted(std::string_view frame) noexcept;
  void visit_done() noexcept;
  void fail(Ending ending, std::string_view why) noexcept;
  void wait_until(std::uint64_t due_ns) noexcept;
  std::uint64_t next_due_ns() const noexcept;
  bool is_waiting_for_answer() const noexcept { return step_ != Step::kNothing || unanswered_ > 0; }
  const RemoteConfig& config() const noexcept;

  Lane* lane_;
  Role role_;
  Step step_ = Step::kGreeting;
  bool working_ = false;
  bool receiving_ = false;  ///< in the receive loop
  bool sends_ = false;      ///< events go out by this connection
  bool is_ours_ = false;    ///< the far side is a router like this one
  bool is_binary_ = false;  ///< frames from here on
  bool has_count_ = true;   ///< CDTA exists
  bool left_ = false;
  Ending ending_ = Ending::kLost;
  std::uint32_t own_channel_ = 0;
  std::uint32_t named_channel_ = 0;
  std::uint32_t window_ = 1;
  std::uint32_t unanswered_ = 0;  ///< SENDs
  std::uint32_t greeting_bytes_ = 0;
  std::int64_t number_ = -1;   ///< last number in a line of the reply that is coming
  std::uint32_t fetched_ = 0;  ///< events of the running RETR
  std::uint32_t fetched_in_visit_ = 0;
  std::uint64_t answer_due_ns_ = 0;
  std::uint64_t poll_due_ns_ = 0;
  std::uint64_t last_output_ns_ = 0;
  std::uint64_t armed_ns_ = 0;  ///< when the timer fires
  std::string why_;
  std::unique_ptr<router::TlsStream> tls_;  ///< null: none
  ReplyReader reader_;
  FrameReader frames_;
};

}  // namespace drivers::link_client
