// The dialects by name.
#include "tools/vscpbench/wire.h"

namespace bench {

std::unique_ptr<Wire> make_wire(std::string_view name) {
  if (name == "text") return make_text_wire();
  return nullptr;
}

std::string wire_names() {
  return "text";
}

}  // namespace bench
