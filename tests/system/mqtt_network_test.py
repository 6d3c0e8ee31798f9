"""What was acknowledged is never lost: the network to a broker is cut one way or both, slow, reset, half-open, or away for long.

VSCPROUTER_AWAY_S says for how many seconds the broker is away (3 unless told otherwise, 2 with a sanitizer)."""

import os
import sys
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import parallel  # noqa: E402
from accounting import Source  # noqa: E402
from broker import Broker  # noqa: E402
from daemon import Daemon, is_sanitized, poll  # noqa: E402
from mqtt_test import connected, parted, remote, section  # noqa: E402
from relay import Relay  # noqa: E402
from watcher import Watcher  # noqa: E402

AWAY_S = float(os.environ.get("VSCPROUTER_AWAY_S", "2" if is_sanitized() else "3"))
IN_FLIGHT = 200
MEMORY_KIB = 64 << 10  # more than at the start: what the library holds under way, and the spool's window


class Network(unittest.TestCase):
    def setUp(self):
        self.stack = ExitStack()
        self.addCleanup(self.stack.close)

    def build(self, buffer=None, pace_s=0.01, size=40, **more):
        """A broker behind a relay, a router with a spool, a source of events and one who counts what comes."""
        self.broker = self.stack.enter_context(Broker())
        self.watcher = self.stack.enter_context(Watcher(self.broker))
        self.relay = self.stack.enter_context(Relay(self.broker.port, buffer))
        config = section(self.broker, port=self.relay.port, clientid="router", bcleansession=False, spool={},
                         **{"publish": [{"topic": "site/{{class}}", "qos": 1, "format": "string"}], "keepalive": 1, "connection-timeout": 1000, "mqtt-options": {"send-maximum": IN_FLIGHT}, **more})
        self.daemon = Daemon(config={"mqtt": config})
        self.stack.callback(self.daemon.remove)
        self.daemon.start()
        connected(self.daemon)
        self.memory_kib = self.daemon.rss_kib()
        self.source = self.stack.enter_context(Source(self.daemon, batch=10, pace_s=pace_s, size=size))
        self.more(100)

    def more(self, events):
        """More events are acknowledged, whatever the network does."""
        self.source.wait_acked(len(self.source.acked) + events)

    def connects(self):
        return remote(self.daemon)["connects"]

    def noticed(self):
        parted(self.daemon)

    def account(self, name, faults=1):
        """Ends the source and counts."""
        source, tally = self.source, self.watcher.tally
        self.more(100)
        source.stop()
        self.watcher.wait_all(source.acked, 60 + AWAY_S)
        poll(lambda: remote(self.daemon)["events_waiting"] == 0, 20, "empty spool")
        missing, duplicates = tally.missing(source.acked), tally.duplicates()
        lost_connections = self.connects() - 1  # one fault may cost more than one of them
        grown = self.daemon.peak_kib() - self.memory_kib
        print(f"{name}: {faults} faults, {len(source.acked)} acknowledged, {len(missing)} lost, {duplicates} duplicated, {tally.disorder} out of "
              f"order, worst delay {self.watcher.worst_delay(source.acked_at):.1f} s, memory +{grown >> 10} MiB")
        self.assertEqual(missing[:10], [])
        self.assertEqual(source.refused, 0)
        self.assertIsNone(source.error)
        self.assertEqual(tally.disorder, 0)
        self.assertLessEqual(duplicates, IN_FLIGHT * lost_connections)
        if not is_sanitized():
            self.assertLess(grown, MEMORY_KIB)
        self.daemon.stop()

    def test_a_short_cut_heals_by_itself(self):
        """What TCP sends again arrives late: nothing is reconnected and nothing comes twice."""
        self.build(keepalive=30)
        for ways in (("up",), ("down",), ("up", "down")):
            self.relay.hold(*ways)
            self.more(300)
            self.relay.pass_on()
        self.account("cut and healed", 3)
        self.assertEqual(self.watcher.tally.duplicates(), 0)
        self.assertEqual(self.relay.accepted, 1)

    def test_one_way_is_cut(self):
        """Each way in turn, until the keep-alive finds it: a new connection replaces the old one."""
        self.build()
        for way in ("up", "down"):
            before = self.connects()
            self.relay.lose(way)
            self.noticed()
            self.more(200)
            self.relay.pass_on()
            poll(lambda n=before: self.connects() > n, 20, "a new connection")
            connected(self.daemon)
            self.more(100)
        self.account("cut one way", 2)

    def test_a_connection_that_ends_on_one_side_only(self):
        """The broker dies and comes back, without a memory, and the network tells nothing: only the keep-alive can."""
        self.build()
        before, watched = self.connects(), self.watcher.connects
        self.relay.strand()
        self.relay.refuse()
        self.broker.kill()
        self.broker.start()
        poll(lambda: self.watcher.connects > watched, 20, "the watcher, before the router brings more")
        self.relay.accept()
        self.more(300)
        poll(lambda: self.connects() > before, 20, "a new connection")
        self.account("half-open")

    def test_a_cut_with_full_buffers_is_noticed(self):
        """More is under way than the sockets take: the keep-alive's question cannot be written any more."""
        self.build(buffer=4096, size=480, pace_s=0, **{"mqtt-options": {"send-maximum": 10000}})
        before = self.connects()
        self.relay.hold()
        self.more(4000)
        self.source.pace_s = 0.05
        self.noticed()
        self.relay.reset()
        self.relay.pass_on()
        poll(lambda: self.connects() > before, 20, "a new connection")
        connected(self.daemon)
        self.source.stop()
        self.watcher.wait_all(self.source.acked)
        self.assertEqual(self.watcher.tally.disorder, 0)
        print(f"cut with full buffers: {len(self.source.acked)} acknowledged, 0 lost, {self.watcher.tally.duplicates()} duplicated")

    def test_much_that_was_under_way_comes_again_in_order(self):
        """More than a fresh connection's socket takes at once; the library itself would send newer messages before the rest."""
        self.build(size=480, pace_s=0, buffer=4096, **{"mqtt-options": {"send-maximum": 10000}})
        before = self.connects()
        self.relay.lose("up")
        self.more(3000)
        self.source.pace_s = 0.05
        self.noticed()
        self.relay.pass_on()
        poll(lambda: self.connects() > before, 20, "a new connection")
        connected(self.daemon)
        self.more(50)
        self.source.stop()
        self.watcher.wait_all(self.source.acked)
        tally = self.watcher.tally
        print(f"much under way: {len(self.source.acked)} acknowledged, 0 lost, {tally.duplicates()} duplicated, {tally.disorder} out of order")
        self.assertEqual(tally.disorder, 0)

    def test_the_connection_is_reset_again_and_again(self):
        self.build()
        faults = 2 if is_sanitized() else 3
        for _ in range(faults):
            before = self.connects()
            self.relay.reset()
            poll(lambda n=before: self.connects() > n, 20, "a new connection")
            self.more(50)
        self.account("reset", faults)

    def test_the_broker_is_away_while_the_spool_grows(self):
        self.build(pace_s=0.005)
        since = time.monotonic()
        self.relay.refuse()
        self.relay.reset()
        self.source.stopping.wait(AWAY_S)
        poll(lambda: remote(self.daemon)["events_waiting"] > 100, 20, "events that wait")
        waiting = remote(self.daemon)["events_waiting"]
        failed = remote(self.daemon)["connects_failed"]
        self.assertLessEqual(failed, 10 * (time.monotonic() - since) + 3, "tries to connect, with a delay of 0")
        self.relay.accept()
        connected(self.daemon)
        print(f"away for {AWAY_S:.0f} s: {waiting} events waited")
        self.account("broker away")

    def test_a_slow_line(self):
        """50 ms of delay and less bandwidth than events: they wait in the spool, and not in the router's memory."""
        self.build(keepalive=30)
        self.relay.delay(0.05)
        self.relay.bandwidth(20_000)
        poll(lambda: remote(self.daemon)["events_waiting"] > 300, 30, "events that wait")
        self.relay.pass_on()
        self.account("slow line", 0)
        self.assertEqual(self.relay.accepted, 1)


if __name__ == "__main__":
    parallel.main(threads=4)
