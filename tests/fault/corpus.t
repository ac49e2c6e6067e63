#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# corpus.t - every decoder over the inputs that somebody thought of and those that fuzzing found: tests/fuzz/README.md
. "$(dirname "$0")/../lib.sh"

san=${SAN_BUILD:-$TOP/build-san-address-undefined}
# A stage for each of hundreds of inputs: in memory, if there is room for that.
TMPDIR=$T
if [[ -w /dev/shm ]]; then
	TMPDIR=$(mktemp -d /dev/shm/cdappendfs-corpus.XXXXXX)
	trap 'rm -rf -- "$TMPDIR"; clean_up' EXIT
fi
export TMPDIR UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:exitcode=99
. "$TOP/tests/fuzz/limits"
# A larger allocation ends it, as in the campaign.
export ASAN_OPTIONS=exitcode=99:allocator_may_return_null=0:max_allocation_size_mb=$allocation_mb:hard_rss_limit_mb=$resident_mb:quarantine_size_mb=8

# replay NAME PROGRAM DIRECTORY: on failure the last lines, the input before the message is the one
# libcdio leaks what a second FILE of one track takes: not ours, and once for a mount.
leaks() { [[ $1 == container ]] && echo 0 || echo 1; }
replay() { ASAN_OPTIONS+=:detect_leaks=$(leaks "$3") bounded 300 "$1" "$2" "$corpus/$3"{.pack*,/*} 2>&1 | tail -n 30; return "${PIPESTATUS[0]}"; }
corpus=$TOP/tests/fuzz/corpus
mkdir "$T/seeds"
ok 'hostile inputs are made' "$TOP/tests/fuzz/make-seeds" "$T/seeds"
for source in "$TOP"/tests/fuzz/targets/*.c; do
	name=$(basename "$source" .c)
	ok "$name" replay "$TOP/build/tests/replay_$name" "$T/seeds/$name" "$name"
	if [[ -x $san/tests/replay_$name ]]; then ok "$name, with sanitizers" replay "$san/tests/replay_$name" "$T/seeds/$name" "$name"
	else skip "$name, with sanitizers" 'no sanitized build: make SAN=address,undefined fuzz'; fi
done
done_testing
