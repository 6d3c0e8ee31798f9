#include "router/core/users_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "router/base/json_writer.h"
#include "router/base/password.h"

namespace router {
namespace {

using vscp::Errc;
using vscp::FilterHalf;
using vscp::LineFormat;

constexpr std::array<std::pair<std::string_view, LineFormat>, 2> kLineFormats{
    {{"legacy", LineFormat::kLegacy}, {"nanoseconds", LineFormat::kNanoseconds}}};
constexpr std::int64_t kNoLevel = -1;

/// Splits "a/b,c" into its words; both separators are in the field.
std::vector<std::string_view> split_rights(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("/,"), text.size());
    std::string_view word = text.substr(0, end);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (!word.empty()) out.push_back(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// Reads one entry of "users".
class UserReading {
 public:
  UserReading(const ConfigNode& node, const std::string& path, ConfigContext& context)
      : reader_(&node, path, context) {}

  User read() {
    User user;
    read_name(user);
    read_password(user);
    user.full_name = one_of("full-name", "fullname");
    user.note = reader_.text("note", "");
    read_commands(user);
    read_hosts(user);
    read_events(user);
    read_filter(user);
    read_overrides(user);
    reader_.finish();
    return user;
  }

 private:
  /// A key with two names in the field; both at once is an error.
  std::string one_of(std::string_view key, std::string_view other) {
    if (reader_.has(key) && reader_.has(other)) {
      reader_.error(other, "means the same as \"" + std::string(key) + "\": remove one of the two");
    }
    const std::string second = reader_.text(other, "");
    const std::string first = reader_.text(key, "");
    return reader_.has(key) ? first : second;
  }

  void read_name(User& user) {
    user.name = one_of("name", "user");
    const std::string key = reader_.has("name") || !reader_.has("user") ? "name" : "user";
    if (user.name.empty()) {
      reader_.error(key, "is missing: write the name that the user logs in with");
    } else if (user.name.size() > vscp::kUserNameMax) {
      reader_.error(key, "has " + std::to_string(user.name.size()) + " bytes: write at most " +
                             std::to_string(vscp::kUserNameMax));
    }
    for (const char c : user.name) {
      if (static_cast<unsigned char>(c) > 0x20 && c != 0x7f) continue;
      reader_.error(key, "has a blank or control character, which no client can send in a name: leave it out");
      break;
    }
  }

  void read_password(User& user) {
    user.password_hash = one_of("password", "credentials");
    const std::string key = reader_.has("password") || !reader_.has("credentials") ? "password" : "credentials";
    if (is_password_hash(user.password_hash)) return;
    // The text is not shown: it may be the password itself.
    reader_.error(key, user.password_hash.empty()
                           ? "is missing: write the hash that \"vscpctl mkpasswd\" makes"
                           : "is no password hash in a known form: write the hash that \"vscpctl mkpasswd\" makes");
  }

  void read_commands(User& user) {
    const bool has_level = reader_.has("privilege");
    const std::int64_t level = reader_.integer("privilege", kNoLevel, 0, kPrivilegeMax);
    const ConfigNode* rights = reader_.any("rights");
    if (!has_level && rights == nullptr) {
      reader_.warning("privilege",
                      "neither \"privilege\" nor \"rights\" is given, so this user may do nothing: write " +
                          std::string("\"privilege\": 4 to let him send and receive"));
    }
    user.rights = has_level && rights == nullptr ? kAllRights : 0;
    if (rights != nullptr) read_rights(*rights, user);
    user.allowed_verbs = has_level && rights == nullptr ? verbs_for_privilege(0) : verbs_for_rights(user.rights);
    if (level != kNoLevel) {
      const VerbSet by_level = verbs_for_privilege(static_cast<unsigned>(level));
      user.allowed_verbs = rights == nullptr ? by_level : user.allowed_verbs & by_level;
      user.privilege = static_cast<std::uint8_t>(level);
    }
  }

  void read_rights(const ConfigNode& node, User& user) {
    const std::string path = reader_.path_of("rights");
    if (node.kind == ConfigNode::Kind::kInteger) {
      user.rights = static_cast<std::uint32_t>(reader_.integer("rights", 0, 0, kAllRights));
    } else if (node.is_string()) {
      add_rights(node, path, node.text, user);
    } else if (node.is_array()) {
      for (std::size_t i = 0; i < node.items.size(); ++i) read_rights_item(node.items[i], config_path(path, i), user);
    } else {
      reader_.error("rights", "is " + std::string(node.kind_text()) +
                                  R"(: write a list of words, ["send-events", "receive-events"], or a number)");
    }
  }

  void read_rights_item(const ConfigNode& item, const std::string& path, User& user) {
    if (item.is_string()) {
      add_rights(item, path, item.text, user);
    } else if (item.kind == ConfigNode::Kind::kInteger && item.integer >= 0) {
      user.rights |= static_cast<std::uint32_t>(item.integer & kAllRights);
    } else {
      reader_.error_at(item, path, "is " + std::string(item.kind_text()) + ": write a word, \"send-events\"");
    }
  }

  void add_rights(const ConfigNode& node, const std::string& path, std::string_view text, User& user) {
    for (const std::string_view word : split_rights(text)) {
      if (const auto right = parse_right(word)) {
        user.rights |= *right;
        continue;
      }
      const std::string_view near = nearest_word(word, right_words());
      reader_.error_at(node, path,
                       '"' + std::string(word.substr(0, 60)) + "\" is no right: " +
                           (near.empty() ? "write words like \"user\", \"send-events\", \"receive-events\", or a number"
                                         : "did you mean \"" + std::string(near) + "\"?"));
    }
  }

  void read_hosts(User& user) {
    for (const auto& [text, node] : reader_.texts("remotes")) {
      if (user.host_rules.add(text)) continue;
      reader_.error_at(*node, reader_.path_of("remotes"),
                       '"' + text.substr(0, 80) + "\" is no host: write \"192.168.1.8\", \"192.168.1.*\", " +
                           "\"192.168.0.0/16\" or \"fe80::/64\", with \"-\" before it to refuse");
    }
  }

  void read_events(User& user) {
    if (reader_.has("allow-events") && reader_.has("events")) {
      reader_.error("events", "means the same as \"allow-events\": remove one of the two");
    }
    for (const std::string_view key : {"allow-events", "events"}) {
      for (const auto& [text, node] : reader_.texts(key)) {
        if (const auto added = user.send_rules.add(text); !added) {
          reader_.error_at(
              *node, reader_.path_of(key),
              '"' + text.substr(0, 80) + "\" is no event rule (" + std::string(vscp::to_text(added.error())) +
                  "): write \"class:type\", \"class:*\", \"*:type\" or \"*:*\" with decimal or 0x numbers " +
                  "for what the user may send; what he receives is set by \"filter\" and \"mask\"");
        }
      }
    }
  }

  FilterHalf read_half(std::string_view key) {
    const std::string text = reader_.text(key, "");
    if (text.empty()) return {};
    const auto half = vscp::parse_filter_half(text);
    if (half) return *half;
    reader_.error(key, '"' + text + "\" is no filter (" + std::string(vscp::to_text(half.error())) +
                           "): write \"priority,class,type,GUID\", for example \"0,20,0,-\"");
    return {};
  }

  void read_filter(User& user) {
    const FilterHalf filter = read_half("filter");
    const FilterHalf mask = read_half("mask");
    user.filter.filter_priority = filter.priority;
    user.filter.filter_class = filter.vscp_class;
    user.filter.filter_type = filter.vscp_type;
    user.filter.filter_guid = filter.guid;
    user.filter.mask_priority = mask.priority;
    user.filter.mask_class = mask.vscp_class;
    user.filter.mask_type = mask.vscp_type;
    user.filter.mask_guid = mask.guid;
  }

  void read_overrides(User& user) {
    UserOverrides& out = user.overrides;
    out.queue = read_queue_limits(reader_);
    const bool echo = reader_.boolean("receive-sent-events", false);
    if (reader_.has("receive-sent-events")) out.receive_sent_events = echo;
    const LineFormat format = reader_.word<LineFormat>("line-format", LineFormat::kLegacy, kLineFormats);
    if (reader_.has("line-format")) out.line_format = format;
  }

  ObjectReader reader_;
};

void warn_if_readable(const std::string& path, UsersResult& result) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & S_IROTH) == 0) return;
  result.warnings.push_back(
      {path, 0, 0, "", "everyone on this machine can read the password hashes: run chmod 600 on the file"});
}

