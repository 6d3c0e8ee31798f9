#include "protocol/frame_stream.h"

#include <algorithm>

#include "protocol/binary_command.h"
#include "protocol/crc.h"

namespace vscp {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kCrcSize = 2;
constexpr std::size_t kCommandHeader = 3;
constexpr std::size_t kReplyHeader = 5;
constexpr std::size_t kSendSizeOffset = 33;  // of the data size in the argument of SEND
constexpr std::size_t kSendHeader = 35;
constexpr BinaryCommandInfo kUnknown{BinaryCode::kEventConfirm, LinkVerb::kNoop};

constexpr std::size_t load16(Bytes bytes, std::size_t at) noexcept {
  return std::size_t{bytes[at]} << 8U | bytes[at + 1];
}

bool starts_frame(std::uint8_t first) noexcept {
  const unsigned type = first >> 4U;
  return type <= 1 || type >= 14;
}

/// Whether the frame ends, with its CRC, after `size` bytes. REQUIRES: bytes.size() >= size.
bool has_crc_at(Bytes bytes, std::size_t size) noexcept {
  return crc16_ccitt(bytes.subspan(1, size - 1 - kCrcSize)) == load16(bytes, size - kCrcSize);
}

bool ends_at(Bytes bytes, std::size_t size) noexcept {
  return (bytes.size() == size || starts_frame(bytes[size])) && has_crc_at(bytes, size);
}

Result<std::size_t> size_of_sizes(Bytes bytes, std::size_t header, const BinaryCommandInfo& info) noexcept {
  std::size_t fitting = 0;
  for (std::size_t argument = info.shortest; argument <= info.longest; argument += info.step) {
    const std::size_t size = header + argument + kCrcSize;
    if (bytes.size() < size) return 0;
    if (info.shortest == info.longest || ends_at(bytes, size)) return size;
    if (fitting == 0 && has_crc_at(bytes, size)) fitting = size;
  }
  if (fitting == 0) return std::unexpected(Errc::kBadCrc);
  return fitting;
}

// A NUL behind the text settles it, if the CRC agrees. Without one, the CRC alone tells where the text ends.
Result<std::size_t> size_of_text(Bytes bytes, const BinaryCommandInfo& info) noexcept {
  const std::size_t longest = kCommandHeader + info.longest + 1 + kCrcSize;
  const Bytes here = bytes.first(std::min(bytes.size(), longest));
  const auto nul = std::find(here.begin() + kCommandHeader, here.end(), std::uint8_t{0});
  const auto before_nul = static_cast<std::size_t>(nul - here.begin());
  const std::size_t with_nul = before_nul + 1 + kCrcSize;
  if (nul != here.end() && with_nul <= here.size() && has_crc_at(bytes, with_nul)) {
    // The CRC of a frame with its own CRC is 0, and stays 0 over zeros, with which the next frame may begin.
    const bool ends_before = before_nul >= kCommandHeader + kCrcSize && has_crc_at(bytes, before_nul);
    return ends_before ? before_nul : with_nul;
  }
  for (std::size_t size = kCommandHeader + kCrcSize; size <= here.size(); ++size) {
    if (ends_at(bytes, size)) return size;
  }
  const bool complete = nul != here.end() ? with_nul <= here.size() : here.size() == longest;
  if (complete) return std::unexpected(Errc::kBadCrc);
  return 0;
}

Result<std::size_t> size_of_send(Bytes bytes) noexcept {
  if (bytes.size() < kCommandHeader + kSendHeader) return 0;
  const std::size_t data = load16(bytes, kCommandHeader + kSendSizeOffset);
  if (data > kEventDataMax) return std::unexpected(Errc::kDataSize);
  const std::size_t size = kCommandHeader + kSendHeader + data + kCrcSize;
  return bytes.size() < size ? 0 : size;
}

Result<std::size_t> size_of_unknown(Bytes bytes, std::size_t header) noexcept {
  const auto size = size_of_sizes(bytes, header, kUnknown);
  if (size && *size > 0 && !has_crc_at(bytes, *size)) return std::unexpected(Errc::kUnknownCommand);
  return size;
}

Result<std::size_t> command_size(Bytes bytes) noexcept {
  if (bytes.size() < kCommandHeader) return 0;
  const auto* info = find_binary_command(static_cast<std::uint16_t>(load16(bytes, 1)));
  if (info == nullptr) return size_of_unknown(bytes, kCommandHeader);
  switch (info->form) {
    case ArgumentForm::kSizes:
      return size_of_sizes(bytes, kCommandHeader, *info);
    case ArgumentForm::kText:
      return size_of_text(bytes, *info);
    case ArgumentForm::kEvent:
      break;
  }
  return size_of_send(bytes);
}

Result<std::size_t> reply_size(Bytes bytes) noexcept {
  if (bytes.size() < kReplyHeader) return 0;
  if (load16(bytes, 1) != static_cast<std::uint16_t>(BinaryCode::kEventConfirm)) {
    return size_of_unknown(bytes, kReplyHeader);
  }
  // As the spec has it with 6 bytes, or as firmware sends it with 4. There may be a million of these per second, so
  // that chance must not end one early: the long form is always waited for. Nothing waits for what it says.
  constexpr std::size_t kSpecSize = kReplyHeader + 6 + kCrcSize;
  constexpr std::size_t kFirmwareSize = kReplyHeader + 4 + kCrcSize;
  if (bytes.size() < kSpecSize) return 0;
  for (const std::size_t size : {kSpecSize, kFirmwareSize}) {
    if (has_crc_at(bytes, size)) return size;
  }
  return std::unexpected(Errc::kBadCrc);
}

}  // namespace

Result<std::size_t> first_frame_size(Bytes bytes) noexcept {
  if (bytes.empty()) return 0;
  const std::uint8_t first = bytes[0];
  if (!starts_frame(first)) return std::unexpected(Errc::kBadFrameType);
  if ((first & 0x0fU) != 0) return std::unexpected(Errc::kEncrypted);
  if (first == 0xe0) return command_size(bytes);
  if (first == 0xf0) return reply_size(bytes);
  if (bytes.size() < kEventFrameHeader) return 0;
  const auto size = event_frame_size(bytes);
  if (size && bytes.size() < *size) return 0;
  return size;
}

}  // namespace vscp
