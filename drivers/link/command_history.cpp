#include "drivers/link/command_history.h"

#include <algorithm>
#include <cstring>

namespace drivers::link {
namespace {

constexpr std::size_t kSendLineRoom = 2700;  // 512 data bytes as "0xNN,"

std::string_view without_blanks_at_end(std::string_view line) noexcept {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}

}  // namespace

CommandHistory::~CommandHistory() { const std::unique_ptr<Lines> owned(lines()); }

CommandHistory::Lines& CommandHistory::make_lines() {
  if (lines() == nullptr) {
    auto made = std::make_unique<Lines>();
    if (!only().empty()) made->texts.emplace_back(only());
    word_ = reinterpret_cast<std::uintptr_t>(made.release());
  }
  return *lines();
}

void CommandHistory::push(std::string_view line, bool is_send) {
  Lines& lines = make_lines();
  auto& texts = lines.texts;
  if (is_send && lines.newest_is_send) {
    texts.back().assign(line);
    return;
  }
  if (texts.size() == kLinesMax) {
    std::rotate(texts.begin(), texts.begin() + 1, texts.end());
  } else {
    texts.emplace_back();
  }
  // Room for any SEND at once: later ones of a stream must not allocate.
  if (is_send) texts.back().reserve(kSendLineRoom);
  texts.back().assign(line);
  lines.newest_is_send = is_send;
}

void CommandHistory::add(std::string_view line) {
  line = without_blanks_at_end(line);
  if (line.empty()) return;
  if (word_ == 0 && line.size() <= kOnlyMax) {
    word_ = line.size() << 1U | 1U;
    std::memcpy(reinterpret_cast<char*>(&word_) + 1, line.data(), line.size());
    return;
  }
  keep_send();
  push(line, false);
}

void CommandHistory::note_send(std::string_view line) { make_lines().noted_send = line; }

void CommandHistory::keep_send() {
  if (lines() == nullptr || lines()->noted_send.empty()) return;
  const std::string_view line = without_blanks_at_end(lines()->noted_send);
  lines()->noted_send = {};
  push(line, true);
}

}  // namespace drivers::link
