#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# watch.t - a burn is seen, waited for and cancelled from anywhere, also after the unmount; a mount that is held
# elsewhere says so; commands take any path in the mount
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
# 40 MB in 20 seconds, so that a loaded machine is in time for them
slow=speed=13
burning() { info --json "${1:-$mnt}" | json '$_->{burning} ? $_->{burning}{phase} : "idle"'; }
is_burning() { [[ $(burning "$@") == burning ]]; }
is_idle() { [[ $(burning "$@") == idle ]]; }
sessions() { info_json 'scalar @{$_->{sessions}}' "$mnt"; }
said() { tr '\n' ' ' <"$1"; }
# Has that process its own way with SIGINT?
catches_int() { (( 16#$(awk '/^SigCgt/ {print $2}' "/proc/$1/status") & 2 )); }
in_background() { # FILE COMMAND…
	local file=$1
	shift
	"$@" >"$file" 2>&1 &
	children+=($!)
}

# ---- while it burns
blank_disc "$disc"
mount_disc -o "$slow" "$disc"
mkdir -p "$mnt/dir/deep"
noise 40000000 1 >"$mnt/dir/deep/large"
is 'nothing is under way' "$(burning)" idle
in_background "$T/events" "$BUILD/cdappendfs-sync" --json "$mnt/dir"
syncing=${children[-1]}
ok 'the burn is seen' until_true 60 is_burning
ok 'with a rate, when it has gone on for a while' until_true 60 eval 'info --json "$mnt" | json "\$_->{burning}{bytes_per_second} > 0 ? 1 : die" '
like 'as text, with percents and time left' "$(info "$mnt")" 'Commit +burning +[0-9]+%  [^ ]+ [KM]iB of [^ ]+ MiB  [^ ]+ [KM]iB/s  [0-9]+:[0-9][0-9] left'
in_background "$T/interrupted" "$BUILD/cdappendfs-sync" "$mnt"
second=${children[-1]}
in_background "$T/waited" "$BUILD/cdappendfs-sync" --wait "$mnt/dir/deep"
waiting=${children[-1]}
ok 'a second sync waits' until_true 60 catches_int "$second"
kill -INT "$second"
status=0
await "$second" 30 || status=$?
is 'a sync that is interrupted ends by that signal' "$status" 130
like 'and says that the burn goes on, how to wait and how to cancel' "$(said "$T/interrupted")" \
	'the burn goes on; .cdappendfs-sync --wait .* waits for it, .cdappendfs-sync --cancel .* stops it'
ok 'it does go on' is_burning
ok 'and ends well' await "$syncing" 300
ok '--wait ends with it' await "$waiting" 60
like 'and tells its result' "$(said "$T/waited")" '^session 1 written: '
is 'each line is JSON, the last one the result' "$(perl -MJSON::PP -ne '$l = decode_json($_); $n{$l->{event}}++; END {print "$l->{event} $l->{session}"}' "$T/events")" 'result 1'
cmp_number 'and others were before it' "$(grep -c '"event":"progress"' "$T/events")" -ge 1
like 'which tell how far it was' "$(grep progress "$T/events")" '"phase":"burning","done_bytes":[0-9]+,"all_bytes":4[0-9]+'
is 'one session' "$(sessions)" 1
is 'nothing to wait for' "$("$BUILD/cdappendfs-sync" --wait "$mnt")" 'no burn was under way'
is 'nothing to cancel' "$("$BUILD/cdappendfs-sync" --cancel "$mnt")" 'no burn was under way'
echo small >"$mnt/small"
is 'a burn of a moment has one line of JSON' "$("$BUILD/cdappendfs-sync" --json "$mnt" | grep -c result)" 1

# ---- cancelled
noise 40000000 2 >"$mnt/second"
before=$(sessions)
in_background "$T/cancelled" "$BUILD/cdappendfs-sync" "$mnt"
syncing=${children[-1]}
ok 'a second burn' until_true 60 is_burning
ok 'is cancelled' bounded 120 "$BUILD/cdappendfs-sync" --cancel "$mnt"
like 'and says what became of it' "$(said "$T/ok.output")" '^the burn is cancelled: .*stay staged'
fails 'the one who waited is told' 1 await "$syncing" 60
like 'why' "$(said "$T/cancelled")" 'cancelled'
is 'there is no session more' "$(sessions)" "$before"
ok 'what was staged is as it was' cmp <(noise 40000000 2) "$mnt/second"

# ---- after the unmount
ok 'an unmount that does not wait' fusermount3 -u "$mnt"
children+=("${pid_of[$mnt]}")
first=${pid_of[$mnt]}
unset "pid_of[$mnt]"
ok 'its burn is seen by the name of the disc' until_true 60 is_burning "$disc"
is 'which is mounted nowhere' "$(info_json '$_->{mountpoint} // "nowhere"' "$disc")" nowhere
fails 'what was its mount point does not tell: it is no answer that nothing burns' 1 "$BUILD/cdappendfs-sync" --wait "$mnt"
like 'the message asks for the disc' "$(said "$T/ok.output")" 'a burn after an unmount is found by its disc'
in_background "$T/left" "$BUILD/cdappendfs-umount" "$disc"
leaving=${children[-1]}
ok 'one that waits for it' until_true 60 catches_int "$leaving"
kill -INT "$leaving"
status=0
await "$leaving" 30 || status=$?
is 'one that waits and is interrupted ends by that signal' "$status" 130
like 'and says what goes on' "$(said "$T/left")" "the burn goes on; 'cdappendfs-sync --wait $disc' waits for it"
if ((EUID == 0)); then
	fails 'another user may not wait for it' 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$BUILD/cdappendfs-umount" "$disc"
	like 'and is told that' "$(said "$T/ok.output")" 'only the owner of the mount and root may ask|Permission denied'
fi
in_background "$T/next" "$BUILD/cdappendfs" -f -o "staging=$T/stage/disc.iso" "$disc" "$mnt"
next=${children[-1]}
ok 'cdappendfs-umount DISC waits for it' bounded 300 "$BUILD/cdappendfs-umount" "$disc"
like 'and tells the result' "$(said "$T/ok.output")" '^session [0-9]+ written: '
ok 'the daemon ends' await "$first" 60
ok 'the mount that waited comes up' until_true 60 mounted_by "$mnt"
pid_of[$mnt]=$next
log_of[$mnt]=$T/next
like 'and had said for what' "$(said "$T/next")" 'waiting for the commit of the earlier mount'
is 'with the session' "$(sessions)" "$((before + 1))"
fails 'a disc without any burn is not mounted' 1 "$BUILD/cdappendfs-umount" "$T/other.iso"

# ---- from within, and by any path
ok 'from a directory inside' eval "(cd '$mnt/dir' && '$BUILD/cdappendfs-info' .)"
ok 'of a file inside' "$BUILD/cdappendfs-info" "$mnt/dir/deep/large"
ok 'by a symbolic link to a directory inside' eval "ln -s '$mnt/dir' '$T/link' && '$BUILD/cdappendfs-sync' --dry-run '$T/link'"
fails 'a path outside is in no mount' 1 "$BUILD/cdappendfs-sync" "$T"
like 'and the message says so' "$(said "$T/ok.output")" 'no cdappendfs is mounted there'
fails 'info of a directory outside' 1 "$BUILD/cdappendfs-info" "$T"
like 'says that none is mounted there' "$(said "$T/ok.output")" 'no cdappendfs is mounted there, and a directory is no disc'
ok 'unmount from a directory inside: the command does not hold it itself' env -C "$mnt/dir" "$BUILD/cdappendfs-umount" .
unset "pid_of[$mnt]"
ok 'the daemon has ended' await "$next" 60

# ---- held elsewhere
mount_disc "$disc"
echo held >"$mnt/held"
mkdir -p "$T/bind"
if mount --bind "$mnt" "$T/bind" 2>/dev/null; then
	for program in umount sync info; do
		fails "without /proc cdappendfs-$program does not guess" 1 unshare --mount sh -c "umount -l /proc && exec '$BUILD/cdappendfs-$program' '$mnt'"
		like 'and says so' "$(said "$T/ok.output")" '/proc is missing'
	done
	ok 'it is still mounted' mounted_by "$mnt"
	ok 'a bind mount is unmounted, and that is all' bounded 60 "$BUILD/cdappendfs-umount" "$T/bind"
	ok 'the first one stays' mounted_by "$mnt"
	mkdir -p "$mnt/part/deep"
	mount --bind "$mnt/part" "$T/bind"
	is 'a bind mount of a directory in it leads to it as well' "$(info_json '$_->{mountpoint}' "$T/bind/deep")" "$mnt"
	ok 'and is unmounted alone' bounded 60 "$BUILD/cdappendfs-umount" "$T/bind"
	ok 'the whole stays' mounted_by "$mnt"
	mount --bind "$mnt" "$T/bind"
	in_background "$T/held" "$BUILD/cdappendfs-umount" "$mnt"
	unmounting=${children[-1]}
	ok 'an unmount with a bind mount left says where' until_true 60 grep -q "  at $T/bind" "$T/held"
	ok 'and that it waits' grep -q 'Waiting for it' "$T/held"
	fails 'a next mount is refused: it is mounted there' 1 bounded 60 "$BUILD/cdappendfs" -f -o "staging=$T/stage/disc.iso" "$disc" "$mnt"
	like 'it names the place' "$(said "$T/ok.output")" "already mounted at $T/bind"
	umount "$T/bind"
	ok 'it ends when that has gone' await "$unmounting" 120
	await_daemon

	mount_disc "$disc"
	echo more >"$mnt/more"
	device=$(awk -v point="$mnt" '$5 == point {print $3}' /proc/self/mountinfo | tail -n 1)
	unshare --mount --propagation private sleep 300 &
	holder=$!
	children+=("$holder")
	until_true 30 grep -q " $device " "/proc/$holder/mountinfo"
	until_true 30 eval "! cmp -s /proc/$holder/ns/mnt /proc/self/ns/mnt && [[ \$(readlink /proc/$holder/ns/mnt) != \$(readlink /proc/self/ns/mnt) ]]"
	in_background "$T/held" "$BUILD/cdappendfs-umount" "$mnt"
	unmounting=${children[-1]}
	ok 'a mount namespace that holds it is named' until_true 60 grep -q "$mnt in the mount namespace of process $holder" "$T/held"
	in_background "$T/next" "$BUILD/cdappendfs" -f -o "staging=$T/stage/disc.iso" "$disc" "$mnt"
	next=${children[-1]}
	ok 'by the next mount, too' until_true 60 grep -q "$mnt in the mount namespace of process $holder" "$T/next"
	ok 'which waits' alive "$next" || note "$(said "$T/next")"
	kill "$holder"
	ok 'the unmount ends when it has gone' await "$unmounting" 120
	await_daemon
	ok 'and the next mount comes up' until_true 60 mounted_by "$mnt"
	pid_of[$mnt]=$next
	echo last >"$mnt/last"
	exec 9<"$mnt/last"
	umount --lazy "$mnt"
	unset "pid_of[$mnt]"
	in_background "$T/next" "$BUILD/cdappendfs" -f -o "staging=$T/stage/disc.iso" "$disc" "$mnt" 9<&-
	last=${children[-1]}
	in_background "$T/held" "$BUILD/cdappendfs-umount" "$disc" 9<&-
	unmounting=${children[-1]}
	ok 'a mount that was detached while a file of it is open: who has it is named' until_true 60 grep -q "  by process $$ " "$T/held"
	ok 'by the next mount, too' until_true 60 grep -q "  by process $$ " "$T/next"
	exec 9<&-
	ok 'the wait ends when it is closed' await "$unmounting" 120
	ok 'the daemon ends' await "$next" 60
	ok 'and the next mount comes up' until_true 60 mounted_by "$mnt"
	pid_of[$mnt]=$last
	is 'with all' "$(cat "$mnt/last" "$mnt/held" "$mnt/more" | tr '\n' ' ')" 'last held more '
	umount_disc

	# The number of a file system is another one's as soon as it has ended.
	mkdir "$T/tree"
	genisoimage -quiet -R -o "$T/plain.iso" "$T/tree"
	cat >"$T/renumber" <<-'END'
		for i in {1..40}; do
			mkdir "$T/number.$i"
			"$BUILD/cdappendfs" -o ro "$T/plain.iso" "$T/number.$i" || exit
			awk -v at="$T/number.$i" '$5 == at {print $3}' /proc/self/mountinfo >"$T/number"
			[[ $(<"$T/number") == "$1" ]] && exit
		done
		exit 1
	END
	mount_disc "$disc"
	echo renumbered >"$mnt/renumbered"
	after="bash '$T/renumber' $(device_of "$mnt")"
	told=$(export T BUILD AFTER_UMOUNT=$after && LD_PRELOAD="$TOOLS/preload/renumber.so" bounded 120 "$BUILD/cdappendfs-umount" "$mnt" 2>&1)
	for point in "$T"/number.*/; do umount -i "${point%/}"; done
	like 'a mount that gets the number of the one that has ended is not taken for it' "$told" '^session [0-9]+ written'
	is 'nor told as where that is still mounted' "$(grep -c 'mounted elsewhere' <<<"$told")" 0
	await_daemon
else
	skip 'held elsewhere' 'no permission for bind mounts'
	umount_disc
fi

# ---- what a mount leaves
fails 'no image is made among devices' 1 "$BUILD/cdappendfs" -o create,media=cd74 /dev/cdappendfs-no-such-device "$mnt"
ok 'nothing is there' test ! -e /dev/cdappendfs-no-such-device
ln -s /dev/cdappendfs-no-such-device "$T/to-device"
fails 'nor by a symbolic link' 1 "$BUILD/cdappendfs" -o create,media=cd74 "$T/to-device" "$mnt"
ok 'nothing is there either' test ! -e /dev/cdappendfs-no-such-device
fails 'a mount that fails' 1 "$BUILD/cdappendfs" -o create,media=cd74,staging="$T/unusable/stage" "$T/new.iso" "$mnt"
ok 'leaves no image behind' test ! -e "$T/new.iso"
ok 'in all programs -h' eval "for p in cdappendfs cdappendfs-sync cdappendfs-umount cdappendfs-info; do '$BUILD/'\$p -h | grep -q Usage || exit 1; done"
ok 'and -V' eval "for p in cdappendfs cdappendfs-sync cdappendfs-umount cdappendfs-info; do '$BUILD/'\$p -V | grep -q '^[a-z-]* [0-9.]*$' || exit 1; done"
done_testing
