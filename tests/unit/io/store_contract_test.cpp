// What router/io/event_store.h promises, on every kind of store.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "router/io/event_store.h"
#include "tests/unit/io/store_kinds.h"

namespace {

using router::StoreFullPolicy;
using router::StoreLimits;
using test::as_bytes;
using test::read_some;
using test::release_all;
using test::StoreRig;
using test::texts;
using Texts = std::vector<std::string>;

constexpr std::uint64_t kPlenty = 1U << 20U;
constexpr std::uint64_t kSecond = 1'000'000'000;

class Store : public testing::TestWithParam<test::StoreKind> {
 protected:
  void open(const StoreLimits& limits) { rig_ = std::make_unique<StoreRig>(GetParam(), limits); }
  router::EventStore& store() { return rig_->store(); }
  void put(std::uint8_t lane, std::string_view text) {
    ASSERT_TRUE(store().append(lane, as_bytes(text)));
    ASSERT_TRUE(store().commit());
  }

  std::unique_ptr<StoreRig> rig_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, Store, testing::Values(test::StoreKind::kMemory, test::StoreKind::kSpool),
                         [](const auto& kind) { return test::name_of(kind.param); });

TEST_P(Store, OrderIsKeptInALaneAndLaneZeroComesFirst) {
  open({kPlenty});
  put(7, "low 1");
  put(3, "middle 1");
  put(0, "high 1");
  put(3, "middle 2");
  put(7, "low 2");
  put(0, "high 2");
  EXPECT_EQ(texts(read_some(store(), 10)), (Texts{"high 1", "high 2", "middle 1", "middle 2", "low 1", "low 2"}));
  EXPECT_TRUE(read_some(store(), 10).empty());
}

TEST_P(Store, WhatIsNotCommittedIsNotRead) {
  open({kPlenty});
  ASSERT_TRUE(store().append(1, as_bytes("a")));
  EXPECT_TRUE(read_some(store(), 10).empty());
  ASSERT_TRUE(store().commit());
  ASSERT_TRUE(store().append(1, as_bytes("b")));
  EXPECT_EQ(texts(read_some(store(), 10)), Texts{"a"});
  ASSERT_TRUE(store().commit());
  EXPECT_EQ(texts(read_some(store(), 10)), Texts{"b"});
}

TEST_P(Store, RecordsOfEverySizeComeBackWhole) {
  open({8U << 20U});
  Texts all;
  for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 487U, 4095U, 65535U, 65536U}) {
    std::string record(size, '\0');
    for (std::size_t i = 0; i < size; ++i) record[i] = static_cast<char>(i * 31U + size);
    all.push_back(record);
    put(2, record);
  }
  EXPECT_EQ(texts(read_some(store(), 100)), all);
}

TEST_P(Store, TooLargeARecordIsRefused) {
  open({8U << 20U});
  EXPECT_EQ(store().append(0, as_bytes(std::string(router::kStoreRecordMax + 1U, 'x'))).error(), vscp::Errc::kLimit);
  open({100});
  EXPECT_EQ(store().append(0, as_bytes(std::string(80, 'x'))).error(), vscp::Errc::kLimit);
  put(0, "small");
  EXPECT_EQ(store().status().refused, 1U);
}

TEST_P(Store, WhatWasInFlightIsReadAgainInOrder) {
  open({kPlenty});
  for (const char* text : {"a", "b", "c", "d"}) put(4, text);
  put(1, "first");
  auto records = read_some(store(), 3);
  EXPECT_EQ(texts(records), (Texts{"first", "a", "b"}));
  store().rewind();
  records = read_some(store(), 10);
  EXPECT_EQ(texts(records), (Texts{"first", "a", "b", "c", "d"}));
  release_all(store(), records);
  store().rewind();
  EXPECT_TRUE(read_some(store(), 10).empty());
  EXPECT_EQ(store().status().records, 0U);
}

