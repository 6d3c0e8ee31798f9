// Remembers which credentials were found right, so that the next login with the same ones costs microseconds and not
// the 20 ms that a password hash is made to cost.
//
// An entry is HMAC-SHA256(key, user, stored hash, password) under a random key of this object. The password itself is
// never held, and without the key an entry is worth nothing. The stored hash is part of the entry: a changed
// password is never answered from the cache. Failures are not remembered.
//
// Thread rule: one owner, no locking. Clear it when users are loaded again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "router/base/crypto.h"
#include "router/base/random.h"

namespace router {

class CredentialCache {
 public:
  /// Holds at most `entries_max` (at least 1); the oldest goes first.
  CredentialCache(std::size_t entries_max, Random& random);
  ~CredentialCache();
  CredentialCache(const CredentialCache&) = delete;
  CredentialCache& operator=(const CredentialCache&) = delete;

  bool contains(std::string_view user, std::string_view stored_hash, std::string_view password) const;
  void remember(std::string_view user, std::string_view stored_hash, std::string_view password);
  void clear() noexcept;
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct DigestHash {
    std::size_t operator()(const Digest32& digest) const noexcept;
  };
  std::optional<Digest32> digest_of(std::string_view user, std::string_view stored_hash,
                                    std::string_view password) const;

  Digest32 key_{};
  std::size_t entries_max_;
  std::size_t next_ = 0;         ///< position in order_ of the oldest entry, once order_ is full
  std::vector<Digest32> order_;  ///< in the order of insertion
  std::unordered_set<Digest32, DigestHash> entries_;
};

}  // namespace router
