#include "router/base/password.h"

#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <span>
#include <string>

#include "router/base/crypto.h"

namespace router {
namespace {

// Small cost: these tests are about right and wrong, not about time.
constexpr PasswordCost kCheap{.memory_kib = 64, .iterations = 1, .lanes = 1};

// Computed with another implementation (Python's hashlib).
constexpr std::string_view kPbkdf2Alone =
    "000102030405060708090A0B0C0D0E0F;27A6EB5DFF388C20951A3B6D2C5303229086777C66E6811E0075BC0711EFB1C6";
constexpr std::string_view kPbkdf2WithUser =
    "000102030405060708090A0B0C0D0E0F;75F08B5A948D941FD93C5356A6282D618A750A53715B617BEA2FFF799DDEC52B";
constexpr std::string_view kMd5 = "2d1e4f91dae49cd08eaba2293e422273";

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Crypto, AgreesWithPublishedVectors) {
  EXPECT_EQ(hex(*md5("")), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex(*md5("abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(*hmac_sha256(bytes_of("key"), bytes_of("The quick brown fox jumps over the lazy dog"))),
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  EXPECT_EQ(hex(*pbkdf2_hmac_sha256("password", bytes_of("salt"), 1)),
            "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b");
}

TEST(Crypto, ConstantTimeCompareIsACompare) {
  EXPECT_TRUE(equal_constant_time(bytes_of("abc"), bytes_of("abc")));
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_FALSE(equal_constant_time(bytes_of("abc"), bytes_of("abd")));
  EXPECT_FALSE(equal_constant_time(bytes_of("abc"), bytes_of("ab")));
}

TEST(Crypto, WipeOverwrites) {
  std::string secret = "secret";
  secure_wipe(secret.data(), secret.size());
  EXPECT_EQ(secret, std::string(6, '\0'));
}

TEST(Password, HashIsArgon2idWithTheCostAsked) {
  const auto hash = hash_password("pw", kCheap);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << *hash;
  EXPECT_TRUE(is_password_hash(*hash));
  const auto usual = hash_password("pw");
  ASSERT_TRUE(usual);
  EXPECT_TRUE(usual->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *usual;
  EXPECT_EQ(check_password(*usual, "u", "pw"), PasswordCheck::kMatch);
}

TEST(Password, MatchesOnlyTheSamePassword) {
  const std::string nul("p\0w", 3);
  for (const std::string& password : {std::string("pw"), std::string(""), std::string(1000, 'x'), nul}) {
    const auto hash = hash_password(password, kCheap);
    ASSERT_TRUE(hash);
    EXPECT_EQ(check_password(*hash, "user", password), PasswordCheck::kMatch);
    EXPECT_EQ(check_password(*hash, "user", password + "x"), PasswordCheck::kMismatch);
    EXPECT_EQ(check_password(*hash, "user", "Pw"), PasswordCheck::kMismatch);
  }
  EXPECT_EQ(check_password(*hash_password(nul, kCheap), "user", "p"), PasswordCheck::kMismatch);
}

TEST(Password, EachHashHasItsOwnSalt) {
  EXPECT_NE(*hash_password("pw", kCheap), *hash_password("pw", kCheap));
}

TEST(Password, CostOutOfRangeIsRefused) {
  for (const PasswordCost& cost :
       {PasswordCost{4, 1, 1}, PasswordCost{64, 0, 1}, PasswordCost{64, 1, 0},
        PasswordCost{kPasswordMemoryMaxKib + 1, 1, 1}, PasswordCost{64, 65, 1}, PasswordCost{1024, 1, 17}}) {
    const auto hash = hash_password("pw", cost);
    ASSERT_FALSE(hash);
    EXPECT_EQ(hash.error(), vscp::from_errno(EINVAL));
  }
}

TEST(Password, OldFormsMatchAndSayThatTheyAreOld) {
  EXPECT_EQ(check_password(kPbkdf2Alone, "anyone", "secret"), PasswordCheck::kMatchOldForm);
  EXPECT_EQ(check_password(kPbkdf2WithUser, "admin", "secret"), PasswordCheck::kMatchOldForm);
  EXPECT_EQ(check_password(kMd5, "admin", "secret"), PasswordCheck::kMatchOldForm);
  std::string lower(kPbkdf2Alone);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  EXPECT_EQ(check_password(lower, "anyone", "secret"), PasswordCheck::kMatchOldForm);
}

TEST(Password, OldFormsRefuseTheWrongUserOrPassword) {
  EXPECT_EQ(check_password(kPbkdf2Alone, "anyone", "Secret"), PasswordCheck::kMismatch);
  EXPECT_EQ(check_password(kPbkdf2WithUser, "user", "secret"), PasswordCheck::kMismatch);
  EXPECT_EQ(check_password(kMd5, "user", "secret"), PasswordCheck::kMismatch);
  EXPECT_EQ(check_password(kMd5, "admin", ""), PasswordCheck::kMismatch);
}

TEST(Password, MalformedHashesNeverMatch) {
  const std::string good = *hash_password("pw", kCheap);
  for (const std::string& bad :
       {std::string(""), std::string("secret"), std::string("$argon2id$"), good.substr(0, good.size() - 44),
        std::string("$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM$AAAA"), std::string(kMd5).substr(1),
        std::string(kMd5).replace(3, 1, "g"), std::string(kPbkdf2Alone).replace(32, 1, ":"),
        std::string(kPbkdf2Alone).substr(0, 90), std::string("$argon2id$v=19$m=64,t=1,p=1$") + std::string(2000, 'A'),
        std::string("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQxMjM$a!b")}) {
    EXPECT_EQ(check_password(bad, "u", "pw"), PasswordCheck::kMalformedHash) << bad;
    EXPECT_FALSE(is_password_hash(bad)) << bad;
  }
}

TEST(Password, AHashThatAsksForTooMuchIsRefusedBeforeAnyMemoryIsTaken) {
  EXPECT_EQ(check_password("$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQxMjM$AAAAAAAAAAAAAAAAAAAAAA", "u", "pw"),
            PasswordCheck::kMalformedHash);
  EXPECT_EQ(check_password("$argon2id$v=19$m=64,t=4000000,p=1$c29tZXNhbHQxMjM$AAAAAAAAAAAAAAAAAAAAAA", "u", "pw"),
            PasswordCheck::kMalformedHash);
}

TEST(Password, AChangedByteOfTheHashDoesNotMatch) {
  std::string hash = *hash_password("pw", kCheap);
  const std::size_t at = hash.size() - 10;
  hash[at] = hash[at] == 'A' ? 'B' : 'A';
  EXPECT_EQ(check_password(hash, "u", "pw"), PasswordCheck::kMismatch);
}

}  // namespace
}  // namespace router
