"""Filters that are set and changed while events flow: an event that passes every filter that a client has had comes,
one that passes none does not, and what the reply to a change promises holds for the very next event."""

import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, is_sanitized  # noqa: E402
from link_client import Event  # noqa: E402
from traffic import NothingLeft  # noqa: E402

# The masks look at bits 0 and 4 of the class only, and at one of them at least; the filters have both set.
MASKS = (0x01, 0x10, 0x11)
FILTERS = (0x11, 0x19, 0x91, 0x33)
ALWAYS, SOMETIMES, NEVER = 0x11, (0x01, 0x10), (0x08, 0x20)


def event_line(vscp_class, number):
    return f"SEND 0,{vscp_class},1,0,,,-,{number >> 16},{number >> 8 & 255},{number & 255}\r\n"


def number_of(event):
    return event.data[0] << 16 | event.data[1] << 8 | event.data[2]

# However slow the machine is with reading them.
ROOMY = {"max-out-queue": 1_000_000, "max-out-bytes": 0}


class Flow:
    """Sends numbered events of all classes, round and round, until it has to end."""

    def __init__(self, client):
        self.client = client
        self.sent = 0  # rounds
        self.running = True
        self.error = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        classes = (ALWAYS, SOMETIMES[0], NEVER[0], SOMETIMES[1], NEVER[1])
        try:
            while self.running:
                rounds = range(self.sent, self.sent + 20)
                self.client.send_raw("".join(event_line(c, n) for n in rounds for c in classes).encode())
                for _ in range(len(rounds) * len(classes)):
                    assert self.client.read_line() == "+OK - Success."
                self.sent += 20
        except BaseException as error:  # handed to the test's thread
            self.error = error

    def stop(self):
        self.running = False
        self.thread.join()
        if self.error:
            raise AssertionError(f"sender after {self.sent} rounds: {self.error!r}")


class FilterChanges(unittest.TestCase):
    def change_while_events_flow(self, in_loop):
        batches, size = 50 if is_sanitized() else 300, 50
        with Daemon(link=ROOMY) as daemon, NothingLeft(daemon):
            with daemon.login() as changing, daemon.login() as sender, daemon.login() as steady:
                for client in (changing, steady):
                    client.ok(f"SFLT 0,{ALWAYS},0,-")
                    client.ok(f"SMSK 0,{0xffff if client is steady else 0x01},0,-")
                    client.ok("CLRA")
                steady.ok("RCVLOOP")
                if in_loop:
                    changing.ok("RCVLOOP")
                steady_count = 0

                def read_steady(upto):
                    """Of the client that does not change; also so that it does not fall behind."""
                    nonlocal steady_count
                    while steady_count < upto:
                        event = steady.read_event()
                        self.assertEqual((event.vscp_class, number_of(event)), (ALWAYS, steady_count))
                        steady_count += 1

                got = {ALWAYS: [], SOMETIMES[0]: [], SOMETIMES[1]: []}

                def take(line):
                    event = Event(line)
                    # A class that passes no filter is not in there.
                    got[event.vscp_class].append(number_of(event))

                def read_replies(count):
                    while count > 0:
                        for line in changing.read_reply():
                            if line == "+OK - Success.":
                                count -= 1
                            elif line != "+OK":
                                take(line)

                flow = Flow(sender)
                try:
                    for batch in range(batches):
                        # It does not always end with the same filter.
                        changing.send_raw("".join(
                            f"SMSK 0,{MASKS[n % len(MASKS)]},0,-\r\nSFLT 0,{FILTERS[n % len(FILTERS)]},0,-\r\n"
                            for n in range(batch * size, batch * size + size)).encode())
                        read_replies(2 * size)
                        read_steady(flow.sent)
                        if not in_loop:
                            for line in changing.command("RETR 4294967295")[:-1]:
                                take(line)
                finally:
                    flow.stop()
                total = flow.sent
                if in_loop:
                    while not got[ALWAYS] or got[ALWAYS][-1] != total - 1:
                        line = changing.read_line()
                        if line != "+OK":
                            take(line)
                else:
                    while len(got[ALWAYS]) < total:
                        for event in changing.retrieve(1):
                            take(event.line)
                self.assertEqual(got[ALWAYS], list(range(total)))
                for vscp_class in SOMETIMES:
                    numbers = got[vscp_class]
                    self.assertEqual(numbers, sorted(set(numbers)))
                    self.assertIn(len(numbers), range(1, total))
                read_steady(total)
                print(f"{2 * batches * size} changes while {5 * total} events were sent; of those that pass always "
                      f"{total} came, of those that pass sometimes {[len(got[c]) for c in SOMETIMES]}")

    def test_in_the_receive_loop(self):
        self.change_while_events_flow(True)

    def test_of_one_that_polls(self):
        self.change_while_events_flow(False)

    def test_a_change_holds_for_the_next_event(self):
        """Changing clients and senders on both workers: an event that is sent after the reply to a change."""
        rounds = 100 if is_sanitized() else 400
        with Daemon() as daemon, NothingLeft(daemon):
            changing = [daemon.login() for _ in range(2)]
            senders = [daemon.login() for _ in range(2)]
            rows = {row["id"]: row["worker"] for row in daemon.admin("sessions")["sessions"]}
            for pair in (changing, senders):
                self.assertEqual(len({rows[client.channel_id()] for client in pair}), 2)
            for client in changing:
                client.ok("SFLT 0,65535,0,-")
                client.ok("RCVLOOP")
            number = 0
            for number in range(rounds):
                mask = MASKS[number % len(MASKS)]
                for client in changing:
                    client.ok(f"SMSK 0,{mask},0,-")
                wanted = []
                for n, sender in enumerate(senders):
                    for vscp_class in (SOMETIMES[0], NEVER[0], SOMETIMES[1], ALWAYS):
                        sender.send_event(vscp_class, 1, [n, 0, number % 256])
                        if vscp_class & mask == mask:
                            wanted.append((n, vscp_class))
                for client in changing:
                    got = []
                    for _ in wanted:
                        event = client.read_event()
                        self.assertEqual(event.data[2], number % 256)
                        got.append((event.data[0], event.vscp_class))
                    # Between senders there is no order.
                    for n in range(len(senders)):
                        self.assertEqual([e for e in got if e[0] == n], [e for e in wanted if e[0] == n])
            for client in changing + senders:
                client.close()

    def test_many_clients_with_filters_of_their_own(self):
        """Hundreds of distinct filters that are replaced all the time; each client gets exactly its own events."""
        count = 60 if is_sanitized() else 300
        with Daemon() as daemon, NothingLeft(daemon):
            clients = [daemon.login() for _ in range(count)]
            with daemon.login() as sender:
                for turn in range(4):
                    for n, client in enumerate(clients):
                        vscp_class = 1100 + (n + 7 * turn) % count
                        client.send_raw(f"SFLT 0,{vscp_class},0,-\r\nSMSK 0,65535,0,-\r\nCLRA\r\n".encode())
                    for client in clients:
                        for _ in range(3):
                            self.assertTrue(client.read_reply()[-1].startswith("+OK"))
                    sender.send_raw("".join(event_line(1100 + c, c) for c in range(count)).encode())
                    for _ in range(count):
                        self.assertEqual(sender.read_line(), "+OK - Success.")
                    for n, client in enumerate(clients):
                        [event] = client.retrieve(1)
                        self.assertEqual(event.vscp_class, 1100 + (n + 7 * turn) % count)
                    for client in clients:
                        self.assertEqual(client.waiting(), 0)
            for client in clients:
                client.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
