#include <gtest/gtest.h>

#include "drivers/mqtt/payload.h"
#include "tests/unit/mqtt/payload_events.h"

namespace drivers::mqtt::test {
namespace {

constexpr std::string_view kGuid = "FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08";

std::string shown(std::string_view topic) {
  const TopicDefaults defaults = parse_topic_defaults(topic);
  std::string text = defaults.guid ? to_string(*defaults.guid) : "-";
  text += defaults.vscp_class ? " " + std::to_string(*defaults.vscp_class) : " -";
  text += defaults.vscp_type ? " " + std::to_string(*defaults.vscp_type) : " -";
  return text;
}

TEST(TopicDefaults, FindsTheGuidAtAnyDepth) {
  const std::string guid(kGuid);
  EXPECT_EQ(shown("vscp/" + guid + "/10/6"), guid + " 10 6");
  EXPECT_EQ(shown("vscp/" + guid + "/10/6/8/1/2/3"), guid + " 10 6");
  EXPECT_EQ(shown("site/a/b/vscp/" + guid + "/0x0A/0x6/8"), guid + " 10 6");
  EXPECT_EQ(shown(guid + "/10/6"), guid + " 10 6");
  EXPECT_EQ(shown("/" + guid + "/65535/65535"), guid + " 65535 65535");
  EXPECT_EQ(shown("a/ff:ff:ff:ff:ff:ff:ff:fe:5c:cf:7f:c4:1e:7b:00:08/1/2"), guid + " 1 2");
  EXPECT_EQ(shown("a/fffffffff-fff-fffe-5ccf-7fc41e7b0008/1/2"), "- - -");
  EXPECT_EQ(shown("a/ffffffff-ffff-fffe-5ccf-7fc41e7b0008/1/2"), guid + " 1 2");
  EXPECT_EQ(shown("a/::8/1/2"), "FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:FF:08 1 2");
}

TEST(TopicDefaults, LeavesOutWhatIsNotThere) {
  const std::string guid(kGuid);
  EXPECT_EQ(shown("vscp/" + guid), guid + " - -");
  EXPECT_EQ(shown("vscp/" + guid + "/"), guid + " - -");
  EXPECT_EQ(shown("vscp/" + guid + "/10"), guid + " 10 -");
  EXPECT_EQ(shown("vscp/" + guid + "/10/temperature"), guid + " 10 -");
  EXPECT_EQ(shown("vscp/" + guid + "/measurement/6"), guid + " - -");
  EXPECT_EQ(shown("vscp/" + guid + "/65536/6"), guid + " - -");
  EXPECT_EQ(shown(""), "- - -");
  EXPECT_EQ(shown("/"), "- - -");
  EXPECT_EQ(shown("vscp/10/6"), "- - -");
  EXPECT_EQ(shown("vscp/-/10/6"), "- - -");
  EXPECT_EQ(shown("vscp/1/10/6"), "- - -");
  EXPECT_EQ(shown("vscp/00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00/10/6"), "- - -");
  EXPECT_EQ(shown("vscp/12:30/10/6"), "- - -");
}

TEST(TopicDefaults, TheFirstGuidCounts) {
  const std::string guid(kGuid);
  EXPECT_EQ(shown("a/" + guid + "/20/3/::1/1/2"), guid + " 20 3");
}

}  // namespace
}  // namespace drivers::mqtt::test
