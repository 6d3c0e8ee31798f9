// Finds the message that makes a broker close the connection each time it is sent.
//
// Such a message would be sent again for ever, and nothing behind it would get through. So after a few connections in a
// row that brought no answer to anything that was under way, things are sent one at a time, and only on a connection
// that has stood for a while. What is alone under way when the connection goes, sooner than the connection had stood
// without it, gets a strike; with three in a row it is found guilty. A broker that is killed, hangs or comes and goes
// does not hit the same message three times right after it was sent, and nothing else in between.
//
// Pure logic. Thread rule: one owner, the broker's sender.
#pragma once

#include <cstdint>

namespace drivers::mqtt {

/// What may be alone under way.
struct Suspect {
  enum class Kind : std::uint8_t { kNone, kRecord, kPlain, kSubscription };
  Kind kind = Kind::kNone;
  std::uint64_t id = 0;     ///< ticket of the record, hash of the topic, index of the subscription
  std::uint64_t entry = 0;  ///< of a record: which of its messages

  bool operator==(const Suspect&) const noexcept = default;
};

enum class LossVerdict : std::uint8_t {
  kNothing,
  kBeCareful,  ///< from now on one thing at a time
  kGuilty,     ///< suspect(): it must not be sent again; from now on at full speed
};

class PoisonWatch {
 public:
  static constexpr std::uint32_t kLossesMax = 3;       ///< connections in a row without an answer
  static constexpr std::uint32_t kShortLossesMax = 8;  ///< connections in a row that lasted less than kShortNs
  static constexpr std::uint32_t kStrikesMax = 3;
  static constexpr std::uint64_t kShortNs = 5'000'000'000;
  static constexpr std::uint64_t kQuietNs = 250'000'000;  ///< a connection stands so long without us, at first
  static constexpr std::uint64_t kQuietMaxNs = 10'000'000'000;
  static constexpr std::uint64_t kAlertNs = 600'000'000'000;  ///< after a guilty one: the first loss is enough

  bool is_careful() const noexcept { return careful_; }
  /// Whether something may be sent now.
  bool may_send(std::uint64_t now_ns) const noexcept { return !careful_ || (open_ == 0 && now_ns >= quiet_until_ns_); }
  /// When it may, if only time is missing; else for ever.
  std::uint64_t may_send_at_ns() const noexcept { return careful_ && open_ == 0 ? quiet_until_ns_ : ~std::uint64_t{0}; }
  const Suspect& suspect() const noexcept { return suspect_; }

  void note_connected(std::uint64_t now_ns) noexcept;
  /// Something was sent of which an answer will be told.
  void note_sent() noexcept { ++open_; }
  /// The same, being careful.
  void note_sent(const Suspect& suspect, std::uint64_t now_ns) noexcept;
  /// What was sent is over. `answered`: by the broker, and not only written; `record`: what waits gets shorter.
  void note_over(bool answered, bool record) noexcept;
  /// Nothing is left to be sent.
  void note_idle() noexcept { careful_ = careful_ && open_ > 0; }
  /// We left by ourselves.
  void note_left() noexcept { open_ = 0; }
  /// The connection went. `blamed`: the broker said that it was because of what we sent.
  LossVerdict note_lost(std::uint64_t now_ns, bool blamed) noexcept;

 private:
  LossVerdict note_lost_at_full_speed(std::uint64_t now_ns, bool blamed) noexcept;

  bool careful_ = false;
  bool answered_ = false;  ///< on this connection
  std::uint64_t open_ = 0;
  std::uint64_t to_pass_ = 0;  ///< answers until full speed
  std::uint32_t losses_ = 0;
  std::uint32_t short_losses_ = 0;
  std::uint32_t strikes_ = 0;
  Suspect suspect_;  ///< sent last, being careful
  Suspect struck_;   ///< of the strikes
  std::uint64_t connected_ns_ = 0;
  std::uint64_t sent_ns_ = 0;
  std::uint64_t quiet_ns_ = kQuietNs;
  std::uint64_t quiet_until_ns_ = 0;
  std::uint64_t alert_until_ns_ = 0;
};

}  // namespace drivers::mqtt
