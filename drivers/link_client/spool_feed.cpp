#include "drivers/link_client/spool_feed.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "router/core/carried_event.h"

namespace drivers::link_client {
namespace {

constexpr unsigned kCountShift = 1;
constexpr unsigned kConnectionShift = 33;
constexpr std::uint32_t kConnections = 1U << 31U;

}  // namespace

SpoolFeed::Word SpoolFeed::Word::of(std::uint64_t bits) noexcept {
  return {static_cast<std::uint32_t>(bits >> kConnectionShift), static_cast<std::uint32_t>(bits >> kCountShift),
          (bits & 1U) != 0};
}

std::uint64_t SpoolFeed::Word::bits() const noexcept {
  return std::uint64_t{connection} << kConnectionShift | std::uint64_t{count} << kCountShift | (dry ? 1U : 0U);
}

SpoolFeed::SpoolFeed(router::EventStore& store, vscp::WireFormat format, std::function<void()> tell_worker,
                     std::function<void()> wake_helper)
    : store_(store),
      format_(format),
      tell_worker_(std::move(tell_worker)),
      wake_helper_(std::move(wake_helper)),
      entries_(kEntries),
      bytes_(kBytes),
      tickets_(kEntries) {
  releases_.reserve(kEntries);
}

// ---- worker
// -------------------------------------------------------------------------------------------------------------------

std::string_view SpoolFeed::next() noexcept {
  const Word filled = Word::of(filled_.load(std::memory_order_acquire));
  if (filled.connection != connection_) return {};  // the helper tells when it has seen what was said last
  if (!is_open()) {
    connection_ = (connection_ + 1) % kConnections;
    given_ = done_ = told_ = 0;
    asked_.store(Word{connection_, 0}.bits(), std::memory_order_release);
    wake_helper_();
    return {};
  }
  if (given_ == filled.count) return {};
  const Entry& entry = entries_[given_++ % kEntries];
  return {bytes_.data() + entry.offset, entry.size};
}

bool SpoolFeed::is_coming() const noexcept {
  const Word filled = Word::of(filled_.load(std::memory_order_acquire));
  return filled.connection != connection_ || !is_open() || given_ != filled.count || !filled.dry;
}

void SpoolFeed::release_oldest() noexcept {
  if (done_ != given_) ++done_;
}

void SpoolFeed::settle() noexcept {
  if (!is_open() || told_ == done_) return;
  told_ = done_;
  asked_.store(Word{connection_, done_}.bits(), std::memory_order_release);
  wake_helper_();
}

void SpoolFeed::rewind() noexcept {
  if (!is_open()) return;
  resent_ += held();
  connection_ = (connection_ + 1) % kConnections;
  asked_.store(Word{connection_, done_}.bits(), std::memory_order_release);
  given_ = done_ = told_ = 0;
  wake_helper_();
}

// ---- helper
// -------------------------------------------------------------------------------------------------------------------

bool SpoolFeed::serve() {
  const Word asked = Word::of(asked_.load(std::memory_order_acquire));
  const bool is_news = asked.connection != served_;
  const std::uint32_t before = released_;
  if (is_news) {
    begin_or_end(asked);
  } else if ((served_ & 1U) != 0) {
    release_up_to(asked.count);
  }
  const bool is_open = (served_ & 1U) != 0;
  const bool added = is_open && fill();
  const Word filled{served_, count_, is_open && read_next_ == read_count_ && !stuck_ && read_count_ == 0};
  if (filled.bits() != filled_.load(std::memory_order_relaxed)) {
    filled_.store(filled.bits(), std::memory_order_release);
    tell_worker_();
  }
  return is_news || added || released_ != before;
}

void SpoolFeed::begin_or_end(Word asked) {
  // The worker may have opened and closed before we looked: then nothing was given to it.
  const bool has_ended = (served_ & 1U) != 0;
  if (has_ended) {
    release_up_to(asked.count);
    store_.rewind();
  }
  served_ = asked.connection;
  released_ = count_ = end_ = 0;
  read_count_ = read_next_ = 0;
  stuck_ = false;
}

void SpoolFeed::release_up_to(std::uint32_t count) {
  releases_.clear();
  for (; released_ != count && released_ != count_; ++released_) releases_.push_back(tickets_[released_ % kEntries]);
  if (!releases_.empty()) store_.release(releases_);
}

bool SpoolFeed::fill() {
  bool added = false;
  while (count_ - released_ < kEntries) {
    if (read_next_ == read_count_) {
      read_next_ = 0;
      read_count_ = store_.read(read_);
      // A disk that fails gives nothing, although there is something.
      stuck_ = read_count_ == 0 && store_.status().records > store_.status().in_flight;
      if (read_count_ == 0) break;
    }
    const router::StoredRecord& record = read_[read_next_];
    const std::uint32_t before = count_;
    if (!add(record.bytes)) break;
    if (count_ == before) {
      store_.release({&record.ticket, 1});
    } else {
      tickets_[before % kEntries] = record.ticket;
      added = true;
    }
    ++read_next_;
  }
  return added;
}

// False if there is no room in the ring. What is no event is passed over.
bool SpoolFeed::add(std::span<const std::uint8_t> record) {
  std::array<char, vscp::kEventWireMax> wire;
  vscp::Event event;
  if (!router::decode_carried_event(record, event)) {
    ++bad_;
    return true;
  }
  const auto size = static_cast<std::uint32_t>(vscp::encode_event(event, format_, dates_, wire.data()));
  const bool is_empty = count_ == released_;
  if (is_empty) end_ = 0;
  const std::uint32_t begin = is_empty ? 0 : entries_[released_ % kEntries].offset;
  std::uint32_t offset = end_;
  if (is_empty || end_ > begin) {
    if (size > kBytes - end_) {
      if (size > begin) return false;
      offset = 0;
    }
  } else if (size > begin - end_) {
    return false;
  }
  std::memcpy(bytes_.data() + offset, wire.data(), size);
  entries_[count_ % kEntries] = {offset, size};
  ++count_;
  end_ = offset + size;
  return true;
}

}  // namespace drivers::link_client
