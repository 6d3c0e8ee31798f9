"""What was acknowledged is never lost: the router or the broker dies, hangs or is away while events flow through a spool.

VSCPROUTER_KILLS says how often the router is killed (20 unless told otherwise, 6 with a sanitizer)."""

import os
import random
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from accounting import Source, Tally, number_of  # noqa: E402
from broker import Broker  # noqa: E402
from daemon import Daemon, is_sanitized, poll  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402
from mqtt_test import connected, parted, remote, section  # noqa: E402

KILLS = int(os.environ.get("VSCPROUTER_KILLS", "6" if is_sanitized() else "20"))
IN_FLIGHT = 1000


def spooled(broker, **more):
    topics = {"publish": [{"topic": "site/{{class}}", "qos": 1, "format": "string"}], "clientid": "router", "bcleansession": False,
              "spool": {}, "mqtt-options": {"send-maximum": IN_FLIGHT}}
    topics.update(more)
    return section(broker, **topics)


class Watcher:
    """Takes everything that arrives at the broker, through a session of its own that survives."""

    def __init__(self, broker):
        self.broker = broker
        self.tally = Tally()
        MqttClient(broker.port, "watcher", clean=False).subscribe("site/#", qos=1).close()

    def collect(self, until, deadline_s=60):
        """Reads until the condition holds."""
        client = MqttClient(self.broker.port, "watcher", clean=False)
        poll(lambda: self._read(client) or until(), deadline_s, "arrival of all events")
        client.close()

    def _read(self, client):
        while (message := client.read(0.05)) is not None:
            self.tally.add(number_of(message.payload.decode()))


