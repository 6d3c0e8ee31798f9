// Only paho_*.cpp include Paho. Its asynchronous client runs two threads for the whole process; callbacks come from them.
#include <MQTTAsync.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "drivers/mqtt/hidden_socket.h"
#include "drivers/mqtt/mqtt_client.h"
#include "drivers/mqtt/nudge_timer.h"
#include "drivers/mqtt/paho_doorbell.h"
#include "drivers/mqtt/paho_reasons.h"
#include "drivers/mqtt/tls_reason.h"

namespace drivers::mqtt {
namespace {

MqttLimits limits_of(MQTTProperties& properties) {
  MqttLimits out;
  const auto value = [&properties](MQTTPropertyCodes code) -> std::optional<std::uint32_t> {
    if (MQTTProperties_hasProperty(&properties, code) == 0) return std::nullopt;
    return static_cast<std::uint32_t>(MQTTProperties_getNumericValue(&properties, code));
  };
  out.packet_bytes_max = value(MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE).value_or(out.packet_bytes_max);
  out.qos_max = static_cast<int>(value(MQTTPROPERTY_CODE_MAXIMUM_QOS).value_or(2));
  out.in_flight_max = std::max(1U, value(MQTTPROPERTY_CODE_RECEIVE_MAXIMUM).value_or(out.in_flight_max));
  out.retain = value(MQTTPROPERTY_CODE_RETAIN_AVAILABLE).value_or(1) != 0;
  out.keep_alive_s = value(MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE);
  return out;
}

MQTTProperty string_pair(std::string_view name, std::string_view value) noexcept {
  MQTTProperty property{};
  property.identifier = MQTTPROPERTY_CODE_USER_PROPERTY;
  property.value.data = {static_cast<int>(name.size()), const_cast<char*>(name.data())};
  property.value.value = {static_cast<int>(value.size()), const_cast<char*>(value.data())};
  return property;
}

MQTTProperty text_property(MQTTPropertyCodes code, std::string_view value) noexcept {
  MQTTProperty property{};
  property.identifier = code;
  property.value.data = {static_cast<int>(value.size()), const_cast<char*>(value.data())};
  return property;
}

std::string_view view_of(const MQTTLenString& text) noexcept {
  return {text.data, static_cast<std::size_t>(text.len)};
}

MqttExtras read_extras(const MQTTProperties& from,
                       std::vector<std::pair<std::string_view, std::string_view>>& user_properties) {
  MqttExtras out;
  for (int i = 0; i < from.count; ++i) {
    const MQTTProperty& property = from.array[i];
    switch (property.identifier) {
      case MQTTPROPERTY_CODE_USER_PROPERTY:
        user_properties.emplace_back(view_of(property.value.data), view_of(property.value.value));
        break;
      case MQTTPROPERTY_CODE_CONTENT_TYPE:
        out.content_type = view_of(property.value.data);
        break;
      case MQTTPROPERTY_CODE_RESPONSE_TOPIC:
        out.response_topic = view_of(property.value.data);
        break;
      case MQTTPROPERTY_CODE_CORRELATION_DATA: {
        const std::string_view data = view_of(property.value.data);
        out.correlation_data = {reinterpret_cast<const std::uint8_t*>(data.data()), data.size()};
        break;
      }
      case MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR:
        out.payload_format = property.value.byte;
        break;
      case MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL:
        out.expiry_s = property.value.integer4;
        break;
      default:
        break;
    }
  }
  out.user_properties = user_properties;
  return out;
}

MQTTProperty number(MQTTPropertyCodes code, std::uint32_t value) noexcept {
  MQTTProperty property{};
  property.identifier = code;
  if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM) {
    property.value.integer2 = static_cast<unsigned short>(value);
  } else {
    property.value.integer4 = value;
  }
  return property;
}

std::vector<unsigned char> from_hex(std::string_view text) {
  std::vector<unsigned char> out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<unsigned char>(digit(text[i]) * 16 + digit(text[i + 1])));
  }
  return out;
}

