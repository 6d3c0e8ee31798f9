#include "router/base/config_node.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "router/base/config_syntax.h"
#include "router/base/stable_sort.h"

namespace router {
namespace {

/// Builds the tree from the parser's events. The parser does not know places, so a second walk over the tokens, in step
/// with the events, gives them.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view text, ConfigContext& context) : text_(text), tokens_(text), context_(context) {}

  ConfigNode take() { return std::move(root_); }

  bool null() override { return scalar(ConfigNode::Kind::kNull) != nullptr; }
  bool boolean(bool value) override {
    scalar(ConfigNode::Kind::kBool)->boolean = value;
    return true;
  }
  bool number_integer(number_integer_t value) override {
    ConfigNode* node = scalar(ConfigNode::Kind::kInteger);
    node->integer = value;
    node->number = static_cast<double>(value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      return number_integer(static_cast<std::int64_t>(value));
    }
    scalar(ConfigNode::Kind::kNumber)->number = static_cast<double>(value);
    return true;
  }
  bool number_float(number_float_t value, const string_t&) override {
    scalar(ConfigNode::Kind::kNumber)->number = value;
    return true;
  }
  bool string(string_t& value) override {
    scalar(ConfigNode::Kind::kString)->text = std::move(value);
    return true;
  }
  bool binary(binary_t&) override { return false; }  // not in text
  bool start_object(std::size_t) override { return open(ConfigNode::Kind::kObject); }
  bool start_array(std::size_t) override { return open(ConfigNode::Kind::kArray); }
  bool end_array() override {
    close();
    return true;
  }
  bool end_object() override {
    check_duplicates(*open_.back());
    close();
    return true;
  }
  bool key(string_t& value) override {
    const JsonToken token = next_token();
    ConfigMember& member = open_.back()->members.emplace_back();
    member.key = std::move(value);
    tokens_.place(token.begin, member.line, member.column);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    if (error.id == 406) {  // a number beyond double
      add_error(next_token().begin, "the number is too large");
      return false;
    }
    SyntaxProblem problem = explain_syntax_error(text_, position);
    context_.errors.push_back({context_.file, problem.line, problem.column, "", std::move(problem.text)});
    return false;
  }

 private:
  /// The token of the event that the parser reports now: commas and colons make no events.
  JsonToken next_token() noexcept {
    JsonToken token = tokens_.next();
    while (token.kind == ',' || token.kind == ':') token = tokens_.next();
    return token;
  }

  void add_error(std::size_t offset, std::string text) {
    ConfigIssue issue;
    issue.file = context_.file;
    issue.path = current_path();
    issue.text = std::move(text);
    tokens_.place(offset, issue.line, issue.column);
    context_.errors.push_back(std::move(issue));
  }

  ConfigNode* new_node() {
    if (open_.empty()) return &root_;
    ConfigNode& parent = *open_.back();
    return parent.is_object() ? &parent.members.back().value : &parent.items.emplace_back();
  }

  ConfigNode* scalar(ConfigNode::Kind kind) {
    const JsonToken token = next_token();
    ConfigNode* node = new_node();
    node->kind = kind;
    node->begin = token.begin;
    node->end = token.end;
    tokens_.place(token.begin, node->line, node->column);
    return node;
  }

  bool open(ConfigNode::Kind kind) {
    ConfigNode* node = scalar(kind);
    // The vectors above an open node do not grow while it is open, so the pointers stay good.
    open_.push_back(node);
    if (open_.size() <= kConfigDepthMax) return true;
    add_error(node->begin,
              "nested deeper than " + std::to_string(kConfigDepthMax) + " levels: nothing here needs that");
    return false;
  }

  void close() {
    open_.back()->end = next_token().end;
    open_.pop_back();
  }

  std::string current_path() const {
    std::string path;
    for (const ConfigNode* node : open_) {
      if (node->is_object() && !node->members.empty()) path = config_path(path, node->members.back().key);
      if (node->is_array() && !node->items.empty()) path = config_path(path, node->items.size() - 1);
    }
    return path;
  }

