// What comes in over MQTT, and topics that people write into the configuration.
#include <algorithm>

#include "drivers/mqtt/bridge_mark.h"
#include "drivers/mqtt/carried_message.h"
#include "drivers/mqtt/payload.h"
#include "drivers/mqtt/site_batch.h"
#include "drivers/mqtt/topic_match.h"
#include "drivers/mqtt/topic_template.h"
#include "router/core/carried_event.h"
#include "tests/fuzz/promise.h"

namespace fuzz {
namespace {

using drivers::mqtt::PayloadDialect;
using drivers::mqtt::PayloadFormat;
using drivers::mqtt::PayloadStyle;
using drivers::mqtt::TopicDefaults;
using drivers::mqtt::TopicTemplate;
using drivers::mqtt::TopicUse;

constexpr std::uint64_t kNow = 1'795'000'000'000'000'000ULL;

drivers::mqtt::PayloadDecoder& decoder() {
  static drivers::mqtt::PayloadDecoder instance;  // as a thread of the driver has one for all its messages
  return instance;
}

// An event that was read can be written in every style, and is the same when it is read again.
void check_event(const vscp::Event& event) {
  const auto out = std::make_unique<char[]>(drivers::mqtt::kPayloadWriteMax);
  vscp::DateCache dates;
  for (const auto format :
       {PayloadFormat::kJson, PayloadFormat::kXml, PayloadFormat::kString, PayloadFormat::kBinary}) {
    for (const auto dialect : {PayloadDialect::kCurrent, PayloadDialect::kLegacy}) {
      const std::size_t size = encode_payload(event, PayloadStyle{format, dialect, true}, dates, out.get());
      check(size <= drivers::mqtt::kPayloadWriteMax, "size of a payload");
      vscp::Event back;
      const Bytes written(reinterpret_cast<const std::uint8_t*>(out.get()), size);
      const auto hints = decoder().decode(written, PayloadFormat::kAuto, {}, kNow, back);
      check(hints.has_value() && hints->format == format, "our own payload is read");
      back.obid = event.obid;
      back.time_ns = event.time_ns;
      back.timestamp_us = event.timestamp_us;
      check(back == event, "our own payload is the same event");
    }
  }
}

void read_payload(Bytes bytes, PayloadFormat format, const TopicDefaults& defaults) {
  const auto event = std::make_unique<vscp::Event>();
  const auto hints = decoder().decode(bytes, format, defaults, kNow, *event);
  if (!hints) {
    check(vscp::to_text(hints.error()) != "unknown error", "an error that has a text");
    return;
  }
  check(hints->format != PayloadFormat::kAuto, "a format was found");
  check(event->data_size <= vscp::kEventDataMax, "data size");
  check((event->head & vscp::kHeadFrameVersion) == 0, "frame version is cleared");
  check(event->time_ns != 0, "there is always a time");
  check(hints->guid_missing == event->guid.is_zero(), "hint of the GUID");
  check_event(*event);
}

// The part before the first line end, and the rest.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

drivers::mqtt::TopicValues values() {
  drivers::mqtt::TopicValues result;
  result.server_guid.bytes.fill(0xa5);
  result.names = {{"clientid", "c"}, {"user", "#+"}, {"host", std::string("\0\xff", 2)}};
  result.user_escapes = {{"site", "a/b"}, {"class", "mine"}};
  return result;
}

}  // namespace

void json_payload(Bytes input) {
  const ExactCopy copy(input);
  read_payload(copy.bytes(), PayloadFormat::kJson, {});
}

void xml_payload(Bytes input) {
  const ExactCopy copy(input);
  read_payload(copy.bytes(), PayloadFormat::kXml, {});
}

/// A topic, a line end, and a payload in any form.
void mqtt_message(Bytes input) {
  std::string_view text = as_text(input);
  const std::string_view topic = take_line(text);
  const ExactCopy topic_copy({reinterpret_cast<const std::uint8_t*>(topic.data()), topic.size()});
  const TopicDefaults defaults = drivers::mqtt::parse_topic_defaults(topic_copy.text());
  check(defaults.guid.has_value() || !defaults.vscp_class, "class and type stand behind a GUID");
  check(defaults.vscp_class.has_value() || !defaults.vscp_type, "the type stands behind the class");
  const ExactCopy copy({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  read_payload(copy.bytes(), PayloadFormat::kAuto, defaults);
}

/// First byte: the use of the topic.
void topic_template(Bytes input) {
  if (input.empty()) return;
  const auto use = static_cast<TopicUse>(input[0] % 3);
  const ExactCopy copy(input.subspan(1));
  const auto compiled = TopicTemplate::compile(copy.text(), use, values());
  if (!compiled) {
    check(!compiled.error().text.empty() && compiled.error().offset <= copy.text().size(),
          "an error says where and what");
    return;
  }
  check(use == TopicUse::kPublish || compiled->is_constant(), "only topics of events change");
  vscp::Event event;
  for (const std::uint16_t vscp_class :
       {std::uint16_t{10}, std::uint16_t{20}, std::uint16_t{1040}, std::uint16_t{65535}}) {
    event.vscp_class = vscp_class;
    event.vscp_type = 6;
    event.time_ns = kNow;
    event.data_size = static_cast<std::uint16_t>(vscp_class % 512);
    event.data.fill('1');
    drivers::mqtt::TopicCache cache;
    const auto out = std::make_unique<char[]>(compiled->size_max());
    const std::size_t size = compiled->render(event, cache, out.get());
    check(size < compiled->size_max() && out[size] == '\0', "a topic ends in its room");
    const std::string_view topic(out.get(), size);
    if (use == TopicUse::kSubscribe) {
      check(!drivers::mqtt::find_filter_fault(topic), "a good template makes good filters");
    } else {
      check(size == 0 || !drivers::mqtt::find_topic_fault(topic), "a good template makes good topics");
    }
  }
}

/// A filter, a line end, a topic.
void topic_match(Bytes input) {
  std::string_view text = as_text(input);
  const std::string_view first = take_line(text);
  const ExactCopy filter({reinterpret_cast<const std::uint8_t*>(first.data()), first.size()});
  const ExactCopy topic({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  const bool good_filter = !drivers::mqtt::find_filter_fault(filter.text());
  const bool good_topic = !drivers::mqtt::find_topic_fault(topic.text());
  const bool matches = drivers::mqtt::topic_matches(filter.text(), topic.text());
  if (good_topic && !topic.text().starts_with("$share/")) {
    check(drivers::mqtt::topic_matches(topic.text(), topic.text()), "a topic matches itself");
    check(drivers::mqtt::topic_matches("#", topic.text()) == !topic.text().starts_with('$'), "'#' matches all but '$'");
  }
  if (good_filter && good_topic && matches && filter.text().ends_with('#')) {
    const std::string longer = std::string(topic.text()).append("/x");
    check(drivers::mqtt::topic_matches(filter.text(), longer), "'#' matches what is below");
  }
  const auto out = std::make_unique<char[]>(input.size() + 1);
  const auto mapped = drivers::mqtt::map_topic(topic.text(), {filter.text(), ""}, {out.get(), input.size() + 1});
  if (mapped) check(std::string(filter.text()).append(*mapped) == topic.text(), "a prefix can be put on again");
}

/// What another router says over a broker: a batch with its events, or what has arrived.
void site_message(Bytes input) {
  const ExactCopy payload(input);
  const Bytes bytes = payload.bytes();
  if (const auto batch = drivers::mqtt::read_batch(bytes)) {
    auto records = batch->records;
    std::size_t used = 0;
    drivers::mqtt::BatchWriter writer;
    writer.begin(batch->run, batch->number);
    for (auto record = drivers::mqtt::next_record(records); record && !record->empty();
         record = drivers::mqtt::next_record(records)) {
      used += 2 + record->size();
      check(used <= batch->records.size(), "records lie in the batch");
      writer.add(*record);
      vscp::Event event;
      const auto origin = router::decode_carried_event(*record, event);
      if (!origin) continue;
      check(event.data_size <= vscp::kEventDataMax, "an event has its bound");
      router::CarriedEventBytes again;
      vscp::Event back;
      check(router::decode_carried_event(router::encode_carried_event(event, *origin, again), back) == origin &&
                back == event,
            "a carried event comes back");
    }
    check(std::equal(writer.bytes().begin(), writer.bytes().end(), bytes.begin()), "a batch is written as it was read");
    drivers::mqtt::BatchOrder order;
    check(order.take(batch->run, batch->number) == ((batch->number & 0xffffffffU) == 0),
          "who comes late waits for a beginning");
  }
  if (const auto arrived = drivers::mqtt::read_arrived(bytes)) {
    const auto again = drivers::mqtt::write_arrived(arrived->run, arrived->numbers);
    check(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()), "an answer is written as it was read");
  }
}

/// First byte 0: a topic with a mark, or a mark. 1: a block. Else: records, each behind its size in two bytes.
void bridged_message(Bytes input) {
  if (input.empty()) return;
  const ExactCopy copy(input.subspan(1));
  if (input[0] == 0) {
    const auto [topic, text] = drivers::mqtt::split_marked_topic(copy.text());
    check(topic.size() + text.size() <= copy.text().size(), "topic and mark lie in what was read");
    const auto mark = drivers::mqtt::BridgeMark::parse(text.empty() ? copy.text() : text);
    if (!mark) return;
    check(mark->hops() > 0 && mark->hops() <= drivers::mqtt::kMarkHopsMax, "hops have a bound");
    auto longer = *mark;
    longer.add("n", 0x00c0ffee);
    check(longer.has_hop("n", 0x00c0ffee) && longer.has_broker("n") && longer.hops() == mark->hops() + 1, "a hop is added");
  } else if (input[0] == 1) {
    drivers::mqtt::BlockReader reader;
    const auto message = reader.read(copy.bytes());
    if (!message) return;
    check(message->topic.data()[message->topic.size()] == '\0', "a topic ends with NUL");
    std::vector<std::uint8_t> again;
    drivers::mqtt::write_block(*message, again);
    drivers::mqtt::BlockReader second;
    const auto back = second.read(again);
    check(back.has_value() && back->topic == message->topic && back->mark == message->mark &&
              back->payload.size() == message->payload.size() &&
              back->extras.user_properties.size() == message->extras.user_properties.size(),
          "a message comes back");
  } else {
    drivers::mqtt::BlockJoiner joiner;
    for (Bytes rest = copy.bytes(); rest.size() >= 2;) {
      const std::size_t size = std::min<std::size_t>(rest[0] * 256U + rest[1], rest.size() - 2);
      const auto step = joiner.add(rest.subspan(2, size));
      check(joiner.block().size() <= input.size(), "a block is not larger than its parts");
      check(step != drivers::mqtt::BlockJoiner::Step::kWhole || size >= drivers::mqtt::kPartHeader, "a part has a header");
      rest = rest.subspan(2 + size);
    }
  }
}

}  // namespace fuzz
