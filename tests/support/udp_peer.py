"""A peer that exchanges frames of the binary protocol over UDP. It makes them by itself: its own CRC, and the openssl
command for AES."""

import os
import socket
import struct
import subprocess
import time

CONFIRM = 0xFFFF
AES = {"aes128": (1, 16), "aes192": (2, 24), "aes256": (3, 32)}


def crc16(data):
    """CRC-16/CCITT-FALSE, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def with_crc(first, body):
    return bytes([first]) + body + struct.pack(">H", crc16(body))


def event_frame(vscp_class=20, vscp_type=3, data=b"", guid=bytes(16), head=0, time_ns=1_795_000_000_123_456_000, kind=1):
    """The plain frame of an event, of type 0 or 1."""
    if kind == 1:
        stamp = struct.pack(">Q3x", time_ns)
        head |= 0x100
    else:
        date = time.gmtime(time_ns // 10**9)
        stamp = struct.pack(">IHBBBBB", time_ns // 1000 & 0xFFFFFFFF, *date[:6])
    body = struct.pack(">H", head) + stamp + struct.pack(">HH", vscp_class, vscp_type) + guid
    return with_crc(kind << 4, body + struct.pack(">H", len(data)) + data)


def confirm_frame(frame, error=0):
    """What confirms this plain frame."""
    return with_crc(0xF0, struct.pack(">HHI", CONFIRM, error, struct.unpack(">H", frame[1:3])[0]) + frame[-2:])


def _openssl(name, key, vector, data, decrypt=False):
    command = ["openssl", "enc", f"-aes-{AES[name][1] * 8}-cbc", "-nopad", "-K", key.hex(), "-iv", vector.hex()]
    return subprocess.run(command + (["-d"] if decrypt else []), input=data, stdout=subprocess.PIPE, check=True).stdout


def encrypt(frame, name, key, padding="least"):
    """`padding`: "least", or as "upstream"'s library (which counts byte 0, and reads on behind the frame) or its "firmware" has it."""
    body = frame[1:]
    size = {"least": -len(body) % 16, "firmware": 16 - len(body) % 16, "upstream": 17 - len(frame) % 16}[padding]
    vector = os.urandom(16)
    secret = _openssl(name, key[:AES[name][1]], vector, body + (bytes(size) if padding == "least" else os.urandom(size)))
    return bytes([frame[0] | AES[name][0]]) + secret + vector


def decrypt(datagram, name, key):
    """The plain frame, padding and all."""
    assert datagram[0] & 15 == AES[name][0], datagram[:1]
    assert len(datagram) % 16 == 1
    return bytes([datagram[0] & 0xF0]) + _openssl(name, key[:AES[name][1]], datagram[-16:], datagram[1:-16], True)


class Frame:
    """A plain frame that was received: an event, or a confirmation."""

    def __init__(self, data, is_padded=False):
        self.kind = data[0] >> 4
        assert data[0] & 15 == 0, data[:1]
        if self.kind == 15:
            data = data[:13] if is_padded else data
            self.code, self.error, self.head, self.crc = struct.unpack(">HHIH", data[1:11])
        else:
            size = struct.unpack(">H", data[34:36])[0]
            data = data[:38 + size] if is_padded else data
            assert len(data) == 38 + size, (len(data), size)
            self.head, = struct.unpack(">H", data[1:3])
            self.vscp_class, self.vscp_type = struct.unpack(">HH", data[14:18])
            self.guid = data[18:34]
            self.data = data[36:-2]
            self.time_ns = struct.unpack(">Q", data[3:11])[0] if self.kind == 1 else None
            self.date = struct.unpack(">HBBBBB", data[7:14]) if self.kind == 0 else None
        assert struct.unpack(">H", data[-2:])[0] == crc16(data[1:-2]), "CRC"
        self.bytes = data


class UdpPeer:
    """A socket of its own. `encryption`: name and key, of all that it sends and gets."""

    def __init__(self, host="127.0.0.1", encryption=None, timeout=60.0):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((host, 0))
        self.socket.settimeout(timeout)
        self.port = self.socket.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.encryption = encryption

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()

    def send_raw(self, data, to):
        self.socket.sendto(data, to)

    def send(self, frame, to):
        self.send_raw(encrypt(frame, *self.encryption) if self.encryption else frame, to)

    def receive_raw(self):
        return self.socket.recvfrom(65536)

    def receive(self):
        """The next frame, in plain, and from where it came."""
        data, source = self.receive_raw()
        if self.encryption:
            return Frame(decrypt(data, *self.encryption), is_padded=True), source
        return Frame(data), source
