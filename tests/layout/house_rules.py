"""What the house does not write, and the few files that may, each with its reason."""
import collections
import re

import include_rules
import source_tree

Ban = collections.namedtuple('Ban', 'pattern where exempt text')

NO_EXCEPTIONS = ('protocol', 'router/base', 'router/io', 'router/core')
PRODUCT = ('protocol', 'router', 'drivers')
EVERYWHERE = ('protocol', 'router', 'drivers', 'bench', 'tests', 'tools')

# Where a library throws, it is caught in the file that includes it.
LIBRARY_FILES = {path for places in include_rules.THIRD_PARTY.values() for path in places}

BANS = (
    Ban(r'\b(throw|catch)\b|\btry\s*\{', NO_EXCEPTIONS, LIBRARY_FILES,
        'no exceptions here: return Result<T> (protocol/errc.h)'),
    # The calls that sleep, not methods that happen to be named so.
    Ban(r'(?<!\w)::sleep\s*\(|(?<![\w.>:])sleep\s*\(\s*\d|\b(u|nano|clock_nano)sleep\s*\(|\bsleep_(for|until)\s*\(',
        EVERYWHERE, {
        'tools/vscpbench/engine.cpp',  # looks at its counters now and then, and keeps a rate
        'tools/vscpbench/spawn.cpp',  # looks whether a server that it started answers yet
    }, 'nobody sleeps: wait for what you wait for (a completion, a timer, a descriptor)'),
    Ban(r'\bvolatile\b', PRODUCT, (), 'volatile does not synchronise: use std::atomic'),
    Ban(r'(?<!operator )\bnew\b(?!\s*\((?!\s*std::(nothrow|align_val_t)))', PRODUCT, {
        'router/base/memory.cpp',
        'drivers/examples/level2/level2_example.cpp',  # the interface wants it: the caller frees
        'router/core/router.cpp',  # a private constructor, which std::make_unique cannot call
    },
        'no raw new: a container, std::make_unique or a pool owns it'),
    Ban(r'(?<!= )(?<!operator )\bdelete\b', PRODUCT, {
        'router/base/memory.cpp',
        'router/core/inbox.cpp',  # tasks cross the queue as released unique_ptr; what is left there is freed
    },
        'no raw delete: an owner frees it'),
    Ban(r'(?<![\w.>:])(std::|::)?(malloc|calloc|realloc|free|aligned_alloc|posix_memalign)\s*\(', PRODUCT,
        {'router/base/memory.cpp'}, 'no malloc family outside router/base/memory.cpp'),
    Ban(r'\bstd::((recursive_|shared_|timed_)*mutex|condition_variable(_any)?|(shared|unique|scoped)_lock|'
        r'lock_guard)\b', PRODUCT, {
        'router/base/log.cpp',
        # Between the helper threads that write a store and read it; held for one call's bookkeeping, never during a sync.
        'router/io/memory_store.h', 'router/io/memory_store.cpp', 'router/io/spool_log.h',
        'router/io/spool_look.cpp', 'router/io/spool_read.cpp', 'router/io/spool_room.cpp', 'router/io/spool_write.cpp',
        # Between a broker's helper thread, its sender and the MQTT library's threads; no worker ever comes here.
        'drivers/mqtt/broker_intake.h', 'drivers/mqtt/broker_intake.cpp', 'drivers/mqtt/broker_sender.h',
        'drivers/mqtt/broker_sender.cpp', 'drivers/mqtt/broker_sender_site.cpp', 'drivers/mqtt/broker_sender_refusal.cpp', 'drivers/mqtt/broker_sender_report.cpp',
        'drivers/mqtt/origin_set.h', 'drivers/mqtt/origin_set.cpp',
        'drivers/mqtt/echo_guard.h', 'drivers/mqtt/echo_guard.cpp', 'drivers/mqtt/paho_client.cpp', 'drivers/mqtt/paho_doorbell.h', 'drivers/mqtt/paho_doorbell.cpp',
        'drivers/mqtt/bridge_lane.h', 'drivers/mqtt/bridge_lane.cpp', 'drivers/mqtt/hidden_socket.cpp',
        # Between the thread that checks passwords and the supervisor that reads the users' file again.
        'drivers/link/login_service.h', 'drivers/link/login_service.cpp',
        # Between the threads that look names up and the supervisor that stops them.
        'drivers/link_client/resolver.h', 'drivers/link_client/resolver.cpp',
        # Around the calls of a driver library that cannot stand two threads; never in the router's own process.
        'drivers/library/abi/turn_lock.h',
        'drivers/examples/level2/level2_example.cpp',  # a driver library, in a process of its own
        # Between the thread that watches the hosts and the supervisor that reports.
        'drivers/library/host_watch.h', 'drivers/library/host_watch.cpp',
    }, 'no locks outside the log and helper threads; a new place needs its row and reason here'),
    Ban(r'(?<![\w.>:])assert\s*\(', PRODUCT, (), 'assertions stay on: use the one in router/base/check.h'),
    Ban(r'\bstd::(function|shared_ptr|regex|cout|cerr|cin)\b', ('protocol', 'router/core'), {
        'router/core/router.h', 'router/core/router.cpp',  # asks all workers something now and then; no event passes
        'router/core/driver_kind.h', 'router/core/users_file.h',  # at start and reload only
    },
        'not on the event path: no std::function, shared_ptr, regex or streams'),
)
HEADER_BANS = (Ban(r'\busing\s+namespace\b', EVERYWHERE, (), 'no using namespace in a header'),)
PYTHON_BANS = (Ban(r'\btime\.sleep\s*\(', ('tests',), {
    'tests/support/daemon.py', 'tests/support/link_client.py',  # a pause between two looks, with a deadline
    'tests/system/idle_test.py',  # what the daemon does in a span of time is what it measures
}, 'nobody sleeps: wait for what you wait for'),)

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
GENERATED_MARK = 'not to be edited by hand'  # in one of the first ten lines of a file that a program writes


