// Arbitrary bytes as the files of a spool. Whatever they are, the spool opens or says why not, what it says that it has
// is what is read, and it works afterwards.
//
// Input: a byte of flags (1: the first piece is the state), then pieces: two bytes of size, little-endian, and so many
// bytes. Up to three pieces after the state are segments. Checks cannot be guessed: "fix!" in place of one stands for
// the right one.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "router/base/clock.h"
#include "router/io/crc32c.h"
#include "router/io/spool.h"
#include "router/io/spool_format.h"
#include "tests/fuzz/promise.h"
#include "tests/support/temp_dir.h"

namespace fuzz {
namespace {

namespace format = router::spool;

constexpr std::size_t kSegmentsMax = 3;

bool to_fix(const std::uint8_t* at) {
  return std::memcmp(at, "fix!", 4) == 0;
}
void store(std::uint8_t* at, std::uint32_t value) {
  std::memcpy(at, &value, sizeof(value));
}

void fix_segment(std::vector<std::uint8_t>& bytes) {
  for (const std::size_t copy : {std::size_t{0}, std::size_t{512}}) {
    if (bytes.size() < copy + 64) break;
    std::uint8_t* at = bytes.data() + copy;
    if (to_fix(at + 60)) store(at + 60, router::crc32c({at, 60}));
  }
  format::SegmentHeader segment;
  if (format::decode_segment_header(bytes, segment) != format::HeaderKind::kGood) return;
  const std::uint32_t salted = format::salt_crc(segment.salt);
  for (std::size_t i = format::kDataStart; i + format::kRecordHeader <= bytes.size(); i += format::kAlign) {
    std::uint8_t* at = bytes.data() + i;
    std::uint32_t size = 0;
    std::memcpy(&size, at + 8, sizeof(size));
    if (to_fix(at + 4) && size <= bytes.size() - i - format::kRecordHeader) {
      store(at + 4, router::crc32c({at + format::kRecordHeader, size}));
    }
    if (to_fix(at)) {
      store(at, router::crc32c({at + 4, format::kRecordHeader - 4}, salted ^ static_cast<std::uint32_t>(i)));
    }
  }
}

void fix_state(std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < 24 || !to_fix(bytes.data() + 12)) return;
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data() + 16, sizeof(size));
  if (size >= 16 && size <= bytes.size()) store(bytes.data() + 12, router::crc32c({bytes.data() + 16, size - 16}));
}

void write_file(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void write_files(const std::string& folder, Bytes input) {
  bool state = (input.front() & 1U) != 0;
  input = input.subspan(1);
  for (std::size_t segments = 0; segments < kSegmentsMax && input.size() >= 2;) {
    const std::size_t size = std::min(std::size_t{input[0]} + std::size_t{input[1]} * 256U, input.size() - 2);
    std::vector<std::uint8_t> piece(input.begin() + 2, input.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    input = input.subspan(2 + size);
    if (state) {
      fix_state(piece);
      write_file(folder + "/state", piece);
      state = false;
      continue;
    }
    fix_segment(piece);
    write_file(folder + "/" + std::to_string(++segments) + ".seg", piece);
  }
}

/// Reads all; how many. They are in order of their lanes, and tickets grow.
std::size_t read_all(router::Spool& spool, std::vector<std::uint64_t>& tickets) {
  std::vector<router::StoredRecord> out(7);
  tickets.clear();
  while (const std::size_t count = spool.read(out)) {
    for (std::size_t i = 0; i < count; ++i) {
      check(out[i].bytes.size() <= router::kStoreRecordMax, "size of a record");
      check(tickets.empty() || tickets.back() < out[i].ticket, "order");
      tickets.push_back(out[i].ticket);
    }
  }
  return tickets.size();
}

std::unique_ptr<router::Spool> open(const std::string& folder, const router::Clock& clock) {
  router::SpoolOptions options;
  options.folder = folder;
  options.limits = {std::uint64_t{1} << 30U, router::StoreFullPolicy::kRefuse};
  options.boot = 1;
  auto spool = router::Spool::open(options, clock);
  if (spool) return std::move(*spool);
  check(!spool.error().empty(), "an error has a sentence");
  return nullptr;
}

}  // namespace

void spool_segment(Bytes input) {
  static const test::FastDir dir;
  if (input.empty()) return;
  const std::string folder = dir.path() + "/spool";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  write_file(folder + "/lock", {});
  write_files(folder, input);
  const router::ManualClock clock;
  std::vector<std::uint64_t> tickets;
  const auto seen = router::inspect_spool(folder);
  std::size_t count = 0;
  {
    const auto spool = open(folder, clock);
    if (!spool) return;
    check(seen.has_value() && seen->records == spool->status().records, "looking and opening find the same");
    count = spool->status().records;
    check(read_all(*spool, tickets) == count, "what it says that it has is read");
    const std::vector<std::uint8_t> record(100, 1);
    check(spool->append(7, record) && spool->commit(), "records are taken");
    check(read_all(*spool, tickets) == 1, "the new one is read");
    spool->rewind();
    check(read_all(*spool, tickets) == count + 1, "all are read again");
  }
  const auto spool = open(folder, clock);
  check(spool != nullptr, "it opens again");
  check(spool->report().damaged_records == 0, "damage is told once");
  check(read_all(*spool, tickets) == count + 1, "all are there again");
  spool->release(tickets);
  const auto status = spool->status();
  check(status.records == 0 && status.bytes == 0, "nothing is left");
}

}  // namespace fuzz
