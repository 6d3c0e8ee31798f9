"""TLS with peers that are not ours: Python's ssl, openssl, node; and our own link client against our own listener."""

import json
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from certificates import Site  # noqa: E402
from daemon import Daemon, daemon_path, poll, user  # noqa: E402
from link_client import Closed, LinkClient  # noqa: E402
from link_peer import Device, event  # noqa: E402

FAST = {"retry-s": 1, "retry-max-s": 1, "answer-timeout-s": 3}


def row(daemon, name="far"):
    """What the daemon tells of a remote."""
    return next(r for r in daemon.admin("stat")["drivers"] if r["name"] == name)


class TlsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="vscprouter-tls-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.site = Site(cls.folder.name)
        cls.site.sign("server")
        cls.site.sign("client")
        cls.other = Site(cls.folder.name, "other-ca")

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.site.pem("server"), self.site.key("server"))
        return context

    def remote(self, port, name="far", **tls):
        return {"name": name, "host": f"tls://127.0.0.1:{port}", "tls": tls} | FAST


class ClientTest(TlsTest):
    """Our link client against Python's TLS."""

    def test_device(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                context = self.server_context()
                context.maximum_version = version
                with Device(tls=context) as device:
                    entry = self.remote(device.port, cafile=self.site.pem()) | {"poll-interval-ms": 20}
                    with Daemon(config={"link-client": [entry]}) as daemon, daemon.login() as client:
                        client.command("RCVLOOP")
                        with device.lock:
                            device.waiting = [event(number) for number in range(2000)]
                        got = [client.read_event() for _ in range(2000)]
                        self.assertEqual([e.data[0] << 8 | e.data[1] for e in got], list(range(2000)))
                        with daemon.login() as sender:
                            for number in range(50):
                                sender.command("SEND " + event(number))
                        poll(lambda: len(device.sent) == 50, 10, "50 events over there")

    def test_what_is_wrong_is_told(self):
        asking = self.server_context()
        asking.load_verify_locations(self.site.pem())
        asking.verify_mode = ssl.CERT_REQUIRED
        own = {"certfile": self.site.pem("client"), "keyfile": self.site.key("client")}
        ca = {"cafile": self.site.pem()}
        with Device(tls=self.server_context()) as device, Device(tls=asking) as careful, Device() as plain:
            entries = [self.remote(device.port, "stranger", cafile=self.other.pem()),
                       self.remote(device.port, "system"),
                       self.remote(device.port, "no check", **{"cert-reqs": 0}),
                       self.remote(careful.port, "nameless", **ca),
                       self.remote(careful.port, "known", **ca, **own),
                       self.remote(plain.port, "plain", **ca)]
            with Daemon(config={"link-client": entries}) as daemon:
                for name, text in {"stranger": "is of an authority that is not known here",
                                   "system": "is of an authority that is not known here",
                                   "nameless": "the other side wants a certificate of ours",
                                   "plain": "the other side speaks no TLS"}.items():
                    poll(lambda n=name, t=text: t in row(daemon, n)["last_error"], 10, f"{name}: {text}")
                for name in ("no check", "known"):
                    poll(lambda n=name: row(daemon, n)["state"] == "polling", 10, name)


    def test_renewed_authority(self):
        with tempfile.TemporaryDirectory(prefix="vscprouter-tls-") as folder:
            first = Site(folder, "first")
            with Device(tls=self.server_context()) as device:
                entry = self.remote(device.port, cafile=first.pem())
                with Daemon(config={"link-client": [entry]}) as daemon:
                    poll(lambda: "authority that is not known" in row(daemon)["last_error"], 10, "it is not known")
                    Path(first.pem()).write_text(Path(self.site.pem()).read_text())
                    self.assertIn("reloaded", daemon.admin("reload"))
                    poll(lambda: row(daemon)["state"] == "polling", 10, "it is known")


class ServerTest(TlsTest):
    """Our listener against other people's TLS."""

    def listener(self, **tls):
        return {"tls": {"certfile": self.site.pem("server"), "keyfile": self.site.key("server")} | tls}

    def client_context(self, version=None):
        context = ssl.create_default_context(cafile=self.site.pem())
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def test_python(self):
        with Daemon(link=self.listener()) as daemon:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.subTest(version=version), daemon.login(tls=self.client_context(version)) as reader:
                    reader.command("RCVLOOP")
                    with daemon.login(tls=self.client_context(version)) as sender:
                        # Each record once whole, once in bytes.
                        for number in range(100):
                            sender.send_raw(f"SEND {event(number)}\r\n".encode())
                        for byte in f"SEND {event(100)}\r\n".encode():
                            sender.send_raw(bytes([byte]))
                        for _ in range(101):
                            self.assertTrue(sender.read_reply()[-1].startswith("+OK"))
                        got = [reader.read_event().data[1] for _ in range(101)]
                        self.assertEqual(got, list(range(101)))
            self.assertEqual(daemon.admin("stat")["total"]["tls_handshakes"], 4)

    def test_end_is_said(self):
        with Daemon(link=self.listener()) as daemon:
            clients = [daemon.login(tls=self.client_context()) for _ in range(2)]
            clients[0].command("RCVLOOP")
            daemon.stop()
            for client in clients:
                client.socket.suppress_ragged_eofs = False  # an end that was not said is an error then
                while client.socket.recv(65536):
                    pass
                client.close()
            daemon.start()

    def test_openssl(self):
        with Daemon(link=self.listener()) as daemon:
            # Its input stays open until the daemon has answered QUIT and closed.
            with subprocess.Popen(["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", self.site.pem(),
                                   "-connect", f"127.0.0.1:{daemon.port}"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as peer:
                peer.stdin.write(b"NOOP\r\nQUIT\r\n")
                peer.stdin.flush()
                self.assertEqual(peer.wait(80), 0)
                self.assertTrue(peer.stdout.read().endswith(b"+OK - Success.\r\n+OK - Connection closed by client.\r\n"))

    @unittest.skipUnless(shutil.which("node"), "no node")
    def test_node(self):
        script = """
            const tls = require("tls"), fs = require("fs");
            let text = "";
            const s = tls.connect({port: +process.argv[1], host: "127.0.0.1", ca: fs.readFileSync(process.argv[2])},
                                  () => s.write("NOOP\\r\\nQUIT\\r\\n"));
            s.on("data", d => text += d);
            s.on("end", () => { process.stdout.write(text); s.end(); });
        """
        with Daemon(link=self.listener()) as daemon:
            done = subprocess.run(["node", "-e", script, str(daemon.port), self.site.pem()], capture_output=True, text=True,
                                  timeout=60)
            self.assertTrue(done.stdout.endswith("+OK - Success.\n+OK - Connection closed by client.\n"),
                            done.stdout + done.stderr)

    def test_only_known_clients(self):
        with Daemon(link=self.listener(**{"cafile": self.site.pem(), "cert-reqs": 1})) as daemon:
            context = self.client_context()
            context.load_cert_chain(self.site.pem("client"), self.site.key("client"))
            with daemon.login(tls=context) as client:
                client.command("NOOP")
            # With TLS 1.3 a client hears of it with its first read.
            with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
                daemon.connect(tls=self.client_context())
            poll(lambda: "the client has no certificate" in daemon.stderr(), 10, "the reason in the log")

    def test_wrong_port(self):
        link = self.listener() | {"interface": "127.0.0.1:0s,127.0.0.1:0"}
        with Daemon(link=link) as daemon:
            with LinkClient(daemon.port, greeting=False) as client:
                client.send_raw(b"NOOP\r\n")
                with self.assertRaises(Closed):
                    client.read_line()
            poll(lambda: "127.0.0.1:%us: the other side speaks no TLS" % daemon.port in daemon.stderr(), 10, "a line")
            plain = int(re.search(r"^Ready: link \S+:\d+s \S+:(\d+)", daemon.stdout(), re.M).group(1))
            with LinkClient(plain) as client:
                client.command("NOOP")
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                LinkClient(plain, tls=self.client_context())
            poll(lambda: f"speaks TLS on 127.0.0.1:{plain}, which is a port without it" in daemon.stderr(), 10, "a line")

    def test_own_link_client(self):
        with Daemon(link=self.listener(**{"cafile": self.site.pem(), "cert-reqs": 1})) as far:
            tls = {"cafile": self.site.pem(), "certfile": self.site.pem("client"), "keyfile": self.site.key("client")}
            for form in ("text", "binary"):
                entry = self.remote(far.port, **tls) | {"user": "admin", "password": "secret", "format": form}
                with self.subTest(form=form), Daemon(config={"link-client": [entry]}) as near:
                    poll(lambda: row(near)["state"] == "connected", 10, "connected")
                    context = self.client_context()
                    context.load_cert_chain(self.site.pem("client"), self.site.key("client"))
                    with far.login(tls=context) as there, near.login() as here:
                        for reader, sender in ((there, here), (here, there)):
                            reader.command("RCVLOOP")
                            for number in range(500):
                                sender.send_raw(f"SEND {event(number)}\r\n".encode())
                            got = [reader.read_event() for _ in range(500)]
                            self.assertEqual([e.data[0] << 8 | e.data[1] for e in got], list(range(500)))
                            reader.send_line("QUITLOOP")
                            reader.read_reply()
                            for _ in range(500):
                                self.assertTrue(sender.read_reply()[-1].startswith("+OK"))

    def test_renewed_certificate(self):
        with tempfile.TemporaryDirectory(prefix="vscprouter-tls-") as folder:
            first = Site(folder, "first")
            first.sign("server")
            link = {"tls": {"certfile": first.pem("server"), "keyfile": first.key("server")}}
            with Daemon(link=link) as daemon:
                old = ssl.create_default_context(cafile=first.pem())
                with daemon.login(tls=old) as client:
                    second = Site(folder, "second")
                    second.sign("server")
                    self.assertIn("reloaded", daemon.admin("reload"))
                    client.command("NOOP")
                    new = ssl.create_default_context(cafile=second.pem())
                    daemon.login(tls=new).close()
                    with self.assertRaises(ssl.SSLError):
                        daemon.connect(tls=old)
                    Path(second.key("server")).write_text(Path(second.key()).read_text())
                    self.assertIn("does not belong to the certificate", json.dumps(daemon.admin("reload")))
                    daemon.login(tls=new).close()


class CheckTest(TlsTest):
    """What --check-config says, with its line."""

    def check(self, tls):
        folder = Path(self.folder.name)
        (folder / "users.json").write_text(json.dumps({"users": [user("admin")]}))
        (folder / "users.json").chmod(0o600)
        text = json.dumps({"link": [{"tls": tls}]}, indent=1)
        (folder / "config.json").write_text(text)
        done = subprocess.run([daemon_path(), "--config", str(folder / "config.json"), "--check-config"],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_files(self):
        own = {"certfile": "server.pem", "keyfile": "server.key"}
        self.assertEqual(self.check(own)[0], 0)
        code, said = self.check(own | {"keyfile": "client.key"})
        self.assertEqual(code, 1)
        self.assertRegex(said, r"config.json:6:16: link\[0\].tls.keyfile: the key in \S+client.key does not belong to the")
        code, said = self.check(own | {"certfile": "none.pem"})
        self.assertEqual(code, 1)
        self.assertRegex(said, r"config.json:5:17: link\[0\].tls.certfile: cannot read \S+none.pem: No such file")
        self.site.sign("soon", days=3)
        code, said = self.check({"certfile": "soon.pem", "keyfile": "soon.key"})
        self.assertEqual(code, 0)
        self.assertRegex(said, r"config.json:5:17: link\[0\].tls.certfile: expires on 20\d\d-\d\d-\d\d")


if __name__ == "__main__":
    unittest.main(verbosity=2)
