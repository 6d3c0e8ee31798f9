// The frames of a far side that speaks binary (protocol/frame_stream.h), out of pieces of any size.
//
// Thread rule: one owner; no heap. Nothing the peer sends is trusted: what is no frame ends the reading.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "protocol/frame_stream.h"

namespace drivers::link_client {

class FrameReader {
 public:
  using Bytes = std::span<const std::uint8_t>;

  /// Calls `visit(Bytes frame)` for each whole frame while it returns true. False means: not now, and the frame will be
  /// given again. Returns how many bytes are done with; an unfinished frame at the end is kept here.
  template <typename Visit>
  std::size_t read(Bytes bytes, Visit visit) noexcept {
    std::size_t done = 0;
    while (done < bytes.size() && !broken_) {
      const std::size_t before = tail_size_;
      Bytes rest = bytes.subspan(done);
      std::size_t added = 0;
      if (before > 0) {
        added = std::min(rest.size(), tail_.size() - before);
        std::memcpy(tail_.data() + before, rest.data(), added);
        rest = {tail_.data(), before + added};
      }
      const auto size = vscp::first_frame_size(rest);
      if (!size) {
        broken_ = true;
        break;
      }
      if (*size == 0 || *size > rest.size()) {
        if (before == 0) added = rest.size();
        if (before + added >= tail_.size()) {
          broken_ = true;
          break;
        }
        if (before == 0) std::memcpy(tail_.data(), rest.data(), added);
        tail_size_ = before + added;
        return done + added;
      }
      if (!visit(rest.first(*size))) return done;  // what was added to the tail does not count: tail_size_ is as before
      if (*size >= before) {
        tail_size_ = 0;
        done += *size - before;
      } else {  // more bytes have told that it was shorter than what is here
        tail_size_ = before - *size;
        std::memmove(tail_.data(), tail_.data() + *size, tail_size_);
      }
    }
    return broken_ ? bytes.size() : done;
  }

  /// What came is no frame: what follows means nothing.
  bool is_broken() const noexcept { return broken_; }
  std::size_t unfinished() const noexcept { return tail_size_; }

 private:
  std::array<std::uint8_t, vscp::kFrameMax + 16> tail_;  // a frame and what follows it; indeterminate beyond tail_size_
  std::size_t tail_size_ = 0;
  bool broken_ = false;
};

}  // namespace drivers::link_client
