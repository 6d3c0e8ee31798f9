"""vscpctl spool: what waits for a broker that is away is listed, shown and purged while the daemon runs, and offline when it does not."""

import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from broker import Broker, free_port  # noqa: E402
from daemon import ROOT, Daemon, poll  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402

VSCPCTL = os.environ.get("VSCPCTL", str(ROOT / "build/tools/vscpctl/vscpctl"))


def ctl(daemon, *arguments, offline=False):
    """Runs vscpctl spool to its end."""
    command = [VSCPCTL, "spool", *arguments]
    env = dict(os.environ) if offline else {**os.environ, "VSCPROUTERD_SOCKET": daemon.admin_path()}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False, env=env)
    print(f"$ {' '.join(command)}\n{done.stdout[-1500:]}{done.stderr[-1500:]}[{done.returncode}]")
    return done


def brokers(port, **spool):
    """Two connections to the same broker: one with a spool, one with a queue in memory."""
    common = {"host": "127.0.0.1", "port": port, "reconnect": {"delay": 0, "delay-max": 1}, "daemon-topics": False}
    publish = [{"topic": "site/{{class}}", "qos": 1, "format": "string"}]
    return [common | {"name": "site", "publish": publish, "spool": spool},
            common | {"name": "quick", "publish": publish}]


