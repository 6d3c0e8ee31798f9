# Goes on after init.sh, on the real root: sets up devices and interfaces, runs the command (/run/vm/command.sh), and reports its status.
# Port 1 of the virtual serial device tells "up" and "exit STATUS"; ports 2 and 3 carry the command's stdout and stderr.
vm=/run/vm
bin() { "$vm/busybox" "$@"; }

bin mkdir -p /dev/pts /dev/shm /run/lock
bin mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
bin mount -t tmpfs -o mode=1777 tmpfs /dev/shm
bin ln -s /proc/self/fd /dev/fd
bin ln -s fd/0 /dev/stdin
bin ln -s fd/1 /dev/stdout
bin ln -s fd/2 /dev/stderr
bin hostname can-vm
bin ip link set lo up
for interface in vcan0 vcan1 vcan2; do
  bin ip link add dev $interface type vcan
  bin ip link set dev $interface mtu 72 up  # 72: classic and FD frames
  # As on a real bus, the frames of an interface stay in order: one processor delivers them all.
  echo 1 >/sys/class/net/$interface/queues/rx-0/rps_cpus
done

tries=0
until set -- /dev/vport*p1 /dev/vport*p2 /dev/vport*p3 && [ -c "$1" ] && [ -c "$2" ] && [ -c "$3" ]; do
  tries=$((tries + 1))
  if [ $tries = 500 ]; then
    echo "can-vm: there are no serial ports" >/dev/console
    bin poweroff -f
  fi
  bin usleep 10000
done
exec 9>"$1"
echo up >&9

# A port can be opened once only. The command gets pipes, which it may open again as /dev/stdout.
bin mkfifo $vm/out $vm/err
bin cat <$vm/out >"$2" 9>&- &
out=$!
bin cat <$vm/err >"$3" 9>&- &
err=$!
exec 7>$vm/out 8>$vm/err
if [ -e $vm/one_stream ]; then
  bin setsid "$vm/busybox" sh $vm/command.sh </dev/null >&7 2>&7 7>&- 8>&- 9>&-
else
  bin setsid "$vm/busybox" sh $vm/command.sh </dev/null >&7 2>&8 7>&- 8>&- 9>&-
fi
status=$?
exec 7>&- 8>&-

# What the command left running may hold the pipes for ever.
tries=0
while [ $tries -lt 50 ] && { [ -e /proc/$out/exe ] || [ -e /proc/$err/exe ]; }; do
  tries=$((tries + 1))
  bin usleep 10000
done
bin sync
echo "exit $status" >&9
bin poweroff -f
