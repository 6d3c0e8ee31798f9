// Topics on which messages were found guilty (poison_watch.h) one after the other, and none was acknowledged in
// between: then it is the topic, and not each message. It is banned for a while, so that finding out does not begin
// anew with every message.
//
// Bounded. Thread rule: one owner, the broker's sender.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace drivers::mqtt {

class GuiltyTopics {
 public:
  static constexpr std::uint32_t kGuiltyMax = 3;
  static constexpr std::size_t kTopicsMax = 64;
  static constexpr std::uint64_t kBanNs = 600'000'000'000;

  /// Whether there is anything to ask and to tell.
  bool any() const noexcept { return !topics_.empty(); }
  /// A message on it was found guilty. True: the topic is banned from now on.
  bool note_guilty(std::string_view topic, std::uint64_t now_ns) {
    const std::size_t hash = hash_of(topic);
    auto found = std::find_if(topics_.begin(), topics_.end(), [hash](const Topic& one) { return one.hash == hash; });
    if (found == topics_.end()) {
      if (topics_.size() >= kTopicsMax) topics_.erase(topics_.begin());
      found = topics_.insert(topics_.end(), Topic{hash});
    }
    if (++found->guilty < kGuiltyMax) return false;
    found->banned_until_ns = now_ns + kBanNs;
    return true;
  }
  void note_acknowledged(std::string_view topic) {
    std::erase_if(topics_, [hash = hash_of(topic)](const Topic& one) { return one.hash == hash; });
  }
  /// Forgets a ban that is over.
  bool is_banned(std::string_view topic, std::uint64_t now_ns) {
    std::erase_if(topics_,
                  [now_ns](const Topic& one) { return one.banned_until_ns != 0 && one.banned_until_ns <= now_ns; });
    return std::any_of(topics_.begin(), topics_.end(), [hash = hash_of(topic)](const Topic& one) {
      return one.hash == hash && one.banned_until_ns != 0;
    });
  }

 private:
  struct Topic {
    std::size_t hash;
    std::uint32_t guilty = 0;
    std::uint64_t banned_until_ns = 0;  ///< 0: not banned
  };

  static std::size_t hash_of(std::string_view topic) noexcept { return std::hash<std::string_view>()(topic); }

  std::vector<Topic> topics_;
};

}  // namespace drivers::mqtt
