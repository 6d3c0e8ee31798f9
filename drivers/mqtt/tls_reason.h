// Why a TLS connection to a broker was not made, in a sentence that says what to do.
//
// The MQTT library reports every such failure with the same words. What it knows it tells beforehand, on the thread
// that then calls back: OpenSSL's errors, and as trace lines the alerts of the handshake and the check of the host
// name. An alert that we write says what is wrong with the broker's certificate, one that we read what is wrong with
// ours.
//
// Thread rule: one owner (each thread of the library has its own).
#pragma once

#include <string>
#include <string_view>

#include "drivers/mqtt/mqtt_client.h"
#include "router/io/tls_context.h"

namespace drivers::mqtt {

struct TlsReason {
  std::string text;
  bool permanent = false;  ///< asking again soon does not help
};

class TlsNotes {
 public:
  /// A line of OpenSSL's list of errors: "139..:error:0A000086:SSL routines::certificate verify failed:..".
  void note_error(std::string_view line);
  /// A line that the library traces.
  void note_trace(std::string_view line);
  /// What was noted comes to; forgets it. `host` as in the configuration.
  TlsReason take(std::string_view host, bool uses_psk);

 private:
  std::string errors_;         ///< what OpenSSL says, ' | ' between; bounded
  std::string alert_written_;  ///< the last fatal one
  std::string alert_read_;
  bool wrong_host_ = false;
};

router::TlsSettings tls_settings(const MqttTls& tls);
/// Reads the files. What is wrong with them, which the MQTT library does not tell; empty: nothing.
std::string tls_files_problem(const MqttTls& tls);

}  // namespace drivers::mqtt
