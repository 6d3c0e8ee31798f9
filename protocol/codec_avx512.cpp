#include "protocol/codec_forms.h"
namespace vscp {
const CodecKernels* avx512_kernels() noexcept {
  return nullptr;
}
}  // namespace vscp
