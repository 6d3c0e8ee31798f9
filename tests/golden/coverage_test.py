"""Every command, alias and reply text of the protocol's sources is in a transcript, but for the few replies that no
transcript can provoke."""

import re
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from transcript import Transcript  # noqa: E402

# Replies that no transcript can provoke, and why.
NOT_IN_TRANSCRIPTS = {
    "kTestFailed": "needs a build whose self tests fail",
    "kBusy": "needs 16 384 passwords that wait for their check",
    "kShuttingDown": "needs a connection that comes in at the very moment of the stop",
    "kTooSlow": "needs a peer that does not read",
}


def reply_texts():
    """Constant name -> text without CRLF, from protocol/link_reply.h."""
    source = (ROOT / "protocol/link_reply.h").read_text()
    return {name: text.encode().decode("unicode_escape").removesuffix("\r\n")
            for name, text in re.findall(r"constexpr auto (k\w+)\s*=\s*\"((?:[^\"\\]|\\.)*)\"sv", source)}


def command_names():
    """All names and aliases, from the rows of the table in protocol/link_command.cpp."""
    source = (ROOT / "protocol/link_command.cpp").read_text()
    names = set()
    for name, alias in re.findall(r"LinkVerb::k\w+,\s*\"([^\"]*)\"(?:sv)?,\s*\"([^\"]*)\"", source):
        names |= {name, alias}
    return names - {""}


class Coverage(unittest.TestCase):
    def setUp(self):
        self.transcripts = [Transcript(path) for path in sorted(HERE.glob("*.txt"))]

    def test_every_command_and_alias_is_sent(self):
        names = command_names()
        self.assertGreater(len(names), 30, "the table of commands was not understood")
        sent = {line.split()[0].upper() for t in self.transcripts for line in t.sent() if line.split()}
        print(f"{len(names)} names of commands")
        self.assertEqual(sorted(names - sent), [])

    def test_help_is_asked_for_every_command(self):
        asked = {" ".join(line.upper().split()[1:]) for t in self.transcripts for line in t.sent()
                 if line.upper().startswith("HELP ")}
        self.assertEqual(sorted(command_names() - asked), [])

    def test_every_reply_is_expected(self):
        replies = reply_texts()
        self.assertGreater(len(replies), 20, "the replies were not understood")
        expected = {line for t in self.transcripts for line in t.expected()}
        missing = {name for name, text in replies.items() if text not in expected}
        print(f"{len(replies)} replies, {len(missing)} of them outside the transcripts")
        self.assertEqual(sorted(missing), sorted(NOT_IN_TRANSCRIPTS))

    def test_every_reply_is_given_by_the_server(self):
        """A text that no code sends is a promise that is not kept."""
        code = "".join(path.read_text() for path in (ROOT / "drivers/link").glob("*.cpp"))
        self.assertEqual([name for name in reply_texts() if not re.search(rf"\b{name}\b", code)], [])

    def test_transcripts_expect_no_other_status_line(self):
        """A status line that is in no source is a stale transcript."""
        own = set(reply_texts().values())
        for transcript in self.transcripts:
            for line in transcript.expected():
                if line.startswith(("+OK", "-OK")):
                    self.assertIn(line, own, transcript.path.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
