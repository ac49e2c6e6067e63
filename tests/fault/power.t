#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# power.t - power cuts: what a disk may hold at each moment of a script is mounted again, and nothing that was
# promised is lost
#
# A sample of each scenario of tests/power; POWER_SEED and POWER_STATES (for each) make others.
# `build/tests/power_cut -x` tries every moment.  Then the daemon itself, recorded behind a real mount.
. "$(dirname "$0")/../lib.sh"

seed=${POWER_SEED:-1}
relay 'power cut' nice -n 5 "$TOOLS/power_cut" -s "$seed" -n "${POWER_STATES:-70}"

# ---- the daemon
root=$T/root keep=$T/keep disc=$T/root/image
export POWER_ROOT=$root POWER_LOG=$T/record
mkdir "$root"
: >"$POWER_LOG"
mark() { "$TOOLS/power_cut" -m "$1"; }
noise 300000 1 >"$T/a"
noise 5000 2 >"$T/b"
noise 90000 3 >"$T/c"
LD_PRELOAD=$TOOLS/power_record.so mount_disc -s "$root/stage" -o create "$disc"
cp "$T/a" "$mnt/a" && sync "$mnt/a" && mark a
cp "$T/b" "$mnt/b"
ok 'recorded: a commit' sync_disc
mark ab1
mkdir "$mnt/d" && cp "$T/c" "$mnt/d/c" && sync "$mnt/d/c" && mark abc1
mv "$mnt/b" "$mnt/d/b" && printf more >>"$mnt/a"
ok 'recorded: unmount' umount_disc
mark end
unset POWER_ROOT POWER_LOG

build() { "$TOOLS/power_cut" -b "$root $keep $T/record $1 $2 $3"; }
has() { cmp "$T/$1" "$mnt/$1" || cmp "$T/$1" "$mnt/d/$1" || cmp -n 300000 "$T/$1" "$mnt/$1"; }
promised() {
	local file
	case $1 in
	end) set -- abc2 ;;
	esac
	for file in a b c; do [[ $1 != *$file* ]] || has "$file" || return 1; done
	[[ $1 != *[12] ]] || (($(info_json 'scalar @{$_->{sessions}}' "$mnt") >= ${1: -1}))
}
again() {
	rm -rf "$T/out"
	xorriso -indev "stdio:$disc" -toc -osirrox on -extract / "$T/out" >"$T/xorriso.log" 2>&1 && chmod -R u+rwX "$T/out" &&
		diff -r "$T/out" "$T/seen"
}
ok 'recorded: the record misses nothing' build 1000 0 0
# Time, what of it is there (enum disk_how), seed.
for state in '180 1 1' '300 7 2' '420 4 3' '520 7 4' '600 1 5' '700 7 6' '760 2 7' '820 7 8' '900 5 9' '960 7 10' '1000 1 11'; do
	# shellcheck disable=SC2086 # three words
	last=$(build $state)
	if ! start_disc -s "$root/stage" -o create "$disc"; then fail "state $state: it is mounted" "$(cat "$log")"; continue; fi
	ok "state $state: what was promised (${last:-nothing}) is there" promised "$last"
	rm -rf "$T/seen"
	cp -r "$mnt" "$T/seen"
	printf after >"$mnt/after"
	cp "$mnt/after" "$T/seen/"
	ok "state $state: the next commit succeeds" umount_disc
	ok "state $state: xorriso reads all" again
done
done_testing
