#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# setid.t - set-id bits on the disc are what their owner made: whatever is shown by uid=, gid=, umask=, no other user
# changes what such a program does and keeps its bits, makes one, or becomes the owner of one
. "$(dirname "$0")/../lib.sh"
need python3
((EUID == 0)) || skip_all 'not root'

chmod 755 "$T"
first() { setpriv --reuid=1001 --regid=1001 --clear-groups --inh-caps=-all -- "$@"; }
second() { setpriv --reuid=1002 --regid=1002 --clear-groups --inh-caps=-all -- "$@"; }
# agent_as USER LINE…: what it answers that is no plain "ok"
agent_as() { local who=$1; shift; printf '%s\n' "$@" | "$who" "$TOOLS/agent" | awk '$0 != "ok" {print} END {if (!NR) print "no answer"}'; }

# ---- the ways to change what a file holds; each as a user, of a file that is 6777 root:root on the disc
ways=(append write direct truncate extend open-trunc allocate punch zero copy map)
change() {
	local who=$1 way=$2 file=$3
	case $way in
	append) "$who" sh -c 'echo evil >>"$1"' - "$file" ;;
	write) "$who" dd of="$file" bs=4 conv=notrunc status=none <<<evil ;;
	direct) "$who" dd if=/dev/zero of="$file" bs=4096 count=1 conv=notrunc oflag=direct status=none ;;
	truncate) "$who" truncate -s 100 "$file" ;;
	extend) "$who" truncate -s 100000 "$file" ;;
	open-trunc) "$who" sh -c ': >"$1"' - "$file" ;;
	allocate) "$who" fallocate -l 50000 "$file" ;;
	punch) "$who" fallocate -p -o 0 -l 4096 "$file" ;;
	zero) "$who" fallocate -z -o 0 -l 4096 "$file" ;;
	copy) [[ ! $(agent_as "$who" "open 0 $(dirname "$file")/source r" "open 1 $file w" "copy 1 0 4096") ]] ;;
	map) [[ ! $(agent_as "$who" "open 0 $file w" 'map 0 4096' 'poke 0 0 evil' 'fsync 0' 'close 0') ]] ;;
	esac
}
make_programs() {
	local way
	mkdir -m 777 "$1"
	for way in "${ways[@]}" untouched by-root chmod chmod-R chown chgrp link rename; do
		noise 20000 7 >"$1/$way"
		chmod 6777 "$1/$way"
	done
	noise 20000 8 >"$1/source"
	noise 20000 9 >"$1/plain"
	mkdir -m 777 "$1/dir"
	chmod 644 "$1/source" "$1/plain"
}
# list_stored DISC; stored NAME: what the burned session says, as xorriso reads it
list_stored() { xorriso -indev "$1" -find / -exec lsdl >"$T/stored" 2>/dev/null; }
stored() { awk -v name="/$1'" 'substr($NF, length($NF) - length(name) + 1) == name {print $1, $3, $4; exit}' "$T/stored"; }

made=$T/made.iso
blank_disc "$made"
mount_disc -o allow_other "$made"
make_programs "$mnt/p"
ok 'unmount' umount_disc
list_stored "$made"
is 'the disc has set-id programs of root' "$(stored append)" '-rwsrwsrwx 0 0'

# with OPTIONS
with() {
	local options=$1 disc=$T/d.iso way hides=false
	[[ $1 == *umask=* ]] && hides=true
	note "with $options"
	cp "$made" "$disc"
	rm -rf "$T/stage/d.iso"
	mount_disc -o "$options" "$disc"
	for way in "${ways[@]}"; do
		ok "$options: $way" change first "$way" "$mnt/p/$way"
		$hides || ok "$options: $way: the bits are gone at once" until_true 10 without_bits "$mnt/p/$way"
	done
	ok "$options: by root" change root_itself write "$mnt/p/by-root"
	quietly first chmod 755 "$mnt/p/chmod"
	fails "$options: a user makes no program of root" any first chmod 4755 "$mnt/p/plain"
	fails "$options: nor after that" any first chmod u+s "$mnt/p/chmod"
	quietly first chmod 2755 "$mnt/p/plain"
	quietly first chmod g+s "$mnt/p/dir"
	quietly first chmod -R 6777 "$mnt/p/chmod-R"
	quietly first chown 1001 "$mnt/p/chown"
	quietly first chgrp 1001 "$mnt/p/chgrp"
	fails "$options: gives nothing away" any first chown 1002 "$mnt/p/plain"
	ok "$options: his own file" first sh -c 'cp /bin/true "$1" && chmod 6755 "$1"' - "$mnt/p/his"
	first mv "$mnt/p/rename" "$mnt/p/renamed"
	ok "$options: devices are root's" sh -c '! setpriv --reuid=1001 --regid=1001 --clear-groups mknod "$1" c 1 3' - "$mnt/p/null"
	ok "$options: unmount" umount_disc
	list_stored "$disc"
	for way in "${ways[@]}"; do is "$options: $way: burned without" "$(stored "$way")" '-rwxrwxrwx 0 0'; done
	is "$options: what nobody touched is as it was" "$(stored untouched)" '-rwsrwsrwx 0 0'
	is "$options: root keeps what root changes" "$(stored by-root)" '-rwsrwsrwx 0 0'
	is "$options: a new name takes nothing" "$(stored renamed)" '-rwsrwsrwx 0 0'
	is "$options: chmod" "$(stored chmod)" "$2"
	is "$options: no group of others" "$(stored plain)" "$3"
	like "$options: nor for a directory" "$(stored dir)" '^drwx[r-][w-]x[r-][w-]x 0 0'
	like "$options: chmod -R leaves no bit" "$(stored chmod-R)" "$4"
	is "$options: the owner stays" "$(stored chown | cut -d' ' -f2)" 0
	is "$options: the group stays" "$(stored chgrp | cut -d' ' -f3)" 0
	is "$options: a user's own is his" "$(stored his)" '-rwsr-sr-x 1001 1001'
}
without_bits() { ((!(0$(stat -c %a "$1") & 06000))); }
quietly() { "$@" 2>/dev/null; }
root_itself() { "$@"; }

