// SEND of many events without waiting for each answer.
//
// At most `window` commands are unanswered at any time, so that neither side can block on the other; with a window of 1
// every event waits for its answer, which old servers need (they read one command per packet).
// Thread rule: the thread of the client. Ownership: the client is borrowed and must outlive the pipeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "protocol/event.h"
#include "tools/client/link_client.h"

namespace tools {

class SendPipeline {
 public:
  /// Called for each refused event with the tag of push() and the server's status line.
  using OnRefused = std::function<void(std::uint64_t tag, std::string_view status)>;

  static constexpr std::size_t kWindowMax = 256;

  SendPipeline(LinkClient& client, std::size_t window, OnRefused on_refused);

  /// Stages one event; writes and reads answers when a window is full.
  ClientResult<void> push(std::uint64_t tag, const vscp::Event& event);

  /// The same for an event line that the caller has checked; it has no line end.
  ClientResult<void> push_line(std::uint64_t tag, std::string_view event_line);

  /// Writes what is staged and takes answers that are already here; does not wait for more.
  ClientResult<void> flush();

  /// Writes what is staged and waits for every answer.
  ClientResult<void> finish();

  std::uint64_t accepted() const noexcept { return accepted_; }
  std::uint64_t refused() const noexcept { return refused_; }
  /// Written or staged and not answered.
  std::size_t unanswered() const noexcept { return tags_.size(); }

 private:
  ClientResult<void> write_staged();
  ClientResult<void> take_answers(std::size_t leave);
  ClientResult<void> take_one();

  LinkClient& client_;
  std::size_t window_;
  OnRefused on_refused_;
  std::string staged_;
  std::deque<std::uint64_t> tags_;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace tools
