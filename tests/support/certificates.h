// Authorities and certificates for tests of TLS, made when they are needed: P-256, PEM.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace test {

struct Certificate {
  std::string pem;
  std::string key_pem;
};

struct CertificateWish {
  std::string common_name = "far";
  std::vector<std::string> names{"far"};  ///< DNS names
  std::vector<std::string> addresses;     ///< IP addresses
  std::int64_t from_s = -3600;            ///< from now
  std::int64_t until_s = 30LL * 86'400;   ///< from now
};

Certificate make_authority(const std::string& common_name);
Certificate make_certificate(const Certificate& authority, const CertificateWish& wish = {});

/// The key again, encrypted with a password.
std::string locked_key(const Certificate& certificate, const std::string& password);

/// Writes a text to a file and returns its name.
std::string write_file(const std::string& path, const std::string& text);

}  // namespace test
