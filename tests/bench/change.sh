#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# change.sh - small changes on large discs: bytes that the next session appends, and the seconds from the change to
# the end of the commit
. "$(dirname "$0")/common.sh"

knowing=()	# options that must come first
xorriso_on() { # KEY IMAGE COMMAND…: a session by xorriso, its bytes to KEY.bytes
	local key=$1 disc=$2 before
	shift 2
	before=$(apparent_size "$disc")
	measure "$key" xorriso "${knowing[@]}" -stdio_sync end -joliet on -dev "$disc" "$@" -commit && note_figure "$key.bytes" $(($(apparent_size "$disc") - before))
}
# ours_on KEY IMAGE SCRIPT [ARGUMENT]…: SCRIPT changes what is below $1, further arguments from $2 on; then a commit,
# whose part of the seconds goes to KEY.commit
ours_on() {
	local key=$1 disc=$2 script=$3
	shift 3
	up_ours "$disc" commit=manual
	measure "$key" sh -c "$script"' && exec "$SPAWN" "$0" --json "$1" >"$RESULT"' "$BUILD/cdappendfs-sync" "$at" "$@" && {
		note_figure "$key.commit" "$(tail -n 2 "$T/measure.log" | head -n 1 | cut -d' ' -f1)"
		note_figure "$key.bytes" "$(json '$_->{append_bytes}' <"$RESULT")"
		note_figure "$key.data" "$(json '$_->{data_bytes}' <"$RESULT")"
	}
	note_figure "$key.resident" "$(resident_kib)"
	down
}
export RESULT=$T/result SPAWN=$TOOLS/spawn
# rows_for WORK PEER
rows_for() {
	row "$1: bytes" B "$(median ours.bytes)" "$2" "$(median xorriso.bytes)" 100
	row 'time' s "$(median ours)" "$2" "$(median xorriso)" 20
}

one_byte() {
	local i
	say 'change: one byte of a large file'
	taken=()
	mkdir "$T/big"
	noise $((gigabyte << 20)) 9 >"$T/big/file"
	blank_disc "$T/ours.iso"
	up_ours "$T/ours.iso" noverify
	cp "$T/big/file" "$at/file"
	down_committed
	xorriso -joliet on -outdev "$T/xorriso.iso" -map "$T/big/file" /file -commit >/dev/null 2>&1
	for ((i = 0; i < heavy; i++)); do
		printf x >>"$T/big/file"
		settle; ours_on ours "$T/ours.iso" 'printf x >>"$1/file"'
		settle; xorriso_on xorriso "$T/xorriso.iso" -map "$T/big/file" /file
	done
	rows_for "one byte added to $(grouped "$gigabyte") MiB" 'xorriso -map'
	rm -rf "$T/big" "$T/ours.iso" "$T/xorriso.iso"
}
one_file() { # FILES PER_DIRECTORY BYTES ROUNDS
	local i beside
	image_of "$1" "$2" "$3"
	say "change: one file among $1"
	taken=()
	cp "$image" "$T/ours.iso"
	cp "$image" "$T/xorriso.iso"
	beside=$(dirname "$last")
	for ((i = 0; i < $4; i++)); do
		echo "$i" >"$T/one"
		settle; ours_on ours "$T/ours.iso" 'cp "$2" "$1/$3"' "$T/one" "$beside/one more file $i"
		settle; xorriso_on xorriso "$T/xorriso.iso" -map "$T/one" "/$beside/one more file $i"
	done
	rows_for "one file added to $(grouped "$1")" 'xorriso -map'
	row 'resident' KiB "$(median ours.resident)" xorriso "$(median xorriso.kib)"
	rm -f "$T/ours.iso" "$T/xorriso.iso"
}
# again WORK DIR BYTES: the backup that is on both discs is copied once more, all its times new; a DIR that ends in a
# blank gets a number
again() {
	local i dir
	taken=()
	say "change: $1"
	for ((i = 2; i < heavy + 2; i++)); do
		[[ $2 == *' ' ]] && dir=$2$i || dir=$2
		find "$tree" -exec touch -d "@$((1700000000 + i))" {} +
		settle; ours_on ours "$T/ours.iso" 'cp -rT "$2" "$1/$3"' "$tree" "$dir"
		settle; xorriso_on xorriso "$T/xorriso.iso" -update_r "$tree" "/$dir"
	done
	rows_for "$1" 'xorriso -update_r'
	row 'of it the commit' s "$(median ours.commit)" 'xorriso -update_r' "$(median xorriso)"
	row 'of the bytes, data of files' B "$(median ours.data)" 'the backup' "$3"
}
# The backup and its times are what they were; who copies finds that out.
unchanged() {
	local i knowing=()
	taken=()
	say 'change: an unchanged backup'
	ours_on first "$T/ours.iso" 'cp -aT "$2" "$1/backup"' "$tree"
	xorriso_on first "$T/xorriso.iso" -update_r "$tree" /backup
	xorriso -joliet on -disk_dev_ino on -outdev "$T/known.iso" -map "$tree" /backup -commit >/dev/null 2>&1
	for ((i = 0; i < heavy; i++)); do
		settle; ours_on rsync "$T/ours.iso" 'rsync -a "$2/" "$1/backup"' "$tree"
		settle; ours_on cp "$T/ours.iso" 'cp -auT "$2" "$1/backup"' "$tree"
		settle; xorriso_on xorriso "$T/xorriso.iso" -update_r "$tree" /backup
		settle; knowing=(-disk_dev_ino on)
		xorriso_on known "$T/known.iso" -update_r "$tree" /backup
		knowing=()
	done
	row 'the same, unchanged, by rsync -a: bytes' B "$(median rsync.bytes)" 'xorriso -update_r' "$(median xorriso.bytes)"
	row 'time' s "$(median rsync)" 'xorriso -update_r' "$(median xorriso)"
	row '' s "$(median rsync)" 'with -disk_dev_ino on' "$(median known)"
	row 'by cp -au: bytes' B "$(median cp.bytes)" 'xorriso -update_r' "$(median xorriso.bytes)"
	row 'time' s "$(median cp)" 'xorriso -update_r' "$(median xorriso)"
	row '' s "$(median cp)" 'with -disk_dev_ino on' "$(median known)"
}
backup() {
	local bytes
	tree_backup
	bytes=$(find "$tree" -type f -printf '%s\n' | awk '{n += $1} END {print n}')
	blank_disc "$T/ours.iso"
	up_ours "$T/ours.iso" noverify
	cp -r "$tree" "$at/backup"
	down_committed
	xorriso -joliet on -outdev "$T/xorriso.iso" -map "$tree" /backup -commit >/dev/null 2>&1
	again "backup of $((bytes >> 20)) MiB over the first" backup "$bytes"
	again 'the same, beside the first' 'backup ' "$bytes"
	unchanged
}
one_byte
one_file "$files" 100 1000 "$rounds"
one_file "$million" 50 0 "$heavy"
backup
end_section
