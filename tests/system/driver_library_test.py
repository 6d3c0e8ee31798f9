"""Driver libraries in processes of their own: events both ways, and what a library that fails does to the rest: nothing."""

import json
import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, daemon_path, poll  # noqa: E402

LIBRARIES = Path(os.environ.get("VSCPROUTER_TEST_LIBRARIES", Path(__file__).resolve().parents[2] / "build/tests/drivers"))
FAST = {"restart": {"delay": 0.05, "delay-max": 0.2}}
ERROR = 508  # CLASS1.ERROR
READY, ENDED, HUNG, MEMORY, NOT_LOADED, NOT_OPENED = 16, 31, 32, 35, 28, 14


def level2(words="", name="one", file="level2_2026.so", **more):
    """An entry of drivers.level2; the words tell the test library what to do (tests/drivers/library_words.h)."""
    out = {"enable": True, "name": name, "path-driver": str(LIBRARIES / file), "path-config": f" {words} "} | FAST
    out.update({key.replace("_", "-"): value for key, value in more.items()})
    return out


def level1(words="", name="one", file="level1.so", **more):
    out = {"enable": True, "name": name, "path": str(LIBRARIES / file), "config": words} | FAST
    out.update({key.replace("_", "-"): value for key, value in more.items()})
    return out


def row(daemon, name="one"):
    """What the daemon tells of a driver."""
    return next(r for r in daemon.admin("stat")["drivers"] if r["name"] == name)


def wait_row(daemon, condition, name="one", what="condition"):
    try:
        return poll(lambda: (lambda r: r if condition(r) else None)(row(daemon, name)), 20, what)
    except AssertionError as error:
        raise AssertionError(f"{error}: {row(daemon, name)}\n{daemon.output()}") from None


def wait_running(daemon, name="one"):
    return wait_row(daemon, lambda r: r["state"] == "running", name, "running")


def is_gone(process):
    """Whether there is no such process any more, not even a dead one."""
    return not Path(f"/proc/{process}").exists()


class LibraryTest(unittest.TestCase):
    def daemon(self, level2=(), level1=(), **more):
        daemon = Daemon(config={"drivers": {"level2": list(level2), "level1": list(level1)}}, **more)
        self.addCleanup(daemon.remove)
        return daemon

    def listener(self, daemon):
        """A client that gets every event from now on."""
        client = daemon.login()
        self.addCleanup(client.close)
        client.ok("RCVLOOP")
        return client

    def wait_event(self, client, vscp_class, vscp_type):
        while True:
            event = client.read_event()
            if (event.vscp_class, event.vscp_type) == (vscp_class, vscp_type):
                return event


class Events(LibraryTest):
    def test_both_ways_in_order(self):
        for isolation in ("process", "none"):
            with self.subTest(isolation=isolation):
                daemon = self.daemon([level2("echo", isolation=isolation)])
                with daemon:
                    wait_running(daemon)
                    client = self.listener(daemon)
                    sender = daemon.login()
                    self.addCleanup(sender.close)
                    own = sender.channel_id()
                    for number in range(300):
                        sender.ok("SEND " + f"0,20,9,0,,,-,{number >> 8},{number & 255},7")
                    seen = {True: [], False: []}
                    while len(seen[True]) < 300 or len(seen[False]) < 300:
                        event = client.read_event()
                        if event.vscp_class == 20:
                            seen[event.obid == own].append(event.data[0] << 8 | event.data[1])
                    self.assertEqual(seen[True], list(range(300)))
                    self.assertEqual(seen[False], list(range(300)), "the library's echoes, in order")
                    figures = row(daemon)
                    self.assertEqual(figures["events_out"], 300)
                    self.assertGreaterEqual(figures["events_in"], 300)

    def test_what_it_brings_before_anybody_asks(self):
        with self.daemon([level2("count=7")]) as daemon:
            figures = wait_row(daemon, lambda r: r.get("events_in", 0) >= 8, what="7 events, and the one that says that it runs")
            self.assertEqual((figures["starts"], figures["crashes"]), (1, 0))

    def test_level1_with_the_guid_of_the_interface(self):
        guid = "FF:FF:FF:FF:FF:FF:FF:F5:01:02:03:04:05:06:00:00"
        with self.daemon(level1=[level1("echo", guid=guid)]) as daemon:
            wait_running(daemon)
            client = self.listener(daemon)
            sender = daemon.login()
            self.addCleanup(sender.close)
            own = sender.channel_id()
            sender.ok("SEND " + "0,20,9,0,,,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:2A,1,2,3")
            while True:
                event = self.wait_event(client, 20, 9)
                if event.obid != own:
                    break
            self.assertEqual(event.guid, guid[:-2] + "2A")
            self.assertEqual(event.data, [1, 2, 3])


