"""Takes everything that arrives at a broker, on a thread of its own, through a session that survives both ends."""

import threading
import time

from accounting import Tally, number_of
from daemon import poll
from mqtt_client import MqttClient


class Watcher:
    """Subscribes when made; listens from `start()` (or `with`) on, and comes back when the broker has been away. `reading`: how the
    number of an event is read from a payload."""

    def __init__(self, broker, topic="site/#", name="watcher", reading=number_of):
        self.port = broker.port
        self.topic = topic
        self.name = name
        self.connects = 0
        self.reading = reading
        self.tally = Tally()
        self.arrived_at = {}  # number -> when it came first
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        MqttClient(self.port, name, clean=False).subscribe(topic, qos=1).close()

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def _run(self):
        while not self.stopping.is_set():
            try:
                with MqttClient(self.port, self.name, clean=False, timeout=2) as client:
                    if not client.session_present:  # the broker was killed, and kept nothing
                        client.subscribe(self.topic, qos=1)
                    self.connects += 1
                    while not self.stopping.is_set():
                        if (message := client.read(0.05)) is not None:
                            self._take(message)
            except (OSError, AssertionError):
                self.stopping.wait(0.05)  # the broker is away: that is what these tests are about

    def _take(self, message):
        number = self.reading(message.payload.decode())
        self.arrived_at.setdefault(number, time.monotonic())
        self.tally.add(number)

    def wait_all(self, acked, deadline_s=60):
        """Until all that was acknowledged has arrived."""
        def all_here():
            return not acked or self.tally.highest >= max(acked) and not self.tally.missing(acked)
        poll(all_here, deadline_s, "arrival of all acknowledged events")

    def worst_delay(self, acked_at):
        """Seconds from an acknowledgement to the arrival, at most."""
        return max((self.arrived_at[n] - when for n, when in acked_at.items() if n in self.arrived_at), default=0.0)
