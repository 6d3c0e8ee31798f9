#include "tests/fuzz/targets.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "protocol/codec_kernels.h"
#include "protocol/datetime.h"
#include "protocol/event_line.h"
#include "protocol/filter.h"
#include "protocol/frame.h"
#include "protocol/link_command.h"
#include "tests/fuzz/promise.h"

namespace fuzz {
namespace {

using vscp::CodecForm;
using vscp::Event;
using vscp::LineFormat;

constexpr std::array kForms{CodecForm::kScalar, CodecForm::kSsse3, CodecForm::kAvx512};

std::size_t encode(const Event& event, LineFormat format, char* out) {
  vscp::DateCache dates;
  return vscp::encode_event_line(event, format, dates, out);
}

// What is decoded can be written and read back, but for what the format does not carry.
void check_line_round_trip(Event event) {
  const auto out = std::make_unique<char[]>(vscp::kEventLineMax);
  for (const LineFormat format : {LineFormat::kLegacy, LineFormat::kNanoseconds}) {
    const std::size_t size = encode(event, format, out.get());
    check(size <= vscp::kEventLineMax && size > 2, "length of a line");
    Event back;
    check(vscp::decode_event_line({out.get(), size - 2}, back).has_value(), "our own line is read");
    back.time_ns = event.time_ns;
    back.timestamp_us = event.timestamp_us;
    check(back == event, "our own line is the same event");
  }
}

}  // namespace

void event_line(Bytes input) {
  const ExactCopy copy(input);
  bool begun = false;
  vscp::Result<vscp::EventLineHints> first;
  const auto first_event = std::make_unique<Event>();
  for (const CodecForm form : kForms) {
    if (!vscp::use_codec_form(form)) continue;
    const auto event = std::make_unique<Event>();
    const auto result = vscp::decode_event_line(copy.text(), *event);
    if (!begun) {
      begun = true;
      first = result;
      *first_event = *event;
    }
    check(result.has_value() == first.has_value(), "all forms take the same lines");
    if (!result) {
      check(result.error() == first.error(), "all forms find the same error");
      continue;
    }
    check(*event == *first_event, "all forms read the same event");
    check(event->data_size <= vscp::kEventDataMax, "data size");
    check((event->head & vscp::kHeadFrameVersion) == 0, "frame version is cleared");
    check(result->time_missing == (event->time_ns == 0), "hint of the time");
    check(result->guid_missing == event->guid.is_zero(), "hint of the GUID");
    check_line_round_trip(*event);
  }
}

void data_list(Bytes input) {
  const ExactCopy copy(input);
  bool begun = false;
  vscp::Result<std::uint16_t> first;
  std::array<std::uint8_t, vscp::kEventDataMax> first_data;
  for (const CodecForm form : kForms) {
    if (!vscp::use_codec_form(form)) continue;
    const auto data = std::make_unique<std::uint8_t[]>(vscp::kEventDataMax);
    const auto count = vscp::decode_data_list(copy.text(), data.get());
    if (!begun) {
      begun = true;
      first = count;
      std::copy_n(data.get(), vscp::kEventDataMax, first_data.begin());
    }
    check(count == first, "all forms agree");
    if (!count) continue;
    check(std::equal(data.get(), data.get() + *count, first_data.begin()), "all forms read the same bytes");
    const std::size_t room = 4U * *count + 64U;
    const auto out = std::make_unique<char[]>(room);
    const std::size_t size = vscp::encode_data_list(data.get(), *count, out.get());
    std::array<std::uint8_t, vscp::kEventDataMax> back;
    check(vscp::decode_data_list({out.get(), size}, back.data()) == count, "our own list is read");
    check(std::equal(data.get(), data.get() + *count, back.begin()), "our own list is the same");
  }
}

void link_command(Bytes input) {
  const ExactCopy copy(input);
  const std::string_view line = copy.text();
  const auto command = vscp::parse_link_command(line);
  if (!command) return;
  check(command->info != nullptr, "a command has its row");
  const auto all = vscp::link_commands();
  check(command->info >= all.data() && command->info < all.data() + all.size(), "the row is in the table");
  if (command->argument.empty()) return;
  check(command->argument.data() >= line.data() &&
            command->argument.data() + command->argument.size() <= line.data() + line.size(),
        "the argument is a part of the line");
  check(command->argument.front() != ' ' && command->argument.back() != ' ', "the argument is trimmed");
}

void guid(Bytes input) {
  const ExactCopy copy(input);
  bool begun = false;
  vscp::Result<vscp::Guid> first;
  for (const CodecForm form : kForms) {
    if (!vscp::use_codec_form(form)) continue;
    const auto value = vscp::parse_guid(copy.text());
    if (!begun) {
      begun = true;
      first = value;
    }
    check(value == first, "all forms agree");
    if (!value) continue;
    const auto out = std::make_unique<char[]>(vscp::kGuidTextSize);
    vscp::format_guid(*value, out.get());
    check(vscp::parse_guid({out.get(), vscp::kGuidTextSize}) == value, "our own text is the same GUID");
  }
}

void datetime(Bytes input) {
  const ExactCopy copy(input);
  const auto time_ns = vscp::parse_datetime(copy.text());
  if (!time_ns) {
    check(time_ns.error() == vscp::Errc::kBadDate, "one kind of error");
    return;
  }
  const auto out = std::make_unique<char[]>(vscp::kDatetimeTextSize);
  vscp::format_datetime(*time_ns, out.get());
  const auto back = vscp::parse_datetime({out.get(), vscp::kDatetimeTextSize});
  check(back.has_value() && *back == *time_ns - *time_ns % 1'000'000'000U, "our own text is the same second");
}

void filter_half(Bytes input) {
  const ExactCopy copy(input);
  const auto half = vscp::parse_filter_half(copy.text());
  if (!half) return;
  std::array<char, 160> text;
  const int front = std::snprintf(text.data(), text.size(), "%u,%u,%u,", unsigned{half->priority},
                                  unsigned{half->vscp_class}, unsigned{half->vscp_type});
  char* end = vscp::format_guid(half->guid, text.data() + front);
  end += std::snprintf(end, 16, ",%u", static_cast<unsigned>(half->index));
  const auto back = vscp::parse_filter_half({text.data(), static_cast<std::size_t>(end - text.data())});
  check(back.has_value() && back->priority == half->priority && back->vscp_class == half->vscp_class &&
            back->vscp_type == half->vscp_type && back->guid == half->guid && back->index == half->index,
        "our own text is the same half");
}

void event_frame(Bytes input) {
  const ExactCopy copy(input);
  const auto event = std::make_unique<Event>();
  if (!vscp::decode_event_frame(copy.bytes(), *event)) return;
  check(vscp::event_frame_size(copy.bytes()) == input.size(), "size of a good frame");
  check(event->data_size + vscp::kEventFrameOverhead == input.size(), "data size of a good frame");
  const auto out = std::make_unique<std::uint8_t[]>(vscp::kEventFrameMax);
  for (const auto type : {vscp::FrameType::kEvent0, vscp::FrameType::kEvent1}) {
    const std::size_t size = vscp::encode_event_frame(*event, type, out.get());
    check(size == input.size(), "size of our own frame");
    Event back;
    check(vscp::decode_event_frame({out.get(), size}, back).has_value(), "our own frame is read");
    back.time_ns = event->time_ns;
    back.timestamp_us = event->timestamp_us;
    check(back == *event, "our own frame is the same event");
  }
}

void command_frame(Bytes input) {
  const ExactCopy copy(input);
  const auto frame = vscp::decode_command_frame(copy.bytes());
  if (!frame) return;
  const auto out = std::make_unique<std::uint8_t[]>(input.size());
  const auto size = vscp::encode_command_frame(*frame, {out.get(), input.size()});
  check(size.has_value() && *size == input.size(), "our own frame has the same size");
  check(std::equal(input.begin(), input.end(), out.get()), "our own frame has the same bytes");
  check(!vscp::encode_command_frame(*frame, {out.get(), input.size() - 1}).has_value(), "too little room is refused");
}

}  // namespace fuzz
