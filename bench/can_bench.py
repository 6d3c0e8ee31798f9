#!/usr/bin/env python3
"""What CAN costs the router, and how long an event takes from a bus to a link client; each beside the least that is possible.

tools/can-vm --instructions --timeout 600 -- bench/can_bench.py --build build-release

CPU per frame: of the router beside a bare io_uring reader (vscpbench's can_reader), both flooded by cangen, in turns. Latency: from a write
to vcan0 until a link client has the line, beside candump's line in a pipe and beside the way from one link client to another, in turns. With
--instructions a microsecond is 1000 instructions, and a busy machine does not matter; without, only ratios of one run mean something.
"""
import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/can")]

import bus  # noqa: E402
from router_on_can import Router, entry, figures  # noqa: E402


def cpu_ns(pid):
    """CPU time of all threads."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def until_quiet(pid):
    """Waits until a process has used less than 0.2 ms of CPU in 50 ms; gives its CPU time."""
    before = cpu_ns(pid)
    while True:
        time.sleep(0.05)
        now = cpu_ns(pid)
        if now - before < 200_000:
            return now
        before = now


def flood(frames, pace, pid):
    """Frames as fast as possible, one every so many milliseconds, or all before the process may look at the first."""
    if pace == "waiting":
        os.kill(pid, signal.SIGSTOP)
    subprocess.run(["cangen", "vcan0", "-g", "0" if pace == "waiting" else str(pace), "-e", "-i", "-I", "0C140301", "-L", "8", "-D", "i",
                    "-n", str(frames)], check=True)
    if pace == "waiting":
        os.kill(pid, signal.SIGCONT)


def reader_cost(program, frames, pace, *more):
    with subprocess.Popen([program, "vcan0", str(frames), *more], stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "ready\n"
        flood(frames, pace, reader.pid)
        return int(reader.stdout.readline()) / frames


def router_cost(router, frames, pace):
    before_in = figures(router, "vcan0")["frames_in"]
    before = until_quiet(router.process.pid)
    flood(frames, pace, router.process.pid)
    after = until_quiet(router.process.pid)
    assert figures(router, "vcan0")["frames_in"] - before_in == frames, figures(router, "vcan0")
    return (after - before) / frames


def us(values):
    return f"{statistics.median(values) / 1000:.2f} ({min(values) / 1000:.2f} to {max(values) / 1000:.2f})"


def compare_cost(options, pace, frames):
    bare, clocks, alone, with_client = [], [], [], []
    program = str(options.build / "tools/vscpbench/can_reader")
    for _ in range(options.repeat):
        bare.append(reader_cost(program, frames, pace))
        clocks.append(reader_cost(program, frames, pace, "clocks"))
        with Router(entry(0, send=False), workers=1) as router:
            alone.append(router_cost(router, frames, pace))
            with router.login() as client:
                client.ok("RCVLOOP")
                client.socket.settimeout(None)
                with subprocess.Popen(["cat"], stdin=client.socket.fileno(), stdout=subprocess.DEVNULL) as reading:
                    with_client.append(router_cost(router, frames, pace))
                    reading.kill()
    how = {"waiting": "all waiting", 0: "as fast as cangen can"}.get(pace, f"one every {pace} ms")
    print(f"CPU in us per frame, {how}, {frames} frames, median of {options.repeat} (from to):")
    print(f"  bare reader {us(bare)}, reading clocks {us(clocks)}, router {us(alone)}, with a link client that gets each {us(with_client)}")
    for name, values in (("router", alone), ("with a link client", with_client)):
        for floor, base in (("bare", bare), ("reading clocks", clocks)):
            print(f"  {name} / {floor}: {statistics.median(a / b for a, b in zip(values, base)):.2f}")


def hop_times(options, form, out, into):
    command = [str(options.build / "tools/vscpbench/hop_times"), form, str(out), str(into), str(options.hops), str(options.period)]
    done = subprocess.run(command, pass_fds=(out, into), stdout=subprocess.PIPE, text=True, check=True)
    times = sorted(map(int, done.stdout.split()))
    return times[len(times) // 2], times[len(times) * 99 // 100]


def candump_hop(options, raw):
    before = bus.receivers("vcan0")
    with subprocess.Popen(["candump", "-L", "vcan0"], stdout=subprocess.PIPE) as dump:
        bus.wait_receivers("vcan0", before + 1)
        try:
            return hop_times(options, "can", raw.socket.fileno(), dump.stdout.fileno())
        finally:
            dump.kill()


def router_hops(options, raw):
    with Router(entry(0, send=False), workers=1) as router, router.login() as client, router.login() as sender:
        client.ok("RCVLOOP")
        client.socket.settimeout(None)
        link = hop_times(options, "link", sender.socket.fileno(), client.socket.fileno())
        return hop_times(options, "can", raw.socket.fileno(), client.socket.fileno()), link


def compare_latency(options):
    rows = {"candump": [], "CAN to link client": [], "link client to link client": []}
    with bus.RawSocket("vcan0") as raw:
        for _ in range(options.repeat):
            rows["candump"].append(candump_hop(options, raw))
            through, link = router_hops(options, raw)
            rows["CAN to link client"].append(through)
            rows["link client to link client"].append(link)
    print(f"Latency in us, {options.hops} events, one every {options.period} us, median of {options.repeat} (from to):")
    for name, values in rows.items():
        print(f"  {name}: p50 {us([p50 for p50, _ in values])}, p99 {us([p99 for _, p99 in values])}")
    for number, name in enumerate(("p50", "p99")):
        ratios = [through[number] / (dump[number] + link[number]) for dump, through, link in zip(*rows.values())]
        print(f"  {name}: CAN to link client / (candump + link) {statistics.median(ratios):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build-release")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--frames", type=int, default=6000)
    parser.add_argument("--hops", type=int, default=500)
    parser.add_argument("--period", type=int, default=5000, help="microseconds between two events")
    options = parser.parse_args()
    options.build = options.build.resolve()
    os.environ["VSCPROUTERD"] = str(options.build / "router/daemon/vscprouterd")
    print(f"Linux {os.uname().release}, {os.environ.get('CAN_VM', 'no virtual machine')}, {os.cpu_count()} processors")
    bus.fresh_interface("vcan0")
    compare_cost(options, "waiting", options.frames)
    compare_cost(options, 0, options.frames)
    compare_cost(options, 1, options.frames // 4)
    compare_latency(options)


if __name__ == "__main__":
    main()
