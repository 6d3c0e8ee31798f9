// Reads what a spool folder holds, changing nothing: for opening it and for looking at it.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "router/io/event_store.h"
#include "router/io/spool_files.h"

namespace router::spool {

/// What was found at open.
struct Report {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;               ///< of these, as stored_bytes()
  std::uint64_t damaged_records = 0;     ///< committed, and lost by damage on disk
  std::uint64_t unfinished_records = 0;  ///< of a commit that had not returned
  std::uint64_t damaged_segments = 0;    ///< whose header is not readable; set aside under another name
  bool state_lost = false;               ///< what was released comes again as far as it still lies there

  /// Nothing to tell people?
  bool clean() const noexcept { return damaged_records + damaged_segments == 0 && !state_lost; }
  std::string text() const;
};

struct Tally {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  ///< as stored_bytes()
};

struct ScannedSegment {
  SegmentFile file;
  std::uint64_t end = kDataStart;  ///< behind its last good record
  std::uint64_t live = 0;          ///< records that are not gone
  std::array<Tally, kStoreLanes> waiting{};
};

struct Image {
  std::vector<ScannedSegment> segments;  ///< by position
  std::vector<std::string> useless;      ///< files of segments that hold nothing any more: replaced or never written
  std::vector<std::string> damaged;      ///< files without a readable header
  State state;                           ///< `gone` completed by what is missing
  bool has_state = false;
  std::array<std::uint64_t, kStoreLanes> next{};  ///< the first number that was never given
  std::array<std::uint64_t, kStoreLanes> records{};
  std::array<std::uint64_t, kStoreLanes> oldest_ns{};  ///< UTC of the first; 0 if there is none
  std::uint64_t uid = 0;                               ///< the highest
  std::uint32_t commit = 0;                            ///< of the last record, modulo kCommits
  Report report;
};

/// `boot` names the system's run (router/io/spool_clock.h). The error is a sentence: a newer version, or a file that
/// cannot be opened.
std::expected<Image, std::string> scan(const Folder& folder, std::uint64_t boot, bool writable);

/// Of this system's run.
std::uint64_t boot_id() noexcept;

}  // namespace router::spool
