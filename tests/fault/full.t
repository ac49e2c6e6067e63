#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# full.t - a disc filled to its last block in many ways: df is true, the refusal comes from the call that changes
# something, all that was accepted is burned
#
# "At most 1 % and 64 blocks less": what df and the refusals leave unused, of the medium's blocks.  FULL_MEBIBYTES
# (4): the size of the images.
. "$(dirname "$0")/../lib.sh"

mebibytes=${FULL_MEBIBYTES:-4}
blocks=$((mebibytes * 512)) slack=$((mebibytes * 512 / 100 + 64))
disc=$T/disc.iso options=
filler() { "$TOP/tests/fault/filler" "$@"; }
dry() { "$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | tail -n 1 | json "$1"; }
df_blocks() { stat -f -c %a "$mnt"; }
entries() { (cd "$mnt" && find . -type d -printf 'd %p\n' -o -printf '%y %s %p %l\n') | LC_ALL=C sort | sha256sum; }
image_blocks() { echo $(($(apparent_size "$disc") / 2048)); }

# df_is_true NAME: a new file of as many bytes as df promises is accepted
df_is_true() {
	local promised
	promised=$(df_blocks)
	if head -c $((promised * 2048)) /dev/zero >"$mnt/df" && rm "$mnt/df"; then pass "$1: df ($promised blocks) is not more than there is"
	else fail "$1: df ($promised blocks) is not more than there is"; fi
}
# burned NAME: what is staged is burned, to the block of the dry run
burned() {
	local append before
	append=$(dry '$_->{append_bytes} / 2048')
	before=$(image_blocks)
	is "$1: the dry run says that it fits" "$(dry '$_->{fits}')" true
	ok "$1: what was accepted is burned" sync_disc
	((before)) || before=32
	is "$1: as many blocks as the dry run said" $(($(image_blocks) - before)) "$append"
}
unused() {
	local left=$((blocks - $(image_blocks))) most=${2:-$slack}
	if ((left >= 0 && left <= most)); then pass "$1: $left of $blocks blocks stay unused"; else fail "$1: $left of $blocks blocks stay unused, more than $most"; fi
}
# full NAME REFUSED_CALLS FILLED [SLACK]: how it ended, what is left, and the burn
full() {
	local name=$1 calls=$2 filled=$3 listing
	note "$name: $filled"
	like "$name: refused with ENOSPC, by the call that needs the room" "$filled" "^($calls) ENOSPC"
	listing=$(entries)
	burned "$name"
	unused "$name" "${4-}"
	is "$name: whole" "$(entries)" "$listing"
}
fresh_disc() {
	blank_disc "$disc"
	mount_disc -o "media=${mebibytes}M$options" "$disc"
}

# ---- one kind of change, from a blank disc to the last block
# kind SOME CALLS KIND [SLACK]: after SOME operations df is looked at
kind() {
	local some=$1 calls=$2 kind=$3
	fresh_disc
	filler "$kind" "$mnt" "$some" >"$T/filled"
	df_is_true "$kind"
	full "$kind" "$calls" "$(filler "$kind" "$mnt" 0 $((some + 1)))" "${4-}"
	ok "$kind: unmount" umount_disc
}
kind 500 'open|write' small
kind 300 'open|write' blocks
kind 20 'open|write' large
kind 1000 open empty
kind 1000 open long
kind 1000 open odd
# Names whose record is full or not by the few bytes that say whether another name has their Joliet name; such that
# may, and some that do.
kind 1000 open middle
kind 1000 open replaced
kind 1000 open clashing
kind 100 mkdir directories
kind 500 'open|write|mkdir' deep
kind 1000 symlink symlinks
kind 500 symlink longlinks
kind 300 symlink mixedlinks
kind 300 symlink onelinks
kind 1000 link hardlinks
kind 1000 'open|rename' renames
kind 3000 'open|write' appends
kind 50 'open|write' rewrites
kind 20 'open|truncate' holes

# ---- above sessions, as full trees and as linked ones
# Until no further session fits.
sessions() {
	local name="tree=$tree, sessions" sessions=0 bad='' filled
	fresh_disc
	while [[ ! $bad ]]; do
		filled=$(filler small "$mnt" 30 $((sessions * 30 + 1)))
		[[ $filled == none* ]] || break
		sync_disc >"$T/told" 2>&1 && ((++sessions)) || bad=$(<"$T/told")
	done
	none "$name: no commit fails" "$bad"
	# Where not even an empty session fits any more, the disc is full, and read-only.
	((blocks - $(image_blocks) > 32)) || filled=${filled/EROFS/ENOSPC}
	# One session less than would fit: its tree names all files.
	full "$name" 'open|write' "$filled" $((slack + 100))
	cmp_number "$name: $sessions of them" "$sessions" -gt 15
	fails "$name: after the last one a change is refused at once" any touch "$mnt/one more"
	ok "$name: unmount" umount_disc
}
# Names into a large directory, into many, changed blocks of a burned file, renames of burned files.
# above CALLS KIND [SLACK]
above() {
	local calls=$1 kind=$2 name="tree=$tree, $2 above a session" filled
	fresh_disc
	noise $((mebibytes * 375000)) 1 >"$mnt/base"
	filler small "$mnt" 200 >"$T/filled"
	filler deep "$mnt" 200 >"$T/filled"
	ok "$name: first session" sync_disc
	filler "$kind" "$mnt" 50 2001 >"$T/filled"
	df_is_true "$name"
	filled=$(filler "$kind" "$mnt" 0 3000)
	full "$name" "$calls" "$filled" "${3-}"
	ok "$name: unmount" umount_disc
}
# New files of two names, on a disc whose directories are full of names of one other file: that one does not change.
beside_links() {
	local name="tree=$tree, new links beside old ones" filled
	fresh_disc
	filler deep "$mnt" 200 >"$T/filled"
	filler spreadlinks "$mnt" 3000 >"$T/filled"
	ok "$name: first session" sync_disc
	filler newlinks "$mnt" 50 >"$T/filled"
	df_is_true "$name"
	filled=$(filler newlinks "$mnt" 0 51)
	full "$name" 'open|write|link' "$filled"
	ok "$name: unmount" umount_disc
}
for tree in full linked; do
	options=,tree=$tree
	beside_links
	sessions
	above 'open|write' small
	above 'open|write' overwrites
	above 'open|write|mkdir' deep
	above 'open|write' spread
	# Where records of a burned directory and new ones meet in a sector is not known: of a disc full of names
	# alone, up to 5 % stay unused.
	above 'open|rename' renames $((slack + blocks / 20))
	above open long $((slack + blocks / 20))
	above mkdir directories $((slack + blocks / 20))
	above 'open|link' hardlinks $((slack + blocks / 20))
done
options=

# ---- with MD5 sums: of each file an attribute and an entry of a table; above sessions without them all files get them.
# An attribute is counted as if it met the worst place that there is.
options=,md5
kind 500 'open|write' small $((slack + blocks / 20))
kind 1000 open empty $((blocks * 45 / 100))
kind 1000 open long $((blocks * 45 / 100))
kind 1000 link hardlinks $((blocks * 45 / 100))
tree=full
above 'open|write' small $((slack + blocks / 20))
sums_later() {
	local name='md5 above sessions without' filled
	options=
	fresh_disc
	filler small "$mnt" 200 >"$T/filled"
	filler long "$mnt" 1000 >"$T/filled"
	filler spreadlinks "$mnt" 1000 >"$T/filled"
	ok "$name: first session" umount_disc
	mount_disc -o "media=${mebibytes}M,md5" "$disc"
	filler small "$mnt" 50 2001 >"$T/filled"
	df_is_true "$name"
	full "$name" 'open|write' "$(filler small "$mnt" 0 3000)" $((slack + blocks / 4))
	ok "$name: unmount" umount_disc
}
sums_later
options=

# ---- above a foreign disc
rm -rf "$T/plain" "$disc"
mkdir "$T/plain"
filler small "$T/plain" 200 >"$T/filled"
filler deep "$T/plain" 200 >"$T/filled"
genisoimage -quiet -J -R -o "$disc" "$T/plain" 2>/dev/null
mount_disc -o "media=${mebibytes}M" "$disc"
df_is_true 'above genisoimage'
listing=$(filler small "$mnt" 0 1001)
like 'above genisoimage: refused with ENOSPC' "$listing" '^(open|write) ENOSPC'
is 'above genisoimage: the dry run says that it fits' "$(dry '$_->{fits}')" true
ok 'above genisoimage: what was accepted is burned' sync_disc
unused 'above genisoimage'
ok 'above genisoimage: unmount' umount_disc

# ---- while it burns: what comes is counted behind the session under way
blank_disc "$disc"
mount_disc -o "media=${mebibytes}M,speed=0.3" "$disc"
noise $((mebibytes * 375000)) 2 >"$mnt/base"
sync_disc & background=$!
grown() { (($(apparent_size "$disc") > 100000)); }
ok 'while it burns: it does' until_true 30 grown
filled=$(filler small "$mnt")
ok 'while it burns: still' alive "$background"
ok 'while it burns: the first session' await "$background"
like 'while it burns: refused with ENOSPC' "$filled" '^(open|write) ENOSPC'
burned 'while it burns'
ok 'while it burns: unmount' umount_disc

# ---- image and stage on one small file system: what is staged takes its place twice
if ((EUID == 0)) && mkdir "$T/host" && mount -t tmpfs -o size=24M tmpfs "$T/host" 2>/dev/null; then
	for kind in small large directories; do
		rm -rf "$T/host/disc.iso" "$T/host/stage"
		blank_disc "$T/host/disc.iso"
		mount_disc -s "$T/host/stage" "$T/host/disc.iso"
		promised=$(($(df_blocks) * 2048))
		cmp_number "one file system, $kind: df promises some of it" "$promised" -gt 4000000
		filled=$(filler "$kind" "$mnt")
		like "one file system, $kind: refused with ENOSPC, by the call that needs the room" "$filled" '^(open|write|mkdir) ENOSPC'
		listing=$(entries)
		is "one file system, $kind: the dry run says that it fits" "$(dry '$_->{fits}')" true
		ok "one file system, $kind: what was accepted is burned" sync_disc
		is "one file system, $kind: whole" "$(entries)" "$listing"
		ok "one file system, $kind: unmount" umount_disc
	done
	umount "$T/host"
else
	skip 'image and stage on one file system' 'no tmpfs here'
fi

# ---- the disk of the stage full, by others, at many moments: nothing that was fsynced is lost, and with room again all goes on
if ((EUID == 0)) && mkdir "$T/small" && mount -t tmpfs -o size=24M tmpfs "$T/small" 2>/dev/null; then
	blank_disc "$disc"
	mount_disc -s "$T/small/stage" "$disc"
	lost=0 refused=0
	for moment in {1..12}; do
		filler small "$mnt" $((moment * 7)) $((moment * 1000)) >"$T/filled"
		[[ $(<"$T/filled") == none* ]] || { lost=1; note "moment $moment: $(<"$T/filled")"; }
		sync "$mnt/small file $((moment * 1000))"
		# Leaves a little more room each time, so that it ends in another call.
		cat /dev/zero >"$T/small/of others" 2>/dev/null
		truncate -s -$(((moment - 1) * 24576)) "$T/small/of others"
		filled=$(filler blocks "$mnt" 2000 $((moment * 10000)))
		[[ $filled == none* ]] || ((++refused))
		[[ $filled == none* || $filled =~ ^(open|write)\ ENOSPC ]] || { lost=1; note "moment $moment: $filled"; }
		sync "$mnt/small file $((moment * 1000))" 2>/dev/null
		if ((moment % 3 == 1)); then kill_daemon; rm "$T/small/of others"; mount_disc -s "$T/small/stage" "$disc"; fi
		rm -f "$T/small/of others" "$mnt/file of blocks "*
		((moment % 4)) || sync_disc >"$T/told" 2>&1 || { lost=1; cat "$T/told"; }
		for ((i = 1; i <= moment; i++)); do [[ $(<"$mnt/small file $((i * 1000))") == "of number $((i * 1000))" ]] || { lost=1; note "moment $moment: file $i"; }; done
	done
	is 'a full staging disk: nothing that was fsynced is lost, nothing is refused with room' "$lost" 0
	is 'a full staging disk: ENOSPC each time' "$refused" 12
	ok 'a full staging disk: with room again all is burned' umount_disc
	umount "$T/small"
else
	skip 'a full staging disk' 'no tmpfs here'
fi
done_testing
