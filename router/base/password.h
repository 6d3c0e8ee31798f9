// Passwords: making hashes, and checking a password against any stored form that is in the field.
//
// Thread rule: pure functions, any thread, but never on a worker: one check takes tens of milliseconds and up to
// the memory of the cost (19 MiB by default). libargon2 is included in password.cpp only.
//
// Stored forms:
//   $argon2id$v=19$m=19456,t=2,p=1$salt$hash   made here
//   SALT32hex;HASH64hex                        PBKDF2-HMAC-SHA256, 70000 rounds, over "password" or "user:password"
//   32 hex digits                              MD5 of "user:password"
// The last two come from existing installations. They are accepted and should be replaced after the first login.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/errc.h"

namespace router {

using vscp::Errc;
using vscp::Result;

struct PasswordCost {
  std::uint32_t memory_kib = 19 * 1024;
  std::uint32_t iterations = 2;
  std::uint32_t lanes = 1;
};

enum class PasswordCheck : std::uint8_t {
  kMatch,
  kMatchOldForm,  ///< right, but stored in one of the old forms: make a new hash and store it
  kMismatch,
  kMalformedHash,  ///< the stored text is none of the forms above (or asks for more than kPasswordMemoryMaxKib)
};

/// A stored hash that asks for more memory than this is refused: a slip in a file shall not take the machine down.
inline constexpr std::uint32_t kPasswordMemoryMaxKib = 1024 * 1024;
inline constexpr std::uint32_t kPasswordIterationsMax = 64;

/// The encoded argon2id form with a fresh salt from the system. Errors: kSystem|ENOMEM, kSystem|EINVAL (cost out of
/// range).
Result<std::string> hash_password(std::string_view password, const PasswordCost& cost = {});

/// Compares in constant time. `user` is part of two of the old forms.
PasswordCheck check_password(std::string_view stored, std::string_view user, std::string_view password);

/// Whether the text has one of the stored forms; nothing is computed.
bool is_password_hash(std::string_view stored) noexcept;

}  // namespace router
