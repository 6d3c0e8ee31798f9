// What a bridged message carries so that it never goes in circles: the brokers that it was taken from, and by whom.
//
// Text: hops with commas between them, each "BROKER@ROUTER": the broker's name, the same on all routers, and eight hex
// digits that stand for the router. MQTT 5 carries it in the user property "vscp-bridge", MQTT 3.1.1 in a last topic
// level "vscp-bridge:TEXT". The first hop is the origin; their number is the hop count. Pure functions and plain
// values. Thread rule: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drivers::mqtt {

inline constexpr std::string_view kMarkProperty = "vscp-bridge";
inline constexpr std::string_view kMarkLevel = "vscp-bridge:";
inline constexpr std::size_t kMarkNameMax = 64;
inline constexpr std::size_t kMarkHopsMax = 32;
inline constexpr std::size_t kMarkBytesMax = kMarkHopsMax * (kMarkNameMax + 10);

/// May the name of a broker stand in a mark? Letters, digits, '-', '_' and '.'.
bool is_mark_name(std::string_view name) noexcept;

/// Hops of one message, in order.
class BridgeMark {
 public:
  /// Nothing if it is no mark: a wrong character, an empty or too long name, too many hops.
  static std::optional<BridgeMark> parse(std::string_view text);

  std::size_t hops() const noexcept { return hops_; }
  const std::string& text() const noexcept { return text_; }
  /// Whether the message has been at this broker.
  bool has_broker(std::string_view name) const noexcept;
  /// Whether this router has taken it from this broker before.
  bool has_hop(std::string_view broker, std::uint32_t router) const noexcept;
  void add(std::string_view broker, std::uint32_t router);

 private:
  std::string text_;
  std::size_t hops_ = 0;
};

/// A topic and the mark in its last level; `mark` is empty if there is none.
struct MarkedTopic {
  std::string_view topic;
  std::string_view mark;
};
MarkedTopic split_marked_topic(std::string_view topic) noexcept;

}  // namespace drivers::mqtt
