// Fuzz targets. Each takes any bytes, and ends the process if a promise is broken: of a decoder of the protocol
// (targets.cpp), of a reader of configuration (text_targets.cpp), of a link session in text
// (session_target.cpp) and in binary (binary_target.cpp), of messages and topics of MQTT (mqtt_targets.cpp),
// of the files of a spool (spool_target.cpp), of what a far side says to the link client (remote_target.cpp), of what a
// peer says to TLS (tls_target.cpp), of datagrams (udp_target.cpp), of what comes from CAN sockets (can_targets.cpp), of
// what a driver library writes over the memory that it shares (library_target.cpp).
//
// libFuzzer programs (option `fuzz`, clang) call one of them each; replay_corpus runs all of them over the committed
// corpus in every build.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fuzz {

using Bytes = std::span<const std::uint8_t>;

void event_line(Bytes input);
void data_list(Bytes input);
void link_command(Bytes input);
void guid(Bytes input);
void datetime(Bytes input);
void filter_half(Bytes input);
void event_frame(Bytes input);
void command_frame(Bytes input);
void measurement(Bytes input);
void config(Bytes input);
void users(Bytes input);
void link_session(Bytes input);
void binary_session(Bytes input);
void link_client(Bytes input);
void json_payload(Bytes input);
void xml_payload(Bytes input);
void mqtt_message(Bytes input);
void topic_template(Bytes input);
void topic_match(Bytes input);
void site_message(Bytes input);
void bridged_message(Bytes input);
void spool_segment(Bytes input);
void tls_stream(Bytes input);
void udp_datagram(Bytes input);
void can_message(Bytes input);
void can_links(Bytes input);
void library_ring(Bytes input);

struct Target {
  std::string_view name;  ///< folder of its corpus, and of the program fuzz_<name>
  void (*run)(Bytes input);
  std::size_t prefix_step = 1;  ///< the replay runs the first 0, 1, 2... times so many bytes of an input, too
};

inline constexpr Target kTargets[] = {
    {"event_line", event_line},
    {"data_list", data_list},
    {"link_command", link_command},
    {"guid", guid},
    {"datetime", datetime},
    {"filter_half", filter_half},
    {"event_frame", event_frame},
    {"command_frame", command_frame},
    {"measurement", measurement},
    {"config", config, 7},
    {"users", users, 7},
    {"link_session", link_session, 61},
    {"binary_session", binary_session, 61},
    {"link_client", link_client, 13},
    {"json_payload", json_payload},
    {"xml_payload", xml_payload},
    {"mqtt_message", mqtt_message},
    {"topic_template", topic_template},
    {"topic_match", topic_match},
    {"site_message", site_message},
    {"bridged_message", bridged_message},
    {"spool_segment", spool_segment, 61},
    {"tls_stream", tls_stream, 61},
    {"udp_datagram", udp_datagram},
    {"can_message", can_message},
    {"can_links", can_links},
    {"library_ring", library_ring},
};

}  // namespace fuzz
