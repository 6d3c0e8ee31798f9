"""vscpctl against the daemon, as a person uses it: exit codes, what it prints, what it says when something is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import ROOT, Daemon, poll, user  # noqa: E402

VSCPCTL = os.environ.get("VSCPCTL", str(ROOT / "build/tools/vscpctl/vscpctl"))
GUID_1 = "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:00:00:01"
WAIT_S = 20


def environment(name="admin", password="secret"):
    return {**os.environ, "VSCP_USER": name, "VSCP_PASSWORD": password, "TZ": "UTC"}


def run(*arguments, text="", **more):
    """Runs vscpctl to its end."""
    done = subprocess.run([VSCPCTL, *arguments], input=text, capture_output=True, text=True, timeout=WAIT_S, check=False,
                          env=environment(**more))
    print(f"$ vscpctl {' '.join(arguments)}\n{done.stdout[-1500:]}{done.stderr[-1500:]}[{done.returncode}]")
    return done


class Watch:
    """A vscpctl watch that is in the receive loop when the constructor returns."""

    def __init__(self, daemon, *arguments, address="127.0.0.1"):
        before = self.loops(daemon)
        self.process = subprocess.Popen([VSCPCTL, "watch", "--host", f"{address}:{daemon.port}", *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        poll(lambda: self.loops(daemon) > before or self.process.poll() is not None, what="vscpctl in the receive loop")

    @staticmethod
    def loops(daemon):
        return sum(row["mode"] == "rcvloop" for row in daemon.admin("sessions")["sessions"])

    def end(self):
        """Waits for its end; returns exit code, lines of output, errors."""
        out, errors = self.process.communicate(timeout=WAIT_S)
        print(f"watch: {out[-1500:]}{errors[-1500:]}[{self.process.returncode}]")
        return self.process.returncode, out.splitlines(), errors


class Events(unittest.TestCase):
    def test_every_form_of_send_and_of_watch(self):
        with Daemon() as daemon:
            host = ("--host", f"127.0.0.1:{daemon.port}")
            shown = {form: Watch(daemon, "--count", "5", *form)
                     for form in ((), ("--json",), ("--raw",), ("--colour", "always"))}
            measured = Watch(daemon, "--class", "MEASUREMENT", "--type", "TEMPERATURE", "--count", "1", "--json")
            filtered = Watch(daemon, "--filter", "0,20,0,-", "--mask", "0,0xffff,0,-", "--count", "3", "--raw")
            by_guid = Watch(daemon, "--guid", "FF:FF:FF:FF:FF:FF:FF:F5:00:00:00:00:00:00", "--count", "1", "--raw")
            urgent = Watch(daemon, "--priority", "0", "--count", "1", "--raw")
            for arguments, text in [
                (("--class", "information", "--type", "ON", "--data", "0,1,0x02"), ""),
                (("--class", "10", "--type", "6", "--data", "0x88,0x82,0x08,0x52", "--guid", GUID_1), ""),
                (("96,20,4,0,,,-,0,1,255",), ""),
                (("-",), "# a comment\n\n0,1,2,,,,-,1,0,7\n  96,20,9,0,2026-01-02T03:04:05Z,6,-,1,2,3  \r\n"),
            ]:
                done = run("send", *host, *arguments, text=text)
                self.assertEqual((done.returncode, done.stdout), (0, ""))
            results = {form: watch.end() for form, watch in shown.items()}
            for form, (code, lines, errors) in results.items():
                self.assertEqual((code, len(lines)), (0, 5), form)
                self.assertRegex(errors, r"^5 events in [\d.]+ s \([\d.]+/s\)\n$")
            text = [re.sub(r"^\S+ (p\d) +(\S+) +(\S+)  ", r"\1 \2 ", line) for line in results[()][1]]
            self.assertEqual(text[:4], [
                "p3 CLASS1.INFORMATION/ON 00 01 02  zone 1/2", "p3 CLASS1.MEASUREMENT/TEMPERATURE 21.30 °C",
                "p3 CLASS1.INFORMATION/OFF 00 01 FF  zone 1/all", "p0 CLASS1.ALARM/ALARM 01 00 07  zone 0/7"])
            self.assertEqual(text[4], "p3 CLASS1.INFORMATION/NODE_HEARTBEAT 01 02 03  zone 2/3  at 2026-01-02 03:04:05")
            objects = [json.loads(line) for line in results[("--json",)][1]]
            self.assertEqual([(o["class"], o["type"], o["data"]) for o in objects], [
                (20, 3, [0, 1, 2]), (10, 6, [136, 130, 8, 82]), (20, 4, [0, 1, 255]), (1, 2, [1, 0, 7]), (20, 9, [1, 2, 3])])
            self.assertEqual(objects[1]["measurement"], {"value": 21.3, "unit": "°C", "unit_code": 1, "sensor": 0})
            self.assertEqual(objects[1]["guid"], GUID_1)
            self.assertEqual(objects[4]["time"], "2026-01-02T03:04:05.000000000Z")
            self.assertTrue(results[("--raw",)][1][4].endswith(",3"))
            self.assertIn("\x1b[", results[("--colour", "always")][1][0])
            self.assertEqual(json.loads(measured.end()[1][0])["measurement"]["value"], 21.3)
            self.assertEqual([line.split(",")[1:3] for line in filtered.end()[1]], [["20", "3"], ["20", "4"], ["20", "9"]])
            self.assertIn(GUID_1, by_guid.end()[1][0])
            self.assertTrue(urgent.end()[1][0].startswith("0,1,2,"))

    def test_send_says_what_is_wrong(self):
        with Daemon(users=[user("admin"), user("reader", privilege=2)]) as daemon:
            host = ("--host", f"127.0.0.1:{daemon.port}")
            for arguments, pattern in [
                ((), r"--class and --type"), (("0,20",), r"not an event line \(a field is missing\)"),
                (("0,20,3,,,,-", "--class", "20"), r"leave out"), (("0,20,3,,,,-", "--priority", "1"), r"leave out"),
                (("--class", "20", "--type", "3", "--data", "256"), r"--data"),
                (("--class", "20", "--type", "BUTON"), r"no type named 'BUTON'"),
                (("--class", "20", "--type", "3", "--priority", "8"), r"--priority"),
                (("--class", "20", "--type", "3", "--guid", "1:2"), r"--guid"),
            ]:
                done = run("send", *host, *arguments)
                self.assertEqual(done.returncode, 2, arguments)
                self.assertRegex(done.stderr, pattern)
            done = run("send", *host, "-", text="0,20,3,,,,-,1\nnonsense\n0,70000,1,,,,-\n0,20,3,,,,-,2\n")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"line 2: [^\n]*\n.*line 3: [^\n]*\n2 sent, 0 refused, 2 not sent")
            done = run("send", *host, "0,20,3,,,,-", name="reader")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"-OK")

    def test_a_simulated_field_arrives_whole(self):
        with Daemon() as daemon:
            watch = Watch(daemon, "--count", "200", "--raw")
            done = run("sim", "--host", f"127.0.0.1:{daemon.port}", "--rate", "5000", "--count", "200", "--seed", "3")
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stderr, r"^200 events sent in .*, 0 refused\n$")
            code, lines, _ = watch.end()
            self.assertEqual((code, len(lines)), (0, 200))
            again = Watch(daemon, "--count", "200", "--raw")
            run("sim", "--host", f"127.0.0.1:{daemon.port}", "--rate", "5000", "--count", "200", "--seed", "3")

            def content(all_lines):
                return [",".join(field for i, field in enumerate(line.split(",")) if i not in (3, 4, 5)) for line in all_lines]
            self.assertEqual(content(again.end()[1]), content(lines), "equal seeds give equal events")

    def test_interrupted_watch_is_no_error(self):
        with Daemon() as daemon:
            watch = Watch(daemon)
            watch.process.send_signal(signal.SIGINT)
            code, _, errors = watch.end()
            self.assertEqual(code, 0)
            self.assertRegex(errors, r"^0 events in")
            done = run("watch", "--host", f"127.0.0.1:{daemon.port}", "--for", "100ms")
            self.assertEqual(done.returncode, 0)


class Trouble(unittest.TestCase):
    def test_wrong_password_and_unknown_user(self):
        with Daemon(link={"login-failure-delay-ms": 0, "login-failure-delay-max-ms": 0}) as daemon:
            for name, password in (("admin", "not the one"), ("nobody", "secret")):
                done = run("watch", "--reconnect", "--host", f"127.0.0.1:{daemon.port}", name=name, password=password)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, rf"does not accept user '{name}' with this password")
                self.assertNotIn(password, done.stderr.replace(name, ""))
            self.assertNotIn("not the one", daemon.output())

    def test_nobody_there(self):
        daemon = Daemon().start()
        port = daemon.port
        socket_path = daemon.admin_path()
        daemon.stop()
        daemon.remove()
        for command in ("watch", "sim"):
            done = run(command, "--host", f"127.0.0.1:{port}")
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, rf"nothing listens at 127\.0\.0\.1:{port}")
        for command in ("stat", "sessions", "reload"):
            done = run(command, "--socket", socket_path)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"no daemon at the admin socket")

    def test_daemon_killed_and_stopped_while_watching(self):
        for number, pattern in ((signal.SIGKILL, r"closed the connection"), (signal.SIGTERM, r"shutting down|closed")):
            daemon = Daemon().start()
            try:
                watch = Watch(daemon)
                daemon.process.send_signal(number)
                code, _, errors = watch.end()
                self.assertEqual(code, 1)
                self.assertRegex(errors, pattern)
            finally:
                daemon.wait_exit()
                daemon.remove()

    def test_reconnect_finds_the_next_daemon(self):
        # An address of its own, where nobody else can take the port while no daemon has it.
        address = f"127.1.{os.getpid() >> 8 & 255}.{os.getpid() % 254 + 1}"
        daemon = Daemon(link={"interface": f"{address}:0"}).start()
        try:
            watch = Watch(daemon, "--reconnect", "--count", "1", "--raw", address=address)
            daemon.process.kill()
            daemon.wait_exit()
            configuration = json.loads(daemon.config_path.read_text())
            configuration["link"][0]["interface"] = f"{address}:{daemon.port}"
            daemon.config_path.write_text(json.dumps(configuration))
            daemon.start()
            poll(lambda: Watch.loops(daemon) == 1, WAIT_S, "vscpctl connected again")
            self.assertEqual(run("send", "--host", f"{address}:{daemon.port}", "0,20,3,,,,-,7").returncode, 0)
            code, lines, errors = watch.end()
            self.assertEqual((code, len(lines)), (0, 1))
            self.assertRegex(errors, r"trying again in \d+ ms[\s\S]*connected again")
            daemon.stop()
        finally:
            daemon.remove()


class Operator(unittest.TestCase):
    def test_stat_and_sessions(self):
        with Daemon() as daemon, daemon.login() as client:
            client.send_event(20, 3, [1])
            socket_path = daemon.admin_path()
            done = run("stat", "--socket", socket_path)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"(?m)^vscprouterd [\d.]+  \"test\"  FF:FF:[0-9A-F:]+  up ")
            self.assertRegex(done.stdout, r"(?m)^events_in +.*1$")
            self.assertEqual(json.loads(run("stat", "--socket", socket_path, "--json").stdout)["total"]["events_in"], 1)
            done = run("sessions", "--socket", socket_path)
            self.assertRegex(done.stdout, r"(?m)^ *\d+ +\d+ +admin +127\.0\.0\.1:\d+")
            self.assertTrue(done.stdout.endswith("\n1 session\n"))
            rows = json.loads(run("sessions", "--socket", socket_path, "--json").stdout)["sessions"]
            self.assertEqual([row["user"] for row in rows], ["admin"])
            again = subprocess.Popen([VSCPCTL, "stat", "--watch", "50ms", "--socket", socket_path], text=True,
                                     stdout=subprocess.PIPE)
            for line in again.stdout:
                if "per s" in line:
                    break
            again.send_signal(signal.SIGINT)
            again.communicate(timeout=WAIT_S)
            self.assertEqual(again.returncode, 0)

    def test_users_from_nothing_to_a_second_login(self):
        daemon = Daemon()
        try:
            path = str(daemon.users_path)
            daemon.users_path.unlink()
            done = run("mkpasswd", "--users", path, "--user", "admin", "--stdin", text="secret\n")
            self.assertEqual((done.returncode, done.stdout), (0, ""))
            self.assertRegex(done.stderr, r"made .* admin, privilege 15")
            daemon.start()
            daemon.login().quit()
            before = daemon.users_path.read_text()
            done = run("mkpasswd", "--users", path, "--user", "hall", "--privilege", "4", "--stdin", text="other word\n")
            self.assertRegex(done.stderr, r"added hall, privilege 4")
            after = daemon.users_path.read_text()
            self.assertEqual([entry["name"] for entry in json.loads(after)["users"]], ["admin", "hall"])
            self.assertEqual(before[:before.rindex("}\n  ]")], after[:before.rindex("}\n  ]")], "the rest stays as it was")
            self.assertEqual(daemon.users_path.stat().st_mode & 0o777, 0o600)
            self.assertNotIn("other word", after)
            done = run("reload", "--socket", daemon.admin_path())
            self.assertEqual((done.returncode, done.stdout), (0, "users of 1 listener read again\n"))
            with daemon.login("hall", "other word") as hall:
                hall.send_event(20, 3, [1])
                hall.quit()
            done = run("mkpasswd", "--users", path, "--user", "hall", "--stdin", text="third\n")
            self.assertRegex(done.stderr, r"changed the password of hall")
            done = run("mkpasswd", "--users", path, "--user", "hall", "--privilege", "9", "--stdin", text="third\n")
            self.assertEqual(done.returncode, 1)
            run("reload", "--socket", daemon.admin_path())
            daemon.login("hall", "third").quit()
            good = daemon.users_path.read_text()
            daemon.users_path.write_text('{"users": [{"name": "x"}]}')
            for arguments in (("reload", "--socket", daemon.admin_path()),
                              ("mkpasswd", "--users", path, "--user", "y", "--stdin")):
                done = run(*arguments, text="word\n")
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"users\.json:1:12: users\[0\]\.password: is missing")
            daemon.login("hall", "third").quit()
            daemon.users_path.write_text(good)
            daemon.stop()
        finally:
            daemon.remove()

    def test_mkpasswd_prints_a_hash_that_works(self):
        done = run("mkpasswd", "--stdin", text="secret\n")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^\$argon2id\$v=19\$\S+\n$")
        with Daemon(users=[user("admin") | {"password": done.stdout.strip()}]) as daemon:
            daemon.login().quit()
        for arguments in (("--stdin", "--users", "x"), ("--stdin", "--user", "x"), ("--stdin", "--privilege", "3"),
                          ("--stdin", "--users", "x", "--user", "a b")):
            self.assertEqual(run("mkpasswd", *arguments, text="secret\n").returncode, 2, arguments)
        self.assertEqual(run("mkpasswd", "--stdin", text="\n").returncode, 1)

    def test_every_command_has_help_with_examples(self):
        commands = re.findall(r"(?m)^  ([a-z]+) {2,}[A-Z]", run("--help").stdout.split("Subcommands:")[1])
        self.assertEqual(commands, ["watch", "send", "sim", "stat", "sessions", "reload", "spool", "driver", "mkpasswd"])
        bare = run()
        self.assertEqual(bare.returncode, 2)
        self.assertIn("Subcommands:", bare.stderr)
        self.assertEqual(run("frobnicate").returncode, 2)
        for command in commands:
            done = run(command, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"Usage: vscpctl {command}", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
