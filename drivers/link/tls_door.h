// What the TLS clients of one listener have in common on each worker: certificates, and the handshakes under way.
//
// A handshake holds some 40 KiB from the client's first byte to its last message. So many are under way at most; who began
// first gives way to the next, so that clients that begin and never end do not keep others out.
//
// Thread rule: make() and fresh contexts anywhere; everything with a worker's index on that worker. Lives as long as
// the sessions of its listener.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "router/base/intrusive_list.h"
#include "router/core/worker.h"
#include "router/io/tls.h"

namespace drivers::link {

class LinkSession;
struct TlsDoorTag;

/// A session's TLS.
struct TlsGuest : router::ListNode<TlsDoorTag> {
  TlsGuest(std::shared_ptr<router::TlsContext> context, LinkSession& whose)
      : stream(std::move(context), ""), session(&whose) {}
  router::TlsStream stream;
  LinkSession* session;
};

class TlsDoor {
 public:
  static constexpr std::size_t kHandshakesMax = 1024;  ///< of one worker
  using Contexts = std::vector<std::shared_ptr<router::TlsContext>>;

  /// One context for each worker; on error a sentence.
  static std::expected<Contexts, std::string> make_contexts(const router::TlsSettings& settings, std::size_t workers);

  explicit TlsDoor(Contexts contexts);

  const std::shared_ptr<router::TlsContext>& context(router::ThreadIndex worker) const noexcept {
    return places_[worker].context;
  }
  /// For sessions that come from now on.
  void renew(router::ThreadIndex worker, std::shared_ptr<router::TlsContext> context) noexcept {
    places_[worker].context = std::move(context);
  }
  /// The guest's handshake has begun. Returns the session that has to go for it, or null.
  LinkSession* begin(router::ThreadIndex worker, TlsGuest& guest) noexcept;
  /// It is over, or the guest goes.
  void end(router::ThreadIndex worker, TlsGuest& guest) noexcept;

 private:
  struct alignas(64) Place {
    std::shared_ptr<router::TlsContext> context;
    router::IntrusiveList<TlsGuest, TlsDoorTag> under_way;  ///< the oldest first
    std::size_t count = 0;
  };
  std::vector<Place> places_;
};

}  // namespace drivers::link
