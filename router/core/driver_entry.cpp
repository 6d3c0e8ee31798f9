#include "router/core/driver_entry.h"

#include <filesystem>

namespace router {
namespace {

bool has_items(const ConfigNode& node, std::string_view key) noexcept {
  const ConfigNode* list = node.find(key);
  return list != nullptr && list->is_array() && !list->items.empty();
}

}  // namespace

bool is_switched_off(const ConfigNode& entry) noexcept {
  const ConfigNode* enable = entry.find("enable");
  return enable != nullptr && enable->kind == ConfigNode::Kind::kBool && !enable->boolean;
}

std::string_view driver_file(const ConfigNode& entry) noexcept {
  for (const std::string_view key : {"path", "path-driver"}) {
    if (const ConfigNode* file = entry.find(key); file != nullptr && file->is_string()) return file->text;
  }
  return {};
}

bool is_tcpipsrv(const ConfigNode& entry) noexcept {
  const ConfigNode* driver = entry.find("path-driver");
  return driver != nullptr && driver->is_string() && driver->text.find("tcpipsrv") != std::string::npos;
}

std::string driver_name(const ConfigNode& entry) {
  const ConfigNode* name = entry.find("name");
  if (name != nullptr && name->is_string() && !name->text.empty()) return name->text;
  return std::filesystem::path(driver_file(entry)).stem().string();
}

std::string driver_interface_name(std::string_view driver_name) {
  return "driver " + std::string(driver_name);
}

const ConfigNode* driver_mqtt(const ConfigNode& entry) noexcept {
  const ConfigNode* mqtt = entry.find("mqtt");
  if (mqtt == nullptr || !mqtt->is_object() || is_switched_off(*mqtt)) return nullptr;
  return has_items(*mqtt, "publish") || has_items(*mqtt, "subscribe") ? mqtt : nullptr;
}

}  // namespace router
