"""Clients that read late, hardly, or ask for more than there can be: what they get is right, what they lose is counted,
nobody else notices, and nothing is left when they have gone."""

import select
import socket
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, GUID, is_sanitized, user  # noqa: E402
from link_client import Event, LinkClient  # noqa: E402
from traffic import NothingLeft, Traffic  # noqa: E402

BAD = "-OK - Invalid parameter or format"
NONE = "-OK - No event(s) available"
CLASS = 1024
# Priority 0 among each hundred of priority 7.
ALARM_EVERY = 100


def send_numbered(sender, numbers, size=100):
    """Numbered events; every ALARM_EVERY-th is an alarm."""
    tail = ",255" * size
    sender.send_raw("".join(
        f"SEND {0 if n % ALARM_EVERY == 0 else 7 << 5},{CLASS},1,0,,,-,{n >> 16},{n >> 8 & 255},{n & 255}{tail}\r\n"
        for n in numbers).encode())
    for _ in numbers:
        reply = sender.read_line()
        assert reply == "+OK - Success.", reply


def want_only_numbered(client):
    client.ok(f"SFLT 0,{CLASS},0,-")
    client.ok("SMSK 0,65535,0,-")
    client.ok("CLRA")  # what came before the filter


def number_of(event):
    return event.data[0] << 16 | event.data[1] << 8 | event.data[2]


