#include "router/io/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <utility>

#include "router/base/check.h"

namespace router {
namespace {

using Setting = const std::string TlsSettings::*;
using Issues = std::vector<TlsIssue>;

constexpr std::int64_t kSoonS = 14LL * 86'400;  // who has not renewed a certificate by then has forgotten it

// What OpenSSL complains about, in its words.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* text = ERR_reason_error_string(code);
  return text != nullptr ? text : "it cannot be read";
}

// Empty: the file is there and can be read.
std::string reading_problem(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return path + " is a folder: write the name of a file";
  errno = 0;
  std::ifstream stream(path);
  char first = 0;
  if (stream.is_open() && stream.get(first)) return {};
  return "cannot read " + path + ": " + (errno != 0 ? std::strerror(errno) : "it is empty");
}

// OpenSSL would ask the person at the terminal.
int give_password(char* buffer, int size, int, void* settings) {
  const std::string& password = static_cast<const TlsSettings*>(settings)->key_password;
  const auto length = std::min(password.size(), static_cast<std::size_t>(std::max(size, 0)));
  std::memcpy(buffer, password.data(), length);
  return static_cast<int>(length);
}

// "2027-01-31", from OpenSSL's form of a time.
std::string date_text(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "a day that cannot be read";
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

void check_dates(SSL_CTX* context, std::int64_t now_s, Issues& issues) {
  const X509* certificate = SSL_CTX_get0_certificate(context);
  if (certificate == nullptr) return;
  std::time_t now = now_s;
  std::time_t soon = now_s + kSoonS;
  const Setting file = &TlsSettings::certificate_file;
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  if (X509_cmp_time(end, &now) < 0) {
    issues.push_back({file, "has expired on " + date_text(end) + ": who checks it will not connect", true});
  } else if (X509_cmp_time(end, &soon) < 0) {
    issues.push_back({file, "expires on " + date_text(end), true});
  }
  const ASN1_TIME* begin = X509_get0_notBefore(certificate);
  if (X509_cmp_time(begin, &now) > 0)
    issues.push_back({file, "is valid from " + date_text(begin) + " on only: is the clock right?", true});
}

void load_own(SSL_CTX* context, const TlsSettings& settings, Issues& issues) {
  const Setting file = &TlsSettings::certificate_file;
  if (settings.certificate_file.empty()) {
    if (settings.side == TlsSide::kServer) issues.push_back({file, "is missing: write the file of the certificate"});
    if (!settings.key_file.empty()) issues.push_back({&TlsSettings::key_file, "needs a certificate too"});
    return;
  }
  if (auto problem = reading_problem(settings.certificate_file); !problem.empty()) {
    issues.push_back({file, std::move(problem)});
    return;
  }
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate_file.c_str()) != 1) {
    issues.push_back({file, settings.certificate_file + " holds no certificate that can be used: " + openssl_reason()});
    return;
  }
  const bool own_file = !settings.key_file.empty();
  const std::string& key = own_file ? settings.key_file : settings.certificate_file;
  const Setting key_setting = own_file ? &TlsSettings::key_file : file;
  if (auto problem = reading_problem(key); !problem.empty()) {
    issues.push_back({key_setting, std::move(problem)});
  } else if (ERR_clear_error(); SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    issues.push_back({key_setting, mismatch ? "the key in " + key + " does not belong to the certificate"
                                            : key + " holds no key that can be used (" + openssl_reason() +
                                                  "): is its password right?"});
  } else if (SSL_CTX_check_private_key(context) != 1) {
    issues.push_back({key_setting, "the key in " + key + " does not belong to the certificate"});
  }
}

