"""Fetches what the virtual machine is made of with apt-get, and keeps it in a cache; nothing is installed.

The cache holds folders that are made whole or not at all:
  qemu-N/     QEMU with the libraries that this system lacks (left out where QEMU is installed), and a static busybox
  kernel-N/   vmlinux, modules/ (uncompressed, with `order`: each after what it needs), release
A folder's number rises when what is in it changes.
"""
import collections
import contextlib
import fcntl
import gzip
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

TOOLS_FOLDER = 'qemu-1'
KERNEL_FOLDER = 'kernel-2'  # another number when MODULES change
LIBRARIES = 'usr/lib/x86_64-linux-gnu'
# 9p is how the guest sees this machine's files, tbf how a test makes a bus slow, slcan an interface that has a controller.
MODULES = ('virtio_pci', 'virtio_console', '9p', '9pnet_virtio', 'can', 'can_raw', 'vcan', 'vxcan', 'slcan', 'sch_tbf',
           'sch_prio', 'sch_netem')

Machine = collections.namedtuple('Machine', 'qemu environment busybox kernel modules release')


class Unavailable(Exception):
    """The machine cannot be had here; the text says why."""


def cache_folder():
    base = os.environ.get('XDG_CACHE_HOME') or pathlib.Path(os.environ.get('HOME') or '/root') / '.cache'
    return pathlib.Path(base) / 'vscprouter' / 'can-vm'


