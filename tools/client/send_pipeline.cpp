#include "tools/client/send_pipeline.h"

#include <algorithm>
#include <utility>

#include "protocol/limits.h"

namespace tools {
namespace {

/// Bytes collected before one write.
constexpr std::size_t kStagedBytesMax = 32768;

}  // namespace

SendPipeline::SendPipeline(LinkClient& client, std::size_t window, OnRefused on_refused)
    : client_(client), window_(std::clamp<std::size_t>(window, 1, kWindowMax)), on_refused_(std::move(on_refused)) {
  staged_.reserve(kStagedBytesMax + vscp::kEventLineMax);
}

ClientResult<void> SendPipeline::push(std::uint64_t tag, const vscp::Event& event) {
  return push_line(tag, event_line(event));
}

ClientResult<void> SendPipeline::push_line(std::uint64_t tag, std::string_view line) {
  staged_ += "SEND ";
  staged_ += line;
  staged_ += "\r\n";
  tags_.push_back(tag);
  if (tags_.size() >= window_) {
    // Half a window stays under way, so that the server has work while the next half is made.
    if (auto written = write_staged(); !written) return written;
    return take_answers(window_ / 2);
  }
  if (staged_.size() >= kStagedBytesMax) return write_staged();
  return {};
}

ClientResult<void> SendPipeline::flush() {
  if (auto written = write_staged(); !written) return written;
  while (!tags_.empty() && client_.line_ready()) {
    if (auto done = take_one(); !done) return done;
  }
  return {};
}

ClientResult<void> SendPipeline::finish() {
  if (auto written = write_staged(); !written) return written;
  return take_answers(0);
}

ClientResult<void> SendPipeline::write_staged() {
  if (staged_.empty()) return {};
  auto written = client_.write(staged_);
  staged_.clear();
  return written;
}

ClientResult<void> SendPipeline::take_answers(std::size_t leave) {
  while (tags_.size() > leave) {
    if (auto done = take_one(); !done) return done;
  }
  return {};
}

ClientResult<void> SendPipeline::take_one() {
  auto reply = client_.read_reply();
  if (!reply) return std::unexpected(reply.error());
  const std::uint64_t tag = tags_.front();
  tags_.pop_front();
  if (reply->ok()) {
    ++accepted_;
  } else {
    ++refused_;
    if (on_refused_) on_refused_(tag, reply->status);
  }
  return {};
}

}  // namespace tools
