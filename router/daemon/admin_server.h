// The local door for operators: a unix socket, mode 0600. One line of JSON in, {"command":"stat"}, one line of JSON
// out, then it closes. A request that cannot be served gets {"error":"a sentence"}. Nobody waits for a client: one that
// is silent or does not read holds neither the others up nor the daemon's end.
//
// Thread rule: the supervisor's thread.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/clock.h"
#include "router/base/config_node.h"
#include "router/base/fd.h"

namespace router {

class AdminServer {
 public:
  /// Gets the whole request; returns one JSON object, without a line end.
  using Handler = std::function<std::string(const ConfigNode& request)>;

  explicit AdminServer(const Clock& clock) : clock_(&clock) {}
  ~AdminServer();

  /// Empty, or one sentence that says what is wrong. A socket left over from a dead process is replaced.
  std::string open(const std::string& path);
  void add(const std::string& command, Handler handler) { handlers_[command] = std::move(handler); }
  /// Adds what to poll for, with the time until which, in ns of the monotonic clock; the largest number: for ever.
  std::uint64_t add_descriptors(std::vector<pollfd>& out) const;
  /// Does what can be done without waiting; drops clients that have done nothing for five seconds.
  void look();

 private:
  struct Client {
    UniqueFd socket;
    std::uint64_t until_ns = 0;
    std::string request;
    std::string reply;     ///< empty: the request is not whole
    std::size_t sent = 0;  ///< bytes of the reply
  };
  void accept_some();
  bool serve(Client& client, bool late);
  bool receive(Client& client);
  std::string answer(std::string_view line);

  const Clock* clock_;
  UniqueFd socket_;
  std::list<Client> clients_;
  std::string path_;
  std::map<std::string, Handler> handlers_;
};

}  // namespace router
