"""The daemon as a process: configuration errors, ports, signals, users files, missing io_uring, a full disk."""

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, daemon_path, poll, user  # noqa: E402
from link_client import Event, LinkClient  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def deny_io_uring():
    """Runs in the child: io_uring_setup answers EPERM from now on, as under a container's seccomp profile."""
    io_uring_setup = 425  # the same number on every architecture
    errno_eperm, allow = 0x00050000 | errno.EPERM, 0x7FFF0000
    code = b"".join(struct.pack("HBBI", *row) for row in [
        (0x20, 0, 0, 0), (0x15, 0, 1, io_uring_setup), (0x06, 0, 0, errno_eperm), (0x06, 0, 0, allow)])
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
    if LIBC.prctl(38, 1, 0, 0, 0) != 0 or LIBC.prctl(22, 2, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def own_network():
    """Runs in the child: a network namespace with nothing but its own loopback, so that fixed ports are free."""
    if LIBC.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def connect_in_network_of(pid, port):
    """A client socket inside another process's network namespace: made by a thread that enters it and ends."""
    result = []

    def enter():
        with open(f"/proc/{pid}/ns/net") as namespace:
            if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                result.append(OSError(ctypes.get_errno(), "setns"))
                return
        try:
            result.append(LinkClient(port))
        except Exception as error:  # handed to the caller
            result.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


class Start(unittest.TestCase):
    def fails(self, daemon, *patterns):
        """The daemon must end at start with an exit code of its own and say all of the patterns; returns what it said."""
        try:
            code = daemon.spawn().wait_exit()
            text = daemon.output()
        finally:
            daemon.remove()
        print(text.strip()[:600])
        self.assertGreater(code, 0, f"exit code {code}: {text}")
        for pattern in patterns:
            self.assertRegex(text, pattern)
        self.assertNotIn("terminate called", text)
        self.assertNotIn("Ready:", text)
        return text

    def test_an_interface_whose_guid_a_session_may_get_is_told(self):
        taken = "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:05:00:00"  # of channel 5
        entry = {"interface": "127.0.0.1:0", "allow": ["127.0.0.1"]}
        with Daemon(config={"udp": [entry | {"name": "own"}, entry | {"name": "taken", "guid": taken}]}) as daemon:
            poll(lambda: "udp taken: its GUID may also be that of another interface or session here" in daemon.output(), what="warning")
            self.assertNotIn("udp own: its GUID", daemon.output())

    def test_configuration_errors_name_file_line_path_and_a_way_out(self):
        text = '{\n  "guid": "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00",\n  "servername": "x",\n' \
               '  "link": [ { "interface": "127.0.0.1:0", "max-out-queu": 5, "line-format": "new" } ]\n}\n'
        said = self.fails(Daemon(text=text), r"config\.json", r"max-out-queue", r"line-format", r"legacy", r"nanoseconds")
        self.assertRegex(said, r"config\.json:4")
        self.assertRegex(said, r"link\b.*0", "path of the key")

    def test_broken_json(self):
        self.fails(Daemon(text='{\n  "guid": "FF",\n  "servername" "x"\n}\n'), r"config\.json:3")

    def test_wrong_types_and_ranges(self):
        for text in ['[]', '""', '{"link": 5}', '{"link": [{"interface": 5}]}', '{"link": [{"interface": "nonsense:x"}]}',
                     '{"workers": {"count": -1}}', '{"workers": {"count": 100000}}', '{"guid": "1:2:3"}', '']:
            with self.subTest(text=text):
                self.fails(Daemon(text=text), r"config\.json")

    def test_no_such_configuration_file(self):
        daemon = Daemon()
        daemon.config_path.unlink()
        self.fails(daemon, r"config\.json", r"[Nn]o such file|not found|cannot be")

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = self.fails(Daemon(link={"interface": f"127.0.0.1:{port}"}), rf"127\.0\.0\.1:{port}", r"another program")
        self.assertEqual(len([line for line in said.splitlines() if str(port) in line]), 1)

    def test_address_that_is_not_ours(self):
        self.fails(Daemon(link={"interface": "192.0.2.1:9598"}), r"192\.0\.2\.1:9598")

    def test_users_file_that_cannot_be_used(self):
        for what, change in {
            "missing": lambda path: path.unlink(),
            "a folder": lambda path: (path.unlink(), path.mkdir()),
            "no JSON": lambda path: path.write_text("{"),
            "no users key": lambda path: path.write_text('{"user": []}'),
            "a bad password form": lambda path: path.write_text('{"users":[{"name":"a","password":"plain","privilege":1}]}'),
            "privilege 16": lambda path: path.write_text(json.dumps({"users": [user("a", privilege=16)]})),
        }.items():
            with self.subTest(what=what):
                daemon = Daemon()
                change(daemon.users_path)
                self.fails(daemon, r"users\.json")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv")
    def test_users_file_without_the_right_to_read_it(self):
        wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        daemon = Daemon(wrapper=wrapper)
        os.chmod(daemon.folder, 0o755)
        os.chmod(daemon.state, 0o777)
        os.chmod(daemon.config_path, 0o644)
        with open(daemon_path(), "rb") as program:
            if not os.fstat(program.fileno()).st_mode & 0o001:
                self.skipTest("the program is not executable for others")
        probe = subprocess.run(wrapper + ["test", "-x", daemon_path()], check=False)
        if probe.returncode != 0:
            daemon.remove()
            self.skipTest("the build folder cannot be reached by others")
        self.fails(daemon, r"users\.json", r"[Pp]ermission denied")

    def test_no_io_uring(self):
        said = self.fails(Daemon(preexec=deny_io_uring), r"io_uring")
        self.assertRegex(said, r"seccomp|kernel\.io_uring_disabled")
        self.assertLessEqual(len([line for line in said.splitlines() if "io_uring" in line]), 1)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount")
    def test_full_disk_at_first_start(self):
        daemon = Daemon()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(daemon.state)], check=False)
        if mounted.returncode != 0:
            daemon.remove()
            self.skipTest("mount is not permitted")
        try:
            with contextlib.suppress(OSError), open(daemon.state / "ballast", "wb", buffering=0) as file:
                while file.write(b"x" * 512):
                    pass
            first = FirstStart(daemon)
            code = first.spawn().wait_exit()
            text = daemon.output()
            print(text.strip()[:400])
            self.assertGreater(code, 0)
            self.assertRegex(text, r"No space left")
            self.assertIn(str(daemon.state), text)
        finally:
            if daemon.process and daemon.process.poll() is None:
                daemon.process.kill()
                daemon.process.wait()
            subprocess.run(["umount", str(daemon.state)], check=False)
            daemon.remove()


