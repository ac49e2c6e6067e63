#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# mutate.t - 2,000 mutated images under ASan and UBSan: whatever is on a disc is only data
. "$(dirname "$0")/../lib.sh"

san=${SAN_BUILD:-$TOP/build-san-address-undefined}
[[ -x $san/tests/fuzz_iso_mutate && -x $san/cdappendfs ]] || skip_all 'no sanitized build: make SAN=address,undefined programs fuzz'
export ASAN_OPTIONS=detect_leaks=1:exitcode=99:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:exitcode=99

make_odd_tree "$T/odd" special
make_odd_tree "$T/plain" plain
rm "$T/odd/data.tar.gz" "$T/plain/data.tar.gz"
genisoimage -quiet -R -J -joliet-long -o "$T/genisoimage.iso" "$T/odd" 2>/dev/null
genisoimage -quiet -J -o "$T/joliet.iso" "$T/plain/a dir with spaces" 2>/dev/null
xorriso -outdev "$T/xorriso.iso" -map "$T/odd" / -commit >/dev/null 2>&1
xorriso -dev "$T/xorriso.iso" -map "$T/plain" /second -commit >/dev/null 2>&1
if command -v mkzftree >/dev/null; then
	mkzftree "$T/plain" "$T/compressed" 2>/dev/null
	genisoimage -quiet -R -z -o "$T/zisofs.iso" "$T/compressed" 2>/dev/null
fi
blank_disc "$T/ours.iso"
for words in special plain; do
	mount_disc "$T/ours.iso"
	make_odd_tree "$mnt/$words" "$words"
	ok "a session of ours: $words" umount_disc
done
images=("$T"/*.iso)
for seed in 1 2 3 4; do
	ok "500 mutated images, seed $seed" bounded 600 "$san/tests/fuzz_iso_mutate" "$seed" 500 "${images[@]}"
done

# The whole program on a sample: mount, walk, read, append, commit.  Each may fail, none may hang.
BUILD=$san
within() { bounded "$@"; (($? < 124)) || slow+=" $3"; }
# use_disc NAME IMAGE
use_disc() {
	local status from=$SECONDS slow=''
	rm -rf "$T/stage/${2##*/}"
	if start_disc "$2"; then
		within 30 find "$mnt" -ls >/dev/null 2>&1
		within 30 find "$mnt" -type f -size -2M -exec cat {} + >/dev/null 2>&1
		{ echo appended >"$mnt/appended"; } 2>/dev/null
		within 30 "$BUILD/cdappendfs-sync" -q "$mnt" >/dev/null 2>&1
		if alive "${pid_of[$mnt]}"; then
			within 30 "$BUILD/cdappendfs-umount" "$mnt" >/dev/null 2>&1 || umount -l -i "$mnt" 2>/dev/null
		fi
		await_daemon "$mnt" 120
		status=$?
		unmount_all
	else
		status=$start_status
	fi
	((SECONDS - from < 45)) || slow+=" $((SECONDS - from)) s"
	if ((status < 2)) && [[ ! $slow ]] && ! grep -Eq 'Sanitizer|runtime error' "$log"; then pass "mounted, walked, appended to: $1"
	else fail "mounted, walked, appended to: $1" "status $status${slow:+, slow:$slow}: $(grep -Ev '^$' "$log" | head -n 25)"; fi
}
for seed in {1..16}; do
	image=${images[seed % ${#images[@]}]}
	cp "$image" "$T/mutated.iso"
	perl -e 'srand $ARGV[1]; open my $f, "+<", $ARGV[0] or die; binmode $f; my $s = -s $f; for (1 .. 1 + rand 60) { my $p = int rand(rand() < .5 ? ($s < 200000 ? $s : 200000) : $s); seek $f, $p, 0; print $f chr int rand 256; }' "$T/mutated.iso" "$seed"
	use_disc "$image, seed $seed" "$T/mutated.iso"
done

# ... and on what was made to harm: tests/fuzz/make-seeds.
mkdir "$T/seeds"
"$TOP/tests/fuzz/make-seeds" "$T/seeds" >/dev/null
for name in directories-in-each-other directories-overlap 64-levels name-slash zisofs-bomb ce-amplified modes files-overlap; do
	"$san/tests/fuzz_image_of" "$T/seeds/iso_image/$name" >"$T/hostile.iso"
	use_disc "$name" "$T/hostile.iso"
done

# A directory that is its own ancestor: the rest can be read, nothing is appended, and nobody walks in circles.
mkdir -p "$T/loop/dir/looped"
echo text >"$T/loop/file"
genisoimage -quiet -R -o "$T/loop.iso" "$T/loop" 2>/dev/null
perl -e 'open my $f, "+<", $ARGV[0] or die; binmode $f; local $/; my $d = <$f>; my $at = index $d, "\x06LOOPED"; die if $at < 32;
	seek $f, $at - 32 + 2, 0; print $f substr $d, 16 * 2048 + 156 + 2, 16' "$T/loop.iso"
from=$SECONDS
mount_disc "$T/loop.iso"
same_file 'a disc with a loop: its files' "$T/loop/file" "$mnt/file"
fails 'a disc with a loop: nothing is written' any sh -c "echo x >'$mnt/x'"
ok 'a disc with a loop: unmount' umount_disc
cmp_number 'a disc with a loop: at once' $((SECONDS - from)) -lt 20
done_testing
