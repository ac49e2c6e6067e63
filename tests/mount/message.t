#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# message.t - the message of a session: given to cdappendfs-sync or for the unmount, where burner/SESSION.md says that it is; refused;
# kept by a burn that was cut off and finished; no other reader minds it
. "$(dirname "$0")/../lib.sh"
need python3 xorriso

disc=$T/disc.iso
sync_with() { bounded 60 "$BUILD/cdappendfs-sync" "$@" "$mnt"; }
# By the specification alone: the message of session N, or nothing
message() {
	python3 - "$disc" "$(info_json "\$_->{sessions}[$1 - 1]{start_lba}" "$disc")" <<'END'
import hashlib, sys
with open(sys.argv[1], 'rb') as disc:
    disc.seek(int(sys.argv[2]) * 2048)
    piece = disc.read(32 * 2048)
use, block = piece[16 * 2048 + 883:][:512], piece[12 * 2048:][:2048]
if int.from_bytes(use[72:76], 'little') & 4096:
    assert block[:16] == b'CDAPPENDFS-MSG \0' and block[16:32] == use[16:32]
    assert hashlib.sha256(block[:2016]).digest() == block[2016:]
    n = int.from_bytes(block[32:36], 'little')
    assert not any(block[48 + n:2016])
    print(block[48:48 + n].decode())
else:
    assert not any(block)
END
}
longest=$(printf 'é%.0s' {1..500})

# ---- given
blank_disc "$disc"
mount_disc -o 'message=at the end\, with a comma' "$disc"
echo 1 >"$mnt/one"
ok 'a session with a message' sync_with -m 'Photos of the coast, 1 of 2: "ü"'
is 'is kept' "$(message 1)" 'Photos of the coast, 1 of 2: "ü"'
before=$(image_digest "$disc")
ok 'nothing staged' sync_with --message='unused'
like 'it is told that it is not kept' "$(cat "$T/ok.output")" 'nothing is staged.*the message is not kept'
is 'and nothing is appended' "$(image_digest "$disc")" "$before"
echo 2 >"$mnt/two"
ok 'the longest' sync_with -m "$longest"
is 'is kept as a whole' "$(message 2)" "$longest"
echo 3 >"$mnt/three"
ok 'none' sync_with
is 'is none, also when the unmount has one' "[$(message 3)]" '[]'
echo 4 >"$mnt/four"
ok 'unmount' umount_disc
is 'the message of the mount' "$(message 4)" 'at the end, with a comma'

# ---- refused
mount_disc "$disc"
echo 5 >"$mnt/five"
for text in '' "two"$'\n'"lines" $'\e[31mred' $'\xff' "x$longest" $'left\u202eright'; do
	fails "refused: $(printf %q "$text" | head -c 30)" 2 sync_with -m "$text"
done
fails 'with a dry run' 2 sync_with -n -m text
fails 'with a discard' 2 sync_with --discard -m text
ok 'a discard' sync_with --discard
ok 'unmount' umount_disc
is 'nothing was burned' "$(info_json 'scalar @{$_->{sessions}}' "$disc")" 4
fails 'of a mount' 2 "$BUILD/cdappendfs" -o $'message=a\nb' "$disc" "$mnt"

# ---- cut off
for at in kill-publish@0 kill-publish@16; do
	mount_disc -o "fault=$at" "$disc"
	echo "$at" >"$mnt/$at"
	fails "$at: the daemon is killed when the session is whole" any sync_with -m "survives $at"
	kill_daemon
	mount_disc "$disc"
	ok "$at: it is finished" umount_disc
	is "$at: with its message" "$(message "$(info_json 'scalar @{$_->{sessions}}' "$disc")")" "survives $at"
done
mount_disc -o fault=kill@8 "$disc"
echo 7 >"$mnt/seven"
fails 'a burn that is cut off' any sync_with -m 'did not happen'
kill_daemon
mount_disc -o message='of its own' "$disc"
ok 'what is staged is burned later' umount_disc
is 'by somebody who may say something else' "$(message 7)" 'of its own'

# ---- others
ok 'it is checked' "$BUILD/cdappendfs-check" --state="$T/checks" -q "$disc"
for n in 1 2 3 4 5 6 7; do
	lba=$(info_json "\$_->{sessions}[$n - 1]{start_lba}" "$disc")
	is "xorriso loads session $n" "$(xorriso -load sbsector "$lba" -indev "$disc" -find / -type f -- 2>/dev/null | wc -l)" "$n"
done
like 'xorriso lists them all' "$(xorriso -indev "$disc" -toc 2>&1 | grep -c 'ISO session')" '^7$'
mkdir "$T/out"
ok 'the reader in Python' "$TOP/fs/kit/cdappendfs-read.py" "$disc" "$T/out"
is 'restores' "$(cat "$T/out/seven")" 7
printf 'X' | dd of="$disc" bs=1 seek=$((($(info_json '$_->{sessions}[1]{start_lba}' "$disc") + 12) * 2048 + 60)) conv=notrunc status=none
fails 'one that was altered is found' 1 "$BUILD/cdappendfs-check" --state="$T/checks" "$disc"
like 'and named' "$(cat "$T/ok.output")" 'session 2: message'
done_testing
