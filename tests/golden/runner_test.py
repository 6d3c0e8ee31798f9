"""The runner of the transcripts itself: it must notice each kind of wrong answer, in each mode."""

import contextlib
import socket
import sys
import tempfile
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from transcript import MODES, Mismatch, Replay, Transcript  # noqa: E402

OK = b"+OK - Success.\r\n"
BYE = b"+OK - Connection closed by client.\r\n"


class Server:
    """Answers each line by `answers` (bytes by command); an unknown line gets -OK; QUIT closes."""

    def __init__(self, answers):
        self.answers = answers
        self.writes = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with self.listener:
            sock, _ = self.listener.accept()
        with sock, contextlib.suppress(ConnectionError):
            self.converse(sock)

    def converse(self, sock):
        buffer = b""
        sock.sendall(b"Welcome to the VSCP daemon.\r\n" + OK)
        while piece := sock.recv(4096):
            self.writes.append(piece)
            buffer += piece
            while b"\r\n" in buffer:
                line, buffer = buffer.split(b"\r\n", 1)
                sock.sendall(self.answers.get(line, BYE if line == b"QUIT" else b"-OK - Unknown command\r\n"))
                if line == b"QUIT":
                    return


class Runner(unittest.TestCase):
    def replay(self, text, answers, mode):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "case.txt"
            path.write_text(text)
            server = Server(answers)
            Replay(Transcript(path), server.port, mode, timeout=0.5).run()
            return server

    def test_good_transcript_passes_in_every_mode(self):
        text = "! connect\n> CHID\n<~ (?P<id>\\d+)\n< +OK - Success.\n> NOOP ${id}\n< +OK - Success.\n> X\n< -OK - Unknown command\n"
        for mode in MODES:
            self.replay(text, {b"CHID": b"17\r\n" + OK, b"NOOP 17": OK}, mode)

    def test_commands_of_a_block_go_out_in_one_write(self):
        text = "! connect\n> A\n< +OK - Success.\n> B\n< +OK - Success.\n"
        server = self.replay(text, {b"A": OK, b"B": OK}, "one write")
        self.assertEqual(server.writes[0], b"A\r\nB\r\n")

    def test_wrong_answers_are_noticed(self):
        text = "! connect\n> A\n< +OK - Success.\n> B\n<~ \\d+\n< +OK - Success.\n"
        good = {b"A": OK, b"B": b"5\r\n" + OK}
        bad = {
            "other text": {b"A": b"+OK\r\n"},
            "no answer": {b"B": b""},
            "an answer too many": {b"A": OK + OK},
            "a line too many at the end": {b"B": b"5\r\n" + OK + b"-OK - Unknown command\r\n"},
            "regular expression": {b"B": b"x\r\n" + OK},
            "missing CR": {b"A": b"+OK - Success.\n"},
            "something after QUIT": {b"QUIT": BYE + OK},
        }
        for mode in MODES:
            self.replay(text, good, mode)
            for what, answers in bad.items():
                with self.subTest(mode=mode, what=what), self.assertRaises(Mismatch):
                    self.replay(text, good | answers, mode)

    def test_close_is_checked(self):
        with self.assertRaises(Mismatch):
            self.replay("! connect\n> A\n< +OK - Success.\n! close\n", {b"A": OK}, MODES[0])
        self.replay("! connect\n> QUIT\n< +OK - Connection closed by client.\n! close\n", {}, MODES[0])

    def test_bad_transcript_names_file_and_line(self):
        with self.assertRaisesRegex(ValueError, "case.txt:2"):
            self.replay("! connect\nhello there\n", {}, MODES[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
