#include "drivers/library/bell.h"

#include <sys/eventfd.h>

#include <cstdint>

#include "router/base/check.h"

namespace drivers::library {

Bell::Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  VR_ASSERT(fd_.valid());
}

void Bell::ring() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof(one));
}

void Bell::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof(count));
}

}  // namespace drivers::library
