#include "router/base/credential_cache.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace router {
namespace {

/// Every part with its length before it, so that no two sets of parts give the same text.
void append_part(std::string& out, std::string_view part) {
  const std::uint64_t size = part.size();
  char bytes[sizeof size];
  std::memcpy(bytes, &size, sizeof size);
  out.append(bytes, sizeof bytes).append(part);
}

}  // namespace

CredentialCache::CredentialCache(std::size_t entries_max, Random& random)
    : entries_max_(std::max<std::size_t>(entries_max, 1)) {
  random.fill(key_);
}

CredentialCache::~CredentialCache() {
  secure_wipe(key_.data(), key_.size());
}

std::size_t CredentialCache::DigestHash::operator()(const Digest32& digest) const noexcept {
  std::size_t hash = 0;  // the digest is as good as random already
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

std::optional<Digest32> CredentialCache::digest_of(std::string_view user, std::string_view stored_hash,
                                                   std::string_view password) const {
  std::string message;
  message.reserve(user.size() + stored_hash.size() + password.size() + 3 * sizeof(std::uint64_t));
  append_part(message, user);
  append_part(message, stored_hash);
  append_part(message, password);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(message.data());
  const auto digest = hmac_sha256(key_, {bytes, message.size()});
  secure_wipe(message.data(), message.size());
  return digest;
}

bool CredentialCache::contains(std::string_view user, std::string_view stored_hash, std::string_view password) const {
  const auto digest = digest_of(user, stored_hash, password);
  return digest && entries_.contains(*digest);
}

void CredentialCache::remember(std::string_view user, std::string_view stored_hash, std::string_view password) {
  const auto digest = digest_of(user, stored_hash, password);
  if (!digest || !entries_.insert(*digest).second) return;
  if (order_.size() < entries_max_) {
    order_.push_back(*digest);
    return;
  }
  entries_.erase(order_[next_]);
  order_[next_] = *digest;
  next_ = (next_ + 1) % entries_max_;
}

void CredentialCache::clear() noexcept {
  entries_.clear();
  order_.clear();
  next_ = 0;
}

}  // namespace router
