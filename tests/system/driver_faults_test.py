#!/usr/bin/env python3
"""A fault library for each fault: the router and the other drivers go on, and the operator sees why. And the examples."""
import os
import pathlib
import re
import tempfile
import unittest

from driver_library_test import LIBRARIES, LibraryTest, level1, level2, poll, row, wait_row, wait_running

EXAMPLES = pathlib.Path(os.environ["VSCPROUTER_EXAMPLE_LIBRARIES"])
# Not so often that a slow machine does nothing else than to start what fails.
SLOWLY = {"restart": {"delay": 0.2, "delay-max": 10}}
CALL_TIMEOUT = {"call-timeout-ms": 300, "open-timeout-ms": 300}


def patient(entry, **more):
    return entry | {key.replace("_", "-"): value for key, value in more.items()}


class Examples(LibraryTest):
    def test_both_bring_events_and_answer(self):
        """The examples of drivers/examples: a thermometer, and a lamp that answers what switches it."""
        folder = tempfile.TemporaryDirectory(prefix="vscprouter-driver-examples-")
        self.addCleanup(folder.cleanup)
        config = pathlib.Path(folder.name) / "room.conf"
        config.write_text("period=20\n")
        first, second = (f"FF:FF:FF:FF:FF:FF:FF:F5:0{number}:00:00:00:00:00:00:00" for number in (1, 2))
        entries = [level2(file="", name="second", guid=second) | {
            "path-driver": str(EXAMPLES / "level2_example.so"), "path-config": str(config)}]
        with self.daemon(entries, [level1("period=20", name="first", guid=first) | {
                "path": str(EXAMPLES / "level1_example.so"), "translation": 1}]) as daemon:
            for name in ("first", "second"):
                wait_running(daemon, name)
            client = self.listener(daemon)
            sender = daemon.login()
            self.addCleanup(sender.close)
            sender.ok("SEND 0,30,5,0,,,-,0,0,0")
            wanted = {(vscp_class, vscp_type, guid[:-1] + node) for guid in (first, second)
                      for vscp_class, vscp_type, node in ((1060, 6, "1"), (20, 3, "2"))}
            while wanted:
                event = client.read_event()
                wanted.discard((event.vscp_class, event.vscp_type, event.guid))