with allow_other,uid=1001,umask=000 '-rwxr-xr-x 0 0' '-rwxr-xr-x 0 0' '^-rwxrwxrwx 0 0'
with allow_other,uid=1001 '-rwxr-xr-x 0 0' '-rwxr-xr-x 0 0' '^-rwxrwxrwx 0 0'
with allow_other,uid=1001,gid=1001,umask=022 '-rwxr-xr-x 0 0' '-rwxr-xr-x 0 0' '^-rwxrwxrwx 0 0'
with uid=1001,umask=022 '-rwxr-xr-x 0 0' '-rwxr-xr-x 0 0' '^-rwxrwxrwx 0 0'
with allow_other '-rwsrwsrwx 0 0' '-rw-r--r-- 0 0' '^-rwsrwsrwx 0 0'

# ---- groups
note 'groups'
disc=$T/g.iso
blank_disc "$disc"
mount_disc -o allow_other,umask=000 "$disc"
mkdir "$mnt/shared"
chown 0:1003 "$mnt/shared"
chmod 2777 "$mnt/shared"
member() { setpriv --reuid=1001 --regid=1003 --clear-groups --inh-caps=-all -- "$@"; }
create() { "$1" perl -e 'use Fcntl; umask 0; sysopen my $f, $ARGV[0], O_CREAT | O_WRONLY, 02755 or die' "$2"; }
create first "$mnt/shared/of-another"
create member "$mnt/shared/of-a-member"
noise 3000 1 >"$mnt/shared/kept"
chmod 2766 "$mnt/shared/kept"
cp "$mnt/shared/kept" "$mnt/shared/lost"
chmod 2766 "$mnt/shared/lost"
member sh -c 'echo more >>"$1"' - "$mnt/shared/kept"
second sh -c 'echo more >>"$1"' - "$mnt/shared/lost"
ok 'unmount' umount_disc
list_stored "$disc"
is 'in a set-gid directory others make no program of its group' "$(stored of-another)" '-rwxr-xr-x 1001 1003'
is 'members do' "$(stored of-a-member)" '-rwxr-sr-x 1001 1003'
is 'what a group cannot run: a member leaves it' "$(stored kept)" '-rwxrwSrw- 0 1003'
is 'another one does not' "$(stored lost)" '-rwxrw-rw- 0 1003'

# ---- who owns it: root's chown takes the bits as on any file system, also where they are not shown
cp "$made" "$T/c.iso"
mount_disc -o allow_other,umask=022 "$T/c.iso"
ok 'root gives a program away' chown 1001 "$mnt/p/chown"
chmod 2766 "$mnt/p/chgrp"
ok 'and what a group cannot run' chown 1001:1001 "$mnt/p/chgrp"
mkfifo "$mnt/p/fifo"
chmod 4711 "$mnt/p/link" "$mnt/p/fifo"
ok 'and to nobody' python3 -c 'import os, sys
for path in sys.argv[1:]: os.chown(path, -1, -1)' "$mnt/p/link" "$mnt/p/fifo"
ok 'unmount' umount_disc
list_stored "$T/c.iso"
is 'without its bits' "$(stored chown)" '-rwxrwxrwx 1001 0'
is 'nor with those of one that was given to nobody' "$(stored link | cut -d' ' -f1) $(stored fifo | cut -d' ' -f1)" '-rwx--x--x prwx--x--x'
is 'which keeps its own' "$(stored chgrp)" '-rwxrwSrw- 1001 1001'
done_testing
