// Rules of MQTT about topics and filters. Spec: MQTT 5.0, 4.7.
// Thread rule: pure functions, any thread. No heap, but for error texts.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace drivers::mqtt {

/// Does the topic match the filter? '+' stands for one level, '#' at the end for any number of levels and for the one
/// above it ("a/#" matches "a"). A wildcard in the first level does not match topics that begin with '$'. A filter
/// "$share/group/filter" matches what its filter matches. What is no valid filter matches nothing.
bool topic_matches(std::string_view filter, std::string_view topic) noexcept;

/// Does `filter` match every topic that `other` matches? May say no wrongly where `other` has wildcards.
bool filter_covers(std::string_view filter, std::string_view other) noexcept;

struct TopicFault {
  std::size_t offset = 0;
  std::string_view text;  ///< a sentence without its dot
};

/// What is wrong with a topic to publish on: empty, too long, wildcards, control characters, no UTF-8. Nothing if all
/// is well.
std::optional<TopicFault> find_topic_fault(std::string_view topic) noexcept;
/// The same for a topic filter: misplaced wildcards, "$share" without group or filter.
std::optional<TopicFault> find_filter_fault(std::string_view filter) noexcept;

/// A topic of one broker as one of another: `remove` taken off the front, `add` put there.
struct TopicMapping {
  std::string_view remove;
  std::string_view add;
};
/// Writes the mapped topic and a NUL behind it into `out`; returns it without the NUL. Nothing if the topic does not
/// begin with `remove`, nothing would be left of it, or it has no room.
std::optional<std::string_view> map_topic(std::string_view topic, const TopicMapping& mapping,
                                          std::span<char> out) noexcept;

/// Length in bytes of the UTF-8 character that the text begins with; 0 if it is none (a surrogate, too: MQTT forbids
/// them).
std::size_t utf8_size(std::string_view text) noexcept;

/// Appends a value that the configuration or a peer gave: '#', '+', '%', control characters, NUL and bytes that are no
/// UTF-8 become %XX.
void append_topic_value(std::string_view value, std::string& out);

}  // namespace drivers::mqtt
