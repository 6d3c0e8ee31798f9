#include "protocol/vscp_error.h"

namespace vscp {

VscpError to_vscp_error(Errc code) noexcept {
  switch (code) {
    case Errc::kBadCrc:
      return VscpError::kInvalidChecksum;
    case Errc::kDataSize:
      return VscpError::kSize;
    case Errc::kBadFrameType:
    case Errc::kShortFrame:
    case Errc::kLongFrame:
      return VscpError::kInvalidFrame;
    case Errc::kEncrypted:
      return VscpError::kUnsupported;
    case Errc::kUnknownCommand:
      return VscpError::kUnknownCommand;
    case Errc::kMissingField:
      return VscpError::kMissing;
    case Errc::kNoSpace:
    case Errc::kPoolEmpty:
      return VscpError::kMemory;
    default:
      return VscpError::kParameter;
  }
}

}  // namespace vscp
