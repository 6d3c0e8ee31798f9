// The binary link protocol: login in text, BINARY, then frames. Spec: vscp_over_binary.md.
#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/binary_command.h"
#include "protocol/crc.h"
#include "protocol/frame.h"
#include "tools/vscpbench/wire.h"

namespace bench {
namespace {

constexpr std::size_t kGuidAt = 18;
constexpr std::size_t kSizeAt = 34;
constexpr std::size_t kReplyBytes = 7;
constexpr std::size_t kConfirmBytes = kReplyBytes + 6;
constexpr std::uint64_t kTimeNs = 1767323045000001000;
constexpr std::uint8_t kEventType = 0x10;
constexpr std::uint8_t kReplyType = 0xf0;

unsigned byte_at(const char* at) {
  return static_cast<unsigned char>(*at);
}

unsigned load16(const char* at) {
  return byte_at(at) << 8U | byte_at(at + 1);
}

void put(std::string& out, std::uint64_t value, unsigned bytes) {
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes) & 0xffU);
}

unsigned crc_of(const char* begin, std::size_t size) {
  return vscp::crc16_ccitt({reinterpret_cast<const std::uint8_t*>(begin), size});
}

/// Of a whole frame, its CRC already there or not.
void write_crc(char* frame, std::size_t size) {
  const unsigned crc = crc_of(frame + 1, size - 3);
  frame[size - 2] = static_cast<char>(crc >> 8U);
  frame[size - 1] = static_cast<char>(crc);
}

std::string command_frame(vscp::BinaryCode code) {
  std::string frame(1, '\xe0');
  put(frame, static_cast<std::uint16_t>(code), 2);
  put(frame, 0, 2);
  write_crc(frame.data(), frame.size());
  return frame;
}

/// 0 if it is not whole. Replies on these connections are event confirms, and others without argument.
std::size_t reply_bytes(std::string_view bytes) {
  if (bytes.size() < kReplyBytes) return 0;
  const bool confirm = load16(bytes.data() + 1) == static_cast<std::uint16_t>(vscp::BinaryCode::kEventConfirm);
  const std::size_t size = confirm ? kConfirmBytes : kReplyBytes;
  return bytes.size() < size ? 0 : size;
}

class BinaryScanner final : public Scanner {
 public:
  BinaryScanner(const EventShape& shape, bool verify, std::uint32_t time_every)
      : shape_(shape), verify_(verify), time_every_(time_every) {
    for (std::uint32_t i = 0; i < kVariants; ++i) payloads_.push_back(payload_of(shape.payload_bytes, i));
  }

  std::size_t scan(std::string_view bytes, std::vector<Seen>& seen) override {
    seen.clear();
    std::size_t done = 0;
    while (done < bytes.size()) {
      const std::string_view rest = bytes.substr(done);
      if (byte_at(rest.data()) == kReplyType) {
        const std::size_t size = reply_bytes(rest);
        if (size == 0) break;
        done += size;
        continue;
      }
      if (byte_at(rest.data()) != kEventType) {  // everything behind it is lost
        seen.push_back({{}, SeenKind::kCorrupted, false});
        return bytes.size();
      }
      if (rest.size() < vscp::kEventFrameOverhead) break;
      const std::size_t size = vscp::kEventFrameOverhead + load16(rest.data() + kSizeAt);
      if (rest.size() < size) break;
      Seen one;
      if (!take_fast(rest.data(), one)) take_slow(rest.substr(0, size), one);
      seen.push_back(one);
      done += size;
    }
    return done;
  }

 private:
  /// Producer and sequence only. False: the slow way must look at it.
  bool take_fast(const char* frame, Seen& one) const {
    const char* guid = frame + kGuidAt;
    if (byte_at(guid) != (kIdMarker | unsigned{shape_.run})) return false;
    one.id.producer = static_cast<std::uint16_t>(load16(guid + 2));
    one.id.sequence = load16(guid + 4) << 16U | load16(guid + 6);
    one.id.run = shape_.run;
    return !verify_ && one.id.sequence % kSampleEvery != 0 && one.id.sequence % time_every_ != 0;
  }

