"""Starts the virtual machine, copies out what the command in it writes, and gives its status."""
import ctypes
import os
import pathlib
import re
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# Covered by the guest's own in it, so what is needed below them is mounted on its own.
HIDDEN = ('/tmp', '/var/tmp', '/run', '/dev/shm')
KVM_BOOT_S = 20  # a machine that is virtual itself may offer KVM and never get anywhere with it
PR_SET_PDEATHSIG = 1
KVM_CREATE_VM = 0xAE01

# A panic or an oops ends the machine at once. The rest saves time at boot.
KERNEL_LINE = ('console=ttyS0 quiet panic=-1 oops=panic random.trust_cpu=on mitigations=off nowatchdog '
               'cryptomgr.notests rcupdate.rcu_expedited=1 rcupdate.rcu_cpu_stall_suppress=1 no_timer_check 8250.nr_uarts=1')


class Failed(Exception):
    """The machine did not run the command to its end; `status` is what to exit with."""

    def __init__(self, text, status):
        super().__init__(text)
        self.status = status


def kvm_offered():
    """Does the kernel make virtual machines? It may still not boot one."""
    import fcntl  # pylint: disable=import-outside-toplevel
    try:
        device = os.open('/dev/kvm', os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(device, KVM_CREATE_VM, 0))
        return True
    except OSError:
        return False
    finally:
        os.close(device)


class KvmRecord:
    """Remembers until the next boot of this machine that its KVM does not work."""

    def __init__(self, cache):
        self.path = cache / 'kvm-does-not-boot'
        self.boot = pathlib.Path('/proc/sys/kernel/random/boot_id').read_text(encoding='ascii')

    def bad(self):
        try:
            return self.path.read_text(encoding='ascii') == self.boot
        except OSError:
            return False

    def note(self):
        self.path.write_text(self.boot, encoding='ascii')


def _entry(name, mode, data, inode):
    """One file of a cpio archive in the form that the kernel unpacks ("newc")."""
    name = name.encode() + b'\0'
    head = b'070701' + b''.join(b'%08X' % field for field in (
        inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0))
    return b''.join(part + bytes(-len(part) % 4) for part in (head + name, data))


def archive(files):
    """An initramfs out of {path: bytes (a file that may be run) or None (a folder)}."""
    parts = [_entry(path, 0o040755 if data is None else 0o100755, data or b'', number)
             for number, (path, data) in enumerate(files.items(), 1)]
    return b''.join(parts) + _entry('TRAILER!!!', 0, b'', 0)


def mounts(folders):
    """[(mode, folder)] of the folders that the guest must mount on their own, outer ones first. Writable wins."""
    modes = {}
    for mode, folder in folders:
        folder = os.path.realpath(folder)
        if mode == 'rw' or any(folder.startswith(hidden + '/') for hidden in HIDDEN):
            modes[folder] = 'rw' if 'rw' in (mode, modes.get(folder)) else 'ro'
    return [(mode, folder) for folder, mode in sorted(modes.items())
            if mode == 'rw' or not any(folder.startswith(outer + '/') for outer in modes)]


def command_script(command, folder, accelerator):
    """What runs the command in the guest, with this process's environment."""
    left_out = ('TMPDIR', 'XDG_RUNTIME_DIR', '_')
    environment = {name: value for name, value in os.environ.items() if name not in left_out} | {'CAN_VM': accelerator}
    words = ['/usr/bin/env', '-i', *(f'{name}={value}' for name, value in environment.items()), *command]
    return (f'ulimit -c 0; ulimit -n 65536\ncd {shlex.quote(folder)} || exit 126\n'
            f'exec {" ".join(map(shlex.quote, words))}\n').encode()


