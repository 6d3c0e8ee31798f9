"""TLS to brokers: with authorities, certificates and keys of both; every refusal says in the log what to do."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from broker import Broker  # noqa: E402
from certificates import Site  # noqa: E402
from daemon import Daemon, daemon_path, poll  # noqa: E402
from mqtt_test import remote, section  # noqa: E402

KEY = "0123456789abcdef0123456789abcdef"


def listener(site, name, *more):
    return "\n".join([f"certfile {site.pem(name)}", f"keyfile {site.key(name)}", *more])


class MqttTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="vscprouter-mqtt-tls-"))
        cls.folder.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.site, cls.other = Site(cls.folder, "site-ca"), Site(cls.folder, "other-ca")
        for name, alt, days in (("broker", "IP:127.0.0.1,DNS:localhost", 30), ("elsewhere", "DNS:elsewhere.example", 30),
                                ("old", "IP:127.0.0.1", -1), ("router", "DNS:router", 30)):
            cls.site.sign(name, alt, days)
        cls.other.sign("stranger")
        subprocess.run(["openssl", "pkcs8", "-topk8", "-in", cls.site.key("router"), "-passout", "pass:open", "-out",
                        cls.folder / "locked.key"], check=True, capture_output=True, timeout=60)
        psk = cls.folder / "psk"
        psk.write_text(f"router:{KEY}\n")
        cls.brokers = {
            "plain": "", "good": listener(cls.site, "broker"), "elsewhere": listener(cls.site, "elsewhere"),
            "old": listener(cls.site, "old"),
            "asking": listener(cls.site, "broker", f"cafile {cls.site.pem()}", "require_certificate true"),
            "psk": f"psk_hint here\npsk_file {psk}"}
        cls.brokers = {name: Broker(listener=lines).start() for name, lines in cls.brokers.items()}
        for broker in cls.brokers.values():
            cls.addClassCleanup(broker.remove)

    def cases(self):
        """name -> (broker, keys of "tls", what the log says; None: it connects, more keys)"""
        ca, pem, key = {"cafile": self.site.pem()}, self.site.pem, self.site.key
        own = {**ca, "certfile": pem("router"), "keyfile": key("router")}
        stranger = {**ca, "certfile": pem("stranger"), "keyfile": key("stranger")}
        psk = {"psk": KEY, "psk-identity": "router"}
        return {
            "ok": ("good", ca, None), "ok-name": ("good", ca, None, {"host": "localhost"}),
            "ok-unchecked": ("old", {**ca, "cert-reqs": 0}, None),
            "ok-name-unchecked": ("elsewhere", {**ca, "no-hostname-checking": True}, None),
            "ok-own": ("asking", own, None),
            "ok-locked": ("asking", {**own, "keyfile": str(self.folder / "locked.key"), "pwkeyfile": "open"}, None),
            "ok-psk": ("psk", psk, None),
            "other-ca": ("good", {"cafile": self.other.pem()}, "not signed by an authority that is known here: write the file"),
            "system-ca": ("good", {}, "not signed by an authority that is known here", {"host": "mqtts://127.0.0.1"}),
            "elsewhere": ("elsewhere", ca, "certificate is not for 127.0.0.1: write as"),
            "old": ("old", ca, "certificate has expired"),
            # TLS 1.3: whether the broker's last word can be read is a matter of chance.
            "none-given": ("asking", ca, "tls.certfile"),
            "stranger": ("asking", stranger, "tls.certfile"),
            "psk-name": ("psk", {**psk, "psk-identity": "nobody"}, "does not accept tls.psk-identity or tls.psk"),
            "psk-key": ("psk", {**psk, "psk": KEY[::-1]}, "does not accept tls.psk-identity or tls.psk"),
            "plain": ("plain", ca, "does not speak TLS on this port"),
        }

    def test_every_case(self):
        cases = self.cases()
        config = []
        for name, (broker, tls, _, *more) in cases.items():
            config.append(section(self.brokers[broker], name=name, tls=tls, **(more[0] if more else {})))
        with Daemon(config={"mqtt": config}) as daemon:
            for name, (_, _, words, *_) in cases.items():
                with self.subTest(name):
                    if words is None:
                        poll(lambda n=name: remote(daemon, n)["state"] == "connected", 20, f"{name}: {remote(daemon, name)['last_error']}")
                        continue
                    # mosquitto now and then closes a connection because of what another one did: then it is the next try.
                    poll(lambda n=name, w=words: w in remote(daemon, n)["last_error"], 20, f"a reason for {name}")
                    poll(lambda n=name, w=words: any(f"mqtt {n}: cannot connect" in line and w in line
                                                     for line in daemon.output().splitlines()), what=f"a line about {name}")

    def test_files_that_are_missing_or_wrong(self):
        """Told before the start with their line; and if they get lost later, when they are needed."""
        pem, key, gone = self.site.pem, self.site.key, str(self.folder / "gone.pem")
        own = {"cafile": pem(), "certfile": pem("router"), "keyfile": key("router")}
        for bad, name, words in (({"cafile": gone}, "cafile", "No such file"), ({"certfile": gone}, "certfile", "No such file"),
                                 ({"keyfile": gone}, "keyfile", "No such file"), ({"cafile": str(self.folder / "psk")}, "cafile", ""),
                                 ({"keyfile": key("broker")}, "keyfile", ""), ({"certfile": str(self.folder)}, "certfile", "folder"),
                                 ({"keyfile": str(self.folder / "locked.key"), "pwkeyfile": "shut"}, "keyfile", "password")):
            with self.subTest(bad):
                daemon = Daemon(config={"mqtt": section(self.brokers["good"], tls={**own, **bad})})
                self.addCleanup(daemon.remove)
                done = subprocess.run([daemon_path(), "--check-config", "--config", daemon.config_path], capture_output=True, text=True,
                                      check=False, timeout=60)
                self.assertNotEqual(done.returncode, 0)
                lines = daemon.config_path.read_text().splitlines()
                number = next(i for i, line in enumerate(lines, 1) if f'"{name}":' in line)
                self.assertRegex(done.stdout + done.stderr, rf"config\.json:{number}:\d+: mqtt\.tls\.{name}: .*{words}")
        broker = self.brokers["asking"]
        private = self.folder / "private.key"
        shutil.copy(key("router"), private)
        with Daemon(config={"mqtt": section(broker, tls={**own, "keyfile": str(private)})}) as daemon:
            poll(lambda: remote(daemon)["state"] == "connected", what="connection")
            private.unlink()
            broker.terminate()
            broker.start()
            poll(lambda: "private.key" in remote(daemon)["last_error"], what="the reason")
            shutil.copy(key("router"), private)
            poll(lambda: remote(daemon)["state"] == "connected", 20, "connection again")


if __name__ == "__main__":
    unittest.main(verbosity=2)
