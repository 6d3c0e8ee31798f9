// Precompiled for command lines, each of which includes all of CLI11.

#include <CLI/CLI.hpp>

#include "tools/pch/std_pch.h"
