"""Rules between brokers: messages of any kind go from one to another, once, in order, without loops, and none that was acknowledged is lost.

VSCPROUTER_KILLS says how often the router is killed (10 unless told otherwise, 4 with a sanitizer)."""

import contextlib
import os
import random
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from accounting import Tally  # noqa: E402
from broker import Broker, mosquitto_path  # noqa: E402
from daemon import Daemon, is_sanitized, poll  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402
from mqtt_test import connected, remote, section  # noqa: E402

KILLS = int(os.environ.get("VSCPROUTER_KILLS", "4" if is_sanitized() else "10"))


def side(broker, name, **more):
    """A broker of a bridge, with a session that survives the router."""
    return section(broker, name=name, clientid="router-" + name + more.pop("suffix", ""), **more)


def bridge(daemon, name):
    """What stat says of one rule."""
    return next(r for r in daemon.admin("stat")["drivers"] if r["driver"] == "mqtt-bridge" and r["name"] == name)


@contextlib.contextmanager
def joined(brokers, *rules, **more):
    """A router with these brokers (name to broker) and rules; waits until all are connected."""
    sections = [side(broker, name, **more) for name, broker in brokers.items()]
    with Daemon(config={"mqtt": sections, "mqtt-bridges": list(rules)}) as daemon:
        for name in brokers:
            connected(daemon, name)
        yield daemon


