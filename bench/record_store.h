// What spool_bench compares: our spool and LMDB behind one face. Records of one size; a batch goes in with one synced
// commit, comes out again, and is released.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace bench {

class RecordStore {
 public:
  virtual ~RecordStore() = default;
  virtual void append(std::uint8_t lane, std::span<const std::uint8_t> record) = 0;
  virtual void commit() = 0;
  /// Reads all that is committed and was not read before; the bytes of it, added up.
  virtual std::size_t read_all() = 0;
  /// What was read is released.
  virtual void release_all() = 0;
};

/// In the folder, which is there and empty.
std::unique_ptr<RecordStore> open_spool_store(const std::string& folder);
/// Null if this build has no LMDB.
std::unique_ptr<RecordStore> open_lmdb_store(const std::string& folder);

}  // namespace bench
