"""MQTT: events out to a real mosquitto and in from it, in every format; what is wrong is refused and counted."""

import json
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from broker import Broker  # noqa: E402
from daemon import GUID as ROUTER, Daemon, poll, user  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402

GUID = "FF:FF:FF:FF:FF:FF:FF:FE:5C:CF:7F:C4:1E:7B:00:08"


def section(broker, **more):
    """The "mqtt" section for a broker."""
    out = {"host": "127.0.0.1", "port": broker.port, "reconnect": {"delay": 0, "delay-max": 1}, "daemon-topics": False}
    out.update(more)
    return out


def remote(daemon, name="mqtt"):
    """What stat says about a broker."""
    return next(r for r in daemon.admin("stat")["drivers"] if r["driver"] == "mqtt" and r["name"] == name)


def connected(daemon, name="mqtt"):
    """Also that the broker has taken the subscriptions: what is published from now on comes."""
    poll(lambda: remote(daemon, name)["state"] == "connected", 20, "connection to the broker")


def parted(daemon, name="mqtt"):
    """The router knows that the connection is gone."""
    poll(lambda: remote(daemon, name)["state"] in ("waiting", "connecting"), 60, "the end of the connection to the broker")


class MqttTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker().start()

    @classmethod
    def tearDownClass(cls):
        cls.broker.remove()

    def test_events_go_out_in_every_format(self):
        publish = [{"topic": "out/" + f + "/{{guid}}/{{class}}/{{type}}", "format": f} for f in ("json", "xml", "string", "binary")]
        publish.append({"topic": "out/old/{{class}}", "format": "json", "dialect": "legacy"})
        with MqttClient(self.broker.port, "formats").subscribe("out/#") as watcher:
            with Daemon(config={"mqtt": section(self.broker, publish=publish)}) as daemon:
                connected(daemon)
                with daemon.login() as client:
                    client.ok(f"SEND 96,10,6,0,2026-01-02T03:04:05Z,1000,{GUID},136,2,8")
                    got = {m.topic: m.payload for m in (watcher.read() for _ in publish)}
                    self.assertEqual({f"out/{f}/{GUID}/10/6" for f in ("json", "xml", "string", "binary")} | {"out/old/10"}, set(got))
                    event = json.loads(got[f"out/json/{GUID}/10/6"])
                    self.assertEqual((event["class"], event["type"], event["guid"], event["data"]), (10, 6, GUID, [136, 2, 8]))
                    self.assertEqual(json.loads(got["out/old/10"])["vscpClass"], 10)
                    self.assertIn(b'class="10"', got[f"out/xml/{GUID}/10/6"])
                    self.assertEqual(got[f"out/string/{GUID}/10/6"], f"352,10,6,0,,1767323045000000000,{GUID},136,2,8".encode())
                    self.assertEqual(got[f"out/binary/{GUID}/10/6"][:2], b"\0\x10")

    def test_events_come_in_and_malformed_ones_do_not(self):
        subscribe = [{"topic": "in/#"}]
        with Daemon(config={"mqtt": section(self.broker, subscribe=subscribe, bUseTopicForEventDefaults=True)}) as daemon:
            connected(daemon)
            with daemon.login() as client, MqttClient(self.broker.port, "sender") as sender:
                client.ok("RCVLOOP")
                sender.publish("in/a", json.dumps({"class": 20, "type": 3, "guid": GUID, "data": [1, 2, 3]}), qos=1)
                event = client.read_event()
                self.assertEqual((event.vscp_class, event.vscp_type, event.guid, event.data), (20, 3, GUID, [1, 2, 3]))
                sender.publish(f"in/vscp/{GUID}/30/4", '{"data": [7]}')
                event = client.read_event()
                self.assertEqual((event.vscp_class, event.vscp_type, event.guid, event.data), (30, 4, GUID, [7]))
                sender.publish("in/a", f"0,20,9,0,,,{GUID},1")
                self.assertEqual(client.read_event().vscp_type, 9)
                sender.publish("in/bad", b"", qos=1)  # a retained message is cleared: no event, and no mistake
                bad = [b"{", b'{"class": 70000, "type": 1}', b"a,b,c,d,e,f,g,h", b"<event", b"\0\x10abc", b'{"type": 1}',
                       b'{"class":1,"type":1,"data":[' + b"1," * 600 + b"1]}", b"x" * 100000]
                for payload in bad:
                    sender.publish("in/bad", payload, qos=1)
                sender.publish("in/a", f"0,20,10,0,,,{GUID}", qos=1)
                self.assertEqual(client.read_event().vscp_type, 10)
                self.assertEqual(remote(daemon)["malformed"], len(bad))

    def test_own_messages_do_not_come_back(self):
        for version in (311, 5):
            with self.subTest(version=version):
                topics = {"publish": [{"topic": "tree/{{class}}"}], "subscribe": [{"topic": "tree/#"}], "mqtt-options": {"protocol-version": version}}
                with Daemon(config={"mqtt": section(self.broker, **topics)}) as daemon:
                    connected(daemon)
                    with daemon.login() as client, daemon.login() as other, MqttClient(self.broker.port, "outside") as outside:
                        other.ok("RCVLOOP")
                        outside.subscribe("tree/#")
                        for number in range(50):
                            client.ok(f"SEND 0,20,{number},0,,,{GUID},1")
                        for number in range(50):
                            self.assertEqual(json.loads(outside.read().payload)["type"], number)
                        outside.publish("tree/x", f"0,20,99,0,,,{GUID},1", qos=1)
                        self.assertEqual([other.read_event().vscp_type for _ in range(51)], [*range(50), 99])

    def test_a_driver_with_a_broker_of_its_own(self):
        """As upstream has it: the section of the link server's entry. What one connection publishes comes back over the other: no loop."""
        folder = Path(tempfile.mkdtemp(prefix="vscprouter-mqtt-"))
        self.addCleanup(shutil.rmtree, folder)
        (folder / "users.json").write_text(json.dumps({"users": [user("admin")]}))
        (folder / "users.json").chmod(0o600)
        (folder / "tcpipsrv.json").write_text(json.dumps({"interface": "127.0.0.1:0", "path-users": str(folder / "users.json")}))
        entry = {"enable": True, "name": "tcpsrv", "path-driver": "/x/libvscpl2drv-tcpipsrv.so", "path-config": str(folder / "tcpipsrv.json"),
                 "guid": GUID, "mqtt": section(self.broker, publish=[{"topic": "drv/{{driver-name}}/{{ifguid[15]}}/{{type}}"}],
                                               subscribe=[{"topic": "drv/#"}])}
        config = {"mqtt": section(self.broker, publish=[{"topic": "drv/daemon/{{type}}"}]), "drivers": {"level2": [entry]}}
        with MqttClient(self.broker.port, "outside").subscribe("drv/#") as outside, Daemon(config=config) as daemon:
            connected(daemon)
            connected(daemon, "tcpsrv")
            with daemon.login() as client, daemon.login() as reader:
                reader.ok("RCVLOOP")
                client.ok(f"SEND 0,20,7,0,,,{GUID},1")
                self.assertEqual({outside.read().topic for _ in range(2)}, {"drv/daemon/7", "drv/tcpsrv/8/7"})
                self.assertEqual(reader.read_event().vscp_type, 7)
                outside.publish("drv/x", f"0,20,8,0,,,{GUID},1", qos=1)
                self.assertEqual(reader.read_event().vscp_type, 8)
                self.assertEqual({outside.read().topic for _ in range(2)}, {"drv/x", "drv/daemon/8"})
                self.assertIsNone(outside.read(0.3), "no loop")
                self.assertEqual(reader.waiting(), 0)

    def test_filters(self):
        topics = [{"topic": "f/all"}, {"topic": "f/alarm", "filter": {"class-filter": 1, "class-mask": 65535}}]
        with MqttClient(self.broker.port, "filters").subscribe("f/#") as watcher:
            with Daemon(config={"mqtt": section(self.broker, publish=topics, filter={"type-filter": 2, "type-mask": 65535})}) as daemon:
                connected(daemon)
                with daemon.login() as client:
                    for event in ("20,2", "1,2", "1,3", "20,3"):
                        client.ok(f"SEND 0,{event},0,,,{GUID},1")
                    got = [(m.topic, json.loads(m.payload)["class"]) for m in (watcher.read() for _ in range(3))]
                    self.assertEqual(got, [("f/all", 20), ("f/all", 1), ("f/alarm", 1)])
                    self.assertIsNone(watcher.read(0.2))

    def test_what_the_router_tells_about_itself(self):
        topics = {"publish": [{"topic": "beat/{{class}}/{{type}}", "qos": 1}], "subscribe": [{"topic": "beat/#"}], "daemon-topics": True, "heartbeat-s": 1,
                  "topic-drivers": "vscp-daemon/{{srvguid}}/all-drivers"}
        with Daemon(config={"mqtt": section(self.broker, **topics)}) as daemon, daemon.login() as client:
            connected(daemon)
            client.ok(f"SEND 0,20,3,0,,,{GUID},1,2,3")
            client.ok("RCVLOOP")
            base = f"vscp-daemon/{ROUTER}/"
            with MqttClient(self.broker.port, "beats").subscribe("beat/#") as watcher:
                events = {}
                while len(events) < 4:
                    event = json.loads(watcher.read().payload)
                    if event["guid"] == ROUTER:
                        events[(event["class"], event["type"])] = event["data"]
            self.assertEqual(events[(20, 9)], [0, 0, 0])
            self.assertEqual(bytes(events[(1026, 2)]), b"test".ljust(64, b"\0"))
            self.assertLess(abs(int.from_bytes(events[(0, 1)][1:], "big") - time.time()), 600)
            self.assertEqual(bytes(events[(1024, 20)][8:24]).hex(":").upper(), ROUTER)
            self.assertEqual(bytes(events[(1024, 20)][40:104]), b"test".ljust(64, b"\0"))
            self.assertEqual(bytes(events[(1024, 20)][104:]), bytes([15]) + daemon.port.to_bytes(2, "big"))
            poll(lambda: remote(daemon)["echoes"] >= 4, what="our own heartbeats, which come back and are no events")
            self.assertEqual(remote(daemon)["events_in"], 0)
            with MqttClient(self.broker.port, "late").subscribe("vscp-daemon/#") as late:
                told = {}
                while len(told) < 5:
                    message = late.read()
                    self.assertTrue(message.retain)
                    told[message.topic] = message.payload
        self.assertEqual(told[base + "server-name"], b"test")
        self.assertRegex(told[base + "server-version"].decode(), r"^\d+\.\d+\.\d+$")
        self.assertRegex(told[base + "server-started-utc"].decode(), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIn("mqtt mqtt", [d["name"] for d in json.loads(told[base + "all-drivers"])["drivers"]])
        self.assertEqual(json.loads(told[base + "discovery"])["guid"], GUID)

    def test_several_brokers(self):
        with Broker() as second:
            brokers = [section(self.broker, name="one", publish=[{"topic": "one/{{type}}"}]),
                       section(second, name="two", subscribe=[{"topic": "two/#"}], publish=[{"topic": "two-out/{{type}}"}])]
            with Daemon(config={"mqtt": brokers}) as daemon:
                connected(daemon, "one")
                connected(daemon, "two")
                with MqttClient(self.broker.port, "a").subscribe("#") as first_side, MqttClient(second.port, "b").subscribe("#") as second_side:
                    second_side.publish("two/x", f"0,20,5,0,,,{GUID},1")
                    self.assertEqual(second_side.read().topic, "two/x")
                    self.assertEqual(first_side.read().topic, "one/5")
                    self.assertIsNone(second_side.read(0.2), "what a broker brought does not go back to it")

    def test_the_broker_goes_and_comes(self):
        for qos, clean in ((1, True), (1, False), (2, False)):
            with self.subTest(qos=qos, clean=clean), Broker(persistent=True) as broker:
                topics = {"publish": [{"topic": "t/{{class}}", "qos": qos, "format": "string"}], "clientid": "router", "bcleansession": clean}
                with Daemon(config={"mqtt": section(broker, **topics)}) as daemon:
                    connected(daemon)
                    watcher = MqttClient(broker.port, "watcher", clean=False).subscribe("t/#", qos=1)
                    watcher.close()
                    broker.terminate()
                    with daemon.login() as client:
                        for number in range(500):
                            client.ok(f"SEND 0,20,{number},0,,,{GUID},1")
                    parted(daemon)
                    broker.start()
                    watcher = MqttClient(broker.port, "watcher", clean=False)
                    got = [int(watcher.read().payload.split(b",")[2]) for _ in range(500)]
                    self.assertEqual(got, list(range(500)))
                    watcher.close()
                    poll(lambda: remote(daemon)["events_waiting"] == 0, what="empty queue")

    def test_refused_by_the_broker(self):
        with Broker(anonymous=False) as broker:
            with Daemon(config={"mqtt": section(broker, user="me", password="wrong-secret")}) as daemon:
                poll(lambda: remote(daemon)["connects_failed"] > 0, what="refusal")
                self.assertIn("authori", remote(daemon)["last_error"].lower())
                self.assertNotIn("wrong-secret", daemon.output())


if __name__ == "__main__":
    unittest.main(verbosity=2)
