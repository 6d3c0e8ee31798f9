"""Thousands of clients that come and go at once: events flow on, and nothing is left when the crowd has gone."""

import contextlib
import os
import random
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, is_sanitized, poll, user  # noqa: E402
from link_client import LinkClient  # noqa: E402
from traffic import NothingLeft, Traffic  # noqa: E402

SEED = 20261122
RESET = struct.pack("ii", 1, 0)  # linger 0: close() sends a reset
LOGIN = b"USER admin\r\nPASS secret\r\n"
USERS = [user("admin"), user("good")]


class Crowd:
    """A process of its own with many sessions: it says so when all are logged in, and ends only when it is killed."""

    CODE = """
import resource, socket, sys
port, count, at_once, bytes_ = *map(int, sys.argv[1:4]), sys.argv[4].encode().decode("unicode_escape").encode()
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
clients = []
for begin in range(0, count, at_once):
    some = [socket.create_connection(("127.0.0.1", port)) for _ in range(min(at_once, count - begin))]
    for client in some:
        client.sendall(bytes_)
    clients += some
    for client in some:  # greeting, then one line for each of ours
        got = b""
        while got.count(b"+OK") < 1 + bytes_.count(b"\\n"):
            piece = client.recv(4096)
            if not piece:
                sys.exit("closed: " + repr(got))
            got += piece
print("ready", flush=True)
sys.stdin.read()
"""

    def __init__(self, port, count, sends=LOGIN, at_once=200):
        text = sends.decode().encode("unicode_escape").decode()
        self.process = subprocess.Popen([sys.executable, "-c", self.CODE, str(port), str(count), str(at_once), text],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def wait_until_there(self):
        line = self.process.stdout.readline()
        assert line == b"ready\n", line

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.kill()


class Crowds(unittest.TestCase):
    def sessions(self, daemon):
        return daemon.admin("stat")["total"]["sessions"]

    def storm(self, port, count, generator):
        """Connects of every kind, hundreds at once, none of them waited for before the next."""
        kinds = [b"", b"USER adm", b"NOOP\r\nQUIT\r\n", LOGIN + b"RCVLOOP\r\n", LOGIN + b"SEND 0,20,3,0,,,-,1\r\n" * 20,
                 LOGIN + b"BINARY\r\n\xe0\x00", bytes(range(256))]
        room = 300
        waiting = []
        for _ in range(count):
            sock = socket.socket()
            sock.setblocking(False)
            sock.bind((f"127.0.{generator.randrange(2, 200)}.{generator.randrange(1, 250)}", 0))
            sock.connect_ex(("127.0.0.1", port))
            if generator.randrange(4) == 0:  # leaves before it is even accepted
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.close()
                continue
            waiting.append(sock)
            if len(waiting) == room:
                self.leave(waiting, kinds, generator)
        self.leave(waiting, kinds, generator)

    @staticmethod
    def leave(waiting, kinds, generator):
        for sock in waiting:
            select.select([], [sock], [], 30)
            with contextlib.suppress(OSError):
                sock.send(generator.choice(kinds))
            if generator.randrange(2) == 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        for sock in waiting:
            sock.close()
        waiting.clear()

    def test_connect_storm(self):
        least = 1000 if is_sanitized() else 3000
        generator = random.Random(SEED)
        with Daemon(users=USERS) as daemon, NothingLeft(daemon):
            with Traffic(daemon, batch=50) as traffic:
                begin = traffic.count
                count = 0
                # The good client is a thread of this process, too: the storm goes on until that had its turn.
                while count < least or (traffic.count == begin and count < 20 * least):
                    self.storm(daemon.port, 500, generator)
                    count += 500
                print(f"{traffic.count - begin} events while {count} connected")
                self.assertGreater(traffic.count, begin)
            poll(lambda: self.sessions(daemon) == 0, 30, "all sessions to go")
            total = daemon.admin("stat")["total"]
            self.assertGreater(total["accepted"], count // 2)
            self.assertEqual(total["refused"], 0)

    def test_kill_of_half_of_all_clients(self):
        each = 200 if is_sanitized() else 1000
        with Daemon(users=USERS, link={"rcvloop-gap-ms": 0}) as daemon, NothingLeft(daemon):
            with Traffic(daemon, batch=20) as traffic, daemon.login() as sender:
                loop, binary = LOGIN + b"RCVLOOP\r\n", LOGIN + b"BINARY\r\n"
                killed = [Crowd(daemon.port, each, loop), Crowd(daemon.port, each, binary)]
                left = [Crowd(daemon.port, each, loop), Crowd(daemon.port, each)]
                with contextlib.ExitStack() as stack:
                    for crowd in killed + left:
                        stack.enter_context(crowd)
                    for crowd in killed + left:
                        crowd.wait_until_there()
                    self.assertEqual(self.sessions(daemon), 4 * each + 3)
                    # Nobody of the crowd reads on; all have something waiting.
                    for number in range(200):
                        sender.send_event(20, 3, [number] * 100)
                    traffic.wait_for_more()
                    for crowd in killed:
                        crowd.process.send_signal(signal.SIGKILL)
                    poll(lambda: self.sessions(daemon) == 2 * each + 3, 30, "the sessions of the dead to go")
                    traffic.wait_for_more()
                    for number in range(200):
                        sender.send_event(20, 3, [number] * 100)

    def test_more_sessions_than_open_files(self):
        """From Linux 6.13 on sockets lie in tables of the rings, and the limit of open files is none for sessions."""
        files = 128  # and so only 16 may wait to be accepted
        count = 400 if is_sanitized() else 1500

        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        with Daemon(users=USERS, preexec=limit) as daemon:
            if "every session is an open file" in daemon.output():
                self.skipTest("this kernel has no tables for sockets")
            # The rings that a crowd needed stay for the next one.
            with Traffic(daemon), Crowd(daemon.port, count, at_once=15) as crowd:
                crowd.wait_until_there()
            poll(lambda: self.sessions(daemon) == 0, 30, "all sessions to go")
            with NothingLeft(daemon):
                for _ in range(2):
                    with Traffic(daemon) as traffic, Crowd(daemon.port, count, at_once=15) as crowd:
                        crowd.wait_until_there()
                        self.assertEqual(self.sessions(daemon), count + 2)
                        self.assertLess(daemon.fds(), files)
                        traffic.wait_for_more()
                    poll(lambda: self.sessions(daemon) == 0, 30, "all sessions to go")

    def test_no_more_room(self):
        """More connect than there may be; who is refused is told, and who goes makes room."""
        with Daemon(users=USERS, link={"max-sessions": 500}) as daemon, NothingLeft(daemon):
            with Traffic(daemon), Crowd(daemon.port, 498) as crowd:
                crowd.wait_until_there()
                for _ in range(500):
                    with LinkClient(daemon.port, greeting=False) as client:
                        self.assertEqual(client.expect_closed(), "-OK - Too many connections, try again later.\r\n")
                crowd.kill()

                def room():
                    with LinkClient(daemon.port, greeting=False) as client:
                        return client.read_line().startswith("Welcome")

                poll(room, what="room after the crowd has gone")


if __name__ == "__main__":
    unittest.main(verbosity=2)
