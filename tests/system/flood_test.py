"""Floods: 10 000 connections without login, 1 000 wrong passwords, the delay after a wrong password."""

import contextlib
import random
import resource
import socket
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, is_sanitized, poll, slow_hash, user  # noqa: E402
from link_client import LinkClient  # noqa: E402

CONNECTIONS = 10000
PASSWORDS = 1000
RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # linger 0: no TIME_WAIT left behind


def wrong_password(port, name, password):
    with LinkClient(port, timeout=60) as client:
        client.ok(f"USER {name}")
        client.send_line(f"PASS {password}")
        return client.expect_closed()


class Floods(unittest.TestCase):
    def connect_many(self, port, count, seed):
        generator = random.Random(seed)
        for number in range(count):
            with socket.socket() as sock:
                sock.settimeout(30)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.bind((f"127.0.{generator.randrange(2, 200)}.{generator.randrange(1, 250)}", 0))
                sock.connect(("127.0.0.1", port))
                kind = number % 4
                if kind == 0:
                    sock.recv(800)
                elif kind == 1:
                    sock.sendall(b"USER adm")
                elif kind == 2:
                    with contextlib.suppress(ConnectionError):
                        sock.sendall(b"NOOP\r\nQUIT\r\n")
                        while sock.recv(800):
                            pass

    def test_connects_without_login(self):
        with Daemon() as daemon:
            daemon.login().quit()
            self.connect_many(daemon.port, 500, 0)  # first use of everything

            def sessions():
                return len(daemon.admin("sessions")["sessions"])

            poll(lambda: sessions() == 0, what="all sessions to go")
            rss, fds = daemon.rss_kib(), daemon.fds()
            begin = time.monotonic()
            with ThreadPoolExecutor(4) as pool:
                for done in [pool.submit(self.connect_many, daemon.port, CONNECTIONS // 4, n + 1) for n in range(4)]:
                    done.result()
            took = time.monotonic() - begin
            poll(lambda: sessions() == 0, what="all sessions to go")
            poll(lambda: daemon.fds() <= fds, what=f"file descriptors to fall back to {fds}")
            grown = daemon.rss_kib() - rss
            print(f"{CONNECTIONS} connections in {took:.1f} s: memory {rss} KiB {grown:+} KiB, {daemon.fds()} descriptors")
            if not is_sanitized():
                self.assertLess(grown, 2048)
            with daemon.login() as sender, daemon.login() as receiver:
                sender.send_event(20, 3, [5])
                self.assertEqual(receiver.retrieve(1)[0].data, [5])

    def test_wrong_passwords(self):
        link = {"login-failure-delay-ms": 1, "login-failure-delay-max-ms": 4}
        with Daemon(link=link, users=[user("admin"), user("good")]) as daemon, daemon.login("good") as good:
            def attempt(number):
                name = "admin" if number % 10 else f"unknown{number}"
                return wrong_password(daemon.port, name, f"hunter2-{number}")

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(attempt, range(40)))
                rss, fds = daemon.rss_kib(), daemon.fds()
                begin = time.monotonic()
                answers = list(pool.map(attempt, range(PASSWORDS)))
                took = time.monotonic() - begin
            self.assertEqual(set(answers), {"-OK - Invalid username or password.\r\n"})
            grown = daemon.rss_kib() - rss
            print(f"{PASSWORDS} wrong passwords in {took:.1f} s: memory {rss} KiB {grown:+} KiB")
            if not is_sanitized():
                self.assertLess(grown, 2048 + 8 * 19 * 1024 // 4)  # the memory of the checks themselves comes and goes
            poll(lambda: daemon.fds() <= fds, what="file descriptors to fall back")
            good.ok("NOOP")
            # The right password still works, from the same address.
            daemon.login("admin").quit()
            poll(lambda: "admin" in daemon.output(), what="a line in the log about the failures")
            self.assertNotIn("hunter2", daemon.output())
            print("log:", [line for line in daemon.stderr().splitlines() if "admin" in line or "unknown" in line][:2])

    def test_wrong_passwords_from_one_address_do_not_keep_others_out(self):
        """Checks are slow on purpose; a good login from elsewhere is not put behind all those that one address asked for."""
        flood = 200
        # An unknown name costs what the known ones cost, so these must be slow to check.
        with Daemon(users=[user("admin") | {"password": slow_hash("secret")}]) as daemon:
            strangers = []
            try:
                for number in range(flood):
                    strangers.append(LinkClient(daemon.port, source="127.0.0.77"))
                    strangers[-1].send_raw(f"USER unknown{number}\r\nPASS x\r\n".encode())
                begin = time.monotonic()
                client = daemon.login(timeout=60)
                done = daemon.admin("stat")["total"]["login_failures"]
                print(f"a good login took {time.monotonic() - begin:.1f} s, {done} of {flood} wrong ones were checked before it")
                self.assertLess(done, flood // 2)
                client.quit()
            finally:
                for stranger in strangers:
                    stranger.close()

    def test_stop_while_passwords_wait_for_their_check(self):
        """Each check takes tens of milliseconds on one thread; a stop does not wait for those of 1 500 strangers."""
        waiting = 1500
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
        clients = []
        try:
            slow = [user("admin") | {"password": slow_hash("secret")}]
            with Daemon(users=slow, link={"login-failure-delay-ms": 1, "login-failure-delay-max-ms": 1}) as daemon:
                for number in range(waiting):
                    client = LinkClient(daemon.port)
                    clients.append(client)
                    client.send_raw(f"USER unknown{number}\r\nPASS x\r\n".encode())
                begin = time.monotonic()
                daemon.stop()
                print(f"stopped with up to {waiting} checks waiting in {time.monotonic() - begin:.1f} s")
                daemon.start()
        finally:
            for client in clients:
                client.close()

    def test_default_delay(self):
        """With the default configuration a wrong password costs a second, the next one from that address two. Only lower
        bounds are asserted: they hold on any machine."""
        with Daemon() as daemon:
            other = daemon.connect()
            for least in (1.0, 2.0):
                begin = time.monotonic()
                answer = wrong_password(daemon.port, "admin", "wrong")
                took = time.monotonic() - begin
                self.assertEqual(answer, "-OK - Invalid username or password.\r\n")
                self.assertGreaterEqual(took, least * 0.99)
                print(f"wrong password answered after {took:.2f} s")
                other.ok("NOOP")  # nobody else waits
            other.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
