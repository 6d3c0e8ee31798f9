// A rig whose clients speak the binary protocol, for the tests of it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/link_reply.h"
#include "tests/unit/link/frames.h"
#include "tests/unit/link/link_rig.h"

namespace link_test {

namespace reply = vscp::reply;
using router::Socket;
using vscp::BinaryCode;
using vscp::VscpError;

inline const std::string kOk(reply::kOk);
inline const std::string kBinaryOn(reply::kBinaryOn);

/// Nothing may be left of a rig when its test ends, or begins another.
class BinaryTest : public ::testing::Test {
 protected:
  void make_rig(const RigSettings& settings = {}) {
    end();
    rig_ = std::make_unique<LinkRig>(settings);
  }
  void end() {
    EXPECT_TRUE(rig_ == nullptr || rig_->end().empty());
    rig_.reset();
  }
  /// A client that is logged in, and in binary.
  Socket binary(router::ThreadIndex worker = 0) {
    const Socket client = rig_->connect_logged_in(worker);
    EXPECT_EQ(rig_->ask(client, "BINARY\r\n"), kBinaryOn);
    return client;
  }
  std::vector<Got> ask(Socket client, std::string_view frames) { return frames_of(rig_->ask(client, frames)); }
  void TearDown() override { end(); }

  std::unique_ptr<LinkRig> rig_;
};

}  // namespace link_test
