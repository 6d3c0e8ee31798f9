"""Sessions as a person types them: netcat, and bash with /dev/tcp."""

import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from daemon import Daemon  # noqa: E402

BASH = r"""
set -eu
reply() {  # prints the lines of one reply; fails on -OK
  while IFS= read -r -t 10 line <&"$1"; do
    line=${line%$'\r'}
    echo "< $line"
    case $line in +OK*) return 0 ;; -OK*) return 1 ;; esac
  done
  return 1
}
say() { echo "> $2"; printf '%s\r\n' "$2" >&"$1"; reply "$1"; }
exec 3<>/dev/tcp/127.0.0.1/$1 4<>/dev/tcp/127.0.0.1/$1
for fd in 3 4; do reply $fd; say $fd 'USER admin'; say $fd 'PASS secret'; done
say 3 'SEND 0,20,3,0,2026-01-02T03:04:05Z,1000,-,1,2,3'
until say 4 'RETR'; do :; done
say 4 RCVLOOP
say 3 'SEND 0,20,3,0,2026-01-02T03:04:05Z,1000,-,4,5,6'
while IFS= read -r -t 10 line <&4; do echo "< $line"; case $line in *,4,5,6*) break ;; esac; done
say 4 QUIT
say 3 QUIT
IFS= read -r -t 10 line <&3 && exit 1
echo closed
"""


class Shell(unittest.TestCase):
    def netcat(self, daemon, text, *options):
        """Pipes the text into nc; returns what the daemon said. It ends because the daemon closes."""
        program = shutil.which("nc") or shutil.which("nc.openbsd")
        if not program:
            self.skipTest("netcat is not installed")
        done = subprocess.run([program, *options, "127.0.0.1", str(daemon.port)], input=text.encode(), timeout=120,
                              stdout=subprocess.PIPE, check=False)
        said = done.stdout.decode()
        print(said.replace("\r", ""))
        return said

    def test_netcat_with_plain_line_feeds(self):
        with Daemon() as daemon:
            said = self.netcat(daemon, "user admin\npass secret\nchid\nsend 0,20,3,0,,,-,0,1,35\nretr\nwhat\nquit\n")
            lines = said.split("\r\n")
            self.assertEqual(lines[0], "Welcome to the VSCP daemon.")
            end = lines.index("+OK - Success.")
            self.assertEqual(lines[end + 1:end + 3], ["+OK - User name accepted, password please", "+OK - Success."])
            self.assertRegex(lines[end + 3], r"^\d+$")
            self.assertEqual(lines[end + 4:], [
                "+OK - Success.", "+OK - Success.", "-OK - No event(s) available", "-OK - Unknown command",
                "+OK - Connection closed by client.", ""])

    def test_netcat_help_before_login(self):
        with Daemon() as daemon:
            said = self.netcat(daemon, "help\r\nhelp send\r\nquit\r\n")
            for word in ("SEND", "RETR", "RCVLOOP", "QUIT", "SFLT"):
                self.assertIn(word, said)
            self.assertTrue(re.search(r"head,\s*class,\s*type", said), "the form of SEND")

    def test_netcat_that_half_closes_after_its_input(self):
        """nc -N closes its sending side at the end of the input: what was asked is answered, then the daemon closes."""
        with Daemon() as daemon:
            said = self.netcat(daemon, "noop\nvers\n", "-N")
            self.assertEqual(said.count("+OK - Success.\r\n"), 3)

    def test_bash_dev_tcp(self):
        with Daemon() as daemon:
            done = subprocess.run(["bash", "-c", BASH, "bash", str(daemon.port)], text=True, timeout=120,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            print(done.stdout)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"< 0,20,3,\d+,2026-01-02T03:04:05Z,1000,[0-9A-F:]{47},1,2,3")
            self.assertRegex(done.stdout, r"< 0,20,3,\d+,2026-01-02T03:04:05Z,1000,[0-9A-F:]{47},4,5,6")
            self.assertTrue(done.stdout.rstrip().endswith("closed"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
