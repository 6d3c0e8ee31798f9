// The few cryptographic functions that the router needs outside of TLS. OpenSSL is included in crypto.cpp only.
//
// Thread rule: pure functions, any thread; an AesCbc has one owner. Errors: a library that cannot do the algorithm (MD5
// under a FIPS policy) gives nullopt; nothing is thrown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace router {

using Digest16 = std::array<std::uint8_t, 16>;
using Digest32 = std::array<std::uint8_t, 32>;

std::optional<Digest16> md5(std::string_view text) noexcept;
std::optional<Digest32> hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) noexcept;
std::optional<Digest32> pbkdf2_hmac_sha256(std::string_view password, std::span<const std::uint8_t> salt,
                                           unsigned rounds) noexcept;

/// AES in CBC mode under one key, whole blocks, without padding. Takes memory only when it is made.
class AesCbc {
 public:
  static constexpr std::size_t kBlock = 16;
  using Block = std::array<std::uint8_t, kBlock>;

  /// A key of 16, 24 or 32 bytes (AES-128, AES-192, AES-256); nothing for other sizes.
  static std::optional<AesCbc> make(std::span<const std::uint8_t> key) noexcept;
  AesCbc(AesCbc&&) noexcept;
  AesCbc& operator=(AesCbc&&) noexcept;
  ~AesCbc();

  /// In place. False, and `blocks` is good for nothing, if its size is no multiple of kBlock or the library fails.
  [[nodiscard]] bool encrypt(const Block& iv, std::span<std::uint8_t> blocks) noexcept;
  [[nodiscard]] bool decrypt(const Block& iv, std::span<std::uint8_t> blocks) noexcept;

 private:
  struct Contexts;
  explicit AesCbc(std::unique_ptr<Contexts> contexts) noexcept;
  std::unique_ptr<Contexts> contexts_;
};

/// The time taken depends on the sizes only, not on the content. Different sizes are unequal.
bool equal_constant_time(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right) noexcept;

/// Overwrites memory that held a secret; the compiler may not leave it out.
void secure_wipe(void* data, std::size_t size) noexcept;

}  // namespace router
