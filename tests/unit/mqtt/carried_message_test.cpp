#include "drivers/mqtt/carried_message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace drivers::mqtt {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Step = BlockJoiner::Step;

std::vector<Bytes> cut(const Bytes& block) {
  std::vector<Bytes> out;
  Bytes record;
  EXPECT_TRUE(cut_block(block, record, [&out](std::span<const std::uint8_t> part) {
    out.emplace_back(part.begin(), part.end());
    return true;
  }));
  return out;
}

Bytes block_of(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7);
  return out;
}

TEST(CarriedMessage, KeepsEverythingItHas) {
  const std::string payload("\0\xff text", 7);
  const std::pair<std::string_view, std::string_view> properties[] = {{"unit", "C"}, {"", ""}, {"unit", "K"}};
  CarriedMessage in;
  in.rule = 7;
  in.taken_ns = 0x1122334455667788;
  in.qos = 2;
  in.retain = true;
  in.was_event = true;
  in.topic = "a/b";
  in.mark = "hall@00112233";
  in.extras = {properties, "text/plain", "reply/here", {}, 1, 60};
  in.payload = {reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
  Bytes block;
  write_block(in, block);
  BlockReader reader;
  const auto out = reader.read(block);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->rule, 7U);
  EXPECT_EQ(out->taken_ns, in.taken_ns);
  EXPECT_EQ(out->qos, 2);
  EXPECT_TRUE(out->retain && out->was_event);
  EXPECT_EQ(out->topic, "a/b");
  EXPECT_EQ(out->topic.data()[3], '\0');
  EXPECT_EQ(out->mark, in.mark);
  EXPECT_EQ(out->extras.content_type, "text/plain");
  EXPECT_EQ(out->extras.response_topic, "reply/here");
  EXPECT_EQ(out->extras.payload_format, 1);
  EXPECT_EQ(out->extras.expiry_s, 60);
  EXPECT_TRUE(std::ranges::equal(out->extras.user_properties, properties));
  EXPECT_TRUE(std::ranges::equal(out->payload, in.payload));
}

TEST(CarriedMessage, ABlockThatIsCutShortIsRefused) {
  CarriedMessage in;
  in.topic = "a/b";
  in.extras.content_type = "x";
  Bytes block;
  write_block(in, block);
  BlockReader reader;
  for (std::size_t size = 0; size < block.size(); ++size)
    EXPECT_FALSE(reader.read(std::span(block).first(size))) << size;
  EXPECT_TRUE(reader.read(block));
  block[12] = 3;  // QoS
  EXPECT_FALSE(reader.read(block));
}

TEST(CarriedMessage, IsCutAndJoined) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kMessagePartMax, kMessagePartMax + 1, 5 * kMessagePartMax}) {
    const Bytes block = block_of(size);
    const auto records = cut(block);
    EXPECT_EQ(records.size(), std::max<std::size_t>(1, (size + kMessagePartMax - 1) / kMessagePartMax));
    BlockJoiner joiner;
    for (std::size_t i = 0; i < records.size(); ++i) {
      EXPECT_TRUE(is_message_record(records[i]));
      EXPECT_LE(records[i].size(), router::kStoreRecordMax);
      EXPECT_EQ(joiner.add(records[i]), i + 1 == records.size() ? Step::kWhole : Step::kMore);
    }
    EXPECT_TRUE(std::ranges::equal(joiner.block(), block));
    EXPECT_FALSE(joiner.take_torn());
  }
}

TEST(CarriedMessage, WhatHasLostAPartIsSeen) {
  const auto one = cut(block_of(3 * kMessagePartMax));
  const auto two = cut(block_of(2 * kMessagePartMax + 5));
  BlockJoiner joiner;
  EXPECT_EQ(joiner.add(one[1]), Step::kTorn);  // its first part is gone
  EXPECT_EQ(joiner.add(one[0]), Step::kMore);
  EXPECT_EQ(joiner.add(one[2]), Step::kTorn);  // its second part is gone: too short at the end
  EXPECT_EQ(joiner.add(one[0]), Step::kMore);
  EXPECT_EQ(joiner.add(two[0]), Step::kMore);  // the rest of the first one is gone
  EXPECT_TRUE(joiner.take_torn());
  EXPECT_EQ(joiner.add(one[1]), Step::kTorn);  // of another block
  EXPECT_EQ(joiner.add(two[0]), Step::kMore);
  EXPECT_EQ(joiner.add(two[1]), Step::kMore);
  EXPECT_EQ(joiner.add(two[2]), Step::kWhole);
  EXPECT_EQ(joiner.add(Bytes{2, 3}), Step::kTorn);
  Bytes huge(kPartHeader);
  write_part_header(kBlockMax + 1, true, false, huge.data());
  EXPECT_EQ(joiner.add(huge), Step::kTorn);
}

}  // namespace
}  // namespace drivers::mqtt
