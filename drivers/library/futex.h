// Sleeping on a word of shared memory, across processes (std::atomic's own wait is for one process).
//
// Thread rule: any. wake_futex() never blocks, whatever the other process does.
#pragma once

#include <atomic>
#include <cstdint>

namespace drivers::library {

/// Sleeps while the word is `value`, at most `timeout_ms`. May return early.
void wait_futex(std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint32_t timeout_ms) noexcept;
/// Wakes whoever sleeps on the word.
void wake_futex(std::atomic<std::uint32_t>& word) noexcept;

}  // namespace drivers::library
