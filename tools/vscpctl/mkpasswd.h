// vscpctl mkpasswd: a password hash for the users file, or the users file with the new hash in it.
#pragma once

#include <string>

namespace tools::ctl {

struct MkpasswdOptions {
  bool from_stdin = false;  ///< first line of standard input, instead of asking twice on the terminal
  std::string users_file;   ///< empty: print the hash
  std::string user;
};

int run_mkpasswd(const MkpasswdOptions& options);

}  // namespace tools::ctl
