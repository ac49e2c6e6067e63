#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# truncated.t - of an image that was cut off, or whose newest session is damaged, the sessions that are whole are
# mounted, the newest first, read-only; nothing is appended
. "$(dirname "$0")/../lib.sh"

for i in 1 2 3; do
	mkdir "$T/$i"
	noise 150000 "$i" >"$T/$i/data $i"
done
sessions() { info_json 'join ",", map { "$_->{start_lba}+$_->{sectors}" } @{$_->{sessions}}' "$1" | tr ',+' '\n '; }
# An image of three sessions: three KIND FILE
three() {
	local start i
	case $1 in
	ours | linked)
		blank_disc "$2"
		for i in 1 2 3; do
			mount_disc ${linked:+-o "tree=linked"} "$2"
			mkdir "$mnt/$i"
			cp "$T/$i/data $i" "$mnt"
			umount_disc || fail "session $i"
		done
		;;
	above) # ours above genisoimage's
		genisoimage -quiet -R -J -o "$2" "$T/1" 2>/dev/null
		for i in 2 3; do
			mount_disc "$2"
			cp "$T/$i/data $i" "$mnt"
			umount_disc || fail "session $i"
		done
		;;
	xorriso)
		xorriso -outdev "$2" -map "$T/1" / -commit >/dev/null 2>&1
		for i in 2 3; do xorriso -dev "$2" -map "$T/$i" / -commit >/dev/null 2>&1; done
		;;
	growisofs) # a copy of the first head is kept nowhere
		genisoimage -quiet -R -o "$2" "$T/1" 2>/dev/null
		for i in 2 3; do
			truncate -s %32K "$2"
			start=$(($(apparent_size "$2") / 2048))
			genisoimage -quiet -R -C "0,$start" -M "$2" -o "$T/next" "$T/$i" 2>/dev/null
			cat "$T/next" >>"$2"
			dd if="$T/next" of="$2" bs=2048 skip=16 seek=16 count=1 conv=notrunc status=none
			perl -e 'open my $f, "+<:raw", $ARGV[0]; seek $f, 32848, 0; read $f, my $n, 4; $n = unpack("V", $n) + $ARGV[1]; seek $f, 32848, 0; print $f pack "VN", $n, $n' "$2" "$start"
		done
		;;
	esac
}
# shows NAME DISC WANTED: the files of that session, whole; read-only, and nothing changes
shows() {
	local before names i
	before=$(image_digest "$2")
	if ! start_disc -s "$T/stage/cut" "$2"; then
		is "$1: refused, in one line" "$(wc -l <"$log")" 1
		none "$1: there is none that is whole" "$3"
		return
	fi
	if [[ ! $3 ]]; then
		fails "$1: of none all is left, and what is left cannot be written" any touch "$mnt/new"
		ok "$1: unmount" umount_disc
		is "$1: the image is what it was" "$(image_digest "$2")" "$before"
		return
	fi
	names=$(cd "$mnt" && find . -name 'data *' | sort | tr -dc '1-9')
	is "$1: the newest whole session is shown" "$names" "$3"
	for i in $(fold -w1 <<<"$names"); do cmp "$T/$i/data $i" "$mnt/data $i" || fail "$1: data $i"; done
	fails "$1: nothing can be written" any touch "$mnt/new"
	like "$1: it is said why" "$(<"$log")" "${4:-bytes are missing}"
	ok "$1: unmount" umount_disc
	is "$1: the image is what it was" "$(image_digest "$2")" "$before"
	is "$1: cdappendfs-info: not appendable" "$(info_json '$_->{appendable}' "$2")" false
}
for kind in ours linked above xorriso growisofs; do
	linked=${kind#ours}
	[[ $kind == linked ]] || linked=''
	disc=$T/$kind.iso
	three "$kind" "$disc"
	mapfile -t list < <(sessions "$disc")
	note "$kind: ${list[*]}"
	# Of growisofs' the first cannot be listed.
	if [[ $kind == growisofs ]]; then wanted=(12 123); else wanted=(1 12 123); fi
	for ((i = ${#list[@]} - 1; i >= 0; i--)); do
		start=${list[i]% *}
		older=''
		((i > 0)) && older=${wanted[i - 1]}
		for place in data:60 tree:22 descriptors:16 nothing:0; do
			at=${place#*:}
			((i > 0 || at > 0)) || continue
			cp "$disc" "$T/cut.iso"
			truncate -s $(((start + at) * 2048 + 100)) "$T/cut.iso"
			if [[ $i == 0 && $place == data:* ]]; then continue; fi
			# What genisoimage wrote is known by the head that our first session has saved, 32 blocks behind its start.
			[[ $kind == above && $i == 1 && $place != data:* ]] && older=''
			shows "$kind: cut in session $((i + 1)), ${place%:*}" "$T/cut.iso" "$older"
		done
	done
done
# The last block of the newest file, cut: what is missing are not zeros, and what is there is all of the file
tail -c 64 "$T/3/data 3" >"$T/end"
for kind in ours xorriso; do
	disc=$T/$kind.iso
	end=$(($(perl -0777 -e 'open my $f, "<:raw", $ARGV[0]; my $d = <$f>; open $f, "<:raw", $ARGV[1]; print rindex $d, <$f>' "$disc" "$T/end") + 64))
	for bytes in 0 1 63 400; do
		cp "$disc" "$T/cut.iso"
		truncate -s $((end - bytes)) "$T/cut.iso"
		shows "$kind: cut $bytes bytes before the end of the newest file" "$T/cut.iso" "$([[ $bytes == 0 ]] && echo 123 || echo 12)"
	done
	start_disc -s "$T/stage/cut" -o session=3 "$T/cut.iso" || fail "$kind: what is left is mounted" "$(<"$log")"
	fails "$kind: a file that was cut is an error" 2 cmp "$T/3/data 3" "$mnt/data 3"
	like "$kind: and no zeros" "$(<"$T/ok.output")" 'Input/output error'
	ok "$kind: unmount" umount_disc
done
for bytes in 1 2048 20000 32768 33000 34816 36000; do
	cp "$T/ours.iso" "$T/cut.iso"
	truncate -s "$bytes" "$T/cut.iso"
	if start_disc -s "$T/stage/cut" "$T/cut.iso"; then fail "cut to $bytes bytes: refused"; umount_disc; else pass "cut to $bytes bytes: refused"; fi
	is "cut to $bytes bytes: in one line" "$(wc -l <"$log")" 1
done

# ---- the newest session is damaged
zero() { dd if=/dev/zero of="$T/damaged.iso" bs=2048 seek="$1" count="$2" conv=notrunc status=none; }
root_of() { od -An -tu4 -j $(($2 * 2048 + 158)) -N4 "$1" | tr -d ' '; }
for kind in ours linked above xorriso growisofs; do
	disc=$T/$kind.iso
	mapfile -t list < <(sessions "$disc")
	newest=${list[-1]% *}
	cp "$disc" "$T/damaged.iso"
	zero "$(root_of "$disc" 16)" 1
	# Where there is a Joliet tree, all is to be seen in that, as on Linux.
	case $kind in
	ours | linked | above) shows "$kind: the newest root is zeros" "$T/damaged.iso" 123 'only one of its two trees' ;;
	*) shows "$kind: the newest root is zeros" "$T/damaged.iso" 12 'cannot be read' ;;
	esac
	for head in zeros noise; do
		[[ $kind == growisofs ]] && continue
		cp "$disc" "$T/damaged.iso"
		if [[ $head == zeros ]]; then zero 16 16; else noise 30000 9 | dd of="$T/damaged.iso" bs=2048 seek=16 conv=notrunc status=none; fi
		[[ $kind == above ]] && continue
		shows "$kind: the head is $head" "$T/damaged.iso" 123 'head.*damaged'
	done
	cp "$disc" "$T/damaged.iso"
	zero $((newest + 16)) 4
	if [[ $kind == xorriso ]]; then
		shows "$kind: without the newest session's own descriptors, and its root just behind them" "$T/damaged.iso" 12 'cannot be read'
		continue
	fi
	start_disc -s "$T/stage/cut" "$T/damaged.iso" || fail "$kind: without the newest session's own descriptors" "$(<"$log")"
	is "$kind: without the newest session's own descriptors all is shown" "$(cd "$mnt" && find . -name 'data *' | sort | tr -dc '1-9')" 123
	[[ $kind == growisofs ]] || fails "$kind: and nothing written" any touch "$mnt/new"
	ok "$kind: unmount" umount_disc
done
done_testing