class SlowPeers(unittest.TestCase):
    def assert_rising(self, numbers):
        for before, after in zip(numbers, numbers[1:]):
            self.assertLess(before, after)

    def read_numbers(self, client, until):
        """Events in RCVLOOP up to and with number `until`."""
        numbers = []
        while not numbers or numbers[-1] != until:
            numbers.append(number_of(client.read_event()))
        return numbers

    def stop_and_come_back(self, policy, queue=500, times=8):
        """A reader stops, until `times` as many events are lost as it may be behind, and then goes on."""
        link = {"max-out-queue": queue, "slow-consumer": policy}
        with Daemon(link=link, users=[user("admin"), user("good")]) as daemon, NothingLeft(daemon):
            with Traffic(daemon), daemon.login() as sender, LinkClient(daemon.port, receive_buffer=4096) as late:
                late.login("admin", "secret")
                want_only_numbered(late)
                channel = late.channel_id()
                late.ok("RCVLOOP")

                def row():
                    return next(r for r in daemon.admin("sessions")["sessions"] if r["id"] == channel)

                total = 0
                while row()["dropped"] < times * queue:
                    send_numbered(sender, range(total, total + 100), 480)
                    total += 100
                send_numbered(sender, [total])  # not an alarm's turn to go missing
                numbers = self.read_numbers(late, total)
                self.assert_rising(numbers)
                total += 1
                lost = row()["dropped"]
                print(f"{policy}: {total} sent, {len(numbers)} read, {lost} lost")
                self.assertEqual(len(numbers) + lost, total)
                if policy == "drop-lowest-priority":
                    alarms = [n for n in numbers if n % ALARM_EVERY == 0]
                    self.assertEqual(alarms, list(range(0, total, ALARM_EVERY)))
                # It has caught up: from here on nothing is lost.
                for begin in range(total, total + 1000, 100):
                    send_numbered(sender, range(begin, begin + 100))
                    self.assertEqual(self.read_numbers(late, begin + 99), list(range(begin, begin + 100)))
                self.assertEqual(row()["dropped"], lost)

    def test_a_reader_that_stops_and_comes_back_lowest_priority(self):
        self.stop_and_come_back("drop-lowest-priority")

    def test_a_reader_that_stops_and_comes_back_oldest(self):
        self.stop_and_come_back("drop-oldest")

    def test_many_that_read_a_byte_at_a_time(self):
        count = 100 if is_sanitized() else 1000
        link = {"max-out-queue": 200}
        with Daemon(link=link, users=[user("admin"), user("good")]) as daemon, NothingLeft(daemon):
            with Traffic(daemon, batch=20) as traffic, daemon.login() as sender:
                slow = [LinkClient(daemon.port, receive_buffer=2304) for _ in range(count)]
                try:
                    for client in slow:
                        client.send_raw(f"USER admin\r\nPASS secret\r\nSFLT 0,{CLASS},0,-\r\nSMSK 0,65535,0,-\r\n"
                                        "CLRA\r\nRCVLOOP\r\n".encode())
                    for client in slow:
                        for _ in range(6):
                            self.assertTrue(client.read_reply()[-1].startswith("+OK"))
                    total = 1000
                    for begin in range(0, total, 100):
                        send_numbered(sender, range(begin, begin + 100), 400)
                        self.read_one_byte(slow)
                        traffic.wait_for_more(20)
                    for _ in range(10):
                        self.read_one_byte(slow)
                    traffic.wait_for_more(20)
                    # What came so is what belongs there, also for those that take the rest at once.
                    for client in slow:
                        self.assertTrue(f"0,{CLASS},1,".encode().startswith(client.buffer[:9]), client.buffer)
                    for client in slow[:: count // 20]:
                        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                        self.assert_rising(self.read_numbers(client, total - 1))
                finally:
                    for client in slow:
                        client.close()

    @staticmethod
    def read_one_byte(clients):
        """A byte from each one that has any."""
        waiting = select.poll()
        by_descriptor = {client.socket.fileno(): client for client in clients}
        for descriptor in by_descriptor:
            waiting.register(descriptor, select.POLLIN)
        for descriptor, _ in waiting.poll(0):
            client = by_descriptor[descriptor]
            byte = client.socket.recv(1)
            assert byte, "a slow client was closed"
            client.buffer += byte

    def test_losses_are_told_by_an_event(self):
        """CLASS1.ERROR, OVERRUN. Without any other event those that it makes are lost in silence."""
        with Daemon(link={"max-out-queue": 16}, workers=1) as daemon:
            with daemon.login() as sender, daemon.login() as idle, daemon.login() as watcher:
                watcher.ok("SFLT 0,508,0,-")
                watcher.ok("SMSK 0,65535,0,-")
                watcher.ok("CLRA")
                watcher.ok("RCVLOOP")
                send_numbered(sender, range(100))
                # Who has never asked for events misses none.
                self.assertGreater(daemon.admin("stat")["total"]["events_dropped"], 0)
                self.assertEqual(daemon.admin("stat")["total"]["overruns_told"], 0)
                idle.wait_waiting(1)
                send_numbered(sender, range(100))
                event = watcher.read_event()
                self.assertEqual((event.vscp_class, event.vscp_type, event.priority), (508, 18, 1))
                self.assertEqual(event.guid, GUID)
                self.assertEqual(event.data[:3], [0, 255, 255])
                self.assertEqual(len(event.data), 7)
                told = int.from_bytes(bytes(event.data[3:]), "big")
                self.assertGreater(told, 0)
                self.assertLessEqual(told, daemon.admin("stat")["total"]["events_missed"])

    def test_losses_are_not_told_if_so_configured(self):
        with Daemon(link={"max-out-queue": 16}, config={"overrun-events": False}) as daemon:
            with daemon.login() as sender, daemon.login() as idle:
                send_numbered(sender, range(100))
                idle.wait_waiting(1)
                total = daemon.admin("stat")["total"]
                self.assertGreater(total["events_dropped"], 0)
                self.assertEqual(total["overruns_told"], 0)

    def test_retr_of_any_number(self):
        with Daemon() as daemon, NothingLeft(daemon):
            with daemon.login() as sender, daemon.login() as receiver:
                want_only_numbered(receiver)
                for argument in ("-1", "1.5", "x", "0x10", "1,2", "99999999999999999999", "18446744073709551616", "9" * 4000):
                    receiver.refused(f"RETR {argument}", BAD)
                for argument in ("1", "4294967295", "4294967296", "18446744073709551615", "00000000001"):
                    receiver.refused(f"RETR {argument}", NONE)
                self.assertEqual(receiver.ok("RETR 0"), [])
                send_numbered(sender, range(1000), 487)
                receiver.wait_waiting(1000)
                self.assertEqual(receiver.ok("RETR 0"), [])
                reply = receiver.command("RETR 4294967295")
                self.assertEqual(reply.pop(), NONE)  # fewer than asked for
                self.assertEqual([number_of(Event(line)) for line in reply], list(range(1000)))
                self.assertEqual(receiver.waiting(), 0)

    def test_a_long_retr_whose_reader_stops(self):
        """The answer is megabytes; nothing of it is made before the peer takes what came before."""
        total = 4000
        with Daemon() as daemon, NothingLeft(daemon):
            with daemon.login() as sender, LinkClient(daemon.port, receive_buffer=4096) as receiver:
                receiver.login("admin", "secret")
                for begin in range(0, total, 100):
                    send_numbered(sender, range(begin, begin + 100), 480)
                receiver.wait_waiting(total)
                before = daemon.rss_kib()
                receiver.send_raw(b"RETR 4294967295\r\nNOOP\r\n" + b"NOOP\r\n" * 1000)
                send_numbered(sender, range(total, total + 100), 480)
                grown = daemon.rss_kib() - before
                print(f"RETR of {total} events whose reader stops: memory {grown:+} KiB")
                if not is_sanitized():
                    self.assertLess(grown, 1024)
                lines = receiver.read_reply()
                self.assertEqual(lines.pop(), NONE)
                self.assertEqual([number_of(Event(line)) for line in lines], list(range(total + 100)))
                for _ in range(1001):
                    self.assertEqual(receiver.read_reply(), ["+OK - Success."])

    def test_slow_readers_that_vanish(self):
        """Reset while events, replies and input wait for them."""
        with Daemon(link={"max-out-queue": 300}, users=[user("admin"), user("good")]) as daemon, NothingLeft(daemon):
            with Traffic(daemon), daemon.login() as sender:
                for mode in ("RCVLOOP\r\n", "RETR 100000\r\n", "HELP\r\n" * 2000, "SEND 0,20,3,0,,,-,1\r\n" * 3000, ""):
                    clients = [LinkClient(daemon.port, receive_buffer=4096) for _ in range(10)]
                    for client in clients:
                        client.login("admin", "secret")
                    send_numbered(sender, range(300), 400)
                    for client in clients:
                        client.socket.setblocking(False)
                        client.socket.send(mode.encode())
                    send_numbered(sender, range(600), 400)
                    for client in clients:
                        client.close()  # with data unread: a reset


if __name__ == "__main__":
    unittest.main(verbosity=2)
