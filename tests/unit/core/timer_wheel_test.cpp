// The wheel against a naive list of deadlines.
#include "router/core/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/base/random.h"

namespace {

using router::SeededRandom;
using router::Timer;
using router::TimerWheel;

constexpr std::uint64_t kTickNs = 1'000'000;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

std::uint64_t tick_at_or_after(std::uint64_t ns) {
  return ns / kTickNs + (ns % kTickNs != 0 ? 1 : 0);
}

class ModelTimer final : public Timer {
 public:
  ModelTimer(TimerWheel& wheel, SeededRandom& random) : wheel_(&wheel), random_(&random) {}

  /// `tick`: every deadline up to this tick has been looked at.
  void start(std::uint64_t due_ns, std::uint64_t tick) {
    wheel_->start(*this, due_ns);
    // A deadline that is past fires in the next tick.
    due_tick = std::max(tick_at_or_after(due_ns), tick + 1);
  }
  void on_timer(std::uint64_t now_ns) noexcept override {
    ++fired;
    EXPECT_FALSE(is_armed());
    ASSERT_TRUE(due_tick.has_value()) << "a timer that was stopped, or fired already";
    EXPECT_LE(*due_tick, now_ns / kTickNs) << "too early";
    const std::uint64_t this_tick = *due_tick;
    due_tick.reset();
    if (random_->below(4) == 0) start(this_tick * kTickNs + random_->below(100 * kTickNs), this_tick);
    if (victim != nullptr && random_->below(4) == 0) {
      wheel_->stop(*victim);
      victim->due_tick.reset();
    }
  }

  std::optional<std::uint64_t> due_tick;
  ModelTimer* victim = nullptr;
  std::uint64_t fired = 0;

 private:
  TimerWheel* wheel_;
  SeededRandom* random_;
};

class Model {
 public:
  explicit Model(std::uint64_t seed)
      : random_(seed), now_ns_(random_.below(1ULL << random_.below(62))), wheel_(now_ns_) {
    for (int i = 0; i < 40; ++i) timers_.push_back(std::make_unique<ModelTimer>(wheel_, random_));
    for (auto& timer : timers_) timer->victim = timers_[random_.below(timers_.size())].get();
  }
  ~Model() {
    for (auto& timer : timers_) wheel_.stop(*timer);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  void step() {
    ModelTimer& timer = *timers_[random_.below(timers_.size())];
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2:
        timer.start(now_ns_ + random_.below(1ULL << (10 + random_.below(45))), now_ns_ / kTickNs);
        break;
      case 3:
        wheel_.stop(timer);
        timer.due_tick.reset();
        break;
      case 4:
      case 5:
        sleep_until_next();
        break;
      default:
        advance(now_ns_ + random_.below(1ULL << (10 + random_.below(34))));
        break;
    }
    check_next();
  }
  std::uint64_t fired() const {
    std::uint64_t count = 0;
    for (const auto& timer : timers_) count += timer->fired;
    return count;
  }

 private:
  std::uint64_t earliest() const {
    std::uint64_t tick = kNever;
    for (const auto& timer : timers_) tick = std::min(tick, timer->due_tick.value_or(kNever));
    return tick;
  }
  void check_next() {
    const std::uint64_t tick = earliest();
    const std::uint64_t wait_ns = wheel_.ns_until_next(now_ns_);
    if (tick == kNever) {
      EXPECT_EQ(wait_ns, kNever);
    } else {
      ASSERT_NE(wait_ns, kNever);
      EXPECT_LE(now_ns_ + wait_ns, tick * kTickNs) << "would sleep past a deadline";
    }
    for (const auto& timer : timers_) EXPECT_EQ(timer->is_armed(), timer->due_tick.has_value());
  }
  void advance(std::uint64_t now_ns) {
    now_ns_ = now_ns;
    wheel_.advance(now_ns_);
    EXPECT_GT(earliest(), now_ns_ / kTickNs) << "a timer that is due has not fired";
  }
  // As a worker does: sleeps exactly so long, as often as the wheel wants, until something fires.
  void sleep_until_next() {
    const std::uint64_t due = earliest();
    if (due == kNever) return;
    const std::uint64_t before = fired();
    int wakes = 0;
    while (fired() == before) {
      ASSERT_LT(++wakes, 10) << "too many wakes for one deadline";
      const std::uint64_t wait_ns = wheel_.ns_until_next(now_ns_);
      ASSERT_NE(wait_ns, kNever);
      advance(now_ns_ + wait_ns);
    }
    EXPECT_EQ(now_ns_ / kTickNs, due);
  }

