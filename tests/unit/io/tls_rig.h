// Two TLS streams, client and server, joined in memory, and the files that they need.
#pragma once

#include <gtest/gtest.h>
#include <sys/uio.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "router/io/tls.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace tls_test {

using router::TlsContext;
using router::TlsSettings;
using router::TlsSide;
using router::TlsStream;

/// Files of an authority, of a server "far" that it knows, of a client that it knows, and of another authority.
class TlsFiles {
 public:
  TlsFiles() {
    const test::Certificate authority = test::make_authority("site");
    put("ca", authority);
    put("other", test::make_authority("other"));
    const test::Certificate server =
        test::make_certificate(authority, {"far", {"far"}, {"127.0.0.1"}, -3600, 86'400 * 30});
    put("server", server);
    put("client", test::make_certificate(authority, {"client", {}, {}, -3600, 86'400 * 30}));
    put("old", test::make_certificate(authority, {"far", {"far"}, {}, -7200, -3600}));
    test::write_file(path("both.pem"), server.pem + server.key_pem);
    put("young", test::make_certificate(authority, {"far", {"far"}, {}, 7200, 86'400 * 30}));
  }
  void put(const std::string& name, const test::Certificate& certificate) {
    test::write_file(path(name + ".pem"), certificate.pem);
    test::write_file(path(name + ".key"), certificate.key_pem);
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  TlsSettings server(const std::string& name = "server") const {
    TlsSettings settings;
    settings.side = TlsSide::kServer;
    settings.certificate_file = path(name + ".pem");
    settings.key_file = path(name + ".key");
    settings.check_certificate = false;
    return settings;
  }
  TlsSettings client() const {
    TlsSettings settings;
    settings.ca_file = path("ca.pem");
    return settings;
  }

 private:
  test::TempDir folder_;
};

/// One set for the process: keys take time.
inline const TlsFiles& files() {
  static const TlsFiles made;
  return made;
}

inline std::shared_ptr<TlsContext> context(const TlsSettings& settings) {
  auto made = TlsContext::make(settings);
  EXPECT_TRUE(made.has_value()) << made.error();
  return made ? *made : nullptr;
}

class TlsPair {
 public:
  explicit TlsPair(const TlsSettings& of_client, const TlsSettings& of_server, const std::string& host = "far",
                   std::size_t piece = 1 << 20)
      : client(context(of_client), host), server(context(of_server), ""), piece_(piece) {
    client.start();
  }

  /// Until nobody has anything to send.
  void exchange() {
    while (carry(client, server, heard_by_server) || carry(server, client, heard_by_client)) {
    }
  }
  static std::size_t say(TlsStream& stream, std::string_view text) {
    const iovec range{const_cast<char*>(text.data()), text.size()};
    return stream.write({&range, 1});
  }
  /// Gives the bytes in pieces; what they say goes to `heard`.
  void give(TlsStream& to, std::string_view bytes, std::string& heard) const {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, piece_);
      std::size_t done = 0;
      while (done < part.size()) {
        const std::size_t fed = to.feed({part.data() + done, part.size() - done});
        done += fed;
        heard.append(to.plain().data(), to.plain().size());
        const bool said = !to.plain().empty();
        to.consume_plain(to.plain().size());
        ASSERT_TRUE(fed > 0 || said);
      }
      bytes.remove_prefix(part.size());
    }
  }

  TlsStream client;
  TlsStream server;
  std::string heard_by_client;
  std::string heard_by_server;

 private:
  bool carry(TlsStream& from, TlsStream& to, std::string& heard) const {
    const std::span<const char> bytes = from.output();
    if (bytes.empty()) return false;
    give(to, {bytes.data(), bytes.size()}, heard);
    from.consume_output(bytes.size());
    return true;
  }

  std::size_t piece_;
};

}  // namespace tls_test
