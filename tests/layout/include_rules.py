"""Which folder may include which. Arrows go down only; one third-party library is included in one file.

    protocol <- router/base <- router/io <- router/core <- drivers/<name> <- router/daemon

bench, tests and tools may include anything.
"""
import re

import source_tree

# Folder -> folders that its files may include from, itself included.
ALLOWED = {
    'protocol': ('protocol',),
    'router/base': ('protocol', 'router/base'),
    'router/io': ('protocol', 'router/base', 'router/io'),
    'router/core': ('protocol', 'router/base', 'router/io', 'router/core'),
    'drivers': ('protocol', 'router/base', 'router/io', 'router/core'),  # and the driver's own folder
    'router/daemon': ('protocol', 'router/base', 'router/io', 'router/core', 'drivers', 'router/daemon'),
}
CHECKED = ('protocol', 'router', 'drivers')

# Third-party header (a prefix of the name between the brackets) -> the files that may include it.
THIRD_PARTY = {
    # The floor of vscpbench is what the router's ring is compared with, so it has its own.
    'liburing': ('router/io/uring_ring.cpp', 'router/io/uring_lane.h', 'router/io/uring_lane.cpp', 'router/io/uring_buffers.h',
                 'tools/vscpbench/floor/floor_ring.cpp', 'tools/vscpbench/floor/can_reader.cpp'),
    'concurrentqueue': ('router/core/inbox.h', 'router/core/inbox.cpp'),
    'blockingconcurrentqueue': (),
    'moodycamel/': ('router/core/inbox.h', 'router/core/inbox.cpp'),
    'openssl/': ('router/base/crypto.cpp', 'router/io/tls.cpp', 'router/io/tls_context.cpp',
                 'tests/support/certificates.cpp'),
    'argon2': ('router/base/password.cpp', 'router/base/crypto.cpp'),
    'nlohmann/': ('router/base/config_node.cpp',),
    'spdlog/': ('router/base/log.cpp',),
    'fmt/': (),
    'CLI/': ('router/daemon/options.cpp',),
    'mimalloc': ('router/base/memory.cpp',),
    'cairo': ('tools/vscpbench/report/canvas.cpp',),
    'MQTT': ('drivers/mqtt/paho_client.cpp', 'drivers/mqtt/paho_doorbell.cpp', 'drivers/mqtt/paho_reasons.cpp'),
    'simdjson': ('drivers/mqtt/json_payload.cpp',),
    'expat': ('drivers/mqtt/xml_payload.cpp',),
}

# Headers of the system, from router/base upwards; protocol has the standard library and vector instructions only.
SYSTEM = re.compile(r'^((sys|linux|net|netinet|arpa|asm|bits)/[\w/-]+|alloca|cxxabi|dirent|dlfcn|errno|execinfo|fcntl|'
                    r'getopt|grp|ifaddrs|netdb|poll|pthread|pwd|sched|signal|spawn|stdlib|string|syslog|'
                    r'termios|time|unistd)\.h$')
VECTOR = re.compile(r'^\w*intrin\.h$')
# C's own headers, in the examples that are C.
C_STANDARD = re.compile(r'^(ctype|math|stdbool|stddef|stdint|stdio)\.h$')
STANDARD = re.compile(r'^[a-z_]+$')  # <vector>, <cstdint>: no dot
# What protocol, which does no input, output, threads or clocks, leaves out of the standard library.
NOT_IN_PROTOCOL = {'condition_variable', 'cstdio', 'ctime', 'filesystem', 'fstream', 'functional', 'future',
                   'iostream', 'memory_resource', 'mutex', 'print', 'random', 'regex', 'semaphore', 'shared_mutex',
                   'sstream', 'stop_token', 'syncstream', 'thread'}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?P<open>["<])(?P<name>[^">]+)[">]', re.MULTILINE)


def includes(source):
    """(line number, name, in quotes?) of each #include."""
    code = source_tree.code_of(source)
    return [(code.count('\n', 0, match.start()) + 1, match['name'], match['open'] == '"')
            for match in _INCLUDE.finditer(code)]


def layer(path):
    """The row of ALLOWED that the path belongs to; None for bench, tests, tools and everything else."""
    return next((folder for folder in ALLOWED if path.startswith(folder + '/')), None)


def driver(path):
    """'link' for drivers/link/...; None elsewhere."""
    parts = path.split('/')
    return parts[1] if parts[0] == 'drivers' and len(parts) > 2 else None


def third_party_of(path):
    """The third-party headers that this file is the place for."""
    return [name for name, places in THIRD_PARTY.items() if path in places]


def _project_include_fault(path, name, known):
    if name not in known:
        return f'"{name}" is no file of the project by its full path'
    if layer(path) is None:
        return None
    if driver(path) and driver(name):
        return None if driver(path) == driver(name) else f'"{name}": a driver never includes another driver'
    if not name.startswith(tuple(folder + '/' for folder in ALLOWED[layer(path)])):
        return f'"{name}": {layer(path)} may include {", ".join(ALLOWED[layer(path)])} only'
    return None


def _system_include_fault(path, name):
    for prefix, places in THIRD_PARTY.items():
        if name.startswith(prefix) and not STANDARD.match(name):
            where = ' or '.join(places) or 'no file'
            return None if path in places else f'<{name}> belongs into {where}'
    if VECTOR.match(name) or (path.startswith('drivers/examples/') and C_STANDARD.match(name)):
        return None
    if layer(path) == 'protocol':
        if STANDARD.match(name) and name not in NOT_IN_PROTOCOL:
            return None
        return f'<{name}>: protocol does no input or output and has no threads or clocks'
    if STANDARD.match(name) or SYSTEM.match(name):
        return None
    return f'<{name}> is no system header known here; a library needs a row in tests/layout/include_rules.py'


def _generated(root):
    """Names that a meson.build generates (its text names the file after 'output:')."""
    found = set()
    for path in source_tree.files(root):
        if path.endswith('meson.build'):
            folder = path[:-len('meson.build')]
            text = source_tree.text(root, path)
            found.update(folder + name for name in re.findall(r"output\s*:\s*\[?\s*'([^']+)'", text))
    return found


def faults(root):
    """One line of text for each include against the rules."""
    known = set(source_tree.files(root)) | _generated(root)
    found = []
    for path in source_tree.code_files(root, *CHECKED):
        for number, name, quoted in includes(source_tree.text(root, path) or ''):
            fault = _project_include_fault(path, name, known) if quoted else _system_include_fault(path, name)
            if fault:
                found.append(f'{path}:{number}: {fault}')
    return found
