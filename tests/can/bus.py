"""CAN interfaces for tests: frames as candump logs them, can-utils as peers, what the kernel counts.

The mapping between frames and events is written here from the specification (vscp_over_can_can4vscp.md), apart from the program's."""

import ctypes
import re
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

from daemon import poll

LOG_LINE = re.compile(r"\((\d+\.\d+)\) (\S+) ([0-9A-F]+)#(#?)([0-9A-FR]*)")
RECEIVE_BUFFER = 32 << 20  # bytes; a frame takes nearly a thousand
EFF, RTR, ERR = 0x80000000, 0x40000000, 0x20000000


def frame_id(priority, vscp_class, vscp_type, nickname, hard_coded=0):
    """Bits 28-26 priority, 25 hard-coded, 24-16 class, 15-8 type, 7-0 nickname."""
    return priority << 26 | hard_coded << 25 | vscp_class << 16 | vscp_type << 8 | nickname


def frame_text(priority, vscp_class, vscp_type, nickname, data=(), hard_coded=0):
    """As cansend takes it and candump logs it."""
    return f"{frame_id(priority, vscp_class, vscp_type, nickname, hard_coded):08X}#{bytes(data).hex().upper()}"


def text_of_event(event):
    """The frame that carries an event line's event."""
    guid = event.guid.split(":")
    return frame_text(event.priority, event.vscp_class, event.vscp_type, int(guid[15], 16), event.data, event.head >> 4 & 1)


def assert_same(actual, expected):
    """For long lists: unittest takes minutes to say how two of them differ."""
    if actual == expected:
        return
    place = next((n for n, pair in enumerate(zip(actual, expected)) if pair[0] != pair[1]), min(len(actual), len(expected)))
    raise AssertionError(f"{len(actual)} instead of {len(expected)}; the first that differ, at {place}: "
                         f"{actual[place:place + 3]} instead of {expected[place:place + 3]}")


def run(*command, check=True, timeout=120):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def ip(*arguments):
    return run("ip", *arguments)


def receivers(device):
    """How many receivers the kernel has for an interface: sockets, each counted once per filter."""
    count = 0
    for path in Path("/proc/net/can").glob("rcvlist_*"):
        count += sum(1 for line in path.read_text().splitlines() if line.split()[:1] == [device])
    return count


def filtered_receivers(device):
    """Those that do not want every frame, as candump does."""
    return sum(1 for line in Path("/proc/net/can/rcvlist_fil").read_text().splitlines() if line.split()[:1] == [device])


def wait_receivers(device, count):
    poll(lambda: receivers(device) >= count, 20, f"{count} receivers on {device}")


class Candump:
    """candump -L of one interface, into a file. It listens when the constructor returns."""

    def __init__(self, device, *options):
        before = receivers(device)
        self.file = tempfile.NamedTemporaryFile(prefix="candump-", suffix=".log")
        self.process = subprocess.Popen(["candump", "-r", str(RECEIVE_BUFFER), "-D", "-L", *options, device], stdin=subprocess.DEVNULL, stdout=self.file)
        wait_receivers(device, before + 1)

    def lines(self):
        text = Path(self.file.name).read_text()
        return list(LOG_LINE.finditer(text[:text.rfind("\n") + 1]))

    def frames(self):
        """'ID#DATA' of each frame so far."""
        return [f"{found[3]}#{found[4]}{found[5]}" for found in self.lines()]

    def microseconds(self):
        """When the kernel got each."""
        return [int(found[1].replace(".", "")) for found in self.lines()]

    def wait(self, count, deadline_s=20):
        """At least so many frames."""
        poll(lambda: len(self.frames()) >= count, deadline_s, f"{count} frames in candump's log")
        return self.frames()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        self.file.close()


def play(device, frames):
    """Sends frames, 'ID#DATA' each, as fast as canplayer can."""
    with tempfile.NamedTemporaryFile("w", suffix=".log") as file:
        for number, frame in enumerate(frames):
            file.write(f"({number // 1000}.{number % 1000:03d}000) {device} {frame}\n")
        file.flush()
        run("canplayer", "-I", file.name, "-t", "-g", "0")


def cansend(device, frame):
    run("cansend", device, frame)


class RawSocket:
    """A CAN_RAW socket of the test's own, for what can-utils cannot send."""

    def __init__(self, device):
        self.socket = socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        self.socket.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FD_FRAMES, 1)
        self.socket.bind((device,))

    def send(self, can_id, data=b"", length=None):
        size = len(data) if length is None else length
        self.socket.send(struct.pack("=IB3x8s", can_id, size, bytes(data)))

    def send_fd(self, can_id, data, flags=0):
        self.socket.send(struct.pack("=IBB2x64s", can_id, len(data), flags, bytes(data)))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()


def backlog_drops():
    """Packets that the kernel's own queue between sender and receivers of an interface had no room for, all processors."""
    return sum(int(line.split()[1], 16) for line in Path("/proc/net/softnet_stat").read_text().splitlines())


def interface_count(device, name):
    return int(Path(f"/sys/class/net/{device}/statistics/{name}").read_text())


def fresh_interface(device):
    """Up, empty, without a queue of its own: as at the start, whatever an earlier test did."""
    if not Path(f"/sys/class/net/{device}").exists():
        ip("link", "add", "dev", device, "type", "vcan")
    run("tc", "qdisc", "del", "dev", device, "root", check=False)
    ip("link", "set", "dev", device, "mtu", "72", "up")


def processor_seconds(pid):
    """CPU time that a process has used, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / ctypes.CDLL(None).sysconf(2)
