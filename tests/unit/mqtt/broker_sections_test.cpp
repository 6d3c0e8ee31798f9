#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "drivers/mqtt/broker_config.h"

namespace drivers::mqtt {
namespace {

struct Read {
  std::vector<BrokerConfig> brokers;
  std::vector<std::string> errors;
};

Read read(std::string_view text) {
  router::ConfigContext context;
  context.file = "a.json";
  const auto node = router::parse_config_text(text, context);
  EXPECT_TRUE(node);
  Read out;
  if (!node) return out;
  router::ObjectReader root(&*node, "", context);
  router::ConfigPlace place;
  place.guid.bytes[15] = 7;
  out.brokers = read_brokers(root, place);
  for (const auto& issue : context.errors) out.errors.push_back(to_text(issue));
  return out;
}

TEST(BrokerSections, EachDriverMayHaveABroker) {
  const Read got = read(R"({"mqtt": {"host": "a"}, "drivers": {
    "level1": [{"name": "bus 1/2", "path": "/l1.so", "mqtt": {"host": "b", "publish": [{"topic": "{{driver-name}}"}]}},
               {"path": "/off.so", "enable": false, "mqtt": {"publish": [{"topic": "x"}]}},
               {"path": "/no_topics.so", "mqtt": {"host": "c"}}],
    "level2": [{"path-driver": "/log.so", "guid": "FF:FF:FF:FF:FF:FF:FF:F5:01:00:00:00:00:00:00:09",
                "mqtt": {"host": "d", "subscribe": [{"topic": "{{driver-level}}/{{driver-name}}"}]}},
               {"path-driver": "/tcpipsrv.so", "mqtt": {"host": "e", "publish": [{"topic": "x"}]}}]}})");
  EXPECT_EQ(got.errors, std::vector<std::string>{});
  ASSERT_EQ(got.brokers.size(), 4U);
  std::vector<std::string> names, owners;
  for (const BrokerConfig& broker : got.brokers) {
    names.push_back(broker.name);
    owners.push_back(broker.owner);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"mqtt", "bus-1-2", "log", "mqtt-4"}));
  EXPECT_EQ(owners, (std::vector<std::string>{"", "bus 1/2", "log", ""}));
  EXPECT_TRUE(got.brokers[0].daemon_topics);
  EXPECT_FALSE(got.brokers[1].daemon_topics);
  EXPECT_EQ(got.brokers[1].connection.host, "b");
  EXPECT_EQ(got.brokers[2].subscribe.at(0).subscription.topic, "2/log");
}

TEST(BrokerSections, WhatIsWrongIsSaid) {
  const auto errors = [](std::string_view text) { return read(text).errors; };
  EXPECT_EQ(errors(R"({"mqtt": {"name": "log"}, "drivers": {"level2": [
    {"path-driver": "/log.so", "mqtt": {"publish": [{"topic": "x"}]}}]}})"),
            std::vector<std::string>{"a.json:2:40: drivers.level2[0].mqtt.name: \"log\" is the name of another broker "
                                     "too: write a name of its own"});
  const auto site = errors(R"({"drivers": {"level2": [{"path-driver": "/log.so", "mqtt": {"publish": [{"topic": "x"}],
    "site": {"name": "a", "peer": "b"}}}]}})");
  EXPECT_TRUE(std::any_of(site.begin(), site.end(), [](const std::string& line) {
    return line.find("drivers.level2[0].mqtt.site: is for the whole router") != std::string::npos;
  }));
  EXPECT_EQ(errors(R"({"drivers": {"level1": [{"path": "/a.so", "mqtt": {"publish": [{"topic": "{{nonsense}}"}]}}]}})")
                .size(),
            1U);
}

}  // namespace
}  // namespace drivers::mqtt
