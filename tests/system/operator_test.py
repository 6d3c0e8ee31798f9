"""What an operator meets at the start of the daemon: --check-config, logging, folders, a second daemon, a first start
that fails."""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon, daemon_path, poll  # noqa: E402


def run(*arguments):
    """Runs the program to its end."""
    done = subprocess.run([daemon_path(), *arguments], capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL)
    print(f"$ vscprouterd {' '.join(arguments)}\n{done.stdout}{done.stderr}[{done.returncode}]")
    return done


class Start(unittest.TestCase):
    def prepared(self, **more):
        """A folder with configuration and users; nothing runs."""
        daemon = Daemon(**more)
        self.addCleanup(daemon.remove)
        return daemon

    def test_check_config(self):
        daemon = self.prepared()
        arguments = ("--config", str(daemon.config_path), "--check-config")
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "configuration is good\n", ""))
        daemon.users_path.write_text('{"users": [\n{"name": "a"}]}')
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"(?m)^error: .*users\.json:2:1: users\[0\]\.password: is missing")
        daemon.users_path.unlink()
        done = run(*arguments)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^error: users file .* does not exist; make it with: vscpctl mkpasswd .*\n$")
        daemon.config_path.write_text('{"link": [{"max-out-bytes": 5}],\n"admin": {"interface": "127.0.0.1:9680"}}')
        done = run(*arguments)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"config\.json:1:29: link\[0\]\.max-out-bytes: 5 is too small")
        self.assertRegex(done.stderr, r"config\.json:2:24: admin\.interface: the web page is not supported")

    def test_check_config_without_a_file(self):
        daemon = self.prepared()
        done = run("--state", str(daemon.state / "none"), "--check-config")
        self.assertEqual(done.returncode, 0)
        self.assertFalse((daemon.state / "none").exists(), "a check changes nothing")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_runs_as_another_user(self):
        """What the router writes later is that user's: its folder, its socket, which it can also remove."""
        daemon = self.prepared(config={"runasuser": "nobody", "logging": {"console-log-level": "debug"}})
        shutil.chown(daemon.users_path, "nobody")
        for folder in (daemon.config_path.parent, daemon.users_path.parent):
            folder.chmod(0o711)
        daemon.start()
        nobody = pwd.getpwnam("nobody").pw_uid
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        self.assertIn(f"Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}", status)
        self.assertEqual(daemon.state.stat().st_uid, nobody)
        with daemon.login() as client:
            client.quit()
        poll(lambda: "closed" in daemon.output(), what="the session's end in the log")
        daemon.stop()
        self.assertEqual(list(daemon.state.glob("*.sock")), [])

    def test_command_line(self):
        for arguments in (["--nonsense"], ["--for", "x"], ["--config"]):
            self.assertEqual(run(*arguments).returncode, 2)
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("Usage: vscprouterd [OPTIONS]", done.stdout)
        self.assertRegex(run("--version").stdout, r"^vscprouterd \d+\.\d+\.\d+\n$")

    def test_a_state_folder_that_is_not_there_is_made(self):
        daemon = self.prepared()
        folder = daemon.state / "a" / "b"
        done = run("--config", str(daemon.config_path), "--state", str(folder), "--for", "50ms")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"admin {folder}/vscprouterd.sock", done.stdout)
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        (daemon.state / "file").write_text("")
        done = run("--config", str(daemon.config_path), "--state", str(daemon.state / "file" / "b"), "--for", "50ms")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^error: cannot make the state folder .*--state\n$")

    def test_a_second_daemon_on_the_same_state_folder(self):
        with Daemon() as daemon:
            done = run("--config", str(daemon.config_path), "--state", str(daemon.state))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"^error: admin socket .* is in use: another vscprouterd .*\n$")
            self.assertIn("version", daemon.admin("stat"), "the first one still answers")

    def test_a_first_start_that_fails_leaves_no_user_behind(self):
        daemon = self.prepared()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = run("--state", str(daemon.state), "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^error: cannot listen on .*another program uses this port.*\n$")
        self.assertEqual(list(daemon.state.iterdir()), [])
        done = run("--state", str(daemon.state), "--listen", "127.0.0.1:0", "--for", "50ms")
        self.assertRegex(done.stdout, r"^First start: user 'admin', password '\w{20}' \(shown only now\)\.\nReady: ")
        done = run("--state", str(daemon.state), "--listen", "127.0.0.1:0", "--for", "50ms")
        self.assertRegex(done.stdout, r"^Ready: ")


