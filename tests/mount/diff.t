#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# diff.t - cdappendfs-diff says what git says of the same trees, which xorriso has restored; of what is staged what it says of the session
# that it becomes; statuses, odd names, sessions of other programs, damage
. "$(dirname "$0")/../lib.sh"
need git python3 xorriso isoinfo

disc=$T/disc.iso
differences() { bounded 120 "$BUILD/cdappendfs-diff" "$@"; }
burn() { bounded 60 "$BUILD/cdappendfs-sync" -q "$mnt"; }

# ---- as git says it
cat >"$T/change.py" <<'END'
import os, random, shutil, sys
top, seed = sys.argv[1], int(sys.argv[2])
pick, n = random.Random(seed), 0
def paths(kind):
    return sorted(os.path.join(d, x) for d, dirs, files in os.walk(top) for x in (dirs if kind == 'd' else files))
def new(directory):
    global n
    n += 1
    return os.path.join(directory, 'n%d-%d' % (seed, n))
def write(path):
    with open(path, 'w') as f:
        f.write(''.join('%s %d %d\n' % (path, pick.randrange(1 << 30), i) for i in range(pick.randrange(1, 900))))
def anywhere():
    return pick.choice([top] + paths('d'))
for i in range(40 if seed == 1 else 14):
    what = pick.choice('ffdd' if seed == 1 else 'ffdmmMrRxctS')
    files, dirs = [f for f in paths('f') if not os.path.islink(f)], paths('d')
    if what == 'f' or not files or not dirs:
        write(new(anywhere()))
    elif what == 'd':
        os.mkdir(new(anywhere()))
        write(new(pick.choice(paths('d'))))
    elif what == 'm':
        with open(pick.choice(files), 'a') as f:
            f.write('more %d\n' % i)
    elif what == 'M':
        os.rename(pick.choice(files), new(anywhere()))
    elif what == 'r':
        os.remove(pick.choice(files))
    elif what in 'RS':
        old = pick.choice(dirs)
        to = new(pick.choice([top] + [d for d in dirs if not (d + '/').startswith(old + '/')]))
        os.rename(old, to)
        inside = [f for f in paths('f') if f.startswith(to + '/') and not os.path.islink(f)]
        if what == 'S' and inside:
            os.rename(pick.choice(inside), new(top))
    elif what == 'x' and len(dirs) > 6:
        shutil.rmtree(pick.choice(dirs))
    elif what == 'c':
        os.chmod(pick.choice(files), 0o755)
    elif what == 't':
        os.symlink('target %d %d' % (seed, i), new(anywhere()))
END
# Ours as git would have it: no directories, and what was renamed and changed was deleted and added
cat >"$T/as_git.py" <<'END'
import json, os, sys
old, changes = sys.argv[1], json.load(sys.stdin)['changes']
said = {c['path']: c for c in changes}
out = set()
def below(directory):
    return [os.path.relpath(os.path.join(d, x), directory) for d, dirs, files in os.walk(directory)
            for x in files + [y for y in dirs if os.path.islink(os.path.join(d, y))]]
left = {c['path'] for c in changes if c['kind'] == 'D'} | {c['from'] for c in changes if c['kind'] == 'R'}
moved = sorted((c for c in changes if c['kind'] == 'R' and c['directory']), key=lambda c: -len(c['from']))
seen = set()
for c in moved:
    for f in below(os.path.join(old, c['from'])):
        source, path = c['from'] + '/' + f, c['path'] + '/' + f
        if source in left or source in seen or any(source.startswith(d['from'] + '/') for d in moved if len(d['from']) > len(c['from'])):
            continue
        seen.add(source)
        if path in said and said[path]['content']:
            out |= {('D', source), ('A', path)}
        else:
            out.add(('R', source, path))
        said.pop(path, None)
for c in said.values():
    if c['directory']:
        continue
    if c['kind'] == 'R':
        out |= {('D', c['from']), ('A', c['path'])} if c['content'] else {('R', c['from'], c['path'])}
    else:
        out.add((c['kind'], c['path']))
print('\n'.join(sorted('\t'.join(x) for x in out)))
END
by_git() {
	(cd "$T/session" && git -c core.quotePath=false diff --no-index --name-status -M100% "$1" "$2") |
		sed "s/^R100/R/; s,\t$1/,\t,g; s,\t$2/,\t,g" | sort
}
by_us() { differences --json "$mnt" "$1" "$2" | python3 "$T/as_git.py" "$T/session/$1"; }
without_bytes() { json 'join "\n", map { my $c = $_; join " ", map { $c->{$_} // "" } qw(kind from path directory content attributes bytes) } @{$_->{changes}}'; }

for tree in linked full; do
	blank_disc "$disc"
	rm -rf "$T/session"
	mount_disc -o "tree=$tree" "$disc"
	for round in 1 2 3 4 5 6; do
		ok "$tree: changes of round $round" python3 "$T/change.py" "$mnt" "$round"
		((round > 1)) && differences --json "$mnt" 1 | without_bytes >"$T/staged"
		ok "$tree: session $round" burn
		((round > 1)) && differences --json "$mnt" 1 "$round" | without_bytes >"$T/burned"
		((round > 1)) && same_listing "$tree: what was staged is what the session has" "$T/staged" "$T/burned"
		ok "$tree: restored by xorriso" restored_by_xorriso "$round"
	done
	for a in 1 2 3 4 5 6; do
		for b in 1 2 3 4 5 6; do
			((a == b)) && continue
			is "$tree: from session $a to $b, as git" "$(by_us "$a" "$b")" "$(by_git "$a" "$b")"
		done
	done
	ok "$tree: unmount" umount_disc
