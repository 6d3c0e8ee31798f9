#include "drivers/udp/confirm_window.h"

#include <algorithm>
#include <cstring>

#include "router/base/check.h"

namespace drivers::udp {
namespace {

constexpr std::uint32_t kDoublingsMax = 6;

bool is_same(const Confirmation& left, const Confirmation& right) noexcept {
  return left.head == right.head && left.crc == right.crc;
}

}  // namespace

ConfirmWindow::ConfirmWindow(std::uint32_t size, std::uint64_t resend_ns, std::uint32_t attempts)
    : resend_ns_(resend_ns), attempts_(attempts), entries_(size) {}

std::size_t ConfirmWindow::find(const Confirmation& confirmation) const noexcept {
  for (std::size_t i = 0; used_ > 0 && i < entries_.size(); ++i) {
    if (entries_[i].attempts != 0 && is_same(entries_[i].expected, confirmation)) return i;
  }
  return kNone;
}

bool ConfirmWindow::can_take(std::span<const std::uint8_t> frame) const noexcept {
  return used_ < entries_.size() && find(confirmation_of(frame)) == kNone;
}

void ConfirmWindow::add(std::span<const std::uint8_t> frame, std::uint64_t now_ns) noexcept {
  const auto slot =
      std::find_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.attempts == 0; });
  VR_ASSERT(slot != entries_.end() && frame.size() <= slot->frame.size());
  slot->attempts = 1;
  slot->due_ns = now_ns + resend_ns_;
  slot->expected = confirmation_of(frame);
  slot->size = static_cast<std::uint16_t>(frame.size());
  std::memcpy(slot->frame.data(), frame.data(), frame.size());
  ++used_;
}

void ConfirmWindow::release(Entry& entry) noexcept {
  entry.attempts = 0;
  --used_;
}

bool ConfirmWindow::confirm(const Confirmation& confirmation) noexcept {
  const std::size_t found = find(confirmation);
  if (found == kNone) return false;
  release(entries_[found]);
  return true;
}

std::size_t ConfirmWindow::earliest() const noexcept {
  std::size_t found = kNone;
  for (std::size_t i = 0; used_ > 0 && i < entries_.size(); ++i) {
    if (entries_[i].attempts != 0 && (found == kNone || entries_[i].due_ns < entries_[found].due_ns)) found = i;
  }
  return found;
}

std::uint64_t ConfirmWindow::due_ns() const noexcept {
  const std::size_t found = earliest();
  return found == kNone ? ~std::uint64_t{0} : entries_[found].due_ns;
}

std::span<const std::uint8_t> ConfirmWindow::next_due(std::uint64_t now_ns, std::uint64_t& given_up) noexcept {
  for (;;) {
    const std::size_t found = earliest();
    if (found == kNone || entries_[found].due_ns > now_ns) return {};
    Entry& entry = entries_[found];
    if (entry.attempts < attempts_) return {entry.frame.data(), entry.size};
    release(entry);
    ++given_up;
  }
}

void ConfirmWindow::sent(std::uint64_t now_ns) noexcept {
  const std::size_t found = earliest();
  VR_ASSERT(found != kNone);
  Entry& entry = entries_[found];
  entry.due_ns = now_ns + (resend_ns_ << std::min(entry.attempts, kDoublingsMax));
  ++entry.attempts;
}

std::size_t ConfirmWindow::clear() noexcept {
  const std::size_t count = used_;
  for (Entry& entry : entries_) entry.attempts = 0;
  used_ = 0;
  return count;
}

}  // namespace drivers::udp