class Guest:
    """One run of QEMU. It ends with this process, however that ends, and leaves nothing behind: what it reads is in
    memory, what it writes comes through sockets."""

    def __init__(self, machine, options, command, accelerator):
        self.options = options
        shared = mounts([('ro', os.getcwd()), ('ro', options.source), *(('ro', folder) for folder in options.see),
                         *(('rw', folder) for folder in options.write)])
        if any('\n' in folder for _, folder in shared):
            raise Failed('a folder whose name has a line break cannot be shared', 125)
        self.initramfs = self._memory('initramfs', self._files(machine, shared, command, accelerator))
        self.status = None
        self.up = False
        self.console = bytearray()
        self.ends = {name: socket.socketpair() for name in ('control', 'out', 'err', 'console')}
        self.process = self._start(machine, shared, accelerator)
        for _, far in self.ends.values():
            far.close()
        os.close(self.initramfs)

    @staticmethod
    def _memory(name, data):
        descriptor = os.memfd_create(name)
        with os.fdopen(os.dup(descriptor), 'wb') as file:
            file.write(data)
        return descriptor

    def _files(self, machine, shared, command, accelerator):
        files = dict.fromkeys(('bin', 'dev', 'host', 'modules', 'proc', 'sys', 'vm'))
        files['init'] = (HERE / 'init.sh').read_bytes()
        files['bin/busybox'] = machine.busybox.read_bytes()
        for path in sorted(machine.modules.iterdir()):
            files[f'modules/{path.name}'] = path.read_bytes()
        files['vm/session.sh'] = (HERE / 'session.sh').read_bytes()
        files['vm/command.sh'] = command_script(command, os.getcwd(), accelerator)
        files['vm/mounts'] = ''.join(f'share{i} {mode} {folder}\n' for i, (mode, folder) in enumerate(shared)).encode()
        if os.path.sameopenfile(1, 2):
            files['vm/one_stream'] = b''  # so that the order of lines stays
        return archive(files)

    def _start(self, machine, shared, accelerator):
        arguments = [*machine.qemu, '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-M', 'q35',
                     '-cpu', 'max', '-m', str(self.options.memory), '-kernel', str(machine.kernel),
                     '-initrd', f'/proc/self/fd/{self.initramfs}']
        counted = ['-icount', 'shift=0'] if self.options.instructions else []
        # Two processors without KVM: at times the guest's kernel trips over code that it has just changed itself.
        processors = self.options.cpus or (2 if accelerator == 'kvm' else 1)
        threads = 'single' if counted else 'multi'
        arguments += ['-accel', accelerator if accelerator == 'kvm' else f'tcg,thread={threads}', '-smp', str(processors), *counted]
        # Without KVM the rate of the processor's clock is misjudged when this machine is busy, unless it counts instructions.
        arguments += ['-append', KERNEL_LINE + ('' if accelerator == 'kvm' or counted else ' tsc=unstable')]
        for name, (_, far) in self.ends.items():
            arguments += ['-chardev', f'socket,id={name},fd={far.fileno()}']
        # Without ioeventfd what a port is given has been written when the guest's write returns.
        arguments += ['-serial', 'chardev:console', '-device', 'virtio-serial-pci,ioeventfd=off']
        for number, name in enumerate(('control', 'out', 'err'), 1):
            arguments += ['-device', f'virtserialport,chardev={name},nr={number},name={name}']
        for tag, mode, folder in [('root', 'ro', '/'), *((f'share{i}', *share) for i, share in enumerate(shared))]:
            quoted = folder.replace(',', ',,')
            arguments += ['-fsdev', f'local,id={tag},path={quoted},security_model=none,multidevs=remap'
                          + (',readonly=on' if mode == 'ro' else ''),
                          '-device', f'virtio-9p-pci,fsdev={tag},mount_tag={tag}']
        parent = os.getpid()

        def end_with_parent():
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        descriptors = [self.initramfs, *(far.fileno() for _, far in self.ends.values())]
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                pass_fds=descriptors, env=machine.environment, preexec_fn=end_with_parent)

    def run(self, deadline, boot_deadline):
        """Copies output until the command or the machine ends. False: it was not up by `boot_deadline`."""
        control = b''
        with selectors.DefaultSelector() as selector:
            for name, (near, _) in self.ends.items():
                selector.register(near, selectors.EVENT_READ, name)
            while selector.get_map() and self.status is None:
                now = time.monotonic()
                if now >= deadline:
                    when = 'the command ran' if self.up else 'it booted'
                    raise Failed(f'time is over after {self.options.timeout} s, while {when}', 124)
                if not self.up and now >= boot_deadline:
                    return False
                for key, _ in selector.select(min(deadline, deadline if self.up else boot_deadline) - now):
                    if not (data := key.fileobj.recv(1 << 16)):
                        selector.unregister(key.fileobj)
                    elif key.data == 'control':
                        control += data
                        self.up = True
                        if found := re.search(rb'^exit (\d+)\n', control, re.MULTILINE):
                            self.status = int(found.group(1))
                    else:
                        self._copy(key.data, data)
        self._drain()
        return True

    def _drain(self):
        """What the command wrote before its end has been written to the sockets, but perhaps not been read."""
        for name in ('out', 'err', 'console'):
            near = self.ends[name][0]
            near.setblocking(False)
            try:
                while data := near.recv(1 << 16):
                    self._copy(name, data)
            except (BlockingIOError, ConnectionResetError):
                pass

    def _copy(self, name, data):
        if name == 'console':
            self.console += data
            if not self.options.verbose:
                return
        stream = sys.stdout if name == 'out' else sys.stderr
        stream.buffer.write(data)
        stream.buffer.flush()

    def end(self):
        """Ends QEMU; gives what it and the guest's console said."""
        self.process.kill()
        said = self.process.communicate()[0]
        for near, _ in self.ends.values():
            near.close()
        return (self.console + said).decode('utf-8', 'replace')


def run(machine, options, command, cache, say):
    """Boots, runs the command, gives its status."""
    deadline = time.monotonic() + options.timeout
    kvm = KvmRecord(cache)
    accelerators = ('tcg',) if options.instructions else ('kvm', 'tcg') if options.accel == 'auto' else (options.accel,)
    for accelerator in accelerators:
        if accelerator == 'kvm' and options.accel == 'auto' and (kvm.bad() or not kvm_offered()):
            continue
        say(f'Linux {machine.release} on QEMU with {accelerator}')
        guest = Guest(machine, options, command, accelerator)
        try:
            hopeful = accelerator == 'kvm' and options.accel == 'auto'
            booted = guest.run(deadline, time.monotonic() + KVM_BOOT_S if hopeful else deadline)
        finally:
            console = guest.end()
        if guest.status is not None:
            return guest.status
        if hopeful and not guest.up:
            say('KVM does not boot the machine here')
            kvm.note()
        elif booted:
            last = '\n'.join('  ' + line for line in console.splitlines()[-30:])
            raise Failed(f'the machine ended by itself {"while the command ran" if guest.up else "at boot"}\n{last}', 125)
    raise Failed('the machine did not boot', 125)
