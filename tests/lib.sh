# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lib.sh - what the shell tests share: TAP, a temporary directory that cleans up, mounts, listings, odd trees
#
#	. "$(dirname "$0")/../lib.sh"
#	ok 'it works' COMMAND ARGUMENT…
#	done_testing
#
# Daemons run in the foreground as children (-f), so that a test knows their number, can end them and can wait for them.
# Nothing else is ever signalled.  Everything lies below $T, which is unmounted and removed whatever happens.
set -uo pipefail
shopt -s nullglob

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
TOOLS=$TOP/build/tests
T=$(mktemp -d "${TMPDIR:-/tmp}/cdappendfs-test.XXXXXX")
export XDG_STATE_HOME=$T/state LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=UTC GIT_CONFIG_NOSYSTEM=1 HOME=$T
# The programs of the Debian packages before others of their names: the python3 of a pyenv is a script that takes ten times as long.
PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH
umask 022
cd "$T" || exit 1
. "$TOP/tests/pause.sh"

# ---- TAP -------------------------------------------------------------------------------------------------------------
tests=0 failures=0

note() { local line; while IFS= read -r line; do printf '# %s\n' "$line"; done <<<"$*"; }
pass() { printf 'ok %d - %s\n' $((++tests)) "$1"; progress; }
fail() {
	printf 'not ok %d - %s\n' $((++tests)) "$1"
	((++failures))
	progress
	[[ ${2-} ]] && note "$2"
	return 0
}
skip() { printf 'ok %d - %s # SKIP %s\n' $((++tests)) "$1" "$2"; }
# ok NAME COMMAND…: it succeeds
# The command runs in this shell, not in a substitution: it may wait for daemons that are this shell's children.
ok() {
	local name=$1 status=0
	shift
	"$@" >"$T/ok.output" 2>&1 || status=$?
	if ((status == 0)); then pass "$name"; else fail "$name" "exit status $status of: $*"$'\n'"$(tail -n 25 "$T/ok.output")"; fi
}
# fails NAME STATUS COMMAND…: it ends with exactly that status.  "any" is a refusal: not 0, not 124 of a time limit, nor 126 and 127 of a command that
# does not exist, nor what a shell says of a signal, from 128 on
fails() {
	local name=$1 want=$2 status=0
	shift 2
	"$@" >"$T/ok.output" 2>&1 || status=$?
	if [[ $status == "$want" ]] || { [[ $want == any ]] && ((status > 0 && status < 128)) && [[ $status != @(124|126|127) ]]; }; then pass "$name"
	else fail "$name" "exit status $status, expected $want, of: $*"$'\n'"$(tail -n 25 "$T/ok.output")"; fi
}
# ended_midway OUT COMMAND…: COMMAND makes OUT, under another name until it is whole, and is ended by SIGTERM before: nothing stays of it
ended_midway() {
	local out=$1
	shift
	"$@" >"$T/ended.log" 2>&1 &
	children+=($!)
	ok 'it is made under another name' until_true 60 test -e "$out.unfinished"
	kill -TERM "${children[-1]}"
	await "${children[-1]}"
	is 'it is ended' $? 143
	none 'nothing is left of it' "$(echo "$out"*)"
	like 'it says so' "$(cat "$T/ended.log")" "${out##*/}: ended, and not made"
}
# is NAME GOT EXPECTED: two texts.  Nothing is what a command says, too, that did not do its work, so two empty ones are no success: where
# nothing is expected, silent or none
is() { if [[ $2 && $2 == "$3" ]]; then pass "$1"; else fail "$1" "got:      $2"$'\n'"expected: $3"; fi; }
isnt() { if [[ $2 && $3 && $2 != "$3" ]]; then pass "$1"; else fail "$1" "got:      $2"$'\n'"and not:  $3"; fi; }
like() { if [[ $3 && $2 =~ $3 ]]; then pass "$1"; else fail "$1" "got:      $2"$'\n'"expected: $3"; fi; }
# silent NAME COMMAND…: it succeeds and says nothing
silent() {
	local name=$1 status=0
	shift
	"$@" >"$T/ok.output" 2>&1 || status=$?
	if ((status == 0)) && [[ ! -s $T/ok.output ]]; then pass "$name"
	else fail "$name" "exit status $status of: $*"$'\n'"it said: $(head -n 25 "$T/ok.output")"; fi
}
# none NAME TEXT: of what the test itself has collected there is nothing
none() { if [[ ! $2 ]]; then pass "$1"; else fail "$1" "got:      $2, expected none"; fi; }
# cmp_number NAME A OPERATOR B, as in cmp_number 'small' "$n" -lt 4096
cmp_number() { if test "$2" "$3" "$4"; then pass "$1"; else fail "$1" "$2 is not $3 $4"; fi; }
same_file() { ok "$1" cmp "$2" "$3"; }
# same_listing NAME A B: two files of treelist, and there is something in them
same_listing() {
	local changes
	if changes=$(diff "$2" "$3") && [[ -s $2 || -s $3 ]]; then pass "$1"; else fail "$1" "$(head -n 30 <<<"$changes")"; fi
}
# A command or function that does not exist is a failure wherever it was called: in a condition, a pipe, a substitution, a script, a guest.  bash calls
# this in a process of its own, so it is noted for the end.
command_not_found_handle() {
	local i=1
	while [[ ${BASH_SOURCE[i]-} == */tests/lib.sh ]]; do ((++i)); done
	printf '%s line %d: %s\n' "$(basename -- "${BASH_SOURCE[i]-$0}")" "${BASH_LINENO[i - 1]-0}" "$1" >>"$T/.unknown"
	printf 'no such command: %s\n' "$1" >&2
	return 127
}
export T
export -f command_not_found_handle
known_commands() {
	local line
	[[ -e $T/.unknown ]] || return 0
	while IFS= read -r line; do fail "no such command: $line"; done < <(sort -u "$T/.unknown")
	rm "$T/.unknown"
}
done_testing() {
	known_commands
	printf '1..%d\n' "$tests"
	finished=true
	exit $((failures > 0))
}
skip_all() {
	if [[ -e $T/.unknown ]]; then done_testing; fi
	printf '1..0 # SKIP %s\n' "$1"
	finished=true
	exit 0
}
# need COMMAND…: what this test cannot do without
need() {
	local command
	for command; do command -v "$command" >/dev/null || skip_all "no $command"; done
}
# Points that another program prints as TAP become points of this test: relay PREFIX COMMAND…
relay() {
	local prefix=$1 line ended=false
	shift
	while IFS= read -r line; do
		case $line in
		'ok '*' # SKIP '*) skip "$prefix: $(tap_name "${line%% # SKIP*}")" "${line##* # SKIP }" ;;
		'ok '*) pass "$prefix: $(tap_name "$line")" ;;
		'not ok '*) fail "$prefix: $(tap_name "${line#not }")" ;;
		1..*) ended=true ;;
		'#'*) printf '%s\n' "$line" ;;
		*) note "$line" ;;
		esac
	done < <("$@" 2>&1)
	$ended || fail "$prefix: ran to its end"
}
tap_name() { [[ $1 =~ ^ok\ [0-9]+\ -\ (.*)$ ]] && printf '%s' "${BASH_REMATCH[1]}"; }

