#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bad.t - input that is wrong or damaged: one clear message, the right exit status, nothing lost, no crash
. "$(dirname "$0")/../lib.sh"

# refused NAME STATUS PATTERN ARGUMENT…: cdappendfs ends with that status and says so in one line that matches
refused() {
	local name=$1 want=$2 pattern=$3 status=0 lines
	shift 3
	bounded 30 "$BUILD/cdappendfs" "$@" >"$T/refused" 2>&1 || status=$?
	lines=$(wc -l <"$T/refused")
	if [[ $status == "$want" && ($lines == 1 || $want == 2) && $(<"$T/refused") =~ $pattern ]]; then pass "$name"
	else fail "$name" "status $status (expected $want), $lines lines: $(head -n 5 "$T/refused")"; fi
	if mountpoint -q "${!#}"; then umount -l -i "${!#}"; fi	# where it was not refused
}
in_stage=staging=$T/stage/bad
mkdir -p "$T/stage"

# ---- wrong usage
refused 'options and no disc' 2 'DISC is missing' -o ro
refused 'no mount point' 2 . "$T/x.iso"
refused 'three arguments' 2 . "$T/x.iso" "$mnt" more
refused 'unknown option' 2 . -o nonsense=1 "$T/x.iso" "$mnt"
refused 'unknown flag' 2 . --nonsense "$T/x.iso" "$mnt"
blank_disc "$T/blank.iso"
refused 'bad capacity' 2 media -o media=huge "$T/blank.iso" "$mnt"
refused 'bad session' 2 session -o session=x "$T/blank.iso" "$mnt"
refused 'bad tree' 2 tree -o tree=sideways "$T/blank.iso" "$mnt"
for program in sync umount info; do
	fails "cdappendfs-$program without arguments" 2 "$BUILD/cdappendfs-$program"
	fails "cdappendfs-$program with an unknown flag" 2 "$BUILD/cdappendfs-$program" --nonsense "$mnt"
done
fails 'cdappendfs-sync of what is not a mount' 1 "$BUILD/cdappendfs-sync" "$T"
fails 'cdappendfs-umount of what is not a mount' 1 "$BUILD/cdappendfs-umount" "$T"
fails 'cdappendfs-info of a missing image' 1 "$BUILD/cdappendfs-info" "$T/missing.iso"
for program in '' -sync -umount -info; do ok "cdappendfs$program --help" "$BUILD/cdappendfs$program" --help; done

# ---- not a disc
refused 'missing image' 1 "$T/missing.iso" -f -o "$in_stage" "$T/missing.iso" "$mnt"
ok 'is not made' test ! -e "$T/missing.iso"
refused 'missing mount point' 1 nowhere -f -o "$in_stage" "$T/blank.iso" "$T/nowhere"
ok 'the mount point is not made' test ! -e "$T/nowhere"
refused 'a directory as disc' 1 . -f -o "$in_stage" "$T" "$mnt"
seq 100000 >"$T/text.iso"
refused 'text file' 1 'text.iso' -f -o "$in_stage" "$T/text.iso" "$mnt"
noise 3000000 1 >"$T/audio.iso"
refused 'audio' 1 'audio.iso' -f -o "$in_stage" "$T/audio.iso" "$mnt"
printf 'short' >"$T/short.iso"
refused 'a file of five bytes' 1 'short.iso' -f -o "$in_stage" "$T/short.iso" "$mnt"
truncate -s 1M "$T/zeros.iso"
refused 'zeros, which may be anything' 1 'zeros.iso' -f -o "$in_stage" "$T/zeros.iso" "$mnt"
make_odd_tree "$T/plain" plain
genisoimage -quiet -udf -R -o "$T/udf.iso" "$T/plain" 2>/dev/null
cp "$T/udf.iso" "$T/udf-only.iso"
# Blank the ISO 9660 descriptors; BEA01, NSR02, TEA01 and the UDF volume stay.
for lba in 16 17; do dd if=/dev/zero of="$T/udf-only.iso" bs=2048 seek=$lba count=1 conv=notrunc status=none; done
refused 'UDF only' 1 'udf-only.iso' -f -o "$in_stage" "$T/udf-only.iso" "$mnt"
silent 'no stage is left of any of these' find "$T" -path "$T/stage/*"

# ---- a UDF bridge is not appended to without being told so
mount_disc "$T/udf.iso"
image=$(image_digest "$T/udf.iso")
if sh -c "echo x >'$mnt/new'" 2>/dev/null; then
	fails 'a UDF bridge is not appended to' 1 "$BUILD/cdappendfs-sync" -q "$mnt"
	"$BUILD/cdappendfs-sync" --discard "$mnt" >/dev/null 2>&1
else
	pass 'a UDF bridge takes no write'
fi
ok 'unmount' umount_disc
is 'its image is unchanged' "$(image_digest "$T/udf.iso")" "$image"
mount_disc -o drop-udf "$T/udf.iso"
ok 'with drop-udf it does' sh -c "echo x >'$mnt/new'"
ok 'unmount' umount_disc
mount_disc -o ro "$T/udf.iso"
is 'and is appended to' "$(cat "$mnt/new")" x
ok 'unmount' umount_disc

