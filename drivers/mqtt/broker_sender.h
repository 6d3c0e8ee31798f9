// A broker's other thread: keeps the connection, and sends what waits in the broker's store.
//
// What it has sent is released from the store when the broker has acknowledged it; what was under way when a connection
// went is sent again. So a message of QoS 1 or 2 is never lost between the store and the broker, and at most what was
// under way comes twice. QoS 0 is released when the library has written it to the socket.
//
// Thread rule: start(), stop() by the supervisor; wake() and report() by any thread; the functions of MqttEvents by the
// library's threads.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "drivers/mqtt/bridge_mark.h"
#include "drivers/mqtt/broker_config.h"
#include "drivers/mqtt/broker_intake.h"
#include "drivers/mqtt/carried_message.h"
#include "drivers/mqtt/daemon_topics.h"
#include "drivers/mqtt/echo_guard.h"
#include "drivers/mqtt/guilty_topics.h"
#include "drivers/mqtt/message_writer.h"
#include "drivers/mqtt/mqtt_client.h"
#include "drivers/mqtt/nudge_timer.h"
#include "drivers/mqtt/poison_watch.h"
#include "drivers/mqtt/site_batch.h"
#include "router/base/clock.h"
#include "router/base/counters.h"
#include "router/base/json_writer.h"
#include "router/base/log.h"
#include "router/core/router.h"
#include "router/io/event_store.h"

namespace drivers::mqtt {

struct SenderCounters {
  router::Counter messages_sent;     ///< handed to the library
  router::Counter messages_acked;    ///< acknowledged (QoS 0: written), where that was asked for
  router::Counter messages_refused;  ///< the broker's answer was no: dropped
  router::Counter messages_poison;   ///< dropped: the broker closed the connection whenever it was sent
  router::Counter messages_oversized;  ///< dropped: larger than the broker takes
  router::Counter messages_unsure;   ///< QoS 0, under way when the connection went
  router::Counter events_sent;       ///< released from the store
  router::Counter records_bad;       ///< of the store, that are no event
  router::Counter connects;
  router::Counter connects_failed;
  router::Counter batches_sent;
  router::Counter batches_arrived;  ///< confirmed by the peer
  router::Counter resends;          ///< times that what was under way was sent again
  router::Counter messages_expired;  ///< of other brokers: MQTT 5's expiry has passed
};

class BrokerSender final : public MqttEvents, public SitePost {
 public:
  /// All of them must outlive it.
  BrokerSender(const BrokerConfig& config, router::EventStore& store, BrokerEchoes& echoes, const router::Router& router);
  ~BrokerSender() override;

  /// Where messages of the broker go. Before start().
  void set_intake(BrokerIntake& intake) noexcept { intake_ = &intake; }
  void start();
  /// Sends what waits for at most `timeout_ms`, says goodbye to the broker and ends.
  void stop(std::uint32_t timeout_ms);
  void wake() noexcept;
  void report(router::JsonWriter& array) const;
  /// Any thread but its own: waits for the connection with its subscriptions, or until nothing is left in the store. False
  /// after `timeout_ms`.
  bool wait_connected(std::uint32_t timeout_ms) const;
  bool wait_sent(std::uint32_t timeout_ms) const;

  void tell_arrived(std::uint64_t run, std::uint64_t batch) override;
  void set_paused(bool paused) override;

  void on_connected(bool session_present, const MqttLimits& limits) noexcept override;
  void on_connect_failed(std::string_view reason, bool permanent) noexcept override;
  void on_connection_lost(std::string_view reason, bool blamed) noexcept override;
  void on_subscribed(std::span<const std::size_t> refused, std::string_view reason) noexcept override;
  bool on_message(const MqttMessageView& message) noexcept override;
  void on_done(std::uint32_t token, PublishEnd end, std::string_view reason) noexcept override;

 private:
  enum class State : std::uint8_t { kDown, kConnecting, kUp };
  /// What the report says. Connected: the broker has taken or refused every subscription.
  enum class Shown : std::uint8_t { kWaiting, kConnecting, kSubscribing, kConnected };
  struct Done {
    std::uint32_t token;
    PublishEnd end;
    std::string reason;
  };
  /// What the library's threads have told and the sender has not looked at yet.
  struct News {
    bool connected = false;
    bool session_present = false;
    MqttLimits limits;
    bool failed = false;
    bool permanent = false;
    bool lost = false;
    bool blamed = false;
    std::string reason;
    bool subscribed = false;
    std::vector<std::size_t> refused;
    std::string subscribe_reason;
    std::vector<Done> done;
    std::vector<std::uint64_t> arrived;                            ///< batches that are safe at the peer
    bool hello = false;                                            ///< the peer has connected
    std::vector<std::pair<std::uint64_t, std::uint64_t>> to_tell;  ///< run and batch of what has arrived here