thread_local TlsNotes tls_notes;  // of the library's threads

/// The library traces what it does for all clients at once: alerts are of interest while one of them connects with TLS.
class TlsTrace {
 public:
  ~TlsTrace() { stop(); }
  void start() { set(true); }
  void stop() { set(false); }

 private:
  void set(bool running) {
    const std::lock_guard lock(mutex_);
    if (running_ == running) return;
    running_ = running;
    count_ += running ? 1 : -1;
    MQTTAsync_setTraceLevel(count_ > 0 ? MQTTASYNC_TRACE_PROTOCOL : MQTTASYNC_TRACE_ERROR);
  }

  static inline std::mutex mutex_;
  static inline int count_ = 0;
  bool running_ = false;
};

class PahoClient final : public MqttClient {
 public:
  PahoClient(const MqttConnection& connection, MqttEvents& events)
      : connection_(connection),
        events_(events),
        contexts_(connection.in_flight_max),
        psk_(from_hex(connection.tls.psk)) {
    for (std::uint32_t i = 0; i < contexts_.size(); ++i) contexts_[i] = {this, i};
  }

  ~PahoClient() override {
    // A callback that is under way ends before the handle goes; later ones do not come.
    if (handle_ != nullptr) MQTTAsync_destroy(&handle_);
  }

  std::string create() {
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.MQTTVersion = version5() ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    options.sendWhileDisconnected = 0;
    options.maxBufferedMessages = static_cast<int>(connection_.in_flight_max);
    const std::string host =
        connection_.host.find(':') != std::string::npos ? "[" + connection_.host + "]" : connection_.host;
    const std::string uri =
        (connection_.tls.enable ? "ssl://" : "tcp://") + host + ":" + std::to_string(connection_.port);
    int code = MQTTAsync_createWithOptions(&handle_, uri.c_str(), connection_.client_id.c_str(),
                                           MQTTCLIENT_PERSISTENCE_NONE, nullptr, &options);
    if (code == MQTTASYNC_SUCCESS) code = MQTTAsync_setCallbacks(handle_, this, &on_lost, &on_arrived, nullptr);
    // MQTT 5: the broker says goodbye with a reason, which Paho tells here and not as a lost connection.
    if (code == MQTTASYNC_SUCCESS && version5()) code = MQTTAsync_setDisconnected(handle_, this, &on_disconnected);
    return code == MQTTASYNC_SUCCESS ? std::string() : reason_text(code, nullptr, version5());
  }

  std::string connect() override {
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions options5 = MQTTAsync_connectOptions_initializer5;
    if (version5()) options = options5;
    options.keepAliveInterval = static_cast<int>(connection_.keep_alive_s);
    options.connectTimeout = static_cast<int>((connection_.connect_timeout_ms + 999) / 1000);
    options.maxInflight = static_cast<int>(std::min<std::uint32_t>(connection_.in_flight_max, 65535));
    options.username = connection_.user.empty() ? nullptr : connection_.user.c_str();
    if (!connection_.password.empty()) {
      options.binarypwd = {static_cast<int>(connection_.password.size()), connection_.password.data()};
    }
    options.context = this;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    if (!connection_.will.topic.empty()) {
      will.topicName = connection_.will.topic.c_str();
      will.payload = {static_cast<int>(connection_.will.payload.size()), connection_.will.payload.data()};
      will.qos = connection_.will.qos;
      will.retained = connection_.will.retain ? 1 : 0;
      options.will = &will;
    }
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    if (connection_.tls.enable) {
      if (auto problem = tls_files_problem(connection_.tls); !problem.empty()) return problem;
      trace_.start();
      fill_tls(tls);
      options.ssl = &tls;
    }
    MQTTProperties properties = MQTTProperties_initializer;
    if (version5()) {
      options.cleanstart = connection_.clean_session ? 1 : 0;
      options.onSuccess5 = [](void* context, MQTTAsync_successData5* data) {
        self(context).connected(data != nullptr && data->alt.connect.sessionPresent != 0,
                                data == nullptr ? MqttLimits() : limits_of(data->properties));
      };
      options.onFailure5 = [](void* context, MQTTAsync_failureData5* data) {
        self(context).connect_failed(data == nullptr         ? 0
                                     : data->reasonCode != 0 ? data->reasonCode
                                                             : data->code,
                                     data == nullptr ? nullptr : data->message);
      };
      const auto add = [&properties](MQTTProperty property) { MQTTProperties_add(&properties, &property); };
      if (!connection_.clean_session && connection_.session_expiry_s > 0) {
        add(number(MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, connection_.session_expiry_s));
      }
      if (connection_.receive_maximum > 0) {
        add(number(MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, connection_.receive_maximum));
      }
      options.connectProperties = &properties;
    } else {
      options.cleansession = connection_.clean_session ? 1 : 0;
      options.MQTTVersion = MQTTVERSION_3_1_1;
      options.onSuccess = [](void* context, MQTTAsync_successData* data) {
        self(context).connected(data != nullptr && data->alt.connect.sessionPresent != 0, {});
      };
      options.onFailure = [](void* context, MQTTAsync_failureData* data) {
        self(context).connect_failed(data == nullptr ? 0 : data->code, data == nullptr ? nullptr : data->message);
      };
    }
    const int code = MQTTAsync_connect(handle_, &options);
    MQTTProperties_free(&properties);
    return code == MQTTASYNC_SUCCESS ? std::string() : reason_text(code, nullptr, version5());
  }

