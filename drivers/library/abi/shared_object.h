// A shared object that was loaded, and clear words where it was not. Thread rule: one owner.
#pragma once

#include <expected>
#include <string>

namespace drivers::library {

class SharedObject {
 public:
  SharedObject(SharedObject&& other) noexcept;
  SharedObject& operator=(SharedObject&& other) noexcept;
  ~SharedObject();

  /// Loads with functions bound at their first call, as libraries are used to. Errors: one sentence for the operator.
  static std::expected<SharedObject, std::string> load(const std::string& path);

  /// Null if the library has no such symbol.
  void* find(const char* name) const noexcept;
  template <typename Function>
  Function* function(const char* name) const noexcept {
    return reinterpret_cast<Function*>(find(name));
  }
  /// The same of a function that must be there: else its name is added to `missing`, with commas.
  template <typename Function>
  void need(Function*& place, const char* name, std::string& missing) const {
    place = function<Function>(name);
    if (place == nullptr) missing += (missing.empty() ? "" : ", ") + std::string(name);
  }

 private:
  explicit SharedObject(void* handle) noexcept : handle_(handle) {}

  void* handle_;
};

/// What is wrong with the file as a shared object for this machine; empty if nothing is.
std::string check_file(const std::string& path);

}  // namespace drivers::library
