#include "drivers/mqtt/topic_template.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "drivers/mqtt/topic_match.h"
#include "protocol/text_put.h"
#include "router/base/config_node.h"

namespace drivers::mqtt {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kGuidFamilies[] = {"srvguid", "xsrvguid", "ifguid", "xifguid"};

const std::string* find_text(const TopicValues::Texts& texts, std::string_view name) {
  // The last one counts, as when a map is filled.
  const auto found =
      std::find_if(texts.rbegin(), texts.rend(), [name](const auto& pair) { return pair.first == name; });
  return found == texts.rend() ? nullptr : &found->second;
}

std::string_view trim(std::string_view text) {
  return vscp::text::trim(text);
}

std::string quoted(std::string_view name) {
  return std::string("{{").append(name).append("}}");
}

}  // namespace

/// Reads a template from front to back.
class TopicCompiler {
 public:
  TopicCompiler(std::string_view text, TopicUse use, const TopicValues& values)
      : text_(text), use_(use), values_(values) {}

  std::expected<TopicTemplate, TopicError> run() {
    std::size_t at = 0;
    while (!error_) {
      const std::size_t open = text_.find(kOpen, at);
      add_literal(at, text_.substr(at, open - at));
      if (open == std::string_view::npos || error_) break;
      at = take_token(open);
    }
    return finish();
  }

 private:
  void fail(std::size_t offset, std::string text) {
    if (!error_) error_ = TopicError{offset, std::move(text)};
  }

  // A stray brace is more likely a slip of the pen than a topic.
  void add_literal(std::size_t offset, std::string_view literal) {
    const std::size_t stray = literal.find("}}");
    if (stray != std::string_view::npos) fail(offset + stray, "}} without {{ before it");
    result_.text_ += literal;
  }

  // Returns the offset behind the token.
  std::size_t take_token(std::size_t open) {
    const bool triple = text_.substr(open).starts_with("{{{");
    const std::string_view end = triple ? "}}}" : "}}";
    const std::size_t begin = open + end.size();
    const std::size_t close = text_.find(end, begin);
    if (close == std::string_view::npos) {
      fail(open, "{{ without }} behind it");
      return text_.size();
    }
    std::string_view name = trim(text_.substr(begin, close - begin));
    if (!triple && name.starts_with('&')) name = trim(name.substr(1));
    if (name.empty() || std::string_view("#^/!>=").find(name.front()) != std::string_view::npos) {
      fail(open, name.empty() ? std::string("a token without name")
                              : quoted(name) + ": sections, comments and partials are not known here, only {{token}}");
    } else {
      resolve(open, name);
    }
    return close + end.size();
  }

  void resolve(std::size_t offset, std::string_view name) {
    const std::string* text = find_text(values_.user_escapes, name);
    const auto parsed = parse_token_name(name);
    if (text == nullptr && parsed && add_guid(offset, name, *parsed)) return;
    if (text == nullptr) text = find_text(values_.names, name);
    if (text != nullptr) return append_topic_value(*text, result_.text_);
    EventToken token;
    const TokenSearch search = parsed ? find_event_token(*parsed, token) : TokenSearch::kUnknown;
    if (search != TokenSearch::kFound) return tell(offset, name, search);
    if (use_ != TopicUse::kPublish) {
      return fail(offset,
                  quoted(name) + " changes with each event, which this topic does not; use one of " + fixed_names());
    }
    result_.parts_.push_back({text_begin_, static_cast<std::uint32_t>(result_.text_.size() - text_begin_), token});
    text_begin_ = static_cast<std::uint32_t>(result_.text_.size());
  }

  // srvguid and ifguid in all their forms. False if it is none of them.
  bool add_guid(std::size_t offset, std::string_view name, const TokenName& parsed) {
    std::string_view base = parsed.base;
    const bool hex = base.starts_with('x');
    if (hex) base.remove_prefix(1);
    if (base != "srvguid" && base != "ifguid") return false;
    const vscp::Guid& guid = base == "srvguid" ? values_.server_guid : values_.interface_guid;
    if (!parsed.index) {
      if (hex) {
        tell(offset, name, TokenSearch::kIndexMissing);
      } else {
        result_.text_ += to_string(guid);
      }
      return true;
    }
    if (*parsed.index >= guid.bytes.size()) {
      tell(offset, name, TokenSearch::kIndexRange);
      return true;
    }
    // The same two forms as for the event's GUID.
    vscp::Event event;
    event.guid = guid;
    TopicCache cache;
    TokenSource source{event, cache, std::nullopt, std::nullopt};
    char out[16 + kTokenSlack];
    const EventToken token{TokenKind::kGuidByte, hex, false, static_cast<std::uint16_t>(*parsed.index)};
    result_.text_.append(out, put_token(source, token, out));
    return true;
  }

  void tell(std::size_t offset, std::string_view name, TokenSearch search) {
    const std::string_view base = name.substr(0, name.find_first_of("[."));
    switch (search) {
      case TokenSearch::kIndexMissing:
        return fail(offset, quoted(name) + " needs an index: write " + quoted(std::string(base) + "[0]"));
      case TokenSearch::kIndexNotAllowed:
        return fail(offset, quoted(name) + " has no parts: write " + quoted(base));
      case TokenSearch::kIndexRange:
        return fail(offset, quoted(name) + ": the last index is " + (base.ends_with("data") ? "511" : "15"));
      default:
        break;
    }
    std::string text = "nobody knows the token " + quoted(name);
    const auto words = known_names();
    const std::string_view near = router::nearest_word(base, words);
    if (!near.empty()) text += "; did you mean " + quoted(near) + "?";
    fail(offset, std::move(text));
  }