class Bridges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.near = Broker().start()
        cls.far = Broker().start()

    @classmethod
    def tearDownClass(cls):
        cls.near.remove()
        cls.far.remove()

    def watch(self, broker, topics="#", version=5, **more):
        client = MqttClient(broker.port, f"watch-{random.random()}", version=version)
        self.addCleanup(client.close)
        return client.subscribe(topics, **more)

    def test_messages_cross_both_ways_with_their_topics_mapped(self):
        rule = {"from": "near", "to": "far", "direction": "both", "topics": ["sensors/#", "cmd"], "from-prefix": "hall/", "to-prefix": "site/7/", "qos": 2}
        with joined({"near": self.near, "far": self.far}, rule) as daemon:
            near, far = self.watch(self.near, qos=2), self.watch(self.far, qos=2)
            big = bytes(random.Random(1).randbytes(700_000))
            sent = [("hall/sensors/a", b"\0\xff raw", 0), ("hall/sensors", b"", 1), ("hall/cmd", b"x", 2), ("hall/sensors/b/c", big, 1)]
            for topic, payload, qos in sent:
                near.publish(topic, payload, qos=qos, properties=[("unit", "C"), ("unit", "K")])
            near.publish("hall/other", b"stays", qos=1)
            got = {m.topic: m for m in (far.read() for _ in sent)}  # between one QoS and another there is no order
            for topic, payload, qos in sent:
                message = got[topic.replace("hall/", "site/7/")]
                self.assertTrue(message.payload == payload)
                self.assertEqual(message.qos, qos)
                self.assertEqual([p for p in message.properties if p[0] == "unit"], [("unit", "C"), ("unit", "K")])
                self.assertRegex(dict(message.properties)["vscp-bridge"], "^near@[0-9a-f]{8}$")
            far.publish("site/7/sensors/back", b"1", qos=1)
            self.assertEqual(far.read().topic, "site/7/sensors/back")
            self.assertEqual({near.read().topic for _ in range(6)}, {*(topic for topic, *_ in sent), "hall/other", "hall/sensors/back"})
            self.assertIsNone(near.read(0.3), "nothing comes back to where it came from")
            self.assertIsNone(far.read(0))
            self.assertEqual(bridge(daemon, "near -> far")["messages_carried"], 4)
            self.assertEqual(bridge(daemon, "far -> near")["messages_carried"], 1)
            self.assertEqual(bridge(daemon, "far -> near")["messages_been_there"], 4)

    def test_retained_messages(self):
        with joined({"near": self.near, "far": self.far}, {"from": "near", "to": "far", "topics": "keep/#"}):
            near = self.watch(self.near, "none")
            watcher = self.watch(self.far, "keep/#", options=8)  # retain as published
            near.publish("keep/a", b"1", qos=1, retain=True)
            near.publish("keep/b", b"2", qos=1)
            got = {}
            while len(got) < 2:
                message = watcher.read()
                got[message.topic] = message.retain
            self.assertEqual(got, {"keep/a": True, "keep/b": False})
            self.assertEqual(self.watch(self.far, "keep/#").read().topic, "keep/a")
            near.publish("keep/a", b"", qos=1, retain=True)
            self.assertEqual(watcher.read().payload, b"")
            self.assertIsNone(self.watch(self.far, "keep/#").read(0.2))

    def test_marks_in_topics_and_none_at_all(self):
        old = {"mqtt-options": {"protocol-version": 311}}
        for mark, levels in (("auto", 1), ("none", 0)):
            rule = {"from": "near", "to": "far", "direction": "both", "topics": [f"{mark}/+"], "mark": mark}
            with self.subTest(mark=mark), joined({"near": self.near, "far": self.far}, rule, suffix=mark, **old) as daemon:
                near, far = self.watch(self.near, f"{mark}/#", version=4), self.watch(self.far, f"{mark}/#", version=4)
                for number in range(20):
                    near.publish(f"{mark}/a", b"same", qos=1)
                    far.publish(f"{mark}/b", b"%d" % number, qos=1)
                there = [far.read().topic for _ in range(40)]
                back = [near.read().topic for _ in range(40)]
                self.assertEqual(there.count(f"{mark}/b"), 20)
                self.assertEqual(back.count(f"{mark}/a"), 20)
                marked = [topic for topic in there if topic.startswith(f"{mark}/a")]
                self.assertEqual({topic.count("/") for topic in marked}, {1 + levels})
                self.assertIsNone(near.read(0.3))
                self.assertIsNone(far.read(0))
                self.assertEqual(bridge(daemon, "near -> far")["loops"], 0)

    def test_filter_and_rate(self):
        rules = [{"name": "temperatures", "from": "near", "to": "far", "topics": "ev/#", "filter": {"class-filter": 10, "class-mask": 65535}},
                 {"name": "slow", "from": "near", "to": "far", "topics": "slow", "rate": 100}]
        with joined({"near": self.near, "far": self.far}, *rules) as daemon:
            far = self.watch(self.far)
            near = self.watch(self.near, "none")
            for payload in ('{"class": 10, "type": 6, "data": [1]}', '{"class": 20, "type": 3}', "no event", "0,10,7,0,,,-,1", ""):
                near.publish("ev/x", payload, qos=1)
            self.assertEqual([far.read().payload[:8] for _ in range(2)], [b'{"class"', b"0,10,7,0"])
            poll(lambda: bridge(daemon, "temperatures: near -> far")["messages_filtered"] == 3, what="three that are no such events")
            for number in range(60):
                near.publish("slow", b"%d" % number, qos=1)
            self.assertEqual([int(far.read().payload) for _ in range(60)], list(range(60)))
            self.assertEqual(remote(daemon, "near")["malformed"], 0, "they were never meant to be events")

    def test_a_chain_in_one_router_and_its_events(self):
        with Broker() as third:
            brokers = {"near": self.near, "far": self.far, "third": third}
            sections = [side(broker, name, suffix="chain", **({} if name == "far" else {"subscribe": [{"topic": "chain/#", "qos": 1}]}))
                        for name, broker in brokers.items()]
            rules = [{"from": "near", "to": "far", "topics": "chain/#"}, {"from": "far", "to": "third", "topics": "chain/#"}]
            with Daemon(config={"mqtt": sections, "mqtt-bridges": rules}) as daemon, daemon.login() as client:
                for name in brokers:
                    connected(daemon, name)
                client.ok("RCVLOOP")
                last = self.watch(third, "chain/#")
                for number in range(30):
                    self.watch(self.near, "none").publish("chain/x", f"0,20,{number},0,,,-,1", qos=1)
                got = [last.read() for _ in range(30)]
                self.assertEqual([int(m.payload.split(b",")[2]) for m in got], list(range(30)))
                self.assertRegex(dict(got[0].properties)["vscp-bridge"], "^near@[0-9a-f]{8},far@[0-9a-f]{8}$")
                # An event that comes over both ends is one.
                self.assertEqual([client.read_event().vscp_type for _ in range(30)], list(range(30)))
                poll(lambda: remote(daemon, "third")["echoes"] == 30, what="the copies at the other end")
                self.assertEqual(client.waiting(), 0)

    def ring(self, names, version):
        """Three brokers, three routers, each joining two of them; `names` says what each router calls its brokers."""
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        brokers = [stack.enter_context(Broker()) for _ in range(3)]
        daemons = []
        for number, (first, second) in enumerate(names):
            pair = {first: brokers[number], second: brokers[(number + 1) % 3]}
            options = {"mqtt-options": {"protocol-version": version}, "suffix": str(number)}
            sections = [side(broker, name, **dict(options)) for name, broker in pair.items()]
            guid = "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:00:00:%02X" % (number + 1)
            config = {"mqtt": sections, "mqtt-bridges": [{"from": first, "to": second, "direction": "both", "topics": "ring/#"}], "guid": guid}
            daemon = stack.enter_context(Daemon(config=config))
            connected(daemon, first)
            connected(daemon, second)
            daemons.append(daemon)
        return brokers, daemons

    def count_round(self, brokers, messages, expected=None):
        """How often the messages came to each broker, which is `expected` if known."""
        watchers = [self.watch(broker, "ring/#") for broker in brokers]
        for number in range(messages):
            watchers[0].publish("ring/x", b"%d" % number, qos=1)
        counts = []
        for watcher, count in zip(watchers, expected or [0] * 3):
            got = [int(m.payload) for m in ([watcher.read() for _ in range(count)] or watcher.read_all(1.0))]
            self.assertEqual(set(got), set(range(messages)))
            counts.append(len(got))
        self.assertEqual([len(watcher.read_all(0.2)) for watcher in watchers], [0, 0, 0], "nothing more comes")
        return counts

    def test_a_ring_of_three(self):
        for version in (5, 311):
            with self.subTest(version=version):
                brokers, daemons = self.ring([("a", "b"), ("b", "c"), ("c", "a")], version)
                # Two routers take each message at its broker, so each other broker gets it over both ways; none comes home.
                self.count_round(brokers, 20, [20, 40, 40])
                loops = sum(r["loops"] for d in daemons for r in d.admin("stat")["drivers"] if r["driver"] == "mqtt-bridge")
                self.assertEqual(loops, 0)

    def test_a_ring_whose_routers_disagree_about_names(self):
        brokers, daemons = self.ring([("a", "b"), ("c", "d"), ("e", "f")], 5)
        counts = self.count_round(brokers, 20)
        self.assertLessEqual(max(counts), 20 * 4, "a loop ends where it began")
        loops = sum(r["loops"] for d in daemons for r in d.admin("stat")["drivers"] if r["driver"] == "mqtt-bridge")
        self.assertGreater(loops, 0)
        poll(lambda: any("there is a loop" in d.output() for d in daemons), what="a line in the log")

    def test_a_loop_over_a_bridge_that_takes_marks_off(self):
        with Broker() as near:
            plain = f"connection back\naddress 127.0.0.1:{near.port}\nbridge_protocol_version mqttv311\ntopic loop/# out 1\n"
            with Broker(config=plain) as far, joined({"near": near, "far": far}, {"from": "near", "to": "far", "topics": "loop/#", "storm-limit": 50}) as daemon:
                watcher = self.watch(far, "loop/#", qos=1)
                poll(lambda: "Connecting bridge" in far.log(), what="mosquitto's bridge")
                near_side = self.watch(near, "none")
                near_side.publish("loop/a", b"round and round", qos=1)
                poll(lambda: bridge(daemon, "near -> far")["messages_stopped"] > 0, 20, "the loop is seen")
                poll(lambda: "may be a loop over another bridge" in daemon.output(), what="a line in the log")
                self.assertLessEqual(len(watcher.read_all(0.5)), 60)
                near_side.publish("loop/b", b"another", qos=1)
                self.assertEqual(watcher.read().topic, "loop/b", "others pass")

    def test_what_is_no_mark_is_refused(self):
        with joined({"near": self.near, "far": self.far}, {"from": "near", "to": "far", "topics": "m/#"}, suffix="m") as daemon:
            far, near = self.watch(self.far, "m/#"), self.watch(self.near, "none")
            for mark in ("", "x", "near@123", "near@0011223g", "a b@00112233", "near@00112233,", ",", "n" * 5000, ",".join(["near@00112233"] * 40)):
                near.publish("m/x", mark, qos=1, properties=[("vscp-bridge", mark)])
            near.publish("m/y/vscp-bridge:bad", b"1", qos=1)
            near.publish("m/z", b"good", qos=1)
            self.assertEqual([far.read().payload for _ in range(2)], [b"", b"good"])
            self.assertEqual(bridge(daemon, "near -> far")["messages_refused"], 9)


