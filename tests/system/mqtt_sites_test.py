"""Sites that are joined over brokers: every acknowledged event arrives at the other site, once, whatever dies meanwhile; rings do not loop.

VSCPROUTER_KILLS says how often something is killed (20 unless told otherwise, 6 with a sanitizer)."""

import os
import random
import sys
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from accounting import Source, Tally, number_of  # noqa: E402
from broker import Broker  # noqa: E402
from daemon import Daemon, is_sanitized, poll  # noqa: E402
from link_client import Closed  # noqa: E402
from mqtt_test import connected, remote, section  # noqa: E402
from relay import Relay  # noqa: E402

KILLS = int(os.environ.get("VSCPROUTER_KILLS", "6" if is_sanitized() else "20"))
CLASS = 40


def link_to(broker, site, peer, **more):
    """An entry of "mqtt" that joins two sites over a broker."""
    return section(broker, **{"name": f"to-{peer}", "site": {"name": site, "peer": peer}, "spool": {}, "keepalive": 2, **more})


class Reader:
    """A client that reads everything at a site, and comes back when the router has been away."""

    def __init__(self, daemon, tally):
        self.daemon = daemon
        self.tally = tally
        self.client = None

    def read(self, quiet_s=0.1):
        try:
            if self.client is None:
                self.client = self.daemon.login()
                self.client.ok("RCVLOOP")
            while True:
                line = self.client.read_line(time.monotonic() + quiet_s)
                if line != "+OK":
                    self.tally.add(number_of(line))
        except (Closed, OSError):
            self.close()
        except AssertionError:
            pass  # nothing more for now

    def close(self):
        if self.client:
            self.client.close()
        self.client = None


