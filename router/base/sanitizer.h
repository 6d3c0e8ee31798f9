// Which sanitizer this is built with, for the preprocessor and as constants: g++ and clang say it in different ways.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define VR_ADDRESS_SANITIZER 1
#elif defined(__SANITIZE_THREAD__)
#define VR_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VR_ADDRESS_SANITIZER 1
#elif __has_feature(thread_sanitizer)
#define VR_THREAD_SANITIZER 1
#endif
#endif
#ifndef VR_ADDRESS_SANITIZER
#define VR_ADDRESS_SANITIZER 0
#endif
#ifndef VR_THREAD_SANITIZER
#define VR_THREAD_SANITIZER 0
#endif

namespace router {

/// Freed memory is kept for a while, and all memory has a shadow.
inline constexpr bool kAddressSanitizer = VR_ADDRESS_SANITIZER != 0;
/// An allocator of its own, and more address space than any limit should allow.
inline constexpr bool kSanitizer = kAddressSanitizer || VR_THREAD_SANITIZER != 0;

}  // namespace router