/// A file that is removed again unless it was put in its place.
class TemporaryFile {
 public:
  static vscp::Result<void> write(const std::string& target, std::string_view text, mode_t mode,
                                  const struct stat* owner, bool replace) {
    SystemRandom random;
    TemporaryFile file(target + ".new-" + std::to_string(random.next()));
    file.fd_ = ::open(file.path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file.fd_ < 0) return failure();
    if (::fchmod(file.fd_, mode) != 0) return failure();
    // Only root can give a file away; for others it is theirs already or stays so.
    if (owner != nullptr && ::fchown(file.fd_, owner->st_uid, owner->st_gid) != 0 && errno != EPERM) return failure();
    if (!file.write_all(text) || ::fsync(file.fd_) != 0) return failure();
    // link() refuses an existing target, rename() replaces it: in both cases nobody ever sees half a file.
    const int placed =
        replace ? ::rename(file.path_.c_str(), target.c_str()) : ::link(file.path_.c_str(), target.c_str());
    if (placed != 0) return failure();
    return sync_folder(target);
  }

  ~TemporaryFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(path_.c_str());  // gone already after a rename
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

 private:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}

  static std::unexpected<Errc> failure() { return std::unexpected(vscp::from_errno(errno)); }

  bool write_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::write(fd_, text.data(), text.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  static vscp::Result<void> sync_folder(const std::string& target) {
    std::string folder = std::filesystem::path(target).parent_path().string();
    if (folder.empty()) folder = ".";
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failure();
    const bool ok = ::fsync(fd) == 0;
    const int code = errno;
    ::close(fd);
    if (!ok) return std::unexpected(vscp::from_errno(code));
    return {};
  }

  std::string path_;
  int fd_ = -1;
};