class Sites(unittest.TestCase):
    def setUp(self):
        self.stack = ExitStack()
        self.addCleanup(self.stack.close)

    def broker(self, **more):
        broker = Broker(**more)
        self.stack.callback(broker.remove)
        return broker.start()

    def daemon(self, brokers):
        daemon = Daemon(config={"mqtt": brokers})
        self.stack.callback(daemon.remove)
        return daemon.start()

    def test_both_directions(self):
        broker = self.broker()
        north = self.daemon([link_to(broker, "north", "south")])
        south = self.daemon([link_to(broker, "south", "north")])
        for a, b in ((north, south), (south, north)):
            with a.login() as sender, b.login() as reader, a.login() as at_home:
                reader.ok("RCVLOOP")
                at_home.ok("RCVLOOP")
                for number in range(300):
                    sender.ok(f"SEND {32 * (number % 8)},20,{number},0,2026-01-02T03:04:05Z,{number + 1},FF:EE:00:00:00:00:00:00:00:00:00:00:00:00:00:01,{number % 256}")
                got = [reader.read_event() for _ in range(300)]
                self.assertEqual(sorted(e.vscp_type for e in got), list(range(300)))
                for event in got:
                    self.assertEqual(event.data, [event.vscp_type % 256])
                self.assertEqual([at_home.read_event().vscp_type for _ in range(300)], list(range(300)))
                self.assertEqual(at_home.waiting(), 0)
                self.assertEqual(reader.waiting(), 0)
        poll(lambda: remote(north, "to-south")["events_waiting"] == 0, what="everything confirmed")
        self.assertEqual(remote(north, "to-south")["duplicates"], 0)
        north.stop()
        south.stop()

    def test_a_ring_of_three_sites(self):
        """Three brokers, three routers, each joined with both others: one event in, exactly one out at each."""
        sites = ("a", "b", "c")
        wires = {frozenset(pair): self.broker() for pair in (("a", "b"), ("b", "c"), ("a", "c"))}
        routers = {site: self.daemon([link_to(wires[frozenset((site, peer))], site, peer) for peer in sites if peer != site]) for site in sites}
        for site in sites:
            for peer in sites:
                if peer != site:
                    connected(routers[site], f"to-{peer}")
        readers = {site: self.stack.enter_context(routers[site].login()) for site in sites}
        for reader in readers.values():
            reader.ok("RCVLOOP")
        for site in sites:
            with routers[site].login() as sender:
                sender.send_raw("".join(f"SEND 96,{CLASS},{n},0,,,-,1\r\n" for n in range(200)).encode())
                for _ in range(200):
                    self.assertTrue(sender.read_line().startswith("+OK"))
            for reader in readers.values():
                self.assertEqual([reader.read_event().vscp_type for _ in range(200)], list(range(200)))
        for site in sites:
            for peer in sites:
                if peer != site:
                    poll(lambda s=site, p=peer: remote(routers[s], f"to-{p}")["events_waiting"] == 0, what="everything confirmed")
        for reader in readers.values():
            self.assertEqual(reader.waiting(), 0, "exactly one out")
        dropped = sum(remote(routers[s], f"to-{p}")["duplicates"] + remote(routers[s], f"to-{p}")["loops"]
                      for s in sites for p in sites if p != s)
        print(f"ring of three: 600 events in, 600 out at each site, {dropped} dropped on the way")
        self.assertGreater(dropped, 0)

    def run_with_faults(self, name, fault, faults, pace_s=0.0, **more):
        broker = self.broker()
        self.relay = self.stack.enter_context(Relay(broker.port))
        self.north = self.daemon([link_to(self.relay, "north", "south", **more)])
        self.south = self.daemon([link_to(broker, "south", "north")])
        self.wire = broker
        tally = Tally()
        reader = Reader(self.south, tally)
        reader.read(0.01)  # logged in before the first event
        with Source(self.north, vscp_class=CLASS, batch=10, pace_s=pace_s) as source:
            for _ in range(faults):
                source.wait_acked(len(source.acked) + self.random.randrange(1, 200))
                fault()
                reader.read(0.01)
            source.wait_acked(len(source.acked) + 100)
        poll(lambda: reader.read() or not tally.missing(source.acked), 60, f"{name}: arrival of all events")
        missing, duplicates = tally.missing(source.acked), tally.duplicates()
        print(f"{name}: {faults} faults, {len(source.acked)} acknowledged, {len(missing)} lost, {duplicates} duplicated, {tally.disorder} out of order")
        self.assertEqual(missing, [])
        self.assertEqual(tally.disorder, 0)
        reader.close()
        return source, tally

    random = random.Random(7)

    def test_the_sending_router_is_killed(self):
        def fault():
            self.north.process.kill()
            self.north.wait_exit()
            self.north.start()
        self.run_with_faults("sending router killed", fault, KILLS)

    def test_the_network_is_cut_one_way(self):
        """From the broker, and half-open: the keep-alive finds it, and nothing comes twice."""
        faults = iter((lambda: self.relay.lose("down"), lambda: self.relay.strand()))

        def fault():
            def south():
                return remote(self.north, "to-south")
            before = south()["connects"]
            next(faults)()
            poll(lambda: south()["state"] in ("waiting", "connecting") or south()["connects"] > before, 20, "the broken connection is noticed")
            self.relay.pass_on()
            poll(lambda: south()["connects"] > before, 20, "a new connection")
        _, tally = self.run_with_faults("network cut one way", fault, 2, pace_s=0.01, **{"keepalive": 1, "connection-timeout": 1000})
        self.assertEqual(tally.duplicates(), 0)

    def test_the_broker_is_killed(self):
        """A mosquitto that keeps nothing: what it had acknowledged is gone with it, and comes again all the same."""
        def fault():
            self.wire.kill()
            self.wire.start()
        source, tally = self.run_with_faults("broker killed", fault, max(KILLS // 4, 1))
        self.assertLessEqual(tally.duplicates(), len(source.acked))


if __name__ == "__main__":
    unittest.main(verbosity=2)
