// A peer that sends anything to a TLS stream.
//
// The input: bit 0 of its first byte says whether the stream is a server or a client, bit 1 whether the bytes come
// after the handshake, bit 2 whether a server asks for a certificate. The rest are the bytes.
#include <algorithm>
#include <string>

#include "router/io/tls.h"
#include "tests/fuzz/promise.h"
#include "tests/fuzz/targets.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace fuzz {
namespace {

using router::TlsContext;
using router::TlsSettings;
using router::TlsSide;
using router::TlsStream;

struct Contexts {
  Contexts() {
    const test::TempDir folder;
    const test::Certificate authority = test::make_authority("site");
    const test::Certificate own = test::make_certificate(authority);
    TlsSettings settings;
    settings.ca_file = test::write_file(folder.path() + "/ca", authority.pem);
    settings.certificate_file = test::write_file(folder.path() + "/own", own.pem + own.key_pem);
    client = *TlsContext::make(settings);
    settings.side = TlsSide::kServer;
    asking = *TlsContext::make(settings);
    settings.check_certificate = false;
    server = *TlsContext::make(settings);
  }
  std::shared_ptr<TlsContext> client;
  std::shared_ptr<TlsContext> server;
  std::shared_ptr<TlsContext> asking;
};

/// All that one has to send, to the other.
bool carry(TlsStream& from, TlsStream& to) {
  const auto bytes = from.output();
  std::size_t done = 0;
  while (done < bytes.size()) {
    done += to.feed(bytes.subspan(done));
    to.consume_plain(to.plain().size());
  }
  from.consume_output(bytes.size());
  return done > 0;
}

}  // namespace

void tls_stream(Bytes input) {
  if (input.empty()) return;
  static const Contexts contexts;
  const unsigned mode = input[0];
  const std::span<const char> bytes{reinterpret_cast<const char*>(input.data()) + 1, input.size() - 1};
  TlsStream client(contexts.client, "far");
  TlsStream server((mode & 4U) != 0 ? contexts.asking : contexts.server, "");
  client.start();
  while ((mode & 2U) != 0 && (carry(client, server) || carry(server, client))) {
  }
  TlsStream& hit = (mode & 1U) != 0 ? client : server;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::size_t fed = hit.feed(bytes.subspan(done));
    check(fed > 0 && fed <= bytes.size() - done, "bytes are taken");
    check(hit.plain().empty(), "nothing was said that the peer could have said");
    done += fed;
  }
  check(hit.state() != TlsStream::State::kEnded, "an end has a key");
  check((hit.state() == TlsStream::State::kFailed) == !hit.problem().empty(), "what fails has a reason");
  check(hit.output().size() <= 64U << 10U, "what is answered is bounded");
}

}  // namespace fuzz
