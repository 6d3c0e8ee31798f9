// Precompiled for unit tests: half of what they take to compile is GoogleTest.

#include <gtest/gtest.h>

#include "tools/pch/std_pch.h"
