#include "drivers/library/abi/event_layout.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include "drivers/library/abi/level2_interface.h"

namespace drivers::library {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint16_t kYearOfNs = 0xffff;
constexpr std::uint8_t kMonthOfNs = 0xff;
constexpr std::size_t kLongTail = sizeof(ClassicEvent);  // bytes 56 to 63 exist in the 2026 layout only
constexpr std::size_t kClassicPadding = 46;              // padding of both, behind either size field

struct Date {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

std::uint64_t to_ns(const Date& date) noexcept {
  using namespace std::chrono;
  const year_month_day day{year(static_cast<int>(date.year)), month(date.month), std::chrono::day(date.day)};
  if (!day.ok() || date.year < 1970 || date.year > 2553 || date.hour > 23 || date.minute > 59 || date.second > 60) {
    return 0;
  }
  const auto days = static_cast<std::uint64_t>(sys_days(day).time_since_epoch().count());
  const std::uint64_t seconds = date.hour * 3600U + date.minute * 60U + std::min(date.second, 59U);
  return (days * 86400 + seconds) * kSecondNs;
}

Date to_date(std::uint64_t time_ns) noexcept {
  using namespace std::chrono;
  const std::uint64_t seconds = time_ns / kSecondNs;
  const year_month_day day{sys_days(days(static_cast<std::int64_t>(seconds / 86400)))};
  const auto rest = static_cast<unsigned>(seconds % 86400);
  return {.year = static_cast<unsigned>(static_cast<int>(day.year())),
          .month = static_cast<unsigned>(day.month()),
          .day = static_cast<unsigned>(day.day()),
          .hour = rest / 3600,
          .minute = rest / 60 % 60,
          .second = rest % 60};
}

template <typename Layout>
Layout load(const EventBytes& bytes) noexcept {
  Layout layout;
  std::memcpy(&layout, bytes.event.data(), sizeof layout);
  return layout;
}

template <typename Layout>
void read_common(const Layout& from, vscp::Event& event) noexcept {
  event.head = static_cast<std::uint16_t>(from.head & ~unsigned{vscp::kHeadFrameVersion});
  event.vscp_class = from.vscp_class;
  event.vscp_type = from.vscp_type;
  std::memcpy(event.guid.bytes.data(), from.guid, sizeof from.guid);
  event.obid = 0;
}

template <typename Layout>
void write_common(const vscp::Event& event, std::uint8_t* data, Layout& to) noexcept {
  to.head = static_cast<std::uint16_t>(event.head & ~unsigned{vscp::kHeadFrameVersion});
  to.obid = event.obid;
  to.vscp_class = event.vscp_class;
  to.vscp_type = event.vscp_type;
  std::memcpy(to.guid, event.guid.bytes.data(), sizeof to.guid);
  to.data_size = event.data_size;
  to.data = event.data_size == 0 ? nullptr : data;
}

}  // namespace

void Level2Record::prepare() noexcept {
  bytes_.event.fill(0);
  std::memcpy(bytes_.event.data() + kClassicPadding, &mark_, 2);
  std::memcpy(bytes_.event.data() + kLongTail, &mark_, sizeof mark_);
  std::memcpy(bytes_.behind.data(), &mark_, sizeof mark_);
}

LayoutSign Level2Record::sign() const noexcept {
  const auto kept = [this](std::size_t at, std::size_t size) {
    return std::memcmp(bytes_.event.data() + at, &mark_, size) == 0;
  };
  // The CRC field, or the copy of a whole structure.
  if (!kept(kLongTail, sizeof mark_)) return LayoutSign::k2026;
  if (!kept(kClassicPadding, 2)) return LayoutSign::kClassic;  // a whole structure was copied, and it ends at 56
  // Single fields were written: only the 2026 layout has one at 44. At 42 classic has its size, 2026 the end of the
  // GUID.
  if (load<Event2026>(bytes_).data_size != 0) return LayoutSign::k2026;
  const bool has_data = data() != nullptr;
  if (has_data && load<ClassicEvent>(bytes_).data_size != 0) return LayoutSign::kClassic;
  return LayoutSign::kNone;
}

bool Level2Record::overrun() const noexcept {
  return std::memcmp(bytes_.behind.data(), &mark_, sizeof mark_) != 0;
}

std::uint8_t* Level2Record::data() const noexcept {
  return load<ClassicEvent>(bytes_).data;
}

std::uint16_t Level2Record::data_size(EventLayout layout) const noexcept {
  return layout == EventLayout::k2026 ? load<Event2026>(bytes_).data_size : load<ClassicEvent>(bytes_).data_size;
}

void Level2Record::read_fields(EventLayout layout, vscp::Event& event) const noexcept {
  if (layout != EventLayout::k2026) {
    const auto from = load<ClassicEvent>(bytes_);
    read_common(from, event);
    event.timestamp_us = from.timestamp;
    event.time_ns = to_ns({from.year, from.month, from.day, from.hour, from.minute, from.second});
    return;
  }
  const auto from = load<Event2026>(bytes_);
  read_common(from, event);
  const bool has_ns = (from.head & vscp::kHeadFrameVersion) == vscp::kHeadFrameVersionNs ||
                      (from.year == kYearOfNs && from.month == kMonthOfNs);
  if (has_ns) {
    event.time_ns = from.timestamp_ns;
    event.timestamp_us = static_cast<std::uint32_t>(from.timestamp_ns / 1000);
  } else {
    event.timestamp_us = from.date.timestamp;
    event.time_ns = to_ns({from.year, from.month, from.date.day, from.date.hour, from.date.minute, from.date.second});
  }
}

void write_event(const vscp::Event& event, EventLayout layout, std::uint8_t* data, EventBytes& bytes) noexcept {
  bytes.event.fill(0);
  if (layout == EventLayout::k2026) {
    Event2026 to{};
    write_common(event, data, to);
    if (event.time_ns != 0) {
      to.head = static_cast<std::uint16_t>(to.head | vscp::kHeadFrameVersionNs);
      to.year = kYearOfNs;
      to.month = kMonthOfNs;
      to.timestamp_ns = event.time_ns;
    } else {
      to.date.timestamp = event.timestamp_us;
    }
    std::memcpy(bytes.event.data(), &to, sizeof to);
    return;
  }
  ClassicEvent to{};
  write_common(event, data, to);
  to.timestamp = event.timestamp_us;
  if (event.time_ns != 0) {
    const Date date = to_date(event.time_ns);
    to.year = static_cast<std::uint16_t>(date.year);
    to.month = static_cast<std::uint8_t>(date.month);
    to.day = static_cast<std::uint8_t>(date.day);
    to.hour = static_cast<std::uint8_t>(date.hour);
    to.minute = static_cast<std::uint8_t>(date.minute);
    to.second = static_cast<std::uint8_t>(date.second);
  }
  std::memcpy(bytes.event.data(), &to, sizeof to);
  // Padding of this layout; a library of the other one finds its size there.
  std::memcpy(bytes.event.data() + offsetof(Event2026, data_size), &to.data_size, sizeof to.data_size);
}

std::string_view layout_name(EventLayout layout) noexcept {
  switch (layout) {
    case EventLayout::kClassic:
      return "classic";
    case EventLayout::k2026:
      return "2026";
    default:
      return "detect";
  }
}

}  // namespace drivers::library
