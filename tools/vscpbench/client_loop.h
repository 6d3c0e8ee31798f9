// One client thread: its connections, its epoll loop and its counts.
//
// Thread rule: everything in Producer, Consumer and ClientLoop belongs to the loop's thread once start() was called,
// except the atomics (written by that thread, read by all, each with a plain meaning of its own) and what is marked
// [steer]: written by the steering thread while all loops have acknowledged that sending is off.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tools/vscpbench/histogram.h"
#include "tools/vscpbench/link_session.h"
#include "tools/vscpbench/options.h"
#include "tools/vscpbench/sequence.h"

namespace bench {

struct Producer {
  Fd fd;
  std::uint16_t index = 0;
  std::string batch;  ///< `slots` complete events, of which only the ids are rewritten
  std::size_t event_bytes = 0;
  std::size_t id_offset = 0;      ///< of the id within an event
  std::size_t slots = 0;          ///< a multiple of kVariants
  std::size_t pending_begin = 0;  ///< bytes of `batch` that are not yet with the kernel
  std::size_t pending_end = 0;
  bool writable = true;
  std::size_t slowest = 0;  ///< consumer that was last seen to be behind, see ClientLoop::window_left()
  std::string reply_rest;
  Replies replies;  ///< what it must answer goes out between two batches
  std::uint64_t base = 0;                  ///< [steer] sequence number of the phase's first event
  std::uint64_t limit = 0;                 ///< [steer] first sequence number that is not sent in this phase
  std::atomic<std::uint64_t> next{0};      ///< first sequence number not yet written into the batch
  std::atomic<std::uint64_t> answered{0};  ///< replies, positive or not
  std::atomic<bool> flushed{true};
  std::atomic<bool> closed{false};
};

struct Consumer {
  Fd fd;
  std::unique_ptr<Scanner> scanner;
  std::string rest;                      ///< begin of an event that is not complete yet
  std::uint64_t tag = 0;                 ///< of its epoll events
  bool blocked = false;                  ///< waits until answers can be written
  std::vector<SequenceTracker> streams;  ///< one per producer
  std::atomic<bool> closed{false};
};

/// What all loops share. Lives as long as they run.
struct Shared {
  Shared(const Load& load_of_run, const Wire& wire_of_run) : load(load_of_run), wire(wire_of_run) {}

  const Load& load;
  const Wire& wire;
  std::uint8_t run = 0;
  std::vector<std::unique_ptr<Producer>> producers;
  std::vector<std::unique_ptr<Consumer>> consumers;
  double interval_ns = 0;            ///< between two events of one producer; 0 = no rate
  std::uint64_t window = 0;          ///< per producer; 0 = no limit
  std::uint64_t schedule_start = 0;  ///< [steer] when the phase's first event is due
  /// [steer] Latencies of events sent before do not count. Atomic because receiving goes on meanwhile.
  std::atomic<std::uint64_t> measure_from{~std::uint64_t{0}};
  std::atomic<bool> sending{false};
  std::atomic<bool> quit{false};
  std::atomic<std::uint64_t> epoch{0};  ///< raised after every change of `sending`
};

/// Written by one thread, read by the steering thread at any time.
struct LoopCounts {
  std::atomic<std::uint64_t> deliveries{0};
  std::atomic<std::uint64_t> duplicated{0};
  std::atomic<std::uint64_t> reordered{0};
  std::atomic<std::uint64_t> corrupted{0};
  std::atomic<std::uint64_t> foreign{0};
  std::atomic<std::uint64_t> last_delivery_ns{0};
};

class ClientLoop {
 public:
  /// Takes every `step`th connection from `first` on.
  ClientLoop(Shared& shared, std::size_t first, std::size_t step);
  ~ClientLoop();
  ClientLoop(const ClientLoop&) = delete;
  ClientLoop& operator=(const ClientLoop&) = delete;

  /// `all` are the loops of this run, to be woken when a window opens. False if the kernel refuses epoll or eventfd.
  bool start(const std::vector<std::unique_ptr<ClientLoop>>& all);
  /// [any thread] Ends a wait.
  void wake();
  void join();

  std::uint64_t seen_epoch() const { return seen_epoch_.load(std::memory_order_acquire); }
  const LoopCounts& counts() const { return counts_; }
  /// Only after join().
  const Histogram& latency() const { return latency_; }
  const Histogram& send_lag() const { return send_lag_; }

 private:
  bool watch(int fd, std::uint32_t events, std::uint64_t tag);
  void loop();
  void handle(std::uint64_t tag, std::uint32_t events);
  void wait_and_handle();
  void wake_blocked();
  bool produce(Producer& producer);
  bool flush(Producer& producer);
  std::size_t allowed(Producer& producer, std::uint64_t now) const;
  std::uint64_t window_left(Producer& producer) const;
  std::uint64_t due_ns(const Producer& producer, std::uint64_t sequence) const;
  void fill(Producer& producer, std::size_t count, std::uint64_t now);
  void read_replies(Producer& producer);
  void consume(Consumer& consumer);
  void answer(Consumer& consumer);
  void account(Consumer& consumer, std::uint64_t now);
  std::int64_t sleep_ns();

  Shared& shared_;
  const std::vector<std::unique_ptr<ClientLoop>>* all_ = nullptr;
  std::vector<Producer*> producers_;
  std::vector<Consumer*> consumers_;
  Fd epoll_;
  Fd wake_;
  std::atomic<bool> waiting_{false};
  std::atomic<std::uint64_t> seen_epoch_{0};
  bool progress_ = false;  ///< a consumer got something in this turn
  std::vector<char> buffer_;
  std::vector<Seen> seen_;
  LoopCounts counts_;
  Histogram latency_;
  Histogram send_lag_;
  std::thread thread_;
};

}  // namespace bench
