// Users and what they may do. Spec: vscp_tcpiplink.md (credentials), appendix_a_users.md.
//
// Thread rule: immutable after construction and shared by shared_ptr<const UserDirectory>; any thread reads. A reload
// makes a new directory; sessions keep the one that they logged in with for as long as they hold it.
// Nothing here allocates after construction.
#pragma once

#include <sys/socket.h>

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/errc.h"
#include "protocol/event_line.h"
#include "protocol/filter.h"
#include "protocol/link_command.h"
#include "router/core/slow_consumer.h"

namespace router {

/// Rights as bits, with the values that existing users files write as numbers.
enum class UserRight : std::uint32_t {
  kTcpip = 0x1,
  kWebsocket = 0x2,
  kWeb = 0x4,
  kRest = 0x8,
  kUdp = 0x10,
  kMqtt = 0x20,
  kMulticast = 0x40,
  kSendEvents = 0x10000,
  kSendLevel1Control = 0x20000,  ///< class 0 and 512
  kSendLevel2Control = 0x40000,  ///< class 1024
  kSendHlo = 0x80000,            ///< class 1025
  kReceiveEvents = 0x100000,
  kSetFilter = 0x4000000,
  kSetGuid = 0x8000000,
  kTest = 0x10000000,
  kInterface = 0x20000000,
  kRestart = 0x40000000,
  kShutdown = 0x80000000,
};
inline constexpr std::uint32_t kAllRights = 0xffffffffU;
inline constexpr unsigned kPrivilegeMax = 15;

/// The bits of one word of a "rights" list ("admin", "user", "send-events", ... or a number); nullopt if unknown.
std::optional<std::uint32_t> parse_right(std::string_view word) noexcept;
/// The words that parse_right knows.
std::span<const std::string_view> right_words() noexcept;

/// The commands that a user may use, one bit per vscp::LinkVerb.
using VerbSet = std::bitset<64>;
/// Commands whose privilege is at most `level`, and those allowed before login.
VerbSet verbs_for_privilege(unsigned level) noexcept;
/// By rights: SEND and MEASUREMENT need kSendEvents; RETR, RCVLOOP, CDTA, CLRA kReceiveEvents; SGID kSetGuid; SFLT,
/// SMSK kSetFilter; INTERFACE, TEST, RESTART, SHUTDOWN their own bit; everything else is allowed.
VerbSet verbs_for_rights(std::uint32_t rights) noexcept;

/// Which classes and types a user may send. Without any entry everything may be sent.
class SendRules {
 public:
  /// Adds "*:*", "class:*", "class:type" or "*:type"; numbers decimal or 0x. Also "TX;class;type" of the spec's
  /// appendix, with -1 for any. Errors: kMissingField, kBadNumber, kNumberRange.
  vscp::Result<void> add(std::string_view entry);
  bool allows(std::uint16_t vscp_class, std::uint16_t vscp_type) const noexcept;
  bool allows_all() const noexcept { return allows_all_; }
  bool empty() const noexcept { return !any_ && classes_.empty() && types_.empty() && pairs_.empty(); }

 private:
  bool any_ = false;
  bool allows_all_ = true;
  std::vector<std::uint16_t> classes_;  // each sorted
  std::vector<std::uint16_t> types_;
  std::vector<std::uint32_t> pairs_;  // class << 16 | type
};

/// From which hosts a user may come. Without any rule: from everywhere. The last rule that covers the address decides;
/// if none does, the answer is no when there is an allowing rule, and yes when all rules are refusing ones.
class HostRules {
 public:
  /// "[+|-]address", "[+|-]net/bits", "[+|-]192.168.1.*", "*"; IPv4 and IPv6. Errors: kBadNumber (not an address),
  /// kNumberRange (prefix length).
  vscp::Result<void> add(std::string_view entry);
  /// IPv4-mapped IPv6 addresses count as IPv4. Other families pass only if there is no rule.
  bool allows(const sockaddr* address) const noexcept;
  bool empty() const noexcept { return rules_.empty(); }

 private:
  struct Rule {
    std::array<std::uint8_t, 16> net{};  // IPv4 as ::ffff:a.b.c.d
    std::uint8_t bits = 0;
    bool allow = true;
  };
  std::vector<Rule> rules_;
};

/// What one user has differently from the listener's configuration.
struct UserOverrides {
  QueueLimits queue;
  std::optional<bool> receive_sent_events;
  std::optional<vscp::LineFormat> line_format;
};

struct User {
  std::string name;
  std::string full_name;
  std::string note;
  std::string password_hash;  ///< see router/base/password.h
  VerbSet allowed_verbs;
  std::uint32_t rights = kAllRights;  ///< decides on sending control classes; all set for users by privilege only
  std::uint8_t privilege = 0;         ///< 0..15, for show; allowed_verbs decides
  SendRules send_rules;
  HostRules host_rules;
  vscp::Filter filter;  ///< installed at login
  UserOverrides overrides;

  bool may_use(vscp::LinkVerb verb) const noexcept { return allowed_verbs.test(static_cast<std::size_t>(verb)); }
  /// Rights to the class and the list of allowed events; the right to SEND itself is may_use(kSend).
  bool may_send(std::uint16_t vscp_class, std::uint16_t vscp_type) const noexcept {
    return (rights == kAllRights && send_rules.allows_all()) || may_send_listed(vscp_class, vscp_type);
  }
  bool host_allowed(const sockaddr* address) const noexcept { return host_rules.allows(address); }

 private:
  bool may_send_listed(std::uint16_t vscp_class, std::uint16_t vscp_type) const noexcept;
};

/// All users of one listener. Names are unique and case counts.
class UserDirectory {
 public:
  UserDirectory() = default;
  /// Of users with the same name the first stays.
  explicit UserDirectory(std::vector<User> users);

  /// The user stays valid as long as the directory does. Null if there is none.
  const User* find(std::string_view name) const noexcept;
  std::size_t size() const noexcept { return users_.size(); }
  std::span<const User> users() const noexcept { return users_; }

 private:
  std::vector<User> users_;  // sorted by name
};

}  // namespace router
