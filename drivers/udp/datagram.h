// What comes in one datagram, and what goes out in one: an event frame of type 0 or 1, or the confirmation of one (a
// reply frame with the code 65535), each plain or encrypted. Spec: vscp_over_udp.md, vscp_over_binary.md.
//
// Thread rule: pure but for the cipher and the scratch memory of a DatagramReader, which have one owner. No heap.
// Bounded. Nothing that comes in is trusted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/event.h"
#include "protocol/frame.h"
#include "router/base/frame_cipher.h"

namespace drivers::udp {

/// The largest datagram that can hold what we take.
inline constexpr std::size_t kDatagramMax = router::FrameCipher::kEncryptedMax;

/// Why a datagram was not taken; each has its counter.
enum class Refusal : std::uint8_t {
  kNotAllowed,      ///< its sender is neither a peer nor in a network of "allow"
  kRateLimited,     ///< its sender sends more than "max-source-rate"
  kOversized,       ///< longer than any frame
  kBadType,         ///< neither an event nor a confirmation
  kNotEncrypted,    ///< must be encrypted
  kBadEncryption,   ///< an encryption that is not the configured one, or no whole number of blocks
  kUndecipherable,  ///< what came out is no frame: another key, or damaged
  kBadSize,         ///< shorter or longer than its size field says
  kBadCrc,
  kBadContent,  ///< a date that does not exist
  kFiltered,    ///< not wanted by the filter
  kDuplicate,   ///< came before
  kOwn,         ///< sent by ourselves to a group
  kNoRoom,      ///< the router takes no events just now
  kCount,
};
std::string_view to_text(Refusal refusal) noexcept;

/// A confirmation; head and CRC tell the frame that it is for.
struct Confirmation {
  std::uint16_t error = 0;  ///< vscp::VscpError; 0: all is well
  std::uint16_t head = 0;
  std::uint16_t crc = 0;
};

enum class DatagramKind : std::uint8_t { kEvent, kConfirmation };

struct ReadDatagram {
  DatagramKind kind = DatagramKind::kEvent;
  Confirmation confirmation;  ///< kConfirmation: what it says. kEvent: what would confirm it
  /// kConfirmation: what the same bytes say if they are of the other size, where encryption hides which it is and both
  /// fit.
  std::optional<Confirmation> other;
};

/// Reads one datagram. An event is written to `event`. `cipher` null: nothing encrypted is taken; else only what is
/// encrypted its way and, unless `required`, what is not encrypted. In an encrypted frame the CRC is all that tells a
/// right key from a wrong one, so there 0xAA55 does not stand for it.
std::expected<ReadDatagram, Refusal> read_datagram(std::span<const std::uint8_t> bytes, router::FrameCipher* cipher,
                                                   bool required, vscp::Event& event) noexcept;

/// Writes a plain frame as a datagram: as it is, or encrypted. Returns its length; 0 if the library fails.
/// REQUIRES: the frame is no longer than an event frame may be.
std::size_t write_datagram(std::span<const std::uint8_t> frame, router::FrameCipher* cipher,
                           std::span<std::uint8_t, kDatagramMax> out) noexcept;

/// The plain frame of a confirmation.
inline constexpr std::size_t kConfirmationSize = 13;
std::array<std::uint8_t, kConfirmationSize> write_confirmation(const Confirmation& confirmation) noexcept;

/// What would confirm this event frame.
Confirmation confirmation_of(std::span<const std::uint8_t> frame) noexcept;

}  // namespace drivers::udp