class Faults(LibraryTest):
    def check_restart(self, entry, condition, vscp_type, words):
        """The library fails; the site and the operator are told, others go on, it is started again."""
        good = level2("echo", name="good")
        with self.daemon([entry, good]) as daemon:
            client = self.listener(daemon)
            self.wait_event(client, ERROR, vscp_type)
            figures = wait_row(daemon, lambda r: condition(r) >= 2, what="failed twice")
            self.assertGreaterEqual(figures["starts"], 2)
            self.assertRegex(figures["last_error"], words)
            self.assertRegex(daemon.output(), f"driver one: {words}")
            # The others have not noticed.
            other = wait_running(daemon, "good")
            self.assertEqual((other["starts"], other["crashes"]), (1, 0))
            sender = daemon.login()
            self.addCleanup(sender.close)
            own = sender.channel_id()
            sender.ok("SEND " + "0,20,9,0,,,-,1")
            while self.wait_event(client, 20, 9).obid == own:
                pass

    def test_a_crash_in_each_function(self):
        for function in ("VSCPOpen", "VSCPRead"):
            with self.subTest(function=function):
                self.check_restart(level2(f"segv@{function}"), lambda r: r["crashes"], ENDED,
                                   f"ended by SIGSEGV in {function}")

    def test_exit(self):
        for word, code in (("exit", 3), ("exit66", 66)):
            with self.subTest(code=code):
                self.check_restart(level2(f"{word}@VSCPRead"), lambda r: r["crashes"], ENDED,
                                   f"ended itself with exit code {code} in VSCPRead")

    def test_a_hang(self):
        for function, more in (("VSCPOpen", {"open-timeout-ms": 100}), ("VSCPRead", {"call-timeout-ms": 200})):
            with self.subTest(function=function):
                self.check_restart(level2(f"hang@{function}", **more), lambda r: r["hangs"], HUNG,
                                   f"hangs: {function} has not returned for")

    def test_a_library_that_refuses_to_open(self):
        self.check_restart(level2("error@VSCPOpen"), lambda r: r["refusals"], NOT_OPENED, ".*VSCPOpen")

    def test_no_library(self):
        self.check_restart(level2(file="is_not_there.so"), lambda r: r["refusals"], NOT_LOADED, ".*is_not_there.so")


class Limits(LibraryTest):
    def test_memory(self):
        leak = level2("flood leak=2000", memory_max=64 << 20, max_rate=10_000)
        with self.daemon([leak]) as daemon:
            client = self.listener(daemon)
            self.wait_event(client, ERROR, MEMORY)
            figures = wait_row(daemon, lambda r: r["starts"] >= 2, what="started again")
            self.assertGreaterEqual(figures["over_memory"], 1)
            self.assertRegex(daemon.output(), r"driver one: uses \d+ MiB of memory, more than memory-max \(64 MiB\)")

    def test_processor(self):
        with self.daemon([level2("flood", cpu_max=20, send=False)]) as daemon:
            figures = wait_row(daemon, lambda r: r["throttled_ms"] > 0, what="slowed down")
            self.assertEqual((figures["starts"], figures["hangs"]), (1, 0))
            poll(lambda: "driver one: uses more than cpu-max (20 % of a core): it is slowed down" in daemon.output(), 10, "told")
            # It still works.
            wait_row(daemon, lambda r: r.get("events_in", 0) > figures["events_in"], what="more events")

    def test_a_flood_is_bounded_and_others_go_on(self):
        flood = level2("flood", name="flood", send=False)
        with self.daemon([flood, level2("echo", name="good")]) as daemon:
            wait_running(daemon, "good")
            wait_row(daemon, lambda r: r.get("events_in", 0) > 100_000, "flood", "a flood")
            client = daemon.login()
            self.addCleanup(client.close)
            client.ok("SFLT 0,10,0,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00")
            client.ok("SMSK 0,0xffff,0,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00")
            client.ok("RCVLOOP")
            sender = daemon.login()
            self.addCleanup(sender.close)
            own = sender.channel_id()
            for number in range(200):
                sender.send_line(f"SEND 0,10,6,0,,,-,{number}")
            for number in range(200):
                self.assertTrue(sender.read_reply()[-1].startswith("+OK"))
            direct = []
            while len(direct) < 200:
                event = client.read_event()
                if event.obid == own:
                    direct.append(event.data[0])
            self.assertEqual(direct, list(range(200)))
            self.assertEqual(row(daemon, "flood")["crashes"], 0)

    def test_what_it_prints_is_in_the_log_and_little(self):
        with self.daemon([level2(file="level2_recorder.so") | {"path-config": "print.txt"}]) as daemon:
            wait_running(daemon)
            poll(lambda: "driver one: line 19 of the library" in daemon.output(), 10, "lines in the log")
            self.assertNotIn("line 20 of the library", daemon.output())

    def test_what_it_writes_over_the_shared_memory(self):
        with self.daemon([level2(file="level2_recorder.so") | {"path-config": "scribble.txt"}]) as daemon:
            wait_running(daemon)
            client = self.listener(daemon)
            sender = daemon.login()
            self.addCleanup(sender.close)
            sender.ok("SEND 0,10,6,0,,,-,1")
            self.wait_event(client, ERROR, ENDED)
            wait_row(daemon, lambda r: r["crashes"] >= 1 and r["starts"] >= 2, what="started again")


