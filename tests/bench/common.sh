# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# common.sh - what the bench's sections share: sizes, clocks, servers of ours and of others, rows of the table
#
#	. "$(dirname "$0")/common.sh"
#	for ((i = 0; i < rounds; i++)); do
#		up_ours "$image" ro && measure ours find "$at"; down
#		up_passthrough_ll && measure pass find "$at"; down
#	done
#	row 'find' s "$(median ours)" passthrough_ll "$(median pass)" 3
#	end_section
#
# Times of one machine say little: every row is a ratio against a peer that did the same in the same run, in turns,
# pinned alike.  Each number is the median of BENCH_ROUNDS (5; heavy work: at most 3).  A peer that is missing or
# fails leaves "-" and a reason on standard error.
# BENCH_SCALE=small makes everything small: that tests the bench, its numbers mean nothing.
# shellcheck disable=SC2034,SC2154
TEST_QUIET_SECONDS=7200
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

here=$TOP/tests/bench
rounds=${BENCH_ROUNDS:-5}
files=100000 million=1000000 small=20000 sources=10000 large=2048 gigabyte=1024 picks=20000 turns=2000 kept=2000 burned=200
if [[ ${BENCH_SCALE-} == small ]]; then
	rounds=${BENCH_ROUNDS:-1}
	files=5000 million=20000 small=1000 sources=500 large=64 gigabyte=32 picks=1000 turns=100 kept=100 burned=20
fi
heavy=$((rounds < 3 ? rounds : 3))
shared=${BENCH_DIR:-$T}		# images that several sections use
rows=${BENCH_ROWS:-$T/rows}
touch "$rows"

say() { printf '%s\n' "$*" >&2; }
end_section() {
	[[ ${BENCH_ROWS-} ]] || "$here/bench.sh" --table <"$rows"
	finished=true
	exit 0
}

# passthrough_ll keeps a descriptor for each inode that the kernel knows: its trees fit into the limit.
ulimit -n 200000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
descriptors=$(ulimit -n)
((descriptors > small + small / 10 + 100)) || small=$((descriptors * 9 / 10 / 1000 * 1000))

# ---- clocks ----------------------------------------------------------------------------------------------------------
# A round trip between client and server costs 4 us on one CPU and 50 us across two: both are pinned to CPU 0, unless
# a section empties this.
pinned=(taskset -c 0)
pin=("${pinned[@]}")
declare -A taken=()

# note_figure KEY VALUE: one more; median KEY: "-" without any
note_figure() { taken[$1]+=" $2"; }
median() { tr ' ' '\n' <<<"${taken[$1]-}" | grep . | sort -g | awk '{v[NR] = $1} END {print NR ? NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 : "-"}'; }
# measure KEY COMMAND…: its seconds go to KEY, what was resident of it at most to KEY.kib
measure() {
	local key=$1 figures
	shift
	if ! "${pin[@]}" timeout -k 5 900 "$TOOLS/spawn" "$@" >/dev/null 2>"$T/measure.log"; then
		say "failed: $*: $(tail -n 3 "$T/measure.log")"
		return 1
	fi
	read -r -a figures < <(tail -n 1 "$T/measure.log")
	note_figure "$key" "${figures[0]}"
	note_figure "$key.kib" "${figures[1]}"
}
# Nothing of what is written to the disk still waits, so that nobody pays for it but who wrote it.
settle() { sync; }
# Out of the kernel's caches: cold FILE…
cold() {
	local file
	for file in "$@"; do sync "$file"; dd if="$file" iflag=nocache count=0 status=none; done
	drop_caches
}

# ---- servers ---------------------------------------------------------------------------------------------------------
# up_NAME brings one up, pinned as its clients, and sets $at to where it serves; it fails with a reason on standard
# error.  down takes the last one down.
at='' pid='' deep='' taking_down=''

