// How the floor does its work. The defaults are what measured best; the others are there to be measured again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bench::floor {

enum class ReceiveMode : std::uint8_t {
  kAuto,       ///< bundle if the kernel has it, else multishot
  kSingle,     ///< one request per receive
  kMultishot,  ///< one request, many completions (kernel 6.0)
  kBundle,     ///< multishot, and one completion for several buffers (kernel 6.10)
};

enum class SendMode : std::uint8_t {
  kPlain,     ///< one contiguous send per consumer and turn
  kZeroCopy,  ///< the same with IORING_OP_SEND_ZC
  kBlocks,    ///< a chain of sends of at most `block_bytes`
};

struct FloorOptions {
  std::string host = "127.0.0.1";  ///< numeric IPv4
  std::uint16_t port = 0;          ///< 0 = any
  ReceiveMode receive = ReceiveMode::kAuto;
  SendMode send = SendMode::kPlain;
  std::uint32_t buffer_bytes = 64U << 10U;  ///< of one receive buffer
  std::uint32_t buffers = 64;               ///< power of two
  std::size_t log_bytes = 512U << 10U;       ///< power of two; a consumer that is this far behind pauses the producers
  std::size_t block_bytes = 4096;
};

}  // namespace bench::floor
