// Texts that people or clients write and that become values: configuration, users, MEASUREMENT.
#include <algorithm>

#include "drivers/link/link_driver.h"
#include "drivers/link/measurement_command.h"
#include "protocol/event_line.h"
#include "router/core/users_file.h"
#include "router/daemon/config.h"
#include "tests/fuzz/promise.h"
#include "protocol/names/measurement.h"

namespace fuzz {
namespace {

constexpr const char* kFile = "fuzz.json";

void check_issues(const std::vector<router::ConfigIssue>& issues, std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const auto& issue : issues) {
    check(!issue.text.empty(), "an issue says something");
    if (issue.file == kFile) check(issue.line <= lines, "an issue is inside the file");
    const std::string shown = router::to_text(issue);
    check(shown.size() > issue.text.size(), "an issue says where");
    check(std::all_of(shown.begin(), shown.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; }),
          "an issue is one line without control characters");
  }
}

}  // namespace

void measurement(Bytes input) {
  const ExactCopy copy(input);
  vscp::Event event;
  event.time_ns = 0;
  event.timestamp_us = 0;
  event.obid = 0;
  const auto made = drivers::link::make_measurement(copy.text(), event);
  if (!made) {
    using vscp::Errc;
    const auto code = made.error();
    check(
        code == Errc::kMissingField || code == Errc::kBadNumber || code == Errc::kNumberRange || code == Errc::kBadGuid,
        "one of its errors");
    return;
  }
  check(event.vscp_class == 10 || event.vscp_class == 1040 || event.vscp_class == 1060, "a class of measurements");
  check(event.data_size <= (event.vscp_class == 10 ? 8 : vscp::kEventDataSpec), "data that its class has room for");
  // Two units of time are packed dates, which are no numbers to the reader.
  constexpr std::uint16_t kTime = 4;
  check(event.vscp_type == kTime || vscp::decode_measurement(event).has_value(), "what we make can be read");
  const auto line = std::make_unique<char[]>(vscp::kEventLineMax);
  vscp::DateCache dates;
  const std::size_t size = vscp::encode_event_line(event, vscp::LineFormat::kLegacy, dates, line.get());
  vscp::Event back;
  check(vscp::decode_event_line({line.get(), size - 2}, back).has_value() && back == event, "it goes over the link");
}

void config(Bytes input) {
  const ExactCopy copy(input);
  const auto result = router::parse_config(copy.text(), kFile, "/folder", "/no/network/here");
  check(result.config.has_value() == result.errors.empty(), "a configuration or errors");
  check_issues(result.errors, copy.text());
  check_issues(result.warnings, copy.text());
  if (!result.config) return;
  for (const auto& listener : router::driver_part<drivers::link::LinkDriverConfig>(*result.config)->listeners) {
    check(!listener.addresses.empty(), "a listener listens");
    check(!listener.path_users.starts_with("."), "the path of the users is absolute");
    check(listener.line_max > 0 && listener.login_timeout_s > 0 && listener.keepalive_ms > 0, "limits are limits");
  }
}

void users(Bytes input) {
  const ExactCopy copy(input);
  const auto result = router::parse_users(copy.text(), kFile);
  check((result.users != nullptr) == result.errors.empty(), "users or errors");
  check_issues(result.errors, copy.text());
  check_issues(result.warnings, copy.text());
  if (result.users == nullptr) return;
  for (const auto& user : result.users->users()) {
    check(!user.name.empty() && user.name.size() <= vscp::kUserNameMax, "length of a name");
    check(result.users->find(user.name) == &user, "a user is found by name");
    check(user.privilege <= router::kPrivilegeMax, "a privilege");
  }
}

}  // namespace fuzz
