// A naive model of the fan-out beside the real one: every reader has a plain queue of the lines that it must get.
//
// Every event carries a unique number, so that every line is unique: a line that comes twice, late, changed or to the
// wrong reader is seen at once. What a reader loses must be counted by the fan-out, line by line.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/filter.h"
#include "router/base/random.h"
#include "router/core/fanout.h"

namespace fanout_model {

struct Line {
  std::string text;
  std::uint8_t priority = 0;
  std::uint32_t origin = 0;
};

/// The session's side: collects bytes and compares them with what the model expects.
class ModelReader final : public router::Reader {
 public:
  ModelReader(router::Fanout& fanout, std::uint32_t id, router::Random& random);

  void on_events_waiting() noexcept override { ++times_told; }
  void on_overrun() noexcept override;
  void on_behind() noexcept override { ++times_behind; }
  void take_rest_of_line(std::span<const char> rest) noexcept override;

  /// The model's side of Fanout: this line was delivered, or lost for lack of memory, which is counted then.
  void expect(const Line& line);
  bool wants(const vscp::Event& event, std::uint32_t skip) const;

  void drop_to(const router::Amount& keep, bool lowest);
  /// Which events that costs depends on the others who stand aside; how many is checked.
  void drop_aside(const router::Amount& keep, bool lowest);
  void clear();
  /// What waits must be the same events, as the other form carries them.
  void change_format(vscp::WireFormat to);
  void gather(std::size_t range_count, std::size_t size_max);
  void finish_send(std::size_t bytes);
  void poll(std::uint32_t lines);
  /// Compares the number of waiting events with the queue, less what was counted as lost.
  void check_count();
  void forget();

  vscp::Filter filter;
  vscp::WireFormat format = vscp::WireFormat::kLegacyLine;
  bool drops_lowest = false;
  bool stands_aside = false;
  bool index_is_short = false;
  std::size_t bytes_in_flight = 0;
  bool has_news = false;  ///< its group got an entry since the last flush
  std::uint64_t times_told = 0;
  std::uint64_t times_behind = 0;
  std::uint64_t times_overrun = 0;
  std::uint64_t times_aside = 0;
  std::uint64_t lines_read = 0;
  std::uint64_t lines_lost = 0;
  std::uint64_t rests = 0;

 private:
  std::size_t first_size(std::string_view bytes) const;
  std::uint32_t consume(std::string_view bytes);
  void match(std::string_view text);
  /// True while the queue is exactly what waits: nothing was lost that the model does not know.
  bool is_exact() const { return events_dropped() == accounted_; }
  router::Amount held_amount() const;
  std::uint64_t drop_from_queue(const router::Amount& keep, bool lowest);

  router::Fanout* fanout_;
  std::deque<Line> queue_;
  std::string partial_;          ///< bytes of a line that has not come to its end
  std::uint64_t accounted_ = 0;  ///< of events_dropped(), how many the queue no longer holds
  std::array<iovec, 16> ranges_{};
  std::size_t range_count_ = 0;
  std::string sent_copy_;  ///< the gathered bytes as they were: they must not change before the end of the send
};

struct Size {
  std::size_t log_segments = 0;
  std::size_t segment_bytes = 0;
  std::size_t index_chunks = 0;
  std::uint32_t readers = 0;
  std::uint32_t events_max = 0;
  std::size_t skip_rules = 100;
};

/// What a whole run did, so that a test can tell that the rare paths were taken.
struct Totals {
  std::uint64_t operations = 0;
  std::uint64_t read = 0;
  std::uint64_t lost = 0;
  std::uint64_t rests = 0;
  std::uint64_t evicted = 0;
  std::uint64_t log_full = 0;
  std::uint64_t swept = 0;
  std::uint64_t rescued_bytes = 0;
  std::uint64_t overruns = 0;
  std::uint64_t behind = 0;
  std::uint64_t aside = 0;  ///< times that a reader stood aside
};

class Run {
 public:
  Run(std::uint64_t seed, const Size& size);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  /// Random operations; stops at the first failure.
  void operate(std::uint32_t operations, Totals& totals);

 private:
  void step();
  void deliver();
  void flush();
  void change_membership(ModelReader& reader);
  void read(ModelReader& reader);
  void drop(ModelReader& reader);
  void finish(Totals& totals);
  void make_event();
  vscp::Filter random_filter();
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool chance(unsigned percent) { return below(100) < percent; }

  router::SeededRandom random_;
  Size size_;
  router::Fanout fanout_;
  std::vector<std::unique_ptr<ModelReader>> readers_;
  router::EventBuf event_;
  std::array<vscp::DateCache, router::kFormats> dates_;
  std::uint32_t number_ = 0;
};

}  // namespace fanout_model
