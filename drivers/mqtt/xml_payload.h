// XML payloads, read with expat. Thread rule: one object per thread.
#pragma once

#include <memory>
#include <string_view>

#include "drivers/mqtt/payload_fields.h"

namespace drivers::mqtt {

class XmlPayload {
 public:
  XmlPayload();
  ~XmlPayload();

  /// Gives each attribute of the root element <event> to `fields`. Content and children are skipped. Returns Errc{},
  /// kBadXml (a document type, too), kNoEventField (another root element), or what is wrong with an attribute.
  vscp::Errc read(std::string_view text, PayloadFields& fields) noexcept;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace drivers::mqtt
