// vscpctl mkpasswd: a password hash for the users file, or the users file with the new hash or user in it.
#pragma once

#include <string>

namespace tools::ctl {

/// All commands of ordinary clients, also filters and GUIDs, but no SHUTDOWN.
inline constexpr unsigned kPrivilegeAdded = 6;

struct MkpasswdOptions {
  bool from_stdin = false;  ///< first line of standard input, instead of asking twice on the terminal
  std::string users_file;   ///< empty: print the hash
  std::string user;         ///< whose password to set; added if the file does not have him
  int privilege = -1;       ///< of a user that is added; -1: kPrivilegeMax in a new file, else kPrivilegeAdded
};

int run_mkpasswd(const MkpasswdOptions& options);

}  // namespace tools::ctl