  std::string subscribe(std::span<const MqttSubscription> subscriptions) override {
    std::vector<char*> topics;
    std::vector<int> qos;
    std::vector<MQTTSubscribe_options> list;
    for (const auto& one : subscriptions) {
      topics.push_back(const_cast<char*>(one.topic.c_str()));
      qos.push_back(one.qos);
      MQTTSubscribe_options options = MQTTSubscribe_options_initializer;
      options.noLocal = one.no_local ? 1 : 0;
      options.retainAsPublished = one.retain_as_published ? 1 : 0;
      options.retainHandling = static_cast<unsigned char>(one.retain_handling);
      list.push_back(options);
    }
    subscribed_qos_ = qos;
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = this;
    if (version5()) {
      response.subscribeOptionsCount = static_cast<int>(list.size());
      response.subscribeOptionsList = list.data();
      if (!list.empty()) response.subscribeOptions = list.front();
      response.onSuccess5 = [](void* context, MQTTAsync_successData5* data) { self(context).subscribed5(data); };
      response.onFailure5 = [](void* context, MQTTAsync_failureData5* data) {
        self(context).subscribe_failed(data == nullptr         ? 0
                                       : data->reasonCode != 0 ? data->reasonCode
                                                               : data->code,
                                       data == nullptr ? nullptr : data->message);
      };
    } else {
      response.onSuccess = [](void* context, MQTTAsync_successData* data) { self(context).subscribed(data); };
      response.onFailure = [](void* context, MQTTAsync_failureData* data) {
        self(context).subscribe_failed(data == nullptr ? 0 : data->code, data == nullptr ? nullptr : data->message);
      };
    }
    const int code =
        MQTTAsync_subscribeMany(handle_, static_cast<int>(topics.size()), topics.data(), qos.data(), &response);
    return code == MQTTASYNC_SUCCESS ? std::string() : reason_text(code, nullptr, version5());
  }

