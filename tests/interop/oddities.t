#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# oddities.t - odd and damaged images, made from a seed: what Linux shows of them is what we show, before and after an
# append; or nothing is appended, and why is said.  ODDITIES images (32), ODDITY_SEED (1).
. "$(dirname "$0")/../lib.sh"
need python3
need_uml

oddities() { python3 "$TOP/tests/interop/oddities.py" "$@"; }
words=descriptors:root:rock-ridge:directories:byte-orders:types:trees:associated
# Two sessions of ours
oddities source "$T/source"
blank_disc "$T/ours.iso"
for from in source source/many; do
	mount_disc "$T/ours.iso"
	cp -a "$T/$from" "$mnt/$(basename "$from")"
	ok "ours: a session with $from" umount_disc
done
ok 'the images are made' oddities make "${ODDITY_SEED:-1}" "${ODDITIES:-32}" "$T/images" "$T/ours.iso"
cd "$T/images" || exit 1
mkdir new accepted

# list_and_append NAME [-o OPTIONS]: our listing, and what is appended
list_and_append() {
	local name=$1
	shift
	cp "$name.iso" "new/$name.iso"
	rm -rf "$T/stage/$name.iso"
	if start_disc "$@" "new/$name.iso"; then
		oddities list "$mnt" >"$name.ours"
		{ echo new >"$mnt/appended"; } 2>/dev/null
		bounded 120 "$BUILD/cdappendfs-umount" "$mnt" >>"$log" 2>&1 || umount -l -i "$mnt" 2>/dev/null
		await_daemon "$mnt" >>"$log" 2>&1
	else
		echo 'not mounted' >"$name.ours"
	fi
	cp "$log" "$name.log"
	! cmp -s "$name.iso" "new/$name.iso" || rm "new/$name.iso"
}
patience 600
while read -r name _; do
	list_and_append "$name"
	if [[ ! -e new/$name.iso ]] && grep -q -e '-o accept=' "$name.log"; then
		list_and_append "$name" -o "accept=$words"
		[[ -e new/$name.iso ]] && : >"accepted/$name"
	fi
	[[ -e new/$name.iso ]] || continue
	if start_disc -o ro "new/$name.iso"; then
		oddities list "$mnt" >"new/$name.ours"
		umount_disc "$mnt"
	fi
done <index
patience 900
ok 'the guest ran' in_uml bash -c "python3 '$TOP/tests/interop/oddities.py' isofs . && python3 '$TOP/tests/interop/oddities.py' isofs new"
oddities compare . >"$T/verdicts"
while read -r name recipe mutation verdict; do
	if [[ $verdict == FAULT* ]]; then fail "image $name: $recipe, $mutation" "$verdict"; else pass "image $name: $recipe, $mutation: $verdict"; fi
done <"$T/verdicts"
is 'each image was judged' "$(wc -l <"$T/verdicts")" "$(wc -l <index)"
done_testing
