// The dialects of other servers against one that spoils a message, and what a comparison makes of its results.
#include <gtest/gtest.h>

#include <array>

#include "tools/vscpbench/engine.h"
#include "tools/vscpbench/peers/body.h"
#include "tools/vscpbench/peers/comparison.h"
#include "tools/vscpbench/peers/fake_peer.h"
#include "tools/vscpbench/peers/peer_server.h"
#include "tools/vscpbench/peers/peer_wires.h"
#include "tools/vscpbench/peers/targets.h"

namespace bench::peers {
namespace {

struct Dialect {
  const char* name;
  FakeDialect dialect;
  std::unique_ptr<Wire> (*make)(std::size_t payload_bytes);
};

Outcome run_on(const FakePeer& peer, const Wire& wire, std::size_t payload, unsigned producers, unsigned consumers,
               double stall_seconds = 30) {
  Load load;
  load.producers = producers;
  load.consumers = consumers;
  load.events = 2000;
  load.warmup_seconds = 0;
  load.window = 512;
  load.stall_seconds = stall_seconds;
  load.verify = true;
  EventShape shape;
  shape.payload_bytes = payload;
  shape.run = 3;
  const std::atomic<bool> stop{false};
  auto outcome = run_load(peer.target(), load, shape, wire, 0, stop);
  EXPECT_TRUE(outcome.has_value()) << outcome.error();
  return outcome ? std::move(*outcome) : Outcome{};
}

class Dialects : public testing::TestWithParam<Dialect> {
 protected:
  static Outcome spoil(PeerFaults faults) {
    const FakePeer peer(GetParam().dialect, faults);
    return run_on(peer, *GetParam().make(64), 64, 1, 1, faults.lose != 0 ? 1 : 30);
  }
};

TEST_P(Dialects, ReportNothingWhenNothingIsWrong) {
  for (const std::size_t payload : {8U, 15U, 16U, 487U}) {
    const FakePeer peer(GetParam().dialect);
    const auto outcome = run_on(peer, *GetParam().make(payload), payload, 2, 3);
    EXPECT_TRUE(outcome.faultless()) << payload;
    EXPECT_EQ(outcome.events, 2000U) << payload;
    EXPECT_EQ(outcome.deliveries, 6000U) << payload;
    // A body of less than 16 bytes has no room for the time.
    EXPECT_EQ(outcome.latency.total(), payload < 16 ? 0U : 6000U) << payload;
  }
}

TEST_P(Dialects, SeeALoss) {
  const auto outcome = spoil({.lose = 700});
  EXPECT_EQ(outcome.lost, 1U);
  EXPECT_EQ(outcome.deliveries, 1999U);
}

TEST_P(Dialects, SeeADuplicate) {
  const auto outcome = spoil({.duplicate = 700});
  EXPECT_EQ(outcome.duplicated, 1U);
  EXPECT_EQ(outcome.deliveries, 2000U);
}

TEST_P(Dialects, SeeAWrongOrder) {
  const auto outcome = spoil({.swap_with_next = 700});
  EXPECT_EQ(outcome.reordered, 1U);
  EXPECT_EQ(outcome.lost, 0U);
}

TEST_P(Dialects, SeeAChangedByte) {
  EXPECT_EQ(spoil({.change_last_byte = 700}).corrupted, 1U);
  EXPECT_EQ(spoil({.change_first_byte = 700}).corrupted, 1U);
}

TEST_P(Dialects, SayWhyTheyAreRefused) {
  const FakePeer peer(GetParam().dialect, {.refuse = true});
  const auto session = GetParam().make(8)->open(peer.target(), Role::kConsumer, {});
  ASSERT_FALSE(session.has_value());
  if (GetParam().dialect == FakeDialect::kNats) {
    EXPECT_EQ(session.error(), "the server answers \"-ERR 'Authorization Violation'\"");
  }
  if (GetParam().dialect == FakeDialect::kRedis) {
    EXPECT_EQ(session.error(), "the server answers \"-NOAUTH Authentication required.\"");
  }
  if (GetParam().dialect == FakeDialect::kMqtt) {
    EXPECT_EQ(session.error(), "the broker refuses with code 5");
  }
}

INSTANTIATE_TEST_SUITE_P(All, Dialects,
                         testing::Values(Dialect{"Nats", FakeDialect::kNats, make_nats_wire},
                                         Dialect{"Redis", FakeDialect::kRedis, make_redis_wire},
                                         Dialect{"MqttQos0", FakeDialect::kMqtt,
                                                 [](std::size_t bytes) { return make_mqtt_wire(bytes, 0); }},
                                         Dialect{"MqttQos1", FakeDialect::kMqtt,
                                                 [](std::size_t bytes) { return make_mqtt_wire(bytes, 1); }}),
                         [](const auto& parameter) { return parameter.param.name; });

TEST(PeerWires, GiveNatsASignOfLife) {
  const FakePeer peer(FakeDialect::kNats, {.ping = 500});
  EXPECT_TRUE(run_on(peer, *make_nats_wire(64), 64, 2, 3).faultless());
  EXPECT_EQ(peer.answers(), 5U);
}

TEST(PeerWires, AcknowledgeEveryDeliveryOfQos1) {
  const FakePeer peer(FakeDialect::kMqtt);
  EXPECT_TRUE(run_on(peer, *make_mqtt_wire(64, 1), 64, 1, 3).faultless());
  EXPECT_EQ(peer.answers(), 6000U);
}

TEST(PeerWires, GiveEveryMessageOnItsWayAnotherPacketId) {
  const auto wire = make_mqtt_wire(8, 1);
  EventShape shape;
  shape.payload_bytes = 8;
  auto event = wire->make_event(shape, 0);
  const auto at = wire->id_offset(shape);
  const auto packet_id = [&](std::uint32_t sequence) {
    wire->write_id({.sequence = sequence}, event.data() + at);
    return static_cast<unsigned>(static_cast<unsigned char>(event[at - 2]) << 8U |
                                 static_cast<unsigned char>(event[at - 1]));
  };
  EXPECT_EQ(packet_id(0), 1U);
  EXPECT_EQ(packet_id(65534), 65535U);
  EXPECT_EQ(packet_id(65535), 1U);
}

TEST(PeerServer, SaysWhichPackageIsMissing) {
  auto kind = peer_kinds().front();
  kind.program = "a-server-that-nobody-has";
  kind.package = "its-package";
  EXPECT_EQ(find_program(kind.program), "");
  const auto started = PeerServer::start(kind);
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error(), "a-server-that-nobody-has is not installed (Debian package its-package)");
}

Load window_of(unsigned consumers, std::uint64_t deliveries_max) {
  Load load;
  load.consumers = consumers;
  set_window(load, deliveries_max);
  return load;
}

TEST(Comparison, LimitsWhatIsOnItsWay) {
  EXPECT_EQ(window_of(0, 0).window, 16384U);
  EXPECT_EQ(window_of(16, 0).window, 16384U);
  EXPECT_EQ(window_of(16, 0).window_bytes, 2U << 20U);
  EXPECT_EQ(window_of(256, 0).window_bytes, 1U << 20U);
  EXPECT_EQ(window_of(1, 262144).window, 16384U);
  EXPECT_EQ(window_of(256, 262144).window, 1024U);
  EXPECT_EQ(window_of(10000, 262144).window, 256U);  // less would be stop and go
}

Result result_of(std::string server, std::string wire, std::string scenario, std::size_t bytes, std::string figure,
                 std::vector<double> values) {
  Result result;
  result.server = std::move(server);
  result.wire = std::move(wire);
  result.scenario = std::move(scenario);
  result.payload_bytes = bytes;
  for (const auto value : values) result.add(figure, value);
  return result;
}

TEST(Targets, CompareRepeatsPairByPair) {
  const auto a = result_of("a", "text", "1:1", 8, "server_us_per_delivery", {1, 20, 3});
  const auto b = result_of("b", "text", "1:1", 8, "server_us_per_delivery", {1, 10, 2});
  EXPECT_DOUBLE_EQ(ratio_of(&a, &b, "server_us_per_delivery").value(), 1.5);
  EXPECT_FALSE(ratio_of(&a, nullptr, "server_us_per_delivery"));
  EXPECT_FALSE(ratio_of(&a, &b, "latency_p50_us"));
}

const TargetRow* row_of(const std::vector<TargetRow>& rows, std::string_view work, std::string_view against) {
  for (const auto& row : rows) {
    if (row.work == work && row.against == against) return &row;
  }
  return nullptr;
}

TEST(Targets, KnowMetMissedAndNotMeasured) {
  constexpr const char* kCpuFigure = "server_us_per_delivery";
  std::vector<Result> results;
  results.push_back(result_of("vscprouterd", "text", "1:256", 8, kCpuFigure, {0.030}));
  results.push_back(result_of("floor", "text", "1:256", 8, kCpuFigure, {0.025}));
  results.push_back(result_of("nats-server", "nats", "1:256", 8, kCpuFigure, {0.110}));
  results.push_back(result_of("redis-server", "redis", "1:256", 8, kCpuFigure, {0.070}));
  results.push_back(result_of("mosquitto", "mqtt-qos0", "1:256", 8, kCpuFigure, {6}));
  const auto rows = target_rows(results);
  const auto* floor = row_of(rows, "text 1:256 8 bytes", "floor");
  ASSERT_NE(floor, nullptr);
  EXPECT_DOUBLE_EQ(floor->measured.value(), 1.2);
  EXPECT_TRUE(floor->met());
  // Redis is the better one, and against it the target is missed.
  const auto* better = row_of(rows, "text 1:256 8 bytes", "better of nats-server, redis-server");
  ASSERT_NE(better, nullptr);
  EXPECT_NEAR(better->measured.value(), 0.4286, 1e-4);
  EXPECT_FALSE(better->met());
  const auto* mosquitto = row_of(rows, "any of these, worst: text 1:256 8 bytes", "mosquitto QoS 0");
  ASSERT_NE(mosquitto, nullptr);
  EXPECT_TRUE(mosquitto->met());
  const auto* binary = row_of(rows, "binary 1:16 487 bytes", "floor");
  ASSERT_NE(binary, nullptr);
  EXPECT_FALSE(binary->measured);
  EXPECT_FALSE(binary->met());
}

TEST(Targets, TakeTheBestLatencyOfThePeers) {
  std::vector<Result> results;
  results.push_back(result_of("vscprouterd", "text", "latency", 487, "latency_p50_us", {30}));
  results.push_back(result_of("floor", "text", "latency", 487, "latency_p50_us", {10}));
  results.push_back(result_of("nats-server", "nats", "latency", 487, "latency_p50_us", {60}));
  results.push_back(result_of("redis-server", "redis", "latency", 487, "latency_p50_us", {40}));
  const auto rows = target_rows(results);
  const auto* row = row_of(rows, "text latency p50", "best of the peers");
  ASSERT_NE(row, nullptr);
  EXPECT_DOUBLE_EQ(row->measured.value(), 0.75);  // against Redis: the floor is no peer
}

}  // namespace
}  // namespace bench::peers
