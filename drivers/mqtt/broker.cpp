#include "drivers/mqtt/broker.h"

#include <filesystem>

#include "router/base/log.h"
#include "router/io/memory_store.h"
#include "router/io/spool.h"

namespace drivers::mqtt {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kNsPerS = 1'000'000'000;
constexpr std::uint64_t kOnTheirWayBytes = 32U << 20U;

}  // namespace

std::string Broker::open_store(const router::Clock& clock) {
  router::StoreLimits limits;
  limits.bytes_max = config_.store.bytes_max;
  limits.age_max_ns = config_.store.age_max_s * kNsPerS;
  limits.policy = config_.store.when_full;
  if (!config_.store.on_disk) {
    store_ = std::make_unique<router::MemoryStore>(limits, clock);
    return {};
  }
  // Events that are on their way when the spool says that it is full must still find room.
  if (limits.policy == router::StoreFullPolicy::kRefuse) limits.bytes_max += kOnTheirWayBytes;
  const fs::path folder(config_.store.folder);
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (error) {
    return "mqtt " + config_.name + ": cannot make " + folder.parent_path().string() +
           " for the spool: " + error.message() + "; write another spool.folder";
  }
  auto spool = router::Spool::open({folder.string(), limits}, clock);
  if (!spool) return "mqtt " + config_.name + ": " + spool.error();
  store_ = std::move(*spool);
  return {};
}

std::string Broker::open(router::Router& router, router::ThreadIndex helper, SiteMemory& site) {
  if (auto problem = open_store(router.clock()); !problem.empty()) return problem;
  sender_ = std::make_unique<BrokerSender>(config_, *store_, echoes_, router);
  intake_ = std::make_unique<BrokerIntake>(router, helper, config_, *store_, echoes_, site, *sender_,
                                           [this] { sender_->wake(); });
  sender_->set_intake(*intake_);
  return {};
}

void Broker::start() {
  if (const auto status = store_->status();
      config_.store.on_disk && (status.records > 0 || status.dropped_corrupt > 0)) {
    router::logf(status.dropped_corrupt > 0 ? router::LogLevel::kError : router::LogLevel::kInfo,
                 router::LogKind::kOnce, "mqtt %s: the spool holds %llu events from before, %llu damaged ones are lost",
                 config_.name.c_str(), static_cast<unsigned long long>(status.records),
                 static_cast<unsigned long long>(status.dropped_corrupt));
  }
  intake_->start();
  sender_->start();
}

std::vector<std::string> Broker::own_files() const {
  std::vector<std::string> out;
  if (!config_.store.on_disk) return out;
  const fs::path folder(config_.store.folder);
  std::error_code error;
  out.push_back(folder.parent_path().string());
  out.push_back(folder.string());
  for (const auto& entry : fs::recursive_directory_iterator(folder, error)) out.push_back(entry.path().string());
  return out;
}

}  // namespace drivers::mqtt
