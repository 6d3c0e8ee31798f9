#!/usr/bin/env python3
"""What a bridge between two brokers loses: mosquitto's own bridge, and the router between them, under the same faults.

A publisher at the near broker (QoS 1), a subscriber at the far one, and a relay that stands for the network between bridge and far broker.
A message counts as acknowledged when the near broker has sent PUBACK. Prints one table.

    bench/bridge_faults.py [--messages 8000] [--rate 1000] [--faults NAME,..] [--bridges NAME,..] [--repeat 1]

The router is build/router/daemon/vscprouterd, or what VSCPROUTERD names.
"""

import argparse
import collections
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/support"))
from accounting import number_of  # noqa: E402
from broker import Broker  # noqa: E402
from daemon import Daemon, poll  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402
from relay import Relay  # noqa: E402
from watcher import Watcher  # noqa: E402

BATCH = 20  # messages under way from the publisher
KEEP_ALIVE_S = 5  # the shortest that mosquitto's bridge knows
AWAY_S = 5.0
CUT_S = 12.0  # longer than it takes to notice
QUIET_S = 12.0  # nothing has come for so long: nothing will


class Publisher:
    """Publishes numbered events at a rate, comes back when the broker has been away, and notes what was acknowledged."""

    def __init__(self, port, messages, rate):
        self.port = port
        self.messages = messages
        self.rate = rate
        self.sent = 0
        self.acked_at = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        begin = time.monotonic()
        while self.sent < self.messages and not self.stopping.is_set():
            try:
                with MqttClient(self.port, "publisher", timeout=5) as client:
                    while self.sent < self.messages and not self.stopping.is_set():
                        self._exchange(client)
                        self.stopping.wait(max(begin + self.sent / self.rate - time.monotonic(), 0))
            except (OSError, AssertionError):
                self.stopping.wait(0.05)  # the broker is away

    def _exchange(self, client):
        numbers = range(self.sent, self.sent + BATCH)
        self.sent += BATCH
        under_way = {}
        for n in numbers:
            data = [n >> 24 & 255, n >> 16 & 255, n >> 8 & 255, n & 255] + [n % 251] * 96
            under_way[client.publish("in/x", f"96,40,1,0,,,-,{','.join(map(str, data))}", qos=1, wait=False)] = n
        for packet_id, n in under_way.items():
            client.wait_acked(packet_id)
            self.acked_at[n] = time.monotonic()

    def wait_sent(self, count):
        poll(lambda: len(self.acked_at) >= count, 120, "acknowledged messages")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.stopping.set()
        self.thread.join()


class Mosquitto:
    """The near broker is the bridge."""

    def __init__(self, stack, relay, tuned):
        lines = ["connection far", f"address 127.0.0.1:{relay.port}", "topic in/# out 1", "restart_timeout 1", "notifications false",
                 f"keepalive_interval {KEEP_ALIVE_S}", "cleansession false", "remote_clientid bridge"]
        if tuned:
            lines = ["max_queued_messages 0", "persistence true", "autosave_interval 1"] + lines
        self.near = Broker(limits=False, config="\n".join(lines))
        if tuned:
            self.near.config = f"persistence_location {self.near.folder}/\n" + self.near.config
        stack.enter_context(self.near)
        # The bridge is up when its connection passes.
        poll(lambda: relay.connections() > 0, 20, "connection of the bridge")

    def kill(self):
        self.near.kill()
        self.near.start()


class Router:
    """The router between the brokers: a rule from the near to the far one, with a spool."""

    def __init__(self, stack, relay, tuned):
        self.near = Broker(limits=False)
        if tuned:
            self.near.config = f"max_queued_messages 0\npersistence true\nautosave_interval 1\npersistence_location {self.near.folder}/"
        stack.enter_context(self.near)
        common = {"host": "127.0.0.1", "reconnect": {"delay": 1, "delay-max": 1}, "keepalive": KEEP_ALIVE_S, "daemon-topics": False, "bcleansession": False}
        brokers = [{**common, "name": "near", "port": self.near.port, "clientid": "router"},
                   {**common, "name": "far", "port": relay.port, "clientid": "router", "spool": {}}]
        rule = {"from": "near", "to": "far", "topics": ["in/#"], "qos": 1}
        self.daemon = Daemon(config={"mqtt": brokers, "mqtt-bridges": [rule]})
        stack.callback(self.daemon.remove)
        self.daemon.start()
        poll(lambda: all(r["state"] == "connected" for r in self.daemon.admin("stat")["drivers"] if r["driver"] == "mqtt"), 20, "connections of the router")

    def kill(self):
        self.daemon.process.kill()
        self.daemon.wait_exit()
        self.daemon.start()


