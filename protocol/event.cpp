#include "protocol/event.h"

#include <algorithm>

namespace vscp {

bool operator==(const Event& left, const Event& right) noexcept {
  return left.time_ns == right.time_ns && left.timestamp_us == right.timestamp_us && left.obid == right.obid &&
         left.guid == right.guid && left.head == right.head && left.vscp_class == right.vscp_class &&
         left.vscp_type == right.vscp_type && std::ranges::equal(left.payload(), right.payload());
}

}  // namespace vscp
