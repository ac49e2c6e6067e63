#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# session.t - what others make of our sessions: xorriso, isoinfo, 7z, bsdtar; over blank images and over those they
# began
. "$(dirname "$0")/../lib.sh"

seven=$(command -v 7zz || command -v 7z || command -v 7za)
# Extracting, xorriso makes no devices and gives symbolic links neither owner nor time; kernel.t compares these.
within_xorriso() { sed -E '/^[^ ]+ [bc] /d; s/^([^ ]+ l) .*( -> )/\1\2/'; }
# extracted NAME DISC REFERENCE LEFT_OUT: xorriso gives back the whole tree
extracted() {
	local name=$1 status=0
	rm -rf "$T/extracted"
	xorriso -osirrox on:auto_chmod_off -hardlinks on -indev "$2" -extract / "$T/extracted" >"$T/out" 2>&1 || status=$?
	tree_digest "$3" "$4" | within_xorriso >"$T/want"
	tree_digest "$T/extracted" "$4" | within_xorriso >"$T/got"
	same_listing "$name: xorriso extracts the source" "$T/want" "$T/got"
	is "$name: without complaint" "$status$(grep -E '^xorriso : (SORRY|FAILURE|FATAL)' "$T/out")" 0
	chmod -R u+rwX "$T/extracted"
	rm -rf "$T/extracted"
}
# The tree by isoinfo's three ways and by 7z: as many entries as there are, and some content.
listed() {
	local name=$1 disc=$2 reference=$3 files all
	all=$(find "$reference" -mindepth 1 -printf x | wc -c)
	files=$(find "$reference" -type f -printf x | wc -c)
	# A file of several extents has a line for each of them.
	is "$name: isoinfo -R lists every path" "$(isoinfo -R -f -i "$disc" 2>/dev/null | sort -u | grep -c .)" "$all"
	is "$name: isoinfo lists every path" "$(isoinfo -f -i "$disc" 2>/dev/null | sort -u | grep -c .)" "$all"
	# Joliet has no symbolic links and no devices.
	is "$name: isoinfo -J lists every file and directory" "$(isoinfo -J -f -i "$disc" 2>/dev/null | sort -u | grep -c .)" \
		"$(find "$reference" -mindepth 1 '(' -type f -o -type d ')' -printf x | wc -c)"
	for way in -R -J -d; do ok "$name: isoinfo $way -l" sh -c "isoinfo $way -l -i '$disc' >/dev/null"; done
	ok "$name: isoinfo -R -x" cmp <(isoinfo -R -i "$disc" -x '/first session/data.tar.gz') "$reference/first session/data.tar.gz"
	ok "$name: isoinfo -J -x" cmp <(isoinfo -J -i "$disc" -x '/first session/data.tar.gz') "$reference/first session/data.tar.gz"
	ok "$name: isoinfo -R -x of a deep file" cmp <(isoinfo -R -i "$disc" -x "${deep#"$reference"}") "$deep"
	"$seven" l -slt "$disc" >"$T/7z.list" 2>&1
	cmp_number "$name: 7z lists every file" "$(grep -c '^Folder = -' "$T/7z.list")" -ge "$files"
	rm -rf "$T/7z.out"
	"$seven" x -y -bd "-o$T/7z.out" "$disc" -r 'data.tar.gz' 'sector+1.bin' 'file 2?' >"$T/out" 2>&1
	same_file "$name: 7z extracts" "$T/7z.out/first session/data.tar.gz" "$reference/first session/data.tar.gz"
	same_file "$name: 7z extracts a file of a few bytes more than a sector" "$T/7z.out/first session/sector+1.bin" "$reference/first session/sector+1.bin"
	rm -rf "$T/7z.out"
}

# What each session of the disc must show for ever: burned counts one more.
burned() { ((++sessions)); tree_digest "$reference" Th >"$T/session-$sessions.want"; }
toc() { xorriso -indev "$disc" -toc 2>/dev/null | grep -c '^ISO session'; }

