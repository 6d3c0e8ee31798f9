// Where brokers stand in the configuration: "mqtt", and the entries of upstream's drivers.
#include <utility>

#include "drivers/mqtt/broker_config.h"

namespace drivers::mqtt {
namespace {

using router::ConfigNode;
using router::ObjectReader;

bool is_switched_off(const ConfigNode& node) noexcept {
  const ConfigNode* enable = node.find("enable");
  return enable != nullptr && enable->kind == ConfigNode::Kind::kBool && !enable->boolean;
}

bool has_items(const ConfigNode& node, std::string_view key) noexcept {
  const ConfigNode* list = node.find(key);
  return list != nullptr && list->is_array() && !list->items.empty();
}

/// Upstream's drivers have a broker each. The link server is a driver there; the others come with their libraries.
void add_drivers(ObjectReader& root, std::vector<BrokerSection>& sections) {
  const ConfigNode* drivers = root.any("drivers");
  const ConfigNode* level2 = drivers == nullptr ? nullptr : drivers->find("level2");
  if (level2 == nullptr || !level2->is_array()) return;
  for (std::size_t i = 0; i < level2->items.size(); ++i) {
    const ConfigNode& entry = level2->items[i];
    const ConfigNode* file = entry.find("path-driver");
    const ConfigNode* mqtt = entry.find("mqtt");
    if (is_switched_off(entry) || file == nullptr || !file->is_string() ||
        file->text.find("tcpipsrv") == std::string::npos)
      continue;
    // The samples fill in a host in each section, whether it is used or not.
    if (mqtt == nullptr || !mqtt->is_object() || !(has_items(*mqtt, "publish") || has_items(*mqtt, "subscribe")))
      continue;
    const ConfigNode* name = entry.find("name");
    const ConfigNode* guid = entry.find("guid");
    const auto parsed = guid != nullptr && guid->is_string() ? vscp::parse_guid(guid->text) : vscp::parse_guid("-");
    sections.push_back({mqtt, router::config_path(router::config_path("drivers.level2", i), "mqtt"),
                        name != nullptr && name->is_string() ? name->text : std::string(),
                        parsed ? *parsed : vscp::Guid{}});
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
      sections.push_back({&node->items[i], router::config_path("mqtt", i), {}, {}});
  } else if (node != nullptr && node->kind != ConfigNode::Kind::kNull &&
             !(node->is_object() && node->members.empty())) {
    sections.push_back({node, "mqtt", {}, {}});
  }
  add_drivers(root, sections);
  if (root.context().known_keys != nullptr) {
    router::ConfigContext keys;  // only to make the keys known
    keys.known_keys = root.context().known_keys;
    read_broker({nullptr, "mqtt[]", {}, {}}, "mqtt", keys, place);
  }
  std::vector<BrokerConfig> out;
  for (const BrokerSection& section : sections) {
    if (section.node->is_object() && is_switched_off(*section.node)) continue;
    const std::string fallback = out.empty() ? "mqtt" : "mqtt-" + std::to_string(out.size() + 1);
    BrokerConfig broker = read_broker(section, section.name.empty() ? fallback : section.name, root.context(), place);
    check_together(root, section, broker, out);
    out.push_back(std::move(broker));
  }
  read_bridges(root, out);
  return out;
}

}  // namespace drivers::mqtt
