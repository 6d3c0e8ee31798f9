"""A plain client of the binary protocol for tests, written from the text of its specification (vscp_over_binary.md) and
with a CRC of its own, so that it shares no mistake with the program. It checks what every client relies on: frames lie
one behind the other, each CRC is right, and each reply has the length that the specification gives its command."""

import struct
import time

from link_client import Closed

EVENT0, EVENT1, COMMAND, REPLY = 0x00, 0x10, 0xE0, 0xF0
(NOOP, QUIT, USER, PASS, CHALLENGE, SEND, RETR, OPEN, CLOSE, CHKDATA, CLEAR, STAT, INFO, GETCHID, SETGUID, GETGUID,
 VERSION, SETFILTER, SETMASK, INTERFACE, TEST, WCYD, SHUTDOWN, RESTART, TEXT) = range(25)
CONFIRM = 0xFFFF
# Of vscp.h: VSCP_ERROR_...
(SUCCESS, RCV_EMPTY, TIMEOUT, PARAMETER, USER_ERROR, PERMISSION, INDEX, INVALID_FRAME, SIZE, CHECKSUM, UNSUPPORTED,
 UNKNOWN_COMMAND, CREDENTIALS, NOT_AUTHORIZED) = (0, 19, 32, 34, 38, 57, 59, 63, 64, 67, 71, 72, 73, 74)

# Bytes of the argument of a good reply. None: told by what is in it.
REPLY_SIZES = {CHALLENGE: 32, RETR: None, CHKDATA: 4, STAT: 32, INFO: None, GETCHID: 4, GETGUID: 16, VERSION: 10,
               INTERFACE: None, TEST: 4, WCYD: 8, CONFIRM: 6}


def make_crc_table():
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = value << 1 ^ 0x1021 if value & 0x8000 else value << 1
        table.append(value & 0xFFFF)
    return table


CRC_TABLE = make_crc_table()


def crc16(data):
    """CCITT, from 0xFFFF."""
    value = 0xFFFF
    for byte in data:
        value = value << 8 & 0xFFFF ^ CRC_TABLE[value >> 8 ^ byte]
    return value


def with_crc(frame):
    """The frame and the CRC over all of it but its first byte."""
    return frame + struct.pack(">H", crc16(frame[1:]))


def command_frame(code, argument=b""):
    return with_crc(struct.pack(">BH", COMMAND, code) + argument)


def reply_frame(code, error=0, argument=b""):
    return with_crc(struct.pack(">BHH", REPLY, code, error) + argument)


def event_body(vscp_class, vscp_type, data=b"", head=0x100, time_ns=0, guid=bytes(16)):
    """An event of frame type 1 without first byte and CRC, which is the argument of SEND too."""
    return struct.pack(">HQ3xHH16sH", head, time_ns, vscp_class, vscp_type, guid, len(data)) + bytes(data)


def event_frame(vscp_class, vscp_type, data=b"", **more):
    return with_crc(bytes([EVENT1]) + event_body(vscp_class, vscp_type, data, **more))


def event_frame0(vscp_class, vscp_type, data=b"", head=0, stamp=0, date=(0, 0, 0, 0, 0, 0), guid=bytes(16)):
    """The older form, of whole seconds."""
    return with_crc(struct.pack(">BHIHBBBBBHH16sH", EVENT0, head, stamp, *date, vscp_class, vscp_type, guid, len(data)) +
                    bytes(data))


def filter_half(priority=0, vscp_class=0, vscp_type=0, guid=bytes(16)):
    return struct.pack(">BHH16s", priority, vscp_class, vscp_type, guid)


class BinaryEvent:
    """One event, from its frame without first byte and CRC."""

    def __init__(self, body):
        (self.head, self.time_ns, self.reserved, self.vscp_class, self.vscp_type, self.guid, size) = struct.unpack(
            ">HQ3sHH16sH", body[:35])
        assert len(body) == 35 + size, body
        assert self.head & 0x300 == 0x100 and self.reserved == bytes(3), body[:14]
        self.priority = self.head >> 5 & 7
        self.data = list(body[35:])


class Reply:
    def __init__(self, code, error, argument):
        self.code = code
        self.error = error
        self.argument = argument

    def __eq__(self, other):
        return (self.code, self.error, self.argument) == (other.code, other.error, other.argument)

    def __repr__(self):
        return f"Reply(code {self.code}, error {self.error}, {self.argument.hex()})"

    def numbers(self, form):
        return struct.unpack(">" + form, self.argument)


