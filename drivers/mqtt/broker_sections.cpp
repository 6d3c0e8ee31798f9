// Where brokers stand in the configuration: "mqtt", and the entries of "drivers".
#include <algorithm>
#include <utility>

#include "drivers/mqtt/broker_config.h"
#include "router/core/driver_entry.h"

namespace drivers::mqtt {
namespace {

using router::ConfigNode;
using router::ObjectReader;

/// A driver's name as a broker's, which is one word and the name of a folder.
std::string one_word(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '/' || c == '\\'; }, '-');
  if (name.starts_with('.')) name[0] = '-';
  return name;
}

/// Drivers may have a broker each. Upstream's link server is the router itself: its broker is as those of "mqtt".
void add_drivers(ObjectReader& root, std::vector<BrokerSection>& sections) {
  const ConfigNode* drivers = root.any("drivers");
  for (const std::string_view level : {"level1", "level2"}) {
    const ConfigNode* list = drivers == nullptr ? nullptr : drivers->find(level);
    if (list == nullptr || !list->is_array()) continue;
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      const ConfigNode& entry = list->items[i];
      if (!entry.is_object() || router::is_switched_off(entry)) continue;
      const ConfigNode* mqtt = router::driver_mqtt(entry);
      if (mqtt == nullptr) continue;
      const ConfigNode* guid = entry.find("guid");
      const auto parsed = guid != nullptr && guid->is_string() ? vscp::parse_guid(guid->text) : vscp::parse_guid("-");
      const std::string path = router::config_path(router::config_path("drivers", level), i);
      const bool is_server = level == "level2" && router::is_tcpipsrv(entry);
      const std::string name = router::driver_name(entry);
      sections.push_back({.node = mqtt,
                          .path = router::config_path(path, "mqtt"),
                          .name = is_server && entry.find("name") == nullptr ? std::string() : one_word(name),
                          .driver_guid = parsed ? *parsed : vscp::Guid{},
                          .owner = is_server ? std::string() : name,
                          .level = level == "level1" ? 1 : 2});
    }
  }
}

/// The names of brokers, and the site's, in all entries together.
void check_together(ObjectReader& root, const BrokerSection& section, const BrokerConfig& broker,
                    const std::vector<BrokerConfig>& others) {
  for (const BrokerConfig& other : others) {
    if (other.name == broker.name) {
      root.error_at(*section.node, router::config_path(section.path, "name"),
                    '"' + broker.name + "\" is the name of another broker too: write a name of its own");
    }
    if (broker.site.enabled() && other.site.enabled() && other.site.name != broker.site.name) {
      root.error_at(*section.node, router::config_path(section.path, "site.name"),
                    '"' + broker.site.name + "\": this site is called \"" + other.site.name +
                        "\" in another entry: a router has one name");
    }
  }
}

}  // namespace

std::vector<BrokerConfig> read_brokers(ObjectReader& root, const router::ConfigPlace& place) {
  const ConfigNode* node = root.any("mqtt");
  std::vector<BrokerSection> sections;
  if (node != nullptr && node->is_array()) {
    for (std::size_t i = 0; i < node->items.size(); ++i)
      sections.push_back({.node = &node->items[i], .path = router::config_path("mqtt", i)});
  } else if (node != nullptr && node->kind != ConfigNode::Kind::kNull &&
             !(node->is_object() && node->members.empty())) {
    sections.push_back({.node = node, .path = "mqtt"});
  }
  add_drivers(root, sections);
  if (root.context().known_keys != nullptr) {
    router::ConfigContext keys;  // only to make the keys known
    keys.known_keys = root.context().known_keys;
    read_broker({.path = "mqtt[]"}, "mqtt", keys, place);
  }
  std::vector<BrokerConfig> out;
  for (const BrokerSection& section : sections) {
    if (section.node->is_object() && router::is_switched_off(*section.node)) continue;
    const std::string fallback = out.empty() ? "mqtt" : "mqtt-" + std::to_string(out.size() + 1);
    BrokerConfig broker = read_broker(section, section.name.empty() ? fallback : section.name, root.context(), place);
    broker.owner = section.owner;
    if (!section.owner.empty() && broker.site.enabled()) {
      root.error_at(*section.node, router::config_path(section.path, "site"),
                    "is for the whole router: write it in an entry of \"mqtt\" at the top of the file");
    }
    check_together(root, section, broker, out);
    out.push_back(std::move(broker));
  }
  read_bridges(root, out);
  return out;
}

}  // namespace drivers::mqtt