class FaultLibraries(LibraryTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vscprouter-driver-faults-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def named(self, library, words):
        """A copy of a test library whose file's name makes it fail before it has seen a configuration."""
        file = self.folder / f"{library}-{words}.so"
        file.write_bytes((LIBRARIES / f"{library}.so").read_bytes())
        return str(file)

    def check(self, entries):
        """`entries`: name -> (level, entry, what the operator reads, or a test of the driver's row)."""
        good = level2("echo", name="good")
        libraries = {1: [], 2: [good]}
        for name, (level, entry, _) in entries.items():
            libraries[level].append(entry | SLOWLY | {"name": name})
        with self.daemon(libraries[2], libraries[1]) as daemon:
            wait_running(daemon, "good")
            client = self.listener(daemon)
            sender = daemon.login()
            self.addCleanup(sender.close)
            own = sender.channel_id()
            sender.ok("SEND 0,20,9,0,,,-,1,2,3")
            for name, (_, _, expected) in entries.items():
                with self.subTest(library=name):
                    if callable(expected):
                        wait_row(daemon, expected, name, f"the fault of {name}")
                        continue
                    found = wait_row(daemon, lambda r: r["last_error"], name, f"the fault of {name}")
                    self.assertRegex(found["last_error"], expected)
                    poll(lambda: re.search(f"driver {name}: .*{expected}", daemon.output()), 20,
                         f"a line in the log about {name}")
            # The router and the good one have not noticed.
            sender.ok("SEND 0,20,9,0,,,-,99")
            while True:
                event = self.wait_event(client, 20, 9)
                if event.obid != own and event.data == [99]:
                    break
            self.assertEqual((row(daemon, "good")["starts"], row(daemon, "good")["crashes"]), (1, 0))

    def test_crashes_of_level1(self):
        entries = {function: (1, level1(f"count=2 segv@{function}"), f"SIGSEGV in {function}")
                   for function in ("CanalOpen", "CanalGetLevel", "CanalBlockingReceive", "CanalBlockingSend")}
        entries |= {function: (1, level1(f"count=2 segv@{function}", file="level1_polling.so"),
                               f"SIGSEGV in {function}")
                    for function in ("CanalDataAvailable", "CanalReceive", "CanalSend")}
        for function in ("CanalGetVersion", "CanalGetDllVersion", "CanalGetVendorString", "CanalGetDriverInfo"):
            entries[function] = (1, level1() | {"path": self.named("level1", f"segv@{function}")},
                                 f"SIGSEGV in {function}")
        entries["load"] = (1, level1() | {"path": self.named("level1", "segv@load")}, "SIGSEGV")
        self.check(entries)

    def test_crashes_of_level2(self):
        entries = {function: (2, level2(f"count=2 segv@{function}"), f"SIGSEGV in {function}")
                   for function in ("VSCPOpen", "VSCPRead", "VSCPWrite")}
        for function in ("VSCPGetVersion", "VSCPGetVendorString"):
            entries[function] = (2, level2() | {"path-driver": self.named("level2_2026", f"segv@{function}")},
                                 f"SIGSEGV in {function}")
        entries["load"] = (2, level2() | {"path-driver": self.named("level2_2026", "segv@load")}, "SIGSEGV")
        entries["abort"] = (2, level2("abort@VSCPWrite"), "SIGABRT in VSCPWrite")
        entries["exit"] = (2, level2("exit@VSCPWrite"), "ended itself with exit code")
        entries["pointer"] = (2, level2("count=1 bad-pointer"), "SIGSEGV")
        entries["vendor"] = (2, level2() | {"path-driver": self.named("level2_2026", "pointer@VSCPGetVendorString")},
                             "SIGSEGV in VSCPGetVendorString")
        self.check(entries)

    def test_hangs(self):
        entries = {function: (1, patient(level1(f"count=1 hang@{function}"), **CALL_TIMEOUT),
                              f"{function} has not returned")
                   for function in ("CanalOpen", "CanalBlockingReceive", "CanalBlockingSend")}
        entries |= {function: (1, patient(level1(f"count=1 hang@{function}", file="level1_polling.so"), **CALL_TIMEOUT),
                               f"{function} has not returned")
                    for function in ("CanalDataAvailable", "CanalReceive", "CanalSend")}
        entries |= {function: (2, patient(level2(f"hang@{function}"), **CALL_TIMEOUT), f"{function} has not returned")
                    for function in ("VSCPOpen", "VSCPRead", "VSCPWrite")}
        entries["load"] = (2, patient(level2(), **CALL_TIMEOUT) |
                           {"path-driver": self.named("level2_2026", "hang@load")}, "has not returned")
        self.check(entries)

    def test_garbage_is_counted_and_nothing_comes_of_it(self):
        self.check({
            "strange": (1, level1("strange count=1"), lambda r: r["garbage"] >= 2 and r["left_out"] >= 4),
            "size": (2, level2("count=3 bad-size"), lambda r: r["garbage"] >= 3),
            "null": (2, level2("count=3 bad-null"), lambda r: r["garbage"] >= 3),
            "behind": (2, level2("count=3 behind"), lambda r: r["garbage"] >= 3),
            "errors1": (1, level1("error@CanalBlockingReceive"), lambda r: r["read_failures"] >= 3),
            "errors2": (2, level2("error@VSCPWrite"), lambda r: r["write_failures"] >= 1),
            "throws1": (1, level1("throw@CanalBlockingReceive"), lambda r: r["read_failures"] >= 3),
            "throws2": (2, level2("throw@VSCPWrite"), lambda r: r["write_failures"] >= 1),
            "full": (1, level1("full"), lambda r: r["state"] == "running" and r["starts"] == 1),
        })

    def test_the_other_layout(self):
        self.check({
            "old": (2, level2("count=2", file="level2_classic.so", event_layout="2026"),
                    lambda r: r["garbage"] >= 2),
            "new": (2, level2("count=2", file="level2_2026.so", event_layout="classic"),
                    lambda r: r["garbage"] >= 2),
            "told": (2, level2("count=2", file="level2_classic.so"), lambda r: r.get("events_in", 0) >= 2),
        })

    def test_what_cannot_be_loaded(self):
        text = self.folder / "text.so"
        text.write_text("no library")
        self.check({
            "text": (1, level1() | {"path": str(text)}, "no shared object"),
            "symbol1": (1, level1(file="level1_no_mask.so"), "no function CanalSetMask"),
            "symbol2": (2, level2(file="level2_no_version.so"), "no function VSCPGetVersion"),
            "needy": (1, level1(file="level1_needy.so"), "uses a_value_that_nothing_has"),
            "level2": (1, level1(file="level2_2026.so"), "drivers.level2"),
            "level1": (2, level2(file="level1.so"), "drivers.level1"),
        })

    def test_floods(self):
        self.check({
            "flood1": (1, level1("flood"), lambda r: r.get("events_in", 0) >= 20000),
            "flood2": (2, level2("flood"), lambda r: r.get("events_in", 0) >= 20000),
        })

    def test_a_leak_ends_the_library_and_not_the_router(self):
        self.check({"leak": (2, level2("flood leak=100000", memory_max=64 << 20),
                             lambda r: r["starts"] >= 2 and r["last_error"])})

    def test_a_crash_and_a_hang_while_closing_do_not_hold_the_router_up(self):
        daemon = self.daemon([patient(level2("segv@VSCPClose", name="segv"), **CALL_TIMEOUT),
                              patient(level2("hang@VSCPClose", name="hang"), **CALL_TIMEOUT)])
        daemon.start()
        for name in ("segv", "hang"):
            wait_running(daemon, name)
        daemon.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
