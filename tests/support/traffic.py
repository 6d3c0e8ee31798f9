"""What runs beside a test of bad behaviour: good clients that must not notice it, and the daemon's own account of what
it holds, which must come back to where it was."""

import contextlib
import threading

from daemon import poll

CLASS = 777  # of the good clients' events; tests send others


class Traffic:
    """A good sender and a good receiver that exchange numbered events until stopped; each event is checked, so that
    one that is lost, doubled or out of order ends it. `batch` events are on their way at once."""

    def __init__(self, daemon, name="good", batch=1):
        self.sender = daemon.login(name)
        self.receiver = daemon.login(name)
        self.batch = batch
        for client in (self.sender, self.receiver):
            client.ok(f"SFLT 0,{CLASS},0,-")
            client.ok("SMSK 0,65535,0,-")
        self.receiver.ok("RCVLOOP")
        self.count = 0
        self.error = None
        self.running = True
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        poll(lambda: self.count or self.error, what="the first event of the good client")

    @staticmethod
    def _data(number):
        return [number >> 16 & 255, number >> 8 & 255, number & 255] + [number % 251] * (number % 200)

    def _run(self):
        try:
            while self.running:
                numbers = range(self.count, self.count + self.batch)
                self.sender.send_raw("".join(
                    f"SEND 0,{CLASS},{n % 60000},0,,,-,{','.join(map(str, self._data(n)))}\r\n" for n in numbers).encode())
                for _ in numbers:
                    reply = self.sender.read_line()
                    assert reply == "+OK - Success.", reply
                for n in numbers:
                    event = self.receiver.read_event()
                    assert event.vscp_type == n % 60000 and event.data == self._data(n), event.line[:200]
                    self.count += 1
        except BaseException as error:  # handed to the test's thread
            self.error = error

    def wait_for_more(self, events=100):
        """Returns once so many more have come."""
        target = self.count + events
        poll(lambda: self.count >= target or self.error, 30, what=f"{events} more events of the good client")
        if self.error:
            raise AssertionError(f"good client after {self.count} events: {self.error!r}")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        # It must get on after the bad behaviour, too.
        target = self.count + 100
        with contextlib.suppress(AssertionError):
            self.wait_for_more()
        self.running = False
        self.thread.join()
        self.sender.close()
        self.receiver.close()
        if self.error:
            raise AssertionError(f"good client after {self.count} events: {self.error!r}")
        assert self.count >= target, "the good client came to a stop"
        print(f"good client meanwhile: {self.count} events, all right")


class NothingLeft:
    """Everything that the daemon holds on behalf of clients: noted on entry, and on leaving waited for until it is back.
    Use it around a test's clients."""

    # Of `stat`: what goes up and down. The rest only counts up.
    GAUGES = ("sessions", "blocks", "buffers_out", "index_chunks", "skip_rules", "filter_groups")

    def __init__(self, daemon):
        self.daemon = daemon

    def held(self):
        total = self.daemon.admin("stat")["total"]
        return {name: total[name] for name in self.GAUGES} | {"descriptors": self.daemon.fds()}

    def __enter__(self):
        self.before = self.held()
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            return
        now = {}

        def back():
            now.update(self.held())
            return all(now[name] <= self.before[name] for name in now)

        try:
            poll(back, 20)
        except AssertionError:
            left = {name: f"{self.before[name]} -> {now[name]}" for name in now if now[name] > self.before[name]}
            raise AssertionError(f"left behind: {left}") from None
