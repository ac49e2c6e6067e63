#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lost-names.t - a block of a directory is zeros, as in copies of discs that could not be read everywhere: what it named is
# not known, so no name that is missing is "not there", and none is made in its place
. "$(dirname "$0")/../lib.sh"
need isoinfo xorriso genisoimage

# The first block of DIR's listing, as isoinfo has it.
block_of() { isoinfo -R -l -i "$1" | sed -nE "s/.*\\[ *([0-9]+) 02\\]  $2 *\$/\\1/p"; }
listed() { ls "$1" 2>"$T/ls.log"; } # what there is
not_known() { # WHAT COMMAND…
	local what=$1
	shift
	fails "$what" any env LC_ALL=C "$@"
	like "$what: it cannot be known" "$(cat "$T/ok.output")" 'Input/output error'
}

mkdir -p "$T/tree/many" "$T/tree/few"
for i in {100..400}; do echo "$i" >"$T/tree/many/file-$i"; done
for i in {100..140}; do echo "$i" >"$T/tree/few/file-$i"; done
for kind in ours xorriso genisoimage; do
	disc=$T/$kind.iso
	case $kind in
	ours)
		blank_disc "$disc"
		mount_disc "$disc"
		cp -r "$T/tree/." "$mnt/"
		sync_disc || fail 'a first session'
		echo more >"$mnt/more"
		umount_disc || fail 'a second session'
		;;
	xorriso) xorriso -outdev "$disc" -map "$T/tree" / -commit >"$T/xorriso.log" 2>&1 || fail 'a disc' ;;
	genisoimage) genisoimage -quiet -R -o "$disc" "$T/tree" || fail 'a disc' ;;
	esac
	cp "$disc" "$T/whole.iso"
	for dir in many few; do
		block=$(block_of "$disc" $dir)
		dd if=/dev/zero of="$disc" bs=2048 seek=$((block + 1)) count=1 conv=notrunc status=none
		mount_disc "$disc"
		listed "$mnt/$dir" >"$T/left"
		comm -13 "$T/left" <(ls "$T/tree/$dir") >"$T/lost"
		cmp_number "$kind, $dir: names are lost" "$(wc -l <"$T/lost")" -gt 5
		cmp_number "$kind, $dir: the others are there" "$(wc -l <"$T/left")" -gt 5
		like "$kind, $dir: a listing says so" "$(cat "$T/ls.log")" 'Input/output error'
		lost=$(head -n 1 "$T/lost") left=$(tail -n 1 "$T/left")
		is "$kind, $dir: what is left can be read" "$(cat "$mnt/$dir/$left")" "${left#file-}"
		not_known "$kind, $dir: a lost name" stat "$mnt/$dir/$lost"
		not_known "$kind, $dir: another one" stat "$mnt/$dir/none"
		not_known "$kind, $dir: created in its place" touch "$mnt/$dir/$lost"
		not_known "$kind, $dir: a directory" mkdir "$mnt/$dir/$lost"
		not_known "$kind, $dir: renamed to it" mv -T "$mnt/$dir/$left" "$mnt/$dir/$lost"
		not_known "$kind, $dir: renamed into it" mv "$mnt/$([[ $dir == few ]] && echo many || echo few)" "$mnt/$dir/$lost"
		is "$kind, $dir: nothing is staged" "$(info_json '$_->{staged_bytes}' "$mnt")" 0
		like "$kind, $dir: the log says it" "$(cat "$log")" 'is damaged.*cdappendfs-check'
		rm "$mnt/$dir"/file-* || fail "$kind, $dir: what is left goes"
		not_known "$kind, $dir: it is not empty" rmdir "$mnt/$dir"
		ok "$kind, $dir: it is all there again" "$BUILD/cdappendfs-sync" --discard "$mnt"
		newest=$(readlink "$mnt/.sessions/latest")
		is "$kind, $dir: .sessions: what is left" "$(listed "$mnt/.sessions/$newest/$dir")" "$(cat "$T/left")"
		like "$kind, $dir: .sessions: a listing says so" "$(cat "$T/ls.log")" 'Input/output error'
		not_known "$kind, $dir: .sessions: a lost name" stat "$mnt/.sessions/$newest/$dir/$lost"
		fails "$kind, $dir: versions of a lost name" 1 "$BUILD/cdappendfs-log" "$mnt/$dir/$lost"
		like "$kind, $dir: they cannot be read" "$(cat "$T/ok.output")" 'it cannot be known whether it is there'
		ok "$kind, $dir: unmount" umount_disc
		fails "$kind, $dir: check" 1 "$BUILD/cdappendfs-check" "$disc"
		like "$kind, $dir: it names the directory" "$(cat "$T/ok.output")" "/$dir"
		if [[ $kind == ours ]]; then
			fails "$dir: a comparison with it" 2 "$BUILD/cdappendfs-diff" "$disc" 1
			like "$dir: names it" "$(cat "$T/ok.output")" "/$dir"
		fi

		# What the user gives up
		mount_disc -o accept=directories "$disc"
		is "$kind, $dir: given up: what is left" "$(ls "$mnt/$dir")" "$(cat "$T/left")"
		fails "$kind, $dir: a name that is lost" any stat "$mnt/$dir/$lost"
		like "$kind, $dir: is not there" "$(cat "$T/ok.output")" 'No such file'
		echo again >"$mnt/$dir/$lost"
		ok "$kind, $dir: it is burned" sync_disc
		is "$kind, $dir: and there" "$(cat "$mnt/$dir/$lost")" again
		ok "$kind, $dir: unmount" umount_disc
		same_file "$kind, $dir: mounted as any" <(mount_disc "$disc" >&2 && ls "$mnt/$dir" && umount_disc >&2) \
			<(sort "$T/left" - <<<"$lost")
		cp "$T/whole.iso" "$disc"
	done
done
done_testing
