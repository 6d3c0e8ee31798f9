// A broker's helper thread: takes the router's events into the broker's store, and publishes in the router what the
// broker brought.
//
// It never calls the MQTT library, so that a broker that hangs cannot keep the workers from going on: what waits for
// the broker waits in the store, bounded and by its policy. Thread rule: take_message() from threads of the MQTT
// library, counters from any thread; the rest as in HelperThread.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "drivers/mqtt/bridge_lane.h"
#include "drivers/mqtt/bridge_source.h"
#include "drivers/mqtt/broker_config.h"
#include "drivers/mqtt/echo_guard.h"
#include "drivers/mqtt/message_reader.h"
#include "drivers/mqtt/origin_set.h"
#include "drivers/mqtt/site_batch.h"
#include "router/base/counters.h"
#include "router/core/carried_event.h"
#include "router/core/helper_thread.h"
#include "router/core/router.h"
#include "router/core/store_keeper.h"
#include "router/io/event_store.h"

namespace drivers::mqtt {

struct IntakeCounters {
  router::Counter messages;          ///< that the broker brought
  router::Counter echoes;            ///< of these, our own coming back
  router::Counter malformed;         ///< of these, no event
  router::Counter messages_dropped;  ///< of these, QoS 0 and more than could wait
  router::Counter events_in;         ///< published in the router
  router::Counter duplicates;        ///< events of another site that had come before
  router::Counter loops;             ///< events that came back to the site where they were born
  router::Counter far_travelled;     ///< events that had passed too many bridges and did not go further
  router::Counter messages_taken;    ///< messages of other brokers, into the store
  router::Counter messages_too_large;  ///< of these, refused: larger than the whole store
};

class BrokerIntake;

/// What the brokers of a router share.
struct SiteMemory {
  std::uint64_t router = 0;  ///< EventOrigin::router of events born here
  std::uint32_t mark = 0;    ///< the router's in BridgeMark
  OriginSet seen;
  /// The one thread that publishes what any site brings: what comes over two ways stays in order. The first site
  /// link's.
  BrokerIntake* hub = nullptr;
};

/// What a site link says to its peer; called by the intake's thread.
class SitePost {
 public:
  virtual ~SitePost() = default;
  virtual void tell_arrived(std::uint64_t run, std::uint64_t batch) = 0;
  /// While paused the broker is left, so that it keeps what it has for us: there is no room for it.
  virtual void set_paused(bool paused) = 0;
};

class BrokerIntake final : public router::HelperThread {
 public:
  /// `wake_sender` is called after each commit that brought something.
  BrokerIntake(router::Router& router, router::ThreadIndex helper, const BrokerConfig& config,
               router::EventStore& store, BrokerEchoes& echoes, SiteMemory& site, SitePost& post,
               std::function<void()> wake_sender);
  ~BrokerIntake() override;

  const router::Interest* interest() const noexcept override { return &interest_; }
  /// Before start(), when all drivers are open: the channel of the driver that the broker belongs to.
  void find_owner();
  /// Before start(): where the messages of each rule go, in the order of the configuration's "bridges".
  void connect_bridges(std::span<BrokerIntake* const> brokers);
  const router::KeptCounts* kept_counts() const noexcept override { return keeper_.counts(); }
  void start() { HelperThread::start("vr-mqtt-in"); }
  /// Nothing new is wanted from workers; what they gave is stored before the thread ends. No more messages come.
  void finish();

  /// The sender, after it has released something: there may be room again.
  void note_room() noexcept {
    if (keeper_.is_refusing() || bridged_.has_no_room()) nudge();
  }
  /// A thread of the MQTT library: copies the message. Of QoS 1 and 2 it waits for room, and until the event is safe
  /// where some thread promises to keep it, and the message where it is bridged to: the broker gets its acknowledgement
  /// when this returns true. False: it must not get one, and bring the message again.
  bool take_message(const MqttMessageView& message);
  /// The supervisor: waits until all messages that have come are published; false after `timeout_ms`.
  bool wait_published(std::uint32_t timeout_ms);
  /// Any thread: what waits inside take_message() is let go; later messages are dropped.
  void close_messages();

  /// Any thread: no event for the store is accepted now.
  bool is_refusing() const noexcept { return keeper_.is_refusing(); }
  const IntakeCounters& counters() const noexcept { return counters_; }
  const router::StoreKeeper& keeper() const noexcept { return keeper_; }
  /// The rules that take from this broker.
  void report_bridges(router::JsonWriter& array) const { source_.report(array); }