    bool is_empty() const noexcept {
      return !connected && !failed && !lost && !subscribed && !hello && done.empty() && arrived.empty() &&
             to_tell.empty();
    }
  };
  struct RecordLeft {
    std::uint64_t ticket;
    std::uint32_t messages;  ///< that are not done; one more until all were handed over
  };
  /// Records that were read together; they are released together, when the last of their messages is done.
  struct Batch {
    std::vector<std::uint64_t> tickets;
    std::vector<RecordLeft> records;
    std::uint32_t messages_left = 0;
    bool all_given = false;  ///< every message was handed to the library
    bool again = false;      ///< one of them must be sent again
    bool in_use = false;
  };
  struct Token {
    std::uint32_t batch = 0;
    std::uint32_t record = 0;  ///< of the batch
    std::uint32_t entry = 0;   ///< of the record
    int qos = 0;
    bool in_use = false;
    std::string topic;  ///< where a refusal may have to be told
    std::size_t payload_size = 0;
  };
  /// A message of a record.
  struct RecordEntry {
    std::uint64_t ticket = ~std::uint64_t{0};
    std::size_t entry = 0;
  };
  static constexpr std::size_t kBatchRecords = 64;
  static constexpr std::uint32_t kNoBatch = ~std::uint32_t{0};
  static constexpr std::size_t kWindowStart = 32;

  void run();
  News wait_for_news(std::uint64_t until_ns);
  void handle(const News& news);
  void handle_connected(bool session_present);
  void handle_down(const News& news);
  void connect();
  void give_up_connecting();
  void make_client();
  /// The library forgets everything that is under way.
  void drop_client();
  /// After a loss: should it?
  bool forgets_better() const;
  void leave_while_paused();
  std::uint64_t retry_delay_ns() const noexcept;
  void subscribe_all();
  void say_hello();
  void send_daemon_messages();
  bool send_plain(const std::string& topic, std::string_view payload, int qos, bool retain);
  /// Sends until nothing waits or the library takes no more.
  void pump();
  bool read_batch();
  /// False: no more now.
  bool send_record();
  SendResult send_message(MqttOutgoing& message, bool last_of_batch);
  /// The library does not take it, and never will.
  void note_unsendable();
  // Messages of other brokers: broker_sender_bridge.cpp. As send_record().
  bool send_bridged();
  void take_bridged_part();
  bool wait_for_rate(std::uint32_t rule);
  MqttOutgoing make_bridged();
  void forget_bridged();
  void note_bridge_subscription(std::string_view topic, bool no_local);
  void note_bridged_echoes(std::span<const std::uint8_t> payload);
  void end_batch();
  // What became of messages, and what the broker refuses: broker_sender_refusal.cpp.
  void settle(const Done& done);
  void finish_message(std::uint32_t batch);
  void rewind_if_settled();
  /// Whether one more message may be under way. A new connection begins with few, as TCP does: what is under way when a
  /// broker goes at once comes twice, and the library (before 1.3.14) never frees what it had not begun to send. What is
  /// above the broker's own limit would wait in the library until something else is given to it, or for a second.
  bool has_room() const noexcept {
    return !free_tokens_.empty() &&
           tokens_.size() - free_tokens_.size() < std::min<std::size_t>(window_, limits_.in_flight_max);
  }
  /// No answer to anything that the library was given is missing.
  bool is_settled() const noexcept;
  void note_handed_over(const MqttOutgoing& message);
  void note_plain_handed_over(const MqttOutgoing& message);
  /// Bends a message to what the broker takes. False: it takes none of that size; counted and logged.
  bool fit(MqttOutgoing& message);
  /// What the broker has said. True: its keep-alive is another one, so that the connection begins anew.
  bool adopt_limits();
  /// True: what is under way is to be sent anew, and not by the library.
  bool judge_loss(const News& news);
  void drop_guilty(const std::string& reason);
  Suspect plain_suspect(std::string_view topic) const noexcept;
  bool is_muted(const Suspect& suspect) const noexcept;
  /// The message of the record at hand was found guilty, or its topic; it counts then.
  bool is_condemned(const MqttOutgoing& message);
  /// Where sending the record at hand begins.
  void skip_passed() noexcept;
  void handle_subscribed(const News& news);
  /// Being careful: subscribes to one after the other. False: not yet all.
  bool subscribe_next();
  std::size_t subscriptions() const noexcept { return config_.subscribe.size() + config_.bridge_subscriptions.size(); }
  const MqttSubscription& subscription(std::size_t index) const noexcept;
  void lower_qos2(MqttSubscription& to);
  bool subscribe_to(std::span<const std::size_t> indexes);
  bool may_send_now() const noexcept {
    return !watch_.is_careful() || watch_.may_send(clock_.monotonic_ns());
  }
  /// Logs, and shows it in the report.
  void tell(router::LogLevel level, router::LogKind kind, const std::string& text);
  // A site link: broker_sender_site.cpp.
  bool take_site_message(const MqttMessageView& message);
  void handle_site(const News& news);
  void say_site_hello();
  std::uint64_t site_resend_at_ns() const noexcept;
  void pump_site();
  bool send_site_batch();
  void take_arrived(std::span<const std::uint64_t> numbers);
  void tell_peer(std::span<const std::pair<std::uint64_t, std::uint64_t>> arrived);
  void resend_site();
  std::size_t site_room() const noexcept;
  void limit_site_batches(std::size_t bytes);
  /// Before a message is handed over: copies of it may come back.
  void note_echoes(std::string_view topic, std::span<const std::uint8_t> payload);
  void set_state(State state, std::string_view reason);
  void show(Shown shown, std::string_view reason);
  void note_subscribed();
  static std::string_view to_text(Shown shown) noexcept;
  void note_released(std::size_t events);

