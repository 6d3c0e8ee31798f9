// JSON payloads, read with simdjson. Thread rule: one object per thread.
#pragma once

#include <memory>
#include <string_view>

#include "drivers/mqtt/payload_fields.h"

namespace drivers::mqtt {

class JsonPayload {
 public:
  JsonPayload();
  ~JsonPayload();

  /// Gives each member of the object to `fields`. `text` has at most kPayloadReadMax bytes. Returns Errc{}, kBadJson,
  /// kWrongKind, or what is wrong with a field.
  vscp::Errc read(std::string_view text, PayloadFields& fields) noexcept;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace drivers::mqtt
