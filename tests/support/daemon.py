"""Runs one vscprouterd for a test: temporary folder, configuration, users, start, figures from /proc, clean stop.

The program is named by the environment variable VSCPROUTERD (meson sets it), else build/router/daemon/vscprouterd.
Every wait has a deadline; nothing sleeps for a fixed time and hopes.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from link_client import LinkClient

ROOT = Path(__file__).resolve().parents[2]
GUID = "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:01:00:00"
START_S = 60.0
STOP_S = 60.0
# What a wait may take longer than its caller says: a good program is never late, and a busy machine with a sanitizer is slow.
PATIENCE = 4


def daemon_path():
    """The program under test."""
    return os.environ.get("VSCPROUTERD", str(ROOT / "build/router/daemon/vscprouterd"))


def is_sanitized():
    """Whether the program was built with a sanitizer: memory and CPU figures mean nothing there."""
    if os.environ.get("VSCPROUTER_SANITIZED") == "1":
        return True
    return False


def poll(condition, deadline_s=10.0, what="condition"):
    """Calls `condition` until it gives a true value, which is returned; fails after the deadline, PATIENCE times."""
    deadline_s *= PATIENCE
    end = time.monotonic() + deadline_s
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def legacy_hash(name, password):
    """Upstream's newest password form; cheap to make, and read by the daemon."""
    return hashlib.md5(f"{name}:{password}".encode()).hexdigest()


def slow_hash(password):
    """An older form of upstream's, PBKDF2: checking it takes tens of milliseconds, as our own form does."""
    salt = "00112233445566778899aabbccddeeff"
    return salt + ";" + hashlib.pbkdf2_hmac("sha256", password.encode(), bytes.fromhex(salt), 70000).hex()


def user(name, password="secret", **more):
    """One entry of users.json; privilege 15 unless told otherwise."""
    entry = {"name": name, "password": legacy_hash(name, password)}
    if "rights" not in more:
        entry["privilege"] = 15
    for key, value in more.items():
        entry[key.replace("_", "-")] = value
    return entry


class Daemon:
    """One running daemon. Use as a context manager; leaving it asserts that SIGTERM ends it with exit code 0."""

    def __init__(self, link=None, users=None, config=None, text=None, workers=2, wrapper=(), preexec=None, args=()):
        """`link` adds keys to the link listener, `config` to the top level; `text` replaces the whole file."""
        self.folder = Path(tempfile.mkdtemp(prefix="vscprouter-test-"))
        self.state = self.folder / "state"
        self.state.mkdir()
        self.config_path = self.folder / "config.json"
        self.users_path = self.folder / "users.json"
        self.wrapper = list(wrapper)
        self.preexec = preexec
        self.args = list(args)
        self.process = None
        self.port = None
        listener = {"interface": "127.0.0.1:0", "path-users": str(self.users_path)}
        listener.update(link or {})
        whole = {"guid": GUID, "servername": "test", "workers": {"count": workers}, "link": [listener]}
        whole.update(config or {})
        self.users_path.write_text(json.dumps({"users": users if users is not None else [user("admin")]}, indent=1))
        os.chmod(self.users_path, 0o600)
        self.config_path.write_text(text if text is not None else json.dumps(whole, indent=1))

    # -- life ---------------------------------------------------------------------------------------------------

    def spawn(self):
        """Starts the program without waiting for it to listen."""
        command = self.wrapper + [daemon_path(), "--config", str(self.config_path), "--state", str(self.state)]
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen(
                command + self.args, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.folder,
                preexec_fn=self.preexec)
        return self

    def start(self):
        """Starts the program and waits for its Ready line."""
        self.spawn()

        def ready():
            found = re.search(r"^Ready: link (\S+):(\d+)", self.stdout(), re.M)
            if found:
                return found
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode} at start:\n{self.output()}")
            return None

        self.port = int(poll(ready, START_S, "Ready line of the daemon").group(2))
        return self

    def wait_exit(self, deadline_s=STOP_S):
        """Waits until the program has ended; returns its exit code."""
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon did not end within {deadline_s} s\n{self.output()}") from None

    def stop(self, signal_number=signal.SIGTERM):
        """Signals the daemon and asserts that it ends with 0."""
        assert self.process.poll() is None, f"the daemon died with {self.process.returncode}:\n{self.output()}"
        self.process.send_signal(signal_number)
        code = self.wait_exit()
        assert code == 0, f"exit code {code} after signal {signal_number}\n{self.output()}"

    def remove(self):
        """Kills what still runs and removes the folder."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.stop()
            elif self.process:
                print(f"--- daemon output (exit code {self.process.poll()}) ---\n{self.output()[-4000:]}\n---")
        finally:
            self.remove()

    # -- what it says -------------------------------------------------------------------------------------------

    def stdout(self):
        return (self.folder / "stdout").read_text(errors="replace")

    def stderr(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def output(self):
        """Everything that it printed, and everything that it wrote under its state folder as a log."""
        logs = "".join(p.read_text(errors="replace") for p in sorted(self.state.rglob("*.log")) if p.is_file())
        return self.stdout() + self.stderr() + logs

    def admin_path(self):
        """Path of the admin socket, as the Ready line names it."""
        return re.search(r"^Ready: .*\badmin (\S+)", self.stdout(), re.M).group(1)

    def admin(self, command, **more):
        """One command on the admin socket; returns the answer as an object."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(self.admin_path())
            sock.sendall(json.dumps({"command": command, **more}).encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                piece = sock.recv(65536)
                if not piece:
                    break
                data += piece
        return json.loads(data)

    # -- clients ------------------------------------------------------------------------------------------------

    def connect(self, **more):
        """A connection that has read the greeting."""
        return LinkClient(self.port, **more)

    def login(self, name="admin", password="secret", **more):
        """A connection that is logged in."""
        client = LinkClient(self.port, **more)
        client.login(name, password)
        return client

    # -- figures ------------------------------------------------------------------------------------------------

    def _proc(self, name):
        return Path(f"/proc/{self.process.pid}/{name}")

    def alive(self):
        return self.process.poll() is None

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", self._proc("status").read_text()).group(1))

    def peak_kib(self):
        """The most memory that it ever had."""
        return int(re.search(r"VmHWM:\s+(\d+)", self._proc("status").read_text()).group(1))

    def fds(self):
        return len(os.listdir(self._proc("fd")))

    def threads(self):
        return len(os.listdir(self._proc("task")))

    def cpu_seconds(self):
        fields = self._proc("stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def switches(self):
        """Context switches of all threads, voluntary and not."""
        total = 0
        for task in self._proc("task").iterdir():
            try:
                total += sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", (task / "status").read_text()))
            except FileNotFoundError:
                pass
        return total
