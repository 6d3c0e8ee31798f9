// The same for unit tests (tools/pch/std_pch.h).
#pragma once

#include <gtest/gtest.h>

#include "tools/pch/std_pch.h"
