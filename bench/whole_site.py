#!/usr/bin/env python3
"""A large site in one daemon: driver libraries, CAN segments and link sessions at once. Shows that events come through from each of them
and to each of them, and what the daemon uses.

    bench/whole_site.py [--drivers 50] [--sessions 10000] [--can vcan0,vcan1,vcan2] [--frames 200]
    tools/can-vm --memory 4000 --timeout 900 -- bash -c 'ulimit -n 1048576; exec bench/whole_site.py --can vcan0,vcan1,vcan2'

Programs are those of build/, or what VSCPROUTERD and VSCPBENCH name; the library is the Level I example. CAN needs can-utils. The sessions
are those of `vscpbench run idle-crowd`, which want another class than those of drivers and CAN.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
from daemon import Daemon, daemon_path, poll  # noqa: E402

BENCH = os.environ.get("VSCPBENCH", str(ROOT / "build/tools/vscpbench/vscpbench"))
LIBRARY = Path(daemon_path()).resolve().parents[2] / "drivers/examples/level1_example.so"
CONTROL, TURN_ON, INFORMATION, ON = 30, 5, 20, 3
LIMIT_S = 300  # for anything that is waited for
PERIOD_MS = 10_000  # of the temperatures of each driver, which all others get


def guid(kind, number, node=0):
    return f"FF:FF:FF:FF:FF:FF:FF:F5:{kind:02X}:00:00:00:00:{number:02X}:00:{node:02X}"


def driver_guid(number, node=0):
    return guid(0xD0, number, node)


def can_guid(number, node=0):
    return guid(0xCA, number, node)


def configuration(drivers, devices):
    level1 = [{"enable": True, "name": f"driver {i}", "config": f"period={PERIOD_MS}", "path": str(LIBRARY), "flags": 0, "guid": driver_guid(i),
               "translation": 0} for i in range(drivers)]
    return {"drivers": {"level1": level1, "level2": []}, "can": [{"device": name, "guid": can_guid(i)} for i, name in enumerate(devices)]}


def rows(daemon, kind):
    return [row for row in daemon.admin("stat")["drivers"] if row["driver"] == kind]


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def sessions(daemon):
    return sum(worker["sessions"] for worker in daemon.admin("stat")["workers"])


def begin_crowd(daemon, count):
    crowd = subprocess.Popen([BENCH, "run", "idle-crowd", "--host", f"127.0.0.1:{daemon.port}", "--sessions", str(count), "--class", "99", "--for", "120s"],
                             env=dict(os.environ, VSCP_USER="admin", VSCP_PASSWORD="secret"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    begun = time.monotonic()

    def all_there():
        if crowd.poll() is not None:
            raise AssertionError("vscpbench ended: " + crowd.stderr.read().decode())
        return sessions(daemon) >= count

    poll(all_there, LIMIT_S, f"{count} sessions")
    return crowd, time.monotonic() - begun


def listen(client, frames, drivers, devices):
    """Reads until every frame of every segment and an event of every driver has come."""
    deadline = time.monotonic() + LIMIT_S
    left = {can_guid(i, 1): list(range(frames)) for i in range(len(devices))}
    silent = {driver_guid(i, 1) for i in range(drivers)}
    while silent or any(left.values()):
        missing = f"{len(silent)} drivers are silent, of the segments {[len(numbers) for numbers in left.values()]} frames are missing"
        assert time.monotonic() < deadline, missing
        event = client.read_event()
        silent.discard(event.guid)
        if event.guid in left and event.vscp_class == INFORMATION:
            expected = left[event.guid].pop(0)
            got = int.from_bytes(bytes(event.data), "big")
            assert got == expected, f"{event.guid}: event {got} instead of {expected}"


def cansend_all(devices, frames):
    """`frames` numbered events on each segment, from node 1."""
    senders = []
    for name in devices:
        log = "".join(f"(0.0{n:05d}) {name} {3 << 26 | INFORMATION << 16 | 4 << 8 | 1:08X}#{n:08X}\n" for n in range(frames))
        senders.append(subprocess.Popen(["canplayer", "-t", "-g", "2", f"{name}={name}"], stdin=subprocess.PIPE, text=True))
        senders[-1].stdin.write(log)
        senders[-1].stdin.close()
    for sender in senders:
        assert sender.wait(LIMIT_S) == 0


def switch_lamps(client, drivers):
    """The lamp of each driver is switched on by an event to its interface, and says so."""
    for i in range(drivers):
        destination = ",".join(str(int(byte, 16)) for byte in driver_guid(i).split(":"))
        client.ok(f"SEND 96,{512 + CONTROL},{TURN_ON},0,,,-,{destination},1,255,255")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drivers", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--can", default="")
    parser.add_argument("--frames", type=int, default=200)
    options = parser.parse_args()
    devices = [name for name in options.can.split(",") if name]
    with Daemon(config=configuration(options.drivers, devices)) as daemon:
        poll(lambda: all(row["state"] == "running" for row in rows(daemon, "library")), LIMIT_S, "all drivers running")
        poll(lambda: all(row["state"] == "up" for row in rows(daemon, "socketcan")), LIMIT_S, "all CAN interfaces up")
        print(f"{options.drivers} drivers, {len(devices)} CAN segments: {resident_mib(daemon.process.pid):.1f} MiB")
        daemon.login(timeout=120).close()  # the first one costs a password hash, which takes long in a virtual machine
        crowd, took = begin_crowd(daemon, options.sessions)
        print(f"{options.sessions} sessions in {took:.1f} s: {resident_mib(daemon.process.pid):.1f} MiB")
        try:
            with daemon.login(timeout=120) as client, daemon.login(timeout=120) as sender:
                client.ok(f"SFLT 0,{INFORMATION},0,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00")
                client.ok("SMSK 0,0,0,00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00")
                client.ok("RCVLOOP")
                cpu, begun = cpu_seconds(daemon.process.pid), time.monotonic()
                cansend_all(devices, options.frames)
                listen(client, options.frames, options.drivers, devices)
                seconds = time.monotonic() - begun
                print(f"{options.frames} frames of each segment in order, an event of each driver: {seconds:.1f} s, "
                      f"daemon {(cpu_seconds(daemon.process.pid) - cpu) / seconds:.2f} of a core")
                switch_lamps(sender, options.drivers)
                lit, deadline = set(), time.monotonic() + LIMIT_S
                while len(lit) < options.drivers:
                    assert time.monotonic() < deadline, f"the lamps of {len(lit)} drivers were switched on, and no more"
                    event = client.read_event()
                    if (event.vscp_class, event.vscp_type) == (INFORMATION, ON) and event.guid.startswith("FF:FF:FF:FF:FF:FF:FF:F5:D0"):
                        lit.add(event.guid)
                print(f"the lamps of {len(lit)} drivers were switched on, each by an event to its interface")
                for i, name in enumerate(devices):
                    with subprocess.Popen(["candump", "-n", "1", f"{name},001E0500:01FFFF00"], stdout=subprocess.PIPE, text=True) as dump:
                        poll(lambda n=name: Path("/proc/net/can/rcvlist_fil").read_text().count(n) > 1, 20, "candump")
                        destination = ",".join(str(int(byte, 16)) for byte in can_guid(i).split(":"))
                        sender.ok(f"SEND 96,{512 + CONTROL},{TURN_ON},0,,,-,{destination},{i},1,2")
                        print("candump:", dump.stdout.readline().strip())
        finally:
            crowd.terminate()
            crowd.wait(60)
    print("ended in order")


if __name__ == "__main__":
    main()
