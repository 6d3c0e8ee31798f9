#include "router/base/frame_cipher.h"

#include <algorithm>
#include <cstring>

#include "router/base/random.h"

namespace router {
namespace {

constexpr std::uint8_t kEncryptionBits = 0x0f;

constexpr std::size_t padded(std::size_t size) noexcept {
  return (size + FrameCipher::kBlock - 1) / FrameCipher::kBlock * FrameCipher::kBlock;
}

}  // namespace

std::optional<FrameCipher> FrameCipher::make(FrameEncryption encryption, std::span<const std::uint8_t> key) noexcept {
  const std::size_t size = key_size(encryption);
  if (size == 0 || key.size() < size) return std::nullopt;
  auto aes = AesCbc::make(key.first(size));
  if (!aes) return std::nullopt;
  return FrameCipher(encryption, std::move(*aes));
}

AesCbc::Block FrameCipher::next_vector() noexcept {
  if (vectors_used_ == kVectors) {
    SystemRandom().fill({vectors_[0].data(), sizeof vectors_});
    vectors_used_ = 0;
  }
  return vectors_[vectors_used_++];
}

vscp::Result<std::size_t> FrameCipher::encrypt(std::span<const std::uint8_t> frame,
                                               std::span<std::uint8_t> out) noexcept {
  if (frame.size() < 2) return std::unexpected(vscp::Errc::kShortFrame);
  const std::size_t body = frame.size() - 1;
  const std::size_t blocks = padded(body);
  if (out.size() < 1 + blocks + kBlock) return std::unexpected(vscp::Errc::kNoSpace);
  const AesCbc::Block vector = next_vector();
  out[0] = static_cast<std::uint8_t>((frame[0] & ~unsigned{kEncryptionBits}) | static_cast<unsigned>(encryption_));
  std::memcpy(&out[1], &frame[1], body);
  std::memset(&out[1 + body], 0, blocks - body);
  if (!aes_.encrypt(vector, out.subspan(1, blocks))) return std::unexpected(vscp::Errc::kEncrypted);
  std::memcpy(&out[1 + blocks], vector.data(), vector.size());
  return 1 + blocks + kBlock;
}

vscp::Result<std::span<std::uint8_t>> FrameCipher::decrypt(std::span<const std::uint8_t> bytes,
                                                           std::span<std::uint8_t> out) noexcept {
  if (bytes.size() < 1 + 2 * kBlock) return std::unexpected(vscp::Errc::kShortFrame);
  if ((bytes[0] & kEncryptionBits) != static_cast<std::uint8_t>(encryption_)) {
    return std::unexpected(vscp::Errc::kEncrypted);
  }
  const std::size_t blocks = bytes.size() - 1 - kBlock;
  if (blocks % kBlock != 0 || out.size() < 1 + blocks) return std::unexpected(vscp::Errc::kLongFrame);
  AesCbc::Block vector;
  std::memcpy(vector.data(), &bytes[1 + blocks], vector.size());
  out[0] = static_cast<std::uint8_t>(bytes[0] & ~unsigned{kEncryptionBits});
  std::memcpy(&out[1], &bytes[1], blocks);
  if (!aes_.decrypt(vector, out.subspan(1, blocks))) return std::unexpected(vscp::Errc::kEncrypted);
  return out.first(1 + blocks);
}

vscp::Result<std::vector<std::uint8_t>> parse_key(std::string_view text) {
  std::vector<std::uint8_t> out;
  int high = -1;
  for (const char c : text) {
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (digit < 0) return std::unexpected(vscp::Errc::kBadNumber);
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  if (high >= 0 || (out.size() != 16 && out.size() != 24 && out.size() != 32)) {
    return std::unexpected(vscp::Errc::kDataSize);
  }
  return out;
}

}  // namespace router
