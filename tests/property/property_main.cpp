#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/property/property_case.h"

namespace property {

std::uint64_t seed = 0;
unsigned cases = 20'000;

namespace {

bool take_option(std::string_view argument, std::string_view name, std::uint64_t& value) {
  if (!argument.starts_with(name)) return false;
  value = std::strtoull(std::string(argument.substr(name.size())).c_str(), nullptr, 0);
  return true;
}

}  // namespace
}  // namespace property

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const char* const from_environment = std::getenv("PROPERTY_SEED");
  property::seed = from_environment != nullptr ? std::strtoull(from_environment, nullptr, 0) : std::random_device{}();
  std::uint64_t wanted_cases = property::cases;
  for (int i = 1; i < argc; ++i) {
    if (property::take_option(argv[i], "--seed=", property::seed) ||
        property::take_option(argv[i], "--cases=", wanted_cases))
      continue;
    std::fprintf(stderr, "unknown option %s; there are --seed=N and --cases=N\n", argv[i]);
    return 2;
  }
  property::cases = static_cast<unsigned>(wanted_cases);
  std::printf("seed %llu, %u cases per property; replay with --seed=%llu\n",
              static_cast<unsigned long long>(property::seed), property::cases,
              static_cast<unsigned long long>(property::seed));
  return RUN_ALL_TESTS();
}
