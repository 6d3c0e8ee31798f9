"""A small MQTT client for tests: 3.1.1 and 5, blocking, of its own, so that the router is not tested with the library that it uses."""

import collections
import socket
import struct
import time

Message = collections.namedtuple("Message", "topic payload qos retain properties")


def _text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def _length(size):
    out = b""
    while True:
        size, low = divmod(size, 128)
        out += bytes([low | (128 if size else 0)])
        if not size:
            return out


class MqttClient:
    """Connects at once, and never pings. `acknowledge=False`: messages that come in with QoS 1 are not acknowledged."""

    def __init__(self, port, client_id="test", version=4, clean=True, user=None, password=None, acknowledge=True,
                 session_expiry=0xffffffff, keep_alive=0, timeout=60.0):
        self.version = version
        self.acknowledge = acknowledge
        self.messages = collections.deque()
        self.acked = {}  # packet id -> reason code, of our publishes
        self.next_id = 0
        self.timeout = timeout
        self.buffer = b""
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        flags = (2 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
        body = _text("MQTT") + bytes([version, flags]) + struct.pack(">H", keep_alive)
        if version == 5:
            properties = b"" if clean else b"\x11" + struct.pack(">I", session_expiry)
            body += _length(len(properties)) + properties
        body += _text(client_id)
        if user is not None:
            body += _text(user)
        if password is not None:
            body += _text(password)
        self._send(0x10, body)
        kind, data = self._packet(self.timeout)
        assert kind >> 4 == 2, kind
        self.session_present = bool(data[0] & 1)
        assert data[1] == 0, f"connection refused: {data[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        try:
            self._send(0xe0, b"")
        except OSError:
            pass
        self.sock.close()

    def subscribe(self, *topics, qos=0, options=0):
        self.next_id += 1
        body = struct.pack(">H", self.next_id) + (b"\0" if self.version == 5 else b"")
        for topic in topics:
            body += _text(topic) + bytes([qos | options])
        self._send(0x82, body)
        self._until(lambda: ("sub", self.next_id) in self.acked, "SUBACK")
        return self

    def publish(self, topic, payload, qos=0, retain=False, properties=(), wait=True):
        """Returns the packet id; with `wait` only after the broker's acknowledgement."""
        body = _text(topic)
        packet_id = 0
        if qos:
            self.next_id = self.next_id % 65535 + 1
            packet_id = self.next_id
            self.acked.pop(packet_id, None)
            body += struct.pack(">H", packet_id)
        if self.version == 5:
            data = b"".join(b"\x26" + _text(k) + _text(v) for k, v in properties)
            body += _length(len(data)) + data
        body += payload if isinstance(payload, bytes) else payload.encode()
        self._send(0x30 | qos << 1 | (1 if retain else 0), body)
        if qos and wait:
            self._until(lambda: packet_id in self.acked, "acknowledgement of a publish")
        return packet_id

    def wait_acked(self, packet_id):
        self._until(lambda: packet_id in self.acked, "acknowledgement of a publish")

    def read(self, timeout=None):
        """The next message; None after `timeout` seconds if one is given, else the client's timeout fails the test."""
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not self.messages:
            left = end - time.monotonic()
            if left <= 0 or not self._step(left):
                if timeout is not None:
                    return None
                raise AssertionError("no message came")
        return self.messages.popleft()

    def read_all(self, quiet=0.3):
        """Messages until none came for `quiet` seconds."""
        out = []
        while (message := self.read(quiet)) is not None:
            out.append(message)
        return out

    # -- packets ------------------------------------------------------------------------------------------------

    def _send(self, kind, body):
        self.sock.sendall(bytes([kind]) + _length(len(body)) + body)

    def _until(self, condition, what):
        end = time.monotonic() + self.timeout
        while not condition():
            left = end - time.monotonic()
            assert left > 0 and self._step(left), f"no {what}"

    def _step(self, timeout):
        """Handles one packet; False if none came in time."""
        packet = self._packet(timeout)
        if packet is None:
            return False
        kind, data = packet
        if kind >> 4 == 3:
            self._take_message(kind, data)
        elif kind >> 4 in (4, 7):  # PUBACK, PUBCOMP
            self.acked[struct.unpack(">H", data[:2])[0]] = data[2] if len(data) > 2 else 0
        elif kind >> 4 == 5:  # PUBREC
            if len(data) > 2 and data[2] >= 0x80:
                self.acked[struct.unpack(">H", data[:2])[0]] = data[2]
            else:
                self._send(0x62, data[:2])
        elif kind >> 4 == 6:  # PUBREL
            self._send(0x70, data[:2])
        elif kind >> 4 == 9:
            self.acked[("sub", struct.unpack(">H", data[:2])[0])] = 0
        elif kind >> 4 == 14:
            raise ConnectionError(f"the broker disconnects: {data[:1].hex()}")
        return True

    def _take_message(self, kind, data):
        size = struct.unpack(">H", data[:2])[0]
        topic = data[2:2 + size].decode()
        at = 2 + size
        qos = kind >> 1 & 3
        packet_id = data[at:at + 2]
        if qos:
            at += 2
        properties = []
        if self.version == 5:
            length, at = self._read_length(data, at)
            properties, at = self._read_properties(data[at:at + length]), at + length
        self.messages.append(Message(topic, data[at:], qos, bool(kind & 1), properties))
        if self.acknowledge and qos == 1:
            self._send(0x40, packet_id)
        elif self.acknowledge and qos == 2:
            self._send(0x50, packet_id)

    @staticmethod
    def _read_length(data, at):
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value, at

    @staticmethod
    def _read_properties(data):
        """User properties; of the others only what mosquitto sends with a message."""
        out, at = [], 0
        sizes = {0x01: 1, 0x02: 4, 0x23: 2}
        while at < len(data):
            code = data[at]
            at += 1
            if code == 0x26:
                pair = []
                for _ in range(2):
                    size = struct.unpack(">H", data[at:at + 2])[0]
                    pair.append(data[at + 2:at + 2 + size].decode())
                    at += 2 + size
                out.append(tuple(pair))
            elif code in sizes:
                at += sizes[code]
            else:
                size = struct.unpack(">H", data[at:at + 2])[0]
                at += 2 + size
        return out

    def _packet(self, timeout):
        end = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 2:
                try:
                    length, at = self._read_length(self.buffer, 1)
                except IndexError:
                    length, at = None, None
                if length is not None and len(self.buffer) >= at + length:
                    kind, data = self.buffer[0], self.buffer[at:at + length]
                    self.buffer = self.buffer[at + length:]
                    return kind, data
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.sock.settimeout(left)
            try:
                piece = self.sock.recv(65536)
            except TimeoutError:
                return None
            if not piece:
                raise ConnectionError("the broker closed the connection")
            self.buffer += piece
