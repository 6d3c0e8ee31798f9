"""What TLS costs the daemon: CPU per event, per handshake, and memory per idle session, each beside the same without it.

bench/tls_bench.py [--daemon PROGRAM] [--events N] [--handshakes N] [--sessions N]. The clients are Python's, so that only the
daemon's own CPU time (/proc/PID/stat) and memory mean something. Plain and TLS take turns.
"""

import argparse
import os
import resource
import ssl
import statistics
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))

from certificates import Site  # noqa: E402
from daemon import Daemon, poll  # noqa: E402

REPEATS = 5
BATCH = 250


def ticks(daemon):
    """CPU of the daemon in seconds."""
    return daemon.cpu_seconds()


def read_all(client, count, marker):
    """Reads until so many lines with this marker have come."""
    seen = 0
    tail = b""
    while seen < count:
        piece = client.socket.recv(1 << 18)
        assert piece, "the daemon has closed"
        text = tail + piece
        seen += text.count(marker)
        tail = text[-(len(marker) - 1):]  # a marker may be cut; it is not counted twice, for it does not fit in here


def events(daemon, context, size, count):
    """CPU of the daemon in us per event, from one client to another."""
    with daemon.login(tls=context) as reader, daemon.login(tls=context) as sender:
        reader.command("RCVLOOP")
        line = ("SEND 0,1024,3,0,,,-," + ",".join(["7"] * size) + "\r\n").encode()
        thread = threading.Thread(target=read_all, args=(reader, count, b",7\r\n"))
        thread.start()
        before = ticks(daemon)
        for _ in range(count // BATCH):
            sender.send_raw(line * BATCH)
            read_all(sender, BATCH, b"+OK")
        thread.join()
        return (ticks(daemon) - before) / count * 1e6


def handshakes(daemon, context, count):
    """CPU of the daemon in us per connection that is made, greeted and closed."""
    before = ticks(daemon)
    for _ in range(count):
        daemon.connect(tls=context).close()
    return (ticks(daemon) - before) / count * 1e6


def idle(daemon, context, count):
    """Memory of the daemon in bytes per session in the receive loop."""
    daemon.login(tls=context).close()
    before = daemon.rss_kib()
    clients = []
    for _ in range(count):
        client = daemon.login(tls=context)
        client.command("RCVLOOP")
        clients.append(client)
    poll(lambda: daemon.admin("stat")["total"]["sessions"] >= count, what="sessions")
    after = daemon.rss_kib()
    for client in clients:
        client.close()
    return (after - before) * 1024 / count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--daemon", default=str(ROOT / "build-release/router/daemon/vscprouterd"))
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--handshakes", type=int, default=2000)
    parser.add_argument("--sessions", type=int, default=2000)
    options = parser.parse_args()
    os.environ["VSCPROUTERD"] = os.path.abspath(options.daemon)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, options.sessions * 2 + 100)), hard))
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder)
        site.sign("server")
        context = ssl.create_default_context(cafile=site.pem())
        encrypted = {"tls": {"certfile": site.pem("server"), "keyfile": site.key("server")}}
        logging = {"logging": {"console-enable-log": False}}

        def both(what, measure, *arguments):
            got = {"plain": [], "TLS": []}
            for _ in range(REPEATS):
                for name, link, tls in (("plain", None, None), ("TLS", encrypted, context)):
                    with Daemon(link=link, workers=1, config=logging) as daemon:
                        got[name].append(measure(daemon, tls, *arguments))
            print(f"{what}: " + ", ".join(
                f"{name} {statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"
                for name, values in got.items()), flush=True)

        both("event of 8 bytes, us", events, 8, options.events)
        both("event of 487 bytes, us", events, 487, options.events // 4)
        both("connection, us", handshakes, options.handshakes)
        both("idle session, bytes", idle, options.sessions)


if __name__ == "__main__":
    main()
