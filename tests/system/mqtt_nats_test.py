"""MQTT with another broker than mosquitto: nats-server's MQTT (3.1.1, QoS 0 and 1, on JetStream), killed and started again."""

import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from accounting import Source  # noqa: E402
from broker import Broker, free_port  # noqa: E402
from daemon import Daemon, is_sanitized, poll  # noqa: E402
from mqtt_client import MqttClient  # noqa: E402
from mqtt_test import connected, remote, section  # noqa: E402
from watcher import Watcher  # noqa: E402

NATS = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/bin")
KILLS = 2 if is_sanitized() else 3


class NatsServer(Broker):
    """One nats-server with MQTT, under the calls of a mosquitto."""

    opened = "Listening for MQTT clients"

    def start(self):
        for _ in range(5):
            port = self.port or free_port()
            (self.folder / "nats.conf").write_text(
                f'server_name: test\nlisten: "127.0.0.1:-1"\njetstream {{ store_dir: "{self.folder}/store" }}\n'
                f"mqtt {{ listen: \"127.0.0.1:{port}\", max_ack_pending: 1000 }}\n")
            started = self._starts()
            with open(self.folder / "log", "ab") as log:
                self.process = subprocess.Popen([NATS, "-c", str(self.folder / "nats.conf")], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if poll(lambda n=started: self.process.poll() is not None or self._starts() > n, 20, "nats-server") and self.process.poll() is None:
                self.port = port
                return self
        raise AssertionError("nats-server does not start:\n" + self.log())


class Nats(unittest.TestCase):
    def test_events_go_out_and_come_in(self):
        with NatsServer() as broker, MqttClient(broker.port, "other") as other:
            other.subscribe("out/#", qos=1)
            config = section(broker, clientid="router", bcleansession=False, publish=[{"topic": "out/{{class}}/{{type}}", "qos": 1, "format": "string"}],
                             subscribe=[{"topic": "in/#", "qos": 1}])
            with Daemon(config={"mqtt": config}) as daemon, daemon.login() as client:
                connected(daemon)
                client.ok("RCVLOOP")
                client.ok("SEND 96,20,3,0,,,-,1,2,3")
                message = other.read()
                self.assertEqual((message.topic, message.qos, message.payload.split(b",")[7:]), ("out/20/3", 1, [b"1", b"2", b"3"]))
                other.publish("in/x", '{"class": 30, "type": 5, "data": [7]}', qos=1)
                event = client.read_event()
                self.assertEqual((event.vscp_class, event.vscp_type, event.data), (30, 5, [7]))
                poll(lambda: remote(daemon)["events_waiting"] == 0, what="everything acknowledged")

    def test_it_is_killed(self):
        with NatsServer() as broker, Watcher(broker) as watcher:
            config = section(broker, clientid="router", bcleansession=False, spool={}, publish=[{"topic": "site/{{class}}", "qos": 1, "format": "string"}])
            with Daemon(config={"mqtt": config}) as daemon:
                connected(daemon)
                with Source(daemon, batch=5, pace_s=0.005) as source:
                    for _ in range(KILLS):
                        source.wait_acked(len(source.acked) + 200)
                        before = remote(daemon)["connects"]
                        broker.process.send_signal(signal.SIGKILL)
                        broker.process.wait()
                        broker.start()
                        poll(lambda n=before: remote(daemon)["connects"] > n, 20, "a new connection")
                    source.wait_acked(len(source.acked) + 200)
                watcher.wait_all(source.acked)
                tally = watcher.tally
                print(f"nats-server killed: {KILLS} faults, {len(source.acked)} acknowledged, 0 lost, {tally.duplicates()} duplicated, {tally.disorder} out of order")
                self.assertLessEqual(tally.duplicates(), 1000 * KILLS)


if __name__ == "__main__":
    if not NATS:
        print("skipped: there is no nats-server here")
        sys.exit(77)
    unittest.main(verbosity=2)
