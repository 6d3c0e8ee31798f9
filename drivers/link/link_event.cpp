// SEND and MEASUREMENT: from a line to an event in a pooled buffer. Spec: vscp_tcpiplink.md#tcpip-send.
#include "drivers/link/answers.h"
#include "drivers/link/link_session.h"
#include "drivers/link/measurement_command.h"
#include "protocol/event_line.h"

namespace drivers::link {
namespace {


}  // namespace

// Null: wait; the session is queued to be tried again.
router::EventBuf* LinkSession::acquire_event() {
  router::EventBuf* event = worker().may_publish() ? worker().publisher().try_acquire() : nullptr;
  if (event == nullptr) wait_to_publish();
  return event;
}

LinkSession::Done LinkSession::send(std::string_view argument) {
  if (!user_->may_use(vscp::LinkVerb::kSend)) {
    refuse(answers::kNoRights, vscp::Errc::kLimit);
    return Done::kYes;
  }
  router::EventBuf* event = acquire_event();
  if (event == nullptr) return Done::kNotYet;
  if (!argument.empty() && argument.back() == '\r') argument.remove_suffix(1);
  const auto hints = vscp::decode_event_line(argument, event->event);
  if (!hints) {
    worker().pool().give_back(event);
    worker().counters_mutable().bad_events.add();
    refuse(answers::kBadParameter, hints.error());
    return Done::kYes;
  }
  if (hints->guid_missing) event->event.guid = guid();
  answer_publish(publish(event, hints->time_missing, hints->timestamp_missing));
  return Done::kYes;
}

LinkSession::Done LinkSession::measurement(std::string_view argument) {
  if (argument.empty()) {
    refuse(answers::kBadParameter, vscp::Errc::kMissingField);
    return Done::kYes;
  }
  router::EventBuf* event = acquire_event();
  if (event == nullptr) return Done::kNotYet;
  event->event.time_ns = 0;
  event->event.timestamp_us = 0;
  event->event.obid = 0;
  const auto made = make_measurement(argument, event->event);
  if (!made) {
    worker().pool().give_back(event);
    worker().counters_mutable().bad_events.add();
    refuse(answers::kBadParameter, made.error());
    return Done::kYes;
  }
  if (event->event.guid.is_zero()) event->event.guid = guid();
  answer_publish(publish(event, true, true));
  return Done::kYes;
}

void LinkSession::answer_publish(Published published) {
  if (published == Published::kYes) {
    answer(answers::kOk);
  } else {
    refuse(published == Published::kNoRoom ? answers::kBusy : answers::kEventNotAllowed, vscp::Errc::kLimit);
    if (published == Published::kNoRoom) refused_for_room();
  }
}

// What a router sends behind an event that found no room must not overtake it: the router comes again and begins with
// it.
void LinkSession::refused_for_room() noexcept {
  if (bridge_) close_after_flush();
}

// kNotAllowed: the user or the listener does not let this event in. kNoRoom: it could not be kept for a far side, where that is promised; nobody
// gets it, so that the client may send it again.
LinkSession::Published LinkSession::publish(router::EventBuf* event, bool time_missing, bool timestamp_missing) {
  vscp::Event& value = event->event;
  if (!user_->may_send(value.vscp_class, value.vscp_type) || !context_->config.in_filter.matches(value)) {
    worker().pool().give_back(event);
    worker().counters_mutable().bad_events.add();
    return Published::kNotAllowed;
  }
  if (worker().publisher().is_refused(value.vscp_class)) {
    worker().pool().give_back(event);
    worker().counters_mutable().events_refused.add();
    return Published::kNoRoom;
  }
  if (time_missing) value.time_ns = worker().utc_ns();
  if (timestamp_missing) value.timestamp_us = static_cast<std::uint32_t>(worker().utc_ns() / 1000);
  // Delivered with the sender's channel; a channel that the sender names does not get the event (both are what clients rely on).
  event->skip_channel = value.obid == channel ? router::kNoChannel : value.obid;
  if (bridge_ && event->skip_channel == router::kNoChannel && extras_ != nullptr) event->skip_channel = extras_->partner;
  value.obid = channel;
  // A bridge may bring what has come over another way already: accepted, and dropped.
  router::SeenEvents& seen = context_->router->seen();
  if (seen.is_active() && !seen.insert(value, worker().now_ns()) && bridge_) {
    worker().pool().give_back(event);
    worker().counters_mutable().duplicates.add();
    wait_for_promises();  // the first one may not be safe yet
    return Published::kYes;
  }
  event->only_channel = worker().channels().destination_of(value);
  ++figures_mutable().events_in;
  publish_event(event);
  return Published::kYes;
}

}  // namespace drivers::link
