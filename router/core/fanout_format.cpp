// Fan-out: a reader that changes its wire format takes what waits for it along.
#include "router/base/check.h"
#include "router/core/fanout.h"

namespace router {

// Writes the reader's backlog anew, in the other format. Returns how many entries found no memory.
std::uint32_t Fanout::rewrite_backlog(Reader& reader, vscp::WireFormat from, vscp::WireFormat to) noexcept {
  IndexChunk* chunk = reader.backlog_;
  std::uint16_t index = reader.backlog_index_;
  reader.backlog_ = nullptr;
  reader.backlog_tail_ = nullptr;
  reader.backlog_index_ = 0;
  reader.backlog_count_ = 0;
  reader.backlog_bytes_ = 0;
  static_cast<ListNode<BacklogTag>&>(reader).unlink();
  evicting_allowed_ = false;  // it would look for these chunks at the reader
  EventBuf event;
  std::uint32_t lost = 0;
  while (chunk != nullptr) {
    for (; index < chunk->count; ++index) {
      const IndexEntry& entry = chunk->entries[index];
      const std::span<const char> bytes{chunk->segment->bytes + entry.offset, entry.length};
      VR_ASSERT(vscp::decode_event(bytes, from, event.event).has_value());  // we wrote it
      event.event.obid = entry.origin;
      Encoded encoded;
      if (!encode_for(event, to, false, encoded)) {
        ++lost;
        continue;
      }
      encoded.entry.only = entry.only;
      encoded.entry.other = entry.other;
      if (!append_to_backlog(reader, *encoded.segment, encoded.entry)) ++lost;
    }
    IndexChunk* next = chunk->next;
    free_chunk(*chunk);
    chunk = next;
    index = 0;
  }
  evicting_allowed_ = true;
  return lost;
}

std::uint32_t Fanout::change_format(Reader& reader, vscp::WireFormat format) noexcept {
  VR_ASSERT(!reader.sending_ && reader.group_ != nullptr);
  const vscp::WireFormat before = reader.group_->format_;
  if (before == format) return 0;
  const vscp::Filter filter = reader.group_->filter();
  if (reader.line_sent_ != 0) save_rest_of_line(reader);
  // The new group first, so that the filter's interest is not taken back for a moment.
  find_or_make_group(filter, format);
  move_waiting_to_backlog(reader);
  const std::uint32_t waiting = reader.backlog_count_;
  const std::uint32_t lost = rewrite_backlog(reader, before, format);
  if (lost > 0) count_dropped(reader, lost);
  detach(reader);
  join(reader, filter, format);
  return waiting - lost;
}

}  // namespace router
