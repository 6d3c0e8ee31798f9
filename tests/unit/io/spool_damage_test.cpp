// Files that were damaged while the spool was closed: what was hit is lost and counted, nothing else, and the spool
// works.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "router/base/random.h"
#include "router/io/spool_format.h"
#include "tests/unit/io/spool_rig.h"

namespace {

using test::as_bytes;
using test::Files;
using test::open_spool;
using test::put;
using test::read_texts;
using Texts = std::vector<std::string>;

class SpoolDamage : public testing::Test {
 protected:
  std::string folder() const { return dir_.path() + "/spool"; }
  router::SpoolOptions options() const { return test::spool_options(folder()); }

  test::FastDir dir_;
  test::JumpClock clock_;
};

/// The records that are left are `all` without some; how many. Everything that is left is right and in order.
std::size_t missing_of(const Texts& all, const Texts& found) {
  std::size_t at = 0;
  for (const std::string& text : found) {
    while (at < all.size() && all[at] != text) ++at;
    if (at == all.size()) {
      ADD_FAILURE() << "\"" << text << "\" should not be there, or not here";
      return 0;
    }
    ++at;
  }
  return all.size() - found.size();
}

// A few records, one of them released, and each bit that means something.
TEST_F(SpoolDamage, AFlippedBitLosesTheRecordThatIsHit) {
  const Texts all{"first", "second record", "", "the fourth", "fifth"};
  {
    auto spool = open_spool(options(), clock_);
    put(*spool, 2, "released");
    test::release_all(*spool, test::read_some(*spool, 1));
    for (const std::string& text : all) put(*spool, 2, text);
    put(*spool, 6, "sixth");
    spool->status();
  }
  Texts expected = all;
  expected.push_back("sixth");
  const Files good = test::take_files(folder());
  const std::string segment = test::segment_name(good);
  std::uint64_t used = router::spool::kDataStart + router::stored_bytes(8);
  for (const std::string& text : expected) used += router::stored_bytes(text.size());
  std::uint64_t lost = 0;
  for (const auto& [name, bytes] : good) {
    const std::size_t size = name == segment ? used : bytes.size();
    for (std::size_t at = 0; at < size; ++at) {
      if (name == segment && at >= 64 && at < router::spool::kDataStart && (at < 512 || at >= 576)) continue;
      if (name == "state" && at % router::spool::kStateSlot >= 400) continue;
      for (unsigned bit = 0; bit < 8; ++bit) {
        Files files = good;
        files[name][at] = static_cast<char>(static_cast<unsigned char>(files[name][at]) ^ (1U << bit));
        files[segment].resize(used + 64);  // less to write, and what lies behind is zeros
        test::put_files(folder(), files);
        SCOPED_TRACE(name + " byte " + std::to_string(at) + " bit " + std::to_string(bit));
        auto spool = open_spool(options(), clock_);
        ASSERT_TRUE(spool);
        const std::uint64_t damaged = spool->report().damaged_records;
        Texts found = read_texts(*spool);
        if (!found.empty() && found.front() == "released") found.erase(found.begin());
        ASSERT_EQ(missing_of(expected, found), damaged) << spool->report().text();
        ASSERT_LE(damaged, name == segment && at >= router::spool::kDataStart ? 1U : 0U);
        ASSERT_EQ(spool->report().damaged_segments, 0U);
        lost += damaged;
      }
    }
  }
  std::uint64_t bits = 0;  // all but those of padding, and of the released record
  for (const std::string& text : expected) bits += 8U * (32U + text.size());
  EXPECT_EQ(lost, bits);
}

TEST_F(SpoolDamage, AFileThatWasCutLosesWhatWasBehindTheCut) {
  Texts all;
  {
    auto spool = open_spool(options(), clock_);
    for (int i = 0; i < 20; ++i) {
      all.push_back("record " + std::to_string(i));
      put(*spool, 1, all.back());
    }
  }
  const Files good = test::take_files(folder());
  const std::string segment = test::segment_name(good);
  const std::uint64_t each = router::stored_bytes(8);
  for (std::size_t size = 576; size < router::spool::kDataStart + 21 * each; size += 5) {
    Files files = good;
    files[segment].resize(size);
    test::put_files(folder(), files);
    SCOPED_TRACE(size);
    auto spool = open_spool(options(), clock_);
    ASSERT_TRUE(spool);
    Texts whole = all;
    std::uint64_t left = 0;
    for (std::uint64_t end = router::spool::kDataStart; left < 20; ++left) {
      end += router::stored_bytes(all[left].size());
      if (end > size / 8 * 8) break;
    }
    whole.resize(left);
    ASSERT_EQ(spool->report().damaged_records, 20 - left);
    put(*spool, 1, "new");
    whole.push_back("new");
    ASSERT_EQ(read_texts(*spool), whole);
    spool.reset();
    spool = open_spool(options(), clock_);
    ASSERT_EQ(spool->report().damaged_records, 0U) << "told once";
    ASSERT_EQ(read_texts(*spool), whole);
  }
}

TEST_F(SpoolDamage, AFileWithoutHeaderIsSetAside) {
  {
    auto spool = open_spool(options(), clock_);
    for (int i = 0; i < 3; ++i) put(*spool, 1, "x");
  }
  Files files = test::take_files(folder());
  const std::string segment = test::segment_name(files);
  for (std::size_t i = 0; i < 1024; ++i) files[segment][i] = 'x';
  test::put_files(folder(), files);
  auto spool = open_spool(options(), clock_);
  EXPECT_EQ(spool->report().damaged_segments, 1U);
  EXPECT_EQ(spool->report().damaged_records, 3U);
  EXPECT_EQ(spool->status().dropped_corrupt, 3U);
  EXPECT_EQ(test::take_files(folder())[segment + ".damaged"], files[segment]);
  put(*spool, 1, "new");
  EXPECT_EQ(read_texts(*spool), Texts{"new"});
}

TEST_F(SpoolDamage, WithoutItsStateARecordComesAgainAndNoneIsLost) {
  {
    auto spool = open_spool(options(), clock_);
    for (const char* text : {"a", "b", "c"}) put(*spool, 1, text);
    test::release_all(*spool, test::read_some(*spool, 1));
  }
  std::filesystem::remove(folder() + "/state");
  auto spool = open_spool(options(), clock_);
  EXPECT_TRUE(spool->report().state_lost);
  EXPECT_EQ(spool->report().damaged_records, 0U);
  EXPECT_EQ(read_texts(*spool), (Texts{"a", "b", "c"}));
}

TEST_F(SpoolDamage, AfterABootDamageIsToldFromWhatWasNotFinished) {
  {
    auto spool = open_spool(options(), clock_);
    for (const char* text : {"a", "b", "c"}) {
      ASSERT_TRUE(spool->append(1, as_bytes(text)));
      put(*spool, 1, "x");
    }
  }
  const Files good = test::take_files(folder());
  const std::uint64_t each = router::stored_bytes(1);
  for (const std::uint64_t record : {0U, 2U, 4U}) {
    for (const std::uint64_t byte : {2U, 32U}) {  // of the header and of the payload
      Files files = good;
      files[test::segment_name(files)][router::spool::kDataStart + record * each + byte] = '?';
      test::put_files(folder(), files);
      auto after_boot = options();
      ++after_boot.boot;
      const auto spool = open_spool(after_boot, clock_);
      EXPECT_EQ(spool->report().damaged_records, record == 4 ? 0U : 1U) << record << " " << byte;
      EXPECT_EQ(spool->report().unfinished_records, record == 4 ? 1U : 0U) << record << " " << byte;
      EXPECT_EQ(spool->status().records, 5U);
    }
  }
}

// Damage while the spool is open, behind the back of the process.
TEST_F(SpoolDamage, DamageThatIsFoundWhileReadingIsCountedThen) {
  auto spool = open_spool(options(), clock_);
  Texts all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::string(1000, static_cast<char>('!' + i % 90)) + std::to_string(i));
    ASSERT_TRUE(spool->append(1, as_bytes(all.back())));
  }
  ASSERT_TRUE(spool->commit());
  {
    std::fstream file(folder() + "/" + test::segment_name(test::take_files(folder())),
                      std::ios::in | std::ios::out | std::ios::binary);
    for (const std::streamoff offset : {1024 + 10, 1024 + 5 * 1040 + 40, 1024 + 60 * 1040 + 3}) {
      file.seekp(offset);
      file.put('\x7f');
    }
  }
  EXPECT_EQ(missing_of(all, read_texts(*spool)), 3U);
  put(*spool, 1, "new");
  EXPECT_EQ(read_texts(*spool), Texts{"new"});
  spool->rewind();
  EXPECT_EQ(read_texts(*spool).size(), 98U);
  auto status = spool->status();
  EXPECT_EQ(status.dropped_corrupt, 3U);
  EXPECT_EQ(status.records, 98U);
  spool->rewind();
  spool->purge();
  status = spool->status();
  EXPECT_EQ(status.records, 0U);
  EXPECT_EQ(status.bytes, 0U);
}

