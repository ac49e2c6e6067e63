#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench.sh - every section, one table (make bench); it is also left in build/bench.md, or in the file BENCH_OUTPUT
#
#	BENCH_ONLY=PATTERN	only the sections that match it (a regular expression): mount history find attributes read write
#				commit change check clients burn parity
#	BENCH_ROUNDS=N		turns of each, of which the median counts (5; heavy work: at most 3)
#	BENCH_SCALE=small	a test of the bench itself, in about two minutes
#	bench.sh --table	the table of the rows on standard input
#
# Sections are programs of their own that share images in BENCH_DIR and add to BENCH_ROWS; one that fails does not
# stop the others.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
sections=(mount history find attributes read write commit change check clients burn parity)

table() {
	echo '| work | ours | peer | theirs | ratio | aim | met? |'
	echo '| --- | --- | --- | --- | --- | --- | --- |'
	cat
}
if [[ ${1-} == --table ]]; then table; exit; fi

BENCH_DIR=$(mktemp -d "${TMPDIR:-/tmp}/cdappendfs-bench.XXXXXX")
trap 'rm -rf --one-file-system -- "$BENCH_DIR"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
export BENCH_DIR BENCH_ROWS=$BENCH_DIR/rows TMPDIR=$BENCH_DIR
: >"$BENCH_ROWS"
turns=5
[[ ${BENCH_SCALE-} == small ]] && turns=1
status=0
for section in "${sections[@]}"; do
	[[ $section =~ ${BENCH_ONLY:-.} ]] || continue
	start=$SECONDS
	"$here/$section.sh" || { echo "bench: section $section failed" >&2; status=1; }
	echo "bench: $section took $((SECONDS - start)) s" >&2
done

[[ -s $BENCH_ROWS ]] || { echo "bench: no row was measured; the sections are: ${sections[*]}" >&2; exit 1; }

verdicts() { grep -c "| $1 |\$" "$BENCH_ROWS"; }
{
	table <"$BENCH_ROWS"
	printf '\n%s met, %s missed, %s not measured. Median of %s turns (heavy work: of at most 3), %s CPUs, Linux %s.\n' \
		"$(verdicts met)" "$(verdicts missed)" "$(verdicts -)" "${BENCH_ROUNDS:-$turns}" "$(nproc)" "$(uname -r)"
	[[ ${BENCH_SCALE-} ]] && printf 'BENCH_SCALE=%s: these numbers mean nothing.\n' "$BENCH_SCALE"
} | tee "${BENCH_OUTPUT:-$top/build/bench.md}"
exit $status
