#include "tools/vscpctl/mkpasswd.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <system_error>

#include "protocol/limits.h"
#include "router/base/password.h"
#include "router/daemon/users_file.h"
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

int store(const MkpasswdOptions& options, const std::string& hash) {
  const std::string& path = options.users_file;
  if (access(path.c_str(), F_OK) != 0) {
    if (const auto made = router::create_users_file(path, options.user, hash); !made) {
      return fail(cat("cannot write '", path, "': ", reason(made.error())));
    }
    std::fprintf(stderr, "made %s with the user %s, who may do everything\n", path.c_str(),
                 printable(options.user).c_str());
    return kExitOk;
  }
  const router::UsersResult loaded = router::load_users(path);
  if (!loaded.users) {
    for (const auto& issue : loaded.errors) fail(router::to_text(issue));
    return fail(cat("'", path, "' has errors and was not changed"));
  }
  const router::User* user = loaded.users->find(options.user);
  if (user == nullptr) {
    return fail(cat("'", path, "' has no user '", printable(options.user), "'; add {\"name\": \"",
                    printable(options.user), "\", \"privilege\": 6, \"password\": \"", hash, "\"} to its users"));
  }
  if (const auto done = router::replace_password_hash(path, options.user, user->password_hash, hash); !done) {
    return fail(cat("cannot change '", path, "': ", reason(done.error())));
  }
  std::fprintf(stderr, "changed the password of %s in %s; reload the daemon to make it count\n",
               printable(options.user).c_str(), path.c_str());
  return kExitOk;
}

}  // namespace

int run_mkpasswd(const MkpasswdOptions& options) {
  if (options.users_file.empty() != options.user.empty()) {
    fail("--users FILE and --user NAME belong together; without both the hash is printed");
    return kExitUsage;
  }
  if (options.user.size() > vscp::kUserNameMax) return fail("a user name has at most 64 characters");
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
