// Which filters let an event pass: found without looking at those that do not.
//
// Filters that look at the same bits (the same mask) are told apart by the value of these bits alone, so one look into
// a hash table answers for all of them. An event therefore costs one step per distinct *mask*, of which a site has a
// few, and not one per filter. A mask with one filter needs no table: its row holds the value. Filters for one class
// (most are) are only looked at for events of that class.
//
// Thread rule: one owner. for_each_match() allocates nothing; add() may. The visitor must not add or remove filters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <unordered_map>
#include <vector>

#include "protocol/filter.h"
#include "router/base/intrusive_list.h"

namespace router {

struct SameMaskTag;

/// Whatever is found by a filter derives from this.
class IndexedFilter : public ListNode<SameMaskTag> {
 public:
  const vscp::Filter& filter() const noexcept { return filter_; }
  /// The next one with an equal filter, null after the last.
  IndexedFilter* next_equal() const noexcept { return next_equal_; }

 private:
  friend class FilterIndex;
  // What an event looks at first.
  std::array<std::uint64_t, 3> value_{};  ///< the bits that count, in the order of FilterIndex::Words
  void* mask_ = nullptr;                  ///< its FilterIndex::Mask
  IndexedFilter* next_equal_ = nullptr;
  std::uint64_t hash_ = 0;
  vscp::Filter filter_;
};

class FilterIndex {
 public:
  FilterIndex();
  ~FilterIndex();
  FilterIndex(const FilterIndex&) = delete;
  FilterIndex& operator=(const FilterIndex&) = delete;

  /// `item` must not be in an index and stays where it is until remove(). Constant time, but for the growth of the
  /// table.
  void add(IndexedFilter& item, const vscp::Filter& filter);
  void remove(IndexedFilter& item) noexcept;
  /// The first item whose filter has the same effect, or null; more by next_equal().
  IndexedFilter* find(const vscp::Filter& filter) const noexcept;

  /// Calls visit(IndexedFilter&) once for each item whose filter lets the event pass.
  template <typename Visit>
  void for_each_match(const vscp::Event& event, Visit visit) const {
    const Words words = words_of(event);
    for (const std::vector<Row>* rows : {&any_class_, &by_class_[event.vscp_class % kBuckets]}) {
      for (const Row& row : *rows) {
        for (IndexedFilter* item = match(row, words); item != nullptr; item = item->next_equal_) visit(*item);
      }
    }
  }

  std::size_t size() const noexcept { return size_; }
  /// Rows, that is steps for an event that every class test lets through.
  std::size_t mask_count() const noexcept { return masks_.size(); }

 private:
  /// Class, type and priority; then the two halves of the GUID.
  using Words = std::array<std::uint64_t, 3>;
  __extension__ using Product = unsigned __int128;
  static constexpr std::size_t kBuckets = 2048;  ///< classes modulo this; all known ones are smaller

  struct MaskKey {
    Words mask;
    std::uint32_t bucket;  ///< kBuckets: any class
    bool operator==(const MaskKey&) const noexcept = default;
  };
  struct MaskKeyHash {
    std::size_t operator()(const MaskKey& key) const noexcept;
  };
  struct Row;
  struct Mask {
    std::vector<Row>* rows = nullptr;
    std::size_t position = 0;  ///< of its row
    std::size_t values = 0;    ///< distinct filters; more than one: the row asks the table
    IntrusiveList<IndexedFilter, SameMaskTag> items;
  };
  struct Row {
    Words mask;
    Words value;            ///< of `single`
    IndexedFilter* single;  ///< the only filter with this mask; null: ask the table
    Mask* owner;
  };
  struct Slot {
    std::uint64_t hash = 0;
    IndexedFilter* item = nullptr;  ///< first of those with equal filters
  };

  static Words words_of(const vscp::Event& event) noexcept {
    Words words;
    words[0] = pack(event.vscp_class, event.vscp_type, event.priority());
    std::memcpy(&words[1], event.guid.bytes.data(), 2 * sizeof(std::uint64_t));
    return words;
  }
  static std::uint64_t pack(std::uint16_t vscp_class, std::uint16_t type, std::uint8_t priority) noexcept {
    return std::uint64_t{vscp_class} | std::uint64_t{type} << 16U | std::uint64_t{priority} << 32U;
  }
  static MaskKey mask_key(const vscp::Filter& filter) noexcept;
  static Words value_words(const vscp::Filter& filter) noexcept;
  IndexedFilter* match(const Row& row, const Words& words) const noexcept {
    if (row.single == nullptr) {
      const Words value{words[0] & row.mask[0], words[1] & row.mask[1], words[2] & row.mask[2]};
      return look_up(value, row.owner, hash_of(value, row.owner));
    }
    const std::uint64_t difference = ((words[0] ^ row.value[0]) & row.mask[0]) |
                                     ((words[1] ^ row.value[1]) & row.mask[1]) |
                                     ((words[2] ^ row.value[2]) & row.mask[2]);
    return difference == 0 ? row.single : nullptr;
  }
  std::uint64_t hash_of(const Words& value, const Mask* mask) const noexcept {
    const auto mix = [](std::uint64_t left, std::uint64_t right) {
      const auto product = static_cast<Product>(left) * right;
      return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
    };
    const std::uint64_t first =
        mix(value[0] ^ seeds_[0], value[1] ^ seeds_[1] ^ reinterpret_cast<std::uintptr_t>(mask));
    return mix(first ^ value[2], seeds_[2]);
  }
  IndexedFilter* look_up(const Words& value, const Mask* mask, std::uint64_t hash) const noexcept {
    for (std::size_t at = hash & slot_mask_;; at = (at + 1) & slot_mask_) {
      const Slot& slot = slots_[at];
      if (slot.item == nullptr) return nullptr;
      if (slot.hash == hash && slot.item->mask_ == mask && slot.item->value_ == value) return slot.item;
    }
  }
  std::size_t slot_of(const IndexedFilter& item) const noexcept;
  void insert_slot(IndexedFilter& item) noexcept;
  void erase_slot(std::size_t at) noexcept;
  void grow();
  void update_row(Mask& mask) noexcept;

  std::vector<Row> any_class_;
  std::vector<std::vector<Row>> by_class_;
  std::vector<Slot> slots_;  ///< open addressing, at most half full
  std::size_t slot_mask_ = 0;
  std::size_t slots_used_ = 0;
  std::size_t size_ = 0;
  std::array<std::uint64_t, 3> seeds_;  ///< random, so that nobody can choose filters that collide
  std::unordered_map<MaskKey, std::unique_ptr<Mask>, MaskKeyHash> masks_;
};

}  // namespace router
