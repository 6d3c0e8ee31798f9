"""A link to another router with a spool: what was acknowledged is never lost, whatever dies, and order is kept.

VSCPROUTER_KILLS says how often a router is killed (20 unless told otherwise, 6 with a sanitizer)."""

import os
import random
import signal
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from accounting import Source, Tally, number_of  # noqa: E402
from broker import Broker, free_port  # noqa: E402
from daemon import Daemon, is_sanitized, poll  # noqa: E402
from link_client import Closed  # noqa: E402
from link_client_test import entry, row  # noqa: E402
from link_peer import Device  # noqa: E402
from mqtt_faults_test import Watcher, spooled  # noqa: E402

KILLS = int(os.environ.get("VSCPROUTER_KILLS", "6" if is_sanitized() else "20"))
FAR_KILLS = max(KILLS // 10, 1)  # after each the near router waits a second before it tries again
WINDOW = 256


def spool_entry(port, **more):
    return entry(port, receive=False, spool=more.pop("spool", {}), **more)


def spool_of(daemon, name="far"):
    return next(s for s in daemon.admin("spools")["spools"] if s["name"] == name)


class Reader:
    """In the receive loop of a daemon; what comes goes into a Tally."""

    def __init__(self, daemon):
        self.tally = Tally()
        self.client = daemon.login()
        self.client.ok("RCVLOOP")
        self.stopping = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            while not self.stopping:
                try:
                    self.tally.add(number_of(self.client.read_event().line))
                except AssertionError as error:
                    if "nothing more in time" not in str(error):
                        raise
        except (Closed, OSError):
            pass

    def wait(self, source, deadline_s=30):
        poll(lambda: not self.tally.missing(source.acked), deadline_s, "arrival of all events")

    def close(self):
        self.stopping = True
        try:
            self.client.socket.shutdown(2)
        except OSError:
            pass
        self.thread.join()
        self.client.close()


class LinkSpool(unittest.TestCase):
    def account(self, name, source, tally, faults):
        missing, duplicates = tally.missing(source.acked), tally.duplicates()
        print(f"{name}: {faults} faults, {len(source.acked)} acknowledged, {len(missing)} lost, {duplicates} duplicated, "
              f"{tally.disorder} out of order, {source.refused} refused")
        self.assertEqual(missing[:10], [])
        self.assertLessEqual(duplicates, WINDOW * max(faults, 1))
        self.assertEqual(tally.disorder, 0)

    def reader(self, daemon):
        reader = Reader(daemon)
        self.addCleanup(reader.close)
        return reader

    def test_far_side_away_events_wait_on_disk_and_come_in_order(self):
        port = free_port()
        far = Daemon(link={"interface": f"127.0.0.1:{port}"})
        near = Daemon(config={"link-client": [spool_entry(port)]})
        try:
            near.start()
            with Source(near, batch=100) as source:
                source.wait_acked(3000)
                near.process.kill()
                near.wait_exit()
                near.start()
                source.wait_acked(5000)
            self.assertEqual(spool_of(near)["in_flight"], 0)
            self.assertGreaterEqual(spool_of(near)["events"], 5000)
            self.assertEqual(row(near)["queued"], spool_of(near)["events"])
            near.process.send_signal(signal.SIGSTOP)  # until somebody listens over there
            far.start()
            reader = self.reader(far)
            near.process.send_signal(signal.SIGCONT)
            reader.wait(source)
            poll(lambda: spool_of(near)["events"] == 0, what="an empty spool")
            self.account("far side away", source, reader.tally, 1)
            near.stop()
            far.stop()
        finally:
            near.remove()
            far.remove()

    def test_the_router_is_killed(self):
        randomness = random.Random(6)
        with Daemon() as far:
            reader = self.reader(far)
            near = Daemon(config={"link-client": [spool_entry(far.port, format="binary")]})
            try:
                near.start()
                with Source(near) as source:
                    for _ in range(KILLS):
                        source.wait_acked(len(source.acked) + randomness.randrange(1, 300))
                        near.process.kill()
                        near.wait_exit()
                        near.start()
                    source.wait_acked(len(source.acked) + 100)
                reader.wait(source)
                self.account("router killed", source, reader.tally, KILLS)
                poll(lambda: spool_of(near)["events"] == 0, what="an empty spool")
                near.stop()
            finally:
                near.remove()

    def test_the_far_side_is_killed(self):
        """The far router has a spool of its own, towards a broker: there everything must arrive, too."""
        randomness = random.Random(7)
        with Broker() as broker:
            watcher = Watcher(broker)
            port = free_port()
            far = Daemon(config={"mqtt": spooled(broker)}, link={"interface": f"127.0.0.1:{port}"})
            try:
                far.start()
                with Daemon(config={"link-client": [spool_entry(port)]}) as near:
                    with Source(near, pace_s=0.005) as source:
                        for _ in range(FAR_KILLS):
                            before = spool_of(near)["released"]
                            goal = randomness.randrange(1, 200)
                            poll(lambda b=before, g=goal: spool_of(near)["released"] >= b + g, 30, "events at the far side")
                            far.process.kill()
                            far.wait_exit()
                            far.start()
                        source.wait_acked(len(source.acked) + 100)
                    watcher.collect(lambda: not watcher.tally.missing(source.acked))
                    poll(lambda: spool_of(near)["events"] == 0, 30, "an empty spool")
                    missing = watcher.tally.missing(source.acked)
                    print(f"far side killed: {FAR_KILLS} faults, {len(source.acked)} acknowledged, {len(missing)} lost, "
                          f"{watcher.tally.duplicates()} duplicated, {watcher.tally.disorder} out of order")
                    self.assertEqual(missing, [])
                    self.assertEqual(watcher.tally.disorder, 0)
                    self.assertLessEqual(watcher.tally.duplicates(), (1000 + WINDOW) * FAR_KILLS)
                far.stop()
            finally:
                far.remove()

    def test_a_full_spool_refuses_and_loses_nothing(self):
        with Daemon() as far:
            reader = self.reader(far)
            far.process.send_signal(signal.SIGSTOP)
            try:
                with Daemon(config={"link-client": [spool_entry(far.port, spool={"max-bytes": 1 << 20})]}) as near:
                    with Source(near, size=400, batch=50) as source:
                        poll(lambda: source.refused > 0 or source.error, 30, "a full spool")
                        self.assertIsNone(source.error)
                        self.assertGreater(len(source.acked), 1000)
                        self.assertTrue(spool_of(near)["refusing"])
                        far.process.send_signal(signal.SIGCONT)
                        source.wait_acked(len(source.acked) + 500)
                    reader.wait(source)
                    self.account("spool full", source, reader.tally, 1)
                    poll(lambda: "the spool is full" in near.output(), what="a line in the log")
            finally:
                far.process.send_signal(signal.SIGCONT)

    def test_a_full_spool_that_drops_takes_the_new_ones(self):
        spool = {"max-bytes": 1 << 20, "when-full": "drop-oldest"}
        with Daemon(config={"link-client": [spool_entry(free_port(), spool=spool)]}) as near, near.login() as client:
            data = ",".join(["7"] * 400)
            for number in range(60):
                client.send_raw("".join(f"SEND 96,20,3,0,,,-,{number},{data}\r\n" for _ in range(50)).encode())
                self.assertTrue(all([client.read_line().startswith("+OK") for _ in range(50)]))
            found = spool_of(near)
            self.assertGreater(found["dropped_full"], 500)
            self.assertEqual(found["events"] + found["dropped_full"], 3000)
            self.assertEqual(row(near)["dropped"], found["dropped_full"])
            self.assertFalse(found["refusing"])

    def test_what_the_far_side_has_no_room_for_comes_later_and_in_order(self):
        with Broker() as broker:
            watcher = Watcher(broker)
            port = free_port()
            far_mqtt = spooled(broker, spool={"max-bytes": 1 << 20})
            with Daemon(config={"mqtt": far_mqtt}, link={"interface": f"127.0.0.1:{port}"}) as far:
                broker.freeze()
                with Daemon(config={"link-client": [spool_entry(port)]}) as near:
                    with Source(near, size=400, batch=50) as source:
                        poll(lambda: "no room" in row(near)["last_error"], 30, "a far side without room")
                        self.assertEqual(source.refused, 0)
                        source.wait_acked(len(source.acked) + 1000)
                    broker.thaw()
                    watcher.collect(lambda: not watcher.tally.missing(source.acked))
                    poll(lambda: spool_of(near)["events"] == 0, 30, "an empty spool")
                    self.account("far side without room", source, watcher.tally, 4)
                self.assertTrue(far.alive())

    def test_a_device_is_visited_and_gets_what_waits(self):
        with Device() as device:
            remote = {"name": "far", "host": f"127.0.0.1:{device.port}", "mode": "interval", "interval-s": 1, "spool": {}}
            with Daemon(config={"link-client": [remote]}) as near:
                with near.login() as client:
                    for number in range(20):
                        client.ok(f"SEND 96,20,3,0,,,-,{number}")
                poll(lambda: len(device.sent) >= 20, 20, "all events at the device")
                self.assertEqual([int(line.rsplit(",", 1)[1]) for line in device.sent], list(range(20)))
                poll(lambda: spool_of(near)["events"] == 0, what="an empty spool")
                self.assertIn("QUIT", device.commands)

    def test_configuration(self):
        for keys, text in [
            ({"spool": {}, "send": False, "receive": True}, 'has no use with "send": false'),
            ({"spool": {}, "max-out-queue": 100}, "has no use beside a spool"),
            ({"spool": {}, "name": "pump 3"}, 'write "folder"'), ({"spool": {"max-byte": 1}}, "max-bytes"),
        ]:
            daemon = Daemon(config={"link-client": [dict(entry(1), **keys)]}, args=["--check-config"])
            try:
                self.assertEqual(daemon.spawn().wait_exit(), 1)
                self.assertIn(text, daemon.stderr())
            finally:
                daemon.remove()


if __name__ == "__main__":
    unittest.main(verbosity=2)
