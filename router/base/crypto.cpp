#include "router/base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits>

namespace router {
namespace {

bool fits_int(std::size_t size) noexcept {
  return size <= static_cast<std::size_t>(std::numeric_limits<int>::max());
}

}  // namespace

std::optional<Digest16> md5(std::string_view text) noexcept {
  Digest16 digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1 || size != digest.size()) {
    return std::nullopt;
  }
  return digest;
}

std::optional<Digest32> hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) noexcept {
  Digest32 digest{};
  unsigned size = 0;
  if (!fits_int(key.size())) return std::nullopt;
  const auto* result = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
                            digest.data(), &size);
  if (result == nullptr || size != digest.size()) return std::nullopt;
  return digest;
}

std::optional<Digest32> pbkdf2_hmac_sha256(std::string_view password, std::span<const std::uint8_t> salt,
                                           unsigned rounds) noexcept {
  Digest32 digest{};
  if (!fits_int(password.size()) || !fits_int(salt.size()) || !fits_int(rounds)) return std::nullopt;
  const int result =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                        static_cast<int>(rounds), EVP_sha256(), static_cast<int>(digest.size()), digest.data());
  if (result != 1) return std::nullopt;
  return digest;
}

bool equal_constant_time(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right) noexcept {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

void secure_wipe(void* data, std::size_t size) noexcept {
  OPENSSL_cleanse(data, size);
}

}  // namespace router
