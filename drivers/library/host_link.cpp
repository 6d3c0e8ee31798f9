#include "drivers/library/host_link.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "drivers/library/futex.h"

namespace drivers::library {
namespace {

std::unexpected<std::string> system_error(const std::string& what) {
  return std::unexpected(what + ": " + std::strerror(errno));
}

}  // namespace

std::string HostLink::map(int descriptor) {
  void* const place = ::mmap(nullptr, sizeof(SharedMemory), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (place == MAP_FAILED) return std::string("cannot map the shared memory: ") + std::strerror(errno);
  memory_ = static_cast<SharedMemory*>(place);
  return {};
}

std::expected<std::shared_ptr<HostLink>, std::string> HostLink::make(const LibrarySettings& settings) {
  struct Access : HostLink {};
  auto link = std::make_shared<Access>();
  link->memory_fd_ = router::UniqueFd(::memfd_create("vscp-driver", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!link->memory_fd_.valid()) return system_error("cannot make shared memory");
  const int memory = link->memory_fd_.get();
  // Sealed: a host that cuts it off would have the router killed by SIGBUS.
  if (::ftruncate(memory, sizeof(SharedMemory)) != 0 ||
      ::fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return system_error("cannot size and seal shared memory");
  }
  if (auto problem = link->map(memory); !problem.empty()) return std::unexpected(std::move(problem));
  // All zero, which is how everything in it begins.
  link->memory_->magic = SharedMemory::kMagic;
  link->memory_->layout = sizeof(SharedMemory);
  if (!write_settings(settings, *link->memory_)) return std::unexpected("the driver's settings are too long");
  // Blocking, as the ring wants it: nothing in the router reads or writes it but through the ring.
  link->event_fd_ = router::UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!link->event_fd_.valid()) return system_error("cannot make an eventfd");
  return std::shared_ptr<HostLink>(std::move(link));
}

std::expected<std::shared_ptr<HostLink>, std::string> HostLink::adopt(int memory, int event) {
  struct Access : HostLink {};
  auto link = std::make_shared<Access>();
  link->memory_fd_ = router::UniqueFd(memory);
  link->event_fd_ = router::UniqueFd(event);
  struct stat file{};
  if (::fstat(memory, &file) != 0) return system_error("descriptor " + std::to_string(memory) + " is not there");
  if (static_cast<std::size_t>(file.st_size) != sizeof(SharedMemory)) {
    return std::unexpected("the shared memory has another size: this program and the router are of different versions");
  }
  if (auto problem = link->map(memory); !problem.empty()) return std::unexpected(std::move(problem));
  if (link->memory_->magic != SharedMemory::kMagic || link->memory_->layout != sizeof(SharedMemory)) {
    return std::unexpected("the shared memory is of another version of the router");
  }
  return std::shared_ptr<HostLink>(std::move(link));
}

HostLink::~HostLink() {
  if (memory_ != nullptr) ::munmap(memory_, sizeof(SharedMemory));
}

void HostLink::wake_router() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_fd_.get(), &one, sizeof(one));
}

void HostLink::ask_to_stop() noexcept {
  was_asked_to_stop.store(true, std::memory_order_release);
  memory_->stop.store(1, std::memory_order_seq_cst);
  for (std::atomic<std::uint32_t>* word :
       {&memory_->stop, &memory_->out.consumer_asleep, &memory_->in.producer_asleep}) {
    if (word != &memory_->stop) word->store(0, std::memory_order_seq_cst);
    wake_futex(*word);
  }
}

// ---- settings -------------------------------------------------------------------------------------------------------

namespace {

class Packer {
 public:
  explicit Packer(std::span<std::uint8_t> out) noexcept : out_(out) {}
  void bytes(const void* data, std::size_t size) noexcept {
    fits_ = fits_ && size <= out_.size() - used_;
    if (!fits_) return;
    if (size > 0) std::memcpy(out_.data() + used_, data, size);
    used_ += size;
  }
  template <typename T>
  void value(const T& value) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes(&value, sizeof(value));
  }
  void text(const std::string& text) noexcept {
    value(static_cast<std::uint32_t>(text.size()));
    bytes(text.data(), text.size());
  }
  bool fits() const noexcept { return fits_; }
  std::uint32_t used() const noexcept { return static_cast<std::uint32_t>(used_); }

