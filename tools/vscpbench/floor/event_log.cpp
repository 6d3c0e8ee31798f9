#include "tools/vscpbench/floor/event_log.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tools/vscpbench/link_session.h"

namespace bench::floor {

EventLog::~EventLog() {
  if (memory_ != nullptr) munmap(memory_, 2 * capacity());
}

std::string EventLog::open(std::size_t bytes) {
  const auto failed = [] { return std::string("no memory for the log: ") + std::strerror(errno); };
  const Fd file(memfd_create("vscpbench-floor", MFD_CLOEXEC));
  if (file.get() < 0 || ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) return failed();
  void* place = mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return failed();
  memory_ = static_cast<char*>(place);
  mask_ = bytes - 1;
  for (char* half : {memory_, memory_ + bytes}) {
    constexpr int kFlags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
    if (mmap(half, bytes, PROT_READ | PROT_WRITE, kFlags, file.get(), 0) == MAP_FAILED) return failed();
  }
  return {};
}

}  // namespace bench::floor
