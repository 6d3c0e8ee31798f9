// One client of the tcp/ip link server: lines in, replies and event lines out. Spec: vscp_tcpiplink.md.
//
// link_session.cpp holds lines, life and login; link_verbs.cpp the commands; link_event.cpp SEND.
// Thread rule: the worker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/link/link_context.h"
#include "protocol/link_command.h"
#include "router/core/stream_session.h"
#include "router/io/socket.h"

namespace drivers::link {

/// An unfinished command line, in a block of the worker; a line longer than a block goes on in memory of its own.
class LineTail {
 public:
  bool empty() const noexcept { return block_ == nullptr; }
  std::size_t size() const noexcept { return block_ == nullptr ? 0 : long_.empty() ? block_->end : long_.size(); }
  std::string_view text() const noexcept;
  /// False if there is no memory.
  bool append(router::Slab& blocks, std::string_view text);
  void shrink(std::size_t size);
  void clear(router::Slab& blocks) noexcept;

 private:
  router::OutBlock* block_ = nullptr;
  std::string long_;
};

class LinkSession final : public router::StreamSession {
 public:
  /// `socket` is the worker's ring's.
  LinkSession(router::Worker& worker, router::Socket socket, const router::PeerAddress& peer,
              std::shared_ptr<const LinkContext> context);
  ~LinkSession() override;

  /// Takes a channel, greets, begins to receive. If the worker has no channel left the client is told so and closed.
  void open();
  void describe(router::SessionInfo& info) noexcept override;

  /// A number that tells this session from an earlier one on the same channel.
  std::uint64_t serial() const noexcept { return serial_; }
  /// Answer of the login service; this worker's thread.
  void on_login(const LoginResult& result);
  /// Rows of INTERFACE, CRLF after each.
  void on_interface_rows(std::string rows);

 private:
  enum class Done : std::uint8_t { kYes, kNotYet };

  // StreamSession.
  std::size_t on_input(std::span<const char> bytes) noexcept override;
  void on_deadline(std::uint64_t now_ns) noexcept override;
  void on_closing() noexcept override;
  void on_progress() noexcept override;
  void on_too_slow() noexcept override;

  // Lines.
  Done handle_line(std::string_view line);
  Done run_command(const vscp::LinkCommand& command);
  bool store_tail(std::string_view text);
  void refuse(std::string_view text, vscp::Errc code);
  void refuse_long_line();
  void turn_away(std::string_view text);
  void keep_last_send();
  void remember(std::string_view line, bool is_send = false);
  bool is_logged_in() const noexcept { return user_ != nullptr; }
  void update_deadline();

  // Login.
  void user(std::string_view name);
  void pass(std::string_view password);
  void install_user(const LoginResult& result);
  void apply_limits(const router::QueueLimits& of_user);

  // Events.
  Done send(std::string_view argument);
  Done measurement(std::string_view argument);
  Done publish(router::EventBuf* event, bool time_missing, bool timestamp_missing);
  router::EventBuf* acquire_event();

  // Commands.
  Done retr(std::string_view argument);
  void continue_retr();
  void rcvloop();
  void quitloop();
  void set_guid(std::string_view argument);
  Done set_filter(std::string_view argument, bool mask);
  void stat();
  void info();
  void what_can_you_do();
  void challenge();
  void interface(std::string_view argument);
  void help(std::string_view argument);
  void self_test(std::string_view argument);
  void repeat_list();
  Done repeat(std::string_view argument);
  void start_long_reply(std::string text);
  void continue_long_reply();
  void reply_line(std::string_view data);
  void announce_guid(bool set);

  static constexpr std::size_t kHistoryMax = 32;
  static constexpr std::size_t kSendLineRoom = 2700;  ///< 512 data bytes as "0xNN,"

  std::shared_ptr<const LinkContext> context_;
  router::PeerAddress peer_;
  std::shared_ptr<const router::UserDirectory> users_;
  const router::User* user_ = nullptr;
  std::string user_name_;
  vscp::Guid guid_;
  bool guid_is_set_ = false;
  vscp::Filter filter_;
  LineTail tail_;
  std::vector<std::string> history_;   ///< oldest first
  std::string_view last_send_;         ///< a SEND of the buffer in hand, not yet in the history
  std::string long_reply_;             ///< what is left of it begins at long_reply_done_
  std::size_t long_reply_done_ = 0;
  std::uint64_t retr_left_ = 0;
  std::uint64_t serial_;
  std::uint64_t opened_ns_;
  std::uint64_t gap_until_ns_ = 0;     ///< RCVLOOP answered, events wait until then; 0 = no gap running
  std::uint64_t alive_next_ns_ = 0;
  std::uint64_t alive_bytes_out_ = 0;  ///< bytes sent when the last sign of life was made
  std::uint64_t penalty_until_ns_ = 0;
  vscp::Errc last_error_{};
  bool retr_running_ = false;
  bool repeating_ = false;
  bool last_is_send_ = false;          ///< the newest entry of the history is a SEND
};

}  // namespace drivers::link