  SendResult send(const MqttOutgoing& out) override {
    MQTTAsync_message message = MQTTAsync_message_initializer;
    message.payload = const_cast<std::uint8_t*>(out.payload.data());
    message.payloadlen = static_cast<int>(out.payload.size());
    message.qos = out.qos;
    message.retained = out.retain ? 1 : 0;
    if (version5()) message.properties = list_properties(out.extras);
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    if (out.tell_done || out.qos > 0) {
      response.context = &contexts_[out.token];
      if (version5()) {
        response.onSuccess5 = [](void* context, MQTTAsync_successData5* data) {
          context_of(context).done5(data == nullptr ? 0 : data->reasonCode);
        };
        response.onFailure5 = [](void* context, MQTTAsync_failureData5* data) {
          context_of(context).failed(data == nullptr ? 0 : data->reasonCode);
        };
      } else {
        response.onSuccess = [](void* context, MQTTAsync_successData*) {
          context_of(context).done(PublishEnd::kAcknowledged, {});
        };
        response.onFailure = [](void* context, MQTTAsync_failureData*) {
          context_of(context).done(PublishEnd::kUnknown, {});
        };
      }
    }
    switch (MQTTAsync_sendMessage(handle_, out.topic, &message, &response)) {
      case MQTTASYNC_SUCCESS:
        return SendResult::kSent;
      case MQTTASYNC_MAX_BUFFERED_MESSAGES:
      case MQTTASYNC_NO_MORE_MSGIDS:
        return SendResult::kFull;
      case MQTTASYNC_DISCONNECTED:
        return SendResult::kDisconnected;
      default:
        return SendResult::kFailed;
    }
  }

  void nudge() noexcept override { doorbell_->ring(); }

  void disconnect(std::uint32_t timeout_ms) override {
    struct Wait {
      std::mutex mutex;
      std::condition_variable changed;
      bool over = false;
      void end() {
        const std::lock_guard lock(mutex);
        over = true;
        changed.notify_all();
      }
    };
    // Paho may call back after its own timeout: what it calls lives as long as the client.
    auto& wait = *static_cast<Wait*>((disconnect_wait_ = std::make_shared<Wait>()).get());
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    MQTTAsync_disconnectOptions options5 = MQTTAsync_disconnectOptions_initializer5;
    if (version5()) options = options5;
    options.timeout = static_cast<int>(timeout_ms);
    options.context = &wait;
    if (version5()) {
      options.onSuccess5 = [](void* context, MQTTAsync_successData5*) { static_cast<Wait*>(context)->end(); };
      options.onFailure5 = [](void* context, MQTTAsync_failureData5*) { static_cast<Wait*>(context)->end(); };
    } else {
      options.onSuccess = [](void* context, MQTTAsync_successData*) { static_cast<Wait*>(context)->end(); };
      options.onFailure = [](void* context, MQTTAsync_failureData*) { static_cast<Wait*>(context)->end(); };
    }
    if (MQTTAsync_disconnect(handle_, &options) != MQTTASYNC_SUCCESS) return;
    std::unique_lock lock(wait.mutex);
    const auto over = [&wait] { return wait.over; };
    if (wait.changed.wait_for(lock, std::chrono::nanoseconds(NudgeTimer::kFirstNs), over)) return;
    nudge();
    wait.changed.wait_for(lock, std::chrono::milliseconds(timeout_ms) + std::chrono::seconds(1), over);
  }

 private:
  /// Valid until the next call.
  MQTTProperties list_properties(const MqttExtras& extras) {
    properties_.clear();
    std::uint32_t bytes = 0;
    const auto add_text = [&](MQTTPropertyCodes code, std::string_view value) {
      if (value.empty()) return;
      properties_.push_back(text_property(code, value));
      bytes += static_cast<std::uint32_t>(3 + value.size());
    };
    if (extras.payload_format >= 0) {
      MQTTProperty property{};
      property.identifier = MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR;
      property.value.byte = static_cast<unsigned char>(extras.payload_format);
      properties_.push_back(property);
      bytes += 2;
    }
    if (extras.expiry_s >= 0) {
      properties_.push_back(
          number(MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, static_cast<std::uint32_t>(extras.expiry_s)));
      bytes += 5;
    }
    add_text(MQTTPROPERTY_CODE_CONTENT_TYPE, extras.content_type);
    add_text(MQTTPROPERTY_CODE_RESPONSE_TOPIC, extras.response_topic);
    add_text(
        MQTTPROPERTY_CODE_CORRELATION_DATA,
        {reinterpret_cast<const char*>(extras.correlation_data.data()), extras.correlation_data.size()});
    for (const auto& [name, value] : extras.user_properties) {
      properties_.push_back(string_pair(name, value));
      bytes += static_cast<std::uint32_t>(5 + name.size() + value.size());
    }
    const int count = static_cast<int>(properties_.size());
    return {count, count, static_cast<int>(bytes), properties_.data()};
  }

