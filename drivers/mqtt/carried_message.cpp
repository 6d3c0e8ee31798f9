#include "drivers/mqtt/carried_message.h"

#include "protocol/big_endian.h"

namespace drivers::mqtt {
namespace {

constexpr std::uint8_t kFormMessage = 2;
constexpr std::uint8_t kFirst = 1;
constexpr std::uint8_t kLast = 2;
constexpr std::uint8_t kRetain = 1;
constexpr std::uint8_t kWasEvent = 2;
constexpr std::uint32_t kNever = ~std::uint32_t{0};
constexpr std::uint8_t kNotTold = 0xff;

class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& out) : out_(out) { out_.clear(); }
  template <typename T>
  void number(T value) {
    out_.resize(out_.size() + sizeof(T));
    vscp::store_big<T>(value, out_.data() + out_.size() - sizeof(T));
  }
  void bytes(std::span<const std::uint8_t> data) { out_.insert(out_.end(), data.begin(), data.end()); }
  /// Size, bytes, NUL. MQTT has none longer than 65 535; longer ones are cut by nobody, so they never come.
  void text(std::string_view value) {
    number(static_cast<std::uint16_t>(value.size()));
    out_.insert(out_.end(), value.begin(), value.end());
    out_.push_back(0);
  }

 private:
  std::vector<std::uint8_t>& out_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> in) : in_(in) {}
  template <typename T>
  T number() {
    T value{};
    if (take(sizeof(T))) value = vscp::load_big<T>(in_.data() + at_ - sizeof(T));
    return value;
  }
  std::string_view text() {
    const std::size_t size = number<std::uint16_t>();
    if (!take(size + 1)) return {};
    if (in_[at_ - 1] != 0) good_ = false;
    return {reinterpret_cast<const char*>(in_.data()) + at_ - size - 1, size};
  }
  std::span<const std::uint8_t> rest() const { return in_.subspan(at_); }
  bool good() const noexcept { return good_; }

 private:
  bool take(std::size_t size) {
    good_ = good_ && in_.size() - at_ >= size;
    if (good_) at_ += size;
    return good_;
  }
  std::span<const std::uint8_t> in_;
  std::size_t at_ = 0;
  bool good_ = true;
};

std::string_view chars_of(std::span<const std::uint8_t> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void write_block(const CarriedMessage& message, std::vector<std::uint8_t>& block) {
  Writer out(block);
  out.number(message.rule);
  out.number(message.taken_ns);
  out.number(static_cast<std::uint8_t>(message.qos));
  out.number(static_cast<std::uint8_t>((message.retain ? kRetain : 0U) | (message.was_event ? kWasEvent : 0U)));
  const MqttExtras& extras = message.extras;
  out.number(extras.payload_format < 0 ? kNotTold : static_cast<std::uint8_t>(extras.payload_format));
  out.number(extras.expiry_s < 0 ? kNever : static_cast<std::uint32_t>(extras.expiry_s));
  out.text(message.topic);
  out.text(message.mark);
  out.text(extras.content_type);
  out.text(extras.response_topic);
  out.text(chars_of(extras.correlation_data));
  out.number(static_cast<std::uint16_t>(extras.user_properties.size()));
  for (const auto& [name, value] : extras.user_properties) {
    out.text(name);
    out.text(value);
  }
  out.bytes(message.payload);
}

vscp::Result<CarriedMessage> BlockReader::read(std::span<const std::uint8_t> block) {
  Reader in(block);
  CarriedMessage out;
  out.rule = in.number<std::uint32_t>();
  out.taken_ns = in.number<std::uint64_t>();
  out.qos = in.number<std::uint8_t>();
  const auto flags = in.number<std::uint8_t>();
  out.retain = (flags & kRetain) != 0;
  out.was_event = (flags & kWasEvent) != 0;
  const auto format = in.number<std::uint8_t>();
  out.extras.payload_format = format == kNotTold ? -1 : format;
  const auto expiry = in.number<std::uint32_t>();
  out.extras.expiry_s = expiry == kNever ? -1 : std::int64_t{expiry};
  out.topic = in.text();
  out.mark = in.text();
  out.extras.content_type = in.text();
  out.extras.response_topic = in.text();
  const std::string_view correlation = in.text();
  out.extras.correlation_data = {reinterpret_cast<const std::uint8_t*>(correlation.data()), correlation.size()};
  user_properties_.clear();
  for (auto count = in.number<std::uint16_t>(); count > 0 && in.good(); --count) {
    const std::string_view name = in.text();
    user_properties_.emplace_back(name, in.text());
  }
  out.extras.user_properties = user_properties_;
  if (!in.good()) return std::unexpected(vscp::Errc::kShortFrame);
  if (out.qos > 2 || out.topic.empty()) return std::unexpected(vscp::Errc::kBadFrameType);
  out.payload = in.rest();
  return out;
}

bool is_message_record(std::span<const std::uint8_t> record) noexcept {
  return !record.empty() && record[0] == kFormMessage;
}

void write_part_header(std::size_t block_size, bool first, bool last, std::uint8_t* out) noexcept {
  out[0] = kFormMessage;
  out[1] = static_cast<std::uint8_t>((first ? kFirst : 0U) | (last ? kLast : 0U));
  out[2] = 0;
  out[3] = 0;
  vscp::store_big<std::uint32_t>(static_cast<std::uint32_t>(block_size), out + 4);
}

void BlockJoiner::reset() noexcept {
  block_.clear();
  open_ = false;
}

BlockJoiner::Step BlockJoiner::add(std::span<const std::uint8_t> record) {
  if (record.size() < kPartHeader || !is_message_record(record)) return Step::kTorn;
  const std::size_t size = vscp::load_big<std::uint32_t>(record.data() + 4);
  if ((record[1] & kFirst) != 0) {
    torn_ = torn_ || open_;
    block_.clear();
    size_ = size;
    open_ = size <= kBlockMax;
  }
  const auto part = record.subspan(kPartHeader);
  if (!open_ || size != size_ || block_.size() + part.size() > size_) {
    reset();
    return Step::kTorn;
  }
  block_.insert(block_.end(), part.begin(), part.end());
  if ((record[1] & kLast) == 0) return Step::kMore;
  open_ = false;
  return block_.size() == size_ ? Step::kWhole : Step::kTorn;
}

}  // namespace drivers::mqtt
