// The parts of event_layout.h that look at memory pages and files.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

#include "drivers/library/abi/event_layout.h"
#include "drivers/library/abi/level2_interface.h"

namespace drivers::library {
namespace {

constexpr std::uint64_t kFileMax = 256ULL << 20U;

// Of the VSCP project's vscphelper, which its drivers are linked with; names of functions stay in a stripped library.
constexpr std::array<std::string_view, 2> kNamesOf2026 = {"vscp_to_unix_ns", "vscp_makeTimeStampNs"};
constexpr std::array<std::string_view, 2> kNamesOfBoth = {"vscp_copyEvent", "vscp_convertEventExToEvent"};

}  // namespace

NeutralEvent::NeutralEvent() noexcept : page_size_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
  void* const mapping = ::mmap(nullptr, 2 * page_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return;
  mapping_ = mapping;
  ::madvise(mapping_, 2 * page_size_, MADV_NOHUGEPAGE);
  // The event is zero because the mapping is; its last 8 bytes are the beginning of the second page.
  event_ = static_cast<std::uint8_t*>(mapping_) + page_size_ - sizeof(ClassicEvent);
}

NeutralEvent::~NeutralEvent() {
  if (mapping_ != nullptr) ::munmap(mapping_, 2 * page_size_);
}

bool NeutralEvent::is_resident(std::size_t page) const noexcept {
  unsigned char resident = 0;
  if (mapping_ == nullptr) return false;
  // A page of an anonymous mapping is resident from its first use on, reading included.
  if (::mincore(static_cast<std::uint8_t*>(mapping_) + page * page_size_, page_size_, &resident) != 0) return false;
  return (resident & 1U) != 0;
}

bool NeutralEvent::touched() const noexcept {
  return is_resident(0) || is_resident(1);
}

bool NeutralEvent::long_event_touched() const noexcept {
  return is_resident(1);
}

EventLayout layout_of_file(const std::string& path, std::string& reason) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file.tellg();
  if (!file || size <= 0 || static_cast<std::uint64_t>(size) > kFileMax) return EventLayout::kDetect;
  std::vector<char> content(static_cast<std::size_t>(size));
  file.seekg(0);
  file.read(content.data(), size);
  const std::string_view text(content.data(), static_cast<std::size_t>(file.gcount()));
  const auto first_of = [text](const auto& names) -> std::string_view {
    for (const std::string_view name : names) {
      if (text.find(name) != std::string_view::npos) return name;
    }
    return {};
  };
  if (const auto name = first_of(kNamesOf2026); !name.empty()) {
    reason = "the file has " + std::string(name) + ", which came with the 2026 layout";
    return EventLayout::k2026;
  }
  if (const auto name = first_of(kNamesOfBoth); !name.empty()) {
    reason = "the file has " + std::string(name) + " of the VSCP project, and none of its functions of 2026";
    return EventLayout::kClassic;
  }
  return EventLayout::kDetect;
}

}  // namespace drivers::library
