"""A broker that does what it is told, for what a real one cannot be made to do: refuses, closes, says nothing, talks nonsense."""

import socket
import struct
import threading

from mqtt_client import _length, _text

CLOSE = "close"  # the connection
SILENT = "silent"  # no answer


class FakeBroker:
    """`publish(topic, payload, qos)`: CLOSE, SILENT or the reason code of the answer; so do `subscribe(topic)`, whose codes go into
    the SUBACK, and `connect(number)` with the number of the connection. None is a plain yes; bytes are sent as they are instead of the answer; after a DISCONNECT the connection is closed. `properties`: of the CONNACK (MQTT 5). What was accepted is in
    `accepted` as (topic, payload, qos, retain); repetitions too."""

    def __init__(self, publish=None, subscribe=None, connect=None, properties=b"", port=0):
        self.rules = {"publish": publish, "subscribe": subscribe, "connect": connect}
        self.properties = properties
        self.accepted = []
        self.keep_alives = []
        self.subscribed = []
        self.asked = {}  # topic -> QoS
        self.connections = 0
        self.errors = []
        self.sockets = set()
        self.server = socket.create_server(("127.0.0.1", port))
        self.port = self.server.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for sock in list(self.sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors

    def _accept(self):
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.add(sock)
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock, self.connections))
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock, number):
        try:
            with sock, sock.makefile("rb") as stream:
                while (packet := self._packet(stream)) is not None:
                    if not self._handle(sock, number, *packet):
                        return
        except OSError:
            pass  # the router has gone
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.errors.append(repr(error))
        finally:
            self.sockets.discard(sock)

    @staticmethod
    def _packet(stream):
        first = stream.read(1)
        if not first:
            return None
        size, shift = 0, 0
        while True:
            byte = stream.read(1)
            if not byte:
                return None
            size |= (byte[0] & 127) << shift
            shift += 7
            if not byte[0] & 128:
                break
        data = stream.read(size)
        return (first[0], data) if len(data) == size else None

    @staticmethod
    def _properties(data, at):
        """Behind the properties at this place."""
        size, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return at + size

    def _decide(self, rule, *about):
        return self.rules[rule](*about) if self.rules[rule] else None

    def _answer(self, sock, decision, kind, make):
        """Sends the answer that was decided on; False: the connection is closed."""
        if decision == CLOSE:
            return False
        if isinstance(decision, bytes):
            sock.sendall(decision)
            return bool(decision) and decision[0] != 0xe0
        if decision != SILENT:
            body = make(decision or 0)
            sock.sendall(bytes([kind]) + _length(len(body)) + body)
        return True

    def _handle(self, sock, number, first, data):
        kind = first >> 4
        if kind == 1:
            self.version = data[6]
            self.keep_alives.append(struct.unpack(">H", data[8:10])[0])
            tail = _length(len(self.properties)) + self.properties if self.version == 5 else b""
            return self._answer(sock, self._decide("connect", number), 0x20, lambda code: bytes([0, code]) + tail)
        if kind == 3:
            return self._publish(sock, first, data)
        if kind == 6:  # PUBREL
            sock.sendall(b"\x70\x02" + data[:2])
        elif kind == 8:
            return self._subscribe(sock, data)
        elif kind == 12:
            return self._answer(sock, self._decide("publish", "PINGREQ", b"", 0), 0xd0, lambda code: b"")
        return kind != 14

    def _publish(self, sock, first, data):
        size = struct.unpack(">H", data[:2])[0]
        topic, at, qos = data[2:2 + size].decode(), 2 + size, first >> 1 & 3
        packet_id = data[at:at + 2]
        at += 2 if qos else 0
        if self.version == 5:
            at = self._properties(data, at)
        decision = self._decide("publish", topic, data[at:], qos)
        if not isinstance(decision, (str, bytes)) and (decision or 0) < 0x80:
            self.accepted.append((topic, data[at:], qos, bool(first & 1)))
        if not qos:
            return decision != CLOSE
        return self._answer(sock, decision, 0x40 if qos == 1 else 0x50,
                            lambda code: packet_id + (bytes([code]) if self.version == 5 else b""))

    def _subscribe(self, sock, data):
        at = self._properties(data, 2) if self.version == 5 else 2
        codes = b""
        while at < len(data):
            size = struct.unpack(">H", data[at:at + 2])[0]
            topic = data[at + 2:at + 2 + size].decode()
            self.asked[topic] = data[at + 2 + size] & 3
            at += 2 + size + 1
            decision = self._decide("subscribe", topic)
            if isinstance(decision, (str, bytes)):
                return self._answer(sock, decision, 0, None)
            codes += bytes([decision or 0])
            if not decision or decision < 0x80:
                self.subscribed.append(topic)
        return self._answer(sock, None, 0x90, lambda code: data[:2] + (b"\0" if self.version == 5 else b"") + codes)


def message(topic, payload):
    """A PUBLISH of QoS 0, 3.1.1."""
    body = _text(topic) + payload
    return b"\x30" + _length(len(body)) + body
