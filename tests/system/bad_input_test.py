"""Input that no client should send: each has its defined answer, the daemon lives on and others do not notice."""

import random
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, poll, user  # noqa: E402
from link_client import Closed, LinkClient  # noqa: E402
from traffic import Traffic  # noqa: E402

BAD = "-OK - Invalid parameter or format"
UNKNOWN = "-OK - Unknown command"
SEED = 20261122


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(
            config={"overrun-events": False},
            link={"login-failure-delay-ms": 1, "login-failure-delay-max-ms": 2, "login-timeout-s": 60,
                  "max-out-queue": 5000},
            users=[user("admin"), user("good")])
        cls.daemon.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.__exit__(None, None, None)

    def assert_works(self):
        """The daemon still does its job."""
        with self.daemon.login() as sender, self.daemon.login() as receiver:
            sender.send_event(20, 3, [1, 2, 3])
            self.assertEqual(receiver.retrieve(1)[0].data, [1, 2, 3])

    def test_fields_missing_and_out_of_range(self):
        with self.daemon.login() as client:
            for argument in ["", "0", "0,20", "0,20,3", "0,20,3,0", "0,20,3,0,", "0,20,3,0,,", ",,,,,", "-,-,-,-,-,-,-",
                             "0,70000,3,0,,,-", "0,20,70000,0,,,-", "70000,20,3,0,,,-", "0,20,3,5000000000,,,-",
                             "-1,20,3,0,,,-", "0,20,3,0,,,-,256", "0,20,3,0,,,-,0x100", "0,20,3,0,,,-,1e1",
                             "0,20,3,0,,,-,1;2", "0,20,3,0,,,-,,1", "0,20,3,0,1800-01-01T00:00:00,,-,1",
                             "0,20,3,0,2026-01-01T25:00:00,,-,1", "0,20,3,0,,18446744073709551616,-,1",
                             "0,20,3,0,,,FF:FF,1", "0,20,3,0,,,{FF,1", "0,20,3,0,,," + "F" * 600, "\xff\xfe,1,1,0,,,-"]:
                with self.subTest(argument=argument[:60]):
                    client.refused(f"SEND {argument}", BAD)
            client.quit()

    def test_513_data_bytes(self):
        with self.daemon.login() as client:
            client.refused("SEND 0,1024,1,0,,,-" + ",0" * 513, BAD)
            client.ok("SEND 0,1024,1,0,,,-" + ",0" * 512)

    def test_nul_bytes(self):
        with self.daemon.login() as client:
            for data in [b"\x00\r\n", b"NOOP\x00\r\n", b"NO\x00OP\r\n", b"SEND 0,20,3,0,,,-,1\x00\r\n", b"\x00" * 100 + b"\r\n"]:
                client.send_raw(data)
                reply = client.read_reply()
                self.assertEqual(len(reply), 1)
                self.assertIn(reply[0], (BAD, UNKNOWN), data)
            client.quit()

    def test_line_without_end(self):
        for logged_in in (False, True):
            client = self.daemon.login() if logged_in else self.daemon.connect()
            # The worker's 4 MiB of receive buffers get touched by now; lines of blanks have no answer.
            client.send_raw((b" " * 4000 + b"\r\n") * 4000)
            client.ok("NOOP")
            before = self.daemon.rss_kib()
            try:
                for _ in range(1000):
                    client.send_raw(b"A" * 10000)
            except (ConnectionError, socket.timeout):
                pass
            try:
                text = client.expect_closed()
                # A reset may overtake the answer when the peer goes on writing.
                self.assertIn(text, ("-OK - Line too long, closing.\r\n", ""))
            finally:
                client.close()
            print(f"line without end, logged in {logged_in}: closed, memory {self.daemon.rss_kib() - before:+} KiB")
            self.assertLess(self.daemon.rss_kib() - before, 1024)
        # A peer that stops at the limit sees the answer for sure.
        with self.daemon.connect() as client:
            client.send_raw(b"A" * 4200)
            self.assertEqual(client.expect_closed(), "-OK - Line too long, closing.\r\n")

    def test_binary_junk(self):
        generator = random.Random(SEED)
        with Traffic(self.daemon):
            for _ in range(300):
                with self.daemon.connect() as client:
                    try:
                        client.send_raw(generator.randbytes(generator.randrange(1, 20000)))
                        client.send_raw(b"\r\n")
                        client.send_line("QUIT")
                        client.expect_closed()
                    except ConnectionError:
                        pass  # the line was too long; what else it may do is tested above
        self.assert_works()

    def test_foreign_protocols(self):
        hello = bytes.fromhex("160301004a010000460303") + bytes(63)
        with self.daemon.connect() as client:
            client.send_raw(hello)  # somebody who takes this port for one with TLS could read no answer
            self.assertEqual(client.expect_closed(), "")
        for data in [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\r\n",
                     b"SSH-2.0-OpenSSH_9.2\r\n"]:
            with self.daemon.connect() as client:
                client.send_raw(data)
                client.send_line("QUIT")
                text = client.expect_closed()
                self.assertTrue(text.endswith("+OK - Connection closed by client.\r\n"), text)
                for line in text.splitlines()[:-1]:
                    self.assertTrue(line.startswith("-OK"), line)
        self.assert_works()

    def test_mutated_commands_on_50_connections(self):
        """Seeded; every line that is complete gets exactly one reply, or the connection is closed for a reason."""
        print("seed", SEED)
        generator = random.Random(SEED)
        seeds = ["NOOP", "SEND 0,20,3,0,2026-01-02T03:04:05Z,1000,-,1,2,3", "SEND 0,20,3,0,,,::1,0x10", "RETR 5", "CDTA",
                 "SFLT 0,20,3,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00", "SMSK 0,65535,0,-", "SGID ::1", "CHID",
                 "STAT", "INFO", "HELP SEND", "+", "++", "+3", "RCVLOOP", "QUITLOOP", "CLRA", "INTERFACE LIST", "VERS",
                 "MEASUREMENT 0,2,6,1.5,1,-,0,0,0", "WCYD", "CHALLENGE", "USER x", "GGID"]

        def mutate(line):
            data = bytearray(line.encode())
            for _ in range(generator.randrange(0, 4)):
                position = generator.randrange(len(data) + 1)
                action = generator.randrange(4)
                if action == 0:
                    data.insert(position, generator.randrange(256))
                elif action == 1 and data:
                    del data[position - 1]
                elif action == 2 and data:
                    data[position - 1] ^= 1 << generator.randrange(8)
                elif action == 3:
                    data[position:position] = data[: generator.randrange(40)]
            return bytes(data).replace(b"\n", b"?")

        with Traffic(self.daemon):
            clients = [self.daemon.login() for _ in range(50)]
            for client in clients:
                batch = b"\r\n".join(mutate(generator.choice(seeds)) for _ in range(400)) + b"\r\nQUITLOOP\r\nQUIT\r\n"
                client.send_raw(batch)
            closed = 0
            for client in clients:
                text = client.expect_closed()
                closed += text.endswith("+OK - Connection closed by client.\r\n")
                client.close()
            print(f"{closed} of {len(clients)} connections ended with the answer to QUIT")
            self.assertEqual(closed, len(clients))
        self.assert_works()

    def test_peer_that_never_reads(self):
        """Memory stays bounded, and others get everything."""
        stuck = [LinkClient(self.daemon.port, receive_buffer=4096) for _ in range(4)]
        channels = []
        for client in stuck:
            client.login("admin", "secret")
            channels.append(client.channel_id())
            client.ok("RCVLOOP")
        total, window = 20000, 500
        with self.daemon.login("good") as sender, self.daemon.login("good") as reader:
            reader.ok("RCVLOOP")
            before = self.daemon.rss_kib()
            line = b"SEND 0,1024,1,0,,,-" + b",255" * 487 + b"\r\n"
            sent = received = 0
            peak = before
            token, tail = b",1024,1,", b""
            reader.socket.settimeout(30)
            sender.socket.settimeout(30)
            while received < total:
                if sent < total and sent - received < window:
                    sender.send_raw(line * 100)
                    for _ in range(100):
                        self.assertEqual(sender.read_line(), "+OK - Success.")
                    sent += 100
                    continue
                piece = reader.socket.recv(1 << 20)
                self.assertTrue(piece, "the reader was closed")
                piece = tail + piece
                received += piece.count(token)
                tail = piece[1 - len(token):]
                peak = max(peak, self.daemon.rss_kib())
            print(f"{total} events of 487 bytes past 4 peers that never read: memory {before} -> peak {peak} KiB")
        self.assertLess(peak - before, 256 * 1024)
        # Every event of every stuck peer is accounted for: sent into its socket, waiting, or counted as lost.
        rows = [row for row in self.daemon.admin("sessions")["sessions"] if row["id"] in channels]
        self.assertEqual(len(rows), len(stuck))
        for row in rows:
            self.assertGreater(row["dropped"], 0, row)
            # One line may be sent in part: it neither waits nor is it out.
            self.assertIn(row["events_out"] + row["queued"] + row["dropped"], (total - 1, total), row)
        for client in stuck:
            client.close()
        self.assert_works()

    def test_kill_and_half_open_peers(self):
        """Resets in the middle of commands, of the loop and of a burst; peers that close only their sending side."""
        generator = random.Random(SEED)
        with Traffic(self.daemon):
            for number in range(60):
                client = self.daemon.login()
                if number % 3 == 0:
                    client.ok("RCVLOOP")
                client.send_raw(b"SEND 0,20,3,0,,,-,1\r\n" * generator.randrange(50) + b"SEND 0,20"[: generator.randrange(9)])
                # Linger 0: close sends a reset, as a killed process with unread data does.
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                client.close()
            for _ in range(20):
                client = self.daemon.login()
                client.send_raw(b"NOOP\r\nNOOP\r\nNO")
                client.socket.shutdown(socket.SHUT_WR)
                # What was complete is answered, then the server closes too.
                self.assertEqual(client.expect_closed(), "+OK - Success.\r\n" * 2)
                client.close()
        self.assert_works()

    def test_sessions_go_when_peers_go(self):
        # A daemon of its own: sessions of other tests may still be saying goodbye in the shared one.
        with Daemon() as daemon:
            def sessions():
                return len(daemon.admin("sessions").get("sessions", []))

            clients = [daemon.login() for _ in range(5)]
            poll(lambda: sessions() == 5, what="five sessions")
            for client in clients:
                client.close()
            poll(lambda: sessions() == 0, what="the sessions to go")


