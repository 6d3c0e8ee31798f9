#include "protocol/codec_forms.h"
namespace vscp {
const CodecKernels* ssse3_kernels() noexcept {
  return nullptr;
}
}  // namespace vscp
