// The same work by LMDB: one table with keys that sort by lane and number. Releases go with the next commit, so that a
// batch costs one transaction and one sync, as with the spool.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/record_store.h"

#if HAVE_LMDB
#include <lmdb.h>
#endif

namespace bench {

#if HAVE_LMDB
namespace {

constexpr std::size_t kMapBytes = std::size_t{1} << 30U;

void check(int result, const char* what) {
  if (result == 0) return;
  std::fprintf(stderr, "LMDB: %s: %s\n", what, ::mdb_strerror(result));
  std::abort();
}

class LmdbStore final : public RecordStore {
 public:
  explicit LmdbStore(const std::string& folder) {
    check(::mdb_env_create(&env_), "create");
    check(::mdb_env_set_mapsize(env_, kMapBytes), "map size");
    check(::mdb_env_open(env_, folder.c_str(), MDB_NOTLS, 0600), "open");
    begin();
    check(::mdb_dbi_open(write_, nullptr, MDB_INTEGERKEY, &table_), "table");
    check(::mdb_txn_commit(write_), "commit");
    write_ = nullptr;
  }
  ~LmdbStore() override {
    if (write_ != nullptr) ::mdb_txn_abort(write_);
    ::mdb_env_close(env_);
  }
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;

  void append(std::uint8_t lane, std::span<const std::uint8_t> record) override {
    begin();
    std::uint64_t key = std::uint64_t{lane} << 56U | next_++;
    MDB_val name{sizeof(key), &key};
    MDB_val value{record.size(), const_cast<std::uint8_t*>(record.data())};
    check(::mdb_put(write_, table_, &name, &value, 0), "put");
  }
  void commit() override {
    begin();
    for (std::uint64_t& key : released_) {
      MDB_val name{sizeof(key), &key};
      check(::mdb_del(write_, table_, &name, nullptr), "delete");
    }
    released_.clear();
    check(::mdb_txn_commit(write_), "commit");
    write_ = nullptr;
  }
  std::size_t read_all() override {
    MDB_txn* txn = nullptr;
    MDB_cursor* cursor = nullptr;
    check(::mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn), "begin");
    check(::mdb_cursor_open(txn, table_, &cursor), "cursor");
    std::size_t bytes = 0;
    MDB_val name;
    MDB_val value;
    for (int result = ::mdb_cursor_get(cursor, &name, &value, MDB_FIRST); result == 0;
         result = ::mdb_cursor_get(cursor, &name, &value, MDB_NEXT)) {
      read_.push_back(*static_cast<const std::uint64_t*>(name.mv_data));
      bytes += value.mv_size;
    }
    ::mdb_cursor_close(cursor);
    ::mdb_txn_abort(txn);
    return bytes;
  }
  void release_all() override { released_.swap(read_); }

 private:
  void begin() {
    if (write_ == nullptr) check(::mdb_txn_begin(env_, nullptr, 0, &write_), "begin");
  }

  MDB_env* env_ = nullptr;
  MDB_txn* write_ = nullptr;
  MDB_dbi table_ = 0;
  std::uint64_t next_ = 0;
  std::vector<std::uint64_t> read_;
  std::vector<std::uint64_t> released_;
};

}  // namespace

std::unique_ptr<RecordStore> open_lmdb_store(const std::string& folder) {
  return std::make_unique<LmdbStore>(folder);
}
#else
std::unique_ptr<RecordStore> open_lmdb_store(const std::string&) {
  return nullptr;
}
#endif

}  // namespace bench