# ---- a disc that is in use
disc=$T/disc.iso
blank_disc "$disc"
mount_disc "$disc"
make_odd_tree "$mnt"
noise 3000000 5 >"$mnt/some data"
ok 'burn' sync_disc
printf x >"$mnt/staged"
mkdir "$T/second"
refused 'second mount of the same disc' 1 . -f -o "staging=$T/stage/other" "$disc" "$T/second"
refused 'second mount with the same stage' 1 . -f -o "staging=$T/stage/disc.iso" "$disc" "$T/second"
is 'the first goes on' "$(cat "$mnt/staged")" x
ok 'unmount' umount_disc

# ---- a stage of another disc
mount_disc -o commit=manual "$disc"
printf kept >"$mnt/kept"
ok 'unmount without a burn' umount_disc
blank_disc "$T/other.iso"
refused 'staging directory of another disc' 1 . -f -o "staging=$T/stage/disc.iso" "$T/other.iso" "$mnt"
mount_disc "$disc"
is 'its content is not lost' "$(cat "$mnt/kept")" kept
ok 'unmount' umount_disc
# The image changes behind a stage.
mount_disc -o commit=manual "$disc"
printf kept >"$mnt/kept too"
ok 'unmount without a burn' umount_disc
cp "$disc" "$T/saved.iso"
xorriso -dev "$disc" -map "$T/plain/README" /README.added -commit >/dev/null 2>&1
refused 'another program has appended' 1 . -f -o "staging=$T/stage/disc.iso" "$disc" "$mnt"
cp "$T/saved.iso" "$disc"
mount_disc "$disc"
is 'the stage is kept and fits the old image' "$(cat "$mnt/kept too")" kept
ok 'unmount' umount_disc
# ... and behind a mount.
mount_disc "$disc"
printf staged >"$mnt/while mounted"
xorriso -dev "$disc" -map "$T/plain/README" /README.added -commit >/dev/null 2>&1
image=$(image_digest "$disc")
fails 'a commit on an image that another program appended to under the mount' 1 "$BUILD/cdappendfs-sync" -q "$mnt"
is 'keeps the stage' "$(cat "$mnt/while mounted")" staged
is 'and the image' "$(image_digest "$disc")" "$image"
"$BUILD/cdappendfs-sync" --discard "$mnt" >/dev/null 2>&1
ok 'unmount after a discard' umount_disc
mount_disc -o ro "$disc"
is 'what the other program appended is there' "$(cat "$mnt/README.added")" four
ok 'unmount' umount_disc
# The image is deleted under the mount, or another file gets its name: what is burned into it would be gone, and with
# it what was staged.
for how in deleted replaced; do
	cp "$T/saved.iso" "$disc"
	mount_disc "$disc"
	printf staged >"$mnt/while mounted"
	if [[ $how == deleted ]]; then rm "$disc"; else cp "$T/saved.iso" "$T/new.iso"; mv "$T/new.iso" "$disc"; fi
	fails "a commit to an image that was $how" 1 "$BUILD/cdappendfs-sync" -q "$mnt"
	like "it says so ($how)" "$(<"$T/ok.output")" 'was deleted, or another one has its name.*nothing was lost'
	is "what is staged can be read ($how)" "$(cat "$mnt/while mounted")" staged
	fails "unmount ($how)" any umount_disc
	cp "$T/saved.iso" "$disc"
	mount_disc "$disc"
	is "and is there again with the image ($how)" "$(cat "$mnt/while mounted")" staged
	ok "and is burned ($how)" sync_disc
	ok "unmount (burned, $how)" umount_disc
done
cp "$T/saved.iso" "$disc"
mount_disc -o speed=0.5 "$disc"
noise 2000000 7 >"$mnt/while mounted"
before=$(apparent_size "$disc")
sync_disc >"$T/told" 2>&1 & background=$!
grown() { (($(apparent_size "$disc") > before + 100000)); }
ok 'a slow burn' until_true 30 grown
rm "$disc"
fails 'in whose middle the image is deleted' 1 await "$background"
like 'says so' "$(<"$T/told")" 'was deleted, or another one has its name.*nothing was lost'
fails 'unmount' any umount_disc
cp "$T/saved.iso" "$disc"
mount_disc "$disc"
ok 'and nothing is lost' cmp <(noise 2000000 7) "$mnt/while mounted"
ok 'unmount' umount_disc
# Bytes behind the newest session are no session, but somebody's (behind.t).
cp "$T/saved.iso" "$disc"
mount_disc "$disc"
printf staged >"$mnt/while mounted"
at=$(($(apparent_size "$disc") + 40 * 2048))
printf 'x' | dd of="$disc" bs=2048 seek=$((at / 2048)) conv=notrunc status=none
ok 'a commit on an image with bytes behind its newest session' "$BUILD/cdappendfs-sync" -q "$mnt"
ok 'unmount' umount_disc
mount_disc -o ro "$disc"
is 'is made' "$(cat "$mnt/while mounted")" staged
is 'and leaves them' "$(tail -c +$((at + 1)) "$disc" | head -c 1)" x
ok 'unmount' umount_disc