class BinaryClient:
    """Takes over a LinkClient and changes it to binary, unless it has done that itself (`entered`)."""

    def __init__(self, client, entered=False):
        self.client = client
        if not entered:
            assert client.command("BINARY") == ["+OK - Binary mode enabled"]
            assert client.buffer == b"", client.buffer

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.client.close()

    def send_raw(self, data):
        self.client.send_raw(data)

    def send_event(self, *fields, **more):
        self.send_raw(event_frame(*fields, **more))

    # -- frames -------------------------------------------------------------------------------------------------

    def _peek(self, size, deadline):
        while len(self.client.buffer) < size:
            self.client.read_more(deadline)
        return self.client.buffer[:size]

    def _size(self, deadline):
        """Of the frame that comes next."""
        first = self._peek(1, deadline)[0]
        if first == EVENT1:
            return 38 + struct.unpack(">H", self._peek(36, deadline)[34:])[0]
        assert first == REPLY, f"frame type 0x{first:02X}: {self.client.buffer[:60]!r}"
        code, error = struct.unpack(">xHH", self._peek(5, deadline))
        size = REPLY_SIZES.get(code, 0)
        if error != SUCCESS and code != CONFIRM:
            size = 0
        elif code == RETR:
            # The end of RETR is a reply without argument: as long as the CRC says so.
            short = self._peek(7, deadline)
            if struct.unpack(">H", short[5:])[0] == crc16(short[1:5]):
                size = 0
            else:
                size = 35 + struct.unpack(">H", self._peek(40, deadline)[38:])[0]
        elif code == INFO:
            length = 12
            while self._peek(5 + length + 1, deadline)[-1] != 0:
                length += 1
            size = length + 1
        elif code == INTERFACE:
            short = self._peek(9, deadline)
            size = 2 if struct.unpack(">H", short[7:])[0] == crc16(short[1:7]) else 84
        return 5 + size + 2

    def read_frame(self, deadline=None):
        """The next frame, a BinaryEvent or a Reply; its CRC is checked."""
        if deadline is None:
            deadline = time.monotonic() + self.client.timeout
        size = self._size(deadline)
        frame = self._peek(size, deadline)
        self.client.buffer = self.client.buffer[size:]
        assert struct.unpack(">H", frame[-2:])[0] == crc16(frame[1:-2]), f"CRC: {frame.hex()}"
        if frame[0] == EVENT1:
            return BinaryEvent(frame[1:-2])
        code, error = struct.unpack(">HH", frame[1:5])
        return Reply(code, error, frame[5:-2])

    def read_event(self):
        """The next frame, which must be an event."""
        frame = self.read_frame()
        assert isinstance(frame, BinaryEvent), frame
        return frame

    def read_reply(self):
        """The next frame, which must be a reply."""
        frame = self.read_frame()
        assert isinstance(frame, Reply), f"an event: {vars(frame)}"
        return frame

    def expect_closed(self):
        """Reads frames until the server closes; returns them."""
        frames = []
        deadline = time.monotonic() + self.client.timeout
        try:
            while True:
                frames.append(self.read_frame(deadline))
        except Closed:
            assert self.client.buffer == b"", f"half a frame: {self.client.buffer!r}"
        return frames

    # -- commands -----------------------------------------------------------------------------------------------

    def command(self, code, argument=b""):
        self.send_raw(command_frame(code, argument))
        reply = self.read_reply()
        assert reply.code == code, f"command {code} answered {reply}"
        return reply

    def ok(self, code, argument=b""):
        reply = self.command(code, argument)
        assert reply.error == SUCCESS, f"command {code} answered {reply}"
        return reply

    def refused(self, code, error, argument=b""):
        reply = self.command(code, argument)
        assert (reply.error, reply.argument) == (error, b""), f"command {code} answered {reply}, not {error}"

    def confirmed(self, frame, error=SUCCESS):
        """Sends an event, whose confirm must be the next frame: of its head and its CRC."""
        self.send_raw(frame)
        self.expect_confirm(frame, error)

    def expect_confirm(self, frame, error=SUCCESS):
        reply = self.read_reply()
        expected = Reply(CONFIRM, error, bytes(2) + frame[1:3] + frame[-2:])
        assert reply == expected, f"{reply}, not {expected}"

    def waiting(self):
        return self.ok(CHKDATA).numbers("I")[0]

    def wait_waiting(self, count):
        deadline = time.monotonic() + self.client.timeout
        while (waiting := self.waiting()) < count:
            assert time.monotonic() < deadline, f"only {waiting} of {count} events came"

    def retrieve(self, count):
        """Waits for `count` events and fetches exactly them."""
        self.wait_waiting(count)
        self.send_raw(command_frame(RETR, struct.pack(">H", count)))
        events = []
        while (reply := self.read_reply()).argument:
            assert (reply.code, reply.error) == (RETR, SUCCESS), reply
            events.append(BinaryEvent(reply.argument))
        assert reply == Reply(RETR, SUCCESS, b"") and len(events) == count, (reply, len(events))
        return events

    def text(self):
        """Back to text; the LinkClient that was taken over."""
        self.ok(TEXT)
        return self.client
