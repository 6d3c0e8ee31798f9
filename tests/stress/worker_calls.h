// Counts what a worker must not do between receive and send: take or give heap memory, lock, wait for a condition.
//
// The functions of the C library are replaced for the whole program by forms that count and then do what they always
// did. Counted is only what a watched thread does while counting is on. operator new and delete are not replaced:
// libstdc++ makes them of malloc and free.
#pragma once

#include <cstdint>
#include <string>

namespace worker_calls {

/// From now on the calling thread is watched, or is not.
void watch_this_thread(bool watched) noexcept;
/// Any thread: counting begins at 0, or ends.
void start_counting() noexcept;
void stop_counting() noexcept;
/// Any thread.
std::uint64_t count() noexcept;
/// The calling thread's own, since it began; other threads' calls do not move it.
std::uint64_t count_here() noexcept;
/// Which function was called first, and from where; empty if none.
std::string first_call();

}  // namespace worker_calls
