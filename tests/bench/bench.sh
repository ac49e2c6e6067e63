#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench.sh - the first table: what common work costs here and with others, side by side in one run (make bench)
#
# Times of one machine say little, so every line is a ratio against a peer that did the same in the same run, pinned alike: client
# and server on CPU 0 (a round trip between them costs 4 us there and 50 us across CPUs).  Each number is the best of
# BENCH_ROUNDS (3); the peers' turns alternate.  BENCH_SCALE=small makes a quick run of it.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"


rounds=${BENCH_ROUNDS:-3}
files=100000 small=10000 large=2048 burned=200
[[ ${BENCH_SCALE-} == small ]] && files=10000 small=2000 large=256 burned=50 rounds=1
table=$T/table
ulimit -n "$(ulimit -Hn)"	# passthrough_ll keeps a descriptor for each inode
pin=(taskset -c 0)
say() { printf '%s\n' "$*" >&2; }

# seconds COMMAND…: runs it pinned, prints its time; "-" when it fails
seconds() {
	local out
	if out=$("${pin[@]}" "$TOOLS/spawn" "$@" 2>&1 >/dev/null); then tail -n 1 <<<"$out"; else say "failed: $*: $out"; echo -; fi
}
best() { printf '%s\n' "$@" | grep -v '^-$' | sort -g | head -n 1; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a == "" || b == "" || a == 0) print "-"; else printf "%.1f", b / a }'; }
# row WHAT OURS PEER THEIRS: seconds; the ratio says how many times faster we are
row() { printf '| %s | %s s | %s | %s s | %s |\n' "$1" "${2:--}" "$3" "${4:--}" "$(ratio "${2:-}" "${4:-}")" >>"$table"; }
memory_kib() { awk '/^VmHWM/ {print $2}' "/proc/$1/status"; }

# ---- servers: each is mounted on a directory of its own, pinned like its clients
start_ours() { # IMAGE OPTIONS
	local staging=$T/stage/$RANDOM$RANDOM
	"${pin[@]}" "$BUILD/cdappendfs" -f -o "staging=$staging${2:+,$2}" "$1" "$mnt" >"$T/log" 2>&1 &
	pid_of[$mnt]=$!
	mkdir -p "$T/stage"
	until_true 60 ready_or_gone "${pid_of[$mnt]}" "$mnt"
	mounted_by "$mnt" || { say "cdappendfs does not mount: $(cat "$T/log")"; exit 1; }
}
stop_ours() { bounded 600 "$BUILD/cdappendfs-umount" "$mnt" >/dev/null; await_daemon "$mnt" 600; }
drop_ours() { "$BUILD/cdappendfs-sync" --discard "$mnt" >/dev/null; stop_ours; }
start_peer() { # MOUNTPOINT COMMAND… (in the foreground)
	local point=$1
	shift
	mkdir -p "$point"
	"${pin[@]}" "$@" >"$T/peer.log" 2>&1 &
	peer=$!
	children+=("$peer")
	until_true 20 mounted_by "$point" || { say "peer does not mount: $*: $(cat "$T/peer.log")"; return 1; }
}
stop_peer() { umount -i "$1" || umount -l -i "$1"; until_true 30 gone "$peer" || kill "$peer"; wait "$peer" 2>/dev/null; }
build_passthrough() {
	local examples=/usr/share/doc/libfuse3-dev/examples file
	for file in passthrough_ll.c passthrough_helpers.h; do
		if [[ -e $examples/$file ]]; then cp "$examples/$file" "$T"; else zcat "$examples/$file.gz" >"$T/$file"; fi || return 1
	done
	# shellcheck disable=SC2046
	"${CC:-cc}" -O2 -w -o "$T/passthrough_ll" "$T/passthrough_ll.c" $(pkg-config --cflags --libs fuse3) || return 1
}
build_passthrough || say 'passthrough_ll cannot be built: its lines are empty'

# ---- trees
say 'making trees'
make_files() { # DIR COUNT BYTES
	perl -e 'my ($dir, $n, $bytes) = @ARGV; mkdir $dir; my $d;
		for my $i (0 .. $n - 1) { if ($i % 100 == 0) { $d = sprintf "%s/directory %04d", $dir, $i / 100; mkdir $d or die }
			open my $f, ">", sprintf "%s/file number %06d.dat", $d, $i or die; print $f substr(("$i " x ($bytes / 4 + 1)), 0, $bytes) }' "$@"
}
make_files "$T/tree" "$files" 1000
make_files "$T/small" "$small" 1500
mkdir "$T/large"
noise $((large << 20)) 7 >"$T/large/file"
genisoimage -quiet -R -J -o "$T/tree.iso" "$T/tree" 2>/dev/null
mkdir "$T/more"
noise 300000000 8 >"$T/more/sequential"
genisoimage -quiet -R -o "$T/sequential.iso" "$T/more" 2>/dev/null

