#!/usr/bin/env python3
"""Two simulated Level I nodes for the web page, on one connection to the router's link server.

A thermometer (nickname 1) sends CLASS1.MEASUREMENT temperature events. A lamp (nickname 2) obeys CLASS1.CONTROL TURNON and TURNOFF
that are for its zone and subzone, and tells what it did by CLASS1.INFORMATION ON and OFF. Connects again when the router was away.

The user is $VSCP_USER (default admin), the password $VSCP_PASSWORD.
"""

import argparse
import itertools
import math
import os
import select
import socket
import sys
import time

NODE = "FF:FF:FF:FF:FF:FF:FF:F5:44:45:4D:4F:00:00:00:%02X"  # a GUID reserved for demonstrations, "DEMO", the nickname
THERMOMETER, LAMP = NODE % 1, NODE % 2
MEASUREMENT, INFORMATION, CONTROL = 10, 20, 30
TEMPERATURE, ON, OFF, TURN_ON, TURN_OFF = 6, 3, 4, 5, 6
ALL = 255  # zones


class Refused(Exception):
    """The router said no: trying again does not help."""


class Link:
    """A connection that is logged in and in the receive loop, which also takes commands."""

    def __init__(self, host, port, user, password):
        self.socket = socket.create_connection((host, port), 10)
        self.input = b""
        self.reply()  # the greeting
        # Of all events only those of CLASS1.CONTROL come here.
        for command in (f"USER {user}", f"PASS {password}", f"SFLT 0,{CONTROL},0,-", "SMSK 0,0xffff,0,-", "RCVLOOP"):
            self.write(command)
            answer = self.reply()
            if not answer.startswith("+OK"):
                raise Refused(f"{command.split()[0]}: {answer}")

    def write(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def send(self, guid, vscp_class, vscp_type, data):
        """Head 0x60 is priority 3; an empty date is now."""
        self.write(f"SEND 0x60,{vscp_class},{vscp_type},0,,,{guid}," + ",".join(map(str, data)))

    def reply(self):
        while not (line := self.line(10)).startswith(("+OK", "-OK")):
            pass
        return line

    def line(self, timeout):
        """The next line; None if none came in time."""
        end = time.monotonic() + timeout
        while b"\n" not in self.input:
            if not select.select([self.socket], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("the router closed the connection")
            self.input += piece
        line, self.input = self.input.split(b"\n", 1)
        return line.decode("latin-1").rstrip("\r")


class Lamp:
    def __init__(self, zone, subzone):
        self.place = (zone, subzone)
        self.on = False

    def tell(self, link):
        link.send(LAMP, INFORMATION, ON if self.on else OFF, [0, *self.place])

    def take(self, line, link):
        """An event line: head, class, type, obid, date, timestamp, GUID, data."""
        field = line.split(",")
        vscp_class, vscp_type, data = int(field[1]), int(field[2]), [int(n) for n in field[7:]]
        if vscp_class != CONTROL or vscp_type not in (TURN_ON, TURN_OFF) or len(data) < 3:
            return
        if all(asked in (own, ALL) for asked, own in zip(data[1:3], self.place)):
            self.on = vscp_type == TURN_ON
            print("The lamp is", "on" if self.on else "off", flush=True)
            self.tell(link)


def temperatures(fixed):
    """The given values in turn; without any, a slow wave."""
    if fixed:
        yield from itertools.cycle(fixed)
    for step in itertools.count():
        yield 21.3 + 1.6 * math.sin(step / 15) + 0.35 * math.sin(step / 3.7)


def send_temperature(link, celsius):
    """Byte 0: normalized integer, degrees Celsius, sensor 0; byte 1: the point stands two digits from the right."""
    hundredths = round(celsius * 100) & 0xffff
    link.send(THERMOMETER, MEASUREMENT, TEMPERATURE, [0x88, 0x82, hundredths >> 8, hundredths & 255])


def play(link, lamp, values, every):
    lamp.tell(link)
    due = time.monotonic()
    while True:
        if time.monotonic() >= due:
            due = time.monotonic() + every
            send_temperature(link, next(values))
        line = link.line(max(0.0, due - time.monotonic()))
        if line and line[0].isdigit():
            lamp.take(line, link)
        elif line and line.startswith("-OK"):
            print("The router refuses an event:", line, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9598)
    parser.add_argument("--zone", type=int, default=1)
    parser.add_argument("--subzone", type=int, default=1)
    parser.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="time between two temperatures")
    parser.add_argument("--celsius", type=float, nargs="+", default=[], help="these temperatures in turn")
    options = parser.parse_args()
    lamp = Lamp(options.zone, options.subzone)
    values = temperatures(options.celsius)
    while True:
        try:
            link = Link(options.host, options.port, os.environ.get("VSCP_USER", "admin"), os.environ.get("VSCP_PASSWORD", ""))
            print("Connected", flush=True)
            play(link, lamp, values, options.every)
        except Refused as problem:
            sys.exit(f"The router refuses: {problem}")
        except OSError as problem:
            print(f"{problem}; trying again", file=sys.stderr, flush=True)
            time.sleep(2)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
