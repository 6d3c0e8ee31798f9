#include "protocol/codec_kernels.h"

#include <atomic>

#include "protocol/codec_forms.h"

namespace vscp {
namespace {

// Null until the first use. Two threads may both choose; they choose the same.
constinit std::atomic<const CodecKernels*> active{nullptr};

const CodecKernels* best_kernels() noexcept {
  for (const CodecForm form : {CodecForm::kAvx512, CodecForm::kSsse3}) {
    if (const CodecKernels* kernels = codec_kernels(form)) return kernels;
  }
  return &kScalarKernels;
}

}  // namespace

const CodecKernels* codec_kernels(CodecForm form) noexcept {
  switch (form) {
    case CodecForm::kScalar:
      return &kScalarKernels;
    case CodecForm::kSsse3:
      return ssse3_kernels();
    case CodecForm::kAvx512:
      return avx512_kernels();
  }
  return nullptr;
}

const CodecKernels& active_codec_kernels() noexcept {
  // The tables are constant data, so a relaxed read of the pointer is enough.
  const CodecKernels* kernels = active.load(std::memory_order_relaxed);
  if (kernels == nullptr) [[unlikely]] {
    kernels = best_kernels();
    active.store(kernels, std::memory_order_relaxed);
  }
  return *kernels;
}

bool use_codec_form(CodecForm form) noexcept {
  const CodecKernels* kernels = codec_kernels(form);
  if (kernels == nullptr) return false;
  active.store(kernels, std::memory_order_relaxed);
  return true;
}

}  // namespace vscp
