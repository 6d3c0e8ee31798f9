#!/usr/bin/env python3
"""How many messages of QoS 1 per second cross from one broker to another: mosquitto's own bridge, and the router between them.

A publisher keeps 500 messages under way at the near broker, a subscriber counts at the far one. Prints one line per bridge, the median of
the runs; they take turns.

    bench/bridge_rate.py [--messages 10000] [--repeat 3]

The router is build/router/daemon/vscprouterd, or what VSCPROUTERD names.
"""

import argparse
import contextlib
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
from broker import Broker  # noqa: E402
from daemon import Daemon, poll  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402

UNDER_WAY = 500
BRIDGES = {"mosquitto": None, "router, in memory": {}, "router, with a spool": {"spool": {}}}


@contextlib.contextmanager
def bridge(far_keys):
    """Two brokers and what joins them."""
    with contextlib.ExitStack() as stack:
        far = stack.enter_context(Broker())
        plain = f"connection to-far\naddress 127.0.0.1:{far.port}\ncleansession false\ntopic t/# out 1\n" if far_keys is None else ""
        near = stack.enter_context(Broker(config=plain))
        if far_keys is None:
            poll(lambda: "CONNACK" in near.log() or "Connecting bridge" in near.log(), 20, "mosquitto's bridge")
        else:
            sides = [{"name": name, "host": "127.0.0.1", "port": broker.port, "clientid": "router", "daemon-topics": False, **keys}
                     for name, broker, keys in (("near", near, {}), ("far", far, far_keys))]
            daemon = stack.enter_context(Daemon(config={"mqtt": sides, "mqtt-bridges": [{"from": "near", "to": "far", "topics": "t/#"}]}))
            poll(lambda: [r["state"] for r in daemon.admin("stat")["drivers"] if r["driver"] == "mqtt"] == ["connected"] * 2, 20, "brokers")
        yield near, far


def measure(far_keys, messages):
    """Messages per second."""
    with bridge(far_keys) as (near, far), MqttClient(near.port, "publisher", timeout=60) as publisher, \
            MqttClient(far.port, "subscriber", timeout=60) as subscriber:
        subscriber.subscribe("t/#", qos=1)
        publisher.publish("t/x", b"begin", qos=1)
        subscriber.read()

        def publish():
            under_way = []
            for number in range(messages):
                under_way.append(publisher.publish("t/x", b"%d" % number * 10, qos=1, wait=False))
                if len(under_way) >= UNDER_WAY:
                    publisher.wait_acked(under_way.pop(0))

        begin = time.monotonic()
        thread = threading.Thread(target=publish)
        thread.start()
        for _ in range(messages):
            subscriber.read()
        rate = messages / (time.monotonic() - begin)
        thread.join()
        return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    rates = {name: [] for name in BRIDGES}
    for _ in range(options.repeat):
        for name, far_keys in BRIDGES.items():
            rates[name].append(measure(far_keys, options.messages))
    for name, found in rates.items():
        print(f"{name:22} {statistics.median(found):8.0f} messages/s   ({', '.join(f'{rate:.0f}' for rate in found)})")


if __name__ == "__main__":
    main()
