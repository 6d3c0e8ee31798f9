#include "protocol/filter_join.h"

namespace vscp {
namespace {

// Joins one field; true if the two contradict each other.
template <typename T>
bool join_field(T first, T first_mask, T second, T second_mask, T& value, T& mask) noexcept {
  value = static_cast<T>((first & first_mask) | (second & second_mask));
  mask = static_cast<T>(first_mask | second_mask);
  return ((first ^ second) & first_mask & second_mask) != 0;
}

}  // namespace

Filter join_filters(const Filter& first, const Filter& second) noexcept {
  Filter joined;
  bool contradiction = join_field(first.filter_priority, first.mask_priority, second.filter_priority,
                                  second.mask_priority, joined.filter_priority, joined.mask_priority);
  contradiction |= join_field(first.filter_class, first.mask_class, second.filter_class, second.mask_class,
                              joined.filter_class, joined.mask_class);
  contradiction |= join_field(first.filter_type, first.mask_type, second.filter_type, second.mask_type,
                              joined.filter_type, joined.mask_type);
  for (std::size_t i = 0; i < joined.filter_guid.bytes.size(); ++i) {
    contradiction |= join_field(first.filter_guid.bytes[i], first.mask_guid.bytes[i], second.filter_guid.bytes[i],
                                second.mask_guid.bytes[i], joined.filter_guid.bytes[i], joined.mask_guid.bytes[i]);
  }
  if (contradiction) {
    // A priority has three bits, so none is ever 0xff.
    joined.filter_priority = 0xff;
    joined.mask_priority = 0xff;
  }
  return joined;
}

}  // namespace vscp