 private:
  std::span<std::uint8_t> out_;
  std::size_t used_ = 0;
  bool fits_ = true;
};

class Unpacker {
 public:
  explicit Unpacker(std::span<const std::uint8_t> in) noexcept : in_(in) {}
  template <typename T>
  void value(T& value) noexcept {
    good_ = good_ && sizeof(value) <= in_.size();
    if (!good_) return;
    std::memcpy(&value, in_.data(), sizeof(value));
    in_ = in_.subspan(sizeof(value));
  }
  void text(std::string& text) {
    std::uint32_t size = 0;
    value(size);
    good_ = good_ && size <= in_.size();
    if (!good_) return;
    text.assign(reinterpret_cast<const char*>(in_.data()), size);
    in_ = in_.subspan(size);
  }
  void optional(std::optional<std::uint32_t>& out) noexcept {
    std::uint8_t has = 0;
    std::uint32_t number = 0;
    value(has);
    value(number);
    if (has != 0) out = number;
  }
  bool is_over() const noexcept { return good_ && in_.empty(); }

 private:
  std::span<const std::uint8_t> in_;
  bool good_ = true;
};

}  // namespace

void write_figures(const LibraryFigures& figures, HostStatus& status) noexcept {
  std::array<std::uint64_t, sizeof(figures) / 8> words;
  std::memcpy(words.data(), &figures, sizeof(figures));
  for (std::size_t i = 0; i < words.size(); ++i) status.figures[i].store(words[i], std::memory_order_relaxed);
  status.figures_version.fetch_add(1, std::memory_order_release);
}

LibraryFigures read_figures(const HostStatus& status) noexcept {
  std::array<std::uint8_t, sizeof(LibraryFigures)> bytes;
  for (std::size_t i = 0; i < status.figures.size(); ++i) {
    const std::uint64_t word = status.figures[i].load(std::memory_order_relaxed);
    std::memcpy(bytes.data() + i * sizeof(word), &word, sizeof(word));
  }
  // Whatever stands there must be a truth value and a text with an end.
  for (const std::size_t flag : {offsetof(LibraryFigures, has_status), offsetof(LibraryFigures, has_statistics)})
    bytes[flag] &= 1U;
  LibraryFigures out;
  std::memcpy(&out, bytes.data(), sizeof(out));
  out.last_error_text.back() = 0;
  return out;
}

bool write_settings(const LibrarySettings& settings, SharedMemory& memory) {
  Packer out(memory.settings);
  out.value(settings.kind);
  out.text(settings.path);
  out.text(settings.configuration);
  out.value(settings.flags);
  out.value(settings.guid);
  out.value(settings.layout);
  out.value(settings.guid_form);
  out.value(settings.translation);
  for (const auto& number : {settings.canal_filter, settings.canal_mask}) {
    out.value(static_cast<std::uint8_t>(number ? 1 : 0));
    out.value(number.value_or(0));
  }
  for (const bool flag : {settings.one_call_at_a_time, settings.library_keeps_data})
    out.value(static_cast<std::uint8_t>(flag ? 1 : 0));
  memory.settings_size = out.used();
  return out.fits();
}

std::optional<LibrarySettings> read_settings(const SharedMemory& memory) {
  if (memory.settings_size > memory.settings.size()) return std::nullopt;
  Unpacker in(std::span(memory.settings).first(memory.settings_size));
  LibrarySettings out;
  in.value(out.kind);
  in.text(out.path);
  in.text(out.configuration);
  in.value(out.flags);
  in.value(out.guid);
  in.value(out.layout);
  in.value(out.guid_form);
  in.value(out.translation);
  in.optional(out.canal_filter);
  in.optional(out.canal_mask);
  for (bool* const flag : {&out.one_call_at_a_time, &out.library_keeps_data}) {
    std::uint8_t value = 0;
    in.value(value);
    *flag = value != 0;
  }
  if (!in.is_over()) return std::nullopt;
  return out;
}

}  // namespace drivers::library
