// kill -9 at random moments: of what was committed nothing is lost, and of what was released nothing comes again.
// VSCP_STORE_KILLS kills so many times instead of 20.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <set>

#include "router/base/fd.h"
#include "router/base/random.h"
#include "tests/unit/io/spool_rig.h"

namespace {

enum class What : std::uint32_t { kCommitted, kReleasing, kReleased };

struct Tell {
  What what;
  std::uint32_t id;
};

/// What the child does until it is killed: it tells what it did through the pipe. Ids grow.
[[noreturn]] void work(const router::SpoolOptions& options, int pipe, std::uint32_t id, std::uint64_t seed) {
  const router::SystemClock clock;
  router::SeededRandom random(seed);
  auto spool = router::Spool::open(options, clock);
  if (!spool) ::_exit(1);
  std::vector<test::ReadRecord> in_flight;
  const auto tell = [pipe](What what, const std::vector<std::uint32_t>& ids) {
    std::vector<Tell> tells;
    for (const std::uint32_t one : ids) tells.push_back({what, one});
    const std::size_t bytes = tells.size() * sizeof(Tell);
    if (::write(pipe, tells.data(), bytes) != static_cast<ssize_t>(bytes)) ::_exit(2);
  };
  while (true) {
    std::vector<std::uint32_t> ids;
    for (std::uint64_t i = 1 + random.below(20); i > 0; --i) {
      const std::string text =
          std::to_string(id) + ":" + std::string(random.below(random.below(10) == 0 ? 5000 : 100), '.');
      if (!(*spool)->append(static_cast<std::uint8_t>(id % 8), test::as_bytes(text))) ::_exit(3);
      ids.push_back(id++);
    }
    if (!(*spool)->commit()) ::_exit(4);
    tell(What::kCommitted, ids);
    for (auto& record : test::read_some(**spool, random.below(30))) in_flight.push_back(std::move(record));
    std::vector<std::uint64_t> tickets;
    ids.clear();
    for (std::uint64_t i = random.below(25); i > 0 && !in_flight.empty(); --i) {
      const auto chosen = static_cast<std::ptrdiff_t>(random.below(2) == 0 ? 0 : random.below(in_flight.size()));
      const test::ReadRecord& record = in_flight[static_cast<std::size_t>(chosen)];
      tickets.push_back(record.ticket);
      ids.push_back(static_cast<std::uint32_t>(std::stoul(record.text)));
      in_flight.erase(in_flight.begin() + chosen);
    }
    if (ids.empty()) continue;
    tell(What::kReleasing, ids);
    (*spool)->release(tickets);
    tell(What::kReleased, ids);
    if (random.below(40) == 0) {
      (*spool)->rewind();
      in_flight.clear();
    }
  }
}

class SpoolKill : public testing::Test {
 protected:
  /// Lets a child work for a while, kills it, and takes down what it told.
  void run_child(std::uint32_t first_id, router::Random& random) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    router::UniqueFd in(ends[0]);
    router::UniqueFd out(ends[1]);
    const std::uint64_t seed = random.next();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      in.reset();
      work(options_, out.get(), first_id, seed);
    }
    out.reset();
    const std::uint64_t kill_after = random.below(6000);
    bool killed = false;
    std::uint64_t told = 0;
    Tell tell{};
    // What it wrote before it died is in the pipe.
    while (true) {
      if (!killed && told >= kill_after) {
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        killed = true;
      }
      const ssize_t got = ::read(in.get(), &tell, sizeof(tell));
      if (got != sizeof(tell)) break;
      ++told;
      note(tell);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << WEXITSTATUS(status);
  }
  void note(const Tell& tell) {
    last_id_ = std::max(last_id_, tell.id);
    if (tell.what == What::kCommitted) {
      must_.insert(tell.id);
    } else if (tell.what == What::kReleasing) {
      must_.erase(tell.id);
      may_.insert(tell.id);
    } else {
      may_.erase(tell.id);
      gone_.insert(tell.id);
    }
  }
  /// Opens what is left and compares.
  void check() {
    const router::SystemClock clock;
    auto spool = test::open_spool(options_, clock);
    ASSERT_TRUE(spool);
    ASSERT_TRUE(spool->report().clean()) << spool->report().text();
    std::vector<long> last(8, -1);
    std::set<std::uint32_t> found;
    for (const std::string& text : test::read_texts(*spool)) {
      const auto id = static_cast<std::uint32_t>(std::stoul(text));
      ASSERT_GT(static_cast<long>(id), last[id % 8]) << "order, and none twice";
      last[id % 8] = id;
      found.insert(id);
      ASSERT_EQ(gone_.count(id), 0U) << id << " was released and came again";
    }
    for (const std::uint32_t id : must_) ASSERT_EQ(found.count(id), 1U) << id << " was committed and is lost";
    committed_ += must_.size();
    repeated_ += static_cast<std::size_t>(
        std::count_if(may_.begin(), may_.end(), [&found](std::uint32_t id) { return found.count(id) > 0; }));
    if (!found.empty()) last_id_ = std::max(last_id_, *found.rbegin());
    // What it had not told may be there, too: from now on it must be.
    must_ = std::move(found);
    may_.clear();
  }

  test::TempDir dir_;
  router::SpoolOptions options_ = test::spool_options(dir_.path() + "/spool");
  std::set<std::uint32_t> must_;  ///< committed
  std::set<std::uint32_t> may_;   ///< its release began
  std::set<std::uint32_t> gone_;  ///< its release returned
  std::uint32_t last_id_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t repeated_ = 0;
};

TEST_F(SpoolKill, LosesNothingThatWasCommitted) {
  options_.boot = 0;
  const char* kills_text = std::getenv("VSCP_STORE_KILLS");
  const unsigned long kills = kills_text != nullptr ? std::strtoul(kills_text, nullptr, 10) : 20;
  const std::uint64_t seed = router::SystemRandom().next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  router::SeededRandom random(seed);
  for (unsigned long i = 0; i < kills && !HasFatalFailure(); ++i) {
    run_child(last_id_ + 1000, random);
    if (!HasFatalFailure()) check();
    if (must_.size() > 20'000) {
      // Begin anew now and then, or looking takes longer than working.
      must_.clear();
      std::filesystem::remove_all(options_.folder);
    }
  }
  std::printf(
      "%lu kills, %lu committed records looked at, %zu released, 0 lost, %lu of unfinished releases came again\n",
      kills, static_cast<unsigned long>(committed_), gone_.size(), static_cast<unsigned long>(repeated_));
}

}  // namespace
