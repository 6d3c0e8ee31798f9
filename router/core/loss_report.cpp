#include "router/core/loss_report.h"

#include <algorithm>
#include <limits>

namespace router {
namespace {

// The total may shrink a little while losses are settled with a reader.
constexpr std::uint64_t more(std::uint64_t now, std::uint64_t before) noexcept { return now > before ? now - before : 0; }

}  // namespace

bool LossReport::is_due(std::uint64_t losses, std::uint64_t events, std::uint64_t now_ns) noexcept {
  if (more(losses, told_) == 0 || now_ns < next_ns_) return false;
  if (events - reports_ != others_) return true;
  told_ = losses;  // nothing but reports came since the last one
  return false;
}

void LossReport::make(std::uint64_t losses, std::uint64_t events, std::uint64_t now_ns, vscp::Event& event) noexcept {
  const auto lost = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(more(losses, told_), std::numeric_limits<std::uint32_t>::max()));
  event.head = 1U << 5U;  // priority 1
  event.vscp_class = kClass;
  event.vscp_type = kType;
  event.guid = guid_;
  event.obid = 0;
  event.time_ns = 0;
  event.timestamp_us = 0;
  event.data[0] = worker_;
  event.data[1] = event.data[2] = 255;
  for (unsigned i = 0; i < 4; ++i) event.data[3 + i] = static_cast<std::uint8_t>(lost >> (24 - 8 * i));
  event.data_size = 7;
  told_ = losses;
  others_ = events - reports_;
  ++reports_;
  next_ns_ = now_ns + kPauseNs;
}

std::uint64_t LossReport::ns_until_due(std::uint64_t losses, std::uint64_t now_ns) const noexcept {
  if (more(losses, told_) == 0) return ~std::uint64_t{0};
  return more(next_ns_, now_ns);
}

}  // namespace router
