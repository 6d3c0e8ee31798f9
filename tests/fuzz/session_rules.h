// What the targets that play a whole session share: the rig that an input asks for, and what a status line may be.
#pragma once

#include <string_view>

#include "tests/fuzz/targets.h"
#include "tests/unit/link/link_rig.h"

namespace fuzz {

/// From the bits of the first byte; chance in the network follows from all of them, so that an input always does the
/// same.
link_test::RigSettings session_settings(Bytes input);

bool is_status(std::string_view line);
/// Whether a status line, with its CRLF, is one that the server has.
bool is_known_status(std::string_view line);

}  // namespace fuzz
