// A message of one broker that waits for another, as records of an EventStore.
//
// A message is a block of bytes: its texts and properties, then its payload. A block is cut into records of at most
// kMessagePartMax bytes, so that a message may be larger than a record. Record, numbers big endian: 0 form (2),
// 1 bit 0 first part, bit 1 last part, 2-3 zero, 4-7 size of the whole block, then the part. (Form 1 is an event:
// router/core/carried_event.h.) Thread rule: one owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/mqtt/mqtt_client.h"
#include "protocol/errc.h"
#include "router/io/event_store.h"

namespace drivers::mqtt {

struct CarriedMessage {
  std::uint32_t rule = 0;      ///< BridgeRule::id
  std::uint64_t taken_ns = 0;  ///< UTC; when it came: its expiry counts from there
  int qos = 0;
  bool retain = false;
  bool was_event = false;  ///< the router took it as an event too, so that its copy elsewhere is an echo
  std::string_view topic;  ///< at the target, without mark; in a block that was read a NUL follows
  std::string_view mark;   ///< BridgeMark; empty: none is to be sent
  MqttExtras extras;
  std::span<const std::uint8_t> payload;
};

/// Replaces `block`.
void write_block(const CarriedMessage& message, std::vector<std::uint8_t>& block);

/// Reads blocks; what a message points to lies in the block and in this object. Errors: kShortFrame, kBadFrameType.
class BlockReader {
 public:
  vscp::Result<CarriedMessage> read(std::span<const std::uint8_t> block);

 private:
  std::vector<std::pair<std::string_view, std::string_view>> user_properties_;
};

inline constexpr std::size_t kPartHeader = 8;
inline constexpr std::size_t kMessagePartMax = router::kStoreRecordMax - kPartHeader;
/// Larger blocks are not carried: together with what waits they must fit into memory.
inline constexpr std::size_t kBlockMax = 16U << 20U;

bool is_message_record(std::span<const std::uint8_t> record) noexcept;

/// Cuts a block into records and gives each to `append(record)`; stops at the first false.
template <typename Append>
bool cut_block(std::span<const std::uint8_t> block, std::vector<std::uint8_t>& record, const Append& append);

/// Puts blocks together again from their records in order.
class BlockJoiner {
 public:
  enum class Step : std::uint8_t {
    kMore,   ///< the block goes on in the next record
    kWhole,  ///< block() is one
    kTorn,   ///< this part has lost its neighbours, and they theirs
  };
  /// A first part begins anew, whatever was before: torn() tells whether something was.
  Step add(std::span<const std::uint8_t> record);
  std::span<const std::uint8_t> block() const noexcept { return block_; }
  /// Whether parts were left behind since the last call.
  bool take_torn() noexcept { return std::exchange(torn_, false); }
  void reset() noexcept;

 private:
  std::vector<std::uint8_t> block_;
  std::size_t size_ = 0;
  bool open_ = false;
  bool torn_ = false;
};

/// The eight bytes before a part.
void write_part_header(std::size_t block_size, bool first, bool last, std::uint8_t* out) noexcept;

template <typename Append>
bool cut_block(std::span<const std::uint8_t> block, std::vector<std::uint8_t>& record, const Append& append) {
  for (std::size_t at = 0; at < block.size() || at == 0;) {
    const std::size_t size = block.size() - at < kMessagePartMax ? block.size() - at : kMessagePartMax;
    record.resize(kPartHeader);
    write_part_header(block.size(), at == 0, at + size == block.size(), record.data());
    const auto part = block.subspan(at, size);
    record.insert(record.end(), part.begin(), part.end());
    if (!append(std::span<const std::uint8_t>(record))) return false;
    at += size;
    if (size == 0) break;
  }
  return true;
}

}  // namespace drivers::mqtt
