#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# behind.t - what lies behind the end that the volume tells, and belongs to something else, stays; zeros and the remains
# of burns of ours do not make a disc longer
. "$(dirname "$0")/../lib.sh"

mkdir "$T/tree"
noise 300000 1 >"$T/tree/data"
volume_bytes() { echo $((2048 * $(od -An -tu4 -j $((16 * 2048 + 80)) -N4 "$1"))); }
# The file below BYTES, but for blocks 16 to 31.
old_file() { { head -c 32768 "$2"; tail -c +65537 "$2" | head -c $(($1 - 65536)); } | sha256sum; }
# append NAME DISC: a session with a file of that name; all that the file had stays
append() {
	local length old now
	# (Zeros that xorriso has put behind its session are nobody's.)
	length=$((2048 * $(info_json '$_->{next_lba}' "$2")))
	now=$(apparent_size "$2")
	((now < length)) && length=$now
	old=$(old_file "$length" "$2")
	mount_disc "$2"
	noise 100000 7 >"$mnt/$1"
	ok "$1: burned" umount_disc
	is "$1: nothing of the old file changed" "$(old_file "$length" "$2")" "$old"
	mount_disc -o ro "$2"
	same_file "$1: the new file is there" <(noise 100000 7) "$mnt/$1"
	same_file "$1: the old file is there" "$T/tree/data" "$mnt/data"
	ok "$1: unmount" umount_disc
}
start() { info_json '$_->{sessions}[-1]{start_lba}' "$1"; }
aligned() { echo $((($1 + 65535) / 65536 * 32)); }

# ---- of other programs
begin() {
	case $1 in
	genisoimage) genisoimage -quiet -R -J -o "$2" "$T/tree" 2>/dev/null ;;
	xorriso) xorriso -outdev "$2" -map "$T/tree" / -commit >/dev/null 2>&1 ;;
	ours) blank_disc "$2"; mount_disc "$2"; cp "$T/tree/data" "$mnt"; ok 'a disc of ours' umount_disc ;;
	esac
}
for kind in genisoimage xorriso ours; do
	disc=$T/$kind.iso
	begin "$kind" "$disc"
	truncate -s "$(volume_bytes "$disc")" "$disc"
	noise 400000 2 >>"$disc"
	length=$(apparent_size "$disc")
	is "$kind: cdappendfs-info knows where the next session begins" "$(info_json '$_->{next_lba}' "$disc")" "$(aligned "$length")"
	is "$kind: and how much stays" "$(info_json '$_->{kept_bytes}' "$disc")" 401408
	append "$kind-1" "$disc"
	is "$kind: it begins behind it" "$(start "$disc")" "$(aligned "$length")"
	append "$kind-2" "$disc"
	printf 'appended once more' >>"$disc"
	append "$kind-3" "$disc"
	is "$kind: every session is known" "$(info_json 'join ",", map { $_->{number} } @{$_->{sessions}}' "$disc")" 1,2,3,4
	mount_disc -o session=2 "$disc"
	ok "$kind: and mounted" test -e "$mnt/$kind-1" -a ! -e "$mnt/$kind-2"
	ok "$kind: unmount" umount_disc
	xorriso -dev "$disc" -map "$TOP/Makefile" /from-xorriso -commit >"$T/out" 2>&1 || note "$(tail -n 3 "$T/out")"
	append "$kind-4" "$disc"
	mount_disc -o ro "$disc"
	same_file "$kind: what xorriso appended" "$TOP/Makefile" "$mnt/from-xorriso"
	ok "$kind: unmount" umount_disc
done

# ---- zeros are nobody's
disc=$T/zeros.iso
for zeros in sparse written; do
	genisoimage -quiet -R -o "$disc" "$T/tree" 2>/dev/null
	want=$(aligned "$(volume_bytes "$disc")")
	if [[ $zeros == sparse ]]; then truncate -s +20G "$disc"; else head -c 3000000 /dev/zero >>"$disc"; fi
	mount_disc "$disc"
	echo new >"$mnt/new"
	ok "behind the volume are zeros ($zeros)" umount_disc
	is "the session begins in them ($zeros)" "$(start "$disc")" "$want"
done

# ---- remains of burns of ours: with the stage, and with it lost
for behind in nothing zeros something; do
	genisoimage -quiet -R -o "$disc" "$T/tree" 2>/dev/null
	truncate -s "$(volume_bytes "$disc")" "$disc"
	case $behind in zeros) truncate -s +20M "$disc" ;; something) noise 100000 3 >>"$disc" ;; esac
	cp --sparse=always "$disc" "$T/before.iso"
	for fault in kill@5 kill@40 kill@60 kill-before-sync; do
		mount_disc -o "fault=$fault" "$disc"
		noise 200000 4 >"$mnt/new"
		sync_disc >"$T/out" 2>&1
		kill_daemon
		cp --sparse=always "$disc" "$T/killed.iso"
		mount_disc -o commit=manual "$disc"
		same_file "$behind, $fault: nothing was lost" <(noise 200000 4) "$mnt/new"
		ok "$behind, $fault: unmount" umount_disc
		ok "$behind, $fault: the image is as it was" cmp "$T/before.iso" "$disc"
		mount_disc -s "$T/stage/lost-$behind-$fault" "$T/killed.iso"
		noise 200000 5 >"$mnt/other"
		ok "$behind, $fault: a burn without that stage" umount_disc
		is "$behind, $fault: writes over the remains" "$(start "$T/killed.iso")" "$(aligned "$([[ $behind == something ]] && apparent_size "$T/before.iso" || volume_bytes "$T/before.iso")")"
		rm -rf "$T/stage/zeros.iso"
	done
	mount_disc -o fault=write@50=EIO "$disc"
	noise 200000 4 >"$mnt/new"
	fails "$behind: a burn that fails" any sync_disc
	ok "$behind: leaves the image as it was" cmp "$T/before.iso" "$disc"
	"$BUILD/cdappendfs-sync" --discard "$mnt" >/dev/null 2>&1
	ok "$behind: unmount" umount_disc
done
done_testing