# serve POINT COMMAND…: in the foreground; the seconds until it answered for its root, or for $deep in it, to
# $T/appeared
serve() {
	local point=$1
	shift
	mkdir -p "$point"
	started=$EPOCHREALTIME
	"${pin[@]}" "$@" >"$T/server.log" 2>&1 &
	pid=$!
	pid_of[$point]=$pid
	at=$point taking_down=unmount
	"$TOOLS/appeared" "$pid" "$started" "$point" ${deep:+"$deep"} >"$T/appeared" 2>>"$T/server.log" && return
	say "does not mount: $*: $(tail -n 3 "$T/server.log")"
	down
	return 1
}
have() { command -v "$1" >/dev/null || { say "missing: $1"; return 1; }; }
up_ours() { # IMAGE [OPTIONS]
	rm -rf "$T/stage"
	mkdir "$T/stage"
	serve "$mnt" "$BUILD/cdappendfs" -f -o "staging=$T/stage/disc${2:+,$2}" "$1" "$mnt" || { say 'this bench is about cdappendfs'; exit 1; }
	taking_down=discard
}
up_fuseiso() { have fuseiso && serve "$T/fuseiso" fuseiso -n "$1" "$T/fuseiso" -f; } # IMAGE
# Servers of directories: up_NAME [DIRECTORY], else an empty one
up_passthrough_ll() {
	build_passthrough || return
	backing "${1-}"
	serve "$T/pass" "$shared/passthrough_ll" -f -o "source=$back${tuning:+,$tuning}" "$T/pass"
}
up_passthrough_tuned() { local tuning=writeback,cache=always,timeout=86400; up_passthrough_ll "$@"; }
up_overlay() {
	have fuse-overlayfs || return
	backing "${1-}"
	mkdir "$T/lower" "$T/work"
	serve "$T/overlay" fuse-overlayfs -f -o "lowerdir=$T/lower,upperdir=$back,workdir=$T/work" "$T/overlay"
}
up_unionfs() {
	have unionfs || return
	backing "${1-}"
	mkdir "$T/lower"
	serve "$T/union" unionfs -f -o cow "$back=RW:$T/lower=RO" "$T/union"
}
up_tmpfs() {
	mkdir -p "$T/tmpfs"
	mount -t tmpfs tmpfs "$T/tmpfs" || return
	at=$T/tmpfs taking_down=unmount
}
backing() {
	back=$1
	[[ $back ]] || { back=$T/backing; mkdir "$back"; }
}
# What was served goes, before it costs the next one its writing to the disk.
down() {
	[[ $taking_down == discard ]] && "$BUILD/cdappendfs-sync" --discard "$at" >/dev/null 2>&1
	[[ $taking_down ]] && mountpoint -q "$at" && { umount -i "$at" 2>/dev/null || umount -l -i "$at" 2>/dev/null || fusermount3 -u -z "$at"; }
	[[ $taking_down ]] && await_daemon "$at" 600 >/dev/null
	rm -rf "$T/backing" "$T/lower" "$T/work"
	taking_down='' at=$T/nothing
}
# Ours, with a commit of what is staged
down_committed() { bounded 900 "$BUILD/cdappendfs-umount" "$at" >/dev/null && await_daemon "$at" 900; taking_down=''; }
resident_kib() { awk '/^VmHWM/ {print $2}' "/proc/$pid/status"; }
# libfuse's example, as it comes
build_passthrough() {
	local examples=/usr/share/doc/libfuse3-dev/examples file
	[[ -x $shared/passthrough_ll ]] && return
	[[ -e $shared/no_passthrough_ll ]] && return 1
	mkdir -p "$shared/passthrough"
	for file in passthrough_ll.c passthrough_helpers.h; do
		if [[ -e $examples/$file ]]; then cp "$examples/$file" "$shared/passthrough"; else zcat "$examples/$file.gz" >"$shared/passthrough/$file"; fi
	done
	# shellcheck disable=SC2046
	"${CC:-cc}" -O2 -w -o "$shared/passthrough_ll" "$shared/passthrough/passthrough_ll.c" $(pkg-config --cflags --libs fuse3) && return
	touch "$shared/no_passthrough_ll"
	say 'passthrough_ll cannot be built'
	return 1
}

