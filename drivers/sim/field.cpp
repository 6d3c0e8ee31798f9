#include "drivers/sim/field.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace drivers::sim {
namespace {

constexpr std::uint16_t kClassAlarm = 1;
constexpr std::uint16_t kClassMeasurement = 10;
constexpr std::uint16_t kClassInformation = 20;
constexpr std::uint16_t kTypeAlarmOccurred = 2;
constexpr std::uint16_t kTypeAlarmReset = 13;
constexpr std::uint16_t kTypeTemperature = 6;
constexpr std::uint16_t kTypeButton = 1;
constexpr std::uint16_t kTypeOn = 3;
constexpr std::uint16_t kTypeOff = 4;
constexpr std::uint16_t kTypeHeartbeat = 9;

// Of 1000 draws; the rest are temperatures. A button press brings two more events with it.
constexpr std::uint32_t kAlarmPerMille = 4;
constexpr std::uint32_t kButtonPerMille = 46;
constexpr std::uint32_t kHeartbeatPerMille = 150;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr double kDaySeconds = 86400;

/// splitmix64: a full-period mixer, equal on every machine.
std::uint64_t mix(std::uint64_t& state) noexcept {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t value = state;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

std::uint8_t zone_of(std::uint32_t node) noexcept {
  return static_cast<std::uint8_t>(node / 64 % 255);
}
std::uint8_t subzone_of(std::uint32_t node) noexcept {
  return static_cast<std::uint8_t>(node % 64);
}

void set_zone_data(vscp::Event& event, std::uint8_t first, std::uint32_t node) noexcept {
  event.data[0] = first;
  event.data[1] = zone_of(node);
  event.data[2] = subzone_of(node);
  event.data_size = 3;
}

}  // namespace

Field::Field(const FieldOptions& options, std::uint64_t start_ns)
    : nodes_(std::clamp(options.nodes, 1U, kNodesMax)),
      random_state_(options.seed),
      start_ns_(start_ns),
      interval_ns_(static_cast<double>(kSecondNs) / std::clamp(options.events_per_second, kRateMin, kRateMax)) {
  for (Node& node : nodes_) node.base_celsius = 18.0F + static_cast<float>(random_below(60)) / 10.0F;
}

std::uint64_t Field::next_time_ns() const noexcept {
  return start_ns_ + static_cast<std::uint64_t>(static_cast<double>(count_) * interval_ns_);
}

void Field::next(std::uint64_t time_ns, vscp::Event& event) noexcept {
  event.time_ns = time_ns;
  event.timestamp_us = static_cast<std::uint32_t>(time_ns / 1000);
  event.obid = 0;
  if (follow_ == Follow::kRelease) {
    fill_button(event, false);
    follow_ = Follow::kLamp;
  } else if (follow_ == Follow::kLamp) {
    fill_lamp(event);
    follow_ = Follow::kNothing;
  } else {
    const std::uint32_t draw = random_below(1000);
    if (draw < kAlarmPerMille) {
      fill_alarm(event);
    } else if (draw < kAlarmPerMille + kButtonPerMille) {
      follow_node_ = random_below(static_cast<std::uint32_t>(nodes_.size()));
      fill_button(event, true);
      follow_ = Follow::kRelease;
    } else if (draw < kAlarmPerMille + kButtonPerMille + kHeartbeatPerMille) {
      fill_heartbeat(event);
    } else {
      fill_temperature(event);
    }
  }
  ++count_;
}

vscp::Guid Field::node_guid(std::uint32_t index) noexcept {
  const std::uint32_t number = index + 1;
  return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf5, 'S', 'I', 'M', 0, static_cast<std::uint8_t>(number >> 24U),
           static_cast<std::uint8_t>(number >> 16U), static_cast<std::uint8_t>(number >> 8U),
           static_cast<std::uint8_t>(number)}};
}

std::uint64_t Field::random() noexcept {
  return mix(random_state_);
}

std::uint32_t Field::random_below(std::uint32_t bound) noexcept {
  return static_cast<std::uint32_t>((random() >> 32U) * bound >> 32U);
}

void Field::fill(vscp::Event& event, std::uint32_t node, std::uint8_t priority, std::uint16_t vscp_class,
                 std::uint16_t vscp_type) noexcept {
  event.guid = node_guid(node);
  event.head = static_cast<std::uint16_t>(priority << 5U);
  event.vscp_class = vscp_class;
  event.vscp_type = vscp_type;
}

void Field::fill_temperature(vscp::Event& event) noexcept {
  const std::uint32_t index = next_temperature_;
  next_temperature_ = (index + 1) % static_cast<std::uint32_t>(nodes_.size());
  Node& node = nodes_[index];
  // The field's own time, so that the content does not depend on when it is asked for. Its day starts at midnight.
  const double seconds = static_cast<double>(count_) * interval_ns_ / static_cast<double>(kSecondNs);
  const double day = std::sin(2 * std::numbers::pi * (seconds / kDaySeconds - 0.375));
  // A random walk that is pulled back to zero stays within about half a degree.
  const double step = (static_cast<double>(random_below(201)) - 100) / 1000;
  node.noise_celsius = static_cast<float>(static_cast<double>(node.noise_celsius) * 0.95 + step);
  const double celsius = static_cast<double>(node.base_celsius) + 2.5 * day + static_cast<double>(node.noise_celsius);
  const auto hundredths = static_cast<std::int16_t>(std::lround(celsius * 100));
  fill(event, index, 3, kClassMeasurement, kTypeTemperature);
  event.data[0] = 0x88;  // normalized integer, unit 1 (Celsius), sensor 0
  event.data[1] = 0x82;  // two places to the left
  event.data[2] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(hundredths) >> 8U);
  event.data[3] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(hundredths));
  event.data_size = 4;
}

void Field::fill_button(vscp::Event& event, bool pressed) noexcept {
  fill(event, follow_node_, 3, kClassInformation, kTypeButton);
  set_zone_data(event, pressed ? 1 : 0, follow_node_);
  event.data[3] = 0;  // code of the button, 16 bits
  event.data[4] = 1;
  event.data_size = 5;
}

void Field::fill_lamp(vscp::Event& event) noexcept {
  Node& node = nodes_[follow_node_];
  node.lamp_on = !node.lamp_on;
  fill(event, follow_node_, 3, kClassInformation, node.lamp_on ? kTypeOn : kTypeOff);
  set_zone_data(event, 0, follow_node_);
}

void Field::fill_alarm(vscp::Event& event) noexcept {
  const std::uint32_t index = random_below(static_cast<std::uint32_t>(nodes_.size()));
  Node& node = nodes_[index];
  node.alarm_on = !node.alarm_on;
  fill(event, index, 0, kClassAlarm, node.alarm_on ? kTypeAlarmOccurred : kTypeAlarmReset);
  set_zone_data(event, 1, index);
}

void Field::fill_heartbeat(vscp::Event& event) noexcept {
  const std::uint32_t index = next_heartbeat_;
  next_heartbeat_ = (index + 1) % static_cast<std::uint32_t>(nodes_.size());
  fill(event, index, 6, kClassInformation, kTypeHeartbeat);
  set_zone_data(event, nodes_[index].heartbeat++, index);
}

}  // namespace drivers::sim
