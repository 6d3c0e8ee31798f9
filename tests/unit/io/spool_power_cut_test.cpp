// Power cuts: of what was synced all is on the disk, of what was written since then any sector may be, or not. What was
// committed is there afterwards; of what was released some may come again. VSCP_STORE_SEED replays one run,
// VSCP_STORE_RUNS runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <set>

#include "router/base/random.h"
#include "router/io/spool_format.h"
#include "tests/unit/io/spool_rig.h"

namespace {

using test::Files;

constexpr std::size_t kSector = 512;

/// Each sector from one or the other; names that only one has may be missing.
Files mix(const Files& before, const Files& after, router::Random& random) {
  Files mixed;
  std::set<std::string> names;
  for (const Files* files : {&before, &after}) {
    for (const auto& [name, bytes] : *files) names.insert(name);
  }
  const std::uint64_t share = random.below(101);
  for (const std::string& name : names) {
    const auto old_one = before.find(name);
    const auto new_one = after.find(name);
    if (old_one == before.end() || new_one == after.end()) {
      if (random.below(2) == 0) continue;
      if (new_one == after.end()) {
        mixed[name] = old_one->second;
        continue;
      }
    }
    std::string bytes = old_one == before.end() ? std::string(new_one->second.size(), '\0') : old_one->second;
    bytes.resize(std::max(bytes.size(), new_one->second.size()));
    for (std::size_t at = 0; at < new_one->second.size(); at += kSector) {
      if (random.below(100) < share) bytes.replace(at, kSector, new_one->second, at, kSector);
    }
    mixed[name] = std::move(bytes);
  }
  return mixed;
}

class PowerCut {
 public:
  explicit PowerCut(std::uint64_t seed)
      : random_(seed), options_(test::spool_options(dir_.path() + "/spool", 1U << 20U)) {
    spool_ = test::open_spool(options_, clock_);
  }

  void run() {
    const std::uint64_t cut_after = 1 + random_.below(random_.below(4) == 0 ? 300 : 60);
    Files before;
    for (std::uint64_t commits = 0; commits < cut_after; ++commits) {
      const bool last = commits + 1 == cut_after;
      if (last) before = test::take_files(options_.folder);
      states_.push_back(test::read_file(options_.folder + "/state"));
      if (states_.size() > 6) states_.pop_front();
      safe_ = must_;
      append_and_commit();
      if (testing::Test::HasFatalFailure()) return;
      read_and_release();
    }
    // The power went while the last commit wrote: of its bytes any may be there, and of the state any before it.
    Files after = test::take_files(options_.folder);
    // Merging syncs as it goes, what is mixed here would not be: then it went just after it.
    for (const auto& [name, bytes] : after) {
      if (name.ends_with(".seg") && bytes[12] == router::spool::kMerged && before[name] != bytes) before = after;
    }
    before.erase("state");
    after.erase("state");
    spool_.reset();
    Files left = mix(before, after, random_);
    if (random_.below(8) != 0) left["state"] = states_[random_.below(states_.size())];
    test::put_files(options_.folder, left);
    ++options_.boot;
    options_.limits.bytes_max = 64U << 20U;  // room for what comes again
    check();
  }

 private:
  void append_and_commit() {
    for (std::uint64_t i = 1 + random_.below(30); i > 0; --i) {
      const auto lane = static_cast<std::uint8_t>(random_.below(10) == 0 ? 7 : random_.below(3));
      const std::string text = std::to_string(next_) + ":" + std::string(random_.below(3000), '.');
      if (!spool_->append(lane, test::as_bytes(text))) break;  // full, which merging needs
      must_.insert(next_++);
    }
    ASSERT_TRUE(spool_->commit());
  }
  void read_and_release() {
    const auto records = test::read_some(*spool_, random_.below(40));
    std::vector<std::uint64_t> tickets;
    for (const auto& record : records) {
      if (record.ticket >> 56U == 7 && random_.below(10) != 0) continue;
      tickets.push_back(record.ticket);
      must_.erase(std::stoul(record.text));
    }
    spool_->release(tickets);
  }
  void check() {
    auto spool = test::open_spool(options_, clock_);
    ASSERT_TRUE(spool);
    std::vector<std::uint64_t> found;
    for (const std::string& text : test::read_texts(*spool)) found.push_back(std::stoul(text));
    const std::set<std::uint64_t> all(found.begin(), found.end());
    ASSERT_EQ(all.size(), found.size()) << "none comes twice";
    for (const std::uint64_t number : safe_) {
      if (must_.count(number) == 0) continue;  // released since
      ASSERT_EQ(all.count(number), 1U) << number << " was committed and is lost; " << spool->report().text();
    }
    ASSERT_EQ(spool->report().damaged_segments + spool->report().damaged_records, 0U) << spool->report().text();
    test::put(*spool, 3, "new");
    ASSERT_EQ(test::read_texts(*spool), std::vector<std::string>{"new"});
  }

  test::FastDir dir_;
  test::JumpClock clock_;
  router::SeededRandom random_;
  router::SpoolOptions options_;
  std::unique_ptr<router::Spool> spool_;
  std::uint64_t next_ = 0;
  std::set<std::uint64_t> must_;  ///< committed, and not released
  std::set<std::uint64_t> safe_;  ///< the same before the last commit
  std::deque<std::string> states_;
};

TEST(SpoolPowerCut, LosesNothingThatWasCommitted) {
  const char* seed_text = std::getenv("VSCP_STORE_SEED");
  const char* runs_text = std::getenv("VSCP_STORE_RUNS");
  std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : router::SystemRandom().next();
  const unsigned long runs = seed_text != nullptr   ? 1
                             : runs_text != nullptr ? std::strtoul(runs_text, nullptr, 10)
                                                    : 20;
  for (unsigned long i = 0; i < runs && !testing::Test::HasFailure(); ++i, ++seed) {
    SCOPED_TRACE("VSCP_STORE_SEED=" + std::to_string(seed));
    PowerCut(seed).run();
  }
}

}  // namespace
