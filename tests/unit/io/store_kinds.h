// The stores that must keep the contract of router/io/event_store.h, for tests that run on each of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/clock.h"
#include "router/io/event_store.h"
#include "router/io/memory_store.h"
#include "router/io/spool.h"
#include "tests/support/temp_dir.h"

namespace test {

enum class StoreKind { kMemory, kSpool };

inline std::string name_of(StoreKind kind) {
  return kind == StoreKind::kMemory ? "Memory" : "Spool";
}

/// One store with a clock that the test moves.
class StoreRig {
 public:
  StoreRig(StoreKind kind, const router::StoreLimits& limits) : kind_(kind), limits_(limits) { open(); }

  /// Ends the store and opens it again. Of the stores, a spool has its records then.
  void open() {
    store_.reset();
    if (kind_ == StoreKind::kMemory) {
      store_ = std::make_unique<router::MemoryStore>(limits_, clock_);
      return;
    }
    if (!folder_) folder_ = std::make_unique<FastDir>();
    auto opened = router::Spool::open({folder_->path() + "/spool", limits_}, clock_);
    if (!opened) {
      ADD_FAILURE() << opened.error();
      std::abort();
    }
    store_ = std::move(*opened);
  }

  router::EventStore& store() { return *store_; }
  router::ManualClock& clock() { return clock_; }

 private:
  StoreKind kind_;
  router::StoreLimits limits_;
  router::ManualClock clock_;
  std::unique_ptr<FastDir> folder_;
  std::unique_ptr<router::EventStore> store_;
};

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct ReadRecord {
  std::uint64_t ticket;
  std::uint64_t stored_ns;
  std::string text;
};

/// Up to `count` records, by as many calls of read() as it takes.
inline std::vector<ReadRecord> read_some(router::EventStore& store, std::size_t count) {
  std::vector<ReadRecord> found;
  std::vector<router::StoredRecord> out(count);
  while (found.size() < count) {
    const std::size_t got = store.read(std::span(out).first(count - found.size()));
    if (got == 0) break;
    for (std::size_t i = 0; i < got; ++i) {
      found.push_back({out[i].ticket, out[i].stored_ns,
                       std::string(reinterpret_cast<const char*>(out[i].bytes.data()), out[i].bytes.size())});
    }
  }
  return found;
}

inline std::vector<std::string> texts(const std::vector<ReadRecord>& records) {
  std::vector<std::string> found;
  for (const ReadRecord& record : records) found.push_back(record.text);
  return found;
}

inline void release_all(router::EventStore& store, const std::vector<ReadRecord>& records) {
  std::vector<std::uint64_t> tickets;
  for (const ReadRecord& record : records) tickets.push_back(record.ticket);
  store.release(tickets);
}

}  // namespace test
