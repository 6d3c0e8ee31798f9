#include "tools/vscpctl/mkpasswd.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <system_error>

#include "protocol/limits.h"
#include "router/base/password.h"
#include "router/core/users_file.h"
#include "tools/client/text.h"
#include "tools/vscpctl/connection.h"

namespace tools::ctl {
namespace {

std::unexpected<ClientError> usage(std::string text) {
  return std::unexpected(ClientError{ClientFault::kUsage, std::move(text)});
}

std::string reason(vscp::Errc code) {
  if (vscp::is_errno(code)) return std::generic_category().message(vscp::to_errno(code));
  return std::string(vscp::to_text(code));
}

/// Empty is fine: then there is no user.
bool good_name(std::string_view name) {
  return name.size() <= vscp::kUserNameMax &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

ClientResult<std::string> new_password(const MkpasswdOptions& options) {
  if (options.from_stdin) {
    std::string line;
    if (!std::getline(std::cin, line) || line.empty()) return usage("standard input has no password in its first line");
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }
  const std::string whose =
      options.user.empty() ? "New password: " : cat("New password of ", printable(options.user), ": ");
  auto first = ask_password(whose);
  if (!first) return usage("no terminal to ask for the password; give it on standard input with --stdin");
  const auto second = ask_password("The same again: ");
  if (!second || *second != *first) return usage("the two passwords differ; nothing was changed");
  return first;
}

constexpr const char* kReload = "make it count in a running daemon with: vscpctl reload";

unsigned privilege_of(const MkpasswdOptions& options, unsigned fallback) {
  return options.privilege < 0 ? fallback : static_cast<unsigned>(options.privilege);
}

int make_file(const MkpasswdOptions& options, const std::string& hash) {
  const unsigned privilege = privilege_of(options, router::kPrivilegeMax);
  if (const auto made = router::create_users_file(options.users_file, options.user, hash, privilege); !made) {
    return fail(cat("cannot write '", options.users_file, "': ", reason(made.error())));
  }
  std::fprintf(stderr, "made %s with the user %s, privilege %u%s\n", options.users_file.c_str(), options.user.c_str(),
               privilege, privilege == router::kPrivilegeMax ? ": may do everything" : "");
  return kExitOk;
}

int add(const MkpasswdOptions& options, const std::string& hash) {
  const unsigned privilege = privilege_of(options, kPrivilegeAdded);
  if (const auto added = router::add_user(options.users_file, options.user, hash, privilege); !added) {
    return fail(cat("cannot add to '", options.users_file, "': ",
                    added.error() == vscp::Errc::kMissingField ? "it has no list \"users\"" : reason(added.error())));
  }
  std::fprintf(stderr, "added %s, privilege %u, to %s; %s\n", options.user.c_str(), privilege,
               options.users_file.c_str(), kReload);
  return kExitOk;
}

int store(const MkpasswdOptions& options, const std::string& hash) {
  const std::string& path = options.users_file;
  if (access(path.c_str(), F_OK) != 0) return make_file(options, hash);
  const router::UsersResult loaded = router::load_users(path);
  if (!loaded.users) {
    for (const auto& issue : loaded.errors) fail(router::to_text(issue));
    return fail(cat("'", path, "' has errors and was not changed"));
  }
  const router::User* user = loaded.users->find(options.user);
  if (user == nullptr) return add(options, hash);
  if (options.privilege >= 0) {
    return fail(cat("'", path, "' has the user ", options.user,
                    " already, nothing was changed; --privilege is for a new one, change it in the file"));
  }
  if (const auto done = router::replace_password_hash(path, options.user, user->password_hash, hash); !done) {
    return fail(cat("cannot change '", path, "': ", reason(done.error())));
  }
  std::fprintf(stderr, "changed the password of %s in %s; %s\n", options.user.c_str(), path.c_str(), kReload);
  return kExitOk;
}

}  // namespace

int run_mkpasswd(const MkpasswdOptions& options) {
  if (options.users_file.empty() != options.user.empty()) {
    fail("--users FILE and --user NAME belong together; without both the hash is printed");
    return kExitUsage;
  }
  if (options.privilege >= 0 && options.user.empty()) {
    fail("--privilege is for a user that is added: give --users FILE and --user NAME too");
    return kExitUsage;
  }
  if (!good_name(options.user)) {
    fail("a user name has at most 64 characters and no blanks or control characters");
    return kExitUsage;
  }
  const auto password = new_password(options);
  if (!password) return fail(password.error().text);
  if (password->size() > vscp::kPasswordMax) return fail("a password has at most 64 characters");
  const auto hash = router::hash_password(*password);
  if (!hash) return fail(cat("cannot make the hash: ", reason(hash.error())));
  if (!options.users_file.empty()) return store(options, *hash);
  std::puts(hash->c_str());
  return kExitOk;
}

}  // namespace tools::ctl
