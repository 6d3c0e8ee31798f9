#include "router/core/driver_entry.h"

#include <gtest/gtest.h>

#include <optional>

namespace router {
namespace {

ConfigNode entry(std::string_view text) {
  ConfigContext context;
  auto node = parse_config_text(text, context);
  EXPECT_TRUE(node);
  return node ? std::move(*node) : ConfigNode{};
}

TEST(DriverEntry, IsOnUnlessItSaysOtherwise) {
  EXPECT_FALSE(is_switched_off(entry(R"({"enable": true})")));
  EXPECT_FALSE(is_switched_off(entry("{}")));
  EXPECT_FALSE(is_switched_off(entry(R"({"enable": 0})")));  // the reader's complaint
  EXPECT_TRUE(is_switched_off(entry(R"({"enable": false})")));
}

TEST(DriverEntry, IsCalledAsItSaysOrAsItsFile) {
  EXPECT_EQ(driver_name(entry(R"({"name": "hall", "path": "/lib/can.so"})")), "hall");
  EXPECT_EQ(driver_name(entry(R"({"path": "/lib/can.so.1"})")), "can.so");
  EXPECT_EQ(driver_name(entry(R"({"name": "", "path-driver": "lib/log.so"})")), "log");
  EXPECT_EQ(driver_name(entry("{}")), "");
  EXPECT_EQ(driver_file(entry(R"({"path-driver": 5})")), "");
}

TEST(DriverEntry, TheServerIsKnownByItsFile) {
  EXPECT_TRUE(is_tcpipsrv(entry(R"({"path-driver": "/usr/lib/libvscpl2drv-tcpipsrv.so"})")));
  EXPECT_FALSE(is_tcpipsrv(entry(R"({"path": "/usr/lib/libvscpl2drv-tcpipsrv.so"})")));
  EXPECT_FALSE(is_tcpipsrv(entry("{}")));
}

TEST(DriverEntry, ABrokerIsOneWithTopics) {
  EXPECT_EQ(driver_mqtt(entry(R"({"mqtt": {"host": "x"}})")), nullptr);
  EXPECT_EQ(driver_mqtt(entry(R"({"mqtt": {"publish": [], "subscribe": []}})")), nullptr);
  EXPECT_EQ(driver_mqtt(entry(R"({"mqtt": {"enable": false, "publish": [{}]}})")), nullptr);
  EXPECT_EQ(driver_mqtt(entry(R"({"mqtt": [{"publish": [{}]}]})")), nullptr);
  const ConfigNode node = entry(R"({"mqtt": {"subscribe": [{}]}})");
  EXPECT_EQ(driver_mqtt(node), node.find("mqtt"));
}

}  // namespace
}  // namespace router
