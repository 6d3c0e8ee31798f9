#include <gtest/gtest.h>

#include "tests/unit/mqtt/payload_events.h"

namespace drivers::mqtt::test {
namespace {

using vscp::Errc;

constexpr PayloadStyle kXml{.format = PayloadFormat::kXml};

// --- Writing: byte by byte what upstream's programs write.

TEST(XmlPayload, IsWrittenAsUpstreamDoesNow) {
  EXPECT_EQ(encoded(full_event(), kXml),
            "<event head=\"352\" obid=\"7\" datetime=\"2025-12-02T03:04:05.123456000Z\" "
            "timestamp=\"1764644645123456000\" class=\"20\" type=\"3\" "
            "guid=\"FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08\" data=\"0x01,0x02,0x03\" />");
}

TEST(XmlPayload, IsWrittenAs15x) {
  EXPECT_EQ(encoded(full_event({}), {.format = PayloadFormat::kXml, .dialect = PayloadDialect::kLegacy}),
            "<event vscpHead=\"96\" vscpObId=\"7\" vscpDateTime=\"2025-12-02T03:04:05Z\" vscpTimeStamp=\"1000\" "
            "vscpClass=\"20\" vscpType=\"3\" vscpGuid=\"FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08\" "
            "vscpData=\"\" />");
}

TEST(XmlPayload, AMeasurementComesWithTheAttributesOfTheSpecification) {
  vscp::Event event = full_event({9, 1, 2, 0x88, 0x81, 0x01, 0x07});
  event.vscp_class = 65;
  event.vscp_type = 6;
  EXPECT_TRUE(
      encoded(event, kXml)
          .ends_with(
              "data=\"0x09,0x01,0x02,0x88,0x81,0x01,0x07\" value=\"26.3\" unit=\"1\" sensorindex=\"9\" zone=\"1\" "
              "subzone=\"2\" />"));
  EXPECT_TRUE(encoded(event, {.format = PayloadFormat::kXml, .measurement = false}).ends_with("0x07\" />"));
}

// --- Reading.

TEST(XmlPayload, ReadsWhatItWrites) {
  vscp::Event event = full_event();
  const Read now = read(encoded(event, kXml));
  ASSERT_TRUE(now.hints);
  EXPECT_EQ(now.hints->format, PayloadFormat::kXml);
  event.timestamp_us = static_cast<std::uint32_t>(event.time_ns / 1000);
  EXPECT_EQ(now.event, event);
}

TEST(XmlPayload, ReadsTheExampleOfTheSpecification) {
  const Read result = read(R"(    <event
     head="3"
     obid="1234"
     datetime="2017-01-13T10:16:02"
     timestamp="50817"
     class="10"
     type="6"
     guid="00:00:00:00:00:00:00:00:00:00:00:00:00:01:00:02"
     sizedata="7"
     data="0x48,0x34,0x35,0x2E,0x34,0x36,0x34" />)");
  ASSERT_TRUE(result.hints) << to_text(result.error());
  EXPECT_EQ(result.event.head, 3);
  EXPECT_EQ(result.event.obid, 1234U);
  EXPECT_EQ(result.event.time_ns, 1'484'302'562'000'000'000ULL);
  EXPECT_EQ(result.event.timestamp_us, 50817U);
  EXPECT_EQ(result.event.vscp_class, 10);
  EXPECT_EQ(result.event.data_size, 7);
  EXPECT_EQ(result.event.data[3], 0x2e);
}

Errc error_of(std::string_view text) {
  return read(text, PayloadFormat::kXml).error();
}

TEST(XmlPayload, FormsOfTheDocument) {
  for (const char* text :
       {"<event class='10' type='6'/>", "<event class=\"10\" type=\"6\"></event>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<event class='10' type='6'/>\n",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><event class='10' type='6' note='\xe4'/>",
        "<!-- a node --><event class='10' type='6'><x y='1'>text</x></event>",
        "<event class='&#49;0' type='6' x='&amp;'/>", "<event class='10' type='6' data='1,\n2,\t3'/>",
        "<event vscpClass='99' class='10' type='6' vscpType='8'/>",
        "<event class='10' type='6'><event class='1' type='2'/></event>"}) {
    const Read result = read(text);
    EXPECT_EQ(result.error(), Errc{}) << text;
    EXPECT_EQ(result.event.vscp_class, 10) << text;
    EXPECT_EQ(result.event.vscp_type, 6) << text;
  }
}

TEST(XmlPayload, TheTopicFillsInWhatIsMissing) {
  const TopicDefaults topic = parse_topic_defaults("vscp/::8/10/6");
  const Read result = read("<event data='1'/>", PayloadFormat::kAuto, topic);
  ASSERT_TRUE(result.hints);
  EXPECT_EQ(result.event.vscp_class, 10);
  EXPECT_EQ(result.event.guid, guid_of("::8"));
  EXPECT_EQ(read("<event/>", PayloadFormat::kAuto, topic).error(), Errc::kNoEventField);
  EXPECT_EQ(read("<event x='1'/>", PayloadFormat::kAuto, topic).error(), Errc::kNoEventField);
  EXPECT_EQ(error_of("<event data='1'/>"), Errc::kNoClassType);
}

TEST(XmlPayload, WrongFieldsAreErrors) {
  EXPECT_EQ(error_of("<event class='65536' type='6'/>"), Errc::kNumberRange);
  EXPECT_EQ(error_of("<event class='ten' type='6'/>"), Errc::kBadNumber);
  EXPECT_EQ(error_of("<event class='10' type='6' data='256'/>"), Errc::kNumberRange);
  EXPECT_EQ(error_of("<event class='10' type='6' data='x'/>"), Errc::kBadNumber);
  EXPECT_EQ(error_of("<event class='10' type='6' guid='x'/>"), Errc::kBadGuid);
  EXPECT_EQ(error_of("<event class='10' type='6' datetime='x'/>"), Errc::kBadDate);
  std::string data = "0";
  for (int i = 1; i < 512; ++i) data += ",0x00";
  EXPECT_EQ(error_of("<event class='10' type='6' data='" + data + "'/>"), Errc{});
  EXPECT_EQ(error_of("<event class='10' type='6' data='" + data + ",1'/>"), Errc::kDataSize);
}

TEST(XmlPayload, WhatIsNoXmlIsAnError) {
  for (const char* text : {"<", "<event", "<event class='10' type='6'>", "<event class='10' type='6'/><event/>",
                           "<event class='10' class='11' type='6'/>", "<event class=10 type=6/>",
                           "<event class='10' type='6'/>x", "<event class='10' type='6' x='&y;'/>", "event", " "}) {
    EXPECT_EQ(error_of(text), Errc::kBadXml) << text;
  }
  EXPECT_EQ(error_of("<events class='10' type='6'/>"), Errc::kNoEventField);
  EXPECT_EQ(error_of("<x><event class='10' type='6'/></x>"), Errc::kNoEventField);
  const std::string whole = encoded(full_event(), kXml);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(error_of(whole.substr(0, size)), Errc::kBadXml) << size;
  }
}

TEST(XmlPayload, DocumentTypesAreRefused) {
  EXPECT_EQ(error_of("<!DOCTYPE event><event class='10' type='6'/>"), Errc::kBadXml);
  EXPECT_EQ(error_of("<!DOCTYPE event [<!ENTITY x '10'>]><event class='&x;' type='6'/>"), Errc::kBadXml);
  EXPECT_EQ(error_of("<!DOCTYPE event SYSTEM 'file:///etc/passwd'><event class='10' type='6'/>"), Errc::kBadXml);
  EXPECT_EQ(error_of("<!DOCTYPE event [<!ATTLIST event class CDATA '10' type CDATA '6'>]><event/>"), Errc::kBadXml);
}

TEST(XmlPayload, AnErrorDoesNotSpoilTheNextMessage) {
  EXPECT_EQ(error_of("<event class='x"), Errc::kBadXml);
  EXPECT_EQ(read("<event class='10' type='6'/>").error(), Errc{});
  EXPECT_EQ(error_of("<!DOCTYPE event><event/>"), Errc::kBadXml);
  EXPECT_EQ(read("<event class='10' type='6'/>").event.vscp_class, 10);
}

}  // namespace
}  // namespace drivers::mqtt::test
