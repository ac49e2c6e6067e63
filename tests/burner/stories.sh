# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# stories.sh - for scripts that run cdappendfs on an emulated recorder, in a guest or (WITHOUT_KERNEL) on this machine;
# to be sourced
#
# They set work, tree (what ought to be there), mnt and stage; $BURNER and $BURNER_CONTROL are with-burner's.
# To start a process is the dearest thing that a guest does: what is asked again and again does not start one without need.
here=$TOP/tests/burner
export BUILD=${BUILD:-$TOP/build}
. "$TOP/tests/pause.sh"

# ---- TAP, to file descriptor 3 ---------------------------------------------------------------------------------------
n=0
point() { if (($1 == 0)); then echo "ok $((++n)) - $2" >&3; else echo "not ok $((++n)) - $2" >&3; fi; }
# ok NAME COMMAND…, fails NAME COMMAND…: everything they say is in the log
ok() { local name=$1; shift; echo "== $EPOCHREALTIME $name: $*"; "$@"; local status=$?; echo "== status $status"; point $((status != 0)) "$name"; }
fails() { local name=$1; shift; echo "== $EPOCHREALTIME $name: $*"; "$@"; local status=$?; echo "== status $status"; point $((status == 0)) "$name"; }
# says NAME PATTERN COMMAND…: a line of its output matches
says() {
	local name=$1 pattern=$2 line status=1
	shift 2
	echo "== $EPOCHREALTIME $name: $*"
	"$@" >"$work/said" 2>&1
	while IFS= read -r line || [[ $line ]]; do
		printf '%s\n' "$line"
		[[ ! $line =~ $pattern ]] || status=0
	done <"$work/said"
	point $status "$name"
}
# A request to the drive
ask() { "$BUILD/tests/recorder" ask "$BURNER_CONTROL" "$@"; }

