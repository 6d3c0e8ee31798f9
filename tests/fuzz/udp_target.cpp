// What comes in datagrams: plain, encrypted by somebody who knows the key, and encrypted bytes as they are.
//
// The first byte says how it is read. What is taken is an event that can be written again and confirmed, or a
// confirmation; all else has a reason.
#include <array>
#include <vector>

#include "drivers/udp/datagram.h"
#include "tests/fuzz/promise.h"
#include "tests/fuzz/targets.h"

namespace fuzz {
namespace {

using drivers::udp::DatagramKind;
using router::FrameCipher;
using router::FrameEncryption;

FrameCipher& cipher(unsigned which) {
  static const std::vector<std::uint8_t> key(32, 0x42);
  static std::array<FrameCipher, 3> all{*FrameCipher::make(FrameEncryption::kAes128, key),
                                        *FrameCipher::make(FrameEncryption::kAes192, key),
                                        *FrameCipher::make(FrameEncryption::kAes256, key)};
  return all[which % all.size()];
}

void check_read(Bytes bytes, FrameCipher* with, bool required) {
  vscp::Event event;
  const auto read = drivers::udp::read_datagram(bytes, with, required, event);
  if (!read) {
    check(to_text(read.error()) != "?", "a reason that has a name");
    return;
  }
  std::array<std::uint8_t, drivers::udp::kDatagramMax> out;
  if (read->kind == DatagramKind::kConfirmation) {
    const auto plain = drivers::udp::write_confirmation(read->confirmation);
    const std::size_t size = drivers::udp::write_datagram(plain, with, out);
    vscp::Event unused;
    const auto back = drivers::udp::read_datagram({out.data(), size}, with, required, unused);
    check(back && back->kind == DatagramKind::kConfirmation, "our own confirmation is read");
    return;
  }
  check(event.data_size <= vscp::kEventDataMax, "data size");
  check((event.head & vscp::kHeadFrameVersion) == 0, "frame version is cleared");
  std::array<std::uint8_t, vscp::kEventFrameMax> frame;
  const std::size_t length = vscp::encode_event_frame(event, vscp::FrameType::kEvent1, frame.data());
  const std::size_t size = drivers::udp::write_datagram({frame.data(), length}, with, out);
  check(size > 0, "an event can be written");
  vscp::Event back;
  check(drivers::udp::read_datagram({out.data(), size}, with, required, back).has_value(), "our own datagram is read");
  back.timestamp_us = event.timestamp_us;
  check(back == event, "our own datagram is the same event");
}

}  // namespace

void udp_datagram(Bytes input) {
  if (input.empty()) return;
  const unsigned mode = input[0];
  input = input.subspan(1);
  const bool required = (mode & 0x40U) != 0;
  check_read(input, nullptr, required);
  FrameCipher& with = cipher(mode & 3U);
  check_read(input, &with, required);
  std::array<std::uint8_t, drivers::udp::kDatagramMax + 64> secret;
  if (const auto size = with.encrypt(input, secret)) check_read(Bytes(secret).first(*size), &with, required);
}

}  // namespace fuzz
