#!/usr/bin/env python3
"""Runs the tests of this folder on a kernel that has CAN: here, in a network of their own, or in the machine of tools/can-vm, all in
one boot. Writes TAP, one line per case. Where neither is possible all are skipped, with the reason.

`run.py inside` says that this is the kernel to use. With VSCPROUTER_VERBOSE=1 what a case prints is shown even if it passes.
"""
import argparse
import contextlib
import io
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import traceback
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SKIP = 77
sys.path[:0] = [str(HERE), str(ROOT / "tests/support")]


def lines_of_comment(text):
    return "".join(f"# {line}\n" for line in text.splitlines())


class TapResult(unittest.TestResult):
    """Each case's line when it has ended; what it printed follows if it failed."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.printed = io.StringIO()
        self.said = False
        self.redirection = contextlib.redirect_stdout(self.printed)
        self.redirection.__enter__()

    def stopTest(self, test):
        self.redirection.__exit__(None, None, None)
        super().stopTest(test)

    def _say(self, text, details=""):
        self.said = True
        took = f"{time.monotonic() - self.began:.1f} s"
        sys.__stdout__.write(f"{text}\n# {took}\n{lines_of_comment(details)}")
        sys.__stdout__.flush()

    @staticmethod
    def _name(test):
        return test.id().removeprefix("__main__.")

    def addSuccess(self, test):
        self._say(f"ok {self._name(test)}", self.printed.getvalue() if os.environ.get("VSCPROUTER_VERBOSE") == "1" else "")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say(f"ok {self._name(test)} # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        details = "".join(traceback.format_exception(*err)) + self.printed.getvalue()
        self._say(f"not ok {self._name(test)}", details)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(subtest, err)


def cases(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from cases(entry)
        else:
            yield entry


def run_inside(wanted):
    """The cases, on this very kernel."""
    found = unittest.defaultTestLoader.discover(str(HERE), pattern="*_test.py")
    chosen = [case for case in cases(found) if not wanted or any(part in case.id() for part in wanted)]
    print(f"1..{len(chosen)}", flush=True)
    result = TapResult()
    unittest.TestSuite(chosen).run(result)
    return 0 if result.wasSuccessful() and chosen else 1


def can_is_here():
    """May this process make a CAN interface, in a network of its own?"""
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
    except OSError:
        return False
    return subprocess.run(["unshare", "--net", "ip", "link", "add", "dev", "vcan0", "type", "vcan"], check=False,
                          capture_output=True).returncode == 0


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    return 0


def run_here(arguments):
    setup = "".join(f"ip link add dev {name} type vcan && ip link set dev {name} mtu 72 up && " for name in ("vcan0", "vcan1", "vcan2"))
    script = f'ip link set lo up && {setup}exec "$@"'
    os.execvp("unshare", ["unshare", "--net", "sh", "-c", script, "sh", *arguments])


def run_in_machine(arguments, timeout):
    build = os.environ.get("VSCPROUTERD")
    see = ["--see", str(pathlib.Path(build).resolve().parents[2])] if build else []
    command = [str(ROOT / "tools/can-vm"), "--timeout", str(timeout), *see, "--", *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as machine:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _: machine.send_signal(received))
        said = machine.stderr.read().decode("utf-8", "replace")
        status = machine.wait()
    sys.stdout.write(lines_of_comment(said))
    if status == SKIP:
        return skip_all((said.strip().splitlines() or ["can-vm gives no reason"])[-1])
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where", choices=("auto", "here", "vm"), default="auto")
    parser.add_argument("--timeout", type=int, default=240, help="seconds for the machine's boot and all cases")
    parser.add_argument("cases", nargs="*", metavar="PART", help="only cases whose name holds one of these")
    options = parser.parse_args()
    if options.cases[:1] == ["inside"]:
        return run_inside(options.cases[1:])
    if not all(map(lambda name: subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, check=False).returncode == 0,
                   ("candump", "cangen", "ip", "tc"))):
        return skip_all("can-utils or iproute2 is not installed")
    arguments = [sys.executable, str(HERE / "run.py"), "inside", *options.cases]
    if options.where == "here" or (options.where == "auto" and can_is_here()):
        run_here(arguments)
    sys.stdout.flush()
    return run_in_machine(arguments, options.timeout)


if __name__ == "__main__":
    sys.exit(main())
