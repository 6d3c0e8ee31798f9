// Writes what comes out of vscpbench.
// Thread rule: any thread.
#pragma once

#include <string>
#include <string_view>

namespace bench {

/// Writes the whole file, "-" = standard output. Empty, or a sentence with the reason: a disk that is full is noticed.
std::string write_output(const std::string& path, std::string_view bytes);

/// Empty if a file can be written there; otherwise a sentence. Nothing is left behind. Called before a long run.
std::string check_output(const std::string& path);

}  // namespace bench