# ---- an image that cannot be written
cp "$T/saved.iso" "$T/readonly.iso"
mkdir "$T/bind"
if ((EUID == 0)) && mount --bind "$T" "$T/bind" 2>/dev/null && mount -o remount,bind,ro "$T/bind" 2>/dev/null; then
	if start_disc -s "$T/stage/readonly" "$T/bind/readonly.iso"; then
		pass 'an image on a read-only filesystem mounts'
		like 'and says that it is read-only' "$(cat "$log")" 'read-only'
		like 'it is mounted ro' "$(grep " $mnt " /proc/self/mountinfo)" ' ro,'
		fails 'it takes no write' any touch "$mnt/x"
		ok 'unmount' umount_disc
	else
		fail 'an image on a read-only filesystem mounts' "$(cat "$log")"
	fi
	umount "$T/bind"
else
	skip 'an image that cannot be written' 'no bind mounts here'
fi

# ---- the disk of the stage is full
if ((EUID == 0)) && mkdir "$T/small" && mount -t tmpfs -o size=3M tmpfs "$T/small" 2>/dev/null; then
	blank_disc "$T/full.iso"
	mount_disc -s "$T/small/stage" "$T/full.iso"
	cmp_number 'df offers no more than the staging disk takes' "$(df --output=avail -B1 "$mnt" | tail -n 1)" -le 3145728
	printf 'before\n' >"$mnt/before"
	sync "$mnt/before"
	output=$(dd if=/dev/urandom of="$mnt/large" bs=65536 count=200 conv=fsync 2>&1)
	like 'a full staging disk is ENOSPC' "$output" 'No space left|error writing|fsync failed'
	is 'what was there is readable' "$(cat "$mnt/before")" before
	kill_daemon
	mount_disc -s "$T/small/stage" "$T/full.iso"
	is 'and after kill -9' "$(cat "$mnt/before")" before
	ok 'the file can be deleted' rm -f "$mnt/large"
	ok 'then there is room' sh -c "echo again >'$mnt/again' && sync '$mnt/again'"
	ok 'and it can be burned' umount_disc
	mount_disc -o ro -s "$T/small/stage" "$T/full.iso"
	is 'whole' "$(cat "$mnt/before" "$mnt/again" | tr '\n' ,)" before,again,
	ok 'unmount' umount_disc
	umount "$T/small"
else
	skip 'a full staging disk' 'no tmpfs here'
fi

# ---- damaged images: refused, or EIO where it hurts; never the end of the daemon
survives() {
	local name=$1 disc=$2
	if start_disc -s "$T/stage/damaged" -o ro "$disc"; then
		bounded 60 find "$mnt" -type f -exec cat {} + >/dev/null 2>"$T/errors"
		if (($? == 124)); then fail "$name: does not hang"; else pass "$name: does not hang"; fi
		ok "$name: the daemon lives" alive "${pid_of[$mnt]}"
		ok "$name: unmount" umount_disc
	else
		is "$name: refused" "$start_status" 1
		is "$name: in one line" "$(wc -l <"$log")" 1
	fi
}
size=$(apparent_size "$T/saved.iso")
for part in 99 90 50 20 5 2; do
	cp "$T/saved.iso" "$T/damaged.iso"
	truncate -s $((size * part / 100)) "$T/damaged.iso"
	survives "truncated to $part %" "$T/damaged.iso"
done
cp "$T/saved.iso" "$T/damaged.iso"
truncate -s 40000 "$T/damaged.iso"
survives 'cut after the first descriptors' "$T/damaged.iso"
for seed in {1..12}; do
	cp "$T/saved.iso" "$T/damaged.iso"
	# 200 flipped bits in the head and in the first MiB, other places each time
	perl -e 'srand $ARGV[1]; open my $f, "+<", $ARGV[0] or die; binmode $f; for (1 .. 200) { my $p = int rand(rand() < .3 ? 65536 : 1 << 20); seek $f, $p, 0; read $f, my $c, 1; seek $f, $p, 0; print $f chr(ord($c) ^ 1 << int rand 8); }' "$T/damaged.iso" "$seed"
	survives "flipped bits, seed $seed" "$T/damaged.iso"
done
# The image shrinks under a mount: EIO for what is gone, no SIGBUS.
cp "$T/saved.iso" "$T/damaged.iso"
mount_disc -o ro "$T/damaged.iso"
truncate -s 100000 "$T/damaged.iso"
drop_caches
fails 'an image cut under a mount: EIO' any cat "$mnt/some data"
ok 'the daemon lives' alive "${pid_of[$mnt]}"
ok 'unmount' umount_disc
done_testing
