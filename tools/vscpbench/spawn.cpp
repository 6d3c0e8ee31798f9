#include "tools/vscpbench/spawn.h"

#include <argon2.h>
#include <sys/random.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "tools/vscpbench/json_files.h"
#include "tools/vscpbench/link_session.h"

namespace bench {
namespace {

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> random(bytes);
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(bytes)) std::abort();
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto byte : random) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

/// argon2id with the least cost there is: the login is not what is measured.
std::string hash_password(const std::string& password) {
  constexpr std::uint32_t kPasses = 1;
  constexpr std::uint32_t kMemoryKib = 8;
  constexpr std::uint32_t kLanes = 1;
  const auto salt = random_hex(8);
  std::array<char, 256> encoded{};
  if (argon2id_hash_encoded(kPasses, kMemoryKib, kLanes, password.data(), password.size(), salt.data(), salt.size(), 32,
                            encoded.data(), encoded.size()) != ARGON2_OK) {
    return {};
  }
  return encoded.data();
}

}  // namespace

std::expected<SpawnedServer, std::string> SpawnedServer::start(const SpawnOptions& options) {
  auto process = ChildProcess::make();
  if (!process) return std::unexpected(process.error());
  SpawnedServer server(std::move(*process));
  auto& child = server.process_;
  server.target_ = {{"127.0.0.1", free_port(), ""}, "bench", random_hex(16)};
  std::string error;
  const auto hash = hash_password(server.target_.password);
  const auto files = spawn_files(options, server.target_, hash, child.folder(), error);
  if (!error.empty()) return std::unexpected("server option: " + error);
  const auto config = child.folder() / "vscprouterd.json";
  if (error = child.write_file("users.json", files.users); !error.empty()) return std::unexpected(error);
  if (error = child.write_file(config.filename(), files.config); !error.empty()) return std::unexpected(error);
  if (error = child.start({options.program, "--config", config}); !error.empty()) return std::unexpected(error);
  error = child.wait_until([&] {
    const auto session = LinkSession::open(server.target_, 2);
    return session ? std::string() : session.error();
  });
  if (!error.empty()) return std::unexpected(error);
  return server;
}

}  // namespace bench
