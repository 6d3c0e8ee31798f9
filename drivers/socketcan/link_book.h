// Which interfaces there are, and which entry of the configuration has a socket on which: what the thread that watches
// interfaces knows (link_watch.h), without the thread.
//
// An entry gets one socket at a time. When its interface goes away, or another one of the same name has come, the port
// is told and gives the socket back; then the entry may get the next one.
//
// Thread rule: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "drivers/socketcan/can_socket.h"
#include "drivers/socketcan/link_message.h"

namespace drivers::socketcan {

/// What a port is told.
struct LinkNews {
  LinkInfo link;    ///< index 0: there is no such interface
  int socket = -1;  ///< a new one, which is the port's until it gives it back
  bool give_back = false;
  std::string problem;  ///< why there is no socket although there is an interface
};

class LinkBook {
 public:
  using Opener = std::function<std::expected<int, std::string>(const SocketSettings&, const LinkInfo&)>;
  using Tell = std::function<void(LinkNews)>;

  explicit LinkBook(Opener open) : open_(std::move(open)) {}

  /// Entries have numbers, from 0 on.
  void add(const SocketSettings& settings, Tell tell);

  void on_link(const LinkInfo& link, LinkChange change, std::uint64_t now_ns);
  /// A list of all interfaces begins, and has ended: what was not in it is gone.
  void begin_list();
  void end_list(std::uint64_t now_ns);
  /// The port has given its socket back, which was closed.
  void on_given_back(std::size_t number, std::uint64_t now_ns);
  /// Tries again to open what could not be opened.
  void on_time(std::uint64_t now_ns);
  /// When to call on_time(); ~0: no need.
  std::uint64_t next_ns() const noexcept;

  /// 0: there is none.
  std::int32_t index_of(std::size_t number) const noexcept { return entries_[number].link.index; }

 private:
  static constexpr std::uint64_t kRetryNs = 2'000'000'000;
  struct Entry {
    SocketSettings settings;
    Tell tell;
    LinkInfo link;
    std::int32_t socket_on = 0;  ///< the index that the port's socket is bound to; 0: it has none
    bool asked_back = false;
    bool listed = false;
    std::uint64_t retry_ns = ~std::uint64_t{0};
  };
  void update(Entry& entry, const LinkInfo& link, std::uint64_t now_ns);

  Opener open_;
  std::vector<Entry> entries_;
};

}  // namespace drivers::socketcan
