// A site link: what BrokerSender does in place of single messages. Batches are released when the peer says that they
// are safe there, and not when the broker has them: a broker may forget.
#include <algorithm>

#include "drivers/mqtt/broker_sender.h"
#include "router/base/log.h"

namespace drivers::mqtt {
namespace {

constexpr std::size_t kWindow = 8;  // batches under way
constexpr std::size_t kRecordMax = router::kCarriedEventMax + 2;
constexpr std::uint64_t kResendNs = 20'000'000'000;  // no word of a batch for so long: it, or the answer, was lost
constexpr int kSiteQos = 1;
constexpr std::uint64_t kFullPauseNs = 1'000'000;

}  // namespace

void BrokerSender::tell_arrived(std::uint64_t run, std::uint64_t batch) {
  const std::lock_guard lock(mutex_);
  news_.to_tell.emplace_back(run, batch);
  changed_.notify_one();
}

bool BrokerSender::take_site_message(const MqttMessageView& message) {
  if (message.topic == config_.site.hello_in()) {
    const std::lock_guard lock(mutex_);
    news_.hello = true;
    changed_.notify_one();
    return true;
  }
  if (message.topic != config_.site.arrived_in()) return false;
  const auto arrived = read_arrived(message.payload);
  if (!arrived || arrived->run != site_run_) return true;  // of an earlier run: what it was about is sent again anyway
  const std::lock_guard lock(mutex_);
  news_.arrived.insert(news_.arrived.end(), arrived->numbers.begin(), arrived->numbers.end());
  changed_.notify_one();
  return true;
}

void BrokerSender::handle_site(const News& news) {
  take_arrived(news.arrived);
  if (state_ != State::kUp) return;
  if (!news.to_tell.empty()) tell_peer(news.to_tell);
  if (news.hello) resend_site();
}

std::uint64_t BrokerSender::site_resend_at_ns() const noexcept {
  return site_batches_.empty() ? ~std::uint64_t{0} : site_batches_.front().sent_ns + kResendNs;
}

void BrokerSender::take_arrived(std::span<const std::uint64_t> numbers) {
  for (const std::uint64_t number : numbers) {
    const auto found = std::find_if(site_batches_.begin(), site_batches_.end(),
                                    [number](const SiteBatch& batch) { return batch.number == number; });
    if (found == site_batches_.end()) continue;
    store_.release(found->tickets);
    counters_.batches_arrived.add();
    note_released(found->tickets.size());
    site_batches_.erase(found);
  }
}

void BrokerSender::tell_peer(std::span<const std::pair<std::uint64_t, std::uint64_t>> arrived) {
  // Lost when the connection goes now; the peer sends such a batch again, and is told again.
  for (std::size_t first = 0; first < arrived.size();) {
    const std::uint64_t run = arrived[first].first;
    std::vector<std::uint64_t> numbers;
    for (; first < arrived.size() && arrived[first].first == run; ++first) numbers.push_back(arrived[first].second);
    const auto payload = write_arrived(run, numbers);
    send_plain(config_.site.arrived_out(), {reinterpret_cast<const char*>(payload.data()), payload.size()}, kSiteQos,
               false);
  }
}

void BrokerSender::say_site_hello() {
  const auto payload = write_hello();
  send_plain(config_.site.hello_out(), {reinterpret_cast<const char*>(payload.data()), payload.size()}, kSiteQos,
             false);
  resend_site();
}

void BrokerSender::resend_site() {
  // A new generation in any case: the peer may have lost its place.
  site_number_ = next_generation(site_number_);
  if (site_batches_.empty()) return;
  site_batches_.clear();
  store_.rewind();
  counters_.resends.add();
}

void BrokerSender::pump_site() {
  if (clock_.monotonic_ns() >= site_resend_at_ns()) resend_site();
  while (state_ == State::kUp && site_batches_.size() < kWindow && send_site_batch()) {
  }
}

std::size_t BrokerSender::site_room() const noexcept {
  const std::size_t used = site_writer_.bytes().size();
  return std::min(site_writer_.room(), site_bytes_max_ - std::min(site_bytes_max_, used));
}

void BrokerSender::limit_site_batches(std::size_t bytes) {
  // One record must fit: it is up to the broker then.
  site_bytes_max_ = std::clamp(bytes, kBatchHeader + kRecordMax, kBatchBytesMax);
}

bool BrokerSender::send_site_batch() {
  if (!has_room()) return false;
  SiteBatch batch{site_number_, clock_.monotonic_ns(), {}};
  site_writer_.begin(site_run_, batch.number);
  // As many as certainly fit, again and again: what was read must go.
  for (;;) {
    const std::size_t most = std::min(records_.size(), site_room() / kRecordMax);
    if (most == 0) break;
    const std::size_t count = store_.read(std::span(records_).first(most));
    for (std::size_t i = 0; i < count; ++i) {
      batch.tickets.push_back(records_[i].ticket);
      site_writer_.add(records_[i].bytes);
    }
    if (count < most) break;
  }
  if (batch.tickets.empty()) return false;
  ++site_number_;
  const auto bytes = site_writer_.bytes();
  if (!send_plain(site_topic_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kSiteQos, false)) {
    // The library takes no more now. What is under way comes again with this one, and is told apart there.
    site_batches_.push_back(std::move(batch));
    resend_site();
    pause_until_ns_ = clock_.monotonic_ns() + kFullPauseNs;
    return false;
  }
  counters_.batches_sent.add();
  site_batches_.push_back(std::move(batch));
  return true;
}

}  // namespace drivers::mqtt
