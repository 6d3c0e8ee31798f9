#include "protocol/frame.h"

#include <cstring>

#include "protocol/big_endian.h"
#include "protocol/crc.h"
#include "protocol/datetime.h"

namespace vscp {
namespace {

constexpr std::uint64_t kNsPerUs = 1'000;
constexpr std::uint16_t kNoCrcMark = 0xaa55;
constexpr std::size_t kCrcSize = 2;
constexpr std::size_t kReservedOffset = 11;  // three bytes of type 1; hour, minute and second of type 0

std::uint16_t load16(const std::uint8_t* bytes) noexcept {
  return load_big<std::uint16_t>(bytes);
}

void store16(unsigned value, std::uint8_t* bytes) noexcept {
  store_big(static_cast<std::uint16_t>(value), bytes);
}

// The date of frame type 0 goes through its text form, so that there is one place that knows the calendar.
constexpr std::size_t kDateOffset = 7;

Result<std::uint64_t> load_date(const std::uint8_t* bytes) noexcept {
  const unsigned year = load16(bytes);
  bool empty = year == 0;
  for (std::size_t i = 2; i < 7; ++i) empty = empty && bytes[i] == 0;
  if (empty) return 0;
  if (year > 9999) return std::unexpected(Errc::kBadDate);
  char text[19];
  const auto put2 = [&text](std::size_t at, unsigned value) {
    text[at] = static_cast<char>('0' + value / 10);
    text[at + 1] = static_cast<char>('0' + value % 10);
  };
  std::memcpy(text, "0000-00-00T00:00:00", sizeof text);
  put2(0, year / 100);
  put2(2, year % 100);
  for (std::size_t i = 0; i < 5; ++i) {
    const unsigned value = bytes[2 + i];
    if (value > 99) return std::unexpected(Errc::kBadDate);
    put2(5 + 3 * i, value);
  }
  return parse_datetime({text, sizeof text});
}

void store_date(std::uint64_t time_ns, std::uint8_t* bytes) noexcept {
  if (time_ns == 0) {
    std::memset(bytes, 0, 7);
    return;
  }
  char text[kDatetimeTextSize];
  format_datetime(time_ns, text);
  const auto pair = [&text](std::size_t at) {
    return static_cast<unsigned>((text[at] - '0') * 10 + (text[at + 1] - '0'));
  };
  store16(pair(0) * 100 + pair(2), bytes);
  for (std::size_t i = 0; i < 5; ++i) bytes[2 + i] = static_cast<std::uint8_t>(pair(5 + 3 * i));
}

// Everything but the first byte, sizes and the CRC. `body` begins with the head; REQUIRES: as long as its size field
// says.
Result<void> decode_body(const std::uint8_t* body, bool nanoseconds, std::size_t data_size, Event& event) noexcept {
  if (nanoseconds) {
    event.time_ns = load_big<std::uint64_t>(body + 2);
    event.timestamp_us = static_cast<std::uint32_t>((event.time_ns / kNsPerUs) & 0xffffffffU);
  } else {
    const auto time_ns = load_date(body + kDateOffset - 1);
    if (!time_ns) return std::unexpected(time_ns.error());
    event.time_ns = *time_ns;
    event.timestamp_us = load_big<std::uint32_t>(body + 2);
  }
  event.obid = 0;
  event.head = static_cast<std::uint16_t>(load16(body) & ~unsigned{kHeadFrameVersion});
  event.vscp_class = load16(body + 13);
  event.vscp_type = load16(body + 15);
  std::memcpy(event.guid.bytes.data(), body + 17, event.guid.bytes.size());
  event.data_size = static_cast<std::uint16_t>(data_size);
  std::memcpy(event.data.data(), body + kEventFrameHeader - 1, data_size);
  return {};
}

}  // namespace

Result<std::size_t> event_frame_size(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.empty()) return std::unexpected(Errc::kShortFrame);
  if (bytes[0] != 0x00 && bytes[0] != 0x10) return std::unexpected(Errc::kBadFrameType);
  if (bytes.size() < kEventFrameHeader) return std::unexpected(Errc::kShortFrame);
  const std::size_t data_size = load16(&bytes[34]);
  if (data_size > kEventDataMax) return std::unexpected(Errc::kDataSize);
  return kEventFrameOverhead + data_size;
}

