#!/bin/busybox sh
# The first process of the guest: loads the drivers, does what runs.sh says, ends the machine. What it says goes to the
# second serial port, apart from what the kernel says.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
stty -F /dev/ttyS1 raw
exec >/dev/ttyS1 2>&1

# run NAME COMMAND...
run() {
    name=$1
    shift
    echo "@begin $name"
    timeout 60 "$@" </dev/null
    echo "@end $name $?"
}

# Drives are found some time after their adapter; the first adapter's is to be the first drive.
await() {
    tries=0
    until [ -b "$1" ] || [ $tries -ge 150 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
}

for module in /modules/*; do
    insmod "$module" || echo "@failed $module"
    case $module in
    *ata_piix*) await /dev/sr0 ;;
    *virtio_scsi*) await /dev/sr1 ;;
    esac
done
chgrp cdrom /dev/sr0 /dev/sr1
chmod 660 /dev/sr0 /dev/sr1
. /runs.sh
echo "@done"
poweroff -f
