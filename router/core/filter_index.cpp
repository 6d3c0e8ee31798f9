#include "router/core/filter_index.h"

#include <algorithm>

#include "router/base/check.h"
#include "router/base/random.h"

namespace router {
namespace {

constexpr std::size_t kSlotsAtStart = 64;

}  // namespace

std::size_t FilterIndex::MaskKeyHash::operator()(const MaskKey& key) const noexcept {
  std::uint64_t hash = key.bucket;
  for (const std::uint64_t word : key.mask) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 29U;
  }
  return static_cast<std::size_t>(hash);
}

FilterIndex::FilterIndex() : by_class_(kBuckets), slots_(kSlotsAtStart), slot_mask_(kSlotsAtStart - 1) {
  SystemRandom random;
  for (auto& seed : seeds_) seed = random.next() | 1U;
}

FilterIndex::~FilterIndex() {
  VR_ASSERT(size_ == 0);
}

FilterIndex::Words FilterIndex::value_words(const vscp::Filter& filter) noexcept {
  const vscp::Filter canonical = filter.canonical();
  Words words;
  words[0] = pack(canonical.filter_class, canonical.filter_type, canonical.filter_priority);
  std::memcpy(&words[1], canonical.filter_guid.bytes.data(), 2 * sizeof(std::uint64_t));
  return words;
}

FilterIndex::MaskKey FilterIndex::mask_key(const vscp::Filter& filter) noexcept {
  MaskKey key;
  key.mask[0] = pack(filter.mask_class, filter.mask_type, filter.mask_priority);
  std::memcpy(&key.mask[1], filter.mask_guid.bytes.data(), 2 * sizeof(std::uint64_t));
  const bool one_bucket = (filter.mask_class & (kBuckets - 1)) == kBuckets - 1;
  key.bucket = one_bucket ? filter.filter_class % kBuckets : kBuckets;
  return key;
}

IndexedFilter* FilterIndex::find(const vscp::Filter& filter) const noexcept {
  const auto found = masks_.find(mask_key(filter));
  if (found == masks_.end()) return nullptr;
  const Words value = value_words(filter);
  return look_up(value, found->second.get(), hash_of(value, found->second.get()));
}

void FilterIndex::add(IndexedFilter& item, const vscp::Filter& filter) {
  VR_ASSERT(item.mask_ == nullptr);
  const MaskKey key = mask_key(filter);
  auto& entry = masks_[key];
  if (entry == nullptr) {
    entry = std::make_unique<Mask>();
    entry->rows = key.bucket == kBuckets ? &any_class_ : &by_class_[key.bucket];
    entry->position = entry->rows->size();
    entry->rows->push_back({key.mask, {}, nullptr, entry.get()});
  }
  Mask& mask = *entry;
  item.filter_ = filter.canonical();
  item.value_ = value_words(filter);
  item.hash_ = hash_of(item.value_, &mask);
  item.mask_ = &mask;
  ++size_;
  if (IndexedFilter* first = look_up(item.value_, &mask, item.hash_); first != nullptr) {
    item.next_equal_ = first->next_equal_;
    first->next_equal_ = &item;
    return;
  }
  item.next_equal_ = nullptr;
  if ((slots_used_ + 1) * 2 > slots_.size()) grow();
  insert_slot(item);
  ++slots_used_;
  mask.items.push_back(item);
  ++mask.values;
  update_row(mask);
}

void FilterIndex::remove(IndexedFilter& item) noexcept {
  VR_ASSERT(item.mask_ != nullptr);
  const std::size_t at = slot_of(item);
  auto& mask = *static_cast<Mask*>(item.mask_);
  IndexedFilter* first = slots_[at].item;
  --size_;
  item.mask_ = nullptr;
  if (first != &item) {
    while (first->next_equal_ != &item) first = first->next_equal_;
    first->next_equal_ = item.next_equal_;
    return;
  }
  item.unlink();
  if (item.next_equal_ != nullptr) {
    slots_[at].item = item.next_equal_;
    mask.items.push_back(*item.next_equal_);
    update_row(mask);
    return;
  }
  erase_slot(at);
  --slots_used_;
  --mask.values;
  if (mask.values > 0) {
    update_row(mask);
    return;
  }
  Row& row = (*mask.rows)[mask.position];
  row = mask.rows->back();
  row.owner->position = mask.position;
  mask.rows->pop_back();
  masks_.erase(mask_key(item.filter_));
}

void FilterIndex::update_row(Mask& mask) noexcept {
  Row& row = (*mask.rows)[mask.position];
  row.single = mask.values == 1 ? mask.items.front() : nullptr;
  if (row.single != nullptr) row.value = row.single->value_;
}

// ---- table
// ------------------------------------------------------------------------------------------------------------------

std::size_t FilterIndex::slot_of(const IndexedFilter& item) const noexcept {
  for (std::size_t at = item.hash_ & slot_mask_;; at = (at + 1) & slot_mask_) {
    const Slot& slot = slots_[at];
    VR_ASSERT(slot.item != nullptr);
    if (slot.hash == item.hash_ && slot.item->mask_ == item.mask_ && slot.item->value_ == item.value_) return at;
  }
}

void FilterIndex::insert_slot(IndexedFilter& item) noexcept {
  std::size_t at = item.hash_ & slot_mask_;
  while (slots_[at].item != nullptr) at = (at + 1) & slot_mask_;
  slots_[at] = {item.hash_, &item};
}

// What follows moves up, so that no look-up ever stops at a hole before its item.
void FilterIndex::erase_slot(std::size_t at) noexcept {
  for (std::size_t next = (at + 1) & slot_mask_; slots_[next].item != nullptr; next = (next + 1) & slot_mask_) {
    const std::size_t home = slots_[next].hash & slot_mask_;
    if (((next - home) & slot_mask_) < ((next - at) & slot_mask_)) continue;
    slots_[at] = slots_[next];
    at = next;
  }
  slots_[at] = {};
}

void FilterIndex::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  slot_mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.item != nullptr) insert_slot(*slot.item);
  }
}

}  // namespace router
