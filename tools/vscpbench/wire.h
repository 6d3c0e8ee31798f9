// The wire dialect that vscpbench speaks: how an event that carries its identity is written, and how a stream of
// received bytes is taken apart again. The engine knows nothing of text or frames.
//
// An event's identity travels in its GUID, which every server must hand on unchanged, so that payloads of 0 bytes work:
//   0 marker | run    1 checksum over 2..15    2-3 producer    4-7 sequence    8-15 send time (CLOCK_MONOTONIC, ns)
//
// Thread rule: const functions may be called from any thread; a Scanner belongs to one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

inline constexpr std::uint8_t kIdMarker = 0xb0;
/// Different payloads per producer, all permutations of the same bytes so that all events have the same size.
inline constexpr std::uint32_t kVariants = 16;
/// Without --verify, one event in this many is compared byte by byte.
inline constexpr std::uint32_t kSampleEvery = 64;

struct EventId {
  std::uint64_t time_ns = 0;
  std::uint32_t sequence = 0;
  std::uint16_t producer = 0;
  std::uint8_t run = 0;  ///< 0..15
};

/// The 16 GUID bytes of `id`.
void pack_id(const EventId& id, std::uint8_t* guid) noexcept;
/// False if the marker, run or checksum does not fit.
bool unpack_id(const std::uint8_t* guid, std::uint8_t run, EventId& id) noexcept;

enum class TimeForm : std::uint8_t { kNone, kDate, kNanoseconds };

/// What every event of a run has in common.
struct EventShape {
  std::uint16_t head = 0x60;
  std::uint16_t vscp_class = 10;
  std::uint16_t vscp_type = 6;
  std::size_t payload_bytes = 8;
  TimeForm time_form = TimeForm::kNone;
  std::uint8_t run = 0;
  bool any_priority = false;  ///< of a scanner: priorities may differ from the head's
};

/// The bits of a received head that tell nothing of a fault: how the time is written, and the priority if it may
/// differ.
constexpr std::uint16_t free_head_bits(const EventShape& shape) noexcept {
  return shape.any_priority ? 0x3e0 : 0x300;
}

/// The payload of one variant: pseudo-random, the same in every run.
std::vector<std::uint8_t> payload_of(std::size_t bytes, std::uint32_t variant);

/// What a scanner found. Only `kEvent` with `id` valid counts as a delivery.
enum class SeenKind : std::uint8_t {
  kEvent,      ///< one of ours
  kCorrupted,  ///< one of ours by its marker or place, with changed bytes; `id_valid` says whether the id holds
  kForeign,    ///< an event of somebody else
};
struct Seen {
  EventId id;
  SeenKind kind = SeenKind::kEvent;
  bool id_valid = true;
};

/// Takes the byte stream of one consumer apart. Between two calls that used all their bytes it knows nothing of the
/// connection, only of the run: a crowd uses one scanner for all its sessions.
class Scanner {
 public:
  /// What the server must get back for what was read, such as acknowledgements. The caller sends and clears it.
  std::string answers;

  virtual ~Scanner() = default;
  /// Appends what is complete in `bytes` to `seen` and returns how many bytes were used; the rest comes again,
  /// longer, in the next call. `seen` is cleared first. Send times are filled in for one event in `sample_every`
  /// (others have time 0).
  virtual std::size_t scan(std::string_view bytes, std::vector<Seen>& seen) = 0;
};

/// Replies to a producer's events.
struct Replies {
  std::string answers;  ///< as Scanner::answers
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::string first_refusal;
};

struct Target;
struct OpenSession;
enum class Role : std::uint8_t { kProducer, kConsumer };

class Wire {
 public:
  virtual ~Wire() = default;
  virtual std::string_view name() const = 0;
  /// Connects and gets ready for events. By default: link login, `commands`, then the set-up commands of the role. The
  /// error is a sentence for the user. Defined in link_session.cpp.
  virtual std::expected<OpenSession, std::string> open(const Target& target, Role role,
                                                       const std::vector<std::string>& commands) const;
  /// False if the server says nothing to an event: then an event counts as answered once it is written.
  virtual bool answers_events() const { return true; }
  /// Commands after login, each answered by one positive reply.
  virtual std::vector<std::string> producer_setup() const { return {}; }
  virtual std::vector<std::string> consumer_setup() const { return {}; }
  /// Bytes that a consumer sends behind the last of them; its scanner passes over what the server says to that.
  virtual std::string consumer_start() const { return {}; }
  /// One complete event of that variant, with room for the id. All variants have the same size.
  virtual std::string make_event(const EventShape& shape, std::uint32_t variant) const = 0;
  /// Offset of the id within make_event()'s bytes.
  virtual std::size_t id_offset(const EventShape& shape) const = 0;
  virtual void write_id(const EventId& id, char* at) const = 0;
  /// `verify`: compare every byte of every event. `time_every`: fill in the send time of one event in that many.
  virtual std::unique_ptr<Scanner> make_scanner(const EventShape& shape, bool verify,
                                                std::uint32_t time_every) const = 0;
  /// Counts complete replies; returns the bytes used.
  virtual std::size_t scan_replies(std::string_view bytes, Replies& replies) const = 0;
};

std::unique_ptr<Wire> make_text_wire();
std::unique_ptr<Wire> make_binary_wire();

/// By name, "text" or "binary"; null if there is none of that name.
std::unique_ptr<Wire> make_wire(std::string_view name);
/// "text, ..." for messages.
std::string wire_names();

}  // namespace bench
