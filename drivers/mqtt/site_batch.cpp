#include "drivers/mqtt/site_batch.h"

#include <algorithm>
#include <array>

#include "protocol/big_endian.h"

namespace drivers::mqtt {
namespace {

using vscp::Errc;
using Mark = std::array<std::uint8_t, 4>;

constexpr Mark kBatch{'V', 'S', 'B', '1'};
constexpr Mark kArrived{'V', 'S', 'A', '1'};
constexpr Mark kHello{'V', 'S', 'H', '1'};
constexpr std::size_t kNumber = 8;

void put_mark(const Mark& mark, std::vector<std::uint8_t>& out) {
  out.assign(mark.begin(), mark.end());
}

void put_number(std::uint64_t number, std::vector<std::uint8_t>& out) {
  out.resize(out.size() + kNumber);
  vscp::store_big(number, out.data() + out.size() - kNumber);
}

vscp::Result<void> check_mark(std::span<const std::uint8_t> payload, const Mark& mark, std::size_t header) noexcept {
  if (payload.size() < header) return std::unexpected(Errc::kShortFrame);
  if (!std::equal(mark.begin(), mark.end(), payload.begin())) return std::unexpected(Errc::kBadFrameType);
  return {};
}

}  // namespace

void BatchWriter::begin(std::uint64_t run, std::uint64_t number) {
  put_mark(kBatch, bytes_);
  put_number(run, bytes_);
  put_number(number, bytes_);
}

void BatchWriter::add(std::span<const std::uint8_t> record) {
  const std::size_t at = bytes_.size();
  bytes_.resize(at + 2);
  vscp::store_big(static_cast<std::uint16_t>(record.size()), bytes_.data() + at);
  bytes_.insert(bytes_.end(), record.begin(), record.end());
}

vscp::Result<BatchView> read_batch(std::span<const std::uint8_t> payload) noexcept {
  if (const auto mark = check_mark(payload, kBatch, kBatchHeader); !mark) return std::unexpected(mark.error());
  return BatchView{vscp::load_big<std::uint64_t>(payload.data() + 4),
                   vscp::load_big<std::uint64_t>(payload.data() + 12), payload.subspan(kBatchHeader)};
}

vscp::Result<std::span<const std::uint8_t>> next_record(std::span<const std::uint8_t>& records) noexcept {
  if (records.empty()) return std::span<const std::uint8_t>();
  if (records.size() < 2) return std::unexpected(Errc::kShortFrame);
  const std::size_t size = vscp::load_big<std::uint16_t>(records.data());
  if (size == 0 || records.size() < 2 + size) return std::unexpected(Errc::kShortFrame);
  const auto record = records.subspan(2, size);
  records = records.subspan(2 + size);
  return record;
}

bool BatchOrder::take(std::uint64_t run, std::uint64_t number) noexcept {
  const bool begins = (number & 0xffffffffU) == 0 && (run != run_ || number > next_ || broken_);
  if (!begins && (broken_ || run != run_ || number != next_)) return false;
  run_ = run;
  next_ = number + 1;
  broken_ = false;
  return true;
}

std::vector<std::uint8_t> write_arrived(std::uint64_t run, std::span<const std::uint64_t> numbers) {
  std::vector<std::uint8_t> out;
  put_mark(kArrived, out);
  put_number(run, out);
  for (const std::uint64_t number : numbers) put_number(number, out);
  return out;
}

vscp::Result<ArrivedView> read_arrived(std::span<const std::uint8_t> payload) {
  constexpr std::size_t kHeader = 4 + kNumber;
  if (const auto mark = check_mark(payload, kArrived, kHeader); !mark) return std::unexpected(mark.error());
  if ((payload.size() - kHeader) % kNumber != 0) return std::unexpected(Errc::kShortFrame);
  ArrivedView out{vscp::load_big<std::uint64_t>(payload.data() + 4), {}};
  for (std::size_t at = kHeader; at < payload.size(); at += kNumber) {
    out.numbers.push_back(vscp::load_big<std::uint64_t>(payload.data() + at));
  }
  return out;
}

std::vector<std::uint8_t> write_hello() {
  return {kHello.begin(), kHello.end()};
}

std::uint32_t site_hash(std::string_view name) noexcept {
  std::uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  return hash;
}

}  // namespace drivers::mqtt
