"""An idle daemon sleeps: fewer than 10 context switches per second over all threads, and no measurable CPU time."""

import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, poll  # noqa: E402

SECONDS = 5.0


class Idle(unittest.TestCase):
    def measure(self, daemon, seconds, work=None):
        """Context switches and CPU seconds of the daemon during `seconds`; calls work() once a second."""
        switches, cpu, begin = daemon.switches(), daemon.cpu_seconds(), time.monotonic()
        next_work = begin
        while (now := time.monotonic()) < begin + seconds:
            if work and now >= next_work:
                work()
                next_work += 1.0
            time.sleep(0.05)
        took = time.monotonic() - begin
        return (daemon.switches() - switches) / took, daemon.cpu_seconds() - cpu

    def settle(self, daemon):
        """Start-up work (log, first wake-ups) is over when one quiet tenth of a second has passed."""
        last = [-1]

        def quiet():
            before, last[0] = last[0], daemon.switches()
            time.sleep(0.1)
            return before == last[0]

        poll(quiet, 20, "a quiet tenth of a second")

    def test_without_clients(self):
        with Daemon() as daemon:
            self.settle(daemon)
            rate, cpu = self.measure(daemon, SECONDS)
            print(f"no client: {rate:.1f} context switches/s in {daemon.threads()} threads, {cpu:.2f} s CPU in {SECONDS} s,"
                  f" {daemon.rss_kib()} KiB")
            self.assertLess(rate, 10)
            self.assertLessEqual(cpu, 0.02)

    def test_with_quiet_clients(self):
        """Sessions that are logged in and silent cost nothing; figures for polling ones are printed."""
        with Daemon() as daemon:
            clients = [daemon.login() for _ in range(3)]
            self.settle(daemon)
            rate, cpu = self.measure(daemon, 3.0)
            print(f"3 silent clients: {rate:.1f} context switches/s, {cpu:.2f} s CPU in 3 s")
            self.assertLess(rate, 10)
            self.assertLessEqual(cpu, 0.02)
            rate, cpu = self.measure(daemon, 3.0, lambda: [client.waiting() for client in clients])
            print(f"3 clients that poll once a second: {rate:.1f} context switches/s, {cpu:.2f} s CPU in 3 s")
            for client in clients:
                client.quit()


if __name__ == "__main__":
    unittest.main(verbosity=2)
