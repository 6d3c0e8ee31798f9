// Which of the two interfaces a shared object has, and words for the one that it lacks.
#include <utility>

#include "drivers/library/abi/driver_library.h"
#include "drivers/library/abi/level1_library.h"
#include "drivers/library/abi/level2_library.h"
#include "drivers/library/abi/shared_object.h"

namespace drivers::library {
namespace {

std::string lacks(const LibrarySettings& settings, const SharedObject& object, const std::string& missing) {
  const bool wanted_level1 = settings.kind == LibraryKind::kLevel1;
  const bool is_other = object.find(wanted_level1 ? "VSCPOpen" : "CanalOpen") != nullptr;
  const bool is_this = object.find(wanted_level1 ? "CanalOpen" : "VSCPOpen") != nullptr;
  if (is_other && !is_this) {
    return settings.path + (wanted_level1 ? " is a Level II library; it belongs under drivers.level2"
                                          : " is a Level I library; it belongs under drivers.level1");
  }
  return settings.path + " has no function " + missing + "; a Level " + (wanted_level1 ? "I" : "II") +
         " library must have it";
}

}  // namespace

std::expected<std::unique_ptr<DriverLibrary>, std::string> load_library(const LibrarySettings& settings) {
  CallTrace unseen;
  CallTrace& trace = settings.trace == nullptr ? unseen : *settings.trace;
  trace.reading.store(LibraryCall::kLoad, std::memory_order_relaxed);
  auto object = SharedObject::load(settings.path);
  trace.reading.store(LibraryCall::kNone, std::memory_order_relaxed);
  if (!object) return std::unexpected(std::move(object.error()));
  if (settings.kind == LibraryKind::kLevel1) {
    CanalFunctions functions;
    if (const std::string missing = functions.find(*object); !missing.empty()) {
      return std::unexpected(lacks(settings, *object, missing));
    }
    return std::make_unique<Level1Library>(std::move(*object), functions, settings);
  }
  Level2Functions functions;
  if (const std::string missing = functions.find(*object); !missing.empty()) {
    return std::unexpected(lacks(settings, *object, missing));
  }
  return std::make_unique<Level2Library>(std::move(*object), functions, settings);
}

}  // namespace drivers::library