def _apply(bans, path, code):
    for ban in bans:
        if path in ban.exempt or not path.startswith(tuple(folder + '/' for folder in ban.where)):
            continue
        for number, line in source_tree.lines_matching(code, ban.pattern):
            yield f'{path}:{number}: {ban.text}: {line}'


def is_generated(text):
    return any(GENERATED_MARK in line for line in text.splitlines()[:10])


_NO_FUNCTION = re.compile(r'(inline )?(namespace|extern|class|struct|union|enum)\b')


def _functions(lines, indent):
    """(first line, last line) of each function whose first and last lines begin at this indent."""
    start, opened, inside = None, 0, False
    for number, line in enumerate(lines, 1):
        if inside:
            if line.rstrip() == indent + '}':
                yield start, number
                inside = False
            continue
        if opened == 0:
            if not re.match(indent + r'[\w~:<\[]', line) or _NO_FUNCTION.match(line.strip()):
                continue
            start = number
        # A signature may take several lines: it ends where its parentheses close.
        opened = max(0, opened + line.count('(') - line.count(')'))
        inside = opened == 0 and line.rstrip().endswith('{') and not line.rstrip().endswith('= {')


def long_functions(code):
    """(first line, number of lines) of each function longer than allowed. Reads code that clang-format laid out: a
    function ends with a brace at the column where it begins, 0 outside classes and 2 inside one."""
    lines = code.splitlines()
    return [(first, last - first + 1) for indent in ('', '  ') for first, last in _functions(lines, indent)
            if last - first + 1 > FUNCTION_LINES_MAX]


def code_faults(root):
    """One line of text for each thing that the house does not write."""
    found = []
    for path in source_tree.code_files(root, *EVERYWHERE):
        text = source_tree.text(root, path)
        code = source_tree.code_of(text)
        found += _apply(BANS, path, code)
        if path.endswith('.h'):
            found += _apply(HEADER_BANS, path, code)
            # Not where g++ precompiles it: it takes such a file for no header.
            if '/pch/' not in path and not re.search(r'^#pragma once$', code, re.MULTILINE):
                found.append(f'{path}:1: a header begins with #pragma once')
        if path.startswith(tuple(folder + '/' for folder in PRODUCT)) and not is_generated(text):
            found += [f'{path}:{number}: a function of {count} lines, {FUNCTION_LINES_MAX} are allowed'
                      for number, count in long_functions(code)]
    for path in source_tree.files(root):
        if path.endswith('.py'):
            found += _apply(PYTHON_BANS, path, source_tree.text(root, path))
    return found
