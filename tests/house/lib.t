#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lib.t - a test that is wrong in itself fails: with a command that does not exist, or a comparison of nothing with nothing
. "$(dirname "$0")/../lib.sh"

# inner LINE…: a test of these lines; what it says is in $T/inner.tap
inner() {
	printf '%s\n' ". '$TOP/tests/lib.sh'" "$@" done_testing >"$T/inner.t"
	bash "$T/inner.t" >"$T/inner.tap" 2>&1
}
# wrong NAME WORDS LINE…: such a test fails, and says that
wrong() {
	local name=$1 words=$2 status=0
	shift 2
	inner "$@" || status=$?
	is "$name: the test fails" "$status" 1
	like "$name: it is told" "$(<"$T/inner.tap")" "$words"
}
ok 'what is right passes' inner "ok 'one' true" "fails 'two' any false" "is 'three' a a" "isnt 'four' a b" "like 'five' a a" "silent 'six' true" "none 'seven' ''"
like 'all of it' "$(<"$T/inner.tap")" $'\nok 7 - seven\n1..7$'

unknown='not ok [0-9]+ - no such command: inner\.t line 2: nosuch'
wrong 'a command that does not exist' "$unknown" nosuch
wrong 'in a condition' "$unknown" 'if nosuch; then :; fi'
wrong 'in a script' 'no such command: script line 2: nosuch' "printf '#!/bin/bash\nnosuch\n' >\$T/script" 'chmod +x $T/script' '$T/script'
wrong 'whose failure is taken' "$unknown" '! nosuch'
wrong 'in a pipe' "$unknown" 'nosuch | cat >/dev/null'
wrong 'in a substitution' "$unknown" "is 'one' \"one\$(nosuch)\" one"
wrong 'before a skip' "$unknown" 'nosuch || skip_all why'
wrong 'a function that there is elsewhere' 'no such command: inner\.t line 2: unlike' "unlike 'one' a b"
wrong 'expected to fail' "$unknown" "fails 'one' any nosuch"
wrong 'by its path' 'exit status 127' "fails 'one' any '$T/nosuch'"
wrong 'with a limit' 'exit status 127' "fails 'one' any bounded 5 nosuch"

wrong 'a time limit that was reached is no refusal' 'exit status 124' "fails 'one' any bounded 1 sleep 30"
wrong 'nor is a crash' 'exit status 139' "fails 'one' any bash -c 'ulimit -c 0; kill -SEGV \$\$'"
wrong 'two empty texts' 'not ok 1 - one' "is 'one' '' ''"
wrong 'nothing is not something' 'not ok 1 - one' "isnt 'one' '' something"
wrong 'something is not nothing' 'not ok 1 - one' "isnt 'one' something ''"
wrong 'every text is like nothing' 'not ok 1 - one' "like 'one' something ''"
wrong 'silence of what failed' 'not ok 1 - one' "silent 'one' false"
wrong 'silence that says something' 'it said: loud' "silent 'one' echo loud"
wrong 'silence that complains' 'it said: loud' "silent 'one' eval 'echo loud >&2'"
wrong 'some where there are to be none' 'got: +some' "none 'one' some"
wrong 'two lists of nothing' 'not ok 1 - one' "same_listing 'one' /dev/null /dev/null"

if why=$(uml_missing); then
	skip 'a guest' "$why"
else
	printf '#!/bin/bash\nnosuch\ntrue\n' >"$T/in-guest"
	wrong 'in a guest' 'not ok 2 - no such command: in-guest line 2: nosuch' "cp '$T/in-guest' \"\$T\"" "ok 'one' in_uml bash \"\$T/in-guest\""
fi

inner 'need true nosuch'
like 'what a test needs and is not there' "$(<"$T/inner.tap")" '^1\.\.0 # SKIP no nosuch$'
done_testing