class Apt:
    """apt-get with this system's package lists or, where they are missing or too old, with lists fetched for now only."""

    def __init__(self, work):
        self.work = work
        self.options = ['-qq', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=1']

    def fetch_lists(self):
        lists, archives = self.work / 'lists', self.work / 'archives'
        for folder in (lists / 'partial', archives / 'partial'):
            folder.mkdir(parents=True, exist_ok=True)
        self.options += ['-o', f'Dir::State::lists={lists}', '-o', f'Dir::Cache={self.work}', '-o',
                         'Acquire::Languages=none', '-o', 'Acquire::http::Timeout=20']
        self._run('apt-get', 'update')
        if not any(lists.glob('*_Packages*')):  # it calls that a success
            raise Unavailable('the package lists cannot be fetched: there is no network, or none that apt-get may use')

    def _run(self, program, *arguments, cwd=None):
        try:
            done = subprocess.run([program, *self.options, *arguments], cwd=cwd, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False, env=os.environ | {'LC_ALL': 'C.UTF-8'})
        except FileNotFoundError:
            raise Unavailable(f'there is no {program} here to fetch packages with') from None
        if done.returncode != 0:
            said = ' '.join((done.stderr or done.stdout).split())
            raise Unavailable(f'{program} {arguments[0]} failed: {said[:300]}')
        return done.stdout

    def would_install(self, package):
        """NAME=VERSION of the package and of all that it needs and this system lacks. The C library here is new enough."""
        text = self._run('apt-get', '--simulate', '--no-install-recommends', 'install', package)
        found = re.findall(r'^Inst (\S+) (?:\[[^]]*\] )?\((\S+) ', text, re.MULTILINE)
        return [f'{name}={version}' for name, version in found if not re.match(r'libc(6|-)', name)]

    def newest_kernel(self):
        """The packages behind linux-image-amd64: one, or several where the modules have one of their own."""
        only_needs = [f'--no-{kind}' for kind in ('recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances')]
        text = self._run('apt-cache', 'depends', '--recurse', *only_needs, 'linux-image-amd64')
        found = re.findall(r'^linux-(?:image|base|binary|modules)-\d\S*', text, re.MULTILINE)
        if not found:
            raise Unavailable('the package lists know no kernel linux-image-amd64')
        return found

    def unpack(self, packages, into):
        """Downloads the packages and unpacks them into a folder."""
        with tempfile.TemporaryDirectory(dir=self.work) as debs:
            self._run('apt-get', 'download', *packages, cwd=debs)
            for deb in sorted(pathlib.Path(debs).glob('*.deb')):
                subprocess.run(['dpkg-deb', '--extract', deb, into], check=True)


def _first(folder, *patterns):
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            return path
    raise Unavailable(f'the packages hold no {patterns[0]}')


def _fetch_tools(apt, into):
    apt.unpack(['busybox-static'], into)
    if shutil.which('qemu-system-x86_64'):
        return
    apt.unpack(apt.would_install('qemu-system-x86'), into)
    for needless in ('usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/qemu/keymaps', 'usr/lib/ipxe'):
        shutil.rmtree(into / needless, ignore_errors=True)


def _decompress(data):
    """What xz or gzip packed; trailing bytes of something else do no harm."""
    if data[:6] == b'\xfd7zXZ\0':
        return lzma.LZMADecompressor().decompress(data)
    if data[:2] == b'\x1f\x8b':
        return gzip.decompress(data)
    return None


def plain_kernel(image):
    """The ELF file packed inside a bzImage, which QEMU starts faster; the image itself if it is packed in a way not known here.
    The image's header says where it lies (the boot protocol's setup_sects, payload_offset and payload_length)."""
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from('<II', image, 0x248)
    begin = (sectors + 1) * 512 + offset
    try:
        plain = _decompress(image[begin:begin + length - 4])  # the last 4 bytes are its unpacked size
    except (lzma.LZMAError, OSError, EOFError):
        plain = None
    return plain if plain and plain[:4] == b'\x7fELF' else image


def _modules_in_order(folder, wanted):
    """[(name, bytes)]: the modules and what they need, in the order to load them. What is built in is left out."""
    files = {path.name.split('.ko')[0].replace('-', '_'): path for path in folder.rglob('*.ko*')}
    built_in = {pathlib.PurePath(line).stem.replace('-', '_') for line in (folder / 'modules.builtin').read_text().split()}
    order = {}

    def add(name):
        if name in order or name in built_in:
            return
        if name not in files:
            raise Unavailable(f'the kernel {folder.name} has no module {name}')
        data = files[name].read_bytes()
        data = data if data[:4] == b'\x7fELF' else _decompress(data)
        if data is None:
            raise Unavailable(f'the kernel module {files[name].name} is packed in a way not known here')
        needs = re.search(rb'\0depends=([^\0]*)\0', data)
        for needed in filter(None, needs.group(1).decode().split(',') if needs else []):
            add(needed.replace('-', '_'))
        order[name] = data

    for name in wanted:
        add(name)
    return list(order.items())


def _fetch_kernel(apt, into):
    with tempfile.TemporaryDirectory(dir=apt.work) as unpacked:
        tree = pathlib.Path(unpacked)
        apt.unpack(apt.newest_kernel(), tree)
        image = _first(tree, 'boot/vmlinuz-*', 'usr/lib/modules/*/vmlinuz')
        folder = _first(tree, 'lib/modules/*', 'usr/lib/modules/*')
        (into / 'vmlinux').write_bytes(plain_kernel(image.read_bytes()))
        (into / 'modules').mkdir()
        modules = _modules_in_order(folder, MODULES)
        for name, data in modules:
            (into / 'modules' / f'{name}.ko').write_bytes(data)
        (into / 'modules' / 'order').write_text(''.join(f'{name}\n' for name, _ in modules))
        (into / 'release').write_text(folder.name + '\n')


def _fill(cache, name, fetch, say):
    """Makes a folder of the cache: beside its place first, then renamed, so that it is never there in part."""
    with tempfile.TemporaryDirectory(dir=cache, prefix='new-') as work:
        work = pathlib.Path(work)
        apt = Apt(work)
        for fresh in (False, True):
            made = work / f'made-{int(fresh)}'
            made.mkdir()
            try:
                if fresh:
                    say('fetching package lists')
                    apt.fetch_lists()
                say(f'fetching {name}')
                fetch(apt, made)
                break
            except Unavailable:
                if fresh:
                    raise
        made.rename(cache / name)


@contextlib.contextmanager
def _locked(cache):
    """One process at a time fills the cache; a lock of one that died is gone with it."""
    with open(cache / 'lock', 'w', encoding='utf-8') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def obtain(say, fetch=True):
    """The machine's parts, fetched if they are not in the cache."""
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache):
            for leftover in cache.glob('new-*'):
                shutil.rmtree(leftover, ignore_errors=True)
            for name, how in ((TOOLS_FOLDER, _fetch_tools), (KERNEL_FOLDER, _fetch_kernel)):
                if not (cache / name).exists():
                    if not fetch:
                        raise Unavailable(f'{cache / name} is not there yet; can-vm --fetch fetches it')
                    _fill(cache, name, how, say)
    except OSError as error:
        raise Unavailable(f'the cache {cache} cannot be filled: {error.strerror}: {error.filename}') from error
    return _machine(cache / TOOLS_FOLDER, cache / KERNEL_FOLDER)


def _machine(tools, kernel):
    environment = dict(os.environ)
    if installed := shutil.which('qemu-system-x86_64'):
        qemu = [installed]
    else:
        program = tools / 'usr/bin/qemu-system-x86_64'
        if not program.exists():  # QEMU was installed when the cache was filled, and is no more
            raise Unavailable(f'QEMU is gone; remove {tools} to have it fetched')
        libraries = tools / LIBRARIES
        environment |= {'LD_LIBRARY_PATH': f'{libraries}:{tools / LIBRARIES[4:]}', 'QEMU_MODULE_DIR': f'{libraries}/qemu'}
        qemu = [str(program), '-L', str(tools / 'usr/share/qemu'), '-L', str(tools / 'usr/share/seabios')]
    return Machine(qemu, environment, _first(tools, 'bin/busybox', 'usr/bin/busybox'), kernel / 'vmlinux',
                   kernel / 'modules', (kernel / 'release').read_text().strip())