class Logging(unittest.TestCase):
    def daemon(self, **config):
        daemon = Daemon(config=config)
        self.addCleanup(daemon.remove)
        return daemon

    def test_debug_shows_debug_lines_on_the_console(self):
        for debug, shown in ((0, False), (1, True)):
            daemon = self.daemon(debug=debug)
            daemon.start().stop()
            self.assertEqual("[debug] configuration: " in daemon.stderr(), shown, daemon.stderr())

    def test_a_file_in_a_folder_that_is_made(self):
        daemon = self.daemon(logging={"file-enable-log": True, "file-path": "logs/x/router.txt", "file-pattern": "<%l> %v",
                                      "console-enable-log": False})
        daemon.start().stop()
        self.assertIn("<info> stopped\n", (daemon.folder / "logs/x/router.txt").read_text())
        self.assertEqual(daemon.stderr(), "")

    def test_a_file_that_cannot_be_opened_is_one_sentence(self):
        daemon = self.daemon(logging={"file-enable-log": True, "file-path": str(Path(daemon_path())) + "/x.log"})
        self.assertEqual(daemon.spawn().wait_exit(), 1)
        self.assertRegex(daemon.stderr(), r"^error: cannot open the log file .*/x\.log: .*\"file-enable-log\": false\n$")
        self.assertEqual(daemon.stdout(), "")

    def test_no_pattern_takes_the_daemon_down(self):
        for pattern in ("", "%", "%%", "%Q %", "%999999999999v", "%-8!l %v", "%@ %s %# %! %v", "{} {0} %v", "x" * 4000):
            with self.subTest(pattern=pattern):
                daemon = self.daemon(logging={"console-pattern": pattern, "file-enable-log": True,
                                              "file-path": "router.txt", "file-pattern": pattern})
                daemon.start()
                daemon.login().quit()
                daemon.stop()


class Upstream(unittest.TestCase):
    def test_a_site_file_of_the_upstream_daemon(self):
        """Its own keys, its server driver in a file of its own, and what has no meaning here."""
        daemon = Daemon()
        self.addCleanup(daemon.remove)
        (daemon.folder / "tcpipsrv.json").write_text(json.dumps(
            {"debug": True, "interface": "127.0.0.1:0", "path-users": "users.json", "max-out-queue": 500, "filter": {}}))
        daemon.config_path.write_text(json.dumps({
            "runasuser": "", "guid": "FF:FF:FF:FF:FF:FF:FF:F5:88:88:00:00:00:00:00:01", "servername": "old site",
            "debug": 0, "classtypedb": "", "vscpkey": "", "mqtt": {}, "drivers": {"level1": [], "level2": [
                {"enable": True, "name": "tcpip-srv", "path-driver": "/usr/lib/libvscpl2drv-tcpipsrv.so",
                 "path-config": "tcpipsrv.json", "guid": "FF:FF:FF:FF:FF:FF:FF:F5:02:88:88:00:00:00:00:01", "mqtt": {}}]}}))
        daemon.start()
        with daemon.login() as client:
            lines = client.ok("GGID")
            self.assertTrue(any(re.match("FF:FF:FF:FF:FF:FF:FF:F5:02:88:88:00", line) for line in lines), lines)
            client.quit()
        poll(daemon.alive, what="life")
        daemon.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
