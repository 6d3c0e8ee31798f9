#include "router/core/carried_event.h"

#include "protocol/big_endian.h"
#include "protocol/frame.h"

namespace router {
namespace {

constexpr std::uint8_t kFormEvent = 1;

constexpr unsigned kThreadShift = 48;

}  // namespace

EventOrigin origin_of(const EventBuf& event, std::uint64_t router) noexcept {
  if ((event.birth & 1U) == 0 && event.birth != 0) return *reinterpret_cast<const EventOrigin*>(event.birth);
  return {router, (std::uint64_t{event.home} << kThreadShift) | (event.birth >> 1U), 0};
}

std::span<const std::uint8_t> encode_carried_event(const vscp::Event& event, const EventOrigin& origin,
                                                   CarriedEventBytes& out) noexcept {
  out[0] = kFormEvent;
  out[1] = origin.hops;
  out[2] = 0;
  out[3] = 0;
  vscp::store_big<std::uint32_t>(event.timestamp_us, out.data() + 4);
  vscp::store_big<std::uint64_t>(origin.router, out.data() + 8);
  vscp::store_big<std::uint64_t>(origin.number, out.data() + 16);
  const std::size_t size = vscp::encode_event_frame(event, vscp::FrameType::kEvent1, out.data() + kCarriedHeader);
  return {out.data(), kCarriedHeader + size};
}

vscp::Result<EventOrigin> decode_carried_event(std::span<const std::uint8_t> record, vscp::Event& event) noexcept {
  if (record.size() < kCarriedHeader) return std::unexpected(vscp::Errc::kShortFrame);
  if (record[0] != kFormEvent) return std::unexpected(vscp::Errc::kBadFrameType);
  const auto decoded = vscp::decode_event_frame(record.subspan(kCarriedHeader), event);
  if (!decoded) return std::unexpected(decoded.error());
  event.timestamp_us = vscp::load_big<std::uint32_t>(record.data() + 4);
  event.obid = 0;
  return EventOrigin{vscp::load_big<std::uint64_t>(record.data() + 8),
                     vscp::load_big<std::uint64_t>(record.data() + 16), record[1]};
}

}  // namespace router
