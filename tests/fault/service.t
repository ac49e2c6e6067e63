#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# service.t - a day of use, compressed: the daemon's memory, descriptors and threads stay where they were
#
# One mount of one image from the beginning to the end.  SERVICE_ROUNDS (6) rounds of look-ups and forgets,
# SERVICE_SESSIONS (12), SERVICE_CLIENTS (64) clients at once with SERVICE_OPERATIONS (60) each, SERVICE_TURNS (3)
# times, SERVICE_HANDLES (10000) open files.  `make soak` runs the long form.
. "$(dirname "$0")/../lib.sh"

rounds=${SERVICE_ROUNDS:-6} sessions=${SERVICE_SESSIONS:-12} clients=${SERVICE_CLIENTS:-64} operations=${SERVICE_OPERATIONS:-60}
turns=${SERVICE_TURNS:-3} handles=${SERVICE_HANDLES:-10000}
directories=100 files=200
: "${SERVICE_GROWTH_KB:=8192}"		# what chance and the allocator's arenas may add to each kind of work

status_of() { awk -v field="$1:" '$1 == field {print $2}' "/proc/${pid_of[$mnt]}/status"; }
rss() { status_of VmRSS; }
# Forgets reach the daemon after the kernel has said that it forgot: the least of two seconds.
settled_rss() {
	local least i now
	drop_caches
	least=$(rss)
	for i in {1..20}; do
		sleep 0.1
		now=$(rss)
		((now < least)) && least=$now
	done
	echo "$least"
}
threads() { status_of Threads; }
# Besides that of each thread: a worker of libfuse has one, and as many workers come as were ever busy at once.
descriptors() { local all=("/proc/${pid_of[$mnt]}/fd"/*); echo $((${#all[@]} - $(threads))); }
figures() { note "$1: $(rss) KiB resident (most ever $(status_of VmHWM)), $(threads) threads, and besides theirs $(descriptors) descriptors"; }
# The same work again and again.  What is there after a quarter of it stays so: until then the allocator makes an
# arena for each thread.
# Bodies of the stage are kept open, at most 64, until a commit.  flat NAME TIMES COMMAND…, which is told the time
most_bodies=64
flat() {
	local name=$1 times=$2 i memory='' open=''
	shift 2
	for ((i = 1; i <= times; i++)); do
		progress
		"$@" "$i" >"$T/out" 2>&1 || { fail "$name, time $i" "$(tail -n 20 "$T/out")"; return; }
		((i % (times / 4 + 1) == 0 || i == 1)) && figures "$name, $i times"
		[[ ! $memory ]] && ((i > times / 4)) && memory=$(settled_rss) open=$(descriptors)
	done
	figures "$name, $times times"
	pass "$name, $times times"
	cmp_number "$name: memory is flat" "$(($(settled_rss) - memory))" -le "$SERVICE_GROWTH_KB"
	cmp_number "$name: descriptors have a bound" "$(descriptors)" -le $((open + most_bodies))
	cmp_number "$name: threads are as many as ever" "$(threads)" -le 40
	# Empty ones go with the next burn.
	echo "$name" >"$mnt/after" && sync_disc
	cmp_number "$name: no descriptor is left" "$(descriptors)" -le $((at_first + 3))
}

blank_disc "$T/disc.iso"
mount_disc -o tree=linked "$T/disc.iso"
figures 'at the beginning'
at_first=$(descriptors)
"$TOOLS/service" make "$mnt" $directories $files || fail 'a tree'
ok 'a tree of 20,000 files is burned' sync_disc
figures 'after it was burned'

# Name by name, then by listings; then the kernel is asked to forget it all.
look_and_forget() {
	"$TOOLS/service" look "$mnt" 20000 "$1" && drop_caches && [[ $(find "$mnt" -type f -size -1024 | wc -l) -ge $((directories * files)) ]] && drop_caches
}
flat 'look-ups and forgets of 37,000 names' "$rounds" look_and_forget

one_session() {
	echo "session $1" >>"$mnt/dir 0/log" && echo "$1" >"$mnt/dir $(($1 % directories))/file $(($1 % files)) of $1" && rm -f "$mnt/dir 1/of $(($1 - 1))" &&
		echo "$1" >"$mnt/dir 1/of $1" && sync_disc
}
flat 'sessions' "$sessions" one_session
is 'each is there' "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" $((sessions + 3)) # of the tree, and of the two ends

all_clients() { "$TOOLS/service" clients "$mnt" "$clients" "$operations" "$1"; }
flat "$clients clients" "$turns" all_clients
clients_and_burns() {
	local pid
	"$TOOLS/service" clients "$mnt" "$clients" "$operations" "1$1" & pid=$!
	sync_disc && sync_disc && await "$pid"
}
flat "$clients clients while it burns" "$turns" clients_and_burns

open_handles() {
	local line open
	coproc HOLD { exec "$TOOLS/service" hold "$mnt" "$handles"; }
	children+=("$HOLD_PID")
	local pid=$HOLD_PID
	IFS= read -r -t 300 line <&"${HOLD[0]}"
	open=$(descriptors)
	echo "$open" >"$T/open"
	[[ $line == held ]] || return 1
	(($1 % 2)) || sync_disc || return 1	# a burn under them
	echo go >&"${HOLD[1]}"
	await "$pid"
}
flat "$handles open files" 3 open_handles
cmp_number 'an open file costs the daemon no descriptor' "$(<"$T/open")" -le 40

figures 'at the end'
note "$(apparent_size "$T/disc.iso") bytes of image"
ok 'unmount' umount_disc
mount_disc -o ro "$T/disc.iso"
is 'all sessions are listed by the next mount' "$(info_json '$_->{sessions}[-1]{number} >= '"$sessions" "$mnt")" 1
is 'the log of all sessions' "$(wc -l <"$mnt/dir 0/log")" "$sessions"
ok 'what was made is there' "$TOOLS/service" look "$mnt" 5000 1
ok 'unmount' umount_disc
ok 'the oldest session is what it was' mount_disc -o ro,session=1 "$T/disc.iso"
is 'without what came later' "$(find "$mnt" -type f | wc -l)" $((directories * files))
ok 'unmount' umount_disc
done_testing
