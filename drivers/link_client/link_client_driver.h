// The link client as a driver: its remotes, spread over the workers, the helper threads of those with a spool, and the
// threads that look names up.
//
// Thread rule: the supervisor's thread.
#pragma once

#include <memory>
#include <vector>

#include "drivers/link_client/link_client_config.h"
#include "drivers/link_client/remote.h"
#include "drivers/link_client/resolver.h"
#include "drivers/link_client/spool_writer.h"
#include "router/core/driver_kind.h"

namespace drivers::link_client {

/// "link-client", "duplicates"
class LinkClientDriverConfig final : public router::DriverConfig {
 public:
  static std::unique_ptr<router::DriverConfig> read(router::ObjectReader& root, const router::ConfigPlace& place);

  router::ThreadIndex helpers() const noexcept override;
  std::unique_ptr<router::Driver> make(const router::DriverServices& services,
                                       router::ThreadIndex helper) const override;

  LinkClientConfig config;
};

class LinkClientDriver final : public router::Driver {
 public:
  LinkClientDriver(const LinkClientConfig& config, router::Router& router, router::ThreadIndex helper);

  std::string_view name() const noexcept override { return "link_client"; }
  std::string open() override;
  void start() override;
  void drain() override;
  void leave() override;
  void stop() override;
  std::vector<std::string> own_files() const override;
  void report(router::JsonWriter& array) const override;
  std::vector<router::DriverStore> stores() const override;
  void note_room(const router::EventStore& store) override;
  /// Reads the certificates again, for connections that are made from then on.
  std::expected<std::size_t, std::string> reload() override;

 private:
  /// Empty, or what is wrong.
  std::string add_remote(const RemoteConfig& config, router::Worker& worker, std::uint64_t seed);
  /// Runs on the worker of each remote, with it.
  template <typename Function>
  void post_to_each(Function function);
  /// The context of a remote's TLS; null if it has none. Remotes of one worker with equal settings share it.
  using Contexts = std::vector<router::TlsContextCache>;
  static std::expected<std::shared_ptr<router::TlsContext>, std::string> tls_of(Contexts& contexts,
                                                                               const Remote& remote);

  LinkClientConfig config_;
  router::Router* router_;
  Resolver resolver_;
  router::ThreadIndex next_helper_;
  std::vector<std::unique_ptr<Remote>> remotes_;
  std::vector<std::unique_ptr<SpoolWriter>> writers_;  ///< of those with a spool
};

}  // namespace drivers::link_client