# ---- 1. mount, first ls, memory
say 'mount and first ls'
ours=() theirs=()
for ((i = 0; i < rounds; i++)); do
	start=$(date +%s.%N)
	start_ours "$T/tree.iso" ro
	"${pin[@]}" ls "$mnt" >/dev/null
	ours+=("$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {printf "%.6f", b - a}')")
	ours_memory=$(memory_kib "${pid_of[$mnt]}")
	stop_ours
	start=$(date +%s.%N)
	if start_peer "$T/fuseiso" fuseiso -n "$T/tree.iso" "$T/fuseiso" -f; then
		"${pin[@]}" ls "$T/fuseiso" >/dev/null
		theirs+=("$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {printf "%.6f", b - a}')")
		theirs_memory=$(memory_kib "$peer")
		stop_peer "$T/fuseiso"
	fi
done
row "mount + first ls, $files files" "$(best "${ours[@]}")" fuseiso "$(best "${theirs[@]}")"
printf '| memory after it | %s KiB | fuseiso | %s KiB | %s |\n' "$ours_memory" "${theirs_memory:--}" "$(ratio "$ours_memory" "${theirs_memory-}")" >>"$table"

# ---- 2. find and sequential read against fuseiso
say 'find and read'
ours=() theirs=() ours_warm=() ours_read=() theirs_read=()
for ((i = 0; i < rounds; i++)); do
	start_ours "$T/tree.iso" ro
	ours+=("$(seconds find "$mnt" -type f -size +5000k)")
	ours_warm+=("$(seconds find "$mnt" -type f -size +5000k)")
	find_memory=$(memory_kib "${pid_of[$mnt]}")
	stop_ours
	start_peer "$T/fuseiso" fuseiso -n "$T/tree.iso" "$T/fuseiso" -f && { theirs+=("$(seconds find "$T/fuseiso" -type f -size +5000k)"); find_theirs=$(memory_kib "$peer"); stop_peer "$T/fuseiso"; }
	start_ours "$T/sequential.iso" ro
	ours_read+=("$(seconds dd "if=$mnt/sequential" of=/dev/null bs=1M)")
	stop_ours
	start_peer "$T/fuseiso" fuseiso -n "$T/sequential.iso" "$T/fuseiso" -f && { theirs_read+=("$(seconds dd "if=$T/fuseiso/sequential" of=/dev/null bs=1M)"); stop_peer "$T/fuseiso"; }
done
row "find with stat, $files files" "$(best "${ours[@]}")" fuseiso "$(best "${theirs[@]}")"
row 'the same again (kernel caches)' "$(best "${ours_warm[@]}")" 'fuseiso, first' "$(best "${theirs[@]}")"
printf '| memory after find | %s KiB | fuseiso | %s KiB | %s |\n' "$find_memory" "${find_theirs:--}" "$(ratio "$find_memory" "${find_theirs-}")" >>"$table"
row 'sequential read, 300 MB' "$(best "${ours_read[@]}")" fuseiso "$(best "${theirs_read[@]}")"

# ---- 3. cp -r into the mount
copy_into() { # SOURCE -> our_best, passthrough_best, overlay_best
	local ours=() pass=() overlay=()
	for ((i = 0; i < rounds; i++)); do
		blank_disc "$T/copy.iso"
		start_ours "$T/copy.iso" commit=manual
		ours+=("$(seconds cp -r "$1" "$mnt/copy")")
		drop_ours
		if [[ -x $T/passthrough_ll ]]; then
			rm -rf "$T/backing"; mkdir -p "$T/backing"
			if start_peer "$T/pass" "$T/passthrough_ll" -f -o "source=$T/backing" "$T/pass"; then pass+=("$(seconds cp -r "$1" "$T/pass/copy")"); stop_peer "$T/pass"; fi
		fi
		rm -rf "$T/upper" "$T/work"; mkdir -p "$T/upper" "$T/work" "$T/lower"
		if start_peer "$T/over" fuse-overlayfs -f -o "lowerdir=$T/lower,upperdir=$T/upper,workdir=$T/work" "$T/over"; then overlay+=("$(seconds cp -r "$1" "$T/over/copy")"); stop_peer "$T/over"; fi
		rm -rf "$T/backing" "$T/upper"
	done
	our_best=$(best "${ours[@]}") passthrough_best=$(best "${pass[@]}") overlay_best=$(best "${overlay[@]}")
}
say 'cp -r of small files'
copy_into "$T/small"
row "cp -r of $small small files" "$our_best" passthrough_ll "$passthrough_best"
row '' "$our_best" fuse-overlayfs "$overlay_best"
say 'cp of a large file'
copy_into "$T/large"
row "cp of a file of $large MiB" "$our_best" passthrough_ll "$passthrough_best"
row '' "$our_best" fuse-overlayfs "$overlay_best"

