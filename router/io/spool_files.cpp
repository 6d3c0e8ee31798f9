#include "router/io/spool_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace router::spool {
namespace {

constexpr const char* kSuffix = ".seg";
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kDiskBlock = 4096;

std::string failure(const std::string& what, const std::string& path) {
  return what + " \"" + path + "\": " + std::strerror(errno);
}

vscp::Result<void> from_call(int result) noexcept {
  if (result == 0) return {};
  return std::unexpected(vscp::from_errno(errno));
}

/// Disk space now, and not in the middle of a commit.
vscp::Result<void> reserve(int fd, std::uint64_t bytes) noexcept {
  int result = 0;
  do {
    result = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return std::unexpected(vscp::from_errno(errno));
  // A file system without it: zeros.
  static constexpr std::array<std::uint8_t, kDiskBlock> kZeros{};
  for (std::uint64_t at = 0; at < bytes; at += kZeros.size()) {
    const auto written = write_at(fd, std::span(kZeros).first(std::min<std::uint64_t>(kZeros.size(), bytes - at)), at);
    if (!written) return written;
  }
  return {};
}

/// Makes the name of a new folder safe, as far as the folder above can be opened.
void sync_name_of(const std::string& path) {
  const auto end = path.find_last_not_of('/');
  const auto slash = end == std::string::npos ? end : path.rfind('/', end);
  const std::string above = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd folder(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) static_cast<void>(::fsync(folder.get()));
}

std::string owner_of(int lock) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(lock, text.data(), text.size() - 1, 0);
  const long pid = size > 0 ? std::strtol(text.data(), nullptr, 10) : 0;
  return pid > 0 ? "process " + std::to_string(pid) : "another process";
}

}  // namespace

std::expected<Folder, std::string> Folder::open(const std::string& path, Access access) {
  Folder folder;
  folder.path_ = path;
  const bool own = access == Access::kOwn;
  if (own && ::mkdir(path.c_str(), kFolderMode) == 0) {
    sync_name_of(path);
  } else if (own && errno != EEXIST) {
    return std::unexpected(failure("cannot make the spool folder", path));
  }
  folder.folder_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.folder_.valid()) return std::unexpected(failure("cannot open the spool folder", path));
  const int at = folder.folder_.get();
  folder.lock_ = UniqueFd(::openat(at, "lock", own ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, kFileMode));
  if (!folder.lock_.valid()) {
    if (!own && errno == ENOENT) return std::unexpected("\"" + path + "\" is no spool folder: it has no file \"lock\"");
    return std::unexpected(failure("cannot open the lock of the spool folder", path));
  }
  if (::flock(folder.lock_.get(), (own ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return std::unexpected(failure("cannot lock the spool folder", path));
    return std::unexpected("the spool folder \"" + path + "\" is in use by " + owner_of(folder.lock_.get()));
  }
  if (own) {
    const std::string pid = std::to_string(::getpid()) + "\n";
    // The text is a help for people, and a full disk no reason to stop.
    if (::ftruncate(folder.lock_.get(), 0) == 0) {
      static_cast<void>(
          write_at(folder.lock_.get(), {reinterpret_cast<const std::uint8_t*>(pid.data()), pid.size()}, 0));
    }
  }
  folder.state_ = UniqueFd(::openat(at, "state", own ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, kFileMode));
  if (!folder.state_.valid() && (own || errno != ENOENT)) {
    return std::unexpected(failure("cannot open the state of the spool folder", path));
  }
  return folder;
}

std::vector<std::string> Folder::segment_names() const {
  std::vector<std::string> names;
  DIR* folder = ::opendir(path_.c_str());
  if (folder == nullptr) return names;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string name = entry->d_name;
    if (name.ends_with(kSuffix)) names.push_back(name);
  }
  ::closedir(folder);
  return names;
}

vscp::Result<SegmentFile> Folder::open_segment(const std::string& name, bool writable) const {
  SegmentFile file;
  file.name = name;
  file.fd = UniqueFd(
      ::openat(folder_.get(), name.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.fd.valid()) return std::unexpected(vscp::from_errno(errno));
  return file;
}

vscp::Result<SegmentFile> Folder::create_segment(std::uint64_t uid, std::uint64_t capacity) const {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%016" PRIx64 "%s", uid, kSuffix);
  SegmentFile file;
  file.name = name.data();
  file.fd = UniqueFd(::openat(folder_.get(), name.data(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!file.fd.valid()) return std::unexpected(vscp::from_errno(errno));
  if (const auto reserved = reserve(file.fd.get(), capacity); !reserved) {
    remove(file.name);
    return std::unexpected(reserved.error());
  }
  file.header.uid = uid;
  file.header.capacity = capacity;
  return file;
}

void Folder::remove(const std::string& name) const noexcept {
  ::unlinkat(folder_.get(), name.c_str(), 0);
}

void Folder::set_aside(const std::string& name) const noexcept {
  ::renameat(folder_.get(), name.c_str(), folder_.get(), (name + ".damaged").c_str());
}

vscp::Result<void> Folder::sync_names() const noexcept {
  return from_call(::fsync(folder_.get()));
}

bool Folder::read_state(State& state) const {
  bool found = false;
  if (!state_.valid()) return false;
  std::vector<std::uint8_t> bytes(kStateSlot);
  for (const std::uint64_t slot : {0U, 1U}) {
    read_at(state_.get(), bytes, slot * kStateSlot);
    State candidate;
    if (!decode_state(bytes, candidate) || (found && candidate.serial <= state.serial)) continue;
    state = std::move(candidate);
    found = true;
  }
  return found;
}

vscp::Result<void> Folder::write_state(const State& state) {
  scratch_.clear();
  encode_state(state, scratch_);
  return write_at(state_.get(), scratch_, state.serial % 2 * kStateSlot);
}

vscp::Result<void> Folder::sync_state() const noexcept {
  return from_call(::fdatasync(state_.get()));
}

vscp::Result<void> write_at(int fd, std::span<const std::uint8_t> bytes, std::uint64_t offset) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return std::unexpected(vscp::from_errno(errno));
    if (written == 0) return std::unexpected(vscp::from_errno(ENOSPC));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

bool read_at(int fd, std::span<std::uint8_t> out, std::uint64_t offset) noexcept {
  bool good = true;
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    std::size_t step = out.size();
    if (got > 0) {
      step = static_cast<std::size_t>(got);
    } else {
      // The end of the file, or a block that cannot be read: the records in it are lost, those behind it are not.
      if (got < 0) {
        good = false;
        step = std::min(step, kDiskBlock - static_cast<std::size_t>(offset % kDiskBlock));
      }
      std::memset(out.data(), 0, step);
    }
    out = out.subspan(step);
    offset += step;
  }
  return good;
}

vscp::Result<void> sync_data(int fd) noexcept {
  return from_call(::fdatasync(fd));
}

vscp::Result<void> write_header(const SegmentFile& file) noexcept {
  std::array<std::uint8_t, kDataStart> bytes;
  encode_segment_header(file.header, bytes);
  return write_at(file.fd.get(), bytes, 0);
}

}  // namespace router::spool