TEST_P(Store, ReleasesComeInAnyOrder) {
  open({kPlenty});
  for (const char* text : {"a", "b", "c", "d", "e"}) put(5, text);
  const auto records = read_some(store(), 4);
  store().release(std::vector{records[2].ticket});
  store().release(std::vector{records[0].ticket});
  EXPECT_EQ(store().status().records, 3U);
  store().rewind();
  EXPECT_EQ(texts(read_some(store(), 10)), (Texts{"b", "d", "e"}));
}

TEST_P(Store, UnknownTicketsAndSecondReleasesAreIgnored) {
  open({kPlenty});
  put(5, "a");
  put(5, "b");
  const auto records = read_some(store(), 1);
  const std::uint64_t ticket = records[0].ticket;
  store().release(std::vector<std::uint64_t>{ticket, ticket, ticket + 1, ticket + 100, ~0ULL, 0});
  const auto status = store().status();
  EXPECT_EQ(status.records, 1U);
  EXPECT_EQ(status.released, 1U);
  EXPECT_EQ(texts(read_some(store(), 10)), Texts{"b"});
}

Texts texts_of(const std::vector<router::WaitingRecord>& records) {
  Texts found;
  for (const auto& record : records)
    found.push_back((record.in_flight ? "*" : "") + std::string(record.bytes.begin(), record.bytes.end()));
  return found;
}

TEST_P(Store, PeekShowsTheFirstRecordsAndChangesNothing) {
  open({kPlenty});
  EXPECT_TRUE(store().peek(10).empty());
  for (const char* text : {"a", "b", "c", "d"}) put(5, text);
  put(1, "first");
  ASSERT_TRUE(store().append(1, as_bytes("not committed")));
  EXPECT_EQ(texts_of(store().peek(10)), (Texts{"first", "a", "b", "c", "d"}));
  EXPECT_EQ(texts_of(store().peek(3)), (Texts{"first", "a", "b"}));
  EXPECT_TRUE(store().peek(0).empty());
  auto records = read_some(store(), 4);
  store().release(std::vector{records[1].ticket});
  EXPECT_EQ(texts_of(store().peek(10)), (Texts{"*first", "*b", "*c", "d"}));
  EXPECT_EQ(texts_of(store().peek(2)), (Texts{"*first", "*b"}));
  EXPECT_EQ(store().peek(1).at(0).ticket, records[0].ticket);
  EXPECT_EQ(store().status().in_flight, 3U);
  store().rewind();
  EXPECT_EQ(store().status().in_flight, 0U);
  EXPECT_EQ(texts_of(store().peek(10)), (Texts{"first", "b", "c", "d"}));
  EXPECT_EQ(texts(read_some(store(), 2)), (Texts{"first", "b"}));
  EXPECT_EQ(texts_of(store().peek(10)), (Texts{"*first", "*b", "c", "d"}));
  EXPECT_EQ(store().status().in_flight, 2U);
}