void load_trust(SSL_CTX* context, const TlsSettings& settings, Issues& issues) {
  if (!settings.check_certificate) return;
  if (settings.ca_file.empty() && settings.ca_path.empty()) {
    if (settings.side == TlsSide::kServer) {
      issues.push_back({&TlsSettings::ca_file, "is missing: write the file of the authority whose clients may come"});
    } else if (SSL_CTX_set_default_verify_paths(context) != 1) {
      issues.push_back({&TlsSettings::ca_file, "the system's authorities cannot be read: write a file of your own"});
    }
    return;
  }
  if (!settings.ca_file.empty()) {
    if (auto problem = reading_problem(settings.ca_file); !problem.empty()) {
      issues.push_back({&TlsSettings::ca_file, std::move(problem)});
    } else if (SSL_CTX_load_verify_file(context, settings.ca_file.c_str()) != 1) {
      issues.push_back({&TlsSettings::ca_file, settings.ca_file + " holds no certificate: " + openssl_reason()});
    } else if (settings.side == TlsSide::kServer) {
      // Clients choose among their certificates by these names.
      SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(settings.ca_file.c_str()));
    }
  }
  if (settings.ca_path.empty()) return;
  std::error_code error;
  if (!std::filesystem::is_directory(settings.ca_path, error)) {
    issues.push_back({&TlsSettings::ca_path, "there is no folder " + settings.ca_path});
  } else if (SSL_CTX_load_verify_dir(context, settings.ca_path.c_str()) != 1) {
    issues.push_back({&TlsSettings::ca_path, settings.ca_path + " cannot be used: " + openssl_reason()});
  }
}

void set_rules(SSL_CTX* context, const TlsSettings& settings, Issues& issues) {
  SSL_CTX_set_min_proto_version(context, settings.only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // An idle session keeps no buffers of 16 KiB.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Records that say nothing are counted (TlsStream), so that SSL_read() must come back after each.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  // Tickets are enough for who comes again; a cache would only grow.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  constexpr std::array<unsigned char, 4> kOurs{'v', 's', 'c', 'p'};
  SSL_CTX_set_session_id_context(context, kOurs.data(), kOurs.size());
  const int on_server = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  const int on_side = settings.side == TlsSide::kServer ? on_server : SSL_VERIFY_PEER;
  SSL_CTX_set_verify(context, settings.check_certificate ? on_side : SSL_VERIFY_NONE, nullptr);
  if (!settings.ciphers.empty() && SSL_CTX_set_cipher_list(context, settings.ciphers.c_str()) != 1)
    issues.push_back({&TlsSettings::ciphers, "names no cipher that OpenSSL knows"});
}

Issues load(SSL_CTX* context, TlsSettings& settings) {
  Issues issues;
  ERR_clear_error();
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, &settings);
  set_rules(context, settings, issues);
  load_own(context, settings, issues);
  load_trust(context, settings, issues);
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  ERR_clear_error();
  return issues;
}

}  // namespace

TlsContext::TlsContext(const TlsSettings& settings)
    : settings_(settings),
      handle_(SSL_CTX_new(settings.side == TlsSide::kServer ? TLS_server_method() : TLS_client_method())) {
  VR_ASSERT(handle_ != nullptr);  // no memory at start
}

TlsContext::~TlsContext() {
  SSL_CTX_free(handle_);
}

std::expected<std::shared_ptr<TlsContext>, std::string> TlsContext::make(const TlsSettings& settings) {
  struct Made : TlsContext {
    explicit Made(const TlsSettings& from) : TlsContext(from) {}
  };
  std::shared_ptr<TlsContext> context = std::make_shared<Made>(settings);
  const Issues issues = load(context->handle_, context->settings_);
  if (!issues.empty()) return std::unexpected("TLS: " + issues.front().text);
  return context;
}

std::vector<TlsIssue> TlsContext::check(const TlsSettings& settings, std::int64_t now_s) {
  TlsContext context(settings);
  Issues issues = load(context.handle_, context.settings_);
  if (issues.empty()) check_dates(context.handle_, now_s, issues);
  return issues;
}

std::expected<std::shared_ptr<TlsContext>, std::string> TlsContextCache::get(const TlsSettings& settings) {
  for (const Entry& entry : entries_) {
    if (entry.settings == settings) return entry.context;
  }
  auto context = TlsContext::make(settings);
  if (context) entries_.push_back({settings, *context});
  return context;
}

}  // namespace router
