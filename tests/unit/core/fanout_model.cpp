#include "tests/unit/core/fanout_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "protocol/event_line.h"

namespace fanout_model {
namespace {

using router::kNoChannel;

router::FanoutSettings settings_of(const Size& size) {
  router::FanoutSettings settings;
  settings.log_bytes = size.log_segments * size.segment_bytes;
  settings.segment_bytes = size.segment_bytes;
  settings.index_chunks = size.index_chunks;
  settings.skip_rules = size.skip_rules;
  settings.sweep_min = 60;
  return settings;
}

}  // namespace

// ---- reader ------------------------------------------------------------

ModelReader::ModelReader(router::Fanout& fanout, std::uint32_t id, router::Random& random) : fanout_(&fanout) {
  channel = id;
  receives_own = random.below(4) == 0;
  in_loop = random.below(2) == 0;
  drops_lowest = random.below(2) == 0;
  stands_aside = random.below(2) == 0;
  format = static_cast<vscp::WireFormat>(random.below(router::kFormats));
}

bool ModelReader::wants(const vscp::Event& event, std::uint32_t skip) const {
  return is_joined() && filter.matches(event) && skip != channel && (event.obid != channel || receives_own);
}

void ModelReader::expect(const Line& line) {
  queue_.push_back(line);
}

void ModelReader::match(std::string_view text) {
  ++lines_read;
  const bool exact = is_exact();
  while (!queue_.empty() && queue_.front().text != text) {
    EXPECT_FALSE(exact) << "channel " << channel << " misses a line that nobody counted: " << queue_.front().text;
    queue_.pop_front();
    ++lines_lost;
    ++accounted_;
    EXPECT_LE(accounted_, events_dropped()) << "channel " << channel << " lost more lines than were counted";
    if (testing::Test::HasFailure()) return;
  }
  ASSERT_FALSE(queue_.empty()) << "channel " << channel
                               << " got a line that is not for it, twice or out of order: " << text;
  queue_.pop_front();
}

// 0 if it is not whole.
std::size_t ModelReader::first_size(std::string_view bytes) const {
  if (format == vscp::WireFormat::kFrame) {
    const auto size = vscp::event_frame_size({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    return size && *size <= bytes.size() ? *size : 0;
  }
  const std::size_t end = bytes.find("\r\n");
  return end == std::string_view::npos ? 0 : end + 2;
}

std::uint32_t ModelReader::consume(std::string_view bytes) {
  partial_.append(bytes);
  std::uint32_t count = 0;
  for (std::size_t size = first_size(partial_); size > 0; size = first_size(partial_)) {
    match(std::string_view(partial_).substr(0, size));
    partial_.erase(0, size);
    ++count;
  }
  return count;
}

void ModelReader::take_rest_of_line(std::span<const char> rest) noexcept {
  EXPECT_FALSE(partial_.empty()) << "the rest of a line that was not begun";
  EXPECT_FALSE(is_sending());
  ++rests;
  consume({rest.data(), rest.size()});
  EXPECT_TRUE(partial_.empty()) << "the rest does not end the line: " << partial_;
}

void ModelReader::on_overrun() noexcept {
  ++times_overrun;
  EXPECT_FALSE(is_sending());
  EXPECT_TRUE(fanout_->lag(*this).exceeds(limit()));
  if (stands_aside) {
    drop_aside(limit_share(3, 4), drops_lowest);
  } else {
    drop_to(limit_share(3, 4), drops_lowest);
  }
}

void ModelReader::drop_aside(const router::Amount& keep, bool lowest) {
  fanout_->finish_line(*this);
  const std::uint64_t before = events_dropped();
  const std::uint64_t waited = fanout_->count_waiting(*this).events;
  const std::uint32_t dropped = fanout_->drop_aside(*this, keep, lowest);
  EXPECT_EQ(dropped, events_dropped() - before);
  EXPECT_EQ(fanout_->count_waiting(*this).events + events_dropped() - before, waited);
  if (!is_aside()) return;
  ++times_aside;
  EXPECT_TRUE(fanout_->has_waiting(*this));
  EXPECT_FALSE(fanout_->is_inside_line(*this));
}

std::uint64_t ModelReader::drop_from_queue(const router::Amount& keep, bool lowest) {
  std::uint64_t dropped = 0;
  for (router::Amount held = held_amount(); held.exceeds(keep);) {
    auto victim = queue_.begin();
    if (lowest) {
      victim = std::max_element(queue_.begin(), queue_.end(),
                                [](const Line& left, const Line& right) { return left.priority < right.priority; });
    }
    held -= {1, victim->text.size()};
    queue_.erase(victim);
    ++dropped;
  }
  return dropped;
}

router::Amount ModelReader::held_amount() const {
  router::Amount held;
  for (const Line& line : queue_) held += {1, line.text.size()};
  return held;
}

void ModelReader::drop_to(const router::Amount& keep, bool lowest) {
  // A begun line is handed over whole first: it is no longer waiting.
  fanout_->finish_line(*this);
  const bool exact = is_exact();
  const std::uint64_t before = events_dropped();
  const std::uint32_t dropped = fanout_->drop_to(*this, keep, lowest);
  const std::uint64_t counted = events_dropped() - before;
  EXPECT_EQ(counted, dropped);
  // Where there was no memory to keep the rest, more or others are lost; which lines that were the model cannot know.
  if (exact && !index_is_short) {
    const std::uint64_t wanted = drop_from_queue(keep, lowest);
    EXPECT_EQ(counted, wanted);
    lines_lost += wanted;
    accounted_ += wanted;
  }
  EXPECT_FALSE(fanout_->count_waiting(*this).exceeds(keep));
}

void ModelReader::clear() {
  fanout_->clear(*this);
  EXPECT_TRUE(partial_.empty());
  EXPECT_EQ(fanout_->count_waiting(*this), router::Amount{});
  EXPECT_FALSE(fanout_->has_waiting(*this));
  EXPECT_EQ(fanout_->lag(*this), router::Amount{});
  forget();
}

void ModelReader::change_format(vscp::WireFormat to) {
  fanout_->finish_line(*this);
  const std::uint64_t waiting = format == to ? 0 : fanout_->count_waiting(*this).events;
  const std::uint64_t before = events_dropped();
  EXPECT_EQ(fanout_->change_format(*this, to) + events_dropped() - before, waiting);
  vscp::DateCache dates;
  for (Line& line : queue_) {
    vscp::Event event;
    ASSERT_TRUE(vscp::decode_event(line.text, format, event).has_value());
    event.obid = line.origin;
    char text[vscp::kEventWireMax];
    line.text.assign(text, vscp::encode_event(event, to, dates, text));
  }
  format = to;
}

void ModelReader::forget() {
  queue_.clear();
  partial_.clear();
  accounted_ = events_dropped();
}

void ModelReader::check_count() {
  const router::Amount amount = fanout_->count_waiting(*this);
  const std::uint64_t waiting = amount.events;
  const std::size_t held = queue_.size();
  const std::uint64_t lost = events_dropped() - accounted_;
  EXPECT_EQ(lost + waiting, held) << "channel " << channel << ": losses were counted that were none, or some were not";
  const router::Amount behind = fanout_->lag(*this);
  EXPECT_GE(behind.events, waiting);
  EXPECT_GE(behind.bytes, amount.bytes);
  if (is_exact()) {
    EXPECT_EQ(amount, held_amount());
  }
  if (waiting == 0 && partial_.empty()) {
    lines_lost += queue_.size();
    forget();
  }
}

void ModelReader::gather(std::size_t range_count, std::size_t size_max) {
  const auto gathered = fanout_->gather(*this, std::span(ranges_).first(range_count), size_max);
  ASSERT_LE(gathered.ranges, range_count);
  range_count_ = gathered.ranges;
  bytes_in_flight = gathered.bytes;
  EXPECT_EQ(is_sending(), gathered.bytes > 0);
  sent_copy_.clear();
  for (std::size_t i = 0; i < range_count_; ++i) {
    sent_copy_.append(static_cast<const char*>(ranges_[i].iov_base), ranges_[i].iov_len);
  }
  ASSERT_EQ(sent_copy_.size(), gathered.bytes);
  if (gathered.bytes > 0) {
    std::string whole = partial_ + sent_copy_;
    for (std::size_t size = first_size(whole); size > 0; size = first_size(whole)) whole.erase(0, size);
    EXPECT_TRUE(whole.empty()) << "a send ends inside an event: " << sent_copy_;
  } else {
    EXPECT_EQ(fanout_->count_waiting(*this), router::Amount{}) << "something waits, but nothing was gathered";
  }
}

void ModelReader::finish_send(std::size_t bytes) {
  std::string now;
  for (std::size_t i = 0; i < range_count_; ++i) {
    now.append(static_cast<const char*>(ranges_[i].iov_base), ranges_[i].iov_len);
  }
  ASSERT_EQ(now, sent_copy_) << "bytes changed while they were being sent";
  const auto sent = std::string_view(sent_copy_).substr(0, bytes);
  const std::uint32_t events = fanout_->finish_send(*this, bytes);
  bytes_in_flight = 0;
  EXPECT_EQ(events, consume(sent));
  EXPECT_EQ(fanout_->is_inside_line(*this), !partial_.empty());
}

void ModelReader::poll(std::uint32_t lines) {
  for (std::uint32_t i = 0; i < lines; ++i) {
    const auto line = fanout_->peek_line(*this);
    EXPECT_TRUE(partial_.empty());
    if (line.empty()) {
      EXPECT_EQ(fanout_->count_waiting(*this), router::Amount{});
      return;
    }
    consume({line.data(), line.size()});
    EXPECT_TRUE(partial_.empty()) << "not a whole line";
    fanout_->pop_line(*this);
  }
}

// ---- run ------------------------------------------------------------

Run::Run(std::uint64_t seed, const Size& size) : random_(seed), size_(size), fanout_(settings_of(size)) {
  fanout_.set_finder(
      [](void* run, std::uint32_t channel) noexcept -> router::Reader* {
        for (auto& reader : static_cast<Run*>(run)->readers_) {
          if (reader->channel == channel) return reader.get();
        }
        return nullptr;
      },
      this);
  // Those who stand aside together have one limit.
  const auto common_max = static_cast<std::uint32_t>(1 + below(size.events_max));
  for (std::uint32_t i = 0; i < size.readers; ++i) {
    // Channels that share a bit of a chunk's summary (modulo 64) are part of the game.
    readers_.push_back(std::make_unique<ModelReader>(fanout_, 1 + i * (i % 3 == 0 ? 64 : 1), random_));
    readers_.back()->index_is_short = size.index_chunks < 1'000 || size.skip_rules < size.readers;
    readers_.back()->events_max = static_cast<std::uint32_t>(1 + below(size.events_max));
    if (chance(50)) {
      readers_.back()->events_max = common_max;
      continue;
    }
    if (chance(50)) readers_.back()->bytes_max = 4 + below(std::uint64_t{size.events_max} * 100);
  }
}

// After a failure the fan-out is left in order, so that the program can go on to its next test.
Run::~Run() {
  for (auto& reader : readers_) {
    if (reader->is_sending()) fanout_.finish_send(*reader, 0);
    if (reader->is_joined()) fanout_.leave(*reader);
  }
}

vscp::Filter Run::random_filter() {
  vscp::Filter filter;
  switch (below(6)) {
    case 0:
      filter.filter_class = static_cast<std::uint16_t>(below(4));
      filter.mask_class = 0xffff;
      break;
    case 1:
      filter.filter_priority = static_cast<std::uint8_t>(below(8));
      filter.mask_priority = 4;
      break;
    case 2:
      filter.filter_type = 1;
      filter.mask_type = 1;
      filter.filter_class = static_cast<std::uint16_t>(below(0x10000));  // ignored: the mask is zero
      break;
    case 3:
      filter.filter_guid.bytes[15] = 1;
      filter.mask_guid.bytes[15] = 1;
      break;
    default:
      break;
  }
  return filter;
}

void Run::make_event() {
  vscp::Event& event = event_.event;
  event.time_ns = 1'767'323'045'000'000'000ULL + number_ * 250'000'000ULL;
  event.timestamp_us = ++number_;
  event.obid = readers_[below(readers_.size())]->channel;
  if (chance(30)) event.obid = 1'000'000;
  event.head = static_cast<std::uint16_t>(below(8) << 5U);
  event.vscp_class = static_cast<std::uint16_t>(chance(5) ? below(0x10000) : below(4));
  event.vscp_type = static_cast<std::uint16_t>(below(4));
  event.guid.bytes[15] = static_cast<std::uint8_t>(below(4));
  event.data_size = static_cast<std::uint16_t>(chance(5) ? below(vscp::kEventDataMax + 1) : below(9));
  for (std::uint16_t i = 0; i < event.data_size; ++i) event.data[i] = static_cast<std::uint8_t>(below(256));
  event_.skip_channel = chance(20) ? readers_[below(readers_.size())]->channel : kNoChannel;
  event_.only_channel = kNoChannel;
}

void Run::deliver() {
  make_event();
  const vscp::Event& event = event_.event;
  ModelReader* only = chance(15) ? readers_[below(readers_.size())].get() : nullptr;
  if (only != nullptr && !only->is_joined()) only = nullptr;
  std::vector<ModelReader*> receivers;
  std::set<std::string> groups;  // by filter and format, as the fan-out shares them
  for (auto& reader : readers_) {
    if (!reader->is_joined() || !reader->filter.matches(event) || (only != nullptr && reader.get() != only)) continue;
    const vscp::Filter same = reader->filter.canonical();
    std::string key(1, static_cast<char>(reader->format));
    for (const unsigned part :
         {unsigned{same.filter_priority}, unsigned{same.mask_priority}, unsigned{same.filter_class},
          unsigned{same.mask_class}, unsigned{same.filter_type}, unsigned{same.mask_type}}) {
      key += std::to_string(part) + ',';
    }
    groups.insert(key + vscp::to_string(same.filter_guid) + vscp::to_string(same.mask_guid));
    if (reader->wants(event, only != nullptr ? kNoChannel : event_.skip_channel)) receivers.push_back(reader.get());
    EXPECT_TRUE(fanout_.interest().wants(event.vscp_class));
  }
  const std::uint64_t full = fanout_.counters().log_full.value();
  const std::uint64_t indexed = fanout_.counters().indexed.value();
  if (only != nullptr) {
    event_.skip_channel = kNoChannel;
    event_.only_channel = only->channel;
    fanout_.deliver_to(*only, event_);
  } else {
    fanout_.deliver(event_);
  }
  const std::uint64_t no_room = fanout_.counters().log_full.value() - full;
  ASSERT_EQ(fanout_.counters().indexed.value() - indexed + no_room, groups.size());
  for (auto& reader : readers_) {
    // With several groups it is not known which of them had no room.
    if (no_room == 0 && reader->is_joined() && reader->filter.matches(event))
      reader->has_news = only == nullptr || only == reader.get();
  }
  char text[vscp::kEventWireMax];
  for (ModelReader* reader : receivers) {
    auto& dates = dates_[static_cast<std::size_t>(reader->format)];
    const std::size_t size = vscp::encode_event(event, reader->format, dates, text);
    reader->expect({std::string(text, size), event.priority(), event.obid});
  }
}

void Run::flush() {
  fanout_.flush();
  for (auto& reader : readers_) {
    const bool had_news = std::exchange(reader->has_news, false);
    // Who finds no rule may stay above its limit for a while.
    const bool is_exempt = size_.skip_rules < size_.readers;
    if (!had_news || !reader->is_joined() || reader->is_sending() || is_exempt) continue;
    ASSERT_FALSE(fanout_.lag(*reader).exceeds(reader->limit())) << "channel " << reader->channel << " is over its limit";
  }
}

void Run::change_membership(ModelReader& reader) {
  if (!reader.is_joined()) {
    reader.filter = random_filter();
    fanout_.join(reader, reader.filter, reader.format);
  } else if (reader.is_sending()) {
    return;
  } else if (chance(70)) {
    reader.has_news = false;  // its limit is looked at again when the new group has something
    reader.filter = random_filter();
    fanout_.change_filter(reader, reader.filter);
    EXPECT_EQ(fanout_.filter_of(reader), reader.filter.canonical());
  } else if (chance(50)) {
    reader.has_news = false;
    reader.change_format(static_cast<vscp::WireFormat>(below(router::kFormats)));
  } else {
    reader.check_count();
    fanout_.leave(reader);
    reader.forget();
  }
}

void Run::read(ModelReader& reader) {
  if (!reader.is_joined()) return;
  if (reader.is_sending()) {
    const std::size_t all = reader.bytes_in_flight;
    reader.finish_send(chance(20) ? 0 : chance(40) ? all : below(all + 1));
  } else if (chance(70)) {
    const std::size_t ranges = 1 + below(6);
    reader.gather(ranges, 1 + below(chance(50) ? 100 : 20'000));
  } else {
    reader.poll(static_cast<std::uint32_t>(1 + below(20)));
  }
}

void Run::drop(ModelReader& reader) {
  if (!reader.is_joined() || reader.is_sending()) return;
  switch (below(8)) {
    case 0:
      reader.clear();
      break;
    case 1:
    case 2:
      fanout_.finish_line(reader);
      break;
    case 3:
    case 4: {
      const bool lowest = chance(50);
      if (reader.stands_aside && chance(70)) {
        reader.drop_aside(reader.limit_share(3, 4), reader.drops_lowest);
        break;
      }
      reader.drop_to({below(60), chance(50) ? router::kNoLimit : below(10'000)}, lowest);
      break;
    }
    default:
      reader.check_count();
      break;
  }
}

void Run::step() {
  ModelReader& reader = *readers_[below(readers_.size())];
  const auto kind = below(100);
  if (kind < 60) {
    deliver();
  } else if (kind < 70) {
    flush();
  } else if (kind < 73) {
    change_membership(reader);
  } else if (kind < 93) {
    read(reader);
  } else {
    drop(reader);
  }
}

void Run::operate(std::uint32_t operations, Totals& totals) {
  for (std::uint32_t i = 0; i < operations && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("operation " + std::to_string(i));
    step();
    ++totals.operations;
  }
  if (!testing::Test::HasFailure()) finish(totals);
}

void Run::finish(Totals& totals) {
  flush();
  for (auto& reader : readers_) {
    if (!reader->is_joined()) continue;
    if (reader->is_sending()) reader->finish_send(reader->bytes_in_flight);
    reader->check_count();
    while (fanout_.has_waiting(*reader) && !testing::Test::HasFailure()) {
      reader->gather(16, 1'000'000);
      if (reader->is_sending()) reader->finish_send(reader->bytes_in_flight);
    }
    reader->check_count();
    totals.read += reader->lines_read;
    totals.lost += reader->lines_lost;
    totals.rests += reader->rests;
    totals.overruns += reader->times_overrun;
    totals.behind += reader->times_behind;
    totals.aside += reader->times_aside;
    fanout_.leave(*reader);
  }
  std::uint64_t dropped = 0;
  for (auto& reader : readers_) dropped += reader->events_dropped();
  EXPECT_EQ(fanout_.counters().dropped.value(), dropped);
  totals.evicted += fanout_.counters().evicted.value();
  totals.log_full += fanout_.counters().log_full.value();
  totals.swept += fanout_.counters().swept.value();
  totals.rescued_bytes += fanout_.counters().rescued_bytes.value();
  EXPECT_EQ(fanout_.skip_rules_in_use(), 0U);
  EXPECT_EQ(fanout_.chunks_in_use(), 0U);
  EXPECT_EQ(fanout_.group_count(), 0U);
  EXPECT_LE(fanout_.segments_in_use(), router::kFormats) << "only the segments being written may stay";
  for (std::uint32_t vscp_class = 0; vscp_class < 0x10000; ++vscp_class) {
    ASSERT_FALSE(fanout_.interest().wants(static_cast<std::uint16_t>(vscp_class))) << vscp_class;
  }
}

}  // namespace fanout_model
