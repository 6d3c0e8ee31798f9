#include "tests/support/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>

#include "router/base/check.h"

namespace test {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO_free_all>>;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string key_text(EVP_PKEY* key, const std::string& password) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const auto* word = reinterpret_cast<const unsigned char*>(password.data());
  VR_ASSERT(PEM_write_bio_PrivateKey(bio.get(), key, password.empty() ? nullptr : EVP_aes_128_cbc(),
                                     password.empty() ? nullptr : word, static_cast<int>(password.size()), nullptr,
                                     nullptr) == 1);
  return text_of(bio.get());
}

Key read_key(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

void extend(X509* certificate, X509* issuer, int what, const std::string& text) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, text.c_str());
  VR_ASSERT(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509Ptr blank(const CertificateWish& wish, EVP_PKEY* key) {
  static long serial = 1000;
  X509Ptr made(X509_new());
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), wish.from_s);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), wish.until_s);
  X509_set_pubkey(made.get(), key);
  const auto* name = reinterpret_cast<const unsigned char*>(wish.common_name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8, name, -1, -1, 0);
  return made;
}

Certificate finish(X509* certificate, EVP_PKEY* key, EVP_PKEY* issuer_key) {
  VR_ASSERT(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return {text_of(bio.get()), key_text(key, "")};
}

}  // namespace

Certificate make_authority(const std::string& common_name) {
  const Key key(EVP_EC_gen("P-256"));
  CertificateWish wish;
  wish.common_name = common_name;
  const X509Ptr made = blank(wish, key.get());
  X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
  extend(made.get(), made.get(), NID_basic_constraints, "critical,CA:TRUE");
  return finish(made.get(), key.get(), key.get());
}

Certificate make_certificate(const Certificate& authority, const CertificateWish& wish) {
  const BioPtr bio(BIO_new_mem_buf(authority.pem.data(), static_cast<int>(authority.pem.size())));
  const X509Ptr issuer(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const Key issuer_key = read_key(authority.key_pem);
  const Key key(EVP_EC_gen("P-256"));
  const X509Ptr made = blank(wish, key.get());
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
  std::string names;
  for (const auto& name : wish.names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  for (const auto& address : wish.addresses) names += (names.empty() ? "IP:" : ",IP:") + address;
  if (!names.empty()) extend(made.get(), issuer.get(), NID_subject_alt_name, names);
  return finish(made.get(), key.get(), issuer_key.get());
}

std::string locked_key(const Certificate& certificate, const std::string& password) {
  return key_text(read_key(certificate.key_pem).get(), password);
}

std::string write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  return path;
}

}  // namespace test
