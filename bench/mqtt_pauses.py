#!/usr/bin/env python3
"""Where an MQTT broker and the router could wait for nothing: each figure is the time until the last of the events is at its reader, in ms.

    bench/mqtt_pauses.py [--repeat 10]

lone       an event from a broker to a link client, when nothing went on for a second
burst      100 events at once with QoS 1 to a mosquitto with its own limits (MQTT 5: 20 under way)
after hang 8000 events of 480 bytes with QoS 0, more than a socket holds, from the moment on at which a broker that hung goes on

The daemon is that of build/, or what VSCPROUTERD names.
"""

import argparse
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
from broker import Broker  # noqa: E402
from daemon import Daemon, poll  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402

EVENTS = 8000
DATA = ",".join(["200"] * 480)


def row(daemon):
    return daemon.admin("stat")["drivers"][0]


class Site:
    """A broker, a router at it, a reader at the broker and one at the router."""

    def __init__(self, stack, version, limits=True, **section):
        self.broker = stack.enter_context(Broker(limits=limits))
        mqtt = {"host": "127.0.0.1", "port": self.broker.port, "daemon-topics": False, "mqtt-options": {"protocol-version": version}, **section}
        self.daemon = stack.enter_context(Daemon(config={"mqtt": mqtt}))
        poll(lambda: row(self.daemon)["state"] == "connected", what="connection to the broker")
        self.watcher = stack.enter_context(MqttClient(self.broker.port, "watcher").subscribe("out"))
        self.client = stack.enter_context(self.daemon.login())

    def read(self, count):
        for _ in range(count):
            assert self.watcher.read() is not None, "an event is missing"


def lone(site):
    time.sleep(1.03)
    begin = time.monotonic()
    site.watcher.publish("in", "0,20,9,0,,,-,1")
    site.client.read_event()
    return time.monotonic() - begin


def burst(site):
    begin = time.monotonic()
    site.client.send_raw(b"".join(b"SEND 0,20,%d,0,,,-,1\r\n" % number for number in range(100)))
    site.read(100)
    took = time.monotonic() - begin
    for _ in range(100):
        site.client.read_reply()
    return took


def after_hang(site):
    site.broker.freeze()
    for number in range(EVENTS):
        site.client.ok(f"SEND 0,1024,{number},0,,,-,{DATA}")
    begin = time.monotonic()
    site.broker.thaw()
    site.read(EVENTS)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=10)
    options = parser.parse_args()
    out = {"format": "string", "topic": "out"}
    cases = {"lone": (lone, {"subscribe": [{"topic": "in"}]}), "burst": (burst, {"limits": False, "publish": [{**out, "qos": 1}]}),
             "after hang": (after_hang, {"publish": [out], "queue": {"max-bytes": 100_000_000}})}
    for name, (measure, keys) in cases.items():
        for version in (311, 5):
            with ExitStack() as stack:
                site = Site(stack, version, **keys)
                if measure is lone:
                    site.client.ok("RCVLOOP")
                found = [1e3 * measure(site) for _ in range(options.repeat)]
            print(f"{name:10} MQTT {version:<3}  median {statistics.median(found):8.1f} ms  worst {max(found):8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
