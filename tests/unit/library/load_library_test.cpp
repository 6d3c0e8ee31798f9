#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "drivers/library/abi/driver_library.h"
#include "drivers/library/abi/library_text.h"
#include "drivers/library/abi/return_code.h"
#include "tests/unit/library/test_folder.h"

namespace {

using namespace drivers::library;
using test_library::built;
using test_library::TestFolder;

std::string fault(LibraryKind kind, const std::string& path) {
  LibrarySettings settings;
  settings.kind = kind;
  settings.path = path;
  const auto loaded = load_library(settings);
  return loaded ? std::string() : loaded.error();
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(LoadLibrary, LoadsWhatIsGood) {
  EXPECT_EQ(fault(LibraryKind::kLevel1, built("level1")), "");
  EXPECT_EQ(fault(LibraryKind::kLevel1, built("level1_polling")), "");
  EXPECT_EQ(fault(LibraryKind::kLevel2, built("level2_classic")), "");
  EXPECT_EQ(fault(LibraryKind::kLevel2, built("level2_2026")), "");
}

TEST(LoadLibrary, SaysWhatIsWrongWithTheFile) {
  const TestFolder folder;
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, "/nowhere/at/all.so"), "there is no file /nowhere/at/all.so"));
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, ""), "no path"));
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, "/tmp"), "is no file"));
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, folder.file("text.so", "#!/bin/sh\n")), "no shared object"));
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, folder.file("empty.so", "")), "no shared object"));
  EXPECT_TRUE(contains(
      fault(LibraryKind::kLevel1, folder.file("cut.so", std::string("\177ELF") + std::string(20, '\2'))), "cut short"));
  std::ifstream good(built("level1"), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(good), {}};
  std::string other = bytes;
  other[18] = 8;  // MIPS
  other[19] = 0;
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, folder.file("mips.so", other)), "is built for machine number 8"));
  other = bytes;
  other[16] = 1;  // an object file
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, folder.file("object.so", other)), "no shared object"));
  other = bytes.substr(0, 200);
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, folder.file("head.so", other)), "cannot be loaded"));
}

TEST(LoadLibrary, SaysWhichFunctionIsMissing) {
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, built("level1_no_mask")), "has no function CanalSetMask;"));
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel2, built("level2_no_version")), "has no function VSCPGetVersion;"));
}

TEST(LoadLibrary, SaysThatTheOtherLevelWasMeant) {
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, built("level2_2026")), "drivers.level2"));
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel2, built("level1")), "drivers.level1"));
}

TEST(LoadLibrary, SaysWhichLibraryItNeeds) {
  EXPECT_TRUE(contains(fault(LibraryKind::kLevel1, built("level1_needy")), "uses a_value_that_nothing_has"))
      << fault(LibraryKind::kLevel1, built("level1_needy"));
}

TEST(LoadLibrary, ExceptionsOfTheFirstFunctionsStopHere) {
  const TestFolder folder;
  EXPECT_EQ(fault(LibraryKind::kLevel1, folder.copy("level1", "level1-throw@CanalGetVersion.so")), "");
}

TEST(ReturnCode, Words) {
  EXPECT_EQ(describe_code(33), "code 33: not open");
  EXPECT_EQ(describe_code(75), "code 75: forbidden");
  EXPECT_EQ(describe_code(-1), "code -1: error without details");
  EXPECT_EQ(describe_code(4711), "code 4711, which the interface does not define");
  EXPECT_EQ(describe_code(-2147483647 - 1), "code -2147483648, which the interface does not define");
}

TEST(LibraryText, IsBoundedAndClean) {
  EXPECT_EQ(library_text(nullptr, 10), "");
  EXPECT_EQ(library_text("a\nb\x1b[31m", 10), "a b [31m");
  EXPECT_EQ(library_text("abcdef", 3), "abc");
  EXPECT_EQ(version_text(0x0f000203), "15.0.2.3");
  EXPECT_EQ(version_text(0x01010000), "1.1.0");
}

}  // namespace
