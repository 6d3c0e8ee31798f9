// A doubly linked list whose links live in the elements: no allocation, O(1) removal of a known element.
#pragma once

#include <cstddef>

#include "router/base/check.h"

namespace router {

/// Base of an element. `Tag` tells the lists apart that one element may be in at the same time.
template <typename Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  bool is_linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = nullptr;
    previous_ = nullptr;
  }

 private:
  template <typename, typename>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

/// Owns no element. T derives from ListNode<Tag>. One thread.
template <typename T, typename Tag>
class IntrusiveList {
  using Node = ListNode<Tag>;

 public:
  IntrusiveList() noexcept { reset(); }
  ~IntrusiveList() { clear(); }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const noexcept { return root_.next_ == &root_; }
  T* front() noexcept { return empty() ? nullptr : static_cast<T*>(root_.next_); }
  T* next(T& element) noexcept {
    Node* node = static_cast<Node&>(element).next_;
    return node == &root_ ? nullptr : static_cast<T*>(node);
  }
  void push_back(T& element) noexcept {
    Node& node = element;
    VR_ASSERT(node.next_ == nullptr);
    node.previous_ = root_.previous_;
    node.next_ = &root_;
    root_.previous_->next_ = &node;
    root_.previous_ = &node;
  }
  T* pop_front() noexcept {
    T* element = front();
    if (element != nullptr) static_cast<Node&>(*element).unlink();
    return element;
  }
  /// Takes all elements of `other`, in order, behind ours.
  void splice_back(IntrusiveList& other) noexcept {
    if (other.empty()) return;
    other.root_.next_->previous_ = root_.previous_;
    root_.previous_->next_ = other.root_.next_;
    other.root_.previous_->next_ = &root_;
    root_.previous_ = other.root_.previous_;
    other.reset();
  }
  void clear() noexcept {
    while (pop_front() != nullptr) {
    }
  }

 private:
  void reset() noexcept {
    root_.next_ = &root_;
    root_.previous_ = &root_;
  }
  Node root_;
};

}  // namespace router
