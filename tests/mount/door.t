#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# door.t - what somebody could still do who has taken the daemon of root over: calls are made in its threads
# (tests/mount/inject.c), and what a mount needs goes on under the same rules
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'
chmod 755 "$T"

in_thread() { "$TOOLS/inject" "$@"; }
blank_disc "$T/disc.iso"
printf 'of root\n' >"$T/victim"
mount_disc "$T/disc.iso"
daemon=${pid_of[$mnt]}
in_thread "$daemon" 39 >/dev/null 2>&1
(($? == 77)) && { umount_disc; skip_all 'no calls can be made in other processes on this machine'; }
read -r unmounter <"/proc/$daemon/task/$daemon/children"
EPERM=-1 EACCES=-13 EXDEV=-18 ENOSYS=-38 AT_FDCWD=-100
is 'a call made there is the daemon'"'"'s own' "$(in_thread "$daemon" 39)" "$daemon"
# denied NAME PATTERN THREAD NUMBER ARGUMENT…
denied() {
	local name=$1 want=$2 result
	shift 2
	result=$(in_thread "$@")
	if [[ $result =~ ^($want)$ ]]; then pass "$name"; else fail "$name" "it returned $result"; fi
}

# ---- files: Landlock
landlock=$("$TOOLS/inject" landlock)
if ((landlock)); then
	for thread in "/proc/$daemon/task"/*; do
		thread=${thread##*/}
		denied "thread $thread: /etc/passwd is not opened for writing" $EACCES "$thread" 257 $AT_FDCWD s:/etc/passwd 1
	done
	denied '/etc/shadow is not read' $EACCES "$daemon" 257 $AT_FDCWD s:/etc/shadow 0
	denied 'nor a file beside the image' $EACCES "$daemon" 257 $AT_FDCWD "s:$T/victim" 0
	denied 'nor a directory' $EACCES "$daemon" 257 $AT_FDCWD "s:$T" 0x10000
	denied 'nor the memory of another process' $EACCES "$daemon" 257 $AT_FDCWD "s:/proc/$unmounter/mem" 2
	denied 'nor a disk' "$EACCES|-2" "$daemon" 257 $AT_FDCWD s:/dev/vda 2
	denied 'no file is made' $EACCES "$daemon" 257 $AT_FDCWD "s:$T/new" 0x41 0600
	denied 'no directory' $EACCES "$daemon" 258 $AT_FDCWD "s:$T/new" 0700
	denied 'nothing is removed' $EACCES "$daemon" 263 $AT_FDCWD "s:$T/victim" 0
	denied 'nothing is renamed' "$EACCES|$EXDEV" "$daemon" 316 $AT_FDCWD "s:$T/victim" $AT_FDCWD "s:$T/elsewhere" 0
	denied 'nor put into the stage' "$EACCES|$EXDEV" "$daemon" 316 $AT_FDCWD "s:$T/victim" $AT_FDCWD "s:$T/stage/disc.iso/v" 0
	((landlock >= 3)) && denied 'an opened image is no way to another file' $EACCES "$daemon" 257 $AT_FDCWD "s:/proc/self/root$T/victim" 1
else
	skip 'files' 'no Landlock in this kernel'
fi