  std::string path_of_open() const {
    std::string path = current_path();
    const ConfigNode& node = *open_.back();
    if (!node.is_object() || node.members.empty()) return path;
    const std::size_t tail = node.members.back().key.size();
    path.resize(path.size() - tail);
    if (path.ends_with('.')) path.pop_back();
    return path;
  }

  void check_duplicates(const ConfigNode& object) {
    if (object.members.size() < 2) return;
    std::vector<const ConfigMember*> sorted;
    sorted.reserve(object.members.size());
    for (const ConfigMember& member : object.members) sorted.push_back(&member);
    stable_sort(sorted, [](const auto* a, const auto* b) { return a->key < b->key; });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->key != sorted[i - 1]->key) continue;
      context_.errors.push_back(
          {context_.file, sorted[i]->line, sorted[i]->column, config_path(path_of_open(), sorted[i]->key),
           "this key is already there in line " + std::to_string(sorted[i - 1]->line) + ": remove one of the two"});
    }
  }

  std::string_view text_;
  JsonTokens tokens_;
  ConfigContext& context_;
  ConfigNode root_;
  std::vector<ConfigNode*> open_;
};

bool file_issue(ConfigContext& context, std::string text) {
  context.errors.push_back({context.file, 0, 0, "", std::move(text)});
  return false;
}

bool read_all(int fd, const std::string& path, std::string& text, ConfigContext& context) {
  text.clear();
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count == 0) return true;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_issue(context, "cannot be read: " + std::string(std::strerror(errno)));
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kConfigBytesMax) {
      return file_issue(
          context, "is larger than " + std::to_string(kConfigBytesMax) + " bytes: is " + path + " the right file?");
    }
  }
}

}  // namespace

std::string to_text(const ConfigIssue& issue) {
  std::string out = issue.file;
  if (issue.line != 0) out += ':' + std::to_string(issue.line);
  if (issue.line != 0 && issue.column != 0) out += ':' + std::to_string(issue.column);
  if (!out.empty()) out += ": ";
  if (!issue.path.empty()) out += issue.path + ": ";
  out += issue.text;
  // What is quoted from the file may hold anything; an issue stays one line and plays no tricks on a terminal.
  std::replace_if(out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out;
}

void sort_issues(ConfigContext& context) {
  const auto before = [&](const ConfigIssue& a, const ConfigIssue& b) {
    const bool a_here = a.file == context.file;
    const bool b_here = b.file == context.file;
    if (!a_here || !b_here) return a_here && !b_here;
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  };
  stable_sort(context.errors, before);
  stable_sort(context.warnings, before);
}

const ConfigNode* ConfigNode::find(std::string_view key) const noexcept {
  for (const ConfigMember& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string_view ConfigNode::kind_text() const noexcept {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "true or false";
    case Kind::kInteger:
      return "a whole number";
    case Kind::kNumber:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "a list";
    case Kind::kObject:
      return "an object";
  }
  return "?";
}

std::optional<ConfigNode> parse_config_text(std::string_view text, ConfigContext& context) {
  const std::size_t errors_before = context.errors.size();
  if (text.size() > kConfigBytesMax) {
    file_issue(context, "is larger than " + std::to_string(kConfigBytesMax) + " bytes");
    return std::nullopt;
  }
  TreeBuilder builder(text, context);
  const bool parsed =
      nlohmann::json::sax_parse(text.begin(), text.end(), &builder, nlohmann::json::input_format_t::json, true, true);
  if (!parsed || context.errors.size() != errors_before) return std::nullopt;
  return builder.take();
}

bool read_config_file(const std::string& path, std::string& text, ConfigContext& context) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return file_issue(context, "cannot be opened: " + std::string(std::strerror(errno)));
  struct stat info{};
  bool ok = ::fstat(fd, &info) == 0;
  if (ok && S_ISDIR(info.st_mode)) ok = file_issue(context, "is a folder: give the name of the file in it");
  ok = ok && read_all(fd, path, text, context);
  ::close(fd);
  return ok;
}

std::string config_path(std::string_view prefix, std::string_view key) {
  std::string path(prefix);
  if (!path.empty()) path += '.';
  path += key;
  return path;
}

std::string config_path(std::string_view prefix, std::size_t index) {
  return std::string(prefix) + '[' + std::to_string(index) + ']';
}

}  // namespace router
