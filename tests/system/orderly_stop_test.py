"""SIGTERM while events flow: everything that was acknowledged before reaches the broker and the far router, although it waits in memory only."""

import random
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from accounting import Source  # noqa: E402
from broker import Broker  # noqa: E402
from daemon import Daemon, poll  # noqa: E402
from link_client_test import entry, row  # noqa: E402
from link_spool_test import Reader  # noqa: E402
from mqtt_faults_test import Watcher  # noqa: E402
from mqtt_test import connected, section  # noqa: E402

STOPS = 2
SOURCES = 3


class OrderlyStop(unittest.TestCase):
    def check(self, config, first):
        """Sources send until the daemon is stopped in the middle of it; what they were told arrives."""
        acked = 0
        randomness = random.Random(first)
        with Broker() as broker, Daemon() as far:
            watcher, reader = Watcher(broker), Reader(far)
            self.addCleanup(reader.close)
            for run in range(STOPS):
                near = Daemon(config=config(broker, far))
                sources = [Source(near, batch=randomness.randrange(1, 60)) for _ in range(SOURCES)]
                try:
                    near.start()
                    connected(near)
                    poll(lambda n=near: row(n)["state"] == "connected", 20, "connection to the far router")
                    for index, source in enumerate(sources):
                        source.sent = first + (run * SOURCES + index) * 1_000_000
                        source.thread.start()
                    for source in sources:
                        source.wait_acked(randomness.randrange(1, 500))
                    near.process.send_signal(signal.SIGTERM)
                    self.assertEqual(near.wait_exit(), 0)
                finally:
                    for source in sources:
                        source.stopping.set()
                        if source.thread.ident:
                            source.thread.join()
                    near.remove()
                numbers = set().union(*(source.acked for source in sources))
                watcher.collect(lambda n=numbers: n <= set(watcher.tally.counts), 20)
                poll(lambda n=numbers: n <= set(reader.tally.counts), 20, "arrival at the far router")
                acked += len(numbers)
        print(f"{STOPS} orderly stops: {acked} acknowledged, 0 lost at broker and far router")

    def test_queues_in_memory(self):
        self.check(lambda broker, far: {
            "mqtt": section(broker, clientid="router", publish=[{"topic": "site/{{class}}", "qos": 1, "format": "string"}]),
            "link-client": [entry(far.port, receive=False)]}, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
