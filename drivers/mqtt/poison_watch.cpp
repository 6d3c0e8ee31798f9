#include "drivers/mqtt/poison_watch.h"

#include <algorithm>
#include <utility>

namespace drivers::mqtt {

void PoisonWatch::note_connected(std::uint64_t now_ns) noexcept {
  connected_ns_ = now_ns;
  quiet_until_ns_ = now_ns + quiet_ns_;
  answered_ = false;
  open_ = 0;
}

void PoisonWatch::note_sent(const Suspect& suspect, std::uint64_t now_ns) noexcept {
  ++open_;
  suspect_ = suspect;
  sent_ns_ = now_ns;
}

void PoisonWatch::note_over(bool answered, bool record) noexcept {
  open_ -= open_ > 0 ? 1 : 0;
  if (answered && careful_ && suspect_ == struck_) strikes_ = 0;
  if (!answered || !record) return;
  answered_ = true;
  to_pass_ -= to_pass_ > 0 ? 1 : 0;
  if (to_pass_ == 0) careful_ = false;
}

LossVerdict PoisonWatch::note_lost(std::uint64_t now_ns, bool blamed) noexcept {
  const std::uint64_t open = std::exchange(open_, 0);
  if (!careful_) {
    open_ = open;
    const LossVerdict verdict = note_lost_at_full_speed(now_ns, blamed);
    open_ = 0;
    return verdict;
  }
  if (open == 0) {
    strikes_ = 0;  // it goes without us, too
    return LossVerdict::kNothing;
  }
  const std::uint64_t stood_ns = sent_ns_ - connected_ns_;
  const std::uint64_t lasted_ns = now_ns - sent_ns_;
  if (lasted_ns >= stood_ns) {
    // Not soon enough to tell: the next connection must stand longer before.
    strikes_ = 0;
    quiet_ns_ = std::min(kQuietMaxNs, 2 * lasted_ns);
    return LossVerdict::kNothing;
  }
  strikes_ = suspect_ == struck_ ? strikes_ + 1 : 1;
  struck_ = suspect_;
  if (strikes_ < kStrikesMax && !blamed) return LossVerdict::kNothing;
  careful_ = false;
  strikes_ = 0;
  losses_ = 0;
  short_losses_ = 0;
  quiet_ns_ = kQuietNs;
  alert_until_ns_ = now_ns + kAlertNs;
  return LossVerdict::kGuilty;
}

LossVerdict PoisonWatch::note_lost_at_full_speed(std::uint64_t now_ns, bool blamed) noexcept {
  if (open_ == 0) return LossVerdict::kNothing;
  losses_ = answered_ ? 0 : losses_ + 1;
  short_losses_ = now_ns - connected_ns_ < kShortNs ? short_losses_ + 1 : 0;
  const bool alert = blamed || (now_ns < alert_until_ns_ && losses_ > 0);
  if (losses_ < kLossesMax && short_losses_ < kShortLossesMax && !alert) return LossVerdict::kNothing;
  careful_ = true;
  strikes_ = 0;
  losses_ = 0;
  short_losses_ = 0;
  to_pass_ = open_;
  return LossVerdict::kBeCareful;
}

}  // namespace drivers::mqtt
