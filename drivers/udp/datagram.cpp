#include "drivers/udp/datagram.h"

#include <cstring>

#include "protocol/big_endian.h"
#include "protocol/binary_command.h"

namespace drivers::udp {
namespace {

constexpr std::uint8_t kEncryptionBits = 0x0f;
constexpr std::uint16_t kNoCrcMark = 0xaa55;
constexpr auto kConfirmCode = static_cast<std::uint16_t>(vscp::BinaryCode::kEventConfirm);
constexpr std::size_t kArgumentSize = 6;       // head in four bytes, CRC
constexpr std::size_t kShortArgumentSize = 4;  // of firmware: head in two
constexpr std::size_t kReplyOverhead = 7;      // type, code, error, CRC

using Read = std::expected<ReadDatagram, Refusal>;

std::uint16_t load16(const std::uint8_t* bytes) noexcept {
  return vscp::load_big<std::uint16_t>(bytes);
}

Refusal refusal_of(vscp::Errc error) noexcept {
  switch (error) {
    case vscp::Errc::kBadFrameType:
      return Refusal::kBadType;
    case vscp::Errc::kBadCrc:
      return Refusal::kBadCrc;
    case vscp::Errc::kShortFrame:
    case vscp::Errc::kLongFrame:
    case vscp::Errc::kDataSize:
      return Refusal::kBadSize;
    default:
      return Refusal::kBadContent;
  }
}

Read read_event(std::span<const std::uint8_t> frame, vscp::Event& event) noexcept {
  if (const auto done = vscp::decode_event_frame(frame, event); !done) return std::unexpected(refusal_of(done.error()));
  return ReadDatagram{DatagramKind::kEvent, confirmation_of(frame), std::nullopt};
}

Read read_reply(std::span<const std::uint8_t> frame) noexcept {
  const auto reply = vscp::decode_command_frame(frame);
  if (!reply) return std::unexpected(refusal_of(reply.error()));
  if (reply->type != vscp::FrameType::kReply || reply->code != kConfirmCode) return std::unexpected(Refusal::kBadType);
  const auto argument = reply->argument;
  if (argument.size() != kArgumentSize && argument.size() != kShortArgumentSize)
    return std::unexpected(Refusal::kBadSize);
  const std::size_t head = argument.size() - kShortArgumentSize;
  return ReadDatagram{
      DatagramKind::kConfirmation, {reply->error, load16(&argument[head]), load16(&argument[head + 2])}, std::nullopt};
}

/// An encrypted frame does not say where its padding begins; the size field of an event does, and a confirmation has
/// one of two.
Read read_padded(std::span<const std::uint8_t> padded, vscp::Event& event) noexcept {
  if (padded[0] == 0xf0) {
    // A CRC over a frame with its CRC is 0, as padding mostly is: the shorter one always fits as a longer one, too, and
    // one in 65536 of the longer ones as a shorter one, with the very same bytes.
    std::optional<ReadDatagram> found;
    for (const std::size_t size : {kReplyOverhead + kShortArgumentSize, kReplyOverhead + kArgumentSize}) {
      if (size > padded.size() || padded.size() - size > router::FrameCipher::kPaddingMax) continue;
      const auto done = read_reply(padded.first(size));
      if (done && found) found->other = done->confirmation;
      if (done && !found) found = *done;
    }
    if (!found) return std::unexpected(Refusal::kUndecipherable);
    return *found;
  }
  const auto size = vscp::event_frame_size(padded);
  if (!size && size.error() == vscp::Errc::kBadFrameType) return std::unexpected(Refusal::kBadType);
  if (!size || *size > padded.size() || padded.size() - *size > router::FrameCipher::kPaddingMax ||
      load16(&padded[*size - 2]) == kNoCrcMark) {
    return std::unexpected(Refusal::kUndecipherable);
  }
  auto done = read_event(padded.first(*size), event);
  if (!done) return std::unexpected(Refusal::kUndecipherable);
  return done;
}

}  // namespace

std::string_view to_text(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::kNotAllowed:
      return "not_allowed";
    case Refusal::kRateLimited:
      return "rate_limited";
    case Refusal::kOversized:
      return "oversized";
    case Refusal::kBadType:
      return "bad_type";
    case Refusal::kNotEncrypted:
      return "not_encrypted";
    case Refusal::kBadEncryption:
      return "bad_encryption";
    case Refusal::kUndecipherable:
      return "undecipherable";
    case Refusal::kBadSize:
      return "bad_size";
    case Refusal::kBadCrc:
      return "bad_crc";
    case Refusal::kBadContent:
      return "bad_content";
    case Refusal::kFiltered:
      return "filtered";
    case Refusal::kDuplicate:
      return "duplicates";
    case Refusal::kOwn:
      return "own";
    case Refusal::kNoRoom:
      return "no_room";
    case Refusal::kCount:
      break;
  }
  return "?";
}

std::expected<ReadDatagram, Refusal> read_datagram(std::span<const std::uint8_t> bytes, router::FrameCipher* cipher,
                                                   bool required, vscp::Event& event) noexcept {
  if (bytes.empty()) return std::unexpected(Refusal::kBadSize);
  if (bytes.size() > kDatagramMax) return std::unexpected(Refusal::kOversized);
  if ((bytes[0] & kEncryptionBits) == 0) {
    if (cipher != nullptr && required) return std::unexpected(Refusal::kNotEncrypted);
    return bytes[0] == 0xf0 ? read_reply(bytes) : read_event(bytes, event);
  }
  if (cipher == nullptr) return std::unexpected(Refusal::kBadEncryption);
  std::array<std::uint8_t, kDatagramMax> scratch;
  const auto padded = cipher->decrypt(bytes, scratch);
  if (!padded) {
    return std::unexpected(padded.error() == vscp::Errc::kShortFrame ? Refusal::kBadSize : Refusal::kBadEncryption);
  }
  return read_padded(*padded, event);
}

std::size_t write_datagram(std::span<const std::uint8_t> frame, router::FrameCipher* cipher,
                           std::span<std::uint8_t, kDatagramMax> out) noexcept {
  if (cipher != nullptr) return cipher->encrypt(frame, out).value_or(0);
  std::memcpy(out.data(), frame.data(), frame.size());
  return frame.size();
}

std::array<std::uint8_t, kConfirmationSize> write_confirmation(const Confirmation& confirmation) noexcept {
  std::array<std::uint8_t, kArgumentSize> argument{};
  vscp::store_big(confirmation.head, &argument[2]);
  vscp::store_big(confirmation.crc, &argument[4]);
  std::array<std::uint8_t, kConfirmationSize> out{};
  vscp::CommandFrame frame{vscp::FrameType::kReply, kConfirmCode, confirmation.error, argument};
  static_cast<void>(vscp::encode_command_frame(frame, out));  // cannot fail: the sizes are ours
  return out;
}

Confirmation confirmation_of(std::span<const std::uint8_t> frame) noexcept {
  return {0, load16(&frame[1]), load16(&frame[frame.size() - 2])};
}

}  // namespace drivers::udp
