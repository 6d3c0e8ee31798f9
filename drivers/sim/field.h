// A field of simulated nodes: what a building's sensors and switches would send. No I/O, no threads, no clock.
//
// Every node is a room: temperature and its heartbeat, a push button that switches a lamp, a smoke alarm.
//   CLASS1.MEASUREMENT 6    temperature in degrees Celsius, normalized integer, a daily curve with noise
//   CLASS1.INFORMATION 1    button pressed, then released (two events, one after the other)
//   CLASS1.INFORMATION 3/4  lamp on or off, following the release
//   CLASS1.ALARM 2, 13      smoke alarm and its reset, priority 0
//   CLASS1.INFORMATION 9    heartbeat of one node after the other
//
// The content (class, type, GUID, data, order) depends only on seed, node count and rate, never on the time given;
// equal options give equal events. Nothing is allocated after construction. Thread rule: one owner.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/event.h"

namespace drivers::sim {

struct FieldOptions {
  std::uint64_t seed = 1;
  std::uint32_t nodes = 10;       ///< 1..kNodesMax
  double events_per_second = 10;  ///< of all nodes together; kRateMin..kRateMax
};

inline constexpr std::uint32_t kNodesMax = 1'000'000;
inline constexpr double kRateMin = 0.001;
inline constexpr double kRateMax = 10'000'000;

class Field {
 public:
  /// `start_ns`: when the first event is due, on the caller's clock. Options outside their range are clamped.
  Field(const FieldOptions& options, std::uint64_t start_ns);

  /// When the next event is due, on the clock of `start_ns`.
  std::uint64_t next_time_ns() const noexcept;

  /// Writes the next event, due or not, into `event`; its time_ns is `time_ns` (UTC) and its timestamp_us the low 32
  /// bits of the microseconds of `time_ns`.
  void next(std::uint64_t time_ns, vscp::Event& event) noexcept;

  /// Events given so far.
  std::uint64_t count() const noexcept { return count_; }

  /// GUID of node `index`: FF:FF:FF:FF:FF:FF:FF:F5 (reserved for demonstrations), "SIM", 00, index + 1.
  static vscp::Guid node_guid(std::uint32_t index) noexcept;

 private:
  struct Node {
    float base_celsius = 0;
    float noise_celsius = 0;
    std::uint8_t heartbeat = 0;
    bool lamp_on = false;
    bool alarm_on = false;
  };
  enum class Follow : std::uint8_t { kNothing, kRelease, kLamp };

  std::uint64_t random() noexcept;
  /// Uniform in 0 .. bound - 1.
  std::uint32_t random_below(std::uint32_t bound) noexcept;
  void fill_temperature(vscp::Event& event) noexcept;
  void fill_button(vscp::Event& event, bool pressed) noexcept;
  void fill_lamp(vscp::Event& event) noexcept;
  void fill_alarm(vscp::Event& event) noexcept;
  void fill_heartbeat(vscp::Event& event) noexcept;
  void fill(vscp::Event& event, std::uint32_t node, std::uint8_t priority, std::uint16_t vscp_class,
            std::uint16_t vscp_type) noexcept;

  std::vector<Node> nodes_;
  std::uint64_t random_state_;
  std::uint64_t start_ns_;
  double interval_ns_;
  std::uint64_t count_ = 0;
  std::uint32_t next_temperature_ = 0;
  std::uint32_t next_heartbeat_ = 0;
  std::uint32_t follow_node_ = 0;
  Follow follow_ = Follow::kNothing;
};

}  // namespace drivers::sim
