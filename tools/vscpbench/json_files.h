// The JSON that vscpbench reads and writes: the configuration of a spawned daemon, and result files. The only file that
// uses the JSON library is json_files.cpp. The format of result files is described in README.md.
// Thread rule: any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "tools/vscpbench/machine.h"
#include "tools/vscpbench/result.h"
#include "tools/vscpbench/spawn.h"

namespace bench {

struct SpawnFiles {
  std::string config;
  std::string users;
};

/// Throws nothing: a server option that is no "key=value" is reported in `error`.
SpawnFiles spawn_files(const SpawnOptions& options, const Target& target, const std::string& password_hash,
                       const std::string& folder, std::string& error);

struct ResultFile {
  Machine machine;
  std::vector<Result> results;
};

/// The version of the format; other versions are refused.
inline constexpr std::string_view kResultFormat = "vscpbench-2";

std::string to_json(const ResultFile& file);

/// The error is a sentence that says what is wrong with the text and where.
std::expected<ResultFile, std::string> parse_result_file(std::string_view text);

/// Reads and parses; the error names the file.
std::expected<ResultFile, std::string> read_result_file(const std::string& path);

}  // namespace bench
