#include "router/base/check.h"

#include <pthread.h>

#include <cstdio>
#include <cstdlib>

namespace router {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  char name[32] = "?";
  pthread_getname_np(pthread_self(), name, sizeof(name));
  std::fprintf(stderr, "%s:%d: assertion failed in thread %s: %s\n", file, line, name, expression);
  std::abort();
}

}  // namespace router
