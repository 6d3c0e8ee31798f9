#include "drivers/mqtt/xml_payload.h"

#include <expat.h>

namespace drivers::mqtt {
namespace {

using vscp::Errc;

struct ParserDeleter {
  void operator()(XML_Parser parser) const noexcept { XML_ParserFree(parser); }
};

struct Reading {
  XML_Parser parser;
  PayloadFields* fields;
  bool root_seen = false;
  Errc error{};
};

void stop(Reading& reading, Errc error) noexcept {
  reading.error = error;
  XML_StopParser(reading.parser, XML_FALSE);
}

void on_element(void* data, const XML_Char* name, const XML_Char** attributes) noexcept {
  auto& reading = *static_cast<Reading*>(data);
  // After a stop expat may still call for what it has already read.
  if (reading.root_seen || reading.error != Errc{}) return;
  reading.root_seen = true;
  if (std::string_view(name) != "event") return stop(reading, Errc::kNoEventField);
  for (; attributes[0] != nullptr; attributes += 2) {
    const Errc error = reading.fields->take(find_payload_key(attributes[0]), attributes[1]);
    if (error != Errc{}) return stop(reading, error);
  }
}

// Where entities would be declared. Refused as a whole: no sender of events needs one.
void on_document_type(void* data, const XML_Char*, const XML_Char*, const XML_Char*, int) noexcept {
  stop(*static_cast<Reading*>(data), Errc::kBadXml);
}

}  // namespace

struct XmlPayload::Parser {
  std::unique_ptr<XML_ParserStruct, ParserDeleter> expat{XML_ParserCreate(nullptr)};
};

XmlPayload::XmlPayload() : parser_(std::make_unique<Parser>()) {}
XmlPayload::~XmlPayload() = default;

Errc XmlPayload::read(std::string_view text, PayloadFields& fields) noexcept {
  const XML_Parser expat = parser_->expat.get();
  if (expat == nullptr || XML_ParserReset(expat, nullptr) != XML_TRUE) return Errc::kBadXml;
  Reading reading{expat, &fields};
  XML_SetUserData(expat, &reading);
  XML_SetStartElementHandler(expat, on_element);
  XML_SetStartDoctypeDeclHandler(expat, on_document_type);
  const auto size = static_cast<int>(text.size());
  const XML_Status status = XML_Parse(expat, text.data(), size, XML_TRUE);
  if (reading.error != Errc{}) return reading.error;
  return status == XML_STATUS_OK ? Errc{} : Errc::kBadXml;
}

}  // namespace drivers::mqtt
