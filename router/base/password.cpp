#include "router/base/password.h"

#include <argon2.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <span>
#include <vector>

#include "router/base/crypto.h"
#include "router/base/random.h"

namespace router {
namespace {

constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kHashSize = 32;
constexpr std::size_t kStoredMax = 1024;
constexpr std::uint32_t kLanesMax = 16;
constexpr unsigned kOldRounds = 70000;
constexpr std::string_view kArgonPrefix = "$argon2id$";

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[i * 2]);
    const int low = hex_digit(text[i * 2 + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

struct OldHash {
  std::array<std::uint8_t, kSaltSize> salt{};
  Digest32 hash{};
};

std::optional<OldHash> parse_pbkdf2(std::string_view stored) noexcept {
  OldHash out;
  if (stored.size() != 32 + 1 + 64 || stored[32] != ';') return std::nullopt;
  if (!parse_hex(stored.substr(0, 32), out.salt) || !parse_hex(stored.substr(33), out.hash)) return std::nullopt;
  return out;
}

/// Takes "name=number" and the character after it off the front of `text`.
bool take_number(std::string_view& text, std::string_view name, char end, std::uint32_t& value) noexcept {
  if (!text.starts_with(name)) return false;
  text.remove_prefix(name.size());
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr == text.data() + text.size() || *result.ptr != end) return false;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()) + 1);
  return true;
}

bool is_base64(std::string_view text) noexcept {
  for (const char c : text) {
    const bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!ok) return false;
  }
  return !text.empty();
}

/// The library checks the encoding itself; this looks at the cost before any memory is taken for it.
bool is_argon_hash(std::string_view stored) noexcept {
  if (stored.size() > kStoredMax || !stored.starts_with(kArgonPrefix)) return false;
  stored.remove_prefix(kArgonPrefix.size());
  std::uint32_t version = 0;
  std::uint32_t memory = 0;
  std::uint32_t iterations = 0;
  std::uint32_t lanes = 0;
  const bool parsed = take_number(stored, "v=", '$', version) && take_number(stored, "m=", ',', memory) &&
                      take_number(stored, "t=", ',', iterations) && take_number(stored, "p=", '$', lanes);
  if (!parsed || memory > kPasswordMemoryMaxKib || iterations > kPasswordIterationsMax || lanes > kLanesMax ||
      memory < 8 * lanes || iterations == 0 || lanes == 0) {
    return false;
  }
  const std::size_t split = stored.find('$');
  if (split == std::string_view::npos || split < 11) return false;  // 8 bytes of salt, the library's least
  return is_base64(stored.substr(0, split)) && is_base64(stored.substr(split + 1));
}

PasswordCheck check_argon(std::string_view stored, std::string_view password) {
  if (!is_argon_hash(stored)) return PasswordCheck::kMalformedHash;
  const std::string encoded(stored);
  const int result = argon2id_verify(encoded.c_str(), password.data(), password.size());
  if (result == ARGON2_OK) return PasswordCheck::kMatch;
  return result == ARGON2_VERIFY_MISMATCH ? PasswordCheck::kMismatch : PasswordCheck::kMalformedHash;
}

/// "user:password", wiped when it goes.
class UserAndPassword {
 public:
  UserAndPassword(std::string_view user, std::string_view password) {
    text_.reserve(user.size() + 1 + password.size());
    text_.append(user).append(1, ':').append(password);
  }
  ~UserAndPassword() { secure_wipe(text_.data(), text_.size()); }
  UserAndPassword(const UserAndPassword&) = delete;
  UserAndPassword& operator=(const UserAndPassword&) = delete;
  std::string_view text() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace

Result<std::string> hash_password(std::string_view password, const PasswordCost& cost) {
  const bool cost_ok = cost.memory_kib <= kPasswordMemoryMaxKib && cost.iterations <= kPasswordIterationsMax &&
                       cost.lanes <= kLanesMax && cost.lanes >= 1 && cost.iterations >= 1 &&
                       cost.memory_kib >= 8 * cost.lanes;
  if (!cost_ok) return std::unexpected(vscp::from_errno(EINVAL));
  std::array<std::uint8_t, kSaltSize> salt{};
  SystemRandom().fill(salt);
  const std::size_t size =
      argon2_encodedlen(cost.iterations, cost.memory_kib, cost.lanes, kSaltSize, kHashSize, Argon2_id);
  std::string encoded(size, '\0');  // the length counts the terminator
  const int result =
      argon2id_hash_encoded(cost.iterations, cost.memory_kib, cost.lanes, password.data(), password.size(), salt.data(),
                            salt.size(), kHashSize, encoded.data(), encoded.size());
  if (result == ARGON2_MEMORY_ALLOCATION_ERROR) return std::unexpected(vscp::from_errno(ENOMEM));
  if (result != ARGON2_OK) return std::unexpected(vscp::from_errno(EINVAL));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

PasswordCheck check_password(std::string_view stored, std::string_view user, std::string_view password) {
  if (stored.starts_with(kArgonPrefix)) return check_argon(stored, password);
  const UserAndPassword both(user, password);
  if (const auto old = parse_pbkdf2(stored)) {
    // Both are always computed, so that the time does not tell which of the two forms is stored.
    const auto alone = pbkdf2_hmac_sha256(password, old->salt, kOldRounds);
    const auto with_user = pbkdf2_hmac_sha256(both.text(), old->salt, kOldRounds);
    if (!alone || !with_user) return PasswordCheck::kMalformedHash;
    const bool match = static_cast<unsigned>(equal_constant_time(*alone, old->hash)) +
                           static_cast<unsigned>(equal_constant_time(*with_user, old->hash)) !=
                       0;
    return match ? PasswordCheck::kMatchOldForm : PasswordCheck::kMismatch;
  }
  Digest16 stored_md5{};
  if (!parse_hex(stored, stored_md5)) return PasswordCheck::kMalformedHash;
  const auto digest = md5(both.text());
  if (!digest) return PasswordCheck::kMalformedHash;
  return equal_constant_time(*digest, stored_md5) ? PasswordCheck::kMatchOldForm : PasswordCheck::kMismatch;
}

bool is_password_hash(std::string_view stored) noexcept {
  Digest16 digest{};
  return is_argon_hash(stored) || parse_pbkdf2(stored).has_value() || parse_hex(stored, digest);
}

}  // namespace router