# ---- calls: the filter
if [[ $(awk '$1 == "Seccomp:" {print $2}' "/proc/$daemon/status") == 2 ]]; then
	denied 'no chmod' $EPERM "$daemon" 268 $AT_FDCWD "s:$T/victim" 0666
	denied 'no fchmodat2' $EPERM "$daemon" 452 $AT_FDCWD "s:$T/victim" 0666 0
	denied 'no chown' $EPERM "$daemon" 260 $AT_FDCWD "s:$T/victim" 1 1 0
	denied 'no truncate' $EPERM "$daemon" 76 "s:$T/victim" 0
	denied 'no times' $EPERM "$daemon" 280 $AT_FDCWD "s:$T/victim" 0 0
	denied 'no attributes' $EPERM "$daemon" 188 "s:$T/victim" s:user.x s:y 1 0
	denied 'no links' $EPERM "$daemon" 266 s:/etc $AT_FDCWD "s:$T/link"
	denied 'no programs' $EPERM "$daemon" 59 s:/bin/true 0 0
	denied 'no open_tree_attr' $EPERM "$daemon" 467 $AT_FDCWD s:/ 0 0 0
	denied 'no unmounting by itself' $EPERM "$daemon" 166 "s:$mnt" 2
	denied 'no mounting' $EPERM "$daemon" 165 s:none "s:$T" s:tmpfs 0 0
	denied 'no signals to others' $EPERM "$daemon" 62 "$$" 0
	denied 'by no other call' $EPERM "$daemon" 424 5 0 0 0
	denied 'nor by a descriptor that is ready' $EPERM "$daemon" 72 0 8 "$$"
	denied 'nor any signal' $EPERM "$daemon" 72 0 10 9
	denied 'nor by F_SETOWN_EX' $EPERM "$daemon" 72 0 15 s:xxxxxxxx
	denied 'nor by a socket' $EPERM "$daemon" 16 0 0x8901 s:xxxx
	denied 'what others do with files is not watched' $EPERM "$daemon" 254 0 s:/etc 2
	denied 'no pair of sockets of another kind' -97 "$daemon" 53 30 1 0 s:xxxxxxxx
	denied 'no traces' $EPERM "$daemon" 101 16 "$$" 0 0
	denied 'no code that was written' $EPERM "$daemon" 9 0 4096 7 0x22 -1 0
	denied 'no typing into a terminal' $EPERM "$daemon" 16 0 0x5412 s:x
	denied 'no shared memory of others' $EPERM "$daemon" 29 1 4096 0
	denied 'no TCP' -97 "$daemon" 41 2 1 0
	denied 'calls that nobody has looked at do not exist' $ENOSYS "$daemon" 470 0 0 0

	# ---- who waits to unmount
	denied 'the unmounter opens nothing for writing' $EPERM "$unmounter" 257 $AT_FDCWD "s:$T/victim" 1
	denied 'runs nothing' $EPERM "$unmounter" 59 s:/bin/true 0 0
	denied 'mounts nothing' $EPERM "$unmounter" 165 s:none "s:$T" s:tmpfs 0 0
	denied 'makes nothing' $EPERM "$unmounter" 83 "s:$T/new" 0700
	denied 'has no sockets' $EPERM "$unmounter" 41 1 1 0
	is 'and few capabilities' "$(awk '$1 == "CapPrm:" {print $2}' "/proc/$unmounter/status")" 0000000000200004
else
	skip 'calls' 'no filter of system calls'
fi
is 'the file of root is as it was' "$(stat -c '%a %u %s' "$T/victim")" '644 0 8'

# ---- what must go on
noise 300000 1 >"$mnt/noise"
echo one >"$mnt/one"
ok 'a burn' sync_disc
mv "$T/disc.iso" "$T/renamed.iso"
mkdir "$mnt/directory"
echo two >"$mnt/directory/two"
ok 'a burn into an image that was renamed' sync_disc
rm "$mnt/noise"
mv "$mnt/one" "$mnt/directory/one"
sync "$mnt/directory"
kill_daemon
mv "$T/renamed.iso" "$T/disc.iso"
mount_disc "$T/disc.iso"
is 'after a crash all is there' "$(cat "$mnt/directory/one" "$mnt/directory/two")" $'one\ntwo'
ok 'unmount' umount_disc

# A stage in its own place has the name of the disc, which is another one after the first burn.
mkdir -p "$T/made"
by_default() { "$BUILD/cdappendfs" -f "$@" >"$T/log.default" 2>&1 & pid_of[$mnt]=$! log_of[$mnt]=$T/log.default; until_true 60 mounted_by "$mnt"; }
stage_of() { info_json '$_->{staging}' "$mnt"; }
ok 'an image that is made' by_default -o create "$T/made/new.iso" "$mnt"
echo first >"$mnt/first"
before=$(stage_of)
ok 'its first burn' sync_disc
echo second >"$mnt/second"
ok 'a second one' sync_disc
echo third >"$mnt/third"
kill -TERM "${pid_of[$mnt]}"
ok 'ended by a signal' await_daemon
fails 'it is unmounted' any mountpoint -q "$mnt"
ok 'mounted again' by_default "$T/made/new.iso" "$mnt"
is 'what was staged is there' "$(cat "$mnt/third")" third
after=$(stage_of)
ok 'in a stage of another name' test -d "$after" -a ! -e "$before" -a "$after" != "$before"
ok 'unmount, and burn' umount_disc
fails 'no stage is left behind' any test -e "$after"

cores=$T/cores
mkdir "$cores"
if [[ $(</proc/sys/kernel/core_pattern) != [/\|]* ]]; then
	(cd "$cores" && ulimit -c unlimited && exec "$BUILD/cdappendfs" -f -o "staging=$T/stage/core" "$T/disc.iso" "$mnt") >"$T/log.core" 2>&1 &
	pid_of[$mnt]=$!
	ok 'mounted with cores allowed' until_true 60 mounted_by "$mnt"
	kill -SEGV "${pid_of[$mnt]}"
	await_daemon 2>/dev/null
	silent 'no core is left' find "$cores" / -maxdepth 1 -name 'core*' -newer "$cores"
	umount -i -l "$mnt" 2>/dev/null
fi
done_testing