# ---- 4. commits; with the verification of what was written, and without, as xorriso and dd do it
commit_of() { # SOURCE -> our_best our_noverify xorriso_best dd_best
	local ours=() noverify=() theirs=() raw=() bytes
	for ((i = 0; i < rounds; i++)); do
		for options in commit=manual commit=manual,noverify; do
			blank_disc "$T/commit.iso"
			start_ours "$T/commit.iso" "$options"
			cp -r "$1" "$mnt/tree"
			if [[ $options == *noverify ]]; then noverify+=("$(seconds "$BUILD/cdappendfs-sync" -q "$mnt")")
			else ours+=("$(seconds "$BUILD/cdappendfs-sync" -q "$mnt")"); fi
			stop_ours
			bytes=$(apparent_size "$T/commit.iso")
		done
		rm -f "$T/xorriso.iso"
		theirs+=("$(seconds xorriso -joliet on -outdev "$T/xorriso.iso" -map "$1" /tree -commit)")
		raw+=("$(seconds dd "if=$T/commit.iso" "of=$T/raw" bs=1M conv=fsync)")
		rm -f "$T/raw" "$T/xorriso.iso"
	done
	our_best=$(best "${ours[@]}") our_noverify=$(best "${noverify[@]}") xorriso_best=$(best "${theirs[@]}") dd_best=$(best "${raw[@]}")
	say "a session of $bytes bytes"
}
for what in small large; do
	say "commit: $what"
	commit_of "$T/$what"
	[[ $what == small ]] && text="commit of $small small files" || text="commit of $large MiB"
	row "$text, verified" "$our_best" 'xorriso -commit' "$xorriso_best"
	row "$text, noverify" "$our_noverify" 'xorriso -commit' "$xorriso_best"
	row '' "$our_noverify" 'dd conv=fsync of as much' "$dd_best"
done

# ---- 5. one small file onto a disc of many
say 'one more file on a large disc'
ours=() theirs=()
blank_disc "$T/ours.iso"
start_ours "$T/ours.iso" ''
cp -r "$T/tree" "$mnt/tree"
stop_ours
xorriso -joliet on -outdev "$T/xorriso.iso" -map "$T/tree" /tree -commit >/dev/null 2>&1
for ((i = 0; i < rounds; i++)); do
	start_ours "$T/ours.iso" commit=manual
	echo "$i" >"$mnt/one more file $i"
	ours+=("$(seconds "$BUILD/cdappendfs-sync" -q "$mnt")")
	stop_ours
	echo "$i" >"$T/one"
	theirs+=("$(seconds xorriso -dev "$T/xorriso.iso" -map "$T/one" "/one more file $i" -commit)")
done
row "one file more on a disc of $files" "$(best "${ours[@]}")" 'xorriso -commit' "$(best "${theirs[@]}")"

# ---- 6. a session into a recorder: emulated, without any time of its own, so that the programs are what is measured
burn_rate() {
	local i name writing all why
	why=$(uml_missing) && { say "burning is left out: $why"; return; }
	say 'burning'
	for ((i = 0; i < rounds; i++)); do
		while read -r name writing all; do
			eval "writing_$name+=('$writing') all_$name+=('$all')"
		done < <(in_uml -M 1000 -t 600 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/bench/burning" "$burned" 2>"$T/burning.log")
	done
	[[ ${writing_wodim-} ]] || { say "burning failed: $(tail -n 5 "$T/burning.log")"; return; }
	row "CD-R, $burned MB: writing" "$(best "${writing_noverify[@]}")" cdrskin "$(best "${writing_cdrskin[@]}")"
	row '' "$(best "${writing_noverify[@]}")" wodim "$(best "${writing_wodim[@]}")"
	row 'the whole command, noverify' "$(best "${all_noverify[@]}")" cdrskin "$(best "${all_cdrskin[@]}")"
	row 'the whole command, verified' "$(best "${all_verify[@]}")" 'cdrskin, unverified' "$(best "${all_cdrskin[@]}")"
}
burn_rate

{
	echo
	echo "| what | cdappendfs | peer | its | ratio |"
	echo "| --- | --- | --- | --- | --- |"
	cat "$table"
	echo
	echo "Best of $rounds, pinned to one CPU, $(nproc) CPUs, Linux $(uname -r). Ratio: how many times less time (or memory) than the peer."
} | if [[ ${BENCH_OUTPUT-} ]]; then tee "$BENCH_OUTPUT"; else cat; fi
# shellcheck disable=SC2034 # for clean_up
finished=true
