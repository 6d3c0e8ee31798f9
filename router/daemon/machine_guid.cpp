#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <tuple>

#include "router/daemon/config.h"

namespace router {
namespace {

using Mac = std::array<std::uint8_t, 6>;

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "aa:bb:cc:dd:ee:ff"; nullopt for all zeros (loopback) and for links whose address has another size.
std::optional<Mac> parse_mac(const std::string& text) {
  constexpr std::size_t kTextSize = 17;
  Mac mac{};
  if (text.size() != kTextSize) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* begin = text.data() + i * 3;
    const auto result = std::from_chars(begin, begin + 2, mac[i], 16);
    if (result.ec != std::errc{} || result.ptr != begin + 2) return std::nullopt;
    if (i + 1 < mac.size() && begin[2] != ':') return std::nullopt;
  }
  if (mac == Mac{}) return std::nullopt;
  return mac;
}

std::optional<Mac> first_mac(const std::string& sys_class_net) {
  // Bridges and container links get a new address at every start, real devices keep theirs: those come first.
  using Candidate = std::tuple<bool, unsigned, Mac>;
  std::optional<Candidate> best;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(sys_class_net, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::filesystem::path folder = entry->path();
    if (folder.filename() == "lo") continue;
    const auto mac = parse_mac(first_line(folder / "address"));
    if (!mac) continue;
    const std::string index_text = first_line(folder / "ifindex");
    unsigned index = 0;
    std::from_chars(index_text.data(), index_text.data() + index_text.size(), index);
    std::error_code ignored;
    const Candidate candidate{!std::filesystem::exists(folder / "device", ignored), index, *mac};
    if (!best || candidate < *best) best = candidate;
  }
  if (!best) return std::nullopt;
  return std::get<Mac>(*best);
}

/// The first IPv4 address that is not the loopback's, in network order; 127.0.0.1 if there is none.
std::array<std::uint8_t, 4> first_ip() {
  std::array<std::uint8_t, 4> out{127, 0, 0, 1};
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    if ((entry->ifa_flags & static_cast<unsigned>(IFF_LOOPBACK)) != 0) continue;
    sockaddr_in name{};
    std::memcpy(&name, entry->ifa_addr, sizeof name);
    std::memcpy(out.data(), &name.sin_addr, out.size());
    break;
  }
  ::freeifaddrs(list);
  return out;
}

}  // namespace

vscp::Guid machine_guid(const std::string& sys_class_net) {
  vscp::Guid guid;
  std::fill_n(guid.bytes.begin(), 7, std::uint8_t{0xff});
  if (const auto mac = first_mac(sys_class_net)) {
    guid.bytes[7] = 0xfe;
    std::copy(mac->begin(), mac->end(), guid.bytes.begin() + 8);
  } else {
    guid.bytes[7] = 0xfd;
    const auto ip = first_ip();
    std::copy(ip.begin(), ip.end(), guid.bytes.begin() + 8);
  }
  return guid;
}

}  // namespace router
