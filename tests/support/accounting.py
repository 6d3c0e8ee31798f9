"""Counts what was acknowledged against what arrived: nothing acknowledged may be missing, whatever died meanwhile."""

import threading
import time

from daemon import PATIENCE
from link_client import Closed


class Source:
    """Sends numbered events over the link protocol for ever, `batch` at a time, through as many connections as it takes. What the
    router has acknowledged is in `acked`; what it sent without an answer is sent again under new numbers."""

    def __init__(self, daemon, vscp_class=40, size=40, batch=20, pace_s=0.0):
        self.daemon = daemon
        self.vscp_class = vscp_class
        self.size = size
        self.batch = batch
        self.pace_s = pace_s
        self.acked = set()
        self.acked_at = {}  # number -> when
        self.refused = 0
        self.sent = 0
        self.error = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _data(self, number):
        return [number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255] + [number % 251] * (self.size - 4)

    def _run(self):
        while not self.stopping.is_set():
            try:
                with self.daemon.login() as client:
                    while not self.stopping.is_set():
                        self._exchange(client)
                        self.stopping.wait(self.pace_s)
            except (Closed, OSError, AssertionError) as error:
                # The router has gone: that is what these tests are about. Its end is noticed by who killed it.
                self.error = error
                self.stopping.wait(0.02)

    def _exchange(self, client):
        numbers = range(self.sent, self.sent + self.batch)
        self.sent += self.batch
        client.send_raw("".join(f"SEND 96,{self.vscp_class},1,0,,,-,{','.join(map(str, self._data(n)))}\r\n" for n in numbers).encode())
        for number in numbers:
            reply = client.read_line()
            if reply.startswith("+OK"):
                self.acked.add(number)
                self.acked_at[number] = time.monotonic()
            else:
                self.refused += 1

    def wait_acked(self, count, deadline_s=30):
        end = time.monotonic() + deadline_s * PATIENCE
        while len(self.acked) < count:
            assert time.monotonic() < end, f"{len(self.acked)} of {count} events acknowledged; {self.error!r}"
            self.stopping.wait(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def __exit__(self, *unused):
        self.stop()


def number_of(line):
    """The number of an event that a Source sent, out of its event line."""
    data = [int(x) for x in line.split(",")[7:]]
    return data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3]


class Tally:
    """What arrived: how often each number, and whether the first arrivals were in order."""

    def __init__(self):
        self.counts = {}
        self.highest = -1
        self.disorder = 0

    def add(self, number):
        if number not in self.counts:
            if number < self.highest:
                self.disorder += 1
            self.highest = max(self.highest, number)
        self.counts[number] = self.counts.get(number, 0) + 1

    def missing(self, acked):
        return sorted(set(acked) - set(self.counts))

    def duplicates(self):
        return sum(count - 1 for count in self.counts.values())