  void take_slow(std::string_view frame, Seen& one) const {
    const char* at = frame.data();
    one.kind = SeenKind::kCorrupted;
    one.id_valid = false;
    if (crc_of(at + 1, frame.size() - 3) != load16(at + frame.size() - 2)) return;
    std::array<std::uint8_t, 16> guid;
    std::memcpy(guid.data(), at + kGuidAt, guid.size());
    if ((guid[0] & 0xf0U) != kIdMarker) {
      one.kind = SeenKind::kForeign;
      return;
    }
    if (!unpack_id(guid.data(), shape_.run, one.id)) return;
    one.id_valid = true;
    const auto& payload = payloads_[one.id.sequence % kVariants];
    if (frame.size() != vscp::kEventFrameOverhead + payload.size() ||
        (!payload.empty() && std::memcmp(at + vscp::kEventFrameHeader, payload.data(), payload.size()) != 0) ||
        !fields_are_right(at)) {
      return;
    }
    one.kind = SeenKind::kEvent;
  }

  bool fields_are_right(const char* at) const {
    std::string time;
    put(time, kTimeNs, 8);
    const unsigned free = free_head_bits(shape_);
    return (load16(at + 1) & ~free) == (shape_.head & ~free) && load16(at + 14) == shape_.vscp_class &&
           load16(at + 16) == shape_.vscp_type &&
           (shape_.time_form == TimeForm::kNone || std::memcmp(at + 3, time.data(), time.size()) == 0);
  }

  EventShape shape_;
  bool verify_;
  std::uint32_t time_every_;
  std::vector<std::vector<std::uint8_t>> payloads_;
};

class BinaryWire final : public Wire {
 public:
  std::string_view name() const override { return "binary"; }
  /// Confirms are counted, but a server may leave them out.
  bool answers_events() const override { return false; }

  std::vector<std::string> producer_setup() const override {
    auto setup = make_text_wire()->producer_setup();
    setup.emplace_back("BINARY");
    return setup;
  }
  std::vector<std::string> consumer_setup() const override { return {"BINARY"}; }
  std::string consumer_start() const override { return command_frame(vscp::BinaryCode::kOpen); }

  std::string make_event(const EventShape& shape, std::uint32_t variant) const override {
    std::string frame(1, static_cast<char>(kEventType));
    put(frame, shape.head | 0x100U, 2);
    put(frame, shape.time_form == TimeForm::kNone ? 0 : kTimeNs, 8);
    put(frame, 0, 3);
    put(frame, shape.vscp_class, 2);
    put(frame, shape.vscp_type, 2);
    frame.append(16, '\0');
    const auto payload = payload_of(shape.payload_bytes, variant);
    put(frame, payload.size(), 2);
    frame.append(payload.begin(), payload.end());
    put(frame, 0, 2);
    write_crc(frame.data(), frame.size());
    return frame;
  }
  std::size_t id_offset(const EventShape&) const override { return kGuidAt; }

  void write_id(const EventId& id, char* at) const override {
    std::array<std::uint8_t, 16> guid;
    pack_id(id, guid.data());
    std::memcpy(at, guid.data(), guid.size());
    char* frame = at - kGuidAt;
    write_crc(frame, vscp::kEventFrameOverhead + load16(frame + kSizeAt));
  }

  std::unique_ptr<Scanner> make_scanner(const EventShape& shape, bool verify, std::uint32_t time_every) const override {
    return std::make_unique<BinaryScanner>(shape, verify, time_every);
  }

  std::size_t scan_replies(std::string_view bytes, Replies& replies) const override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const std::string_view rest = bytes.substr(done);
      if (byte_at(rest.data()) != kReplyType) {
        if (replies.refused++ == 0) replies.first_refusal = "something that is no reply frame";
        return bytes.size();
      }
      const std::size_t size = reply_bytes(rest);
      if (size == 0) break;
      const unsigned error = load16(rest.data() + 3);
      if (error == 0) {
        ++replies.accepted;
      } else if (replies.refused++ == 0) {
        replies.first_refusal = "error " + std::to_string(error) + " in a reply frame";
      }
      done += size;
    }
    return done;
  }
};

}  // namespace

std::unique_ptr<Wire> make_binary_wire() {
  return std::make_unique<BinaryWire>();
}

}  // namespace bench
