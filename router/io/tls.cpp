#include "router/io/tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace router {

// OpenSSL reads from input_ and writes to output_: nothing is copied on the way.
struct TlsBytes {
  static int read(BIO* bio, char* to, int size) noexcept {
    auto& input = static_cast<TlsStream*>(BIO_get_data(bio))->input_;
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    const std::size_t count = std::min(input.size(), static_cast<std::size_t>(size));
    if (count == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(to, input.data(), count);
    input = input.subspan(count);
    return static_cast<int>(count);
  }
  static int write(BIO* bio, const char* from, int size) noexcept {
    auto& output = static_cast<TlsStream*>(BIO_get_data(bio))->output_;
    BIO_clear_retry_flags(bio);
    if (size > 0) output.insert(output.end(), from, from + size);
    return size;
  }
  static long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static int create(BIO* bio) noexcept {
    BIO_set_init(bio, 1);
    return 1;
  }
  /// Made once, for the process.
  static const BIO_METHOD* method() noexcept {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "router");
      BIO_meth_set_read(method, read);
      BIO_meth_set_write(method, write);
      BIO_meth_set_ctrl(method, control);
      BIO_meth_set_create(method, create);
      return method;
    }();
    return made;
  }
};

namespace {

constexpr std::size_t kRecordMax = 16U << 10U;
// What a handshake may have to say: certificates of some KiB. More is a peer that lets us talk to ourselves.
constexpr std::size_t kOwnOutputMax = 128U << 10U;
constexpr char kHandshakeRecord = 22;
// Each may ask for new keys.
constexpr std::uint32_t kSilentRecordsMax = 64;

// A record that came is decrypted here; pieces of a send that are smaller than a record are put together there.
thread_local std::array<char, kRecordMax> in_space;
thread_local std::array<char, kRecordMax> out_space;

struct Reason {
  int code;
  const char* text;
};

// What the other side has said, or what was found wrong with it, where OpenSSL's own words are for programmers.
constexpr std::array kReasons{
    Reason{SSL_R_WRONG_VERSION_NUMBER, "the other side speaks no TLS"},
    Reason{SSL_R_HTTP_REQUEST, "the other side speaks HTTP and no TLS"},
    Reason{SSL_R_UNSUPPORTED_PROTOCOL, "the two sides have no version of TLS in common"},
    Reason{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the two sides have no version of TLS in common"},
    Reason{SSL_R_NO_PROTOCOLS_AVAILABLE, "the two sides have no version of TLS in common"},
    Reason{SSL_R_NO_SHARED_CIPHER, "the two sides have no cipher in common"},
    Reason{SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
           "the other side refuses the handshake: no cipher in common, or it wants a certificate of ours"},
    Reason{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the client has no certificate, and must have one"},
    Reason{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the other side wants a certificate of ours: write \"certfile\""},
    Reason{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the other side does not know the authority of our certificate"},
    Reason{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the other side does not take our certificate"},
    Reason{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the other side does not take our certificate"},
    Reason{SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, "the other side does not take our kind of certificate"},
    Reason{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "our certificate has expired, the other side says"},
    Reason{SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "our certificate was revoked, the other side says"},
    Reason{SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the other side denies access"},
    Reason{SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "bytes of the other side were changed on their way"},
};

std::string text_of(unsigned long code) {
  const int reason = ERR_GET_REASON(code);
  for (const Reason& known : kReasons) {
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && known.code == reason) return known.text;
  }
  const char* text = ERR_reason_error_string(code);
  return text != nullptr ? std::string("TLS cannot go on: ") + text : "the other side ends the conversation";
}

bool is_address(const std::string& host) noexcept {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 || ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

TlsStream::TlsStream(std::shared_ptr<TlsContext> context, std::string host)
    : context_(std::move(context)), host_(std::move(host)) {}

TlsStream::~TlsStream() {
  SSL_free(ssl_);
}

void TlsStream::start() noexcept {
  if (!is_server() && ssl_ == nullptr && begin()) shake_hands();
}

bool TlsStream::begin() noexcept {
  ERR_clear_error();
  ssl_ = SSL_new(context_->handle());
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(TlsBytes::method());
  if (bio == nullptr) {
    fail("there is no memory for TLS");
    return false;
  }
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  if (is_server()) {
    SSL_set_accept_state(ssl_);
    return true;
  }
  SSL_set_connect_state(ssl_);
  if (set_host()) return true;
  fail("\"" + host_ + "\" cannot be looked for in a certificate");
  return false;
}

bool TlsStream::set_host() noexcept {
  const bool address = is_address(host_);
  // An address must not be named here (RFC 6066, 3). The library's macro for this call casts in C's way.
  if (!address && !host_.empty() &&
      SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host_.data()) != 1)
    return false;
  if (!context_->checks_host_name()) return true;
  if (host_.empty()) return false;
  if (address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host_.c_str()) == 1;
  SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl_, host_.c_str()) == 1;
}

// ---- input
// ------------------------------------------------------------------------------------------------------------------

std::size_t TlsStream::feed(std::span<const char> bytes) noexcept {
  if (bytes.empty() || state_ == State::kFailed || state_ == State::kEnded) return bytes.size();
  if (ssl_ == nullptr) {
    if (bytes.front() != kHandshakeRecord) {
      fail("the other side speaks no TLS");
      return bytes.size();
    }
    if (!begin()) return bytes.size();
  }
  const std::size_t before = output_.size();
  input_ = bytes;
  ERR_clear_error();
  if (state_ == State::kHandshake) {
    shake_hands();
  } else {
    read();
  }
  const std::size_t done = bytes.size() - input_.size();
  input_ = {};
  if (output_.size() - before > kOwnOutputMax || output_.size() > kOwnOutputMax + 2 * kWriteMax)
    fail("the other side asks for too much and takes nothing");
  return state_ == State::kFailed ? bytes.size() : done;
}

void TlsStream::shake_hands() noexcept {
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) {
    take_error(result);
  } else {
    state_ = State::kOpen;
  }
}

void TlsStream::read() noexcept {
  do {
    const int result = SSL_read(ssl_, in_space.data(), static_cast<int>(in_space.size()));
    if (result > 0) {
      plain_ = {in_space.data(), static_cast<std::size_t>(result)};
      silent_in_row_ = 0;
      return;
    }
    take_error(result);
    if (state_ != State::kOpen || input_.empty()) return;
    ++silent_records_;
    if (++silent_in_row_ > kSilentRecordsMax)
      fail("the other side asks for new keys again and again, and says nothing");
  } while (state_ == State::kOpen);
}

void TlsStream::consume_plain(std::size_t bytes) noexcept {
  plain_ = plain_.subspan(bytes);
  if (plain_.empty()) std::vector<char>().swap(kept_);
}

void TlsStream::keep_plain() noexcept {
  if (plain_.empty() || !kept_.empty()) return;
  kept_.assign(plain_.begin(), plain_.end());
  plain_ = kept_;
}

// ---- output
// -----------------------------------------------------------------------------------------------------------------

std::size_t TlsStream::write(std::span<const iovec> ranges) noexcept {
  std::size_t done = 0;
  std::size_t waiting = 0;  // in out_space
  ERR_clear_error();
  for (const iovec& range : ranges) {
    const char* at = static_cast<const char*>(range.iov_base);
    std::size_t left = range.iov_len;
    while (left > 0) {
      if (output_.size() + waiting >= kWriteMax) break;
      if (waiting == 0 && left >= kRecordMax) {
        if (!write_record(at, kRecordMax)) return done;
        at += kRecordMax;
        left -= kRecordMax;
        done += kRecordMax;
        continue;
      }
      const std::size_t part = std::min(left, kRecordMax - waiting);
      std::memcpy(out_space.data() + waiting, at, part);
      waiting += part;
      at += part;
      left -= part;
      if (waiting < kRecordMax) continue;
      if (!write_record(out_space.data(), waiting)) return done;
      done += waiting;
      waiting = 0;
    }
    if (left > 0) break;
  }
  if (waiting > 0 && write_record(out_space.data(), waiting)) done += waiting;
  return done;
}

bool TlsStream::write_record(const char* bytes, std::size_t size) noexcept {
  const int result = SSL_write(ssl_, bytes, static_cast<int>(size));
  if (result == static_cast<int>(size)) return true;
  take_error(result);
  if (state_ != State::kFailed) fail("TLS takes nothing to be sent");
  return false;
}

bool TlsStream::close() noexcept {
  if (closed_ || ssl_ == nullptr || !may_write()) return false;
  closed_ = true;
  ERR_clear_error();
  const std::size_t before = output_.size();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  return output_.size() > before;
}

std::span<const char> TlsStream::output() noexcept {
  if (sending_done_ == sending_.size()) {
    sending_done_ = 0;
    sending_.clear();
    sending_.swap(output_);
  }
  return {sending_.data() + sending_done_, sending_.size() - sending_done_};
}

void TlsStream::consume_output(std::size_t bytes) noexcept {
  sending_done_ += bytes;
  if (sending_done_ < sending_.size()) return;
  sending_done_ = 0;
  std::vector<char>().swap(sending_);
}

// ---- what goes wrong
// --------------------------------------------------------------------------------------------------------

void TlsStream::take_error(int result) noexcept {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return;
    case SSL_ERROR_ZERO_RETURN:
      if (state_ == State::kHandshake) break;
      state_ = State::kEnded;
      return;
    default:
      break;
  }
  // A certificate that was not taken is the first thing that went wrong; what followed from it came later.
  const long verified =
      state_ == State::kHandshake && context_->checks_certificate() ? SSL_get_verify_result(ssl_) : X509_V_OK;
  const unsigned long code = ERR_peek_error();
  fail(verified != X509_V_OK ? verify_problem(verified) : text_of(code));
  ERR_clear_error();
}

std::string TlsStream::verify_problem(long result) const {
  const std::string whose = is_server() ? "the client's certificate" : "the certificate of the other side";
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + " has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return whose + " is not valid yet: are the clocks right?";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return whose + " is not for \"" + host_ + "\"";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return whose + " is of an authority that is not known here: name that one's in \"cafile\"";
    default:
      return whose + " is not taken: " + X509_verify_cert_error_string(result);
  }
}

void TlsStream::fail(std::string problem) noexcept {
  if (state_ == State::kFailed) return;
  state_ = State::kFailed;
  problem_ = std::move(problem);
}

std::string_view TlsStream::version() const noexcept {
  return ssl_ == nullptr || state_ == State::kHandshake ? std::string_view() : SSL_get_version(ssl_);
}

}  // namespace router
