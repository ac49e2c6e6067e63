# SPDX-License-Identifier: GPL-3.0-or-later
"""
odd_names.py - names that are hard for some reader, and what cdappendfs-info says of them

	odd_names.py make DIR		files and directories of such names
	odd_names.py add DIR		more of them, for a second session
	odd_names.py links DIR		symbolic links of all lengths
	odd_names.py tree DIR		a line for each, sorted: type, name in hexadecimal digits, content or target
	odd_names.py told IMAGE JSON	JSON is that of cdappendfs-info --names: held against the Joliet tree, by
					pycdlib, and against what pathlib says that Windows reserves
	odd_names.py count JSON KIND	how many are "changed" or "closed"
"""
import hashlib
import json
import os
import pathlib
import sys

import pycdlib

CHANGED, CLOSED = {'shortened', 'replaced', 'taken'}, {'device', 'end', 'character', 'case'}


def names(more):
    if more:
        yield from (b'later, and ' + b'k' * 200, b'README', b'lpt9.log', b'nothing special', b'x:y', b'a;1 ')
        return
    for letter in (b'n', b'\xff', '\u00fc'.encode(), '\U0001f600'.encode()):
        for length in (253, 254, 255):
            yield (letter * 255)[:length]
    yield from (bytes([c]) for c in range(1, 256) if c not in b'/.')
    yield from (b'in ' + bytes([c]) + b' it' for c in range(1, 256) if c != 0x2f)
    yield from (b'...', b'..a', b'a.', b'a..', b'a ', b' a', b'a. ', b'.a.', b'a;1', b'a;2', b'a.b;1', b'-rf', b'~')
    yield from (b'Case', b'case', b'CASE', 'Größe'.encode(), 'GRÖßE'.encode(), 'ПРИВЕТ'.encode(), 'привет'.encode())
    yield from (b'con', b'CON.txt', b'aux.tar.gz', b'NUL', b'nul ', b'com1', b'COM0.x', b'LPT9', b'lpt', b'com10', b'console', b'prn.')
    # Joliet makes the same of these, and ISO 9660 of those.
    yield from (b'm' * 70 + bytes([c]) + b'.jpeg' for c in range(0x61, 0x7b))
    yield from (b'what' + bytes([c]) for c in b'*:?\\;_')
    yield from (b'long name %d.text' % i for i in range(20))
    yield from ('e\u0301'.encode(), '\u00e9'.encode(), b'\xc3', b'\xc3\xa9\xc3', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xc0\xaf')


def make(top, more):
    for i, name in enumerate(dict.fromkeys(names(more))):
        path = os.path.join(top, name)
        if i % 5 == 4:
            os.mkdir(path)
            path = os.path.join(path, b'inside ' + name[:200])
        with open(path, 'wb') as f:
            f.write(b'%d%s\n' % (i, b' added' * more))


def links(top):
    for i, length in enumerate((1, 255, 1000, 1024, 2047, 2048, 4094, 4095)):
        os.symlink((b'component/' * 410)[:length], os.path.join(top, b'link %d' % i))
    os.symlink(b'x' * 255 + b'/' + b'y' * 255 + b'/..//./' + b'z' * 200, os.path.join(top, b'link 8'))


def tree(top):
    lines = []
    for directory, below, files in os.walk(top):
        for name in below + files:
            path = os.path.join(directory, name)
            at = os.path.relpath(path, top).hex()
            if os.path.islink(path):
                lines.append('l %s %s' % (at, os.readlink(path).hex()))
            elif os.path.isdir(path):
                lines.append('d %s' % at)
            else:
                lines.append('f %s %s' % (at, hashlib.sha256(open(path, 'rb').read()).hexdigest()[:16]))
    return '\n'.join(sorted(lines))


def both_trees(image):
    """Path by Rock Ridge -> path by Joliet, of files with content: told by where that lies."""
    places = [{}, {}]
    disc = pycdlib.PyCdlib()
    disc.open(image)

    def walk(record, at, place, joliet):
        for child in record.children:
            if child.is_dot() or child.is_dotdot():
                continue
            if joliet:
                name = child.file_identifier().decode('utf-16-be', 'surrogatepass')
            else:
                name = os.fsdecode(child.rock_ridge.name())
            if child.is_dir():
                walk(child, at + [name], place, joliet)
            elif child.get_data_length():
                place[child.extent_location()] = at + [name]
    walk(disc.pvd.root_directory_record(), [], places[0], False)
    walk(disc.joliet_vd.root_directory_record(), [], places[1], True)
    disc.close()
    return {tuple(path): places[1][at] for at, path in places[0].items()}


def windows_opens(name):
    return not (pathlib.PureWindowsPath(name).is_reserved() or name[-1] in '. ' or any(c in '<>:"|?*\\/' or ord(c) < 32 for c in name))


def told(image, listing):
    said = {m['path'].encode('utf-8', 'surrogatepass').decode('utf-8', 'surrogatepass'): m for m in json.load(open(listing))['names']}
    wrong = []
    pairs = both_trees(image)
    capitals = {}
    for path, joliet in pairs.items():
        for i in range(len(path)):
            at, name = '/' + '/'.join(path[:i + 1]), joliet[i]
            m = said.pop(at, None)
            why = set(m['why'].split(',')) if m else set()
            capitals.setdefault((path[:i], name.upper()), set()).add((name, 'case' in why))
            if m and m['joliet'] != name:
                wrong.append('%r is %r in Joliet, said is %r' % (at, name, m['joliet']))
            if (name != path[i]) != bool(why & CHANGED):
                wrong.append('%r is %r in Joliet, said is %r' % (at, name, why))
            if windows_opens(name) == bool(why & (CLOSED - {'case'})):
                wrong.append('%r: %r, said is %r' % (at, name, why))
            said.update({at: m} if m else {})
    for (directory, _), found in capitals.items():
        if len(found) - 1 != sum(case for _, case in found):
            wrong.append('of these in %r one is opened for the others: %r' % (directory, found))
    known = {'/' + '/'.join(p[:i + 1]) for p in pairs for i in range(len(p))}
    wrong += ['%r is said of what is not there' % at for at in said if at not in known]
    print('\n'.join(wrong) or '%d names' % len(known))
    return bool(wrong)


def count(listing, kind):
    kinds = CHANGED if kind == 'changed' else CLOSED
    return sum(bool(kinds & set(m['why'].split(','))) for m in json.load(open(listing))['names'])


if __name__ == '__main__':
    word, at = sys.argv[1], sys.argv[2]
    if word in ('make', 'add'):
        make(os.fsencode(at), word == 'add')
    elif word == 'links':
        links(os.fsencode(at))
    elif word == 'tree':
        print(tree(os.fsencode(at)))
    elif word == 'count':
        print(count(at, sys.argv[3]))
    else:
        sys.exit(told(at, sys.argv[3]))
