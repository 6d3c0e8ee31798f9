// The fields of an event by name, as JSON and XML carry them, and the rules that make an event of them.
// Thread rule: one object per thread, used for one message at a time. No heap.
#pragma once

#include <cstdint>
#include <string_view>

#include "drivers/mqtt/payload.h"

namespace drivers::mqtt {

enum class PayloadField : std::uint8_t {
  kUnknown,
  kHead,
  kObid,
  kDatetime,
  kTimestamp,
  kTimestampNs,
  kClass,
  kType,
  kGuid,
  kData,
  kSkipped,  ///< belongs to an event but tells nothing that is needed: note, measurement, sizedata
};

struct PayloadKey {
  PayloadField field = PayloadField::kUnknown;
  bool legacy = false;  ///< written with "vscp" in front
};

/// The field of this name; case matters.
PayloadKey find_payload_key(std::string_view name) noexcept;

/// Collects the fields of one message into an event.
class PayloadFields {
 public:
  explicit PayloadFields(vscp::Event& event) noexcept;

  /// Takes the text of a value, without quotes: a number, a date, a GUID, or for kData the list between the brackets.
  /// Returns Errc{} or what is wrong with it.
  vscp::Errc take(PayloadKey key, std::string_view text) noexcept;

  /// Fills in what was left out (see PayloadDecoder::decode). Errors: kNoEventField, kNoClassType.
  vscp::Result<PayloadHints> finish(const TopicDefaults& defaults, std::uint64_t now_ns) noexcept;

  /// An object without any member has no field either, and is still an event if the topic tells class and type.
  void note_empty() noexcept { any_ = true; }

 private:
  vscp::Errc take_number(std::uint64_t max, std::string_view text, std::uint64_t& value, PayloadField field) noexcept;
  vscp::Errc take_timestamp(std::string_view text) noexcept;
  vscp::Errc take_date(std::string_view text) noexcept;
  vscp::Errc take_guid(std::string_view text) noexcept;
  void set_times(std::uint64_t now_ns) noexcept;
  bool has(PayloadField field) const noexcept { return (seen_ >> static_cast<unsigned>(field) & 1U) != 0; }
  void set(PayloadField field) noexcept { seen_ |= 1U << static_cast<unsigned>(field); }

  vscp::Event& event_;
  std::uint64_t time_ns_ = 0;  ///< of timestamp_ns
  std::uint64_t date_ns_ = 0;
  std::uint64_t timestamp_ = 0;
  std::uint32_t seen_ = 0;     ///< fields with a value
  std::uint32_t current_ = 0;  ///< fields that were there under their newer name
  bool any_ = false;
};

/// What PayloadFields and the event line share: GUID, class and type from the topic, the present time.
/// `class_missing` and `type_missing`: the message had none. Errors: kNoClassType.
vscp::Result<PayloadHints> apply_defaults(vscp::Event& event, bool class_missing, bool type_missing,
                                          bool timestamp_missing, const TopicDefaults& defaults,
                                          std::uint64_t now_ns) noexcept;

}  // namespace drivers::mqtt