class SpoolTool(unittest.TestCase):
    def test_what_waits_is_listed_shown_and_purged(self):
        daemon = Daemon(config={"mqtt": brokers(free_port())})
        try:
            daemon.start()
            poll(lambda: re.search(r"mqtt/site: the spool in \S+/spool/site holds 0 records", daemon.output()), what="a line in the log")
            with daemon.login() as client:
                for number in range(5):
                    client.ok(f"SEND 96,20,3,0,,,-,{number}")
                client.ok("SEND 0,1,2,0,,,-,7")
            self.check_list(daemon)
            self.check_show(daemon)
            self.check_refusals(daemon)
            done = ctl(daemon, "purge", "site")
            self.assertEqual((done.returncode, json.loads(ctl(daemon, "--json").stdout)["spools"][0]["events"]), (1, 6))
            self.assertIn("--yes", done.stderr)
            self.assertEqual(ctl(daemon, "purge", "site", "--yes").stdout, "6 events were dropped, 0 are in flight and stay\n")
            poll(lambda: "mqtt/site: PURGED by the operator: 6 events" in daemon.output(), what="a line in the log")
            site = json.loads(ctl(daemon, "--json").stdout)["spools"][0]
            self.assertEqual((site["events"], site["purged"], site["released"], site["oldest"]), (0, 6, 6, None))
            with daemon.login() as client:
                client.ok("SEND 96,20,3,0,,,-,99")  # goes on
            self.assertIn(",99", ctl(daemon, "show", "mqtt/site").stdout)
            daemon.process.kill()
            daemon.wait_exit()
            self.check_offline(daemon)
        finally:
            daemon.remove()

    def check_list(self, daemon):
        poll(lambda: all(s["events"] == 6 for s in daemon.admin("spools")["spools"]), what="six events in both stores")
        site, quick = json.loads(ctl(daemon, "--json").stdout)["spools"]
        self.assertEqual((site["name"], site["driver"], site["kind"], site["when_full"], site["limit_bytes"]),
                         ("site", "mqtt", "spool", "refuse", 1 << 30))
        self.assertEqual(site["events_by_priority"], [1, 0, 0, 5, 0, 0, 0, 0])
        self.assertEqual((site["in_flight"], site["refused"], site["damaged"], site["taken"]), (0, 0, 0, 6))
        self.assertTrue(os.path.isdir(site["folder"]) and site["disk_bytes"] > 0)
        self.assertLess(site["oldest_age_s"], 60)
        self.assertEqual((quick["kind"], quick["folder"], quick["events"], quick["when_full"]),
                         ("memory", "", 6, "drop-lowest-priority"))
        text = ctl(daemon).stdout
        self.assertRegex(text, r"(?m)^site +mqtt +127\.0\.0\.1:\d+ +spool +6 .* 0:1 3:5 ")
        self.assertRegex(text, r"(?m)^quick +mqtt +127\.0\.0\.1:\d+ +memory +6 ")
        self.assertIn(f"site: {site['folder']}, ", text)

    def check_show(self, daemon):
        lines = ctl(daemon, "show", "site", "--max", "3").stdout.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertRegex(lines[0], r"^\S+Z p0  0,1,2,0,\S+,7$")
        self.assertRegex(lines[1], r"^\S+Z p3  96,20,3,0,\S+,0$")
        self.assertEqual(lines[3], "3 of 6 shown")
        records = json.loads(ctl(daemon, "show", "quick", "--json").stdout)["records"]
        self.assertEqual([r["event"].rsplit(",", 1)[1] for r in records], ["7", "0", "1", "2", "3", "4"])

    def check_refusals(self, daemon):
        for arguments, code, text in [
            (("show", "other"), 1, "there is no spool 'other'; known are: mqtt/site, mqtt/quick"),
            (("show",), 2, "name is required"), (("show", "site", "--max", "0"), 2, "--max"),
            (("purge", "site", "--folder", "x"), 2, "folder"), (("--purge",), 2, "--folder"),
        ]:
            done = ctl(daemon, *arguments)
            self.assertEqual(done.returncode, code, arguments)
            self.assertIn(text, done.stderr + done.stdout)
        folder = str(daemon.state / "spool" / "site")
        for more in ((), ("--purge",)):
            done = ctl(daemon, "--folder", folder, *more, offline=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"is in use by process {daemon.process.pid}", done.stderr)

    def check_offline(self, daemon):
        folder = str(daemon.state / "spool" / "site")
        self.assertIn(": 1 records (", ctl(daemon, "--folder", folder, offline=True).stdout)
        daemon.start()
        poll(lambda: re.search(r"mqtt/site: the spool in \S+ holds 1 records", daemon.output()), what="a line in the log")
        daemon.process.kill()
        daemon.wait_exit()
        self.assertIn("1 records were dropped", ctl(daemon, "--folder", folder, "--purge", offline=True).stderr)

    def test_a_full_spool_takes_events_again_after_a_purge(self):
        with Broker() as broker, Daemon(config={"mqtt": brokers(broker.port, **{"max-bytes": 1 << 20})[:1]}) as daemon:
            poll(lambda: daemon.admin("stat")["drivers"][0]["state"] == "connected", 20, "connection to the broker")
            broker.freeze()
            data = ",".join(["1"] * 400)
            with daemon.login() as client:
                while True:
                    client.send_raw(f"SEND 96,20,3,0,,,-,{data}\r\n".encode() * 50)
                    if any([client.read_line().startswith("-OK") for _ in range(50)]):
                        break
                found = daemon.admin("spools")["spools"][0]
                self.assertTrue(found["refusing"])
                self.assertGreater(found["in_flight"], 0)
                self.assertIn("REFUSED now", ctl(daemon).stdout)
                records = daemon.admin("spool-show", name="site", max=1000)["records"]
                self.assertEqual([r["in_flight"] for r in records],
                                 sorted((r["in_flight"] for r in records), reverse=True))
                purged = daemon.admin("spool-purge", name="site")
                self.assertEqual(purged["purged"] + purged["in_flight"], found["events"])
                poll(lambda: not daemon.admin("spools")["spools"][0]["refusing"], what="room after the purge")
                client.ok("SEND 96,20,3,0,,,-,1")
            broker.thaw()
            poll(lambda: daemon.admin("spools")["spools"][0]["events"] == 0, 30, "an empty spool")

    def test_messages_between_brokers_are_shown_with_their_topics(self):
        with Broker() as near:
            common = {"host": "127.0.0.1", "reconnect": {"delay": 0, "delay-max": 1}, "daemon-topics": False, "publish": [], "subscribe": []}
            config = {"mqtt": [common | {"name": "near", "port": near.port}, common | {"name": "far", "port": free_port(), "spool": {}}],
                      "mqtt-bridges": [{"from": "near", "to": "far", "topics": ["sensors/#"]}]}
            with Daemon(config=config) as daemon, MqttClient(near.port, "publisher") as publisher:
                poll(lambda: next(r for r in daemon.admin("stat")["drivers"] if r["name"] == "near")["state"] == "connected", 20, "connection")
                publisher.publish("sensors/hall", b"20.5", qos=1, retain=True)  # the subscription may come after it
                poll(lambda: "1 of 1 shown" in ctl(daemon, "show", "far").stdout, what="a message in the spool")
                self.assertRegex(ctl(daemon, "show", "far").stdout, r"^\S+Z p\d  a message of \d+ bytes on sensors/hall\n")

    def test_without_far_sides_there_is_nothing_to_show(self):
        with Daemon() as daemon:
            self.assertEqual(ctl(daemon).stdout, "no far sides that events wait for\n")
            self.assertIn("there are no spools", ctl(daemon, "show", "x").stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
