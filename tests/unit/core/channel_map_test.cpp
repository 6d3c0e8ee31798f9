#include "router/core/channel_map.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "router/base/random.h"
#include "router/core/thread_table.h"

namespace {

using router::ChannelMap;
using vscp::Guid;

std::vector<Guid> servers() {
  std::vector<Guid> list(3);
  for (std::size_t i = 0; i < 16; ++i) {
    list[1].bytes[i] = 0xff;
    list[2].bytes[i] = static_cast<std::uint8_t>(17 * i + 3);
  }
  return list;
}

// Ids around every power of two up to 2^32, and many up to 2^24.
std::vector<std::uint32_t> sample_ids() {
  std::vector<std::uint32_t> ids;
  for (unsigned bit = 0; bit < 32; ++bit) {
    const std::uint32_t power = std::uint32_t{1} << bit;
    for (const std::uint32_t id : {power - 1, power, power + 1}) {
      if (id != 0) ids.push_back(id);
    }
  }
  router::SeededRandom random(1);
  for (int i = 0; i < 100'000; ++i) ids.push_back(static_cast<std::uint32_t>(1 + random.below(1U << 24U)));
  return ids;
}

TEST(ChannelMap, EveryChannelHasItsOwnGuidAndIsFoundByIt) {
  for (const Guid& server : servers()) {
    const ChannelMap map(server);
    std::set<std::uint32_t> ids;
    std::set<Guid> guids;
    for (const std::uint32_t id : sample_ids()) {
      const Guid guid = router::channel_guid(server, id);
      EXPECT_EQ(guid.bytes[14], 0);
      EXPECT_EQ(guid.bytes[15], 0);
      ASSERT_EQ(map.find(guid), id);
      ids.insert(id);
      guids.insert(guid);
    }
    EXPECT_EQ(ids.size(), guids.size());
  }
}

TEST(ChannelMap, NarrowIdsReplaceTheTwoBytesOfTheServersGuid) {
  const Guid server = servers()[2];
  const Guid guid = router::channel_guid(server, 0x1234);
  Guid expected = server;
  expected.bytes[12] = 0x12;
  expected.bytes[13] = 0x34;
  expected.bytes[14] = 0;
  expected.bytes[15] = 0;
  EXPECT_EQ(guid, expected);
}

TEST(ChannelMap, StrangersAreNotFound) {
  const Guid server = servers()[2];
  const ChannelMap map(server);
  for (const std::size_t changed : {0U, 5U, 9U, 14U, 15U}) {
    Guid guid = router::channel_guid(server, 77);
    guid.bytes[changed] ^= 0x40;
    EXPECT_EQ(map.find(guid), 0U) << changed;
  }
  EXPECT_EQ(map.find(router::channel_guid(server, 0)), 0U);
}

TEST(ChannelMap, GuidsThatWereSet) {
  ChannelMap map(servers()[0]);
  const Guid guid = servers()[1];
  map.set(guid, 5);
  EXPECT_EQ(map.find(guid), 5U);
  map.set(guid, 6);
  map.remove(guid, 5);
  EXPECT_EQ(map.find(guid), 6U) << "it belongs to the channel that set it last";
  map.remove(guid, 6);
  EXPECT_EQ(map.find(guid), 0U);
}

TEST(ThreadTable, OwnersAndSlotsOfChannels) {
  const router::ThreadTable table(3, 2);
  EXPECT_EQ(table.helper_channel(3), 1U);
  EXPECT_EQ(table.helper_channel(4), 2U);
  EXPECT_EQ(table.owner_of(1), 3);
  EXPECT_EQ(table.owner_of(2), 4);
  std::set<std::uint32_t> channels;
  for (std::uint32_t slot = 0; slot < 1'000; ++slot) {
    for (router::ThreadIndex worker = 0; worker < 3; ++worker) {
      const std::uint32_t channel = table.session_channel(worker, slot);
      EXPECT_GT(channel, 2U);
      EXPECT_TRUE(channels.insert(channel).second);
      EXPECT_EQ(table.owner_of(channel), worker);
      EXPECT_EQ(table.session_slot(channel), slot);
    }
  }
}

}  // namespace
