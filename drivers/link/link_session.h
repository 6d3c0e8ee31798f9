// One client of the tcp/ip link server: lines in, replies and event lines out; after BINARY frames both ways, until
// TEXT. Spec: vscp_tcpiplink.md, vscp_over_binary.md.
//
// link_session.cpp holds lines, life, TLS, login and the change between the dialects; link_verbs.cpp the commands;
// link_event.cpp SEND; interface_list.cpp INTERFACE; binary_session.cpp frames and the events in them; binary_verbs.cpp the binary commands. What a
// command does is in one place for both dialects; each has its own way to read arguments and to write results.
// Thread rule: the worker's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/link/answers.h"
#include "drivers/link/command_history.h"
#include "drivers/link/link_context.h"
#include "protocol/binary_command.h"
#include "protocol/link_command.h"
#include "router/core/router.h"
#include "router/core/stream_session.h"
#include "router/io/socket.h"

namespace drivers::link {

/// An unfinished command line or frame, in a block of the worker; a line longer than a block goes on in memory of its own.
class LineTail {
 public:
  bool empty() const noexcept { return block_ == nullptr; }
  std::size_t size() const noexcept { return block_ == nullptr ? 0 : long_ == nullptr ? block_->end : long_->size(); }
  std::string_view text() const noexcept;
  /// False if there is no memory.
  bool append(router::Slab& blocks, std::string_view text);
  void shrink(std::size_t size);
  void drop_front(std::size_t size);
  void clear(router::Slab& blocks) noexcept;

 private:
  router::OutBlock* block_ = nullptr;
  std::unique_ptr<std::string> long_;
};

/// What INTERFACE tells of one of them.
struct InterfaceEntry {
  std::uint32_t id = 0;
  std::uint32_t type = 0;
  vscp::Guid guid;
  std::string name;
  std::uint64_t since_utc_ns = 0;
};

class LinkSession final : public router::StreamSession {
 public:
  /// `socket` is the worker's ring's.
  /// `context` outlives all sessions.
  LinkSession(router::Worker& worker, router::Socket socket, const router::PeerAddress& peer, const LinkContext& context);
  ~LinkSession() override;

  /// Takes a channel, greets, begins to receive. If the worker has no channel left the client is told so and closed.
  void open();
  void describe(router::SessionInfo& info) noexcept override;

  /// A number that tells this session from an earlier one on the same channel.
  std::uint32_t serial() const noexcept { return serial_; }
  /// Answer of the login service; this worker's thread.
  void on_login(const LoginResult& result);

 private:
  enum class Done : std::uint8_t { kYes, kNotYet };
  // What a command costs, in bytes of events; answers cost what they cost the peer, who must take them.
  static constexpr std::size_t kCommandCost = 256;
  static constexpr std::size_t kTestCost = 4096;
  enum class Gate : std::uint8_t { kOpen, kRefused, kNotYet };

  // StreamSession.
  std::size_t on_input(std::span<const char> bytes) noexcept override;
  void on_deadline(std::uint64_t now_ns) noexcept override;
  void on_closing() noexcept override;
  void on_progress() noexcept override;
  void on_too_slow() noexcept override;
  router::TlsStream* tls() const noexcept override { return &extras_->tls->stream; }
  void on_handshake_begun() noexcept override;
  void on_secured() noexcept override;
  void on_tls_failed(std::string_view why) noexcept override;
  bool refuse_tls_hello(std::string_view text);

  // Lines.
  std::size_t take_lines(std::string_view text);
  Done handle_line(std::string_view line);
  Done run_command(const vscp::LinkCommand& command);
  bool store_tail(std::string_view text);
  void count_command();
  void refuse(const Answer& why, vscp::Errc code);
  void refuse_long_line();
  void turn_away(std::string_view text);
  bool keeps_history() const noexcept { return is_logged_in() && !repeating_; }
  bool is_logged_in() const noexcept { return user_ != nullptr; }
  void update_deadline();
  void go_on_in_loop(std::uint64_t now_ns);

  // Dialects.
  vscp::WireFormat wire_format() const noexcept;
  void answer(const Answer& answer);
  void tell(const Answer& answer);
  bool switch_dialect(bool binary);

  // Frames.
  using Frame = std::span<const std::uint8_t>;
  std::size_t take_frames(std::string_view bytes);
  bool take_tail_frame(std::string_view bytes, std::size_t& used);
  Done handle_frame(Frame frame);
  Done handle_event(Frame frame);
  Done handle_command(Frame frame);
  void refuse_frame(Frame bytes, vscp::Errc code);
  void refuse_event(Frame frame, const Answer& why, vscp::Errc code);
  void confirm(std::uint16_t head, std::uint16_t crc, vscp::VscpError error);
  void answer_frame(std::uint16_t code, vscp::VscpError error);
  void reply_frame(std::uint16_t code, vscp::VscpError error, Frame argument);
  void reply_event(std::span<const char> frame);

