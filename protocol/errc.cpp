#include "protocol/errc.h"

namespace vscp {

std::string_view to_text(Errc code) noexcept {
  if (is_errno(code)) return "operating system error";
  switch (code) {
    case Errc::kMissingField:
      return "a field is missing";
    case Errc::kBadNumber:
      return "not a number";
    case Errc::kNumberRange:
      return "number out of range";
    case Errc::kBadGuid:
      return "not a GUID";
    case Errc::kBadDate:
      return "not a date and time";
    case Errc::kDataSize:
      return "more than 512 data bytes";
    case Errc::kBadFrameType:
      return "unknown frame type";
    case Errc::kBadCrc:
      return "wrong CRC";
    case Errc::kShortFrame:
      return "frame too short";
    case Errc::kLongFrame:
      return "bytes after the end of the frame";
    case Errc::kNotLevel1:
      return "event cannot be sent on CAN";
    case Errc::kNotVscpFrame:
      return "not a VSCP CAN frame";
    case Errc::kNoSpace:
      return "buffer too small";
    case Errc::kEmbeddedNul:
      return "NUL byte in a text line";
    case Errc::kUnknownCommand:
      return "unknown command";
    case Errc::kEncrypted:
      return "encrypted frames are not supported";
    case Errc::kEmptyPayload:
      return "empty message";
    case Errc::kPayloadSize:
      return "message larger than an event";
    case Errc::kUnknownPayload:
      return "neither JSON, XML, an event line nor a frame";
    case Errc::kBadJson:
      return "not a JSON object";
    case Errc::kBadXml:
      return "not an XML element <event>";
    case Errc::kWrongKind:
      return "a field holds a value of the wrong kind";
    case Errc::kNoEventField:
      return "no field of an event";
    case Errc::kNoClassType:
      return "class or type is neither in the message nor in its topic";
    case Errc::kPoolEmpty:
      return "no free event buffer";
    case Errc::kNoCredit:
      return "receiver is behind";
    case Errc::kLimit:
      return "limit reached";
    case Errc::kClosed:
      return "closed";
    case Errc::kSystem:
      break;
  }
  return "unknown error";
}

}  // namespace vscp
