// The dialects by name.
#include "tools/vscpbench/wire.h"

namespace bench {

std::unique_ptr<Wire> make_wire(std::string_view name) {
  if (name == "text") return make_text_wire();
  if (name == "binary") return make_binary_wire();
  return nullptr;
}

std::string wire_names() {
  return "text, binary";
}

}  // namespace bench
