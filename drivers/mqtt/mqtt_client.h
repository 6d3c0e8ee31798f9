// What the driver asks of an MQTT client library: a seam, so that another library can take the place of Paho.
//
// Thread rule: the functions of MqttClient are called by one thread, the broker's sender. Those of MqttEvents are
// called by threads of the library, one at a time per client; they return quickly and never call the client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drivers::mqtt {

enum class MqttVersion : std::uint8_t { k311, k5 };

struct MqttWill {
  std::string topic;  ///< empty: no will
  std::string payload;
  int qos = 0;
  bool retain = false;
};

struct MqttTls {
  bool enable = false;
  std::string ca_file;
  std::string ca_path;
  std::string certificate_file;  ///< of the client, with its chain (PEM)
  std::string key_file;
  std::string key_password;
  std::string ciphers;
  std::string psk;  ///< hex digits
  std::string psk_identity;
  bool check_host_name = true;
  bool check_certificate = true;
};

struct MqttConnection {
  std::string host;
  std::uint16_t port = 1883;
  std::string client_id;
  std::string user;
  std::string password;
  MqttVersion version = MqttVersion::k311;
  std::uint32_t keep_alive_s = 30;
  std::uint32_t connect_timeout_ms = 5000;
  bool clean_session = true;
  std::uint32_t session_expiry_s =
      0;  ///< MQTT 5 and not clean: how long the broker keeps the session; 0xffffffff = for ever
  std::uint32_t receive_maximum = 0;   ///< MQTT 5: unacknowledged messages from the broker; 0 = its default
  std::uint32_t in_flight_max = 1000;  ///< messages given to the library and not yet done
  bool no_delay = true;                 ///< small packets do not wait for the acknowledgement of earlier ones (TCP_NODELAY)
  MqttWill will;
  MqttTls tls;
};

struct MqttSubscription {
  std::string topic;
  int qos = 0;
  bool no_local = false;             ///< MQTT 5: not our own messages
  bool retain_as_published = false;  ///< MQTT 5
  int retain_handling = 0;           ///< MQTT 5: 0 send retained messages, 1 only if new, 2 never
};

using MqttProperties = std::span<const std::pair<std::string_view, std::string_view>>;

/// What else a message of MQTT 5 may carry and a bridge hands on. Views into whatever holds the message.
struct MqttExtras {
  MqttProperties user_properties;
  std::string_view content_type;
  std::string_view response_topic;
  std::span<const std::uint8_t> correlation_data;
  int payload_format = -1;     ///< 0 bytes, 1 UTF-8; -1: not told
  std::int64_t expiry_s = -1;  ///< seconds; -1: never
};

/// A message that came in; valid during the call.
struct MqttMessageView {
  std::string_view topic;
  std::span<const std::uint8_t> payload;
  int qos = 0;
  bool retained = false;
  bool duplicate = false;
  MqttExtras extras;  ///< MQTT 5
};

struct MqttOutgoing {
  const char* topic = nullptr;  ///< ends with NUL
  std::span<const std::uint8_t> payload;
  int qos = 0;
  bool retain = false;
  MqttExtras extras;  ///< MQTT 5
  bool tell_done = false;          ///< call on_done; always so for QoS 1 and 2
  std::uint32_t token =
      0;  ///< for on_done; less than MqttConnection::in_flight_max, and no other message under way has it
};

/// What the broker says of itself when it accepts a connection (MQTT 5).
struct MqttLimits {
  std::uint32_t packet_bytes_max = 0xffffffff;  ///< a whole packet that we send
  int qos_max = 2;
  bool retain = true;
  std::uint32_t in_flight_max = 65535;  ///< messages of QoS 1 and 2 without its answer
  std::optional<std::uint32_t> keep_alive_s;  ///< to be used in place of ours
};

/// How a publish ended.
enum class PublishEnd : std::uint8_t {
  kAcknowledged,  ///< QoS 0: written to the socket
  kRefused,       ///< the broker answered with a reason not to take it (MQTT 5)
  kBusy,          ///< the broker asks to come back later: quota exceeded, message rate too high, server busy (MQTT 5)
  kUnknown,       ///< the connection went first
};

class MqttEvents {
 public:
  virtual ~MqttEvents() = default;
  virtual void on_connected(bool session_present, const MqttLimits& limits) noexcept = 0;
  /// `permanent`: the broker said no (password, not authorised, client id), so that trying fast does not help.
  virtual void on_connect_failed(std::string_view reason, bool permanent) noexcept = 0;
  /// `blamed`: the broker says that it closes because of something that we sent (MQTT 5).
  virtual void on_connection_lost(std::string_view reason, bool blamed) noexcept = 0;
  /// `refused`: the indexes of subscriptions that the broker did not accept. None, but a `reason`: there was no answer.
  virtual void on_subscribed(std::span<const std::size_t> refused, std::string_view reason) noexcept = 0;
  /// The library acknowledges the message (QoS 1 and 2) after this returned, but not if it returns false: then the
  /// connection ends, so that the broker brings it again. It may run under a lock that all clients share.
  virtual bool on_message(const MqttMessageView& message) noexcept = 0;
  virtual void on_done(std::uint32_t token, PublishEnd end, std::string_view reason) noexcept = 0;
};

enum class SendResult : std::uint8_t { kSent, kFull, kDisconnected, kFailed };

class MqttClient {
 public:
  virtual ~MqttClient() = default;
  /// Begins to connect; on_connected or on_connect_failed follows. Empty, or why it cannot even begin.
  virtual std::string connect() = 0;
  /// Begins to subscribe; on_subscribed follows.
  virtual std::string subscribe(std::span<const MqttSubscription> subscriptions) = 0;
  /// Hands over a message; copies it.
  virtual SendResult send(const MqttOutgoing& message) = 0;
  /// The library may have missed what it was given last: makes it look again. No harm if it has not.
  virtual void nudge() noexcept = 0;
  /// Waits at most `timeout_ms` for what is under way, then closes the connection. No event follows.
  virtual void disconnect(std::uint32_t timeout_ms) = 0;
};

/// While somebody has it the library's threads and tables stay. Without, they go with the last client, and another thread
/// that makes the next one at that moment is not safe from it (1.3.12).
std::shared_ptr<void> hold_mqtt_library();

/// Makes a client on Eclipse Paho MQTT C. Null with an error text if it cannot be made. `events` must outlive it.
std::unique_ptr<MqttClient> make_paho_client(const MqttConnection& connection, MqttEvents& events, std::string& error);

}  // namespace drivers::mqtt
