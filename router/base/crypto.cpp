#include "router/base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits>
#include <utility>

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

struct AesCbc::Contexts {
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
  };
  using Context = std::unique_ptr<EVP_CIPHER_CTX, Free>;

  Context encryption{EVP_CIPHER_CTX_new()};
  Context decryption{EVP_CIPHER_CTX_new()};
};

AesCbc::AesCbc(std::unique_ptr<Contexts> contexts) noexcept : contexts_(std::move(contexts)) {}
AesCbc::AesCbc(AesCbc&&) noexcept = default;
AesCbc& AesCbc::operator=(AesCbc&&) noexcept = default;
AesCbc::~AesCbc() = default;

std::optional<AesCbc> AesCbc::make(std::span<const std::uint8_t> key) noexcept {
  const EVP_CIPHER* cipher = nullptr;
  if (key.size() == 16) cipher = EVP_aes_128_cbc();
  if (key.size() == 24) cipher = EVP_aes_192_cbc();
  if (key.size() == 32) cipher = EVP_aes_256_cbc();
  if (cipher == nullptr) return std::nullopt;
  auto contexts = std::make_unique<Contexts>();
  for (EVP_CIPHER_CTX* context : {contexts->encryption.get(), contexts->decryption.get()}) {
    if (context == nullptr) return std::nullopt;
    const int encrypts = context == contexts->encryption.get() ? 1 : 0;
    if (EVP_CipherInit_ex(context, cipher, nullptr, key.data(), Block{}.data(), encrypts) != 1) return std::nullopt;
    EVP_CIPHER_CTX_set_padding(context, 0);
  }
  return AesCbc(std::move(contexts));
}

namespace {

// A new IV alone leaves the key schedule as it is and takes no memory.
bool run(EVP_CIPHER_CTX* context, const AesCbc::Block& iv, std::span<std::uint8_t> blocks) noexcept {
  if (blocks.size() % AesCbc::kBlock != 0 || !fits_int(blocks.size())) return false;
  int size = 0;
  if (EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, iv.data(), -1) != 1) return false;
  if (EVP_CipherUpdate(context, blocks.data(), &size, blocks.data(), static_cast<int>(blocks.size())) != 1) return false;
  return static_cast<std::size_t>(size) == blocks.size();
}

}  // namespace

bool AesCbc::encrypt(const Block& iv, std::span<std::uint8_t> blocks) noexcept {
  return run(contexts_->encryption.get(), iv, blocks);
}

bool AesCbc::decrypt(const Block& iv, std::span<std::uint8_t> blocks) noexcept {
  return run(contexts_->decryption.get(), iv, blocks);
}

bool equal_constant_time(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right) noexcept {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

void secure_wipe(void* data, std::size_t size) noexcept {
  OPENSSL_cleanse(data, size);
}

}  // namespace router
