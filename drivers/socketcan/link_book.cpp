#include "drivers/socketcan/link_book.h"

#include <algorithm>
#include <utility>

namespace drivers::socketcan {

void LinkBook::add(const SocketSettings& settings, Tell tell) {
  entries_.push_back({.settings = settings, .tell = std::move(tell), .link = {}});
}

void LinkBook::on_link(const LinkInfo& link, LinkChange change, std::uint64_t now_ns) {
  for (Entry& entry : entries_) {
    if (change == LinkChange::kIs && link.name == entry.settings.device) {
      entry.listed = true;
      update(entry, link, now_ns);
    } else if (link.index == entry.link.index) {
      update(entry, {}, now_ns);  // gone, or another name
    }
  }
}

void LinkBook::begin_list() {
  for (Entry& entry : entries_) entry.listed = false;
}

void LinkBook::end_list(std::uint64_t now_ns) {
  for (Entry& entry : entries_) {
    if (!entry.listed) update(entry, {}, now_ns);
  }
}

void LinkBook::on_given_back(std::size_t number, std::uint64_t now_ns) {
  Entry& entry = entries_[number];
  const bool was_asked = std::exchange(entry.asked_back, false);
  entry.socket_on = 0;
  // What a port gives up by itself does not work just now.
  if (entry.link.index != 0) entry.retry_ns = was_asked ? now_ns : now_ns + kRetryNs;
}

void LinkBook::on_time(std::uint64_t now_ns) {
  for (Entry& entry : entries_) {
    if (entry.retry_ns <= now_ns) update(entry, LinkInfo(entry.link), now_ns);
  }
}

std::uint64_t LinkBook::next_ns() const noexcept {
  std::uint64_t out = ~std::uint64_t{0};
  for (const Entry& entry : entries_) out = std::min(out, entry.retry_ns);
  return out;
}

void LinkBook::update(Entry& entry, const LinkInfo& link, std::uint64_t now_ns) {
  entry.link = link;
  entry.retry_ns = ~std::uint64_t{0};
  LinkNews news{.link = link, .problem = {}};
  if (entry.socket_on != 0) {
    news.give_back = entry.socket_on != link.index && !entry.asked_back;
    entry.asked_back = entry.asked_back || news.give_back;
  } else if (link.index != 0 && !link.is_can) {
    news.problem = "it is no CAN interface";
  } else if (link.index != 0) {
    if (auto socket = open_(entry.settings, link)) {
      news.socket = *socket;
      entry.socket_on = link.index;
    } else {
      news.problem = std::move(socket.error());
      entry.retry_ns = now_ns + kRetryNs;
    }
  }
  entry.tell(std::move(news));
}

}  // namespace drivers::socketcan
