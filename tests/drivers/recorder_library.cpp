// A Level II library for tests that writes what it is given into the file that its configuration names: a line per
// event with its data, and "closed". More by what the file's name has in it:
//   slow      each write takes 2 ms
//   deaf      VSCPClose does not return
//   print     prints 100 lines when it opens
//   scribble  on the first event writes over all memory that it shares with the router
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "drivers/examples/level2/vscp_level2.h"

namespace {

std::string path;
std::FILE* file = nullptr;

bool is_to(const char* word) {
  return path.find(word) != std::string::npos;
}

void pause_ms(int time) {
  ::poll(nullptr, 0, time);
}

void scribble() {
  std::FILE* const maps = std::fopen("/proc/self/maps", "r");
  char line[512];
  while (maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::strstr(line, "memfd:vscp-driver") == nullptr || std::sscanf(line, "%lx-%lx", &begin, &end) != 2) continue;
    std::memset(reinterpret_cast<void*>(begin), 0xa5, end - begin);
  }
  if (maps != nullptr) std::fclose(maps);
}

}  // namespace

long VSCPOpen(const char* configuration_path, const std::uint8_t*) {
  path = configuration_path;
  file = std::fopen(configuration_path, "a");
  for (int i = 0; is_to("print") && i < 100; ++i) std::printf("line %d of the library\n", i);
  return file == nullptr ? 0 : 1;
}

int VSCPClose(long) {
  while (is_to("deaf")) pause_ms(1000);
  std::fputs("closed\n", file);
  std::fclose(file);
  return VSCP_ERROR_SUCCESS;
}

int VSCPWrite(long, const vscpEvent* event, unsigned long) {
  if (is_to("scribble")) scribble();
  if (is_to("slow")) pause_ms(2);
  for (unsigned i = 0; i < event->sizeData; ++i) std::fprintf(file, "%s%u", i == 0 ? "" : ",", event->pdata[i]);
  std::fputs("\n", file);
  std::fflush(file);
  return VSCP_ERROR_SUCCESS;
}

int VSCPRead(long, vscpEvent*, unsigned long timeout_ms) {
  pause_ms(static_cast<int>(timeout_ms));
  return VSCP_ERROR_FIFO_EMPTY;
}

unsigned long VSCPGetVersion(void) {
  return 0x01000000;
}
const char* VSCPGetVendorString(void) {
  return "vscprouter tests";
}
unsigned long VSCPEventSize(void) {
  return sizeof(vscpEvent);
}