  // Binary commands.
  Done run_binary(const vscp::BinaryCommandInfo& info, Frame argument);
  void ask_binary(vscp::BinaryCode code, Frame argument);
  void binary_user(std::string_view argument);
  Done binary_send(Frame argument);
  void binary_retr(Frame argument);
  void binary_filter(Frame argument, bool mask);
  void binary_interface(Frame argument);
  void binary_test(Frame argument);

  // Login.
  void user(std::string_view name);
  bool take_user_name(std::string_view name);
  void pass(std::string_view password);
  void install_user(const LoginResult& result);
  void apply_limits(const router::QueueLimits& of_user);

  // Events.
  Done send(std::string_view argument);
  Done measurement(std::string_view argument);
  enum class Published : std::uint8_t { kYes, kNotAllowed, kNoRoom };
  Published publish(router::EventBuf* event, bool time_missing, bool timestamp_missing);
  void answer_publish(Published published);
  void refused_for_room() noexcept;
  router::EventBuf* acquire_event();

  // Commands: what both dialects do.
  Gate gate(const vscp::LinkCommandInfo& info);
  void quit();
  void bridge(std::string_view argument);
  void shutdown();
  void start_retr(std::uint64_t count);
  void continue_retr();
  void enter_loop();
  void leave_loop();
  void install_guid(const vscp::Guid& guid);
  void take_filter_half(const vscp::FilterHalf& half, bool mask);
  void install_filter();
  unsigned status() const noexcept;
  std::string_view last_error_text() const noexcept;
  static std::string challenge();
  void visit_interfaces(std::function<void(const InterfaceEntry&)> visit, std::function<void(LinkSession&)> done);
  std::function<void(std::function<void(LinkSession&)>)> way_home();

  // Commands of the text protocol.
  void retr(std::string_view argument);
  void set_guid(std::string_view argument);
  void set_filter(std::string_view argument, bool mask);
  void stat();
  void info();
  void what_can_you_do();
  void interface(std::string_view argument);
  void fetch_rows(router::SessionPlace from);
  void take_rows(std::string rows, std::optional<router::SessionPlace> next);
  void help(std::string_view argument);
  void self_test(std::string_view argument);
  void repeat_list();
  Done repeat(std::string_view argument);
  void start_long_reply(std::string text);
  void continue_long_reply();
  void reply_line(std::string_view data);
  void announce_guid(bool set);

  /// What most sessions never need, or only for a moment; made when it is needed.
  struct Extras {
    std::string user_name;            ///< between USER and the login
    std::string long_reply;           ///< what is left of it begins at long_reply_done
    std::size_t long_reply_done = 0;
    std::optional<router::SessionPlace> next_row;  ///< of INTERFACE, once the long reply is out
    vscp::Guid guid;                  ///< set by the client; all zero: the channel's
    std::optional<vscp::Filter> filter;  ///< set by the client; else the user's
    std::unique_ptr<TlsGuest> tls;  ///< of a session that speaks TLS, from its beginning to its end
    std::uint32_t partner = router::kNoChannel;  ///< of a bridge: its other connection, which does not get what this one sends
  };
  Extras& extras();
  void drop_extras_if_unused() noexcept;
  vscp::Guid guid() const noexcept;
  bool is_guid_set() const noexcept { return extras_ != nullptr && !extras_->guid.is_zero(); }
  const vscp::Filter& filter() const noexcept;

  const LinkContext* context_;
  std::shared_ptr<const router::User> user_;  ///< keeps its directory; null before login
  std::unique_ptr<Extras> extras_;
  CommandHistory history_;
  LineTail tail_;
  /// Before login: when its time is over, or the penalty for a wrong password. In the loop: when the gap before the first event
  /// ends, or the next sign of life is due.
  std::uint64_t due_ns_;
  std::uint32_t serial_;
  std::uint32_t retr_left_ = 0;
  std::uint32_t switched_in_turn_ = ~std::uint32_t{0};  ///< turn of the worker in which waiting events were written anew
  vscp::Errc last_error_{};
  router::PeerAddress peer_;  // here it fills a gap
  std::uint16_t code_ = 0;  ///< of the binary command in hand; its reply may come later
  bool penalty_ : 1 = false;       ///< a refusal is due
  bool gap_ : 1 = false;           ///< RCVLOOP is answered, events wait
  bool binary_ : 1 = false;
  bool retr_running_ : 1 = false;
  bool retr_empty_ : 1 = false;    ///< the running RETR has found nothing yet
  bool repeating_ : 1 = false;
  bool bridge_ : 1 = false;        ///< what it sends comes from another router
};
static_assert(sizeof(LinkSession) <= 448, "100 000 of them are held; what few need belongs into Extras");

}  // namespace drivers::link