class FirstStart:
    """A daemon without a configuration file, in a network namespace of its own: it listens on its fixed default port."""

    def __init__(self, daemon):
        self.daemon = daemon

    def spawn(self):
        with open(self.daemon.folder / "stdout", "wb") as out, open(self.daemon.folder / "stderr", "wb") as err:
            self.daemon.process = subprocess.Popen(
                [daemon_path(), "--state", str(self.daemon.state)], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=self.daemon.folder, preexec_fn=own_network)
        return self.daemon


class Life(unittest.TestCase):
    @unittest.skipUnless(os.geteuid() == 0, "needs root for a network namespace")
    def test_first_start_without_configuration(self):
        daemon = Daemon()
        try:
            FirstStart(daemon).spawn()
            poll(lambda: "Ready:" in daemon.stdout() or not daemon.alive(), what="Ready line")
            self.assertTrue(daemon.alive(), daemon.output())
            found = re.search(r"admin\D*?\b([A-Za-z2-9]{20})\b", daemon.output(), re.S)
            self.assertTrue(found, f"no password in: {daemon.output()}")
            with connect_in_network_of(daemon.process.pid, 9598) as client:
                client.login("admin", found[1])
                client.ok("INTERFACE")
            files = [path for path in daemon.state.rglob("*") if path.is_file()]
            for path in files:
                self.assertEqual(path.stat().st_mode & 0o077, 0, f"{path} can be read by others")
                self.assertNotIn(found[1], path.read_text(errors="replace"))
            daemon.stop()
            # The second start has the same user and prints no password.
            FirstStart(daemon).spawn()
            poll(lambda: "Ready:" in daemon.stdout(), what="Ready line")
            self.assertIsNone(re.search(r"\b[A-Za-z2-9]{20}\b", daemon.output()), daemon.output())
            with connect_in_network_of(daemon.process.pid, 9598) as client:
                client.login("admin", found[1])
            daemon.stop()
            print("first start: random password, printed once, kept only as a hash")
        finally:
            daemon.remove()

    def stop_under_traffic(self, number, wait_for_first):
        """Stops a daemon with sessions in every state; returns the data of the events that a looped one still got."""
        daemon = Daemon().start()
        try:
            looped, polling, fresh = daemon.login(), daemon.login(), daemon.connect()
            sender = daemon.login()
            looped.ok("RCVLOOP")
            got = []
            for value in range(100):
                sender.send_event(20, 3, [value])
                if value == 0 and wait_for_first:
                    got.append(looped.read_event().data[0])
            daemon.stop(number)
            for line in looped.expect_closed().splitlines():
                if not line.startswith(("+OK", "-OK")):
                    got.append(Event(line).data[0])
            for client in (polling, fresh, sender):
                self.assertIn(client.expect_closed(), ("", "-OK - Server is shutting down, closing.\r\n"))
            with self.assertRaises(OSError):
                socket.create_connection(("127.0.0.1", daemon.port), timeout=60)
            return got
        finally:
            daemon.remove()

    def test_signals_drain_and_stop(self):
        """What was acknowledged is delivered before the end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                self.assertEqual(self.stop_under_traffic(number, True), list(range(100)))

    def test_stop_in_the_gap_after_rcvloop(self):
        """The pause between the answer to RCVLOOP and the first event does not make a stop lose what waits."""
        self.assertEqual(self.stop_under_traffic(signal.SIGTERM, False), list(range(100)))

    def test_stop_with_a_peer_that_never_reads(self):
        with Daemon() as daemon, daemon.login() as sender:
            stuck = LinkClient(daemon.port, receive_buffer=4096)
            stuck.login("admin", "secret")
            stuck.ok("RCVLOOP")
            for _ in range(40):
                sender.send_raw((b"SEND 0,1024,1,0,,,-" + b",255" * 487 + b"\r\n") * 50)
                for _ in range(50):
                    self.assertEqual(sender.read_line(), "+OK - Success.")
            daemon.stop()
            print("stopped although one peer never read")
            stuck.close()
            daemon.start()  # so that leaving the context stops a running one

    def test_restart_on_the_same_port_at_once(self):
        daemon = Daemon().start()
        try:
            port = daemon.port
            clients = [daemon.login() for _ in range(3)]
            daemon.stop()
            text = json.loads(daemon.config_path.read_text())
            text["link"][0]["interface"] = f"127.0.0.1:{port}"
            daemon.config_path.write_text(json.dumps(text))
            daemon.start()
            self.assertEqual(daemon.port, port)
            daemon.login().quit()
            daemon.stop()
            for client in clients:
                client.close()
        finally:
            daemon.remove()

    def test_sigpipe_and_lost_output_do_not_kill(self):
        """A log that nobody reads any more is no reason to stop."""
        daemon = Daemon()
        try:
            reading, writing = os.pipe()
            with open(daemon.folder / "stdout", "wb") as out:
                daemon.process = subprocess.Popen(
                    [daemon_path(), "--config", str(daemon.config_path), "--state", str(daemon.state)],
                    stdin=subprocess.DEVNULL, stdout=out, stderr=writing, cwd=daemon.folder)
            os.close(writing)
            found = poll(lambda: re.search(r"^Ready: link \S+:(\d+)", daemon.stdout(), re.M), what="Ready line")
            daemon.port = int(found[1])
            os.close(reading)
            with daemon.connect() as client:
                client.ok("USER admin")
                client.send_line("PASS wrong")  # makes a log line
                client.expect_closed()
            daemon.login().quit()
            daemon.stop()
        finally:
            daemon.remove()

    def test_all_password_forms(self):
        salt = bytes(range(16))
        pbkdf2 = salt.hex() + ";" + hashlib.pbkdf2_hmac("sha256", b"secret", salt, 70000).hex()
        both = salt.hex() + ";" + hashlib.pbkdf2_hmac("sha256", b"c:secret", salt, 70000).hex()
        users = [user("a"), user("b") | {"password": pbkdf2}, user("c") | {"password": both}]
        with Daemon(users=users) as daemon:
            for name in "abc":
                daemon.login(name).quit()
            # Each is replaced by argon2id at its first login, and goes on working.
            poll(lambda: daemon.users_path.read_text().count("$argon2id$") == 3, what="new hashes in users.json")
            for name in "abc":
                daemon.login(name).quit()
            self.assertEqual([entry["name"] for entry in json.loads(daemon.users_path.read_text())["users"]], list("abc"))
            self.assertEqual(daemon.users_path.stat().st_mode & 0o777, 0o600)
        print("md5, pbkdf2 and pbkdf2 with the name log in and are replaced by argon2id")

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            self.skipTest(f"no IPv6 on this machine: {error}")
        with Daemon(link={"interface": "[::1]:0"}, users=[user("admin", remotes=["-::/0", "+::1/128"])]) as daemon:
            client = LinkClient(daemon.port, host="::1")
            client.login("admin", "secret")
            client.quit()
            print("IPv6 works")

    def test_admin_socket(self):
        with Daemon() as daemon, daemon.login() as client:
            stat = daemon.admin("stat")
            self.assertIsInstance(stat, dict)
            rows = daemon.admin("sessions")["sessions"]
            self.assertEqual(len(rows), 1, rows)
            print(json.dumps(stat)[:300])
            print(json.dumps(rows)[:300])
            self.assertIn("error", daemon.admin("nonsense"))
            client.quit()
            path = daemon.admin_path()
            self.assertEqual(Path(path).stat().st_mode & 0o077, 0)
            self.assertEqual(path, str(daemon.state / "vscprouterd.sock"))
            for junk in [b"\n", b"{\n", b"\x00\xff\n", b"x" * 100000 + b"\n", b"[" * 5000 + b"\n", b"half"]:
                with socket.socket(socket.AF_UNIX) as sock, contextlib.suppress(ConnectionError):
                    sock.settimeout(10)
                    sock.connect(path)
                    sock.sendall(junk)
            self.assertIsInstance(daemon.admin("stat"), dict)

    def test_silent_clients_of_the_admin_socket_hold_nobody_up(self):
        with Daemon() as daemon, contextlib.ExitStack() as stack:
            for sent in (b"", b'{"command"', b'{"command":"stat"}\n', b"") * 3:  # the third of four does not read
                sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                sock.connect(daemon.admin_path())
                sock.sendall(sent)
            self.assertIn("total", daemon.admin("stat"))
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.settimeout(60)
            waiting.connect(daemon.admin_path())
            waiting.sendall(b'{"command"')
            self.assertIn("write one line such as", waiting.recv(4096).decode())  # when it has been silent for long
            daemon.stop()
            daemon.start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
