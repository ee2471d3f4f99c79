// A lock-free queue from one thread to one other, bounded.
#ifndef TRUNKLINE_RING_H
#define TRUNKLINE_RING_H

#include <atomic>
#include <cstddef>

namespace trunkline {

template <class Item, size_t kSize>
class Ring {
  static_assert((kSize & (kSize - 1)) == 0, "a power of two");

 public:
  // False when the ring is full.
  bool push(const Item& item) {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) == kSize) return false;
    items_[head & (kSize - 1)] = item;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  // False when the ring is empty.
  bool pop(Item* item) {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    *item = items_[tail & (kSize - 1)];
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

 private:
  alignas(64) std::atomic<size_t> head_{0};
  alignas(64) std::atomic<size_t> tail_{0};
  Item items_[kSize];
};

}  // namespace trunkline

#endif
