// Sizes that the protocol fixes, or that real peers force on us. Limits of the router are in its configuration.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vscp {

/// Data bytes of one event that are accepted and delivered. The spec's text says 512 (vscp_tcpiplink, frame type
/// 0), its frame type 1 says 487; upstream takes 512 and real parsers have room for exactly 512.
inline constexpr std::size_t kEventDataMax = 512;
/// Data bytes of one event by the spec's frame type 1 (512 - 25).
inline constexpr std::size_t kEventDataSpec = 487;
/// Longest event line that we write, CRLF included: fixed fields plus 512 times "255,".
inline constexpr std::size_t kEventLineMax = 160 + kEventDataMax * 4;
/// Longest command line that we read, without its line end: 512 data bytes as "0xNN, " take 3072 characters.
inline constexpr std::size_t kCommandLineMax = 4096;
/// Bytes of the largest unencrypted event frame: 36 header + data + 2 CRC.
inline constexpr std::size_t kEventFrameMax = 36 + kEventDataMax + 2;
inline constexpr std::size_t kUserNameMax = 64;
inline constexpr std::size_t kPasswordMax = 64;

}  // namespace vscp
