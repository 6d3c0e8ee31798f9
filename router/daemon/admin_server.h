// The local door for operators: a unix socket, mode 0600. One line of JSON in, {"command":"stat"}, one line of JSON
// out, then it closes. A request that cannot be served gets {"error":"a sentence"}.
//
// Thread rule: the supervisor's thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "router/base/config_node.h"
#include "router/base/fd.h"

namespace router {

class AdminServer {
 public:
  /// Gets the whole request; returns one JSON object, without a line end.
  using Handler = std::function<std::string(const ConfigNode& request)>;

  ~AdminServer();

  /// Empty, or one sentence that says what is wrong. A socket left over from a dead process is replaced.
  std::string open(const std::string& path);
  void add(const std::string& command, Handler handler) { handlers_[command] = std::move(handler); }
  int fd() const noexcept { return socket_.get(); }
  /// Serves one client; gives up on one that does not send its line within a second.
  void serve_one();

 private:
  std::string answer(std::string_view line);

  UniqueFd socket_;
  std::string path_;
  std::map<std::string, Handler> handlers_;
};

}  // namespace router