/// A link stays a link: what it points to is replaced, with the mode and owner that it had.
vscp::Result<void> replace_file(const std::string& path, std::string_view text, const struct stat& info) {
  std::error_code error;
  const auto target = std::filesystem::canonical(path, error);
  if (error) return std::unexpected(vscp::from_errno(error.value()));
  return TemporaryFile::write(target.string(), text, info.st_mode & 07777U, &info, true);
}

/// Whether this text is a users file without errors that has this user.
bool has_user(std::string_view text, std::string_view name) {
  const UsersResult result = parse_users(text, "");
  return result.users && result.users->find(name) != nullptr;
}

/// What stands before a value in its line, if that is nothing but blanks.
std::optional<std::string> indent_of(std::string_view text, const ConfigNode& node) {
  const std::size_t line = text.rfind('\n', node.begin);
  const std::size_t first = line == std::string_view::npos ? 0 : line + 1;
  const std::string_view before = text.substr(first, node.begin - first);
  if (before.find_first_not_of(" \t") != std::string_view::npos) return std::nullopt;
  return std::string(before);
}

/// Adds an entry behind the last one, laid out as that one is.
void insert_user(std::string& text, const ConfigNode& list, std::string_view name, std::string_view password_hash,
                 unsigned privilege) {
  const ConfigNode* last = list.items.empty() ? nullptr : &list.items.back();
  const auto indent = last == nullptr ? std::nullopt : indent_of(text, *last);
  const bool in_lines = indent && text.find('\n', last->begin) < last->end;
  const std::string between = in_lines ? "\n" + *indent + "  " : " ";
  std::string entry = "{" + between + "\"name\": ";
  append_json_string(entry, name);
  entry += "," + between + "\"password\": ";
  append_json_string(entry, password_hash);
  entry += "," + between + "\"privilege\": " + std::to_string(privilege);
  entry += in_lines ? "\n" + *indent + "}" : " }";
  if (last == nullptr) {
    text.insert(list.begin + 1, entry);
    return;
  }
  // A comment at the end of the last entry's line stays with that entry.
  std::size_t place = last->end;
  const std::size_t next = text.find_first_not_of(" \t", place);
  if (next != std::string::npos && text.compare(next, 2, "//") == 0)
    place = std::min(text.find('\n', next), text.size());
  if (place > last->end && text[place - 1] == '\r') --place;
  text.insert(place, indent || place != last->end ? "\n" + indent.value_or("") + entry : " " + entry);
  text.insert(last->end, ",");
}

}  // namespace

