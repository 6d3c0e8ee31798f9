// Random numbers: the system's for secrets, a seeded form for simulation and tests.
//
// Thread rule: SystemRandom has no state, any thread; SeededRandom has one owner.
#pragma once

#include <cstdint>
#include <span>

namespace router {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> bytes) noexcept = 0;

  std::uint64_t next() noexcept;
  /// Uniform in 0..bound-1, without bias; bound 0 gives 0.
  std::uint64_t below(std::uint64_t bound) noexcept;
};

/// getrandom(2). Fit for salts, keys and passwords. A kernel without random numbers stops the program.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> bytes) noexcept override;
};

/// xoshiro256**: the same seed gives the same sequence on every machine. Not for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) noexcept;
  void fill(std::span<std::uint8_t> bytes) noexcept override;

 private:
  std::uint64_t step() noexcept;

  std::uint64_t state_[4] = {};
};

}  // namespace router