Result<void> decode_event_frame(std::span<const std::uint8_t> bytes, Event& event) noexcept {
  const auto size = event_frame_size(bytes);
  if (!size) return std::unexpected(size.error());
  if (bytes.size() < *size) return std::unexpected(Errc::kShortFrame);
  if (bytes.size() > *size) return std::unexpected(Errc::kLongFrame);

  const std::uint16_t head = load16(&bytes[1]);
  const std::uint16_t crc = load16(&bytes[*size - kCrcSize]);
  const bool unchecked = (head & kHeadNoCrc) != 0 && crc == kNoCrcMark;
  if (!unchecked && crc != crc16_ccitt(bytes.subspan(1, *size - 1 - kCrcSize))) {
    return std::unexpected(Errc::kBadCrc);
  }
  const bool nanoseconds = bytes[0] == 0x10 || ((head & kHeadFrameVersionNs) != 0 &&
                                                (load_big<std::uint32_t>(&bytes[kReservedOffset]) >> 8U) == 0);
  return decode_body(&bytes[1], nanoseconds, *size - kEventFrameOverhead, event);
}

Result<void> decode_event_argument(std::span<const std::uint8_t> bytes, Event& event) noexcept {
  constexpr std::size_t kHeader = kEventFrameHeader - 1;
  if (bytes.size() < kHeader) return std::unexpected(Errc::kShortFrame);
  const std::size_t data_size = load16(&bytes[kHeader - 2]);
  if (data_size > kEventDataMax) return std::unexpected(Errc::kDataSize);
  if (bytes.size() < kHeader + data_size) return std::unexpected(Errc::kShortFrame);
  if (bytes.size() > kHeader + data_size) return std::unexpected(Errc::kLongFrame);
  return decode_body(bytes.data(), true, data_size, event);
}

std::size_t encode_event_frame(const Event& event, FrameType type, std::uint8_t* out) noexcept {
  const bool nanoseconds = type == FrameType::kEvent1;
  const std::size_t data_size = event.data_size < kEventDataMax ? event.data_size : kEventDataMax;
  out[0] = nanoseconds ? 0x10 : 0x00;
  store16((event.head & ~unsigned{kHeadFrameVersion}) | (nanoseconds ? unsigned{kHeadFrameVersionNs} : 0U), out + 1);
  if (nanoseconds) {
    store_big(event.time_ns, out + 3);
    std::memset(out + 11, 0, 3);
  } else {
    store_big(event.timestamp_us, out + 3);
    store_date(event.time_ns, out + kDateOffset);
  }
  store16(event.vscp_class, out + 14);
  store16(event.vscp_type, out + 16);
  std::memcpy(out + 18, event.guid.bytes.data(), event.guid.bytes.size());
  store16(static_cast<unsigned>(data_size), out + 34);
  std::memcpy(out + kEventFrameHeader, event.data.data(), data_size);
  const std::size_t end = kEventFrameHeader + data_size;
  store16(crc16_ccitt({out + 1, end - 1}), out + end);
  return end + kCrcSize;
}

Result<CommandFrame> decode_command_frame(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.empty()) return std::unexpected(Errc::kShortFrame);
  CommandFrame frame;
  std::size_t header = 3;
  if (bytes[0] == 0xf0) {
    frame.type = FrameType::kReply;
    header = 5;
  } else if (bytes[0] != 0xe0) {
    return std::unexpected(Errc::kBadFrameType);
  }
  if (bytes.size() < header + kCrcSize) return std::unexpected(Errc::kShortFrame);
  const std::size_t end = bytes.size() - kCrcSize;
  if (load16(&bytes[end]) != crc16_ccitt(bytes.subspan(1, end - 1))) return std::unexpected(Errc::kBadCrc);
  frame.code = load16(&bytes[1]);
  if (frame.type == FrameType::kReply) frame.error = load16(&bytes[3]);
  frame.argument = bytes.subspan(header, end - header);
  return frame;
}

Result<std::size_t> encode_command_frame(const CommandFrame& frame, std::span<std::uint8_t> out) noexcept {
  const bool reply = frame.type == FrameType::kReply;
  const std::size_t header = reply ? 5 : 3;
  if (out.size() < header + kCrcSize || out.size() - header - kCrcSize < frame.argument.size()) {
    return std::unexpected(Errc::kNoSpace);
  }
  out[0] = reply ? 0xf0 : 0xe0;
  store16(frame.code, &out[1]);
  if (reply) store16(frame.error, &out[3]);
  if (!frame.argument.empty()) std::memcpy(&out[header], frame.argument.data(), frame.argument.size());
  const std::size_t end = header + frame.argument.size();
  store16(crc16_ccitt(out.subspan(1, end - 1)), &out[end]);
  return end + kCrcSize;
}

}  // namespace vscp