done

# ---- statuses, forms
silent 'no difference' differences "$disc" 3 3
fails 'differences' 1 differences "$disc" 1 2
differences "$disc" 2 6 >"$T/six"
differences "$disc" 2 >"$T/newest"
same_listing 'without B it is the newest session' "$T/six" "$T/newest"
differences "$disc" 2 latest >"$T/newest"
same_listing 'which has another name' "$T/six" "$T/newest"
fails 'no such session' 2 differences "$disc" 1 7
like 'says what lists them' "$(cat "$T/ok.output")" 'cdappendfs-log'
fails 'no session' 2 differences "$disc"
fails 'too many' 2 differences "$disc" 1 2 3
fails 'no disc' 2 differences "$T/none" 1 2
fails 'two forms' 2 differences --json --stat "$disc" 1 2
fails 'a directory that is no mount' 2 differences "$T" 1 2
fails 'nobody reads it' 2 sh -c "'$BUILD/cdappendfs-diff' '$disc' 1 2 >/dev/full"
like 'sums' "$(differences --stat "$disc" 1 2 | tail -n 1)" '^files: [0-9]+ added, [0-9]+ changed, [0-9]+ moved, [0-9]+ deleted; .* new, .* shared$'

# ---- odd names; a part of the tree
blank_disc "$disc"
mount_disc "$disc"
mkdir "$mnt/part" "$mnt/other"
echo 1 >"$mnt/part/file"
ok 'a session' burn
printf 2 >"$mnt/part/"$'red \e[31m\n'
printf 3 >"$mnt/part/"$'\xff\xfe'
mv "$mnt/part/file" "$mnt/other/file"
printf 4 >"$mnt/other/elsewhere"
is 'control characters are tamed' "$(differences "$mnt/part" 1)" $'R  part/file -> other/file\nA  part/red ?[31m?\nA  part/??'
is 'as they are, between zero bytes' "$(differences -z "$mnt/part" 1 | od -An -c | tr -d ' \n')" \
	'R\0part/file\0other/file\0A\0part/red033[31m\n\0A\0part/377376\0'
is 'JSON gives every byte' "$(differences --json "$mnt" 1 | python3 -c 'import json, sys; print([c["path"].encode("utf-8", "surrogateescape") for c in json.load(sys.stdin)["changes"]])')" \
	"[b'other/elsewhere', b'other/file', b'part/red \\x1b[31m\\n', b'part/\\xff\\xfe']"
ok 'unmount' umount_disc

# ---- of other programs
mkdir -p "$T/tree/dir"
noise 30000 1 >"$T/tree/one"
noise 30000 2 >"$T/tree/dir/two"
for more in first second; do
	echo "$more" >"$T/tree/$more"
	[[ $more == second ]] && mv "$T/tree/one" "$T/tree/dir/eins"
	[[ $more == second ]] && xorriso -dev "$T/foreign.iso" -mv /one /dir/eins -- -map "$T/tree/second" /second -commit >"$T/xorriso.log" 2>&1 ||
		xorriso -outdev "$T/foreign.iso" -joliet on -map "$T/tree" / -commit >"$T/xorriso.log" 2>&1
done
mount_disc "$T/foreign.iso"
mv "$mnt/dir/two" "$mnt/two"
ok 'ours above two of another program' burn
is 'theirs: a file is told by its content' "$(differences "$mnt" 1 2)" $'R  one -> dir/eins\nA  second'
is 'ours: by its number' "$(differences "$mnt" 2 3)" 'R  dir/two -> two'
is 'across both' "$(differences "$mnt" 1 3)" $'R  one -> dir/eins\nA  second\nR  dir/two -> two'
ok 'unmount' umount_disc

# ---- damage
blank_disc "$disc"
mount_disc -o tree=full "$disc"
mkdir "$mnt/lost" "$mnt/found"
echo 1 | tee "$mnt/lost/file" >"$mnt/found/file"
ok 'a session' burn
rm "$mnt/found/file"
ok 'another one' umount_disc
lba=$(isoinfo -R -l -N 0 -i "$disc" | awk '$NF == "lost" {sub(/.*\[ */, ""); print $1}' | head -n 1)
like 'a directory' "$lba" '^[0-9]+$'
head -c 2048 /dev/zero | tr '\0' '\377' | dd of="$disc" bs=2048 seek="$lba" conv=notrunc status=none
fails 'that cannot be read' 2 differences "$disc" 1 2
like 'is named' "$(cat "$T/ok.output")" 'session 2: /lost: cannot be read'
is 'nothing in it is said to be deleted, all else is told' "$(differences "$disc" 1 2 2>/dev/null)" 'D  found/file'
is 'JSON says so' "$(differences --json "$disc" 1 2 2>/dev/null | json '$_->{complete}')" false
done_testing
