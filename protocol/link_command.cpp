#include "protocol/link_command.h"

#include <array>
#include <cstring>

#include "protocol/text_scan.h"

namespace vscp {
namespace {

// Privileges are the spec's (list of commands). What may be used before login is upstream's; BINARY and TEXT are added,
// because a client that wants to encrypt its login must be able to leave the text protocol first.
constexpr std::array kCommands{
    LinkCommandInfo{LinkVerb::kRepeat, "+", "", 0, true, "+ | +n | ++",
                    "Repeats the last command, or the one n commands back. ++ lists the commands that can be repeated; "
                    "passwords are never kept."},
    LinkCommandInfo{LinkVerb::kNoop, "NOOP", "", 0, true, "NOOP", "Does nothing and answers."},
    LinkCommandInfo{LinkVerb::kHelp, "HELP", "", 0, true, "HELP [command]",
                    "Lists all commands, or explains the one given."},
    LinkCommandInfo{LinkVerb::kQuit, "QUIT", "EXIT", 0, true, "QUIT", "Closes the connection."},
    LinkCommandInfo{LinkVerb::kUser, "USER", "", 0, true, "USER username",
                    "First half of the login. The name is not checked before PASS."},
    LinkCommandInfo{LinkVerb::kPass, "PASS", "", 0, true, "PASS password",
                    "Second half of the login. The connection is closed if name and password do not fit."},
    LinkCommandInfo{LinkVerb::kChallenge, "CHALLENGE", "", 0, true, "CHALLENGE",
                    "Gives a new random session id of 32 hex digits."},
    LinkCommandInfo{
        LinkVerb::kSend, "SEND", "", 4, false, "SEND head,class,type,obid,datetime,timestamp,GUID,data1,data2,...",
        "Sends an event. Empty datetime and timestamp are filled in by the server, an empty GUID or - is the "
        "GUID of this channel. With an empty datetime the timestamp is nanoseconds since 1970."},
    LinkCommandInfo{LinkVerb::kRetr, "RETR", "", 2, false, "RETR [count]",
                    "Fetches one or count events from the queue of this channel, oldest first."},
    LinkCommandInfo{LinkVerb::kRcvLoop, "RCVLOOP", "", 2, false, "RCVLOOP",
                    "From now on each event is sent as soon as it is there, and a sign of life every few seconds. "
                    "QUITLOOP ends it."},
    LinkCommandInfo{LinkVerb::kQuitLoop, "QUITLOOP", "CLOSELOOP", 2, true, "QUITLOOP", "Ends RCVLOOP."},
    LinkCommandInfo{LinkVerb::kChkData, "CDTA", "CHKDATA", 1, false, "CDTA",
                    "Tells how many events are waiting in the queue of this channel."},
    LinkCommandInfo{LinkVerb::kClrAll, "CLRA", "CLRALL", 1, false, "CLRA", "Empties the queue of this channel."},
    LinkCommandInfo{LinkVerb::kStat, "STAT", "", 1, false, "STAT",
                    "Statistics of this channel: three undefined numbers, then received data bytes, received events, "
                    "sent data bytes, sent events."},
    LinkCommandInfo{LinkVerb::kInfo, "INFO", "", 1, false, "INFO",
                    "Status of this channel: status, last error, last sub error, text of the last error."},
    LinkCommandInfo{LinkVerb::kGetChid, "CHID", "GETCHID", 1, false, "CHID",
                    "Tells the channel id, which is the obid of the events that this channel sends."},
    LinkCommandInfo{LinkVerb::kSetGuid, "SGID", "SETGUID", 6, false, "SGID GUID", "Sets the GUID of this channel."},
    LinkCommandInfo{LinkVerb::kGetGuid, "GGID", "GETGUID", 1, false, "GGID", "Tells the GUID of this channel."},
    LinkCommandInfo{LinkVerb::kVersion, "VERS", "VERSION", 0, true, "VERS",
                    "Tells the version of the server: major,minor,release,build."},
    LinkCommandInfo{LinkVerb::kSetFilter, "SFLT", "SETFILTER", 6, false, "SFLT priority,class,type,GUID",
                    "Sets the filter for the events that this channel receives. Bits that are not set in the mask do "
                    "not matter."},
    LinkCommandInfo{LinkVerb::kSetMask, "SMSK", "SETMASK", 6, false, "SMSK priority,class,type,GUID",
                    "Sets the mask for the events that this channel receives. A set bit must be equal in event and "
                    "filter."},
    LinkCommandInfo{LinkVerb::kTest, "TEST", "", 15, false, "TEST [number or name]", "Runs tests of the server."},
    LinkCommandInfo{LinkVerb::kShutdown, "SHUTDOWN", "", 15, false, "SHUTDOWN", "Stops the server."},
    LinkCommandInfo{LinkVerb::kRestart, "RESTART", "", 15, false, "RESTART", "Restarts the server."},
    LinkCommandInfo{LinkVerb::kInterface, "INTERFACE", "", 15, false, "INTERFACE [LIST]",
                    "Lists the interfaces of the server: id,type,GUID,name|start time."},
    LinkCommandInfo{LinkVerb::kWhatCanYouDo, "WCYD", "WHATCANYOUDO", 0, true, "WCYD",
                    "Tells the 64 capability bits of the server, most significant byte first."},
    LinkCommandInfo{LinkVerb::kMeasurement, "MEASUREMENT", "", 4, false,
                    "MEASUREMENT format,level,type,value,unit,GUID,sensorindex,zone,subzone",
                    "Sends a measurement event made from a value."},
    LinkCommandInfo{LinkVerb::kBinary, "BINARY", "", 0, true, "BINARY", "Changes to the binary protocol."},
    LinkCommandInfo{LinkVerb::kText, "TEXT", "", 0, true, "TEXT", "Changes back to the text protocol."},
    LinkCommandInfo{LinkVerb::kBridge, "BRIDGE", "", 4, false, "BRIDGE [channel]", "From a router: drops repeats."},
};

// A name as two words of upper-case letters, so that a look-up compares numbers. Longer names do not exist.
struct NameKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  bool operator==(const NameKey&) const noexcept = default;
};
constexpr std::size_t kNameMax = 16;

constexpr char to_upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

constexpr NameKey name_key(std::string_view name) noexcept {
  NameKey key;
  for (std::size_t i = 0; i < name.size(); ++i) {
    std::uint64_t& word = i < 8 ? key.first : key.second;
    word = word << 8U | static_cast<unsigned char>(to_upper(name[i]));
  }
  return key;
}

struct CommandKeys {
  NameKey name;
  NameKey alias;
};

constexpr auto kKeys = [] {
  std::array<CommandKeys, kCommands.size()> keys{};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = {.name = name_key(kCommands[i].name), .alias = name_key(kCommands[i].alias)};
  }
  return keys;
}();

