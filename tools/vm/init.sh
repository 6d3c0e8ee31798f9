#!/bin/busybox sh
# The guest's first program, in its initramfs: loads the modules, mounts the other machine's files as the root, and goes on there.
# /vm/mounts holds one line per folder that would else be hidden: TAG ro|rw FOLDER, the outer before the inner.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

give_up() {
  echo "can-vm: $*" >/dev/console
  poweroff -f
}

while read -r module; do
  insmod "/modules/$module.ko" || give_up "module $module"
done </modules/order

mount_shared() {  # TAG FOLDER OPTIONS
  mount -t 9p -o "trans=virtio,version=9p2000.L,msize=524288,$3" "$1" "$2" || give_up "mount of $2"
}

mount_shared root /host ro,cache=loose
for folder in tmp var/tmp run; do
  # A link, as /var/tmp at times is, leads to another of them.
  [ -L "/host/$folder" ] || mount -t tmpfs -o mode=1777 tmpfs "/host/$folder"
done
chmod 755 /host/run
while read -r tag mode folder; do
  mkdir -p "/host$folder"
  # What changes on both sides must not be cached for long.
  [ "$mode" = ro ] && cache=loose || cache=mmap
  mount_shared "$tag" "/host$folder" "$mode,cache=$cache"
done </vm/mounts

mkdir -p /host/run/vm
cp -r /vm/. /bin/busybox /host/run/vm/
for folder in proc sys dev; do
  mount --move "/$folder" "/host/$folder"
done
# Frames on vcan pass the queue of loopback: a thousand packets for all interfaces, by default, is a short burst.
echo 100000 >/host/proc/sys/net/core/netdev_max_backlog
exec switch_root /host /run/vm/busybox sh /run/vm/session.sh
