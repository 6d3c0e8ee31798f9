#!/usr/bin/env python3
"""vscpctl driver test: what it says of good libraries and of each kind of bad one."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

LIBRARIES = pathlib.Path(os.environ["VSCPROUTER_TEST_LIBRARIES"])
EXAMPLES = pathlib.Path(os.environ["VSCPROUTER_EXAMPLE_LIBRARIES"])
LEVEL1 = ["CanalOpen", "CanalClose", "CanalGetLevel", "CanalBlockingSend", "CanalBlockingReceive", "CanalGetStatus",
          "CanalGetStatistics", "CanalSetFilter", "CanalSetMask", "CanalGetVersion", "CanalGetDllVersion",
          "CanalGetVendorString", "CanalGetDriverInfo"]
LEVEL1_POLLING = ["CanalSend", "CanalDataAvailable", "CanalReceive"]
LEVEL2 = ["VSCPOpen", "VSCPClose", "VSCPRead", "VSCPWrite", "VSCPGetVersion", "VSCPGetVendorString"]
BEFORE_ANY_CONFIGURATION = ("load", "CanalGetVersion", "CanalGetDllVersion", "CanalGetVendorString",
                            "CanalGetDriverInfo", "VSCPGetVersion", "VSCPGetVendorString")


def check(library, config="", *more, patience="10s", reading="50ms"):
    """(exit status, report) of a short test."""
    done = subprocess.run([os.environ["VSCPCTL"], "driver", "test", str(library), "--config", config, "--for", reading,
                           "--patience", patience, *more], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


class DriverTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="vscprouter-driver-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def fault_of(self, library, fault, function, patience="10s"):
        """Report of a library that does `fault` in `function`."""
        words = f"{fault}@{function}"
        if function not in BEFORE_ANY_CONFIGURATION:
            return check(LIBRARIES / f"{library}.so", f"echo count=2 {words}", patience=patience)
        named = self.folder / f"{library}-{words}.so"
        named.write_bytes((LIBRARIES / f"{library}.so").read_bytes())
        return check(named, "echo", patience=patience)

    def test_good_libraries(self):
        for name in ("level1", "level1_polling", "level2_classic", "level2_2026", "level2_2026_sized"):
            status, report = check(LIBRARIES / f"{name}.so", "echo count=5")
            self.assertEqual(status, 0, report)
            self.assertIn("no fault found", report)
            self.assertRegex(report, r"\n        5 events in ")

    def test_examples(self):
        status, report = check(EXAMPLES / "level1_example.so", "period=5")
        self.assertEqual(status, 0, report)
        config = self.folder / "example.conf"
        config.write_text("period=5\n")
        status, report = check(EXAMPLES / "level2_example.so", str(config))
        self.assertEqual(status, 0, report)

    def test_a_crash_in_each_function_is_named(self):
        for library, functions in (("level1", LEVEL1), ("level1_polling", LEVEL1_POLLING), ("level2_2026", LEVEL2)):
            for function in functions:
                with self.subTest(function=function):
                    status, report = self.fault_of(library, "segv", function)
                    self.assertEqual(status, 1, report)
                    self.assertRegex(report, rf"FAULT crashes in (\w+ or )?{function}\b.*signal 11")

    def test_a_crash_while_loading_is_named(self):
        for library in ("level1", "level2_classic"):
            status, report = self.fault_of(library, "segv", "load")
            self.assertEqual(status, 1, report)
            self.assertIn("crashes in loading (signal 11", report)

    def test_a_hang_is_named(self):
        for library, function in (("level1", "CanalOpen"), ("level1", "CanalBlockingSend"), ("level2_2026", "VSCPRead"),
                                  ("level1", "CanalGetVersion")):
            with self.subTest(function=function):
                status, report = self.fault_of(library, "hang", function, patience="300ms")
                self.assertEqual(status, 1, report)
                self.assertRegex(report, rf"FAULT does not return from (\w+ or )?{function}\b")

    def test_what_else_goes_wrong(self):
        for library, words, expected in (
                ("level1", "exit@CanalClose", "ends its process with exit status 3 in CanalClose"),
                ("level1", "abort@CanalOpen", "crashes in CanalOpen (signal 6"),
                ("level2_2026", "throw@VSCPRead", "VSCPRead threw an exception"),
                ("level1", "error@CanalBlockingSend", "CanalBlockingSend failed with code 12"),
                ("level1", "error@CanalOpen", "CanalOpen refused"),
                ("level1", "strange", "claim more data than there can be"),
                ("level2_2026", "count=2 bad-null", "have a size and no data"),
                ("level2_2026", "count=2 bad-size", "claim more data than there can be"),
                ("level2_2026", "count=2 bad-pointer", "crashes in"),
                ("level2_2026", "count=2 behind", "wrote behind the end"),
                ("level1", "flood leak=100000", "memory grew by"),
                ("level2_classic", "flood leak=100000", "memory grew by")):
            with self.subTest(words=words):
                status, report = check(LIBRARIES / f"{library}.so", words, reading="2s" if "leak" in words else "50ms")
                self.assertEqual(status, 1, report)
                self.assertIn(expected, report)

    def test_the_other_layout(self):
        status, report = check(LIBRARIES / "level2_2026.so", "count=2", "--event-layout", "classic")
        self.assertEqual(status, 1, report)
        self.assertIn('write "event-layout": "2026"', report)

    def test_what_is_no_driver_library(self):
        text = self.folder / "text.so"
        text.write_text("no library")
        for file, expected in ((text, "no shared object"), (self.folder / "none.so", "there is no file"),
                               (LIBRARIES / "level1_no_mask.so", "has no function CanalSetMask"),
                               (LIBRARIES / "level1_needy.so", "linked incompletely")):
            status, report = check(file)
            self.assertEqual(status, 1, report)
            self.assertIn(expected, report)

    def test_nothing_is_sent_when_told_so(self):
        status, report = check(LIBRARIES / "level1.so", "segv@CanalBlockingSend segv@CanalSend", "--no-write")
        self.assertEqual(status, 0, report)
        self.assertEqual(len(re.findall("left out, --no-write", report)), 2, report)

    def test_wrong_options(self):
        for more in (("--level", "3"), ("--guid", "xyz"), ("--event-layout", "old")):
            status, report = check(LIBRARIES / "level1.so", "", *more)
            self.assertEqual(status, 2, report)


if __name__ == "__main__":
    unittest.main()