# ---- what hangs ------------------------------------------------------------------------------------------------------
# Nothing waits for ever: not for a process, not for an answer, and not in a request that a daemon does not answer, which no signal ends.  When for
# $quiet seconds there was no point, what the test's processes are at is told and they are ended, the daemons among them: that answers all requests.
quiet=${TEST_QUIET_SECONDS:-600}
progress() { echo "$tests" >"$T/.progress"; }
# patience SECONDS: what follows takes longer, and has a limit of its own
patience() { touch -d "@$((EPOCHSECONDS + $1))" "$T/.progress"; }
# The processes below PID, but not PID2 and what is below it
processes_below() {
	ps -eo pid=,ppid=,stat=,wchan:24=,args= | awk -v top="$1" -v not="$2" '
		{parent[$1] = $2; line[$1] = $0}
		function below(p) {for (; p in parent; p = parent[p]) {if (p == not) return 0; if (p == top) return 1} return 0}
		END {for (p in line) if (p != top && below(p)) print line[p]}'
}
watch_over() {
	local self=$BASHPID last processes
	while sleep 5 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null && last=$(stat -c %Y "$T/.progress" 2>/dev/null); do
		((EPOCHSECONDS - last <= quiet)) && continue
		processes=$(processes_below $$ "$self")
		printf '# nothing happened for %d s after point %d; ended, and with it:\n' "$quiet" "$(<"$T/.progress")"
		note "$processes"
		kill -TERM $$
		awk '{print $1}' <<<"$processes" | xargs -r kill -KILL
		return
	done
}
# await PID [SECONDS]: the status of a child, as wait gives it; one that does not end is told and ended
await() {
	local pid=$1 seconds=${2:-300}
	until_true "$seconds" gone "$pid" || {
		note "process $pid has not ended after $seconds s: $(ps -o stat=,wchan:24=,args= -p "$pid")"
		kill -KILL "$pid"
	}
	wait "$pid"
}