# ---- trees and images, made once a run ------------------------------------------------------------------------------
# tree_NAME: what is copied, in $tree
tree_small() { tree=$shared/small; [[ -d $tree ]] || "$TOOLS/maketree" "$tree" "$small" 100 1500 1500 1 >/dev/null; }
tree_sources() { tree=$shared/sources; [[ -d $tree ]] || "$TOOLS/maketree" "$tree" "$sources" 16 100 131072 2 >/dev/null; }
tree_backup() { tree=$shared/backup; [[ -d $tree ]] || "$TOOLS/maketree" "$tree" "$kept" 40 8192 1048576 5 >/dev/null; }
tree_large() { tree=$shared/large; [[ -d $tree ]] || { mkdir "$tree"; noise $((large << 20)) 7 >"$tree/file"; }; }
# image_of FILES PER_DIRECTORY BYTES: a disc that we made, in $image, and the path of its last file in $last
image_of() {
	image=$shared/ours.$1.iso
	if [[ ! -e $image ]]; then
		say "making a disc of $1 files"
		blank_disc "$image.new"
		up_ours "$image.new" noverify
		"${pin[@]}" "$TOOLS/maketree" "$at" "$1" "$2" "$3" "$3" 3 >"$image.last"
		down_committed || { say 'the disc cannot be made'; exit 1; }
		mv "$image.new" "$image"
	fi
	last=$(<"$image.last")
}

# ---- rows ------------------------------------------------------------------------------------------------------------
# 1000000 as 1,000,000
grouped() { sed ':again; s/\B[0-9]\{3\}\>/,&/; t again' <<<"$1"; }
# row WORK UNIT OURS PEER THEIRS [AIM]: UNIT is s, B or KiB.  AIM: "3" three times less than the peer's, "/2" at most
# twice the peer's, "<N" below N; or nothing
row() {
	awk -v work="$1" -v unit="$2" -v ours="$3" -v peer="$4" -v theirs="$5" -v aim="${6-}" '
		function digits(x) { return x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : x >= 1 ? sprintf("%.2f", x) : sprintf("%.3f", x) }
		function shown(x) {
			if (x == "-" || x == "") return "-"
			if (unit == "s") return digits(x) " s"
			if (unit == "KiB") x *= 1024
			return x >= 1073741824 ? digits(x / 1073741824) " GiB" : x >= 1048576 ? digits(x / 1048576) " MiB" : x >= 1024 ? digits(x / 1024) " KiB" : x " B"
		}
		BEGIN {
			known = ours != "-" && ours != "" && theirs != "-" && theirs != ""
			ratio = !known ? "-" : ours > 0 ? sprintf(theirs / ours >= 100 ? "%.0f" : theirs / ours >= 10 ? "%.1f" : "%.2f", theirs / ours) : theirs > 0 ? "∞" : "1.00"
			factor = substr(aim, 2) + 0
			if (aim == "") { text = verdict = "" }
			else if (aim ~ /^</) { known = ours != "-" && ours != ""; met = ours < factor; text = "under " shown(factor) }
			else if (aim ~ /^\//) { met = ours <= theirs * factor; text = "≥ " sprintf("%.2f", 1 / factor) }
			else { met = theirs >= ours * aim && theirs > 0; text = "≥ " aim }
			if (aim != "") verdict = !known ? "-" : met ? "met" : "missed"
			printf "| %s | %s | %s | %s | %s | %s | %s |\n", work, shown(ours), peer, shown(theirs), ratio, text, verdict
		}' </dev/null >>"$rows"
}
# best KEY…: the one with the least median
best() { local key; for key in "$@"; do printf '%s %s\n' "$(median "$key")" "$key"; done | grep -v '^-' | sort -g | head -n 1 | cut -d' ' -f2; }
# rows_of WORK OURS AIM KEY=PEER…: seconds; a row for each peer, and the aim at the best of them
rows_of() {
	local work=$1 ours=$2 aim=$3 pair keys=() least
	shift 3
	for pair in "$@"; do keys+=("${pair%%=*}"); done
	least=$(best "${keys[@]}")
	[[ $least ]] || least=${keys[0]}
	for pair in "$@"; do
		row "$work" s "$(median "$ours")" "${pair#*=}" "$(median "${pair%%=*}")" "$([[ ${pair%%=*} == "$least" ]] && echo "$aim")"
		work=''
	done
}
