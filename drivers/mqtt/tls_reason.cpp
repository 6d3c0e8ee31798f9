#include "drivers/mqtt/tls_reason.h"

#include <array>
#include <ctime>
#include <utility>

namespace drivers::mqtt {
namespace {

constexpr std::size_t kErrorsMax = 400;

struct Rule {
  std::string_view word;  ///< found in the alert, or in OpenSSL's errors
  std::string_view text;
};

/// What we found wrong with the broker's certificate.
constexpr std::array<Rule, 5> kWritten{{
    {"unknown CA",
     "the broker's certificate is not signed by an authority that is known here: write the file of the authority that "
     "signed it as tls.cafile"},
    {"certificate expired",
     "the broker's certificate has expired, or the clock of this machine is wrong: have the broker's certificate "
     "renewed"},
    {"certificate revoked", "the broker's certificate is revoked: have it replaced"},
    {"bad certificate",
     "the broker's certificate is not valid (yet, or at all): look at its dates, and at this machine's clock"},
    {"unsupported certificate", "the broker's certificate is not one for servers: have it replaced"},
}};

constexpr std::string_view kWanted = "the broker wants a certificate: write tls.certfile and tls.keyfile";
/// What the broker found wrong with us.
constexpr std::array<Rule, 9> kRead{{
    {"certificate required", kWanted},
    {"no certificate", kWanted},
    {"unknown CA", "the broker does not know the authority that signed tls.certfile"},
    {"certificate expired", "tls.certfile has expired, says the broker: renew it"},
    {"bad certificate", "the broker does not accept tls.certfile"},
    {"certificate", "the broker does not accept tls.certfile"},
    // OpenSSL 3.0 has no name for the alert by which TLS 1.3 asks for a certificate.
    {"unknown", kWanted},
    {"handshake failure", kWanted},
    {"protocol version", "the broker speaks no TLS 1.2 or newer"},
}};

/// What OpenSSL says, where there was no alert.
constexpr std::array<Rule, 4> kErrors{{
    {"wrong version number", "the broker does not speak TLS on this port: write the port that does, 8883 as a rule"},
    {"packet length too long", "the broker does not speak TLS on this port: write the port that does, 8883 as a rule"},
    {"http request", "the broker does not speak TLS on this port: write the port that does, 8883 as a rule"},
    {"no ciphers available", "none of tls.ciphers can be used"},
}};

template <typename Rules>
std::string_view find_rule(const Rules& rules, std::string_view text) {
  for (const Rule& rule : rules) {
    if (text.find(rule.word) != std::string_view::npos) return rule.text;
  }
  return {};
}

/// "error:0A000086:SSL routines::certificate verify failed:../ssl/x.c:1889:" without numbers and places.
std::string_view reason_in(std::string_view line) {
  const std::size_t start = line.find("error:");
  if (start == std::string_view::npos) return line;
  line.remove_prefix(start);
  for (int colon = 0; colon < 4; ++colon) {
    const std::size_t at = line.find(':');
    if (at == std::string_view::npos) return line;
    line.remove_prefix(at + 1);
  }
  return line.substr(0, line.find(':'));
}

}  // namespace

void TlsNotes::note_error(std::string_view line) {
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  const std::string_view reason = reason_in(line);
  if (errors_.size() + reason.size() > kErrorsMax) return;
  if (!errors_.empty()) errors_ += " | ";
  errors_ += reason;
}

void TlsNotes::note_trace(std::string_view line) {
  constexpr std::string_view kAlert = "SSL alert ";
  if (wrong_host_ && line.find("close notify") == std::string_view::npos) wrong_host_ = false;  // it had the address
  if (line.find("X509_check_host for hostname") != std::string_view::npos) {
    wrong_host_ = true;
  } else if (const std::size_t at = line.find(kAlert); at != std::string_view::npos) {
    line.remove_prefix(at + kAlert.size());
    if (line.find(":fatal:") == std::string_view::npos) return;
    (line.starts_with("write") ? alert_written_ : alert_read_) = line.substr(line.find(":fatal:") + 7);
  }
}

TlsReason TlsNotes::take(std::string_view host, bool uses_psk) {
  const TlsNotes notes = std::exchange(*this, TlsNotes());
  if (!notes.alert_written_.empty()) {
    if (const auto text = find_rule(kWritten, notes.alert_written_); !text.empty()) return {std::string(text), true};
  }
  if (!notes.alert_read_.empty()) {
    if (uses_psk) return {"the broker does not accept tls.psk-identity or tls.psk (" + notes.alert_read_ + ")", true};
    if (const auto text = find_rule(kRead, notes.alert_read_); !text.empty()) return {std::string(text), true};
    return {"the broker ends the handshake: " + notes.alert_read_, true};
  }
  if (const auto text = find_rule(kErrors, notes.errors_); !text.empty()) {
    return {std::string(text) + " (" + notes.errors_ + ")", true};
  }
  if (!notes.errors_.empty()) return {"TLS: " + notes.errors_, false};
  if (notes.wrong_host_) {
    return {"the broker's certificate is not for " + std::string(host) +
                ": write as \"host\" a name that stands in it, or have it made for this one",
            true};
  }
  return {
      "it cannot be reached, does not speak TLS on this port, or wants a certificate (another one) from us: see "
      "host, port and tls.certfile",
      false};
}

router::TlsSettings tls_settings(const MqttTls& tls) {
  router::TlsSettings out;
  out.ca_file = tls.ca_file;
  out.ca_path = tls.ca_path;
  out.certificate_file = tls.certificate_file;
  out.key_file = tls.key_file;
  out.key_password = tls.key_password;
  out.ciphers = tls.psk.empty() ? tls.ciphers : std::string();  // those of a key of both are no use without it
  out.check_certificate = tls.check_certificate;
  out.check_host_name = tls.check_host_name;
  return out;
}

std::string tls_files_problem(const MqttTls& tls) {
  for (const router::TlsIssue& issue : router::TlsContext::check(tls_settings(tls), std::time(nullptr))) {
    if (!issue.is_warning) return "tls: " + issue.text;
  }
  return {};
}

}  // namespace drivers::mqtt