  std::vector<std::string_view> known_names() const {
    std::vector<std::string_view> words;
    if (use_ == TopicUse::kPublish) words.assign(event_token_names().begin(), event_token_names().end());
    words.insert(words.end(), std::begin(kGuidFamilies), std::end(kGuidFamilies));
    for (const auto* texts : {&values_.names, &values_.user_escapes}) {
      for (const auto& [name, value] : *texts) words.push_back(name);
    }
    return words;
  }

  std::string fixed_names() const {
    std::string text = "srvguid, ifguid";
    for (const auto* texts : {&values_.names, &values_.user_escapes}) {
      for (const auto& [name, value] : *texts) text += ", " + name;
    }
    return text;
  }

  std::expected<TopicTemplate, TopicError> finish() {
    if (!error_) check_topic();
    if (error_) return std::unexpected(std::move(*error_));
    result_.last_begin_ = text_begin_;
    find_optional_end();
    std::size_t size = result_.text_.size() + 1;
    for (const auto& part : result_.parts_) {
      size += token_size_max(part.token);
      result_.needs_measurement_ = result_.needs_measurement_ || needs_measurement(part.token.kind);
    }
    if (size > kTopicMax) {
      fail(0, "the topic may get longer than 65535 bytes");
      return std::unexpected(std::move(*error_));
    }
    result_.size_max_ = size + kTokenSlack;
    return std::move(result_);
  }

  // The whole topic with a digit for each token. Offsets are those of the template only up to the first token.
  void check_topic() {
    std::string whole;
    for (const auto& part : result_.parts_) whole.append(result_.text_, part.text_begin, part.text_size).append(1, '0');
    whole.append(result_.text_, text_begin_);
    const auto fault = use_ == TopicUse::kSubscribe ? find_filter_fault(whole) : find_topic_fault(whole);
    if (fault) fail(std::min(fault->offset, text_.size()), std::string("the topic ").append(fault->text));
  }

  // From the end: levels that are one optional token each, after a '/', with nothing behind the last one.
  void find_optional_end() {
    const auto& parts = result_.parts_;
    std::size_t begin = parts.size();
    if (result_.last_begin_ == result_.text_.size()) {
      while (begin > 0 && is_optional(parts[begin - 1].token.kind) && own_level(parts[begin - 1], begin == 1)) {
        --begin;
        // Text other than a lone '/' belongs to the level before it.
        if (parts[begin].text_size != 1) break;
      }
    }
    result_.optional_begin_ = static_cast<std::uint32_t>(begin);
  }

  bool own_level(const TopicTemplate::Part& part, bool first) const {
    const std::string_view before = std::string_view(result_.text_).substr(part.text_begin, part.text_size);
    // A topic needs at least one level.
    return before.ends_with('/') && !(first && before.size() == 1);
  }

  const std::string_view text_;
  const TopicUse use_;
  const TopicValues& values_;
  std::optional<TopicError> error_;
  TopicTemplate result_;
  std::uint32_t text_begin_ = 0;  ///< of the constant text that is being collected
};

std::expected<TopicTemplate, TopicError> TopicTemplate::compile(std::string_view text, TopicUse use,
                                                                const TopicValues& values) {
  return TopicCompiler(text, use, values).run();
}

std::expected<TopicTemplate, TopicError> TopicTemplate::compile_literal(std::string_view text, TopicUse use) {
  const auto fault = use == TopicUse::kSubscribe ? find_filter_fault(text) : find_topic_fault(text);
  if (fault) return std::unexpected(TopicError{fault->offset, std::string("the topic ").append(fault->text)});
  TopicTemplate result;
  result.text_ = text;
  result.size_max_ = text.size() + 1;
  return result;
}

std::size_t TopicTemplate::render(const vscp::Event& event, TopicCache& cache, char* out) const noexcept {
  const char* const begin = out;
  TokenSource source{event, cache, std::nullopt, std::nullopt};
  if (needs_measurement_) {
    source.measurement = vscp::decode_measurement(event);
    if (!source.measurement) source.zone = vscp::event_zone(event);
  }
  std::size_t count = parts_.size();
  while (count > optional_begin_ && !has_value(source, parts_[count - 1].token.kind)) --count;
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(out, text_.data() + parts_[i].text_begin, parts_[i].text_size);
    out = put_token(source, parts_[i].token, out + parts_[i].text_size);
  }
  if (count < parts_.size()) {
    // What stands before the first level that is left out, without the '/' that belongs to it.
    const Part& part = parts_[count];
    std::memcpy(out, text_.data() + part.text_begin, part.text_size);
    out += part.text_size - 1;
  } else {
    std::memcpy(out, text_.data() + last_begin_, text_.size() - last_begin_);
    out += text_.size() - last_begin_;
  }
  *out = '\0';
  return static_cast<std::size_t>(out - begin);
}

}  // namespace drivers::mqtt
