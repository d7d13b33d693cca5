# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# A virtual machine with this machine's own files: QEMU without KVM, Debian's kernel, an IOMMU and emulated NICs. Sourced
# by scripts that need a machine with NICs to bind.
#
#   guest_prepare            fetches a kernel, makes what boots it; says why and exits 77 if that cannot be
#   guest_start ARGUMENT...  boots it, in the namespace $guest_namespace, with these arguments to QEMU besides
#   guest COMMAND...         runs a command in it; its words and its exit code are ours
#   guest_monitor COMMAND    tells QEMU's monitor something
#   guest_stop               ends it, as the end of the script must
#
# Its root is this machine's, through 9p and read only, below a layer in memory; so programs are where they are here. $work
# is the same folder on both, with nothing kept in between, for words from one to the other. The kernel is unpacked there
# and installed nowhere. Commands go by a serial port, one at a time.
guest_cpus=2 guest_memory=1536 guest_hugepages=256 guest_patience=600
guest_process= guest_number=0

guest_prepare() {
    local tool package kernel module
    for tool in qemu-system-x86_64 cpio dpkg-deb apt-get depmod modprobe; do
        command -v $tool >/dev/null || { echo "no virtual machine: $tool is not installed"; exit 77; }
    done
    [ -x /bin/busybox ] || { echo "no virtual machine: busybox is not installed"; exit 77; }
    package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [ -n "$package" ] || { echo "no virtual machine: apt knows no linux-image-amd64"; exit 77; }
    (cd "$work" && apt-get -q download "$package" >"$work/fetched" 2>&1 && dpkg-deb -x "$package"_*.deb kernel &&
        rm "$package"_*.deb) || { tail -n 3 "$work/fetched"; echo "no virtual machine: no kernel"; exit 77; }
    kernel=$(basename "$work"/kernel/lib/modules/*)
    depmod -b "$work/kernel" "$kernel"

    mkdir -p "$work/boot"/{bin,modules,lower,layer,root,proc}
    cp /bin/busybox "$work/boot/bin"
    for module in virtio_pci 9pnet_virtio 9p overlay; do
        modprobe -d "$work/kernel" -S "$kernel" --show-depends $module
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++ { printf "cp %s modules/%03d.ko\n", $0, NR }' >"$work/modules"
    (cd "$work/boot" && . "$work/modules")
    guest_init >"$work/boot/init"
    chmod 755 "$work/boot/init"
    (cd "$work/boot" && find . | cpio -o -H newc --quiet) >"$work/initrd"
    mkfifo "$work/serial.in" "$work/serial.out" "$work/monitor.in" "$work/monitor.out"
}

# What the guest runs first: modules, the root, and then what comes by the second serial port.
guest_init() {
    cat <<INIT
#!/bin/busybox sh
PATH=/bin
for module in /modules/*; do busybox insmod \$module; done
share() { busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,\$3 \$1 \$2; }
share root /lower cache=loose,ro
busybox mount -t tmpfs layer /layer
busybox mkdir /layer/upper /layer/work
busybox mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work root /root
cd /root
busybox mount -t proc proc proc
busybox mount -t sysfs sys sys
busybox mount -t devtmpfs dev dev
for dir in tmp run dev/shm; do busybox mkdir -p \$dir && busybox mount -t tmpfs tmp \$dir; done
busybox mkdir -p .$work lib/modules
share work .$work cache=none
busybox mount -o bind .$work/kernel/lib/modules lib/modules
exec busybox chroot . /bin/bash -c '
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
ip link set lo up
echo 0 0 >&3
while read -r number command <&3; do
    (eval "\$command") >$work/guest.out 2>$work/guest.err </dev/null 3<&-
    echo \$number \$? >&3
done'
INIT
}

guest_start() { # ARGUMENT...
    ip netns exec "$guest_namespace" qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none \
        -machine q35 -accel tcg,thread=multi -cpu max -smp "$guest_cpus" -m "$guest_memory" \
        -device intel-iommu,intremap=on -kernel "$work"/kernel/boot/vmlinuz-* -initrd "$work/initrd" \
        -append "console=ttyS0 quiet panic=-1 no_timer_check intel_iommu=on hugepages=$guest_hugepages" \
        -chardev "file,id=console,path=$work/console" -serial chardev:console \
        -chardev "pipe,id=serial,path=$work/serial" -serial chardev:serial \
        -chardev "pipe,id=monitor,path=$work/monitor" -mon chardev=monitor,mode=control \
        -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
        -device virtio-9p-pci,fsdev=root,mount_tag=root,addr=1e \
        -fsdev "local,id=work,path=$work,security_model=none,multidevs=remap" \
        -device virtio-9p-pci,fsdev=work,mount_tag=work,addr=1d \
        "$@" >"$work/qemu.log" 2>&1 </dev/null &
    guest_process=$!
    exec {guest_in}<>"$work/serial.in" {guest_out}<>"$work/serial.out"
    exec {monitor_in}<>"$work/monitor.in" {monitor_out}<>"$work/monitor.out"
    guest_answer 0 || { tail -n 5 "$work/qemu.log" "$work/console"; echo "the virtual machine did not boot"; exit 1; }
}

# The exit code of the command of this number. A line may come in parts.
guest_answer() { # NUMBER
    local line= part until=$((SECONDS + guest_patience))
    while [ $SECONDS -lt $until ] && kill -0 "$guest_process"; do
        if read -r -t 2 -u "$guest_out" part; then
            line+=$part
            [ "${line% *}" != "$1" ] || return "${line#* }"
            part=
            line=
        fi
        line+=$part
    done
    echo "the virtual machine does not answer"
    return 125
}

guest() { # COMMAND...
    local code=0
    guest_number=$((guest_number + 1))
    printf '%s%s\n' "$guest_number" "$(printf ' %q' "$@")" >&"$guest_in"
    guest_answer $guest_number || code=$?
    cat "$work/guest.out"
    cat "$work/guest.err" >&2
    return $code
}

guest_monitor() { # COMMAND: as QEMU's own monitor has it; prints what that says, and fails if it says something
    local line
    printf '%s\n' '{"execute": "qmp_capabilities"}' \
        "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"$1\"}, \"id\": \"told\"}" >&"$monitor_in"
    while read -r -t 60 -u "$monitor_out" line; do
        [[ $line = *'"told"'* ]] || continue
        line=$(jq -r '.return // .error.desc' <<<"$line")
        [ -z "$line" ] || { printf '%s\n' "$line"; return 1; }
        return 0
    done
    echo "QEMU's monitor does not answer"
    return 1
}

guest_stop() {
    [ -n "$guest_process" ] || return 0
    kill "$guest_process" 2>/dev/null || true
    wait "$guest_process" 2>/dev/null || true
    guest_process=
}