# ---- cleaning up -----------------------------------------------------------------------------------------------------
declare -A pid_of=() log_of=()
finished=false children=()

# The mount points below $T, deepest first.
mounts_below() { awk -v top="$T/" 'index($5 "/", top) == 1 {print $5}' /proc/self/mountinfo | sort -r; }
unmount_all() {
	local mount
	while IFS= read -r mount; do
		umount -l -i -- "$mount" 2>/dev/null || fusermount3 -u -z -- "$mount" 2>/dev/null
	done < <(mounts_below)
}
# Numbers of children that ended long ago may be those of others.
child() { [[ -e /proc/$1 ]] && grep -qx "PPid:[[:space:]]*$$" "/proc/$1/status" 2>/dev/null; }
clean_up() {
	local pid
	trap '' INT TERM
	$finished || echo '# ended before done_testing'
	for pid in "$watcher" "${children[@]}" "${pid_of[@]}"; do child "$pid" && kill -KILL "$pid" 2>/dev/null; done
	unmount_all
	for pid in "${children[@]}" "${pid_of[@]}"; do child "$pid" && await "$pid" 30 2>/dev/null; done
	cd /
	if [[ ${KEEP-} ]]; then echo "# kept: $T"; else rm -rf --one-file-system -- "$T"; fi
}
trap clean_up EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# Mounting needs /dev/fuse: root, or a machine that lets everyone have it.
[[ -r /dev/fuse && -w /dev/fuse ]] || skip_all 'no access to /dev/fuse'

progress
watch_over & watcher=$!
disown "$watcher"

# ---- waiting ---------------------------------------------------------------------------------------------------------
# until_true SECONDS COMMAND…
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		pause 0.05
	done
}
# A command that must not hang: bounded SECONDS COMMAND…
bounded() { timeout -k 5 "$@"; }
alive() { kill -0 "$1" 2>/dev/null; }
gone() { ! alive "$1"; }

# ---- mounts ----------------------------------------------------------------------------------------------------------
mnt=$T/mnt
mkdir -p "$mnt"
n_logs=0