  struct Context {
    PahoClient* client = nullptr;
    std::uint32_t token = 0;
    void done(PublishEnd end, std::string_view reason) const noexcept { client->events_.on_done(token, end, reason); }
    /// MQTT 5: an acknowledgement may say no.
    void done5(int reason) const {
      if (reason < kReasonErrors) {
        done(PublishEnd::kAcknowledged, {});
      } else {
        failed(reason);
      }
    }
    void failed(int reason) const { done(end_of(reason), reason_text(reason, nullptr, true)); }
  };

  static PahoClient& self(void* context) noexcept { return *static_cast<PahoClient*>(context); }
  static const Context& context_of(void* context) noexcept { return *static_cast<const Context*>(context); }
  bool version5() const noexcept { return connection_.version == MqttVersion::k5; }

  static void on_lost(void* context, char* cause) {
    self(context).socket_.forget();
    tls_notes = {};  // why it ended is not why another one fails
    self(context).events_.on_connection_lost(cause != nullptr ? cause : "the connection broke", false);
  }

  static void on_disconnected(void* context, MQTTProperties*, enum MQTTReasonCodes code) {
    self(context).events_.on_connection_lost("the broker said: " + reason_text(code, nullptr, true), blames_us(code));
  }

  static int on_arrived(void* context, char* topic, int topic_size, MQTTAsync_message* message) {
    std::vector<std::pair<std::string_view, std::string_view>> user_properties;
    const std::size_t size = topic_size > 0 ? static_cast<std::size_t>(topic_size) : std::strlen(topic);
    MqttMessageView view;
    view.topic = {topic, size};
    view.payload = {static_cast<const std::uint8_t*>(message->payload), static_cast<std::size_t>(message->payloadlen)};
    view.qos = message->qos;
    view.retained = message->retained != 0;
    view.duplicate = message->dup != 0;
    view.extras = read_extras(message->properties, user_properties);
    PahoClient& client = self(context);
    // Paho acknowledges it whatever we say, so the connection must be gone by then; the broker brings it again.
    if (!client.events_.on_message(view)) client.socket_.shut_down();
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;  // taken: Paho must not offer it again
  }

  void connected(bool session_present, const MqttLimits& limits) {
    // Paho leaves Nagle's algorithm on: the end of a message could wait 40 ms for the broker's delayed acknowledgement.
    trace_.stop();
    if (socket_.find(connection_.port) && connection_.no_delay) socket_.set_no_delay();
    events_.on_connected(session_present, limits);
  }

  void connect_failed(int code, const char* message) noexcept {
    trace_.stop();
    const TlsReason tls = tls_notes.take(connection_.host, !connection_.tls.psk.empty());
    // The broker's own words begin with 1 (3.1.1) or 0x80; Paho's numbers are negative.
    if (connection_.tls.enable && code < 0) return events_.on_connect_failed(tls.text, tls.permanent);
    events_.on_connect_failed(reason_text(code, message, version5()), is_permanent(code, version5()));
  }

  void subscribe_failed(int code, const char* message) noexcept {
    // A single subscription that is refused comes here, several in the list of a success.
    constexpr std::array<std::size_t, 1> kFirst{0};
    events_.on_subscribed(code >= kReasonErrors ? std::span<const std::size_t>(kFirst) : std::span<const std::size_t>(),
                          reason_text(code, message, version5()));
  }

  template <typename Code>
  void tell_subscribed(std::span<const Code> granted) {
    std::vector<std::size_t> refused;
    for (std::size_t i = 0; i < granted.size(); ++i) {
      if (static_cast<int>(granted[i]) >= kReasonErrors) refused.push_back(i);
    }
    events_.on_subscribed(refused, {});
  }

