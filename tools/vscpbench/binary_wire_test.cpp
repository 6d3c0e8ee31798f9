// The binary dialect of the load: frames come out of any pieces, and one changed bit is noticed.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/frame.h"
#include "tools/vscpbench/wire.h"

namespace bench {
namespace {

class BinaryWire : public ::testing::Test {
 protected:
  std::string event(std::uint32_t sequence) const {
    auto bytes = wire_->make_event(shape_, sequence % kVariants);
    wire_->write_id({.time_ns = 7, .sequence = sequence, .producer = 3, .run = shape_.run},
                    bytes.data() + wire_->id_offset(shape_));
    return bytes;
  }
  std::vector<Seen> scan(std::string_view bytes, std::size_t& used) const {
    std::vector<Seen> seen;
    used = wire_->make_scanner(shape_, true, 1)->scan(bytes, seen);
    return seen;
  }

  std::unique_ptr<Wire> wire_ = make_wire("binary");
  EventShape shape_{.payload_bytes = 31, .run = 5};
};

TEST_F(BinaryWire, MakesFramesThatTheCodecReads) {
  vscp::Event decoded;
  const auto bytes = event(17);
  ASSERT_TRUE(vscp::decode_event_frame({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, decoded)
                  .has_value());
  EXPECT_EQ(decoded.vscp_class, shape_.vscp_class);
  EXPECT_EQ(decoded.vscp_type, shape_.vscp_type);
  EXPECT_EQ(decoded.head, shape_.head);
  EXPECT_EQ(decoded.time_ns, 0U);
  EXPECT_EQ(decoded.data_size, 31);
}

TEST_F(BinaryWire, FindsEventsBetweenReplies) {
  const std::string open_reply("\xf0\x00\x07\x00\x00\x01\x50", 7);
  const std::string bytes = open_reply + event(1) + event(2) + open_reply + event(3).substr(0, 40);
  std::size_t used = 0;
  const auto seen = scan(bytes, used);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(used, bytes.size() - 40);
  for (std::uint32_t i = 0; i < 2; ++i) {
    EXPECT_EQ(seen[i].kind, SeenKind::kEvent);
    EXPECT_EQ(seen[i].id.sequence, i + 1);
    EXPECT_EQ(seen[i].id.producer, 3);
    EXPECT_EQ(seen[i].id.time_ns, 7U);
  }
}

TEST_F(BinaryWire, NoticesEveryChangedBit) {
  const auto good = event(4);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ 1U << bit % 8);
    std::size_t used = 0;
    const auto seen = scan(bytes, used);
    if (seen.empty()) continue;  // taken for a longer frame: the event will be missed
    EXPECT_NE(seen[0].kind, SeenKind::kEvent) << "bit " << bit;
  }
}

TEST_F(BinaryWire, CountsConfirmsAndRefusals) {
  const std::string good("\xf0\xff\xff\x00\x00\x00\x00\x01\x00\x7a\x1e\x62\xd9", 13);
  auto bad = good;
  bad[4] = 67;
  Replies replies;
  EXPECT_EQ(wire_->scan_replies(good + bad + good + bad.substr(0, 12), replies), 39U);
  EXPECT_EQ(replies.accepted, 2U);
  EXPECT_EQ(replies.refused, 1U);
  EXPECT_EQ(replies.first_refusal, "error 67 in a reply frame");
}

}  // namespace
}  // namespace bench
