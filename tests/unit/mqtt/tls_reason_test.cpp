// Lines as Paho MQTT C 1.3 and OpenSSL 3.0 write them.
#include "drivers/mqtt/tls_reason.h"

#include <gtest/gtest.h>

namespace drivers::mqtt {
namespace {

constexpr std::string_view kVerifyFailed =
    "C046F165137F0000:error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify "
    "failed:../ssl/statem/statem_clnt.c:1889:\n";
constexpr std::string_view kCheckHost = "20261122 181313.108 X509_check_host for hostname 10.0.0.1 failed, rc 0";

bool says(const TlsReason& reason, std::string_view words) {
  return reason.text.find(words) != std::string::npos;
}

TEST(TlsReason, AnAlertThatWeWriteIsAboutTheBrokersCertificate) {
  for (const auto& [alert, words] : {std::pair<std::string_view, std::string_view>{"unknown CA", "tls.cafile"},
                                     {"certificate expired", "expired, or the clock"},
                                     {"bad certificate", "not valid"}}) {
    TlsNotes notes;
    notes.note_trace("20261122 181313.108 SSL alert write:fatal:" + std::string(alert));
    notes.note_error(kVerifyFailed);
    const TlsReason reason = notes.take("broker", false);
    EXPECT_TRUE(says(reason, words)) << reason.text;
    EXPECT_TRUE(reason.permanent);
  }
}

TEST(TlsReason, AnAlertThatWeReadIsAboutUs) {
  for (const auto& [alert, words] : {std::pair<std::string_view, std::string_view>{"unknown", "wants a certificate"},
                                     {"handshake failure", "wants a certificate"},
                                     {"unknown CA", "authority that signed tls.certfile"},
                                     {"certificate expired", "renew"},
                                     {"protocol version", "TLS 1.2"},
                                     {"internal error", "internal error"}}) {
    TlsNotes notes;
    notes.note_trace("20261122 181313.108 SSL alert read:fatal:" + std::string(alert));
    EXPECT_TRUE(says(notes.take("broker", false), words)) << alert;
    notes.note_trace("20261122 181313.108 SSL alert read:fatal:" + std::string(alert));
    EXPECT_TRUE(says(notes.take("broker", true), "tls.psk")) << alert;
  }
}

TEST(TlsReason, AHostNameThatDoesNotMatch) {
  TlsNotes notes;
  notes.note_trace(kCheckHost);
  notes.note_trace("20261122 181313.109 SSL alert write:warning:close notify");
  EXPECT_TRUE(says(notes.take("10.0.0.1", false), "not for 10.0.0.1"));
  // It had the address after all: what follows is the CONNECT.
  notes.note_trace(kCheckHost);
  notes.note_trace("20261122 181313.120 11  -> CONNECT version 4 clean: 1 (0)");
  EXPECT_FALSE(says(notes.take("10.0.0.1", false), "not for"));
}

TEST(TlsReason, ErrorsOfOpensslAreShortened) {
  TlsNotes notes;
  notes.note_error(
      "C046F165137F0000:error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:../ssl/x.c:320:\n");
  EXPECT_EQ(notes.take("broker", false).text, "TLS: unexpected eof while reading");
  notes.note_error("80DB:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/x.c:354:\n");
  EXPECT_TRUE(says(notes.take("broker", false), "does not speak TLS"));
  for (int i = 0; i < 1000; ++i) notes.note_error(kVerifyFailed);
  EXPECT_LT(notes.take("broker", false).text.size(), 500U);
}

TEST(TlsReason, WhatWasTakenIsForgotten) {
  TlsNotes notes;
  notes.note_trace("SSL alert write:fatal:certificate expired");
  notes.take("broker", false);
  const TlsReason reason = notes.take("broker", false);
  EXPECT_FALSE(says(reason, "expired"));
  EXPECT_FALSE(reason.permanent);
}

TEST(TlsReason, FilesAreReadAndNamed) {
  MqttTls tls;
  tls.ca_file = "/nowhere/ca.pem";
  EXPECT_NE(tls_files_problem(tls).find("/nowhere/ca.pem"), std::string::npos);
  EXPECT_EQ(tls_files_problem({}), "");
}

}  // namespace
}  // namespace drivers::mqtt
