// Random calls on a store, and the same on a model that is a list. The seed is printed; VSCP_STORE_SEED replays one,
// VSCP_STORE_RUNS runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <list>
#include <string>
#include <vector>

#include "router/base/random.h"
#include "tests/unit/io/store_kinds.h"

namespace {

using router::StoreFullPolicy;
using test::as_bytes;

/// The contract, told as simply as possible.
class Model {
 public:
  explicit Model(const router::StoreLimits& limits) : limits_(limits) {}

  bool append(std::uint8_t lane, const std::string& text) {
    const std::uint64_t bytes = router::stored_bytes(text.size());
    if (bytes_ - droppable(lane) + bytes > limits_.bytes_max) return false;
    while (bytes_ + bytes > limits_.bytes_max) {
      const auto victim = bytes > limits_.bytes_max ? records_.end() : choose(lane);
      if (victim == records_.end()) return false;
      erase(victim);
    }
    records_.push_back({lane, text, State::kPending});
    bytes_ += bytes;
    return true;
  }
  void commit() {
    for (Record& record : records_) {
      if (record.state == State::kPending) record.state = State::kWaiting;
    }
  }
  std::vector<std::string> read(std::size_t count) {
    std::vector<std::string> found;
    for (unsigned lane = 0; lane < router::kStoreLanes; ++lane) {
      for (Record& record : records_) {
        if (found.size() == count) return found;
        if (record.lane != lane || record.state != State::kWaiting) continue;
        record.state = State::kInFlight;
        found.push_back(record.text);
      }
    }
    return found;
  }
  void release(const std::string& text) {
    for (auto i = records_.begin(); i != records_.end(); ++i) {
      if (i->text == text) return erase(i);
    }
  }
  void rewind() {
    for (Record& record : records_) {
      if (record.state == State::kInFlight) record.state = State::kWaiting;
    }
  }
  /// The store was closed and opened.
  void reopen() {
    for (auto i = records_.begin(); i != records_.end();) {
      const auto next = std::next(i);
      if (i->state == State::kPending) erase(i);
      i = next;
    }
    rewind();
  }
  std::uint64_t purge() {
    const std::size_t before = records_.size();
    for (auto i = records_.begin(); i != records_.end();) {
      const auto next = std::next(i);
      if (i->state == State::kWaiting) erase(i);
      i = next;
    }
    return before - records_.size();
  }
  std::size_t records() const { return records_.size(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  enum class State { kPending, kWaiting, kInFlight };
  struct Record {
    unsigned lane;
    std::string text;
    State state;
  };
  using Place = std::list<Record>::iterator;

  Place choose(unsigned lane) {
    Place best = records_.end();
    if (limits_.policy == StoreFullPolicy::kRefuse) return best;
    for (auto i = records_.begin(); i != records_.end(); ++i) {
      if (i->state != State::kWaiting) continue;
      if (limits_.policy == StoreFullPolicy::kDropOldest) return i;
      if (i->lane < lane) continue;
      if (best == records_.end() || i->lane > best->lane) best = i;
    }
    return best;
  }
  std::uint64_t droppable(unsigned lane) const {
    std::uint64_t bytes = 0;
    if (limits_.policy == StoreFullPolicy::kRefuse) return 0;
    for (const Record& record : records_) {
      const bool low = limits_.policy == StoreFullPolicy::kDropOldest || record.lane >= lane;
      if (record.state == State::kWaiting && low) bytes += router::stored_bytes(record.text.size());
    }
    return bytes;
  }
  void erase(Place place) {
    bytes_ -= router::stored_bytes(place->text.size());
    records_.erase(place);
  }

  router::StoreLimits limits_;
  std::list<Record> records_;
  std::uint64_t bytes_ = 0;
};

class Runner {
 public:
  Runner(test::StoreKind kind, std::uint64_t seed)
      : kind_(kind), random_(seed), limits_(choose_limits()), rig_(kind, limits_), model_(limits_) {}

  void run(unsigned steps) {
    for (unsigned i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) step();
  }

 private:
  router::StoreLimits choose_limits() {
    router::StoreLimits limits;
    limits.bytes_max = 200U + random_.below(2) * 100'000U + random_.below(20'000);
    limits.policy = static_cast<StoreFullPolicy>(random_.below(3));
    return limits;
  }
  void append() {
    rig_.clock().advance(2'000'000'000);  // "oldest" has a clear meaning
    const auto lane = static_cast<std::uint8_t>(random_.below(8));
    const std::size_t size = random_.below(20) == 0 ? random_.below(70'000) : random_.below(200);
    std::string text = std::to_string(next_++) + ":";
    text.resize(std::max(size, text.size()), 'x');
    if (text.size() > router::kStoreRecordMax) text.resize(router::kStoreRecordMax);
    ASSERT_EQ(rig_.store().append(lane, as_bytes(text)).has_value(), model_.append(lane, text));
  }
  void read() {
    const std::size_t count = 1 + random_.below(30);
    const auto records = test::read_some(rig_.store(), count);
    ASSERT_EQ(test::texts(records), model_.read(count));
    in_flight_.insert(in_flight_.end(), records.begin(), records.end());
  }
  void release() {
    std::vector<std::uint64_t> tickets;
    for (std::uint64_t i = random_.below(8); i > 0 && !in_flight_.empty(); --i) {
      const std::size_t chosen = random_.below(3) == 0 ? random_.below(in_flight_.size()) : 0;
      tickets.push_back(in_flight_[chosen].ticket);
      model_.release(in_flight_[chosen].text);
      in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
    rig_.store().release(tickets);
  }
  void step() {
    const std::uint64_t what = random_.below(100);
    if (what < 45) {
      append();
    } else if (what < 65) {
      ASSERT_TRUE(rig_.store().commit());
      model_.commit();
    } else if (what < 80) {
      read();
    } else if (what < 96) {
      release();
    } else if (what < 98) {
      rig_.store().rewind();
      model_.rewind();
    } else if (what < 99 && kind_ == test::StoreKind::kSpool) {
      rig_.open();
      model_.reopen();
      in_flight_.clear();
    } else {
      ASSERT_EQ(rig_.store().purge(), model_.purge());
    }
    const auto status = rig_.store().status();
    ASSERT_EQ(status.records, model_.records());
    ASSERT_EQ(status.bytes, model_.bytes());
    ASSERT_LE(status.bytes, limits_.bytes_max);
  }

  test::StoreKind kind_;
  router::SeededRandom random_;
  router::StoreLimits limits_;
  test::StoreRig rig_;
  Model model_;
  std::vector<test::ReadRecord>
      in_flight_;  ///< read and not released, also after a rewind: a late release is good, too
  unsigned next_ = 0;
};

class StoreModel : public testing::TestWithParam<test::StoreKind> {};

INSTANTIATE_TEST_SUITE_P(Kinds, StoreModel, testing::Values(test::StoreKind::kMemory, test::StoreKind::kSpool),
                         [](const auto& kind) { return test::name_of(kind.param); });

TEST_P(StoreModel, DoesWhatTheListDoes) {
  const char* seed_text = std::getenv("VSCP_STORE_SEED");
  const char* runs_text = std::getenv("VSCP_STORE_RUNS");
  std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : router::SystemRandom().next();
  const unsigned long runs = seed_text != nullptr   ? 1
                             : runs_text != nullptr ? std::strtoul(runs_text, nullptr, 10)
                                                    : 20;
  for (unsigned long i = 0; i < runs && !HasFailure(); ++i, ++seed) {
    SCOPED_TRACE("VSCP_STORE_SEED=" + std::to_string(seed));
    Runner(GetParam(), seed).run(1500);
  }
}

}  // namespace