# All FUSE file systems have one number, for which stat says "fuseblk" on Debian 12 and "fuse" on Debian 13.
# That a mount of that name has come is seen without a process: this is asked many times.  (mountinfo has four characters in octal.)
mounted_by() { appeared "${1##*/}" && mountpoint -q "$1" && [[ $(stat -f -c %T "$1" 2>/dev/null) == fuse?(blk) ]]; }
appeared() {
	local mounts name=${1//\\/\\134}
	name=${name// /\\040} name=${name//$'\t'/\\011}
	name=${name//$'\n'/\\012}
	mapfile mounts </proc/self/mountinfo
	[[ "${mounts[*]}" == *"/$name "* ]]
}
ready_or_gone() { mounted_by "$2" || ! alive "$1"; }
# The commands can reach its daemon: that is a moment after the mount is seen.
device_of() {
	local point number device=
	while read -r _ _ number _ point _; do [[ $point != "$1" ]] || device=$number; done </proc/self/mountinfo
	printf '%s' "$device"
}
listens() {
	local device
	device=$(device_of "$1")
	[[ $device ]] && grep -qE "@cdappendfs/$device(/|\$)" /proc/net/unix
}

# start_disc [-o OPTIONS] [-s STAGING] DISC [MOUNTPOINT]: mounts; fails with the daemon's words in $log when it does not come up.
# The staging directory is named after the image unless given.
start_disc() {
	local options='' staging='' OPTIND=1 flag
	while getopts o:s: flag; do
		case $flag in o) options=$OPTARG ;; s) staging=$OPTARG ;; *) return 2 ;; esac
	done
	shift $((OPTIND - 1))
	local disc=$1 point=${2:-$mnt} pid
	[[ $staging ]] || staging=$T/stage/$(basename "$disc")
	mkdir -p "$point" "$(dirname "$staging")"
	log=$T/log.$((++n_logs))
	"$BUILD/cdappendfs" -f -o "staging=$staging${options:+,$options}" "$disc" "$point" >"$log" 2>&1 &
	pid=$!
	until_true 60 ready_or_gone "$pid" "$point"
	if ! mounted_by "$point"; then
		await "$pid" 1 >>"$log" 2>/dev/null	# it ended; or it waits for something, and is told to be ended
		# shellcheck disable=SC2034 # for the test that called
		start_status=$?
		return 1
	fi
	pid_of[$point]=$pid
	log_of[$point]=$log
}
# mounted [OPTIONS] DISC: its stage below the default root; nothing is burned at its end
mounted() {
	local options=${2+$1}
	log=$T/log.$((++n_logs))
	"$BUILD/cdappendfs" -f -o "commit=manual${options:+,$options}" "${@: -1}" "$mnt" >"$log" 2>&1 &
	pid_of[$mnt]=$!
	log_of[$mnt]=$log
	until_true 60 ready_or_gone "$!" "$mnt"
	mounted_by "$mnt" || { await "$!" 10 2>/dev/null; unset "pid_of[$mnt]"; return 1; }
}
# start_disc as a point of the test; a test cannot go on without its mount.
mount_disc() {
	if start_disc "$@"; then return 0; fi
	fail "mount $*" "$(cat "$log")"
	note 'cannot go on'
	printf '1..%d\n' "$tests"
	finished=true
	exit 1
}
# Waits for the daemon of a mount point that was unmounted or killed; its exit status is the function's.
# await_daemon [POINT [SECONDS]]
await_daemon() {
	local point=${1:-$mnt} pid status=0
	pid=${pid_of[$point]-}
	[[ $pid ]] || return 0
	await "$pid" "${2:-300}" || status=$?
	unset "pid_of[$point]"
	return $status
}
# Unmounts by cdappendfs-umount: commits.  A daemon lives as long as its mount does in any mount namespace: who has it is told.
umount_disc() {
	local point=${1:-$mnt} status=0 device limit=300
	device=$(device_of "$point")
	bounded 300 "$BUILD/cdappendfs-umount" "$point" >"$T/umount.log" 2>&1 || status=$?
	if ((status)); then
		note "cdappendfs-umount: status $status: $(cat "$T/umount.log")"
		umount -l -i "$point" 2>/dev/null
		((status == 124)) && note "processes that still see the mount: $(who_sees "${device:-none}")" && limit=5
	fi
	await_daemon "$point" "$limit" || { note "daemon: $(tail -n 5 "${log_of[$point]}")"; status=1; }
	return $status
}
who_sees() { grep -l " $1 / " /proc/[0-9]*/mountinfo 2>/dev/null | cut -d/ -f3 | paste -sd, | xargs -r ps -o pid=,args= -p; }
# As a power cut: the daemon is ended at once, the dead mount is taken away.
kill_daemon() {
	local point=${1:-$mnt}
	kill -KILL "${pid_of[$point]}" 2>/dev/null
	await "${pid_of[$point]}" 60 2>/dev/null
	unset "pid_of[$point]"
	umount -l -i "$point" 2>/dev/null || fusermount3 -u -z "$point" 2>/dev/null
	return 0
}
sync_disc() { bounded 300 "$BUILD/cdappendfs-sync" -q "${1:-$mnt}"; }
info() { bounded 60 "$BUILD/cdappendfs-info" "$@"; }
# json EXPRESSION reads JSON from standard input; $_ is the whole: json '$_->{sessions}[-1]{start_lba}'
json() { perl -MJSON::PP -e 'local $/; $_ = decode_json(<STDIN>); my $v = eval $ARGV[0]; die $@ if $@; print ref $v eq "JSON::PP::Boolean" ? ($v ? "true" : "false") : ref $v ? encode_json($v) : $v // "", "\n"' "$1"; }
info_json() { info --json "$2" | json "$1"; }
# restored_by_xorriso N: session N of the disc, as another program restores it, in $T/session/N
restored_by_xorriso() {
	local lba
	lba=$(info_json "\$_->{sessions}[$1 - 1]{start_lba}" "$disc")
	mkdir -p "$T/session"
	xorriso -osirrox on -load sbsector "$lba" -indev "$disc" -extract / "$T/session/$1" >"$T/xorriso.log" 2>&1
	chmod -R u+rwX "$T/session/$1"
}
drop_caches() { sync; { echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null || true; }
apparent_size() { stat -c %s -- "$1"; }

# ---- trees -----------------------------------------------------------------------------------------------------------
# tree_digest DIR [FIELDS]: every path below DIR with type, mode, owner, mtime, size or target or device, a digest of its content and
# its group of hard links; sorted by bytes.  FIELDS leaves out: l links, o owner, m mode, t mtime, T mtime of directories, s sockets,
# h most of what is huge; and, whatever it is, nanoseconds, since others than ours know seconds
tree_digest() { "$TOOLS/treelist" ${2:+-x "n$2"} "$1"; }

# Bytes that do not compress and are the same each time: noise BYTES SEED
noise() { head -c "$1" /dev/zero | openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' "$2")" -iv 0 2>/dev/null; }

# make_odd_tree DIR [WORD…]: names and nodes that programs stumble over.
# Words: many (20,000 entries in one directory), links (80 with long targets), huge (5 GiB sparse), special (fifo, devices when root), short (names up to 200 bytes, as isofs cuts 254), plain (names that need no CE, no hard links)
make_odd_tree() {
	local dir=$1 long=255 i level
	shift
	local words=" $* "
	[[ $words == *' short '* ]] && long=200
	[[ $words == *' plain '* ]] && long=60
	mkdir -p "$dir/a dir with spaces/.hidden" "$dir/empty dir"
	printf 'one\n' >"$dir/a dir with spaces/ leading and trailing "
	printf 'two\n' >"$dir/a dir with spaces/.hidden/..dots"
	printf 'three\n' >"$dir/Zażółć gęślą jaźń – 日本語 😀.txt"
	printf 'four\n' >"$dir/README"
	printf 'five\n' >"$dir/readme"
	printf 'six\n' >"$dir/Readme.TXT"
	printf 'semi\n' >"$dir/a;1"
	printf 'odd\n' >"$dir/"$'tab\tand "quotes" \\ & * ? [x]'
	: >"$dir/empty"
	printf x >"$dir/one byte"
	noise 2048 1 >"$dir/sector.bin"
	noise 2049 2 >"$dir/sector+1.bin"
	noise 300000 3 >"$dir/data.tar.gz"
	printf 'long\n' >"$dir/$(printf "%${long}s" '' | tr ' ' n)"
	mkdir "$dir/$(printf "%${long}s" '' | tr ' ' d)"
	printf 'in long\n' >"$dir/$(printf "%${long}s" '' | tr ' ' d)/inside"
	for i in 1 2 3; do printf '%s\n' "$i" >"$dir/same prefix of a name that is long $i.text"; done
	ln -s 'README' "$dir/link1"
	ln -s 'link1' "$dir/link2"
	ln -s 'link2' "$dir/link3"
	ln -s '../elsewhere/./nothing' "$dir/dangling"
	ln -s '/an/absolute/path' "$dir/absolute"
	ln -s '..' "$dir/a dir with spaces/up"
	if [[ $words != *' plain '* ]]; then
		# genisoimage loops for ever on some longer targets.
		ln -s "$(printf 'component/%.0s' {1..60})end" "$dir/long link"
		ln "$dir/README" "$dir/a dir with spaces/hard link"
		ln "$dir/README" "$dir/another name"
	fi
	level=$dir
	for i in {1..30}; do level=$level/level$i; mkdir "$level"; printf '%s\n' "$i" >"$level/file"; done
	chmod 0000 "$dir/one byte"
	chmod 4755 "$dir/sector.bin"
	chmod 0640 "$dir/Readme.TXT"
	chmod 1777 "$dir/empty dir"
	if [[ $words == *' special '* ]]; then
		mkfifo "$dir/fifo"
		((EUID == 0)) && mknod "$dir/null" c 1 3 && mknod "$dir/loop" b 7 200
	fi
	if ((EUID == 0)); then chown 1000:1001 "$dir/data.tar.gz" "$dir/empty dir"; chown -h 65534:65533 "$dir/link2"; fi
	if [[ $words == *' links '* ]]; then
		# Targets that are cut wherever a block of continuation areas ends.
		mkdir "$dir/links"
		for i in {1..80}; do ln -s "$(printf "${i}x%.0s/" $(seq $((i * 37 % 120))))../$(printf "%$((i * 29 % 400))s" '' | tr ' ' t)./$i" "$dir/links/to $i"; done
	fi
	if [[ $words == *' many '* ]]; then
		mkdir "$dir/many"
		(cd "$dir/many" && seq -f 'entry number %05g' 20000 | tr '\n' '\0' | xargs -0 touch -d '2020-02-02 02:02:02')
	fi
	if [[ $words == *' huge '* ]]; then
		truncate -s 5G "$dir/huge"
		printf begin | dd of="$dir/huge" conv=notrunc status=none
		printf middle | dd of="$dir/huge" bs=1 seek=4294967290 conv=notrunc status=none
		printf end | dd of="$dir/huge" bs=1 seek=5368709117 conv=notrunc status=none
	fi
	touch -d '1999-12-31 23:59:59' "$dir/README"
	touch -d '1970-01-02 03:04:05' "$dir/empty"
	touch -d '2037-06-07 08:09:10' "$dir/sector.bin"
	touch -h -d '2001-02-03 04:05:06' "$dir/link1"
	touch -d '2011-11-11 11:11:11' "$dir/empty dir"
}

# A blank disc: blank_disc FILE
blank_disc() { rm -f -- "$1"; : >"$1"; }
# Whether the disc's newest session is where and what it was: the part of the image that a commit would change.
image_digest() { sha256sum <"$1"; }

# ---- a reader that knows one section for each file ---------------------------------------------------------------------
# in_one_section NAME IMAGE REFERENCE [PATH…]: what such a reader finds is each file, whole, in both trees; but those of 4 GiB and more (less
# two blocks) and the PATHs, which were told to be in pieces
in_one_section() {
	local name=$1 image=$2 reference=$3 reader=$TOP/tests/interop/one-section
	shift 3
	{
		((!$#)) || printf '%s\n' "$@"
		find "$reference" -type f -size +4294965248c -printf '%P\n'
	} >"$T/left-out"
	"$reader" -x "$T/left-out" "$reference" >"$T/want" 2>"$T/complaint" && "$reader" -x "$T/left-out" "$image" >"$T/got" 2>>"$T/complaint"
	cat "$T/complaint" >>"$T/got"
	same_listing "$name: one section of each file is the file" "$T/want" "$T/got"
	# Joliet has names of its own.
	"$reader" -J -x "$T/left-out" "$image" 2>&1 | cut -d' ' -f1,2 | sort >"$T/got"
	cut -d' ' -f1,2 "$T/want" | sort >"$T/want.joliet"
	same_listing "$name: so in the Joliet tree" "$T/want.joliet" "$T/got"
}

# ---- a second reader, made from the description of the format alone -----------------------------------------------------
reader() { PYTHONDONTWRITEBYTECODE=1 bounded 120 python3 "$TOP/fs/kit/cdappendfs-read.py" "$@"; }
# reader_tree OUTPUT DISC N [FIELDS]: the listing of what it restores of session N, which must be all; else its words
reader_tree() {
	local status=0
	reader ${reader_options-} --session "$3" "$2" "$T/restored" >"$T/reader.log" 2>&1 || status=$?
	if ((status)); then tail -n 20 "$T/reader.log" >"$1"; else tree_digest "$T/restored" "${4-}" >"$1"; fi
	chmod -R u+rwX "$T/restored" 2>/dev/null
	rm -rf "$T/restored"
	return $status
}
# reader_gives NAME DISC N WANT [FIELDS]: that is the listing WANT
reader_gives() {
	reader_tree "$T/got" "$2" "$3" "${5-}"
	same_listing "$1" "$4" "$T/got"
}

# ---- an agent that holds files open (tests/mount/agent.c) ------------------------------------------------------------
# start_agent; then ask COMMAND… prints its answer
start_agent() {
	coproc AGENT { exec "$TOOLS/agent"; }
	# shellcheck disable=SC2153 # coproc sets it
	children+=("$AGENT_PID")
}
ask() {
	local reply
	printf '%s\n' "$*" >&"${AGENT[1]}"
	IFS= read -r -t 120 reply <&"${AGENT[0]}" || reply='no answer'
	printf '%s\n' "$reply"
}
end_agent() {
	local pid=$AGENT_PID
	eval "exec ${AGENT[1]}>&-"
	await "$pid" 60
}

# ---- another kernel ---------------------------------------------------------------------------------------------------
# in_uml [OPTIONS of run-in-uml] COMMAND…: as root under a 6.1 kernel of its own that may write below $T.  It is ended before this test is
in_uml() { patience 300; "$TOP/tests/run-in-uml" -t 780 -w "$T" -m loop -m isofs -m fuse -e "TOP=$TOP" -e "T=$T" "$@"; }
# uml_missing: why there is no guest, on standard output; fails when there is one.  One that has started since this machine did starts again.
uml_missing() {
	local boot known=$TOOLS/uml.started
	if ! command -v linux.uml >/dev/null || ! command -v busybox >/dev/null; then echo 'no user-mode-linux and busybox-static'; return; fi
	boot=$(</proc/sys/kernel/random/boot_id)
	grep -qxF "$boot" "$known" 2>/dev/null && return 1
	in_uml true 2>"$T/uml.log" && { echo "$boot" >"$known"; return 1; }
	echo "user-mode-linux does not start: $(tail -n 1 "$T/uml.log")"
}
# apart [-e NAME=VALUE]… [-t SECONDS] COMMAND…: in name spaces of its own, where names of users, of sockets, mounts and processes are nobody
# else's; who may not have them, has a guest
apart() {
	patience 300
	if tests_apart; then "$TOP/tests/run-apart" -t 780 -e "TOP=$TOP" -e "T=$T" -e "BUILD=$BUILD" "$@"
	else in_uml -e "BUILD=$BUILD" "$@"; fi
}
tests_apart() { [[ ! ${KERNEL-} ]] && ((EUID == 0)) && "$TOP/tests/run-apart" true 2>/dev/null; }
need_apart() { tests_apart || need_uml; }
need_uml() {
	local why
	if why=$(uml_missing); then skip_all "$why"; fi
}

# ---- three sessions ---------------------------------------------------------------------------------------------------
# change_tree ROUND DIR: what a session changes, the same for the disc and for the reference beside it
change_tree() {
	local round=$1 dir=$2 i
	case $round in
	1)
		make_odd_tree "$dir/first session" "${@:3}"
		;;
	2)
		printf 'appended in the second session\n' >>"$dir/first session/README"
		noise 20000 21 | dd of="$dir/first session/data.tar.gz" bs=4096 seek=20 conv=notrunc status=none
		mv "$dir/first session/level1/level2" "$dir/moved up"
		rm -r "$dir/first session/a dir with spaces"
		chmod 0611 "$dir/first session/sector+1.bin"
		mkdir "$dir/second session"
		for i in {1..40}; do noise $((i * 777)) "$i" >"$dir/second session/file $i"; done
		ln "$dir/first session/empty" "$dir/second session/the same empty"
		[[ -d "$dir/first session/many" ]] && rm "$dir/first session/many/entry number 00"*
		;;
	3)
		truncate -s 1000 "$dir/first session/data.tar.gz"
		mv "$dir/second session" "$dir/second session, renamed"
		rm "$dir/second session, renamed/file 1" "$dir/second session, renamed/the same empty"
		mv "$dir/second session, renamed/file 2" "$dir/second session, renamed/file 3"
		cp -a "$dir/moved up" "$dir/copied"
		if ((EUID == 0)); then chown -R 1234:4321 "$dir/copied"; fi
		ln -sfn 'another target' "$dir/first session/link1"
		printf 'third\n' >"$dir/third session"
		;;
	esac
}
# both_changed ROUND REFERENCE DIR [WORDS]: changes both and gives DIR the reference's times
both_changed() {
	local round=$1 reference=$2 dir=$3
	shift 3
	touch "$T/stamp"
	pause 0.05
	change_tree "$round" "$reference" "$@"
	change_tree "$round" "$dir" "$@"
	# The many entries got theirs when they were made.
	(cd "$reference" && find . -depth -cnewer "$T/stamp" ! -path '*/many/*' -print0 | while IFS= read -r -d '' path; do touch -h -r "$path" "$dir/$path"; done)
}
# whole_seconds DIR: no time in it has a fraction of a second, which sessions of other programs do not keep
whole_seconds() { find "$1" -depth -print0 | xargs -0 touch -h -d @1500000000; }
# new_disc KIND IMAGE REFERENCE: an image begun by blank, genisoimage or xorriso; REFERENCE holds its tree
new_disc() {
	rm -rf "$3"
	mkdir "$3"
	[[ $1 == blank ]] && { blank_disc "$2"; return; }
	make_odd_tree "$3/base" plain
	whole_seconds "$3"
	case $1 in
	genisoimage) genisoimage -quiet -J -joliet-long -R -D -V BEGUN -o "$2" "$3" 2>/dev/null ;;
	xorriso) xorriso -outdev "$2" -volid BEGUN -joliet on -map "$3" / -commit >/dev/null 2>&1 ;;
	esac
}
