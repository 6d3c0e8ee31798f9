"""What was acknowledged is never lost: the spool's disk is full, its files are damaged, the clock jumps."""

import datetime
import glob
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import parallel  # noqa: E402
from accounting import Source  # noqa: E402
from broker import Broker  # noqa: E402
from daemon import PATIENCE, Daemon, is_sanitized, poll  # noqa: E402
from mqtt_test import connected, remote, section  # noqa: E402
from relay import Relay  # noqa: E402
from watcher import Watcher  # noqa: E402

KEPT = 40  # the class that the spool must keep
FREE = 30  # one that no broker wants
BUSY = "-OK - Server is busy, try again later."


def spooled(broker, **more):
    out = {"publish": [{"topic": "site/{{class}}", "qos": 1, "format": "string"}], "clientid": "router", "bcleansession": False,
           "spool": {}, "filter": {"class-filter": KEPT, "class-mask": 0xffff}}
    out.update(more)
    return section(broker, **out)


def next_of(reader, vscp_class):
    """The next event of that class that the reader gets."""
    while (event := reader.read_event()).vscp_class != vscp_class:
        pass
    return event


class SmallDisk:
    """A file system in memory, of a size that can change. Only root may mount one."""

    def __init__(self, folder, size):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest(f"no small disk here: {done.stderr.strip()}")

    def resize(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)

    def remove(self):
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


class FakeClock:
    """A wall clock that a test can set, for one daemon; the monotonic clock goes on as it should."""

    def __init__(self):
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not found or is_sanitized():
            raise unittest.SkipTest("needs the package faketime, and a program without sanitizers")
        self.file = tempfile.NamedTemporaryFile("w")
        self.set(0)
        settings = {"LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": self.file.name, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}
        self.wrapper = ["env"] + [f"{name}={value}" for name, value in settings.items()]

    def set(self, offset_s):
        self.file.seek(0)
        self.file.truncate()
        self.file.write(f"{offset_s:+d}\n")
        self.file.flush()