constexpr std::size_t kSendIndex = [] {
  std::size_t index = 0;
  while (kCommands[index].verb != LinkVerb::kSend) ++index;
  return index;
}();

constexpr bool is_word(char c) noexcept {
  const char upper = to_upper(c);
  return (upper >= 'A' && upper <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

static_assert(
    [] {
      for (std::size_t i = 0; i < kCommands.size(); ++i) {
        if (static_cast<std::size_t>(kCommands[i].verb) != i) return false;
      }
      return true;
    }(),
    "the rows stand in the order of LinkVerb");

const LinkCommandInfo& link_command(LinkVerb verb) noexcept {
  return kCommands[static_cast<std::size_t>(verb)];
}

std::span<const LinkCommandInfo> link_commands() noexcept {
  return kCommands;
}

const LinkCommandInfo* find_link_command(std::string_view name) noexcept {
  if (name.empty() || name.size() > kNameMax) return nullptr;
  const NameKey key = name_key(name);
  if (key == kKeys[kSendIndex].name) return &kCommands[kSendIndex];  // nearly every command is this one
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    if (key == kKeys[i].name || key == kKeys[i].alias) return &kCommands[i];
  }
  return nullptr;
}

Result<LinkCommand> parse_link_command(std::string_view line) noexcept {
  const std::string_view text = text::trim(line);
  std::size_t size = 0;
  if (text.starts_with('+')) {
    size = 1;
  } else {
    while (size < text.size() && is_word(text[size])) ++size;
  }
  const LinkCommandInfo* const info = find_link_command(text.substr(0, size));
  // The argument of SEND is not searched here: decode_event_line looks at each of its bytes anyway.
  if ((info == nullptr || info->verb != LinkVerb::kSend) && line.find('\0') != std::string_view::npos) {
    return std::unexpected(Errc::kEmbeddedNul);
  }
  if (info == nullptr) return std::unexpected(Errc::kUnknownCommand);
  return LinkCommand{.info = info, .argument = text::trim(text.substr(size))};
}

}  // namespace vscp
