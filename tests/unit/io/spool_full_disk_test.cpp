// A disk that is full or fails: commit() says so, nothing that was committed is lost, and it heals by itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "router/base/fd.h"
#include "tests/unit/io/spool_rig.h"

namespace {

using test::as_bytes;
using test::open_spool;
using test::read_texts;
using Texts = std::vector<std::string>;

/// A file system of one megabyte.
class SmallDisk {
 public:
  SmallDisk() { mounted_ = ::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=1m") == 0; }
  ~SmallDisk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const noexcept { return mounted_; }
  const std::string& path() const noexcept { return dir_.path(); }

 private:
  test::TempDir dir_;
  bool mounted_ = false;
};

TEST(SpoolFullDisk, SaysSoAndHealsWhenThereIsRoom) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs here: " << std::strerror(errno);
  const test::JumpClock clock;
  const auto options = test::spool_options(disk.path() + "/spool");
  Texts all;
  auto spool = open_spool(options, clock);
  vscp::Result<void> committed;
  for (unsigned i = 0; i < 5000 && committed; ++i) {
    for (unsigned k = 0; k < 5; ++k) {
      all.push_back(std::to_string(i * 5 + k) + std::string(500, '.'));
      ASSERT_TRUE(spool->append(static_cast<std::uint8_t>(k), as_bytes(all.back())));
    }
    committed = spool->commit();
  }
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error(), vscp::from_errno(ENOSPC));
  EXPECT_GE(spool->status().write_errors, 1U);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(spool->commit()) << "as long as it is full";

  // What was committed is read and released: its space is used again, and the rest is committed.
  std::multiset<std::string> found;
  for (int round = 0; round < 100 && found.size() < all.size(); ++round) {
    const auto records = test::read_some(*spool, 400);
    for (const auto& record : records) found.insert(record.text);
    test::release_all(*spool, records);
    committed = spool->commit();
  }
  EXPECT_TRUE(committed);
  EXPECT_EQ(found, std::multiset<std::string>(all.begin(), all.end()));
  EXPECT_EQ(spool->status().dropped_corrupt, 0U);
}

TEST(SpoolFullDisk, WhatWasCommittedIsThereAfterARestart) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs here: " << std::strerror(errno);
  const test::JumpClock clock;
  const auto options = test::spool_options(disk.path() + "/spool");
  Texts safe;
  {
    auto spool = open_spool(options, clock);
    for (unsigned i = 0; i < 100'000; ++i) {
      const std::string text = std::to_string(i) + std::string(i * 7919U % 1000U, '.');
      ASSERT_TRUE(spool->append(3, as_bytes(text)));
      if (!spool->commit()) break;
      safe.push_back(text);
    }
  }
  // Full to the last byte: opening must work all the same.
  const router::UniqueFd filler(::open((disk.path() + "/filler").c_str(), O_CREAT | O_WRONLY, 0600));
  const std::string block(4096, 'x');
  while (::write(filler.get(), block.data(), block.size()) > 0) {
  }
  auto spool = open_spool(options, clock);
  ASSERT_TRUE(spool);
  EXPECT_EQ(spool->report().damaged_records, 0U);
  const Texts found = read_texts(*spool);
  ASSERT_GE(found.size(), safe.size());
  EXPECT_TRUE(std::equal(safe.begin(), safe.end(), found.begin()));
}

// Where no file system can be mounted: files may not grow.
TEST(SpoolFullDisk, AFileThatMayNotGrowIsAnErrorUntilItMay) {
  const test::TempDir dir;
  const test::JumpClock clock;
  auto spool = open_spool(test::spool_options(dir.path() + "/spool"), clock);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 60'000;
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  ASSERT_TRUE(spool->append(2, as_bytes("kept")));
  const auto first = spool->commit();
  const auto second = spool->commit();
  const auto read_meanwhile = read_texts(*spool);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error(), vscp::from_errno(EFBIG));
  EXPECT_FALSE(second);
  EXPECT_TRUE(read_meanwhile.empty());
  EXPECT_EQ(spool->status().write_errors, 2U);
  ASSERT_TRUE(spool->commit());
  EXPECT_EQ(read_texts(*spool), Texts{"kept"});
}

/// The process's descriptor of the file, for a test that takes it away.
int descriptor_of(const std::string& path) {
  for (int fd = 3; fd < 1000; ++fd) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
    if (!error && target == path) return fd;
  }
  return -1;
}

// Each write to the segment fails from some moment on: the next commit goes into another one.
TEST(SpoolFullDisk, AfterAFailedWriteAnotherSegmentIsBegun) {
  const test::TempDir dir;
  const test::JumpClock clock;
  const auto options = test::spool_options(dir.path() + "/spool");
  {
    auto spool = open_spool(options, clock);
    test::put(*spool, 2, "before");
    const int fd = descriptor_of(
        std::filesystem::canonical(options.folder + "/" + test::segment_name(test::take_files(options.folder))));
    ASSERT_GE(fd, 0);
    const router::UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::dup2(full.get(), fd), fd);
    ASSERT_TRUE(spool->append(2, as_bytes("during")));
    EXPECT_EQ(spool->commit().error(), vscp::from_errno(ENOSPC));
    ASSERT_TRUE(spool->append(2, as_bytes("after")));
    EXPECT_TRUE(spool->commit());
  }
  auto spool = open_spool(options, clock);
  EXPECT_TRUE(spool->report().clean()) << spool->report().text();
  EXPECT_EQ(read_texts(*spool), (Texts{"before", "during", "after"}));
}

// A disk that cannot be read for a moment loses nothing.
TEST(SpoolFullDisk, WhatCannotBeReadIsReadLater) {
  const test::TempDir dir;
  test::JumpClock clock;
  const auto options = test::spool_options(dir.path() + "/spool");
  auto spool = open_spool(options, clock);
  test::put(*spool, 2, "a");
  test::put(*spool, 2, "b");
  const int fd = descriptor_of(
      std::filesystem::canonical(options.folder + "/" + test::segment_name(test::take_files(options.folder))));
  ASSERT_GE(fd, 0);
  const router::UniqueFd kept(::dup(fd));
  const router::UniqueFd unreadable(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::dup2(unreadable.get(), fd), fd);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(read_texts(*spool).empty());
    EXPECT_EQ(spool->status().records, 2U);
    clock.monotonic += 1'000'000'000;
  }
  EXPECT_GE(spool->status().write_errors, 5U);
  ASSERT_EQ(::dup2(kept.get(), fd), fd);
  clock.monotonic += 1'000'000'000;
  EXPECT_EQ(read_texts(*spool), (Texts{"a", "b"}));

  // For ever: the lane goes on without them.
  spool->rewind();
  ASSERT_EQ(::dup2(unreadable.get(), fd), fd);
  test::release_all(*spool, test::read_some(*spool, 2));
  ASSERT_EQ(::dup2(kept.get(), fd), fd);
  test::put(*spool, 2, "c");
  ASSERT_EQ(::dup2(unreadable.get(), fd), fd);
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(read_texts(*spool).empty());
    clock.monotonic += 1'000'000'000;
  }
  EXPECT_GE(spool->status().dropped_corrupt, 1U);
  ASSERT_EQ(::dup2(kept.get(), fd), fd);
  test::put(*spool, 2, "d");
  EXPECT_EQ(read_texts(*spool), Texts{"d"});
}

}  // namespace
