// Precompiled for unit tests.

#include <gtest/gtest.h>

#include "tools/pch/std_pch.h"
