#include "drivers/socketcan/socketcan_config.h"

#include <net/if.h>

#include <algorithm>

#include "router/core/filter_config.h"

namespace drivers::socketcan {
namespace {

using router::ObjectReader;

constexpr std::int64_t kOutQueueMin = 16;
constexpr std::int64_t kOutQueueMax = 65'536;
constexpr std::int64_t kAgeMaxS = 86'400;
constexpr std::int64_t kReceiveBufferMin = 65'536;
constexpr std::int64_t kReceiveBufferMax = 1 << 29;

void read_device(ObjectReader& reader, CanConfig& out) {
  out.device = reader.text("device", "");
  if (is_interface_name(out.device)) return;
  constexpr std::string_view kExample = R"(: write the name of a CAN interface, for example "can0")";
  if (out.device.empty()) {
    reader.error("device", "is missing" + std::string(kExample));
  } else {
    reader.error("device", '"' + out.device +
                               "\" can be no interface's name (1 to 15 characters, no blank, slash or colon)" +
                               std::string(kExample));
  }
}

}  // namespace

bool is_interface_name(std::string_view name) noexcept {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == '/' || c == ':';
  });
}

std::optional<CanConfig> parse_can(const router::ConfigNode& node, const std::string& path,
                                   router::ConfigContext& context) {
  CanConfig out;
  ObjectReader reader(&node, path, context);
  const bool enable = reader.boolean("enable", true);
  read_device(reader, out);
  out.guid = router::read_interface_guid(reader);
  out.fd = reader.boolean("fd", out.fd);
  out.bit_rate_switch = reader.boolean("bit-rate-switch", out.bit_rate_switch);
  if (!out.fd && reader.has("bit-rate-switch"))
    reader.error("bit-rate-switch", R"(is for FD frames: write "fd": true, or remove it)");
  out.receive = reader.boolean("receive", out.receive);
  out.send = reader.boolean("send", out.send);
  if (!out.receive && !out.send)
    reader.error("send", R"(is false, and so is "receive": write true for one of them, or "enable": false)");
  ObjectReader filter(reader.object("filter"), reader.path_of("filter"), context);
  out.in_filter = router::read_filter(filter, "in-filter", "in-mask");
  out.out_filter = router::read_filter(filter, "out-filter", "out-mask");
  filter.finish();
  out.max_out_queue =
      static_cast<std::uint32_t>(reader.integer("max-out-queue", out.max_out_queue, kOutQueueMin, kOutQueueMax));
  out.max_age_s = static_cast<std::uint32_t>(reader.integer("max-age-s", out.max_age_s, 0, kAgeMaxS));
  out.receive_buffer = static_cast<std::uint32_t>(
      reader.integer("receive-buffer-bytes", out.receive_buffer, kReceiveBufferMin, kReceiveBufferMax));
  out.error_events = reader.boolean("error-events", out.error_events);
  out.restart = reader.boolean("restart", out.restart);
  reader.finish();
  if (!enable) return std::nullopt;
  return out;
}

}  // namespace drivers::socketcan