for kind in blank genisoimage xorriso; do
	disc=$T/$kind.iso reference=$T/$kind.tree sessions=0
	new_disc "$kind" "$disc" "$reference"
	words=(special)
	if [[ $kind == blank ]]; then words+=(many huge); else burned; fi
	for round in 1 2 3; do
		mount_disc "$disc"
		both_changed "$round" "$reference" "$mnt" "${words[@]}"
		ok "$kind: session of round $round" umount_disc
		burned
		if ((round == 1)); then deep=$reference/first\ session/level1/level2/level3/level4/level5/level6/level7/level8/level9/file
		else deep=$reference/moved\ up/level3/level4/level5/level6/level7/level8/level9/file; fi
		extracted "$kind, round $round" "$disc" "$reference" T
		# Of this one some blocks were written over.
		changed=()
		((round == 2)) && changed=('first session/data.tar.gz')
		in_one_section "$kind, round $round" "$disc" "$reference" "${changed[@]}"
		listed "$kind, round $round" "$disc" "$reference"
		# The 5 GiB file has shown that it works; the next rounds need not copy it again.
		if [[ $kind == blank && $round == 1 ]]; then
			mount_disc "$disc"
			rm "$reference/first session/huge" "$mnt/first session/huge"
			umount_disc || fail 'unmount'
			burned
		fi
	done
	# xorriso cannot list the sessions of an image that begins at LBA 0.
	[[ $kind == genisoimage ]] || is "$kind: xorriso -toc lists every session" "$(toc)" "$sessions"
	ok "$kind: xorriso appends to it" xorriso -hardlinks on -dev "$disc" -map "$TOP/Makefile" /from-xorriso -commit
	cp -a "$TOP/Makefile" "$reference/from-xorriso"
	burned
	mount_disc "$disc"
	same_file "$kind: what xorriso appended" "$TOP/Makefile" "$mnt/from-xorriso"
	printf 'again\n' >"$mnt/again"
	cp -p "$mnt/again" "$reference/again"
	ok "$kind: and we append again" umount_disc
	burned
	extracted "$kind, with xorriso's session in between" "$disc" "$reference" T
	[[ $kind == genisoimage ]] || is "$kind: xorriso -toc lists them all" "$(toc)" "$sessions"
	is "$kind: info lists them all" "$(info_json 'scalar @{$_->{sessions}}' "$disc")" "$sessions"
	# off_track: what was left of xorriso's padding, behind our session
	xorriso -indev "$disc" -check_media use=indev -- 2>/dev/null | grep '^Media region' >"$T/regions"
	is "$kind: xorriso -check_media finds no fault" "$(grep -vcE ' (good|off_track)$' "$T/regions")" 0
	cmp_number "$kind: xorriso -check_media reads every session" "$(grep -c ' good$' "$T/regions")" -ge "$(toc)"
	for ((n = 1; n <= sessions; n++)); do
		mount_disc -o "session=$n" "$disc"
		tree_digest "$mnt" Th >"$T/got"
		same_listing "$kind: session=$n is what it was" "$T/session-$n.want" "$T/got"
		reader_options=--no-verify reader_gives "$kind: the reader restores session $n" "$disc" "$n" "$T/session-$n.want" Th
		umount_disc || fail 'unmount'
	done
	rm -rf "$reference" "$disc" "$T"/session-*.want
done

# ---- images that hold more than an ISO 9660 volume
mkdir "$T/boot.tree"
noise 2048 1 >"$T/boot.tree/boot.img"
noise 300000 2 >"$T/partition"
disc=$T/boot.iso
xorriso -as mkisofs -quiet -R -J -b boot.img -no-emul-boot -boot-load-size 4 -c boot.cat -o "$disc" "$T/boot.tree" 2>/dev/null
mount_disc "$disc"
echo new >"$mnt/new"
ok 'El Torito: a session of ours' umount_disc
like 'El Torito: the boot image is found as before' "$(xorriso -indev "$disc" -report_el_torito plain 2>/dev/null)" 'El Torito img path :   1  /boot.img'
disc=$T/hybrid.iso
xorriso -as mkisofs -quiet -R -b boot.img -no-emul-boot -boot-load-size 4 -c boot.cat -append_partition 2 0xef "$T/partition" \
	-appended_part_as_gpt -o "$disc" "$T/boot.tree" 2>/dev/null
before=$(image_digest "$disc")
mount_disc "$disc"
fails 'a partition behind the volume: mounted read-only' any touch "$mnt/new"
like 'a partition behind the volume: it is said' "$(cat "$log")" 'a partition lies behind'
ok 'unmount' umount_disc
is 'a partition behind the volume: the image is what it was' "$(image_digest "$disc")" "$before"
disc=$T/bridge.iso
genisoimage -quiet -R -J -udf -o "$disc" "$T/boot.tree" 2>/dev/null
mount_disc "$disc"
fails 'a UDF bridge: mounted read-only' any touch "$mnt/new"
ok 'unmount' umount_disc
mount_disc -o drop-udf "$disc"
echo new >"$mnt/new"
ok 'a UDF bridge: a session with -o drop-udf' umount_disc
is 'a UDF bridge: it is no UDF any more' "$(blkid -p -o value -s TYPE "$disc")" iso9660
rm -f "$T"/*.iso

# ---- bsdtar, within its limits
disc=$T/compat.iso
blank_disc "$disc"
mkdir "$T/compat.tree"
for round in 1 2 3; do
	mount_disc -o compat "$disc"
	both_changed "$round" "$T/compat.tree" "$mnt" plain
	ok "compat: session of round $round" umount_disc
	rm -rf "$T/tar.out"
	mkdir "$T/tar.out"
	ok "compat, round $round: bsdtar extracts" bsdtar -x -p -f "$disc" -C "$T/tar.out"
	tree_digest "$T/compat.tree" lT >"$T/want"
	tree_digest "$T/tar.out" lT >"$T/got"
	same_listing "compat, round $round: bsdtar gives back the source" "$T/want" "$T/got"
done
done_testing