/// Changes bytes at random places.
void damage(Files& files, router::Random& random) {
  for (std::uint64_t i = 1 + random.below(6); i > 0; --i) {
    auto file = std::next(files.begin(), static_cast<std::ptrdiff_t>(random.below(files.size())));
    std::string& bytes = file->second;
    if (bytes.empty()) continue;
    const std::size_t at = random.below(bytes.size());
    const std::size_t size = std::min(bytes.size() - at, 1 + random.below(random.below(3) == 0 ? 20'000 : 40));
    switch (random.below(5)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
        break;
      case 2: {  // a piece of the file itself, as of a write that went astray
        const std::string piece = bytes.substr(random.below(bytes.size()) / 8 * 8, size);
        bytes.replace(at / 8 * 8, piece.size(), piece);
        break;
      }
      case 3:
        for (std::size_t k = at; k < at + size; ++k) bytes[k] = static_cast<char>(random.below(256));
        break;
      default:
        bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << random.below(8)));
    }
  }
}

// VSCP_STORE_SEED replays one, VSCP_STORE_RUNS runs so many.
TEST_F(SpoolDamage, WhateverIsDamagedWhatIsReadIsRight) {
  std::set<std::string> all;
  {
    auto spool = open_spool(options(), clock_);
    for (int i = 0; i < 3000; ++i) {
      std::string text = std::to_string(i) + ":" + std::string(static_cast<std::size_t>(i * 7919 % 300), 'x');
      ASSERT_TRUE(spool->append(static_cast<std::uint8_t>(i % 4), as_bytes(text)));
      all.insert(std::move(text));
      if (i % 100 == 0) {
        ASSERT_TRUE(spool->commit());
        test::release_all(*spool, test::read_some(*spool, 3));
      }
    }
    ASSERT_TRUE(spool->commit());
  }
  const Files good = test::take_files(folder());
  const char* seed_text = std::getenv("VSCP_STORE_SEED");
  const char* runs_text = std::getenv("VSCP_STORE_RUNS");
  std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : router::SystemRandom().next();
  const unsigned long runs = seed_text != nullptr   ? 1
                             : runs_text != nullptr ? std::strtoul(runs_text, nullptr, 10)
                                                    : 60;
  for (unsigned long run = 0; run < runs && !HasFailure(); ++run, ++seed) {
    SCOPED_TRACE("VSCP_STORE_SEED=" + std::to_string(seed));
    router::SeededRandom random(seed);
    Files files = good;
    damage(files, random);
    test::put_files(folder(), files);
    for (int round = 0; round < 2; ++round) {
      auto spool = open_spool(options(), clock_);
      ASSERT_TRUE(spool);
      const auto before = spool->status();
      const Texts found = read_texts(*spool);
      ASSERT_EQ(found.size(), before.records);
      std::vector<long> last(8, -1);
      for (const std::string& text : found) {
        if (text == "new") continue;
        ASSERT_EQ(all.count(text), 1U);
        const long number = std::stol(text);
        ASSERT_GT(number, last[static_cast<std::size_t>(number) % 4]);
        last[static_cast<std::size_t>(number) % 4] = number;
      }
      put(*spool, 7, "new");
      ASSERT_EQ(read_texts(*spool), Texts{"new"});
      spool->rewind();
      ASSERT_EQ(read_texts(*spool).size(), found.size() + 1);
    }
  }
}

}  // namespace
