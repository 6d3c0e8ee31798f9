#include "router/io/tls_config.h"

#include <array>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <utility>

namespace router {
namespace {

enum class Version : std::uint8_t { kAny, k12, k13 };
constexpr std::array<std::pair<std::string_view, Version>, 3> kVersions{
    {{"", Version::kAny}, {"tlsv1.2", Version::k12}, {"tlsv1.3", Version::k13}}};

struct Key {
  std::string_view name;
  std::string TlsSettings::* setting;
  bool is_path;
};
constexpr std::array kKeys{
    Key{"cafile", &TlsSettings::ca_file, true},
    Key{"capath", &TlsSettings::ca_path, true},
    Key{"certfile", &TlsSettings::certificate_file, true},
    Key{"keyfile", &TlsSettings::key_file, true},
    Key{"pwkeyfile", &TlsSettings::key_password, false},
    Key{"ciphers", &TlsSettings::ciphers, false},
};

std::string_view key_of(const TlsIssue& issue) {
  for (const Key& key : kKeys) {
    if (key.setting == issue.setting) return key.name;
  }
  return kKeys.front().name;
}

// Upstream writes 0 and 1 where others write false and true.
bool flag(ObjectReader& reader, std::string_view key) {
  const ConfigNode* node = reader.any(key);
  if (node != nullptr && node->kind == ConfigNode::Kind::kInteger) return reader.integer(key, 0, 0, 1) != 0;
  return reader.boolean(key, false);
}

}  // namespace

TlsSettings read_tls(ObjectReader& reader, TlsSide side, const std::string& folder) {
  TlsSettings out;
  out.side = side;
  for (const Key& key : kKeys) {
    std::string text = reader.text(key.name, "");
    if (key.is_path && !text.empty()) text = (std::filesystem::path(folder) / text).lexically_normal().string();
    out.*key.setting = std::move(text);
  }
  out.only_tls13 = reader.word<Version>("version", Version::kAny, kVersions) == Version::k13;
  out.check_certificate = reader.integer("cert-reqs", side == TlsSide::kClient ? 1 : 0, 0, 1) != 0;
  if (side == TlsSide::kClient) out.check_host_name = !flag(reader, "no-hostname-checking");
  return out;
}

void check_tls(ObjectReader& reader, const TlsSettings& settings) {
  if (settings.side == TlsSide::kClient && !settings.check_certificate)
    reader.warning("cert-reqs", "is 0: the certificate is not checked, so that anybody in between can read and write");
  for (TlsIssue& issue : TlsContext::check(settings, std::time(nullptr))) {
    if (issue.is_warning) {
      reader.warning(key_of(issue), std::move(issue.text));
    } else {
      reader.error(key_of(issue), std::move(issue.text));
    }
  }
}

}  // namespace router
