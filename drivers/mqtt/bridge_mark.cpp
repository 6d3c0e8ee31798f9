#include "drivers/mqtt/bridge_mark.h"

#include <algorithm>
#include <array>

namespace drivers::mqtt {
namespace {

constexpr std::size_t kRouterDigits = 8;

bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

std::array<char, kRouterDigits> digits_of(std::uint32_t router) noexcept {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, kRouterDigits> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = kDigits[router >> (28U - 4U * i) & 15U];
  return out;
}

// The first hop of what is left, taken off its front.
std::string_view next_hop(std::string_view& rest) noexcept {
  const std::string_view hop = rest.substr(0, rest.find(','));
  rest.remove_prefix(std::min(rest.size(), hop.size() + 1));
  return hop;
}

std::string_view broker_of(std::string_view hop) noexcept {
  return hop.substr(0, hop.find('@'));
}

}  // namespace

bool is_mark_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMarkNameMax && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  });
}

std::optional<BridgeMark> BridgeMark::parse(std::string_view text) {
  if (text.empty() || text.size() > kMarkBytesMax || text.back() == ',') return std::nullopt;
  BridgeMark out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view hop = next_hop(rest);
    const std::string_view name = broker_of(hop);
    const std::string_view router = hop.substr(std::min(hop.size(), name.size() + 1));
    if (!is_mark_name(name) || router.size() != kRouterDigits || !std::all_of(router.begin(), router.end(), is_hex) ||
        ++out.hops_ > kMarkHopsMax) {
      return std::nullopt;
    }
  }
  out.text_ = text;
  return out;
}

bool BridgeMark::has_broker(std::string_view name) const noexcept {
  for (std::string_view rest = text_; !rest.empty();) {
    if (broker_of(next_hop(rest)) == name) return true;
  }
  return false;
}

bool BridgeMark::has_hop(std::string_view broker, std::uint32_t router) const noexcept {
  const auto digits = digits_of(router);
  for (std::string_view rest = text_; !rest.empty();) {
    const std::string_view hop = next_hop(rest);
    if (broker_of(hop) == broker && hop.ends_with(std::string_view(digits.data(), digits.size()))) return true;
  }
  return false;
}

void BridgeMark::add(std::string_view broker, std::uint32_t router) {
  const auto digits = digits_of(router);
  if (!text_.empty()) text_ += ',';
  text_.append(broker).append("@").append(digits.data(), digits.size());
  ++hops_;
}

MarkedTopic split_marked_topic(std::string_view topic) noexcept {
  const std::size_t slash = topic.rfind('/');
  if (slash == std::string_view::npos || !topic.substr(slash + 1).starts_with(kMarkLevel)) return {topic, {}};
  return {topic.substr(0, slash), topic.substr(slash + 1 + kMarkLevel.size())};
}

}  // namespace drivers::mqtt