  SeededRandom random_;
  std::uint64_t now_ns_;
  TimerWheel wheel_;
  std::vector<std::unique_ptr<ModelTimer>> timers_;
};

TEST(TimerWheel, AgreesWithAListOfDeadlines) {
  const char* wanted = std::getenv("VR_SEED");
  const std::uint64_t first = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1;
  const std::uint64_t last = wanted != nullptr ? first : 100;
  std::uint64_t fired = 0;
  for (std::uint64_t seed = first; seed <= last && !HasFailure(); ++seed) {
    SCOPED_TRACE("replay with VR_SEED=" + std::to_string(seed));
    Model model(seed);
    for (int i = 0; i < 1'000 && !HasFailure(); ++i) model.step();
    fired += model.fired();
  }
  EXPECT_GT(fired, 100U);
}

class PlainTimer final : public Timer {
 public:
  void on_timer(std::uint64_t) noexcept override { ++fired; }
  int fired = 0;
};

TEST(TimerWheel, EveryDeadlineThatANumberCanHold) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    TimerWheel wheel(5);
    PlainTimer timer;
    const std::uint64_t due_ns = 1ULL << bit;
    wheel.start(timer, due_ns);
    if (due_ns > kTickNs) {
      wheel.advance(due_ns - kTickNs);
      EXPECT_EQ(timer.fired, 0) << bit;
    }
    wheel.advance(std::max(tick_at_or_after(due_ns), std::uint64_t{1}) * kTickNs);
    EXPECT_EQ(timer.fired, 1) << bit;
  }
}

// "Never" as a deadline must not come at once.
TEST(TimerWheel, TheLargestDeadlineDoesNotWrapAround) {
  TimerWheel wheel(0);
  PlainTimer timer;
  wheel.start(timer, kNever);
  EXPECT_GT(wheel.ns_until_next(0), 1'000'000'000U);
  wheel.advance(1'000'000'000'000'000'000U);
  EXPECT_EQ(timer.fired, 0);
  EXPECT_TRUE(timer.is_armed());
  wheel.stop(timer);
  EXPECT_EQ(wheel.ns_until_next(0), kNever);
}

TEST(TimerWheel, ATimerMayDestroyItselfAndOthersOfItsTick) {
  class Owner final : public Timer {
   public:
    void on_timer(std::uint64_t) noexcept override { other->reset(); }
    std::unique_ptr<Owner>* other = nullptr;
    TimerWheel* wheel = nullptr;
    ~Owner() override { wheel->stop(*this); }
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
  };
  TimerWheel wheel(0);
  std::unique_ptr<Owner> first = std::make_unique<Owner>();
  std::unique_ptr<Owner> second = std::make_unique<Owner>();
  std::unique_ptr<Owner> third = std::make_unique<Owner>();
  for (auto* owner : {&first, &second, &third}) (*owner)->wheel = &wheel;
  first->other = &second;  // not fired yet
  second->other = &first;
  third->other = &third;  // itself
  for (auto* owner : {&first, &second, &third}) wheel.start(**owner, 70 * kTickNs);
  wheel.advance(100 * kTickNs);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(second, nullptr);
  EXPECT_EQ(third, nullptr);
  EXPECT_EQ(wheel.ns_until_next(0), kNever);
}

}  // namespace