# ---- mounts ----------------------------------------------------------------------------------------------------------
stage=/tmp/stage
# bounded COMMAND…: what must not hang; a machine with other things to do takes its time
bounded() {
	local status=0
	"$TOP/build/tests/limit" 300 "$@" || status=$?
	((status != 128 + 14)) || echo "== ended after 300 s: $*" >&2	# SIGALRM
	return $status
}
preload=
mounting() { bounded env ${preload:+"LD_PRELOAD=$preload${LD_PRELOAD:+:$LD_PRELOAD}"} "$BUILD/cdappendfs" -o "staging=$stage${1:+,$1}" "$BURNER" "$mnt"; }
committed() { bounded "$BUILD/cdappendfs-sync" -q -m 'said of it' "$mnt"; }
unmounted() { bounded "$BUILD/cdappendfs-umount" "$mnt"; }
info() { bounded "$BUILD/cdappendfs-info" "$@"; }
# info_field WHAT EXPRESSION: of its JSON, which is $_
info_field() {
	local field
	field_of field "$@"
	printf '%s\n' "$field"
}
# field_of VARIABLE WHAT EXPRESSION: the same into a variable of this shell.  One perl answers all of them.
perl_pid='' to_perl='' of_perl=''
field_of() {
	info --json "$2" >"$work/info.json"
	[[ $perl_pid && -e /proc/$perl_pid ]] || start_perl
	printf '%s\n' "$3" >&"$to_perl"
	IFS= read -r -t 300 -u "$of_perl" "$1" || echo "== no answer: $3" >&2
}
start_perl() {
	exec {of_perl}<> <(:)
	# shellcheck disable=SC2016 # perl's
	exec {to_perl}> >(exec perl -MJSON::PP -e '$| = 1;
		sub field { open my $f, "<", $ARGV[0] or die; local $/; $_ = decode_json(<$f>); my $v = eval $_[0]; ref $v ? ($v ? "true" : "false") : $v // "" }
		while (my $e = <STDIN>) { chomp $e; print eval { field($e) } // "", "\n" }' "$work/info.json" >&"$of_perl")
	perl_pid=$!
}
end_perl() { [[ ! $perl_pid ]] || kill "$perl_pid"; }
# The daemon of this mount point, by its name and an argument (no pattern: there is a + in some): its directory in /proc
daemon() {
	local file name
	for file in $(grep -lzxF -- "$mnt" /proc/[0-9]*/cmdline 2>/dev/null); do
		name=
		read -r name 2>/dev/null <"${file%/*}/comm"
		[[ $name == cdappendfs ]] && echo "${file%/*}"
	done
}
# until_true WHAT COMMAND…: what others do is waited for; when it does not come that is said, with what they are at
until_true() {
	local what=$1 end=$((SECONDS + 300))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) && { pause 0.1; continue; }
		echo "== waited 300 s for $what"
		ps -eo pid,ppid,stat,wchan:24,args | tail -n 60
		return 1
	done
}
# ended DIRECTORY…: these processes of /proc are gone with all their threads, and so is what they held open: drive and stage.  Its command line a
# process loses as soon as its first thread has ended.
ended() { local dir; for dir; do [[ ! -e $dir ]] || return 1; done; }
# ends_by COMMAND…: the status of COMMAND, by which the daemon ends, when it has ended
ends_by() {
	local dirs status=0
	mapfile -t dirs < <(daemon)
	((${#dirs[@]})) || { echo "== $mnt has no daemon"; return 1; }
	"$@" || status=$?
	until_true 'the end of the daemon' ended "${dirs[@]}" && return $status
}
signal() { local dir; for dir in $(daemon); do kill "-$1" "${dir##*/}"; done; }
# As a user takes a disc out and in again, since other programs leave that to him: the kernel hears of what was burned when the tray is closed.
reload() { ask open >/dev/null && ask close >/dev/null; }
# kernel_shows TREE [LETTERS]: by Linux's own isofs; LETTERS: what is not compared (treelist -x)
kernel_shows() {
	local status=0
	[[ -d $work/kernel ]] || mkdir "$work/kernel"
	mount -t iso9660 -o ro "$BURNER" "$work/kernel" || return 1
	same_trees "$1" "$work/kernel" "${2:-lTh}" || status=1
	umount "$work/kernel" || status=1
	return $status
}
same_trees() {
	local status=0
	diff -r "$1" "$2" || status=1
	"$TOP/build/tests/treelist" -x "n$3" "$1" >"$work/want"
	"$TOP/build/tests/treelist" -x "n$3" "$2" >"$work/got"
	cmp "$work/want" "$work/got" || { diff "$work/want" "$work/got" | head -n 20; status=1; }
	return $status
}
# read_elsewhere TREE [LETTERS]: by Linux's own isofs, or where Linux does not know the drive by xorriso, which sets no times of symbolic links
read_elsewhere() {
	local status
	[[ ${WITHOUT_KERNEL-} ]] || { kernel_shows "$@"; return; }
	bounded xorriso -abort_on FAILURE -osirrox on -indev "$BURNER" -extract / "$work/extracted" && same_trees "$1" "$work/extracted" "${2:-lTh}y"
	status=$?
	chmod -R u+w "$work/extracted" && rm -rf "$work/extracted"
	return $status
}
# we_show TREE [OPTIONS]: by our own mount
we_show() {
	local status=0
	mounting "ro${2:+,$2}" || return 1
	diff -r "$1" "$mnt" || status=1
	unmounted || status=1
	return $status
}
# What was written into both trees, one after the other, may have times on both sides of a second, and kernel_shows compares them.
# same_times NAME…
same_times() { touch -d '2021-03-04 05:06:07' "${@/#/$tree/}" "${@/#/$mnt/}"; }
# noise BYTES SEED [FILE…]: what does not compress
noise() { "$TOP/build/tests/noise" "$@"; }
# both_noise BYTES SEED NAME: in both trees
both_noise() { noise "$1" "$2" "$tree/$3" "$mnt/$3"; }

# begin_story NAME: in with-burner; its directories and its TAP
begin_story() {
	# shellcheck disable=SC2034 # image: of those who source this
	story=$1 image=$T/$1.disc work=${WITHOUT_KERNEL:+$T}/tmp/story.$1
	tree=$work/tree mnt=$work/mnt stage=$work/stage
	mkdir -p "$tree" "$mnt"
	cd "$work" || exit
	exec 3>>"$T/$story.tap"
}
end_story() {
	mountpoint -q "$mnt" && umount -l -i "$mnt"
	end_perl
	ask state
	echo "1..$n" >&3
}
# on_burner STORY MEDIUM COMMAND…: in the background, with a drive of its own
on_burner() {
	local story=$1 medium=$2
	shift 2
	"$here/with-burner" -m "$medium" -l "$T/$story.cdb" "$T/$story.disc" "$@" >>"$T/$story.log" 2>&1 </dev/null &
}