 private:
  struct Message {
    BrokerIntake* link = nullptr;  ///< that brought it
    std::uint64_t number = 0;
    std::string topic;
    std::vector<std::uint8_t> payload;
    std::vector<std::uint8_t> rest;  ///< what bridges need besides: a block (carried_message.h) without payload
    std::size_t bytes() const noexcept { return topic.size() + payload.size() + rest.size(); }
  };
  /// A message that a rule has given to another broker's thread.
  struct Given {
    BridgeLane* lane;
    std::uint64_t number;
  };
  static constexpr std::size_t kBatch = 256;
  static constexpr std::size_t kMessageBytesMax = 8U << 20U;

  void body() override;
  /// Whether there was something.
  bool take_batch();
  bool publish_messages();
  void store_event(const router::EventBuf& event);
  void commit();
  /// True: it is an event, new or an echo.
  bool publish_message(const Message& message);
  bool is_event_topic(std::string_view topic) const noexcept;
  // Bridges: broker_intake_bridge.cpp.
  static std::vector<std::uint8_t> copy_rest(const MqttMessageView& message);
  void bridge_message(const Message& message, bool was_event, std::vector<Given>& given);
  /// False if stopping.
  bool hand_over(std::size_t rule, std::vector<Given>& given);
  /// What other brokers' messages wait here. Whether something was stored.
  bool store_bridged();
  bool has_room_for(std::size_t block) const;
  void tell_bridged();
  void check_lanes();
  bool gives_to_a_spool() const noexcept;
  void on_own_event(const router::EventBuf& event) override;
  /// In the hub: a batch that `link` brought.
  void publish_batch(const Message& message, BrokerIntake& link);
  bool publish_record(std::span<const std::uint8_t> record, BrokerIntake& link);
  /// Waits until the pool has one; null if stopping.
  router::EventBuf* acquire();
  /// Waits while a keeper has no room; false if stopping.
  bool wait_for_room(std::uint16_t vscp_class, BrokerIntake& link);
  bool queue_message(const MqttMessageView& message, BrokerIntake& link);
  void confirm_batches();
  void set_holding(bool holding, BrokerIntake& link);
  bool wants(const vscp::Event& event) const noexcept;

  router::Router& router_;
  const BrokerConfig& config_;
  router::EventStore& store_;
  router::StoreKeeper keeper_;
  BrokerEchoes& echoes_;
  SiteMemory& site_;
  SitePost& post_;
  std::function<void()> wake_sender_;
  std::uint32_t channel_;
  std::uint32_t owner_ = router::kNoChannel;  ///< the one driver whose events go out, and that gets what comes; else all
  vscp::Guid guid_;
  std::vector<vscp::Filter> filters_;
  router::Interest interest_;
  MessageReader reader_;
  IntakeCounters counters_;
  std::array<router::EventBuf*, kBatch> batch_{};
  router::CarriedEventBytes bytes_;
  std::vector<router::EventOrigin> origins_;  ///< by index in the pool, of events of other sites that are out
  BatchOrder batch_order_;
  struct Arrived {
    SitePost* post;
    std::uint64_t promise;
    std::uint64_t run;
    std::uint64_t batch;
  };
  std::deque<Arrived> arrived_;  ///< published, not yet safe
  struct Published {
    std::uint64_t promise;
    std::uint64_t message;
    std::vector<Given> given;
  };
  std::deque<Published> published_;  ///< messages of the broker, not yet safe
  // As the source of rules.
  BridgeSource source_;
  struct Way {
    BrokerIntake* target;
    BridgeLane lane;
  };
  std::deque<Way> ways_;  ///< by rule
  std::vector<std::uint8_t> block_;
  BlockReader rest_reader_;
  bool lanes_stuck_ = false;
  // As the target of rules.
  BridgeQueue bridged_;
  std::vector<BridgeLane*> lanes_in_;
  std::vector<Given> stored_;  ///< since the last commit
  std::vector<std::uint8_t> record_;

  std::mutex mutex_;  ///< for what follows
  std::condition_variable room_;
  std::condition_variable all_published_;
  std::condition_variable safe_;
  std::uint64_t last_message_ = 0;  ///< number of the one that came last
  std::uint64_t safe_message_ = 0;  ///< up to this number the events of all messages are safe
  bool waits_for_safety_ = true;    ///< there are keepers; until that is known as if
  bool holding_ = false;            ///< a keeper has no room: nobody waits for safety now
  std::deque<Message> messages_;
  std::size_t message_bytes_ = 0;
  bool publishing_ = false;  ///< one has been taken out and is not yet published
  bool closed_ = false;
};

}  // namespace drivers::mqtt