class Timeouts(unittest.TestCase):
    def test_half_a_command_for_ever(self):
        with Daemon(link={"login-timeout-s": 1, "idle-timeout-s": 2, "keepalive-ms": 300}) as daemon:
            silent, dripping, idle, looped = daemon.connect(), daemon.connect(), daemon.login(), daemon.login()
            looped.ok("RCVLOOP")
            silent.send_raw(b"USER ad")
            stop = threading.Event()

            def drip():
                """A byte now and then does not buy time before login."""
                while not stop.wait(0.1):
                    try:
                        dripping.send_raw(b"x")
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            try:
                self.assertEqual(silent.expect_closed(), "-OK - Login timeout, closing.\r\n")
                self.assertEqual(dripping.expect_closed(), "-OK - Login timeout, closing.\r\n")
            except Closed:
                pass
            finally:
                stop.set()
                thread.join()
            idle.send_raw(b"SEND 0,20,3")
            self.assertEqual(idle.expect_closed(), "-OK - Idle timeout, closing.\r\n")
            # Who is in the receive loop is not idle.
            begin = time.monotonic()
            while time.monotonic() - begin < 2.5:
                self.assertEqual(looped.read_line(), "+OK")
            for client in (silent, dripping, idle, looped):
                client.close()

    def test_too_many_sessions(self):
        with Daemon(link={"max-sessions": 3}) as daemon:
            clients = [daemon.login() for _ in range(3)]
            with LinkClient(daemon.port, greeting=False) as one_more:
                self.assertEqual(one_more.expect_closed(), "-OK - Too many connections, try again later.\r\n")
            clients[0].quit()

            def room():
                with LinkClient(daemon.port, greeting=False) as client:
                    return client.read_line().startswith("Welcome")

            poll(room, what="room for a new session after one left")

    def test_slow_consumer_is_disconnected_by_policy(self):
        link = {"slow-consumer": "disconnect", "max-out-queue": 200, "hold-producers-ms": 0, "rcvloop-gap-ms": 0}
        with Daemon(link=link) as daemon:
            slow = LinkClient(daemon.port, receive_buffer=4096)
            slow.login("admin", "secret")
            slow.ok("RCVLOOP")
            with daemon.login() as sender:
                line = b"SEND 0,1024,1,0,,,-" + b",255" * 487 + b"\r\n"
                for _ in range(100):
                    sender.send_raw(line * 50)
                    for _ in range(50):
                        self.assertEqual(sender.read_line(), "+OK - Success.")
            text = slow.expect_closed()
            self.assertLess(text.count(",1024,1,"), 5000)
            # Told why, behind the last whole line.
            lines = [line for line in text.split("\r\n") if line != "+OK"]  # signs of life, if all this takes long
            self.assertEqual(lines[-2:], ["-OK - Too slow in reading events, closing.", ""])
            self.assertTrue(lines[-3].endswith(",255"), lines[-3][-40:])
            poll(lambda: daemon.admin("stat")["total"]["slow_closed"] == 1, what="its count")
            slow.close()

    def fetch_all(self, receiver, total):
        """Waits until every one of `total` events is counted as lost or waits; returns those that wait."""
        def settled():
            lost = int(receiver.ok("STAT")[0].split(",")[2])
            return lost > 0 and lost + receiver.waiting() == total

        poll(settled, what="all events lost or waiting, by STAT and CDTA")
        events = receiver.retrieve(receiver.waiting())
        print(f"{total} sent, {len(events)} kept")
        return events

    def test_slow_consumer_that_polls_loses_the_lowest_priority(self):
        """Priority 7 goes before priority 0, of these the oldest; every loss is counted."""
        link = {"max-out-queue": 100, "slow-consumer": "drop-lowest-priority", "hold-producers-ms": 0}
        with Daemon(link=link, config={"overrun-events": False}) as daemon, daemon.login() as sender, daemon.login() as receiver:
            for number in range(100):
                sender.send_event(20, 3, [1, number], head=7 << 5)
            receiver.wait_waiting(100)
            for number in range(50):
                sender.send_event(20, 3, [2, number], head=0)
            events = self.fetch_all(receiver, 150)
            self.assertLessEqual(len(events), 100)
            kept_high = [e.data[1] for e in events if e.data[0] == 2]
            kept_low = [e.data[1] for e in events if e.data[0] == 1]
            self.assertEqual(kept_high, list(range(50)))
            self.assertTrue(kept_low)
            self.assertEqual(kept_low, list(range(100 - len(kept_low), 100)))

    def test_slow_consumer_that_polls_loses_the_oldest(self):
        link = {"max-out-queue": 100, "slow-consumer": "drop-oldest", "hold-producers-ms": 0}
        with Daemon(link=link, config={"overrun-events": False}) as daemon, daemon.login() as sender, daemon.login() as receiver:
            for number in range(150):
                sender.send_event(20, 3, [number], head=number % 8 << 5)
            events = self.fetch_all(receiver, 150)
            self.assertLessEqual(len(events), 100)
            self.assertGreater(len(events), 50)
            self.assertEqual([e.data[0] for e in events], list(range(150 - len(events), 150)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