BRIDGES = {
    "mosquitto": lambda stack, relay: Mosquitto(stack, relay, False),
    "mosquitto-tuned": lambda stack, relay: Mosquitto(stack, relay, True),
    "router": lambda stack, relay: Router(stack, relay, False),
    "router-tuned": lambda stack, relay: Router(stack, relay, True),
}


class Run:
    """One bridge, one fault."""

    def __init__(self, stack, bridge):
        self.far = stack.enter_context(Broker())
        self.watcher = stack.enter_context(Watcher(self.far, "in/#", reading=number_of))
        self.relay = stack.enter_context(Relay(self.far.port))
        self.bridge = BRIDGES[bridge](stack, self.relay)
        self.pause = threading.Event()

    def lasts(self, seconds):
        """A fault lasts."""
        self.pause.wait(seconds)

    def wait_quiet(self, quiet_s):
        """Until nothing has come for so long."""
        seen = {"count": -1, "since": 0.0}

        def is_quiet():
            count = sum(self.watcher.tally.counts.values())
            if count != seen["count"]:
                seen.update(count=count, since=time.monotonic())
            return time.monotonic() - seen["since"] > quiet_s
        poll(is_quiet, 300, "a quiet subscriber")

    def no_fault(self):
        pass

    def far_away(self):
        self.relay.refuse()
        self.relay.reset()
        self.lasts(AWAY_S)
        self.relay.accept()

    def far_killed(self):
        """It keeps nothing. So that nothing is lost behind the bridge, the subscriber has read what the far broker has acknowledged, and
        is there again before the bridge comes back."""
        before = self.watcher.connects
        self.relay.refuse()
        self.relay.hold("up")
        self.wait_quiet(0.5)
        self.relay.reset()
        self.relay.pass_on()
        self.far.kill()
        self.far.start()
        poll(lambda: self.watcher.connects > before, 20, "subscriber")
        self.relay.accept()

    def bridge_killed(self):
        self.bridge.kill()

    def away_and_killed(self):
        """The bridge is killed when much waits in it."""
        self.relay.refuse()
        self.relay.reset()
        self.lasts(AWAY_S / 2)
        self.bridge.kill()
        self.lasts(AWAY_S / 2)
        self.relay.accept()

    def near_killed(self):
        self.bridge.near.kill()
        self.bridge.near.start()

    def cut_to_far(self):
        self.relay.lose("up")
        self.lasts(CUT_S)
        self.relay.pass_on()

    def cut_from_far(self):
        self.relay.lose("down")
        self.lasts(CUT_S)
        self.relay.pass_on()

    def half_open(self):
        self.relay.strand()


FAULTS = collections.OrderedDict([
    ("none", Run.no_fault), ("far-away", Run.far_away), ("far-killed", Run.far_killed), ("bridge-killed", Run.bridge_killed), ("away-and-killed", Run.away_and_killed),
    ("near-killed", Run.near_killed), ("cut-to-far", Run.cut_to_far), ("cut-from-far", Run.cut_from_far), ("half-open", Run.half_open)])


def run_once(bridge, fault, messages, rate):
    """Acknowledged, lost, duplicated, out of order, worst delay, whether the near broker says that its queue overflowed."""
    with ExitStack() as stack:
        run = Run(stack, bridge)
        with Publisher(run.bridge.near.port, messages, rate) as publisher:
            publisher.wait_sent(messages // 3)
            FAULTS[fault](run)
            publisher.thread.join()
            if run.watcher.tally.missing(publisher.acked_at):
                run.wait_quiet(QUIET_S)
        run.watcher.stop()
        tally = run.watcher.tally
        full = "dropped for client" in run.bridge.near.log()
        return (len(publisher.acked_at), len(tally.missing(publisher.acked_at)), tally.duplicates(), tally.disorder,
                run.watcher.worst_delay(publisher.acked_at), full)


def main():
    parser = argparse.ArgumentParser(description="What a bridge between two brokers loses.")
    parser.add_argument("--messages", type=int, default=8000)
    parser.add_argument("--rate", type=int, default=1000, help="messages per second")
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--bridges", default=",".join(BRIDGES))
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    bridges = options.bridges.split(",")
    print("Acknowledged; lost, arrived twice, out of order; worst delay. * the near broker dropped messages, its queue was full\n")
    print(f"| Fault, {options.repeat} runs | {' | '.join(bridges)} |\n| --- |{' --- |' * len(bridges)}")
    for fault in options.faults.split(","):
        cells = []
        for bridge in bridges:
            runs = [run_once(bridge, fault, options.messages, options.rate) for _ in range(options.repeat)]
            acked, lost, twice, disorder = (sum(run[i] for run in runs) for i in range(4))
            cells.append(f"{acked}; {lost}, {twice}, {disorder}; {max(run[4] for run in runs):.1f} s{'*' if any(run[5] for run in runs) else ''}")
        print(f"| {fault} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
