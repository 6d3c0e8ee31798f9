#include "drivers/link_client/send_line.h"

#include <charconv>
#include <cstring>

namespace drivers::link_client {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint32_t kSecondUs = 1'000'000;
constexpr int kFieldsBefore = 3;  // head, class, type
constexpr int kObidDigits = 10;

/// Where the obid begins.
std::size_t obid_at(std::string_view line) noexcept {
  std::size_t at = 0;
  for (int field = 0; field < kFieldsBefore; ++field) at = line.find(',', at) + 1;
  return at;
}

}  // namespace

std::size_t write_send(std::string_view line, std::uint32_t obid, char* out) noexcept {
  const std::size_t at = obid_at(line);
  const std::size_t behind = line.find(',', at);
  char* end = out;
  std::memcpy(end, "SEND ", 5);
  end += 5;
  std::memcpy(end, line.data(), at);
  end = std::to_chars(end + at, end + at + kObidDigits, obid).ptr;
  std::memcpy(end, line.data() + behind, line.size() - behind);
  return static_cast<std::size_t>(end - out) + line.size() - behind;
}

std::uint32_t obid_of_line(std::string_view line) noexcept {
  const std::size_t at = obid_at(line);
  std::uint32_t obid = 0;
  std::from_chars(line.data() + at, line.data() + line.size(), obid);
  return obid;
}

void restore_fraction(vscp::Event& event) noexcept {
  if (event.time_ns % kSecondNs != 0) return;
  const std::uint32_t us = event.timestamp_us - static_cast<std::uint32_t>(event.time_ns / 1000);
  if (us < kSecondUs) event.time_ns += std::uint64_t{us} * 1000;
}

}  // namespace drivers::link_client