  const BrokerConfig& config_;
  router::EventStore& store_;
  BrokerEchoes& echoes_;
  const router::Router& router_;
  const router::Clock& clock_;
  BrokerIntake* intake_ = nullptr;
  MessageWriter writer_;
  DaemonTopics daemon_;
  SenderCounters counters_;
  std::thread thread_;

  // The sender's own.
  std::unique_ptr<MqttClient> client_;
  State state_ = State::kDown;
  std::uint64_t retry_at_ns_ = 0;
  std::uint64_t connecting_until_ns_ = 0;  ///< later the library has forgotten to tell how it ended
  std::uint32_t failures_ = 0;  ///< in a row
  std::vector<Token> tokens_;
  std::vector<std::uint32_t> free_tokens_;
  std::size_t window_ = kWindowStart;  ///< messages under way; more with each answer
  std::vector<Batch> batches_;
  std::array<router::StoredRecord, kBatchRecords> records_;
  std::size_t record_count_ = 0;
  std::size_t record_at_ = 0;
  std::size_t entry_at_ = 0;  ///< of the record being sent
  bool decoded_ = false;
  vscp::Event event_;
  std::uint32_t batch_ = kNoBatch;  ///< of the records being sent
  MqttConnection connection_;       ///< the configured one, with the broker's keep-alive
  MqttLimits limits_;
  PoisonWatch watch_;
  NudgeTimer nudges_;
  std::uint32_t alone_ = 0;             ///< token of what was sent last, being careful
  std::vector<Suspect> muted_;          ///< found guilty: never sent again
  GuiltyTopics guilty_topics_;
  RecordEntry passed_;                  ///< being careful: what comes before it is done
  std::vector<std::size_t> subscribed_;  ///< what the last SUBSCRIBE was about
  std::size_t subscribe_at_ = 0;        ///< being careful: the next one
  bool clear_will_ = false;
  bool bent_qos_ = false;  ///< said once
  bool bent_retain_ = false;
  bool bent_subscription_ = false;
  struct SiteBatch {
    std::uint64_t number;
    std::uint64_t sent_ns;
    std::vector<std::uint64_t> tickets;
  };
  std::deque<SiteBatch> site_batches_;  ///< sent, not confirmed
  BatchWriter site_writer_;
  std::uint64_t site_run_ = 0;
  std::uint64_t site_number_ = 0;
  std::string site_topic_;
  bool takes_once_ = false;           ///< some messages come with QoS 2
  std::size_t site_bytes_max_ = kBatchBytesMax;
  bool again_ = false;                ///< what is under way is to be sent again, once the library has let go of it
  std::uint64_t pause_until_ns_ = 0;  ///< the broker asked for some peace, or a rule's rate is reached
  BlockJoiner joiner_;
  BlockReader block_reader_;
  std::optional<CarriedMessage> bridged_;    ///< being sent
  std::vector<std::uint64_t> held_tickets_;  ///< of its parts in earlier batches
  std::string bridged_topic_;
  std::vector<std::pair<std::string_view, std::string_view>> bridged_properties_;
  struct Pace {
    BridgedRate rule;
    std::uint64_t next_ns = 0;
  };
  std::vector<Pace> paces_;

  mutable std::mutex mutex_;  ///< for what follows
  std::condition_variable changed_;
  mutable std::condition_variable told_;  ///< the state has changed, or something was released
  News news_;
  bool woken_ = false;
  bool paused_ = false;
  bool stopping_ = false;
  bool stop_seen_ = false;
  std::uint64_t stop_at_ns_ = 0;
  Shown shown_ = Shown::kWaiting;
  std::uint64_t shown_since_ns_ = 0;  ///< UTC
  std::string last_error_;
};

}  // namespace drivers::mqtt