class BridgeFaults(unittest.TestCase):
    """Published at one broker with QoS 1, counted at the other."""

    class Publisher:
        """Publishes numbers for ever; `acked` are those that the broker has acknowledged."""

        def __init__(self, broker, size, pace_s=0.001):
            self.broker, self.size, self.pace_s = broker, size, pace_s
            self.acked, self.stopping = set(), threading.Event()
            self.thread = threading.Thread(target=self._run)

        def _run(self):
            number = 0
            with MqttClient(self.broker.port, "publisher") as client:
                while not self.stopping.is_set():
                    client.publish("t/x", b"%d" % number + b" " * self.size, qos=1)
                    self.acked.add(number)
                    number += 1
                    self.stopping.wait(self.pace_s)

        def __enter__(self):
            self.thread.start()
            return self

        def __exit__(self, *unused):
            self.stopping.set()
            self.thread.join()

        def wait(self, more):
            count = len(self.acked) + more
            poll(lambda: len(self.acked) >= count, 60, "published messages")

    def collect(self, daemon, broker, publisher, name, faults, duplicates_max):
        tally = Tally()
        client = MqttClient(broker.port, "watcher", clean=False)

        def read():
            while (message := client.read(0.05)) is not None:
                tally.add(int(message.payload))
            return not tally.missing(publisher.acked)

        try:
            poll(read, 60, "arrival of all messages")
        except AssertionError:
            print(f"{name}: {len(tally.missing(publisher.acked))} missing, the first {tally.missing(publisher.acked)[:3]}\n{daemon.admin('stat')['drivers']}\n{daemon.output()}")
            raise
        client.close()
        print(f"{name}: {faults} faults, {len(publisher.acked)} acknowledged, {len(tally.missing(publisher.acked))} lost, "
              f"{tally.duplicates()} twice, {tally.disorder} out of order")
        self.assertLessEqual(tally.duplicates(), duplicates_max)
        self.assertEqual(tally.disorder, 0)

    def run_fault(self, name, fault, faults=1, duplicates_max=1000, size=0, **spool):
        with Broker() as near, Broker() as far:
            MqttClient(far.port, "watcher", clean=False).subscribe("t/#", qos=1).close()
            sections = [side(near, "near"), side(far, "far", spool=spool)]
            daemon = Daemon(config={"mqtt": sections, "mqtt-bridges": [{"from": "near", "to": "far", "topics": "t/#"}]})
            try:
                daemon.start()
                connected(daemon, "near")
                with self.Publisher(near, size) as publisher:
                    publisher.wait(50)
                    fault(daemon, far, publisher)
                    publisher.wait(50)
                self.collect(daemon, far, publisher, name, faults, duplicates_max)
                daemon.stop()
            finally:
                daemon.remove()

    def test_the_router_is_killed(self):
        randomness = random.Random(7)

        def fault(daemon, far, publisher):
            for _ in range(KILLS):
                publisher.wait(randomness.randrange(1, 100))
                daemon.process.kill()
                daemon.wait_exit()
                daemon.start()

        self.run_fault("router killed", fault, KILLS, 1000 * KILLS)

    def test_the_far_broker_hangs_and_the_router_is_killed(self):
        def fault(daemon, far, publisher):
            far.freeze()
            publisher.wait(500)
            daemon.process.kill()
            daemon.wait_exit()
            daemon.start()
            publisher.wait(300)
            far.thaw()

        self.run_fault("far broker hung, router killed", fault)

    def test_the_spool_is_full_and_the_router_is_killed(self):
        def fault(daemon, far, publisher):
            far.freeze()
            poll(lambda: "no room for messages of other brokers" in daemon.output() or "spool is full" in daemon.output(), 60, "full spool")
            publisher.wait(100)
            daemon.process.kill()
            daemon.wait_exit()
            daemon.start()
            publisher.wait(100)
            far.thaw()

        self.run_fault("spool full, router killed", fault, size=2000, **{"max-bytes": 1 << 20})


if __name__ == "__main__":
    assert mosquitto_path(), "mosquitto is missing"
    unittest.main(verbosity=2)
