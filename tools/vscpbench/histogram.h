// Latencies in nanoseconds in log-linear buckets: 64 per power of two, so that any percentile is off by less than 1.6
// %. Thread rule: one writer; merge and read after the writer has stopped.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

class Histogram {
  static constexpr unsigned kSubBits = 6;
  static constexpr std::uint64_t kSub = 1U << kSubBits;

 public:
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) * kSub;

  void record(std::uint64_t ns) {
    ++counts_[index_of(ns)];
    ++total_;
    max_ = std::max(max_, ns);
  }
  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    max_ = std::max(max_, other.max_);
  }
  /// Adds what another process recorded: its counts() and max().
  void merge(std::span<const std::uint64_t, kBuckets> counts, std::uint64_t max) {
    for (std::size_t i = 0; i < kBuckets; ++i) {
      counts_[i] += counts[i];
      total_ += counts[i];
    }
    max_ = std::max(max_, max);
  }
  std::span<const std::uint64_t, kBuckets> counts() const {
    return std::span<const std::uint64_t, kBuckets>(counts_.data(), kBuckets);
  }
  std::uint64_t total() const { return total_; }
  std::uint64_t max() const { return max_; }

  /// Smallest value that at least `share` (0..1) of all recorded ones do not exceed, as its bucket's upper edge.
  std::uint64_t percentile(double share) const {
    if (total_ == 0) return 0;
    const auto wanted = std::clamp<std::uint64_t>(
        static_cast<std::uint64_t>(share * static_cast<double>(total_) + 0.999999), 1, total_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(upper_edge(i), max_);
    }
    return max_;
  }

 private:
  /// Values below 2 * kSub have a bucket each; above, the top kSubBits + 1 bits choose.
  static std::size_t index_of(std::uint64_t ns) {
    if (ns < 2 * kSub) return ns;
    const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - (kSubBits + 1);
    return (shift + 1) * kSub + ((ns >> shift) - kSub);
  }
  static std::uint64_t upper_edge(std::size_t index) {
    if (index < 2 * kSub) return index;
    const std::size_t shift = index / kSub - 1;
    return ((index % kSub + kSub + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kBuckets);
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace bench
