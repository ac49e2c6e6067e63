#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# picture.t - a disc drawn: the bar in a terminal and in a pipe, and the SVG, which others read
. "$(dirname "$0")/../lib.sh"
need python3 script

disc=$T/disc.iso
mount_disc -o create,media=cd80,commit=manual,volid='A&B' "$disc"
for i in 1 2 3; do
	noise $((i * 20000000)) "$i" >"$mnt/file $i"
	sync_disc || fail "session $i"
done
noise 90000000 9 >"$mnt/staged"

# ---- in a pipe
text=$("$BUILD/cdappendfs-info" "$mnt")
bar() { grep -E '^(█|▓|░|\+|·|[#=.+-]){24}' <<<"$1"; }
is 'a bar of 80' "$(bar "$text" | wc -m)" 81
fails 'without colour' 1 grep -q $'\033' <<<"$text"
like 'the numbers below it' "$text" $'\n1 +2 +3\n'
like 'what is staged' "$text" '\+ staged 8[5-9]\.[0-9] MiB'
like 'what is free' "$text" '· free [0-9]{3}\.[0-9] MiB'
like 'what is shared' "$text" 'Session 3 takes 57\.[0-9] MiB, and shares 57\.[0-9] MiB with older ones'
is 'as wide as asked' "$(bar "$(COLUMNS=200 "$BUILD/cdappendfs-info" "$mnt")" | wc -m)" 201
is 'of ASCII where there is no more' "$(bar "$(LC_ALL=C "$BUILD/cdappendfs-info" "$mnt")" | tr -d '#=.+\n-' | wc -c)" 0
cmp_number 'before the table' "$(grep -n '·' <<<"$text" | head -n 1 | cut -d: -f1)" -lt "$(grep -n '^Session  *Start' <<<"$text" | cut -d: -f1)"

# ---- on a terminal, of 100 columns
on_terminal() { env "$@" script -qec "stty cols 100; '$BUILD/cdappendfs-info' '$mnt'" /dev/null </dev/null | tr -d '\r'; }
plain() { sed 's/\x1b\[[0-9]*m//g'; }
is 'as wide as it is' "$(bar "$(on_terminal TERM=xterm | plain)" | wc -m)" 101
unset NO_COLOR
ok 'in colour' grep -q $'\033\\[34m█' <<<"$(on_terminal TERM=xterm)"
fails 'but not with NO_COLOR' 1 grep -q $'\033' <<<"$(on_terminal TERM=xterm NO_COLOR=1)"
fails 'nor on one that is dumb' 1 grep -q $'\033' <<<"$(on_terminal TERM=dumb)"

# ---- SVG
ok 'a drawing' "$BUILD/cdappendfs-info" --svg "$T/disc.svg" "$mnt"
# What is in it, by a reader of XML that knows nothing of us: the label, and the widths of the bar's parts
cat >"$T/read.py" <<'END'
import sys, xml.etree.ElementTree as tree
svg = '{http://www.w3.org/2000/svg}'
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == svg + 'svg' and 'href' not in tree.tostring(root).decode()
print('label', root.find(svg + 'text').text)
for rect in root.iter(svg + 'rect'):
	title = rect.find(svg + 'title')
	if title is not None and float(rect.get('width')) > 5:
		print(round(float(rect.get('x'))), title.text.split(',')[0])
END
is 'its parts, in their places' "$(python3 "$T/read.py" "$T/disc.svg" | sort -k1,1n -k2 | paste -sd'|')" 'label A&B|20 session 1|45 session 2|95 session 3|170 staged|283 free'
fails 'what is there is not written over' 1 "$BUILD/cdappendfs-info" --svg "$T/disc.svg" "$mnt"
like 'and that is said' "$(cat "$T/ok.output")" 'disc.svg'
"$BUILD/cdappendfs-info" --svg - "$mnt" >"$T/out.svg"
ok 'to standard output' cmp "$T/out.svg" "$T/disc.svg"
fails 'which must take it' 1 eval "'$BUILD/cdappendfs-info' --svg - '$mnt' >/dev/full"
is 'a file as any other' "$(stat -c %a "$T/disc.svg")" 644
fails 'no list beside it' 2 "$BUILD/cdappendfs-info" --svg - --json "$mnt"
is 'the daemon says that it has a bound' "$(info_json '$_->{unbounded} ? 1 : 0' "$mnt")" 0
ok 'unmount' umount_disc

# ---- the same from the disc itself; and one without bound, which ends where its next session begins
ok 'not mounted' "$BUILD/cdappendfs-info" --svg "$T/plain.svg" "$disc"
is 'its sessions, and what is staged is not known there' "$(python3 "$T/read.py" "$T/plain.svg" | sort -k1,1n -k2 | paste -sd'|')" 'label A&B|20 session 1|45 session 2|95 session 3|170 free'
blank_disc "$T/unbounded.iso"
like 'a blank disc' "$("$BUILD/cdappendfs-info" "$T/unbounded.iso")" 'State +blank'
ok 'drawn, too' "$BUILD/cdappendfs-info" --svg "$T/blank.svg" "$T/unbounded.iso"
mount_disc "$T/unbounded.iso"
echo one >"$mnt/one"
ok 'a session' sync_disc
fails 'nothing is free in the picture of an image without bound' 1 grep -q '· free' <<<"$("$BUILD/cdappendfs-info" "$mnt")"
is 'the daemon says so' "$(info_json '$_->{unbounded} ? 1 : 0' "$mnt")" 1
ok 'unmount' umount_disc
done_testing
