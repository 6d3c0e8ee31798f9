// Runs every fuzz target over its committed corpus, in every build and with every compiler. A corpus that is missing or
// empty is an error, so that this test cannot pass by finding nothing.
//
// Use: replay_corpus FOLDER, where FOLDER/<target>/ has the inputs.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/targets.h"

namespace {

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::size_t replay(const fuzz::Target& target, const std::filesystem::path& folder) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const auto bytes = read_file(entry.path());
    std::printf("  %s\n", entry.path().filename().c_str());
    std::fflush(stdout);  // a target that ends the process must leave the name of its input behind
    target.run(bytes);
    // Every part from the front too: a decoder must bear an input that ends anywhere.
    for (std::size_t size = 0; size < bytes.size() && size < 600; size += target.prefix_step) {
      target.run({bytes.data(), size});
    }
    ++count;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "use: %s FOLDER\n", argv[0]);
    return 2;
  }
  bool complete = true;
  for (const fuzz::Target& target : fuzz::kTargets) {
    std::printf("%s\n", std::string(target.name).c_str());
    const std::size_t count = replay(target, std::filesystem::path(argv[1]) / target.name);
    std::printf("%s: %zu inputs\n", std::string(target.name).c_str(), count);
    complete = complete && count > 0;
  }
  if (!complete) std::fprintf(stderr, "a target has no corpus under %s\n", argv[1]);
  return complete ? 0 : 1;
}