class Faults(unittest.TestCase):
    def account(self, name, source, tally, faults):
        missing, duplicates = tally.missing(source.acked), tally.duplicates()
        print(f"{name}: {faults} faults, {len(source.acked)} acknowledged, {len(missing)} lost, {duplicates} duplicated, "
              f"{tally.disorder} out of order, {source.refused} refused")
        self.assertEqual(missing[:10], [])
        self.assertLessEqual(duplicates, IN_FLIGHT * max(faults, 1))
        self.assertEqual(tally.disorder, 0)

    def test_the_router_is_killed(self):
        randomness = random.Random(4)
        with Broker() as broker:
            watcher = Watcher(broker)
            daemon = Daemon(config={"mqtt": spooled(broker)})
            try:
                daemon.start()
                with Source(daemon) as source:
                    for _ in range(KILLS):
                        source.wait_acked(len(source.acked) + randomness.randrange(1, 400))
                        daemon.process.kill()
                        daemon.wait_exit()
                        daemon.start()
                    source.wait_acked(len(source.acked) + 100)
                watcher.collect(lambda: not watcher.tally.missing(source.acked))
                self.account("router killed", source, watcher.tally, KILLS)
                poll(lambda: remote(daemon)["events_waiting"] == 0, what="empty spool")
                daemon.stop()
            finally:
                daemon.remove()

    def test_the_broker_hangs(self):
        with Broker() as broker, Daemon(config={"mqtt": spooled(broker, keepalive=2)}) as daemon:
            watcher = Watcher(broker)
            connected(daemon)
            with Source(daemon, batch=5, pace_s=0.002) as source:
                source.wait_acked(200)
                broker.freeze()
                source.wait_acked(len(source.acked) + 1000)
                parted(daemon)
                broker.thaw()
                connected(daemon)
                source.wait_acked(len(source.acked) + 200)
            poll(lambda: remote(daemon)["events_waiting"] == 0, 30, "empty spool")
            watcher.collect(lambda: not watcher.tally.missing(source.acked))
            self.account("broker hung", source, watcher.tally, 1)

    def test_the_broker_is_away_and_the_router_dies_meanwhile(self):
        with Broker() as broker:
            watcher = Watcher(broker)
            daemon = Daemon(config={"mqtt": spooled(broker)})
            try:
                broker.freeze()  # connections are accepted by the kernel and answered by nobody
                daemon.start()
                with Source(daemon) as source:
                    source.wait_acked(3000)
                    daemon.process.kill()
                    daemon.wait_exit()
                    daemon.start()
                    source.wait_acked(6000)
                broker.thaw()
                watcher.collect(lambda: not watcher.tally.missing(source.acked))
                self.account("broker away, router killed", source, watcher.tally, 1)
                daemon.stop()
            finally:
                daemon.remove()

    def test_what_one_broker_brings_is_safe_before_it_is_acknowledged(self):
        """A publisher at one broker, a spool towards another; the router is killed again and again. What the router has acknowledged to the
        first broker must not be lost; what it has not the broker sends again."""
        randomness = random.Random(5)
        with Broker() as near, Broker() as far:
            watcher = Watcher(far)
            brokers = [section(near, name="near", clientid="router", bcleansession=False, subscribe=[{"topic": "in/#", "qos": 1}]),
                       spooled(far, name="far", clientid="router-far")]
            daemon = Daemon(config={"mqtt": brokers})
            try:
                daemon.start()
                connected(daemon, "near")
                sent = 0
                with MqttClient(near.port, "publisher") as publisher:
                    for _ in range(KILLS):
                        for _ in range(randomness.randrange(1, 120)):
                            data = [sent >> 24 & 255, sent >> 16 & 255, sent >> 8 & 255, sent & 255]
                            publisher.publish("in/x", f"96,40,1,0,,,-,{','.join(map(str, data))}", qos=1)
                            sent += 1
                        daemon.process.kill()
                        daemon.wait_exit()
                        daemon.start()
                    poll(lambda: remote(daemon, "near")["state"] == "connected", 20, "near broker")
                watcher.collect(lambda: len(watcher.tally.counts) >= sent)
                missing = watcher.tally.missing(range(sent))
                print(f"router killed between two brokers: {KILLS} faults, {sent} acknowledged, {len(missing)} lost, "
                      f"{watcher.tally.duplicates()} duplicated, {watcher.tally.disorder} out of order")
                self.assertEqual(missing, [])
                daemon.stop()
            finally:
                daemon.remove()

    def test_a_full_spool_makes_the_other_broker_keep_its_messages(self):
        with Broker() as near, Broker() as far:
            watcher = Watcher(far)
            brokers = [section(near, name="near", clientid="router", bcleansession=False, subscribe=[{"topic": "in/#", "qos": 1}]),
                       spooled(far, name="far", clientid="router-far", spool={"max-bytes": 1 << 20})]
            with Daemon(config={"mqtt": brokers}) as daemon:
                connected(daemon, "near")
                connected(daemon, "far")
                far.freeze()
                sent = 0
                with MqttClient(near.port, "publisher") as publisher:
                    for sent in range(1, 5001):
                        data = [sent >> 8 & 255, sent & 255] + [7] * 400
                        publisher.publish("in/x", f"96,40,1,0,,,-,0,0,{','.join(map(str, data))}", qos=1)
                    parted(daemon, "near")  # the spool is full
                    self.assertIn("paused", remote(daemon, "near")["last_error"])
                    far.thaw()
                    connected(daemon, "near")
                watcher.collect(lambda: len(watcher.tally.counts) >= sent)
                self.assertEqual(watcher.tally.missing(range(1, sent + 1)), [])
                print(f"far side hung, spool full: {sent} acknowledged by the near broker, 0 lost, {watcher.tally.duplicates()} duplicated")

    def test_a_full_spool_refuses_and_loses_nothing(self):
        with Broker() as broker:
            watcher = Watcher(broker)
            with Daemon(config={"mqtt": spooled(broker, spool={"max-bytes": 1 << 20})}) as daemon:
                broker.freeze()
                with Source(daemon, size=400, batch=50) as source:
                    poll(lambda: source.refused > 0 or source.error, 30, "a full spool")
                    self.assertIsNone(source.error)
                    self.assertGreater(len(source.acked), 1000)
                    with daemon.login() as other, daemon.login() as reader:
                        # What no spool must keep goes on; here everything is wanted by the broker, so it is refused.
                        other.refused("SEND 0,20,1,0,,,-,1", "-OK - Server is busy, try again later.")
                        self.assertEqual(reader.waiting(), 0)
                    broker.thaw()
                    before = len(source.acked)
                    source.wait_acked(before + 500)
                watcher.collect(lambda: not watcher.tally.missing(source.acked))
                self.account("spool full", source, watcher.tally, 1)
                poll(lambda: "spool is full" in daemon.output(), what="a line in the log")


if __name__ == "__main__":
    unittest.main(verbosity=2)
