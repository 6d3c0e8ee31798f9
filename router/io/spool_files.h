// The files of a spool: the folder with its lock, segments as files, the state file. Layouts: router/io/spool_format.h.
//
// Thread rule: none of its own; callers see to it that a segment is not written by two threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "protocol/errc.h"
#include "router/base/fd.h"
#include "router/io/spool_format.h"

namespace router::spool {

/// One file. Its header is written by write_header() only.
struct SegmentFile {
  UniqueFd fd;
  std::string name;  ///< in the folder
  SegmentHeader header;
};

class Folder {
 public:
  enum class Access : std::uint8_t {
    kOwn,   ///< made if it is missing; no other process may have it
    kLook,  ///< nothing is changed; no process may have it open as its own
  };

  /// The error is a sentence with the folder's name.
  static std::expected<Folder, std::string> open(const std::string& path, Access access);

  const std::string& path() const noexcept { return path_; }
  /// Names of the segment files, in no order.
  std::vector<std::string> segment_names() const;
  vscp::Result<SegmentFile> open_segment(const std::string& name, bool writable) const;
  /// A new file with `capacity` bytes of the disk reserved for it.
  vscp::Result<SegmentFile> create_segment(std::uint64_t uid, std::uint64_t capacity) const;
  void remove(const std::string& name) const noexcept;
  /// Puts a file out of the way under another name, for people to look at.
  void set_aside(const std::string& name) const noexcept;
  /// Makes the names of new files safe.
  vscp::Result<void> sync_names() const noexcept;

  /// The newer good slot; false if there is none.
  bool read_state(State& state) const;
  /// Into the slot that is not the newest. Survives the process, not a power cut, until sync_state().
  vscp::Result<void> write_state(const State& state);
  vscp::Result<void> sync_state() const noexcept;

 private:
  Folder() = default;

  std::string path_;
  UniqueFd folder_;
  UniqueFd lock_;
  UniqueFd state_;
  std::vector<std::uint8_t> scratch_;
};

vscp::Result<void> write_at(int fd, std::span<const std::uint8_t> bytes, std::uint64_t offset) noexcept;
/// Fills all of `out`; what the file does not give (it is shorter, or the disk fails) is zero. False if the disk
/// failed.
bool read_at(int fd, std::span<std::uint8_t> out, std::uint64_t offset) noexcept;
vscp::Result<void> sync_data(int fd) noexcept;
vscp::Result<void> write_header(const SegmentFile& file) noexcept;

}  // namespace router::spool