class Stop(LibraryTest):
    def recorded(self, daemon, name):
        return (daemon.folder / name).read_text().split()

    def test_what_waits_is_written_and_the_library_closed(self):
        count = 300
        daemon = self.daemon([level2(file="level2_recorder.so") | {"path-config": "slow.txt"}])
        daemon.start()
        wait_running(daemon)
        with daemon.login() as sender:
            for number in range(count):
                sender.ok(f"SEND 0,10,6,0,,,-,{number >> 8},{number & 255}")
        daemon.stop()
        lines = self.recorded(daemon, "slow.txt")
        self.assertEqual(lines[-1], "closed")
        want = [f"{number >> 8},{number & 255}" for number in range(count)]
        self.assertEqual([line for line in lines[:-1] if line in set(want)], want)

    def test_a_library_that_does_not_close_is_ended(self):
        daemon = self.daemon([level2(file="level2_recorder.so") | {"path-config": "deaf.txt"}])
        daemon.start()
        host = wait_running(daemon)["pid"]
        daemon.stop()
        self.assertTrue(is_gone(host))
        self.assertNotIn("closed", self.recorded(daemon, "deaf.txt"))
        self.assertIn("driver one: does not end when it is told to", daemon.output())


class Many(LibraryTest):
    def test_fifty_at_once(self):
        names = [f"d{number}" for number in range(50)]
        with self.daemon([level2("count=3", name=name) for name in names]) as daemon:
            poll(lambda: all(r["state"] == "running" and r.get("events_in", 0) >= 4 for r in daemon.admin("stat")["drivers"]), 60,
                 "all run, and each has brought its events")
            self.assertEqual({r["starts"] for r in daemon.admin("stat")["drivers"]}, {1})


class Check(LibraryTest):
    def check(self, daemon):
        result = subprocess.run([daemon_path(), "--config", str(daemon.config_path), "--state", str(daemon.state), "--check-config"],
                                capture_output=True, text=True, timeout=120)
        return result.returncode, result.stdout + result.stderr

    def test_files(self):
        self.assertEqual(self.check(self.daemon([level2("echo")]))[0], 0)
        code, text = self.check(self.daemon([level2(file="none.so")]))
        self.assertNotEqual(code, 0)
        self.assertRegex(text, r"error: driver one: there is no file \S+/none.so: write the name of the driver's library")
        daemon = self.daemon([level2("echo")])
        whole = json.loads(daemon.config_path.read_text())
        whole["drivers"]["host-program"] = "/etc/passwd"
        daemon.config_path.write_text(json.dumps(whole))
        code, text = self.check(daemon)
        self.assertNotEqual(code, 0)
        self.assertIn("cannot start /etc/passwd: Permission denied: install vscp-driver-host beside vscprouterd", text)


class Processes(LibraryTest):
    def test_the_hosts_end_with_the_router(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number.name):
                daemon = self.daemon([level2("echo"), level2("flood", name="two")])
                daemon.start()
                hosts = [wait_running(daemon, name)["pid"] for name in ("one", "two")]
                if number == signal.SIGTERM:
                    daemon.stop()
                    self.assertTrue(all(is_gone(host) for host in hosts))
                else:
                    daemon.process.kill()
                    daemon.process.wait()
                    poll(lambda: all(is_gone(host) for host in hosts), 10, "no process is left over")


if __name__ == "__main__":
    unittest.main(verbosity=2)
