#include "drivers/udp/lane.h"

#include <utility>

#include "protocol/vscp_error.h"

namespace drivers::udp {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint8_t kReplyNibble = 0xf0;
constexpr std::uint8_t kEncryptionBits = 0x0f;

}  // namespace

Lane::Lane(router::Router& router, router::Worker& worker, const LaneConfig& config,
           std::optional<router::FrameCipher> cipher)
    : router_(&router), worker_(&worker), config_(&config), cipher_(std::move(cipher)), receiving_(config.receive) {
  if (config.acknowledge && config.target) {
    window_.emplace(config.window, config.resend_ms * kNsPerMs, config.attempts);
  }
}

void Lane::set_sender(DatagramSender& sender, const sockaddr_storage& to) noexcept {
  sender_ = &sender;
  to_ = to;
}

void Lane::stop() noexcept {
  worker_->timers().stop(*this);
  ListNode<SendWaitTag>::unlink();
  if (window_) figures_.unconfirmed += window_->clear();
  sender_ = nullptr;
}

// ---- in -------------------------------------------------------------------------------------------------------------

bool Lane::take(std::span<const std::uint8_t> bytes, const sockaddr_storage& from) noexcept {
  const bool is_reply = !bytes.empty() && (bytes[0] & kReplyNibble) == kReplyNibble;
  if (is_reply) {
    take_confirmation(bytes);
  } else if (receiving_) {
    return take_event(bytes, from);
  } else {
    figures_.refuse(Refusal::kNotAllowed);
  }
  return true;
}

bool Lane::take_event(std::span<const std::uint8_t> bytes, const sockaddr_storage& from) noexcept {
  router::EventBuf* buffer = take_buffer();
  if (buffer == nullptr) return false;
  const auto read = read_datagram(bytes, cipher(), config_->encryption.required, buffer->event);
  const auto refusal = read ? judge(buffer->event) : std::optional(read.error());
  if (refusal) {
    return_buffer(buffer);
    figures_.refuse(*refusal);
  } else {
    publish_buffer(buffer);
  }
  // What is not wanted, or was had before, has come all the same. What is wrong gets no answer: it would tell those who
  // guess.
  const bool has_come = !refusal || *refusal == Refusal::kFiltered || *refusal == Refusal::kDuplicate;
  if (has_come && config_->acknowledge) confirm(read->confirmation, (bytes[0] & kEncryptionBits) != 0, from);
  ++figures_.received;
  return true;
}

std::optional<Refusal> Lane::judge(vscp::Event& event) noexcept {
  if (!config_->in_filter.matches(event)) return Refusal::kFiltered;
  // Who is promised that an event has come may send it again; nobody else can.
  if (config_->acknowledge && worker_->publisher().is_refused(event.vscp_class)) return Refusal::kNoRoom;
  const bool has_time = event.time_ns != 0 || event.timestamp_us != 0;
  if (config_->deduplicate && has_time && !router_->seen().insert(event, worker_->now_ns())) return Refusal::kDuplicate;
  return std::nullopt;
}

void Lane::confirm(const Confirmation& confirmation, bool encrypted, const sockaddr_storage& from) noexcept {
  if (sender_ == nullptr || !sender_->has_room()) {
    ++figures_.unanswered;
    return;
  }
  const std::size_t size =
      write_datagram(write_confirmation(confirmation), encrypted ? cipher() : nullptr, sender_->buffer());
  if (size > 0) sender_->send(size, from);
}

void Lane::take_confirmation(std::span<const std::uint8_t> bytes) noexcept {
  ++figures_.received;
  const auto read = read_datagram(bytes, cipher(), config_->encryption.required, scratch_);
  if (!read || read->kind != DatagramKind::kConfirmation || !window_) {
    figures_.refuse(read ? Refusal::kBadType : read.error());
    return;
  }
  // Else of a frame that was sent twice: the other one's.
  if (!window_->confirm(read->confirmation) && !(read->other && window_->confirm(*read->other))) return;
  ++figures_.confirmed;
  if (read->confirmation.error != static_cast<std::uint16_t>(vscp::VscpError::kSuccess)) ++figures_.refused_there;
  arm();
  ask_to_pump();
}

// ---- out ------------------------------------------------------------------------------------------------------------

std::span<const std::uint8_t> Lane::next_in_form() noexcept {
  if (config_->frame_type == vscp::FrameType::kEvent1) return next_frame();
  if (!next_event(scratch_)) return {};
  return {frame_.data(), vscp::encode_event_frame(scratch_, vscp::FrameType::kEvent0, frame_.data())};
}

bool Lane::send(std::span<const std::uint8_t> frame) noexcept {
  if (sender_ == nullptr || !sender_->has_room()) return false;
  const std::size_t size = write_datagram(frame, cipher(), sender_->buffer());
  if (size > 0) sender_->send(size, to_);
  return true;
}

void Lane::pump() noexcept {
  if (sender_ == nullptr) return;
  bool goes_on = resend_due();
  while (goes_on && sender_->has_room()) {
    const auto frame = next_in_form();
    goes_on = !frame.empty() && (!window_ || window_->can_take(frame));
    if (!goes_on) break;
    send(frame);
    if (window_) window_->add(frame, worker_->now_ns());
    drop_frame();
  }
  if (!sender_->has_room()) sender_->wait(*this);
  arm();
}

bool Lane::send_event(const vscp::Event& event) noexcept {
  return send({frame_.data(), vscp::encode_event_frame(event, config_->frame_type, frame_.data())});
}

/// False: there is no room for all.
bool Lane::resend_due() noexcept {
  if (!window_ || window_->empty()) return true;
  const std::uint64_t now_ns = worker_->now_ns();
  for (;;) {
    const auto frame = window_->next_due(now_ns, figures_.unconfirmed);
    if (frame.empty()) return true;
    if (!send(frame)) return false;
    window_->sent(now_ns);
    ++figures_.resent;
  }
}

void Lane::arm() noexcept {
  if (!window_) return;
  const std::uint64_t due_ns = window_->due_ns();
  if (due_ns == ~std::uint64_t{0}) {
    worker_->timers().stop(*this);
  } else if (!is_armed() || due_ns != armed_ns_) {
    worker_->timers().start(*this, due_ns);
    armed_ns_ = due_ns;
  }
}

}  // namespace drivers::udp