TEST_P(Store, PeekFindsWhatLiesFarBehind) {
  open({8U << 20U});
  const std::string large(60'000, 'x');
  for (int i = 0; i < 40; ++i) put(4, large);
  put(7, "rare 1");
  put(4, large);
  put(7, "rare 2");
  ASSERT_EQ(store().peek(1000).size(), 43U);
  EXPECT_EQ(texts_of(store().peek(1000)).back(), "rare 2");
  EXPECT_EQ(texts_of(store().peek(42)).back(), "rare 1");
  const auto records = read_some(store(), 40);
  release_all(store(), records);
  EXPECT_EQ(texts_of(store().peek(10)), (Texts{large, "rare 1", "rare 2"}));
}

TEST_P(Store, APurgeIsCountedAndLeavesWhatIsInFlight) {
  open({kPlenty});
  for (const char* text : {"a", "b", "c"}) put(5, text);
  const auto records = read_some(store(), 1);
  EXPECT_EQ(store().purge(), 2U);
  auto status = store().status();
  EXPECT_EQ(status.records, 1U);
  EXPECT_EQ(status.in_flight, 1U);
  EXPECT_EQ(status.purged, 2U);
  EXPECT_EQ(status.released, 2U);
  put(5, "d");
  EXPECT_EQ(texts_of(store().peek(10)), (Texts{"*a", "d"}));
  release_all(store(), records);
  status = store().status();
  EXPECT_EQ(status.in_flight, 0U);
  EXPECT_EQ(status.purged, 2U);
}

TEST_P(Store, AnAcknowledgementAfterTheRewindCounts) {
  open({kPlenty});
  for (const char* text : {"a", "b", "c"}) put(5, text);
  const auto records = read_some(store(), 3);
  store().rewind();
  store().release(std::vector{records[1].ticket});
  EXPECT_EQ(texts(read_some(store(), 10)), (Texts{"a", "c"}));
}

TEST_P(Store, StatusCountsWhatIsThere) {
  open({kPlenty});
  const std::uint64_t start_ns = rig_->clock().utc_ns();
  put(0, "1234567");
  rig_->clock().advance(5 * kSecond);
  put(6, "123456789");
  auto status = store().status();
  EXPECT_EQ(status.records, 2U);
  EXPECT_EQ(status.bytes, router::stored_bytes(7) + router::stored_bytes(9));
  EXPECT_EQ(status.bytes_max, kPlenty);
  EXPECT_EQ(status.oldest_ns, start_ns);
  EXPECT_EQ(status.appended, 2U);
  EXPECT_EQ(status.records_by_lane, (std::array<std::uint64_t, 8>{1, 0, 0, 0, 0, 0, 1, 0}));
  const auto records = read_some(store(), 1);
  EXPECT_EQ(records[0].stored_ns, start_ns);
  EXPECT_EQ(store().status().records, 2U) << "in flight is still there";
  release_all(store(), records);
  status = store().status();
  EXPECT_EQ(status.oldest_ns, start_ns + 5 * kSecond);
  EXPECT_EQ(status.records, 1U);
  EXPECT_EQ(status.released, 1U);
  release_all(store(), read_some(store(), 1));
  status = store().status();
  EXPECT_EQ(status.oldest_ns, 0U);
  EXPECT_EQ(status.bytes, 0U);
}

TEST_P(Store, PurgeLeavesWhatIsInFlight) {
  open({kPlenty});
  for (const char* text : {"a", "b", "c", "d"}) put(4, text);
  put(6, "e");
  const auto records = read_some(store(), 2);
  ASSERT_TRUE(store().append(6, as_bytes("later")));
  EXPECT_EQ(store().purge(), 3U);
  EXPECT_TRUE(read_some(store(), 10).empty());
  EXPECT_EQ(store().status().records, 3U);
  ASSERT_TRUE(store().commit());
  EXPECT_EQ(texts(read_some(store(), 10)), Texts{"later"});
  store().rewind();
  EXPECT_EQ(texts(read_some(store(), 10)), (Texts{"a", "b", "later"}));
  store().rewind();
  EXPECT_EQ(store().purge(), 3U);
  EXPECT_EQ(store().status().records, 0U);
  put(4, "f");
  EXPECT_EQ(texts(read_some(store(), 10)), Texts{"f"});
}

TEST_P(Store, RefusingKeepsWhatWasAccepted) {
  open({3 * router::stored_bytes(10), StoreFullPolicy::kRefuse});
  for (const char* text : {"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"}) put(7, text);
  EXPECT_EQ(store().append(0, as_bytes("dddddddddd")).error(), vscp::Errc::kLimit);
  EXPECT_EQ(store().status().refused, 1U);
  release_all(store(), read_some(store(), 1));
  put(0, "dddddddddd");
  EXPECT_EQ(texts(read_some(store(), 10)), (Texts{"dddddddddd", "bbbbbbbbbb", "cccccccccc"}));
}

TEST_P(Store, TheLowestPriorityMakesRoom) {
  open({4 * router::stored_bytes(1), StoreFullPolicy::kDropLowestPriority});
  for (const auto& [lane, text] : {std::pair<std::uint8_t, const char*>{2, "a"}, {7, "b"}, {7, "c"}, {0, "d"}}) {
    put(lane, text);
  }
  put(3, "e");  // b goes
  put(3, "f");  // c goes
  EXPECT_EQ(store().status().dropped_full, 2U);
  put(3, "g");  // nothing is lower than e, which is the oldest of its lane
  EXPECT_EQ(store().append(4, as_bytes("h")).error(), vscp::Errc::kLimit) << "only higher ones are left";
  EXPECT_EQ(texts(read_some(store(), 10)), (Texts{"d", "a", "f", "g"}));
  EXPECT_EQ(store().append(0, as_bytes("i")).error(), vscp::Errc::kLimit) << "what is in flight stays";
  EXPECT_EQ(store().status().refused, 2U);
  EXPECT_EQ(store().status().dropped_full, 3U);
}

TEST_P(Store, TheOldestMakesRoomWhateverItsPriority) {
  open({3 * router::stored_bytes(1), StoreFullPolicy::kDropOldest});
  for (const auto& [lane, text] : {std::pair<std::uint8_t, const char*>{0, "a"}, {7, "b"}, {3, "c"}}) {
    put(lane, text);
    rig_->clock().advance(2 * kSecond);
  }
  put(7, "d");
  EXPECT_EQ(texts(read_some(store(), 10)), (Texts{"c", "b", "d"}));
  store().rewind();
  rig_->clock().advance(2 * kSecond);
  put(1, "e");
  EXPECT_EQ(texts(read_some(store(), 10)), (Texts{"e", "c", "d"})) << "what waits to be read again can go, too";
  EXPECT_EQ(store().status().dropped_full, 2U);
}

TEST_P(Store, WhatIsRefusedAllTheSameDropsNothing) {
  for (const StoreFullPolicy policy : {StoreFullPolicy::kDropLowestPriority, StoreFullPolicy::kDropOldest}) {
    open({4 * router::stored_bytes(8), policy});
    for (const char* text : {"in front", "behind 1", "behind 2"}) put(5, text);
    const auto held = read_some(store(), 2);
    store().rewind();
    read_some(store(), 1);
    EXPECT_EQ(store().append(5, as_bytes(std::string(120, 'x'))).error(), vscp::Errc::kLimit);
    EXPECT_EQ(store().status().records, 3U);
    EXPECT_EQ(store().status().dropped_full, 0U);
    ASSERT_TRUE(store().append(5, as_bytes(std::string(80, 'x'))));
    EXPECT_EQ(store().status().dropped_full, 2U);
  }
}

TEST_P(Store, ALargeRecordMakesRoomForItselfByDroppingSeveral) {
  open({10 * router::stored_bytes(100), StoreFullPolicy::kDropOldest});
  for (int i = 0; i < 10; ++i) put(1, std::string(100, static_cast<char>('a' + i)));
  put(1, std::string(500, 'z'));
  const auto records = read_some(store(), 20);
  EXPECT_EQ(records.back().text, std::string(500, 'z'));
  EXPECT_EQ(records.front().text, std::string(100, 'e'));
  EXPECT_EQ(store().status().dropped_full, 4U);
}

TEST_P(Store, OldRecordsAreDroppedUnlessInFlight) {
  open({kPlenty, StoreFullPolicy::kRefuse, 60 * kSecond});
  put(0, "in flight");
  put(0, "old");
  put(5, "old too");
  const auto held = read_some(store(), 1);
  rig_->clock().advance(40 * kSecond);
  put(5, "young");
  rig_->clock().advance(30 * kSecond);
  EXPECT_EQ(texts(read_some(store(), 10)), Texts{"young"});
  auto status = store().status();
  EXPECT_EQ(status.dropped_age, 2U);
  EXPECT_EQ(status.records, 2U);
  rig_->clock().advance(100 * kSecond);
  store().rewind();
  EXPECT_TRUE(read_some(store(), 10).empty()) << "what waits to be read again ages";
  EXPECT_EQ(store().status().dropped_age, 4U);
  release_all(store(), held);
  EXPECT_EQ(store().status().released, 0U);
}

}  // namespace
