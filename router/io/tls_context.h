// What TLS connections of one kind have in common: certificates, key, whom we trust. TLS 1.2 and 1.3.
//
// Files are read when the context is made, never later. A session keeps the context that it began with alive, so that a
// new one (certificates that were renewed) can take its place at any time.
//
// Thread rule: make() and check() at start-up, or on a thread that may block; a context is then used by one worker
// only, so that its counters and locks are nobody else's. OpenSSL is included in tls_context.cpp, tls.cpp and
// base/crypto.cpp only.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st;

namespace router {

enum class TlsSide : std::uint8_t { kClient, kServer };

struct TlsSettings {
  TlsSide side = TlsSide::kClient;
  std::string ca_file;           ///< PEM: whom we trust. Neither file nor folder: whom the system trusts
  std::string ca_path;           ///< a folder of such files, made by `openssl rehash`
  std::string certificate_file;  ///< PEM: our own, and behind it those between it and the authority
  std::string key_file;          ///< PEM; empty: in certificate_file
  std::string key_password;
  std::string ciphers;  ///< of TLS 1.2, as OpenSSL writes them; empty: OpenSSL's own choice
  bool only_tls13 = false;
  bool check_certificate = true;  ///< client: the server's. Server: clients must have one
  bool check_host_name = true;    ///< client
  bool operator==(const TlsSettings&) const = default;
};

/// What is wrong (or doubtful) with a setting. `text` goes behind the name of the key.
struct TlsIssue {
  const std::string TlsSettings::* setting = nullptr;  ///< whose file or text it is
  std::string text;
  bool is_warning = false;  ///< it works today
};

class TlsContext {
 public:
  /// Reads the files. On error: one sentence.
  static std::expected<std::shared_ptr<TlsContext>, std::string> make(const TlsSettings& settings);
  /// Reads the files as make() does and tells all that is wrong with them. `now_s`: seconds of UTC.
  static std::vector<TlsIssue> check(const TlsSettings& settings, std::int64_t now_s);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  bool is_server() const noexcept { return settings_.side == TlsSide::kServer; }
  bool checks_certificate() const noexcept { return settings_.check_certificate; }
  bool checks_host_name() const noexcept { return settings_.check_certificate && settings_.check_host_name; }
  ssl_ctx_st* handle() const noexcept { return handle_; }

 private:
  explicit TlsContext(const TlsSettings& settings);

  TlsSettings settings_;
  ssl_ctx_st* handle_;
};

/// Whether the files of two settings are the same but for their content; who makes many contexts makes equal ones once.
class TlsContextCache {
 public:
  std::expected<std::shared_ptr<TlsContext>, std::string> get(const TlsSettings& settings);

 private:
  struct Entry {
    TlsSettings settings;
    std::shared_ptr<TlsContext> context;
  };
  std::vector<Entry> entries_;
};

}  // namespace router
