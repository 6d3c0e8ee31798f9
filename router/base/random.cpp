#include "router/base/random.h"

#include <sys/random.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace router {

std::uint64_t Random::next() noexcept {
  std::uint8_t bytes[8] = {};
  fill(bytes);
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
  if (bound == 0) return 0;
  // Values under 2^64 mod bound would make the small results more frequent: draw again.
  const std::uint64_t unfair = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t value = next();
    if (value >= unfair) return value % bound;
  }
}

void SystemRandom::fill(std::span<std::uint8_t> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) std::abort();  // without random numbers every secret would be a guess
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

SeededRandom::SeededRandom(std::uint64_t seed) noexcept {
  // splitmix64, as the authors of xoshiro recommend for the first state.
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebULL;
    word = mixed ^ (mixed >> 31U);
  }
}

std::uint64_t SeededRandom::step() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededRandom::fill(std::span<std::uint8_t> bytes) noexcept {
  while (!bytes.empty()) {
    std::uint64_t value = step();
    const std::size_t count = bytes.size() < 8 ? bytes.size() : 8;
    for (std::size_t i = 0; i < count; ++i, value <<= 8U) bytes[i] = static_cast<std::uint8_t>(value >> 56U);
    bytes = bytes.subspan(count);
  }
}

}  // namespace router
