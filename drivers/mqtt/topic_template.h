// Topics with tokens: "vscp/{{guid}}/{{class}}/{{type}}". Compiled once at load, where every mistake is told; rendered
// per event without heap memory. Spec: vscp_over_mqtt.md, "Topics"; tokens: drivers/mqtt/topic_tokens.h.
//
// {{token}}, {{{token}}} and {{&token}} mean the same, with blanks inside allowed. Values are not HTML-escaped
// (upstream does, and gets "&quot;" into topics). Sections, partials and comments of mustache are errors, and so is a
// token that nobody knows (upstream: empty text).
//
// What a value may do to a topic: in values that the configuration or a peer gave (user names, host names, user
// escapes) each '#', '+', '%', control character, NUL and byte that is no UTF-8 is written as %XX. '/' stays: an escape
// such as "site/floor1" is meant to make levels. Values of an event are digits, letters, ':', '_', '-' and '.', nothing
// else.
//
// Optional levels: {{sensor-index}}, {{zone}} and {{subzone}} at the end of a topic are left out with their '/' where
// the event has none; one that is missing before one that is there is 0, as the spec has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/mqtt/topic_tokens.h"
#include "protocol/event.h"

namespace drivers::mqtt {

enum class TopicUse : std::uint8_t {
  kPublish,    ///< per event: all tokens, no wildcards
  kSubscribe,  ///< a filter: tokens that do not change, wildcards where MQTT allows them
  kFixed,      ///< will and daemon topics: tokens that do not change, no wildcards
};

/// The tokens that do not change, and their values.
struct TopicValues {
  using Texts = std::vector<std::pair<std::string, std::string>>;

  vscp::Guid server_guid;     ///< srvguid, srvguid[0..15], srvguid.msb, srvguid.lsb; xsrvguid[n].. in hex
  vscp::Guid interface_guid;  ///< ifguid, in the same forms
  Texts names;                ///< "clientid", "user", "host", "driver-name", "server-name", "fmtpublish"...
  Texts user_escapes;         ///< of the configuration; they hide every other token of the same name
};

struct TopicError {
  std::size_t offset = 0;  ///< in the template
  std::string text;        ///< what is wrong and what to write instead
};

/// Longest topic that MQTT can carry.
inline constexpr std::size_t kTopicMax = 65535;

/// Thread rule: compiled on one thread, then immutable.
class TopicTemplate {
 public:
  /// An empty topic without parts.
  TopicTemplate() = default;

  static std::expected<TopicTemplate, TopicError> compile(std::string_view text, TopicUse use,
                                                          const TopicValues& values);
  /// Without tokens: what upstream does when "bescape-pub-topics" is false. Wildcards are checked as in compile().
  static std::expected<TopicTemplate, TopicError> compile_literal(std::string_view text, TopicUse use);

  /// The same for all events; always so for kSubscribe and kFixed.
  bool is_constant() const noexcept { return parts_.empty(); }
  /// The topic if is_constant().
  const std::string& constant() const noexcept { return text_; }

  /// Room that render() needs.
  std::size_t size_max() const noexcept { return size_max_; }

  /// Writes the topic and a NUL behind it; `out` has room for size_max() characters, which may all be overwritten.
  /// Returns the length without the NUL; 0 is possible where the only token is a data byte that the event has not got.
  /// No heap.
  std::size_t render(const vscp::Event& event, TopicCache& cache, char* out) const noexcept;

 private:
  friend class TopicCompiler;

  /// Constant text, then a token.
  struct Part {
    std::uint32_t text_begin = 0;
    std::uint32_t text_size = 0;
    EventToken token;
  };

  std::string text_;         ///< of all parts, then what stands behind the last token
  std::vector<Part> parts_;  ///< empty if there are no event tokens
  std::uint32_t last_begin_ = 0;
  std::uint32_t optional_begin_ = 0;  ///< parts from here on are optional levels at the end
  bool needs_measurement_ = false;
  std::size_t size_max_ = 1;
};

}  // namespace drivers::mqtt
