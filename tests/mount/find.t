#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# find.t - cdappendfs-find: each version once, where it is now and when it vanished, as the trees say that xorriso has restored of each
# session; what is staged, a part of the tree, criteria, forms, statuses
. "$(dirname "$0")/../lib.sh"
need python3 xorriso

disc=$T/disc.iso
find_in() { bounded 120 "$BUILD/cdappendfs-find" "$@"; }
burn() { bounded 60 "$BUILD/cdappendfs-sync" -q "$mnt"; }

# ---- at random, as other programs restore it
# Each file begins with a number of its own, which it keeps whatever becomes of it.
cat >"$T/change.py" <<'END'
import os, random, shutil, sys
top, seed = sys.argv[1], int(sys.argv[2])
pick, n = random.Random(seed), 0
def paths(kind):
    return sorted(os.path.join(d, x) for d, dirs, files in os.walk(top) for x in (dirs if kind == 'd' else files))
def new(directory, suffix=None):
    global n
    n += 1
    return os.path.join(directory, 'n%d-%d%s' % (seed, n, suffix or pick.choice(['', '.txt', '.jpg', '.TXT'])))
def write(path):
    with open(path, 'w') as f:
        f.write('id %d-%d\n' % (seed, n) + 'x' * pick.choice([0, 10, 3000, 70000]))
def anywhere():
    return pick.choice([top] + paths('d'))
for i in range(40 if seed == 1 else 12):
    what = pick.choice('ffdd' if seed == 1 else 'ffdmmMMrRRxcto')
    files, dirs = paths('f'), paths('d')
    if what == 'd' or not dirs:
        os.mkdir(new(anywhere(), '.d'))
        write(new(pick.choice(paths('d'))))
    elif what == 'f' or not files:
        write(new(anywhere()))
    elif what == 'm':
        with open(pick.choice(files), 'a') as f:
            f.write('more %d %d\n' % (seed, i))
    elif what == 'M':
        os.rename(pick.choice(files), new(anywhere()))
    elif what == 'o':  # over another one; a new file there would be a new version of it
        a, b = pick.choice(files), pick.choice(files)
        if a != b and not open(a).readline().startswith('id %d-' % seed):
            os.rename(a, b)
    elif what == 'r':
        os.remove(pick.choice(files))
    elif what == 'R':
        old = pick.choice(dirs)
        os.rename(old, new(pick.choice([top] + [d for d in dirs if not (d + '/').startswith(old + '/')]), '.d'))
    elif what == 'x' and len(dirs) > 6:
        shutil.rmtree(pick.choice(dirs))
    elif what == 'c':
        f = pick.choice(files)
        os.chmod(f, 0o755 if os.stat(f).st_mode & 0o777 != 0o755 else 0o644)
    elif what == 't':
        os.utime(pick.choice(files), (1000000000 + 1000 * seed + i, 1000000000 + 1000 * seed + i))
END
cat >"$T/expected.py" <<'END'
import fnmatch, json, os, sys
top, last, name, path, least, staged = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6]
trees = [os.path.join(top, str(i + 1)) for i in range(last)] + ([staged] if staged else [])
seen = []  # of each tree: number of the file: path, state
for tree in trees:
    now = {}
    for d, dirs, files in os.walk(tree):
        dirs[:] = [x for x in dirs if x != '.sessions']
        for f in files:
            full = os.path.join(d, f)
            with open(full) as content:
                text = content.read()
            st = os.stat(full)
            now[text.split('\n')[0]] = (os.path.relpath(full, tree), (text, st.st_mode & 0o777, int(st.st_mtime)))
    seen.append(now)
def number(i):
    return 'staged' if i == last else str(i + 1)
out = []
for file in sorted({x for now in seen for x in now}):
    there = [i for i, now in enumerate(seen) if file in now]
    gone = there[-1] + 1 if there[-1] + 1 < len(seen) else None
    states = []
    for i in there:
        if not states or states[-1][1] != seen[i][file][1]:
            states.append((i, seen[i][file][1]))
    for k, (first, state) in enumerate(states):
        replaced = states[k + 1][0] if k + 1 < len(states) else None
        for i in [x for x in there if x >= first and (replaced is None or x < replaced)]:
            at = seen[i][file][0]
            if fnmatch.fnmatchcase(os.path.basename(at), name) and fnmatch.fnmatchcase(at, path) and len(state[0]) >= least:
                end = seen[-1][file][0] if gone is None else '-'
                out.append(' '.join([number(i), at, str(len(state[0])), end, '-' if replaced is None else number(replaced),
                                     '-' if gone is None else number(gone)]))
                break
print('\n'.join(sorted(out)))
END
cat >"$T/ours.py" <<'END'
import json, sys
def number(v, key, when):
    return str(v[key]) if v[key] is not None else 'staged' if v['staged'] in when else '-'
found = json.load(sys.stdin)
assert found['complete']
print('\n'.join(sorted(' '.join([str(v['session'] or 'staged'), v['path'], str(v['bytes']), v['now'] or '-',
    '-' if v['current'] or (v['replaced'] is None and v['staged'] != 'changed') else number(v, 'replaced', ['changed']) if v['session'] else '-',
    number(v, 'vanished', ['deleted'])]) for v in found['versions'])))
END
# as_expected NAME LAST STAGED NAME-GLOB PATH-GLOB BYTES OPTION…
as_expected() {
	find_in --json --type=f "${@:7}" "${3:-$disc}" | python3 "$T/ours.py" >"$T/got"
	python3 "$T/expected.py" "$T/session" "$2" "$4" "$5" "$6" "$3" >"$T/expected"
	same_listing "$1" "$T/got" "$T/expected"
}
# compare NAME LAST STAGED: without criteria, and with several
compare() {
	as_expected "$1: all" "$2" "$3" '*' '*' 0
	as_expected "$1: by name" "$2" "$3" '*.txt' '*' 0 --name='*.txt'
	as_expected "$1: by path" "$2" "$3" '*' 'n1-1*/*.d/*' 0 --path='n1-1*/*.d/*'
	as_expected "$1: by size" "$2" "$3" '*' '*' 3072 --size=3K-
	as_expected "$1: by all of these" "$2" "$3" 'n*[0-9]' '*.d/*' 100 --size=100- --name='n*[0-9]' --path='/*.d/*'
}
for tree in linked full; do
	blank_disc "$disc"
	rm -rf "$T/session"
	mount_disc -o "tree=$tree" "$disc"
	for round in 1 2 3 4 5 6 7; do
		ok "$tree: changes of round $round" python3 "$T/change.py" "$mnt" "$round"
		((round > 1)) && compare "$tree: $round is staged" $((round - 1)) "$mnt"
		ok "$tree: session $round" burn
		ok "$tree: restored by xorriso" restored_by_xorriso "$round"
	done
	ok "$tree: unmount" umount_disc
	compare "$tree: all burned" 7 ''
done
done_testing