  void subscribed(MQTTAsync_successData* data) {
    if (data == nullptr) {
      events_.on_subscribed({}, {});
    } else if (subscribed_qos_.size() == 1) {
      tell_subscribed(std::span<const int>(&data->alt.qos, 1));
    } else {
      tell_subscribed(std::span<const int>(data->alt.qosList, subscribed_qos_.size()));
    }
  }

  void subscribed5(MQTTAsync_successData5* data) {
    if (data == nullptr || data->alt.sub.reasonCodeCount <= 1) {
      const int code = data == nullptr ? 0 : static_cast<int>(data->reasonCode);
      tell_subscribed(std::span<const int>(&code, 1));
    } else {
      tell_subscribed(std::span<const MQTTReasonCodes>(data->alt.sub.reasonCodes,
                                                       static_cast<std::size_t>(data->alt.sub.reasonCodeCount)));
    }
  }

  void fill_tls(MQTTAsync_SSLOptions& tls) {
    const MqttTls& from = connection_.tls;
    const auto text = [](const std::string& value) { return value.empty() ? nullptr : value.c_str(); };
    tls.trustStore = text(from.ca_file);
    tls.CApath = text(from.ca_path);
    tls.keyStore = text(from.certificate_file);
    tls.privateKey = text(from.key_file);
    tls.privateKeyPassword = text(from.key_password);
    tls.enabledCipherSuites = text(from.ciphers);
    tls.enableServerCertAuth = from.check_certificate ? 1 : 0;
    // With a key of both there is no certificate, and the library would look for a name in it all the same.
    tls.verify = from.check_host_name && from.check_certificate && from.psk.empty() ? 1 : 0;
    tls.ssl_error_cb = [](const char* line, std::size_t size, void*) {
      tls_notes.note_error({line, size});
      return 1;
    };
    if (!from.psk.empty()) {
      tls.ssl_psk_context = this;
      tls.ssl_psk_cb = [](const char*, char* identity, unsigned int identity_max, unsigned char* psk,
                          unsigned int psk_max,
                          void* context) { return self(context).give_psk(identity, identity_max, psk, psk_max); };
    }
  }

  unsigned int give_psk(char* identity, unsigned int identity_max, unsigned char* psk, unsigned int psk_max) const {
    const std::string& name = connection_.tls.psk_identity;
    if (name.size() + 1 > identity_max || psk_.size() > psk_max) return 0;
    std::memcpy(identity, name.c_str(), name.size() + 1);
    std::copy(psk_.begin(), psk_.end(), psk);
    return static_cast<unsigned int>(psk_.size());
  }

  MqttConnection connection_;
  MqttEvents& events_;
  std::vector<Context> contexts_;
  std::vector<unsigned char> psk_;
  std::vector<int> subscribed_qos_;
  std::vector<MQTTProperty> properties_;  ///< of the message being sent
  std::shared_ptr<void> disconnect_wait_;
  TlsTrace trace_;
  HiddenSocket socket_;
  std::shared_ptr<PahoDoorbell> doorbell_ = PahoDoorbell::shared();
  MQTTAsync handle_ = nullptr;
};

/// Before anything of the library is made.
void initialise() {
  static const bool initialised = [] {
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
    options.do_openssl_init = 1;
    MQTTAsync_global_init(&options);
    MQTTAsync_setTraceCallback([](enum MQTTASYNC_TRACE_LEVELS, char* line) { tls_notes.note_trace(line); });
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    return true;
  }();
  static_cast<void>(initialised);
}

}  // namespace

std::shared_ptr<void> hold_mqtt_library() {
  initialise();
  return PahoDoorbell::shared();
}

std::unique_ptr<MqttClient> make_paho_client(const MqttConnection& connection, MqttEvents& events, std::string& error) {
  initialise();
  auto client = std::make_unique<PahoClient>(connection, events);
  error = client->create();
  if (!error.empty()) return nullptr;
  return client;
}

}  // namespace drivers::mqtt
