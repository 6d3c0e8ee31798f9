#include "router/io/spool.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "router/io/crc32c.h"
#include "tests/unit/io/spool_rig.h"

namespace {

using router::Spool;
using test::as_bytes;
using test::open_spool;
using test::put;
using test::read_texts;
using test::spool_options;
using Texts = std::vector<std::string>;

TEST(Crc32c, IsTheOneOfCastagnoli) {
  EXPECT_EQ(router::crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(router::crc32c({}), 0U);
  std::string text(300, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 37U);
  for (std::size_t begin = 0; begin < 9; ++begin) {
    for (std::size_t size = 0; begin + size <= text.size(); ++size) {
      const auto bytes = as_bytes(text).subspan(begin, size);
      ASSERT_EQ(router::crc32c(bytes), router::crc32c_by_table(bytes));
      ASSERT_EQ(router::crc32c(bytes.subspan(size / 2), router::crc32c(bytes.first(size / 2))), router::crc32c(bytes));
    }
  }
}

class SpoolTest : public testing::Test {
 protected:
  std::string folder() const { return dir_.path() + "/spool"; }

  test::FastDir dir_;
  test::JumpClock clock_;
};

TEST_F(SpoolTest, WhatWasCommittedIsThereAfterwards) {
  const auto options = spool_options(folder());
  {
    auto spool = open_spool(options, clock_);
    put(*spool, 5, "a");
    put(*spool, 2, "b");
    put(*spool, 5, "c");
    ASSERT_TRUE(spool->append(0, as_bytes("not committed")));
  }
  auto spool = open_spool(options, clock_);
  EXPECT_TRUE(spool->report().clean()) << spool->report().text();
  EXPECT_EQ(spool->status().records, 3U);
  EXPECT_EQ(spool->status().bytes, 3 * router::stored_bytes(1));
  EXPECT_EQ(read_texts(*spool), (Texts{"b", "a", "c"}));
}

TEST_F(SpoolTest, WhatWasReleasedInAnyOrderStaysReleased) {
  const auto options = spool_options(folder());
  for (int round = 0; round < 3; ++round) {
    auto spool = open_spool(options, clock_);
    if (round == 0) {
      for (const char* text : {"a", "b", "c", "d", "e", "f"}) put(*spool, 4, text);
      const auto records = test::read_some(*spool, 5);
      spool->release(std::vector{records[1].ticket, records[3].ticket});
      EXPECT_EQ(spool->status().records, 4U);
      continue;
    }
    EXPECT_EQ(spool->status().records, 4U);
    EXPECT_EQ(spool->status().bytes, 4 * router::stored_bytes(1));
    EXPECT_EQ(spool->report().damaged_records, 0U);
    EXPECT_EQ(read_texts(*spool), (Texts{"a", "c", "e", "f"})) << "in flight, and given again";
  }
}

TEST_F(SpoolTest, TicketsAreNotGivenTwiceOverARestart) {
  const auto options = spool_options(folder());
  std::uint64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    auto spool = open_spool(options, clock_);
    put(*spool, 0, "x");
    const auto records = test::read_some(*spool, 5);
    ASSERT_EQ(records.size(), 1U);
    if (round > 0) {
      EXPECT_GT(records[0].ticket, last);
    }
    last = records[0].ticket;
    test::release_all(*spool, records);
  }
}

TEST_F(SpoolTest, OneProcessHasTheFolder) {
  const auto options = spool_options(folder());
  const auto first = open_spool(options, clock_);
  const auto second = Spool::open(options, clock_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("is in use by process " + std::to_string(::getpid())), std::string::npos)
      << second.error();
  const auto look = router::inspect_spool(folder());
  ASSERT_FALSE(look);
  EXPECT_NE(look.error().find("is in use by process"), std::string::npos) << look.error();
}

TEST_F(SpoolTest, AFolderThatCannotBeMadeIsNamed) {
  const auto spool = Spool::open(spool_options(dir_.path() + "/not/there"), clock_);
  ASSERT_FALSE(spool);
  EXPECT_NE(spool.error().find("cannot make the spool folder \"" + dir_.path() + "/not/there\": No such file"),
            std::string::npos)
      << spool.error();
}

TEST_F(SpoolTest, ANewerVersionIsLeftAlone) {
  const auto options = spool_options(folder());
  put(*open_spool(options, clock_), 1, "a");
  auto files = test::take_files(folder());
  std::string& segment = files[test::segment_name(files)];
  segment[8] = segment[512 + 8] = 2;
  test::put_files(folder(), files);
  const auto spool = Spool::open(options, clock_);
  ASSERT_FALSE(spool);
  EXPECT_NE(spool.error().find("was written by a newer version"), std::string::npos) << spool.error();
  EXPECT_EQ(test::take_files(folder()), files) << "nothing was changed";
}

TEST_F(SpoolTest, EightLanesThatAreNearlyEmptyUseLittleDisk) {
  auto spool = open_spool(spool_options(folder(), std::uint64_t{10} << 30U), clock_);
  for (std::uint8_t lane = 0; lane < 8; ++lane) put(*spool, lane, "a few bytes");
  EXPECT_LE(spool->disk_bytes(), 128U * 1024U);
  EXPECT_LE(test::disk_use(folder()), 192U * 1024U);
}

TEST_F(SpoolTest, ASteadyFlowUsesItsSegmentsAgain) {
  auto spool = open_spool(spool_options(folder()), clock_);
  const std::string record(1000, 'x');
  for (int i = 0; i < 1000; ++i) {
    for (int k = 0; k < 5; ++k) ASSERT_TRUE(spool->append(static_cast<std::uint8_t>(k), as_bytes(record)));
    ASSERT_TRUE(spool->commit());
    const auto records = test::read_some(*spool, 10);
    ASSERT_EQ(records.size(), 5U);
    test::release_all(*spool, records);
    ASSERT_LE(spool->disk_bytes(), 4U * 128U * 1024U);
  }
  EXPECT_LE(test::disk_use(folder()), 5U * 128U * 1024U);
}

TEST_F(SpoolTest, ABacklogIsReadInOrderAndItsDiskComesBack) {
  const auto options = spool_options(folder());
  constexpr unsigned kCount = 30'000;
  {
    auto spool = open_spool(options, clock_);
    for (unsigned i = 0; i < kCount; ++i) {
      ASSERT_TRUE(spool->append(static_cast<std::uint8_t>(i % 3), as_bytes(std::to_string(i) + std::string(100, '.'))));
      if (i % 500 == 0) {
        ASSERT_TRUE(spool->commit());
      }
    }
    ASSERT_TRUE(spool->commit());
    EXPECT_GT(spool->disk_bytes(), 3U << 20U);
  }
  auto spool = open_spool(options, clock_);
  EXPECT_EQ(spool->status().records, kCount);
  std::vector<unsigned> order;
  while (true) {
    const auto records = test::read_some(*spool, 300);
    if (records.empty()) break;
    for (const auto& record : records) order.push_back(static_cast<unsigned>(std::stoul(record.text)));
    test::release_all(*spool, records);
  }
  ASSERT_EQ(order.size(), kCount);
  for (unsigned i = 0; i < kCount; ++i) ASSERT_EQ(order[i], i % (kCount / 3) * 3 + i / (kCount / 3));
  EXPECT_LE(spool->disk_bytes(), 4U * 128U * 1024U);
  EXPECT_EQ(spool->status().bytes, 0U);
}

// One lane keeps up, of the other a record here and there stays: each holds a whole segment, until they are merged.
TEST_F(SpoolTest, RecordsThatLieThinAreMovedTogether) {
  const auto options = spool_options(folder(), 1U << 20U);
  const std::string record(1000, 'x');
  Texts kept;
  {
    auto spool = open_spool(options, clock_);
    for (unsigned i = 0; i < 1500; ++i) {
      for (int k = 0; k < 20; ++k) ASSERT_TRUE(spool->append(0, as_bytes(record)));
      kept.push_back("kept " + std::to_string(i));
      ASSERT_TRUE(spool->append(7, as_bytes(kept.back())));
      ASSERT_TRUE(spool->commit());
      const auto records = test::read_some(*spool, 20);
      ASSERT_EQ(records.size(), 20U);
      test::release_all(*spool, records);
      ASSERT_LE(spool->disk_bytes(), (2U << 20U) + 6U * 128U * 1024U);
    }
    EXPECT_EQ(spool->status().records, 1500U);
    EXPECT_EQ(spool->status().dropped_corrupt, 0U);
  }
  auto spool = open_spool(options, clock_);
  EXPECT_TRUE(spool->report().clean()) << spool->report().text();
  EXPECT_EQ(read_texts(*spool, 700), Texts(kept.begin(), kept.begin() + 700));
  put(*spool, 7, "last");
  kept.push_back("last");
  EXPECT_EQ(read_texts(*spool), Texts(kept.begin() + 700, kept.end()));
  spool->rewind();
  EXPECT_EQ(read_texts(*spool), kept);
}

TEST_F(SpoolTest, CanBeLookedAtAndPurgedWhileItIsClosed) {
  {
    auto spool = open_spool(spool_options(folder()), clock_);
    clock_.utc += 5;
    put(*spool, 3, "abc");
    clock_.utc += 5;
    put(*spool, 0, "d");
    put(*spool, 3, "e");
    test::release_all(*spool, test::read_some(*spool, 1));
  }
  const auto contents = router::inspect_spool(folder());
  ASSERT_TRUE(contents) << contents.error();
  EXPECT_EQ(contents->records, 2U);
  EXPECT_EQ(contents->bytes, 2 * router::stored_bytes(1));
  EXPECT_EQ(contents->oldest_ns, clock_.utc - 5);
  EXPECT_EQ(contents->records_by_lane, (std::array<std::uint64_t, 8>{0, 0, 0, 2, 0, 0, 0, 0}));
  EXPECT_GE(contents->disk_bytes, 128U * 1024U);
  EXPECT_EQ(router::purge_spool(folder()), 2U);
  EXPECT_EQ(router::inspect_spool(folder())->records, 0U);
  EXPECT_TRUE(read_texts(*open_spool(spool_options(folder()), clock_)).empty());
}

TEST_F(SpoolTest, LookingMakesNoFolder) {
  EXPECT_FALSE(router::inspect_spool(folder()));
  EXPECT_FALSE(router::purge_spool(folder()));
  EXPECT_FALSE(std::filesystem::exists(folder()));
  EXPECT_FALSE(router::inspect_spool(dir_.path())) << "a folder, but no spool";
}

TEST_F(SpoolTest, ALotThatIsNotCommittedIsCommittedByItself) {
  auto spool = open_spool(spool_options(folder()), clock_);
  const std::string record(60'000, 'x');
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(spool->append(1, as_bytes(record)));
  EXPECT_GT(read_texts(*spool).size(), 100U);
}

// For ThreadSanitizer: writer, reader and an observer who purges.
TEST_F(SpoolTest, WriterReaderAndObserverAtOnce) {
  auto options = spool_options(folder(), 1U << 20U);
  options.limits.policy = router::StoreFullPolicy::kDropOldest;
  const router::SystemClock clock;
  auto spool = open_spool(options, clock);
  constexpr unsigned kCount = 30'000;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (unsigned i = 0; i < kCount; ++i) {
      EXPECT_TRUE(spool->append(static_cast<std::uint8_t>(i % 8), as_bytes(std::to_string(i) + std::string(100, '.'))));
      if (i % 32 == 0) {
        EXPECT_TRUE(spool->commit());
      }
    }
    EXPECT_TRUE(spool->commit());
    done = true;
  });
  std::thread observer([&] {
    while (!done) {
      const auto status = spool->status();
      if (status.records > 3000) spool->purge();
    }
  });
  std::vector<long> last(8, -1);
  bool ended = false;
  while (true) {
    const auto records = test::read_some(*spool, 40);
    for (const auto& record : records) {
      const long number = std::stol(record.text);
      long& before = last[static_cast<std::size_t>(number) % 8];
      ASSERT_GT(number, before);
      before = number;
    }
    test::release_all(*spool, records);
    if (ended && records.empty()) break;
    ended = done;
  }
  writer.join();
  observer.join();
  const auto status = spool->status();
  EXPECT_EQ(status.records, 0U);
  EXPECT_EQ(status.appended, status.released + status.dropped_full);
  EXPECT_EQ(status.dropped_corrupt + status.write_errors, 0U);
}

}  // namespace
