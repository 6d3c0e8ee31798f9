#include <gtest/gtest.h>

#include "drivers/mqtt/mqtt_driver.h"
#include "router/daemon/config.h"

namespace router {
namespace {

using drivers::mqtt::BrokerConfig;
using drivers::mqtt::MqttVersion;
using Lines = std::vector<std::string>;

ConfigResult parse(const std::string& bridges, const std::string& more = {}) {
  return parse_config(
      "{\"link\": [{}], \"mqtt\": [{\"name\": \"a\", \"clientid\": \"r\"}, {\"name\": \"b\", \"clientid\": \"r\"}, "
      "{\"host\": \"x\"}" +
          more + "],\n\"mqtt-bridges\": [" + bridges + "]}",
      "a.json", "/etc/vscp");
}

Lines issues(const std::vector<ConfigIssue>& found) {
  Lines out;
  for (const ConfigIssue& issue : found) out.push_back(to_text(issue));
  return out;
}

TEST(BridgeConfig, ADirectionIsARuleOfTheBrokerThatItTakesFrom) {
  const ConfigResult result = parse(R"({"from": "a", "to": "b", "direction": "both", "topics": ["x/#", "y"],
    "from-prefix": "here/", "to-prefix": "there/", "qos": 2, "rate": 5})");
  EXPECT_EQ(issues(result.errors), Lines{});
  EXPECT_EQ(issues(result.warnings), Lines{});
  const auto& brokers = driver_part<drivers::mqtt::MqttDriverConfig>(*result.config)->brokers;
  ASSERT_EQ(brokers[0].bridges.size(), 1U);
  ASSERT_EQ(brokers[1].bridges.size(), 1U);
  EXPECT_EQ(brokers[0].bridges[0].topics, (Lines{"here/x/#", "here/y"}));
  EXPECT_EQ(brokers[1].bridges[0].topics, (Lines{"there/x/#", "there/y"}));
  EXPECT_EQ(brokers[1].bridges[0].to_prefix, "here/");
  EXPECT_EQ(brokers[0].bridges[0].name, "a -> b");
  EXPECT_NE(brokers[0].bridges[0].id, brokers[1].bridges[0].id);
  EXPECT_EQ(brokers[0].bridge_subscriptions.size(), 2U);
  EXPECT_EQ(brokers[0].bridge_subscriptions[0].qos, 2);
  EXPECT_EQ(brokers[1].bridged_rates[0].rate, 5U);
  EXPECT_EQ(brokers[0].connection.version, MqttVersion::k5) << "by default, for marks are properties there";
  EXPECT_EQ(brokers[2].connection.version, MqttVersion::k311);
}

TEST(BridgeConfig, NarrowerSubscriptionsAreLeftOut) {
  const ConfigResult result = parse(
      R"({"from": "a", "to": "b", "topics": ["x/y", "x/+"], "qos": 0}, {"from": "a", "to": "b", "topics": "x/#"})");
  ASSERT_TRUE(result.config);
  const auto& broker = driver_part<drivers::mqtt::MqttDriverConfig>(*result.config)->brokers[0];
  ASSERT_EQ(broker.bridge_subscriptions.size(), 1U);
  EXPECT_EQ(broker.bridge_subscriptions[0].topic, "x/#");
  EXPECT_EQ(broker.bridge_subscriptions[0].qos, 1);
}

TEST(BridgeConfig, MistakesSayWhatToWrite) {
  const std::string two = "{\"from\": \"a\", \"to\": \"b\", ";
  const auto first = [](const ConfigResult& result) {
    return result.errors.empty() ? std::string() : result.errors[0].text;
  };
  for (const auto& [entry, text] : {
           std::pair{std::string("{\"from\": \"a\"}"), "is missing: write the \"name\" of an entry of \"mqtt\""},
           {"{\"from\": \"a\", \"to\": \"c\"}",
            "\"c\" is no broker of \"mqtt\": write the \"name\" of one that is enabled"},
           {"{\"from\": \"a\", \"to\": \"mqtt-3\"}",
            "the broker has no \"name\" of its own: give it one, the same in all routers that bridge it, so that a "
            "message "
            "knows where it has been"},
           {"{\"from\": \"a\", \"to\": \"a\"}", "is the broker that messages come from: write the name of another one"},
           {two + "\"topics\": [\"a/#/b\"]}", "\"a/#/b\" has '#' before its last level"},
           {two + "\"topics\": [\"$share/g/a\"]}",
            "\"$share/g/a\": a shared subscription gives each bridge only a part: write the filter alone"},
           {two + "\"topics\": []}", "is empty: write for example [\"sensors/#\"]"},
           {two + "\"from-prefix\": \"x\"}", "\"x\" ends in the middle of a level: write \"x/\""},
           {two + "\"from-prefix\": \"+/\"}", "\"+/\" has a wildcard ('+' or '#'), which only a filter may have"},
           {two + "\"direction\": \"up\"}", "\"up\" is not known: write \"out\", \"in\" or \"both\""},
           {two + "\"rates\": 1}", "unknown key: did you mean \"rate\"?"},
       }) {
    EXPECT_EQ(first(parse(entry)), text) << entry;
  }
}

TEST(BridgeConfig, ASessionThatIsForgottenIsAWarning) {
  const ConfigResult result = parse(R"({"from": "c", "to": "a"})", R"(, {"name": "c"})");
  EXPECT_EQ(issues(result.errors), Lines{});
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_NE(result.warnings[0].text.find("give it a \"clientid\""), std::string::npos);
}

}  // namespace
}  // namespace router
