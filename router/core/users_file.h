// The users file (users.json): reading it, making the first one, adding a user, replacing one user's password hash.
//
// Format: {"users": [{"name", "password", "full-name", "note", "privilege", "rights", "remotes", "allow-events",
// "filter", "mask", "max-out-queue", "max-out-bytes", "slow-consumer", "hold-producers-ms", "receive-sent-events",
// "line-format"}]}, with "fullname" and "events" as second names of two keys, as existing files have them. "privilege" (0..15) and "rights" may both be
// given: then a command must be allowed by both.
//
// Thread rule: start-up and helper threads, never a worker. Files are written to a temporary file beside the old one,
// synced and renamed, so that a crash leaves either the old or the new file.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/errc.h"
#include "router/base/config_node.h"
#include "router/base/random.h"
#include "router/core/users.h"

namespace router {

struct UsersResult {
  std::shared_ptr<const UserDirectory> users;  ///< present if and only if there are no errors
  std::vector<ConfigIssue> errors;
  std::vector<ConfigIssue> warnings;  ///< a file that others can read, a user that may do nothing
};

/// What to tell an operator whose users file is not there.
std::string no_users_file_text(const std::string& path);

UsersResult load_users(const std::string& path);
UsersResult parse_users(std::string_view text, const std::string& file, std::set<std::string>* known_keys = nullptr);

inline constexpr std::string_view kFirstUserName = "admin";

/// Writes a new users file, mode 0600, with one user. Errors: kSystem|EEXIST if there already is a file (it is never
/// overwritten), other kSystem codes, kBadNumber (no name or hash that a users file may have).
vscp::Result<void> create_users_file(const std::string& path, std::string_view name, std::string_view password_hash,
                                     unsigned privilege = kPrivilegeMax);

/// Adds a user to a file without errors; everything else in it stays byte for byte, as do its mode and owner. Errors:
/// kSystem|EEXIST (there is such a user), kMissingField (no list "users"), kBadNumber (the file cannot be parsed, or no
/// name or hash that it may have), other kSystem codes. Calls for one file must not overlap.
vscp::Result<void> add_user(const std::string& path, std::string_view name, std::string_view password_hash,
                            unsigned privilege);

/// 20 characters that cannot be taken for one another (no 0 O 1 l I), more than 110 bits.
std::string make_random_password(Random& random);

/// Replaces one user's stored hash if it still is `old_hash`; everything else in the file stays byte for byte, as do
/// its mode and owner. Errors: kBadNumber (the file cannot be parsed), kMissingField (no such user, or the hash is
/// another one), kSystem codes. Calls for one file must not overlap.
vscp::Result<void> replace_password_hash(const std::string& path, std::string_view user, std::string_view old_hash,
                                         std::string_view new_hash);

}  // namespace router