class Disk(unittest.TestCase):
    def setUp(self):
        self.stack = ExitStack()
        self.addCleanup(self.stack.close)

    def broker(self):
        self.wire = self.stack.enter_context(Broker())
        self.watcher = self.stack.enter_context(Watcher(self.wire))
        return self.wire

    def prepare(self, daemon):
        self.stack.callback(daemon.remove)
        return daemon

    def account(self, name, source, lost=0):
        missing, tally = self.watcher.tally.missing(source.acked), self.watcher.tally
        print(f"{name}: {len(source.acked)} acknowledged, {len(missing)} lost, {tally.duplicates()} duplicated, {tally.disorder} out of order, "
              f"{source.refused} refused, worst delay {self.watcher.worst_delay(source.acked_at):.1f} s")
        self.assertEqual(len(missing), lost)
        self.assertEqual(tally.disorder, 0)

    def test_the_disk_is_full(self):
        daemon = self.prepare(Daemon(config={"mqtt": spooled(self.broker())}))
        disk = SmallDisk(daemon.state / "spool", "2m")
        self.stack.callback(disk.remove)
        daemon.start()
        connected(daemon)
        self.wire.freeze()
        with Source(daemon, size=400, batch=50) as source, daemon.login() as sender, daemon.login() as reader:
            poll(lambda: "cannot be written" in daemon.output(), 30, "a full disk")
            sender.refused(f"SEND 0,{KEPT},1,0,,,-,0,0,0,0", BUSY)
            # What no spool must keep goes on.
            reader.ok("RCVLOOP")
            for number in range(200):
                sender.ok(f"SEND 0,{FREE},{number},0,,,-,1")
            self.assertEqual([next_of(reader, FREE).vscp_type for _ in range(200)], list(range(200)))
            sender.refused(f"SEND 0,{KEPT},1,0,,,-,0,0,0,0", BUSY)
            disk.resize("64m")
            before = len(source.acked)
            source.wait_acked(before + 500)
            self.wire.thaw()
            source.wait_acked(before + 1000)
            source.stop()
            self.watcher.wait_all(source.acked)
            self.account("disk full", source)
        daemon.stop()

    def test_the_router_dies_on_a_full_disk(self):
        """It starts again on the same full disk, with what it had promised."""
        daemon = self.prepare(Daemon(config={"mqtt": spooled(self.broker())}))
        disk = SmallDisk(daemon.state / "spool", "2m")
        self.stack.callback(disk.remove)
        daemon.start()
        connected(daemon)
        self.wire.freeze()
        with Source(daemon, size=400, batch=50) as source:
            for _ in range(3):
                poll(lambda: "cannot be written" in daemon.output(), 30, "a full disk")
                daemon.process.kill()
                daemon.wait_exit()
                daemon.start()
            poll(lambda: "cannot be written" in daemon.output(), 30, "a full disk")
            promised = len(source.acked)
            self.wire.thaw()  # what the broker takes makes room
            source.wait_acked(promised + 1000)
        self.watcher.wait_all(source.acked)
        self.account("router killed on a full disk, 3", source)
        daemon.stop()

    def test_files_are_damaged_while_the_router_is_down(self):
        """What the damage hits is lost, counted and told; the rest arrives in order."""
        daemon = self.prepare(Daemon(config={"mqtt": spooled(self.broker(), spool={"max-bytes": 4 << 20})}))
        daemon.start()
        connected(daemon)
        self.wire.freeze()
        with Source(daemon, size=400, batch=50) as source:
            source.wait_acked(4000)
            daemon.process.kill()
            daemon.wait_exit()
        self.damage(sorted((daemon.state / "spool/mqtt").glob("*.seg")))
        daemon.start()
        said = poll(lambda: re.search(r"(\d+) records were damaged on disk and are lost; 1 files have no readable header", daemon.output()), what="a word about the damage")
        lost = int(said.group(1))
        self.assertGreater(lost, 0)
        self.assertEqual(remote(daemon)["events_dropped"], lost)
        self.wire.thaw()
        poll(lambda: remote(daemon)["events_waiting"] == 0, 30, "empty spool")
        poll(lambda: len(self.watcher.tally.missing(source.acked)) <= lost, 30, "arrival of the rest")
        self.assertGreater(len(source.acked) - lost, 1000)
        self.account(f"spool damaged, {lost} told", source, lost)
        daemon.stop()

    def test_the_clock_jumps(self):
        """An hour forth and two back, while the broker is there and while it is away: nothing is late or too old because of that."""
        clock = FakeClock()
        relay = self.stack.enter_context(Relay(self.broker().port))
        config = spooled(relay, spool={"max-age-s": 600}, keepalive=2)
        daemon = self.prepare(Daemon(config={"mqtt": config}, wrapper=clock.wrapper))
        daemon.start()
        connected(daemon)
        with Source(daemon, pace_s=0.01) as source, daemon.login() as reader:
            reader.ok("RCVLOOP")
            source.wait_acked(100)
            for offset_s in (3600, -3600, 0):
                clock.set(offset_s)
                self.wait_clock(reader, offset_s)
                source.wait_acked(len(source.acked) + 500)
            self.assertEqual(remote(daemon)["connects"], 1)
            for offset_s in (3600, -3600):
                before = remote(daemon)["connects"]
                relay.refuse()
                relay.reset()
                clock.set(offset_s)
                self.wait_clock(reader, offset_s)
                source.wait_acked(len(source.acked) + 200)
                relay.accept()
                poll(lambda n=before: remote(daemon)["connects"] > n, 20, "a new connection")
            source.stop()
            self.watcher.wait_all(source.acked)
            self.assertEqual(remote(daemon)["events_dropped"], 0)
            self.assertIsNone(source.error)
            self.account("clock jumps, 5", source)
        daemon.stop()

    def wait_clock(self, reader, offset_s):
        """Until events carry the time of the clock that was set."""
        end = time.monotonic() + 20 * PATIENCE
        while True:
            stamp = datetime.datetime.fromisoformat(next_of(reader, KEPT).date.replace("Z", "+00:00"))
            if abs(stamp.timestamp() - time.time() - offset_s) < 60:
                return
            self.assertLess(time.monotonic(), end, "the new time of the clock")

    def damage(self, files):
        """A flipped bit, a file cut short, and one that does not say any more what it is."""
        with open(files[0], "r+b") as file:
            file.seek(100_000)
            byte = file.read(1)[0]
            file.seek(100_000)
            file.write(bytes([byte ^ 16]))
        os.truncate(files[1], files[1].stat().st_size // 2)
        with open(files[2], "r+b") as file:
            file.write(b"\xa5" * 1024)




if __name__ == "__main__":
    parallel.main(threads=2)
