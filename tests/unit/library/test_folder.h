// A folder that goes with the test, and copies of test libraries in it under other names.
#pragma once

#ifndef TEST_LIBRARIES
#define TEST_LIBRARIES "tests/drivers/"  // the build gives the whole path
#endif

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace test_library {

inline std::string built(const std::string& name) {
  return TEST_LIBRARIES + name + ".so";
}

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "vscprouter-library-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string file(const std::string& name, const std::string& content) const {
    const std::filesystem::path path = path_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  std::string copy(const std::string& library, const std::string& name) const {
    const std::filesystem::path path = path_ / name;
    std::filesystem::copy_file(built(library), path);
    return path.string();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace test_library