UsersResult parse_users(std::string_view text, const std::string& file, std::set<std::string>* known_keys) {
  ConfigContext context;
  context.file = file;
  context.known_keys = known_keys;
  UsersResult result;
  if (const auto root = parse_config_text(text, context)) {
    ObjectReader reader(&*root, "", context);
    const auto list = reader.list("users");
    reader.finish();
    std::vector<User> users;
    users.reserve(list.size());
    std::map<std::string, std::uint32_t, std::less<>> lines;  // where each name is
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string path = config_path("users", i);
      User user = UserReading(list[i], path, context).read();
      const auto [first, fresh] = lines.emplace(user.name, list[i].line);
      if (!fresh && !user.name.empty()) {
        context.errors.push_back({file, list[i].line, list[i].column, path,
                                  "the user \"" + user.name + "\" is already there in line " +
                                      std::to_string(first->second) + ": remove one of the two"});
      }
      users.push_back(std::move(user));
    }
    if (list.empty() && context.errors.empty()) {
      context.warnings.push_back(
          {file, root->line, root->column, "users", "is empty, so nobody can log in: add a user"});
    }
    if (context.errors.empty()) result.users = std::make_shared<const UserDirectory>(std::move(users));
  }
  sort_issues(context);
  result.errors = std::move(context.errors);
  result.warnings = std::move(context.warnings);
  return result;
}

std::string no_users_file_text(const std::string& path) {
  return "users file " + path + " does not exist; make it with: vscpctl mkpasswd --users " + path + " --user admin";
}

UsersResult load_users(const std::string& path) {
  ConfigContext context;
  context.file = path;
  std::string text;
  UsersResult result;
  if (!read_config_file(path, text, context)) {
    result.errors = std::move(context.errors);
    return result;
  }
  result = parse_users(text, path);
  warn_if_readable(path, result);
  return result;
}

vscp::Result<void> create_users_file(const std::string& path, std::string_view name, std::string_view password_hash,
                                     unsigned privilege) {
  JsonWriter writer(2);
  writer.begin_object().key("users").begin_array().begin_object();
  writer.member("name", name).member("password", password_hash).member("privilege", privilege);
  writer.key("remotes").begin_array().end_array();
  writer.key("allow-events").begin_array().end_array();
  writer.end_object().end_array().end_object();
  const std::string text = writer.take() + "\n";
  if (!has_user(text, name)) return std::unexpected(Errc::kBadNumber);
  return TemporaryFile::write(path, text, 0600, nullptr, false);
}

vscp::Result<void> add_user(const std::string& path, std::string_view name, std::string_view password_hash,
                            unsigned privilege) {
  ConfigContext context;
  std::string text;
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::unexpected(vscp::from_errno(errno));
  if (!read_config_file(path, text, context)) return std::unexpected(vscp::from_errno(EIO));
  const auto root = parse_config_text(text, context);
  if (!root) return std::unexpected(Errc::kBadNumber);
  const ConfigNode* list = root->find("users");
  if (list == nullptr || !list->is_array()) return std::unexpected(Errc::kMissingField);
  if (has_user(text, name)) return std::unexpected(vscp::from_errno(EEXIST));
  insert_user(text, *list, name, password_hash, privilege);
  if (!has_user(text, name)) return std::unexpected(Errc::kBadNumber);
  return replace_file(path, text, info);
}

std::string make_random_password(Random& random) {
  constexpr std::string_view kLetters = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  constexpr std::size_t kSize = 20;
  std::string out;
  for (std::size_t i = 0; i < kSize; ++i) out += kLetters[random.below(kLetters.size())];
  return out;
}

vscp::Result<void> replace_password_hash(const std::string& path, std::string_view user, std::string_view old_hash,
                                         std::string_view new_hash) {
  ConfigContext context;
  std::string text;
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::unexpected(vscp::from_errno(errno));
  if (!read_config_file(path, text, context)) return std::unexpected(vscp::from_errno(EIO));
  const auto root = parse_config_text(text, context);
  if (!root) return std::unexpected(Errc::kBadNumber);
  const ConfigNode* list = root->find("users");
  if (list == nullptr) return std::unexpected(Errc::kMissingField);
  for (const ConfigNode& entry : list->items) {
    const ConfigNode* name = entry.find("name") != nullptr ? entry.find("name") : entry.find("user");
    const ConfigNode* hash = entry.find("password") != nullptr ? entry.find("password") : entry.find("credentials");
    if (name == nullptr || hash == nullptr || name->text != user || hash->text != old_hash) continue;
    std::string quoted;
    append_json_string(quoted, new_hash);
    text.replace(hash->begin, hash->end - hash->begin, quoted);
    return replace_file(path, text, info);
  }
  return std::unexpected(Errc::kMissingField);
}

}  // namespace router
