// vscpctl spool --folder: what lies in the folder of a spool that no daemon has open, and its purge. Of a running
// daemon: tools/vscpctl/admin.h.
#pragma once

#include <string>

namespace tools::ctl {

struct SpoolOptions {
  std::string folder;
  bool purge = false;
  bool json = false;
};

int run_spool(const SpoolOptions& options);

}  // namespace tools::ctl
