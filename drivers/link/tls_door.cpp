#include "drivers/link/tls_door.h"

#include <utility>

namespace drivers::link {

std::expected<TlsDoor::Contexts, std::string> TlsDoor::make_contexts(const router::TlsSettings& settings,
                                                                     std::size_t workers) {
  Contexts contexts;
  while (contexts.size() < workers) {
    auto context = router::TlsContext::make(settings);
    if (!context) return std::unexpected(std::move(context.error()));
    contexts.push_back(std::move(*context));
  }
  return contexts;
}

TlsDoor::TlsDoor(Contexts contexts) : places_(contexts.size()) {
  for (std::size_t i = 0; i < contexts.size(); ++i) places_[i].context = std::move(contexts[i]);
}

LinkSession* TlsDoor::begin(router::ThreadIndex worker, TlsGuest& guest) noexcept {
  Place& place = places_[worker];
  if (guest.is_linked()) return nullptr;
  LinkSession* oldest = place.count < kHandshakesMax ? nullptr : place.under_way.front()->session;
  place.under_way.push_back(guest);
  ++place.count;
  return oldest;
}

void TlsDoor::end(router::ThreadIndex worker, TlsGuest& guest) noexcept {
  if (!guest.is_linked()) return;
  guest.unlink();
  --places_[worker].count;
}

}  // namespace drivers::link
