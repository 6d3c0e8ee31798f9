#!/usr/bin/env python3
"""Says who listens on a TCP port of this machine.

usage: port_owner.py PORT

Prints one line ("vscprouterd, process 4711") and exits 0 if something listens there; prints nothing and exits 1 if the
port is free. Reads /proc only, so that it needs no further package. Processes of other users have no name here.
"""
import os
import pathlib
import re
import sys

LISTEN = '0A'


def listening_inodes(port, tables=('/proc/net/tcp', '/proc/net/tcp6')):
    """Socket inodes that listen on `port`; a row is 'sl local remote state ... uid timeout inode ...'."""
    inodes = set()
    for table in tables:
        try:
            rows = pathlib.Path(table).read_text(encoding='ascii').splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == LISTEN and int(fields[1].rsplit(':', 1)[1], 16) == port:
                inodes.add(fields[9])
    return inodes


def owner_of(inodes):
    """'name, process N' of the first process that holds one of the sockets; None if none can be seen."""
    links = {f'socket:[{inode}]' for inode in inodes}
    for process in pathlib.Path('/proc').iterdir():
        if not re.fullmatch(r'\d+', process.name):
            continue
        try:
            for descriptor in (process / 'fd').iterdir():
                if os.readlink(descriptor) in links:
                    return f"{(process / 'comm').read_text(encoding='utf-8').strip()}, process {process.name}"
        except OSError:
            continue  # it ended, or belongs to somebody else
    return None


def main():
    inodes = listening_inodes(int(sys.argv[1]))
    if not inodes:
        return 1
    print(owner_of(inodes) or 'a process that this user may not look at')
    return 0


if __name__ == '__main__':
    sys.exit(main())
