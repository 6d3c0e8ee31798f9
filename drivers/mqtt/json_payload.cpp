#include "drivers/mqtt/json_payload.h"

#include <simdjson.h>

#include <array>
#include <cstring>
#include <utility>

namespace drivers::mqtt {
namespace {

using simdjson::ondemand::value;
using vscp::Errc;

constexpr bool is_white(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string_view trim_right(std::string_view text) noexcept {
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

// One comma behind the last member becomes a blank.
void drop_last_comma(char* text, std::size_t size) noexcept {
  const std::string_view whole = trim_right({text, size});
  if (whole.empty() || whole.back() != '}') return;
  const std::string_view inside = trim_right(whole.substr(0, whole.size() - 1));
  if (inside.empty() || inside.back() != ',' || trim_right(inside.substr(0, inside.size() - 1)).ends_with('{')) return;
  text[inside.size() - 1] = ' ';
}

// Name of a member without its quotes; empty (no field) if it has escapes, which no name that we know needs.
std::string_view key_of(simdjson::ondemand::raw_json_string key, const char* end) noexcept {
  const char* const begin = key.raw();
  const void* const quote = std::memchr(begin, '"', static_cast<std::size_t>(end - begin));
  if (quote == nullptr) return {};
  return {begin, static_cast<std::size_t>(static_cast<const char*>(quote) - begin)};
}

// Inside of the brackets of an array; simdjson only counts brackets, so the last one may be a brace.
Errc take_array(value& member, PayloadKey key, PayloadFields& fields) noexcept {
  simdjson::ondemand::array array;
  std::string_view text;
  if (member.get_array().get(array) != simdjson::SUCCESS || array.raw_json().get(text) != simdjson::SUCCESS) {
    return Errc::kBadJson;
  }
  text = trim_right(text);
  if (text.size() < 2 || text.back() != ']') return Errc::kBadJson;
  return fields.take(key, text.substr(1, text.size() - 2));
}

Errc take_string(value& member, std::string_view token, PayloadKey key, PayloadFields& fields) noexcept {
  if (token.size() >= 2 && token.back() == '"' && token.find('\\') == std::string_view::npos) {
    return fields.take(key, token.substr(1, token.size() - 2));
  }
  std::string_view text;
  if (member.get_string().get(text) != simdjson::SUCCESS) return Errc::kBadJson;
  return fields.take(key, text);
}

constexpr bool is_text_field(PayloadField field) noexcept {
  return field == PayloadField::kGuid || field == PayloadField::kDatetime;
}

Errc take_member(value& member, PayloadKey key, PayloadFields& fields) noexcept {
  const std::string_view token = trim_right(member.raw_json_token());
  if (token.empty()) return Errc::kBadJson;
  if (key.field == PayloadField::kUnknown || key.field == PayloadField::kSkipped) return fields.take(key, {});
  switch (token.front()) {
    case '"':
      return take_string(member, token, key, fields);
    case '[':
      return key.field == PayloadField::kData ? take_array(member, key, fields) : Errc::kWrongKind;
    case '{':
      return Errc::kWrongKind;
    default:
      break;
  }
  if (token == "null") return fields.take(key, {});
  const bool number = (token.front() >= '0' && token.front() <= '9') || token.front() == '-';
  if (token == "true" || token == "false") return Errc::kWrongKind;
  if (!number) return Errc::kBadJson;
  if (is_text_field(key.field) || key.field == PayloadField::kData) return Errc::kWrongKind;
  return fields.take(key, token);
}

}  // namespace

struct JsonPayload::Parser {
  simdjson::ondemand::parser parser;
  std::array<char, kPayloadReadMax + simdjson::SIMDJSON_PADDING> text;
};

JsonPayload::JsonPayload() : parser_(std::make_unique<Parser>()) {
  // If this fails, the first message tries again, and is refused if that fails too.
  [[maybe_unused]] const auto error = parser_->parser.allocate(kPayloadReadMax);
}
JsonPayload::~JsonPayload() = default;

Errc JsonPayload::read(std::string_view text, PayloadFields& fields) noexcept {
  if (text.size() > kPayloadReadMax) return Errc::kPayloadSize;
  char* const copy = parser_->text.data();
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  std::memset(copy + text.size(), ' ', simdjson::SIMDJSON_PADDING);
  drop_last_comma(copy, text.size());

  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  if (parser_->parser.iterate(copy, text.size(), parser_->text.size()).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return Errc::kBadJson;
  }
  bool empty = true;
  for (auto member : object) {
    simdjson::ondemand::field field;
    if (std::move(member).get(field) != simdjson::SUCCESS) return Errc::kBadJson;
    empty = false;
    const PayloadKey key = find_payload_key(key_of(field.key(), copy + text.size()));
    if (const Errc error = take_member(field.value(), key, fields); error != Errc{}) return error;
  }
  // Anything behind the object?
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) return Errc::kBadJson;
  if (empty) fields.note_empty();
  return Errc{};
}

}  // namespace drivers::mqtt
