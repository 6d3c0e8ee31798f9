#!/usr/bin/env python3
"""What a broker that hangs (SIGSTOP) costs link clients: latency at 10 000 events/s of three daemons in turns, one without a broker, one with
a broker that hangs, one whose events for that broker go into a spool. Every event is for the broker.

    bench/hung_broker.py [--repeat 5] [--for 3s]

Daemon and vscpbench are those of build/, or what VSCPROUTERD and VSCPBENCH name.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
from broker import Broker  # noqa: E402
from daemon import Daemon, poll  # noqa: E402

BENCH = os.environ.get("VSCPBENCH", str(ROOT / "build/tools/vscpbench/vscpbench"))


def latencies(daemon, seconds, folder):
    """p50 and p99 in microseconds, text."""
    result = Path(folder) / "result.json"
    subprocess.run([BENCH, "run", "latency", "--host", f"127.0.0.1:{daemon.port}", "--rate", "10000", "--payload", "8", "--for", seconds, "--json", result],
                   env=dict(os.environ, VSCP_USER="admin", VSCP_PASSWORD="secret"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    figures = next(row for row in json.loads(result.read_text())["results"] if row["wire"] == "text")["figures"]
    return figures["latency_p50_us"]["median"], figures["latency_p99_us"]["median"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--for", dest="seconds", default="3s")
    options = parser.parse_args()
    found = {"no broker": [], "broker hangs": [], "broker hangs, spool": []}
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        section = {"host": "127.0.0.1", "port": broker.port, "keepalive": 600, "publish": [{"topic": "t", "qos": 1}]}
        configs = ({}, {"mqtt": section}, {"mqtt": {**section, "clientid": "router", "spool": {}}})
        daemons = [stack.enter_context(Daemon(config=config)) for config in configs]
        for daemon in daemons[1:]:
            poll(lambda d=daemon: d.admin("stat")["drivers"][0]["state"] == "connected", 20, "connection to the broker")
        broker.freeze()
        for _ in range(options.repeat):
            for name, daemon in zip(found, daemons):
                found[name].append(latencies(daemon, options.seconds, folder))
        broker.thaw()
    base = found["no broker"]
    for name, rows in found.items():
        p50, p99 = (statistics.median(row[i] for row in rows) for i in (0, 1))
        ratios = [statistics.median(row[i] / other[i] for row, other in zip(rows, base)) for i in (0, 1)]
        print(f"{name:20} p50 {p50:7.0f} us ({ratios[0]:.2f} pair by pair)   p99 {p99:7.0f} us ({ratios[1]:.2f})")


if __name__ == "__main__":
    main()
