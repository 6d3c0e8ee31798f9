// What comes from a CAN socket (a message as io_uring gives it: head, address, control messages, frame) and from
// rtnetlink.
#include <array>
#include <cstring>
#include <string>

#include "drivers/socketcan/can_message.h"
#include "drivers/socketcan/error_frame.h"
#include "drivers/socketcan/link_message.h"
#include "tests/fuzz/promise.h"
#include "tests/fuzz/targets.h"

namespace fuzz {
namespace {

namespace can = drivers::socketcan;

/// What was an event goes out as the frame that it came as.
void check_event(const vscp::CanFrame& frame) {
  vscp::Guid guid;
  guid.bytes.fill(0x25);
  vscp::Event event;
  const bool is_event = vscp::can_to_event(frame, guid, event).has_value();
  check(is_event == (frame.extended && !frame.remote && !frame.error), "29-bit data frames are events, and no others");
  if (!is_event) return;
  check(event.vscp_class < 512 && event.vscp_type < 256 && event.data_size == frame.size, "an event of Level I");
  const auto back = vscp::event_to_can(event, true);
  check(back && back->id == frame.id && back->size == frame.size, "the same frame");
  check(std::memcmp(back->data, frame.data, frame.size) == 0, "the same data");
  std::array<std::uint8_t, can::kFrameBytesMax> bytes;
  const std::size_t size = can::write_frame(*back, true, bytes);
  const auto again = can::read_frame({reinterpret_cast<const char*>(bytes.data()), size});
  check(again && again->id == frame.id && again->size == frame.size, "what is written can be read");
}

}  // namespace

void can_message(Bytes input) {
  const ExactCopy copy(input);
  const router::Message message = router::split_message(copy.text());
  const can::MessageNotes notes = can::read_notes(message.control);
  check(!notes.dropped || message.control.size() >= sizeof(std::uint32_t), "a count has its bytes");
  const auto frame = can::read_frame(message.payload);
  if (!frame) return;
  check(frame->size <= vscp::kCanFdDataMax && (frame->fd || frame->size <= vscp::kCanDataMax),
        "a length that frames have");
  const can::ErrorFrame error = can::decode_error_frame(*frame);
  check(frame->error || can::to_text(error).empty(), "only error frames tell of errors");
  check(can::to_text(error).size() < 400, "a text for a line of the log");
  check_event(*frame);
}

void can_links(Bytes input) {
  const ExactCopy copy(input);
  std::size_t count = 0;
  const can::LinkReading reading = can::read_links(copy.text(), [&count](const can::LinkInfo& link, can::LinkChange) {
    ++count;
    check(link.index > 0 && link.name.size() < 16, "an interface has a number and a short name");
    check(!link.fd || link.is_can, "only CAN has FD frames");
    check(!link.running || link.up, "what runs is up");
  });
  check(count * 16 <= input.size(), "no more interfaces than there are messages");
  check(reading.error >= 0 && reading.error < 4096, "an errno");
}

}  // namespace fuzz
