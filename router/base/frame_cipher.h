// Encryption of binary frames, for every transport that carries them. Spec: vscp_over_binary.md, "Encryption types".
//
//   0        type << 4 | encryption, in the clear
//   1 ..     the frame from its byte 1 on, CRC included, and padding up to a multiple of 16: AES in CBC mode
//   last 16  the initialization vector
//
// What it gives is secrecy of the content. The CRC tells damage and a wrong key (one wrong key in some 10^8 passes for
// a right one); it does not keep out who can change datagrams on their way or send old ones again. Thread rule: one
// owner. Takes memory only when it is made. Bounded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/errc.h"
#include "protocol/limits.h"
#include "router/base/crypto.h"

namespace router {

/// The low nibble of a frame's first byte.
enum class FrameEncryption : std::uint8_t { kNone = 0, kAes128 = 1, kAes192 = 2, kAes256 = 3 };

/// Bytes of a key; 0 for kNone.
constexpr std::size_t key_size(FrameEncryption encryption) noexcept {
  return encryption == FrameEncryption::kNone ? 0 : 8 + 8 * static_cast<std::size_t>(encryption);
}

class FrameCipher {
 public:
  static constexpr std::size_t kBlock = AesCbc::kBlock;
  /// Bytes that senders may put behind a frame before its vector: upstream's library counts byte 0 when it pads, and
  /// always pads (2 to 17 bytes), its firmware pads by 1 to 16, we by 0 to 15. What the bytes are means nothing: some
  /// senders read them from behind their buffer.
  static constexpr std::size_t kPaddingMax = 17;
  /// Room for the largest event frame, encrypted by anybody.
  static constexpr std::size_t kEncryptedMax = 1 + (vscp::kEventFrameMax - 1 + kPaddingMax) / kBlock * kBlock + kBlock;

  /// `key`: at least key_size(); what is longer is left out, as upstream does. Nothing for kNone or a short key.
  static std::optional<FrameCipher> make(FrameEncryption encryption, std::span<const std::uint8_t> key) noexcept;

  FrameEncryption encryption() const noexcept { return encryption_; }

  /// Encrypts a frame of any type; returns the length. Errors: kShortFrame (nothing to encrypt), kNoSpace (`out` is
  /// smaller than the frame, 15 bytes of padding and 16 of vector).
  vscp::Result<std::size_t> encrypt(std::span<const std::uint8_t> frame, std::span<std::uint8_t> out) noexcept;
  /// The plain frame with the padding behind it, in `out`; its first byte has no encryption any more. Errors:
  /// kShortFrame, kLongFrame (no whole number of blocks, or more than `out` has room for), kEncrypted (another
  /// encryption than ours).
  vscp::Result<std::span<std::uint8_t>> decrypt(std::span<const std::uint8_t> bytes,
                                                std::span<std::uint8_t> out) noexcept;

 private:
  /// Vectors that are random to everybody else, asked for some at a time.
  static constexpr std::size_t kVectors = 16;

  FrameCipher(FrameEncryption encryption, AesCbc aes) noexcept : encryption_(encryption), aes_(std::move(aes)) {}
  AesCbc::Block next_vector() noexcept;

  FrameEncryption encryption_;
  AesCbc aes_;
  std::array<AesCbc::Block, kVectors> vectors_{};
  std::size_t vectors_used_ = kVectors;
};

/// 32, 48 or 64 hex digits as the bytes of a key; blanks around and between are left out. Errors: kBadNumber,
/// kDataSize.
vscp::Result<std::vector<std::uint8_t>> parse_key(std::string_view text);

}  // namespace router
