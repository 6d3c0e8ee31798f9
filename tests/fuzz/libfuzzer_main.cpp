// One libFuzzer program for all targets: the environment variable FUZZ_TARGET names the one to run.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void (*target)(fuzz::Bytes) = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* wanted = std::getenv("FUZZ_TARGET");
  for (const auto& one : fuzz::kTargets) {
    if (wanted != nullptr && one.name == wanted) target = one.run;
  }
  if (target != nullptr) return 0;
  std::fputs("fuzz: set FUZZ_TARGET to one of:", stderr);
  for (const auto& one : fuzz::kTargets) std::fprintf(stderr, " %.*s", static_cast<int>(one.name.size()), one.name.data());
  std::fputs("\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target({data, size});
  return 0;
}
