// The tests behind the link command TEST. Spec: vscp_tcpiplink.md#tcpip-test (which tests there are is up to the server).
#pragma once

#include <string>
#include <string_view>

#include "router/core/worker.h"

namespace drivers::link {

/// Runs the test with this number or name, or all if `which` is empty; appends a line per test to `text`, clears `good` if one failed.
/// False if there is no such test.
bool run_self_tests(std::string_view which, router::Worker& worker, std::string& text, bool& good);

}  // namespace drivers::link
