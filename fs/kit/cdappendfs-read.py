#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
cdappendfs-read.py - gets the files of a disc back, without cdappendfs

    cdappendfs-read.py [--session N] [--no-verify] [--scan] IMAGE|DEVICE OUTDIR
    cdappendfs-read.py --list [--no-verify] [--scan] IMAGE|DEVICE

It needs Python 3.6 and nothing else.  OUTDIR must be empty, or not be there; nothing else is written to.  Names,
modes, times, links, extended attributes and ACLs are as on the disc, for root owners and devices.  Others' discs, too.
Of a damaged disc it restores what it can, from what tells the same a second time: the descriptors at several places,
the Joliet tree beside the Rock Ridge tree, the path tables L and M, the content tables.  It says what came from there
and what is lost.  Exit status: 0 all is restored, 1 something is not, 2 wrong usage.  It was written from the
description of the format alone, burner/SESSION.md, part one, and the standards that it names.
"""
import argparse, datetime, hashlib, os, stat, sys, zlib
BLOCK, NONE, DEPTH = 2048, 0xffffffff, 2000  # of a block bytes; no place; directories in each other, at most
failures = 0
Lost = type('Lost', (OSError,), {})  # what cannot be read, or cannot be what it should be
def shown(name):  # a name from a disc, as it may be printed; or a path, as a list of names
    name = b'/' + b'/'.join(name) if isinstance(name, list) else os.fsencode(name)
    return ''.join(c if c.isprintable() else '?' for c in name.decode('utf-8', 'backslashreplace'))
def say(what, where=None, lost=True):  # where: a path; lost: something cannot be restored as it was
    global failures
    failures += lost
    print('cdappendfs-read: %s%s' % (shown(where) + ': ' if where is not None else '', what), file=sys.stderr)
def sha256(data):
    return hashlib.sha256(data).digest()
def le(data, at, n=4):  # little-endian; of numbers in both byte orders (ECMA-119 7.3.3) that half counts, as in Linux
    return int.from_bytes(data[at:at + n], 'little')
def date(d):  # in nanoseconds; ECMA-119 9.1.5 and 8.4.26.1, of 7 and 17 bytes. What is out of range becomes the nearest
    if len(d) not in (7, 17) or not any(d[:6]) or len(d) == 17 and (not d[:16].isdigit() or d[:4] == b'0000'):
        return 0
    f = [1900 + d[0]] + list(d[1:6]) + [0] if len(d) == 7 else [int(d[:4])] + [int(d[i:i + 2]) for i in range(4, 16, 2)]
    limits = (1, 9999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 59), (0, 99)
    year, month, day, hour, minute, second, hundredths = (min(max(n, low), top) for n, (low, top) in zip(f, limits))
    days = (datetime.date(year, month, 1) - datetime.date(1970, 1, 1)).days + day - 1
    zone = d[-1] - (256 if d[-1] > 127 else 0)  # quarters of an hour
    seconds = days * 86400 + hour * 3600 + minute * 60 + second - (zone * 900 if abs(zone) <= 52 else 0)
    return seconds * 10**9 + hundredths * 10**7
class Disc:  # blocks of an image or a device
    def __init__(self, path):
        self.file, self.blocks = open(path, 'rb', buffering=0), NONE
        try:
            self.blocks = self.file.seek(0, os.SEEK_END) // BLOCK or NONE
        except OSError:
            pass  # some systems do not tell how long a device is: it ends where reading does
    def read(self, lba, n):  # all of n blocks
        why = 'it is not on the disc'
        try:
            if 0 <= lba <= lba + n <= self.blocks:
                self.file.seek(lba * BLOCK)
                data = self.file.read(n * BLOCK)
                if len(data) == n * BLOCK:
                    return data
                self.blocks = lba + len(data) // BLOCK
        except OSError as error:
            why = error.strerror
        raise Lost('block %d: %s' % (lba, why))
    def pieces(self, lba, n, most=512):  # n blocks: (data, blocks); data is None where they cannot be read
        while n > 0:
            take = min(n, most, self.blocks - lba) if lba < self.blocks else n
            try:
                yield self.read(lba, take), take
            except Lost:
                yield from self.pieces(lba, take, 1) if 1 < take <= most else [(None, take)]
            lba, n = lba + take, n - take
    def block(self, lba):  # nothing, when it cannot be read
        return next(self.pieces(lba, 1))[0] or b''
    def patched(self, lba, size):  # so many bytes, zeros for what cannot be read; not more than the disc has
        n = min((size + BLOCK - 1) // BLOCK, max(0, self.blocks - lba))
        return b''.join(data or bytes(k * BLOCK) for data, k in self.pieces(lba, n))[:size]
    def last_session(self):  # where a drive says that it begins; 0 elsewhere
        try:
            answer = __import__('fcntl').ioctl(self.file, 0x5310, b'\0\0\0\0\0\1\0\0')  # Linux: CDROMMULTISESSION
            return int.from_bytes(answer[:4], sys.byteorder) if answer[4] else 0
        except (ImportError, OSError):
            return 0
# ---- sessions -------------------------------------------------------------------------------------------------------
class Session:  # its descriptors, each None if it is not there; ours: what it says of itself, None if it is foreign
    def __init__(self, start, primary=None, joliet=None, ours=None):
        self.start, self.ours, self.state, self.primary, self.joliet = start, ours, 'foreign', None, None
        self.take(primary, joliet)
    def take(self, primary, joliet):  # from one more place
        self.primary, self.joliet = self.primary or primary, self.joliet or joliet
        self.ours = self.ours or application_use(primary) or application_use(joliet)
    def __str__(self):
        d = self.primary or self.joliet or b''
        created = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=date(d[813:830]) // 10**9)
        blocks = '%d-%s' % (self.start, self.start + self.ours['sectors'] - 1 if self.ours else '')
        return '%3d  %-17s  %s  %-12s  %s' % (self.number, blocks, created, shown(d[40:72].rstrip(b' \0')), self.state)
def application_use(descriptor):  # what a session of ours says of itself (burner/format/appuse.h), or None
    a = (descriptor or b'')[883:1395]
    if a[:16] != b'CDAPPENDFS 1\0\0\0\0' or sha256(a[:80]) != a[80:112]:
        return None
    said = dict(number=32, start=36, previous=40, previous_descriptor=44, sectors=48)
    said = {field: le(a, at) for field, at in said.items()}
    has_contents = le(a, 72) & 32 and sha256(a[160:176]) == a[176:208]
    return dict(said, uuid=a[16:32], contents=(le(a, 160), le(a, 164)) if has_contents else (0, 0))
def commit_record(disc, lba):  # that in a block (burner/format/commit_record.h), in the same words; or None
    b = disc.block(lba)
    fields = dict(number=32, start=36, sectors=40, kind=44, piece=112, table=116, before=124)
    said = dict({field: le(b, at) for field, at in fields.items()}, uuid=b[16:32], digest=b[48:80], contents=(0, 0),
                digest_before=b[128:160], previous=NONE, previous_descriptor=NONE)
    return said if b[:16] == b'CDAPPENDFS-END 1' and sha256(b[:80]) == b[80:112] and \
        (not said['kind'] or sha256(b[:2016]) == b[2016:]) and said['start'] + said['sectors'] - 1 == lba else None
def descriptors(disc, lba):  # the primary and the Joliet one of the set that begins at a block, each or None
    blocks = [disc.block(lba + i) for i in range(8)]
    blocks = blocks[:next((i for i, d in enumerate(blocks) if d[:6] == b'\xffCD001'), 8)]
    primary = (d for d in blocks if d[:6] == b'\1CD001' and le(d, 128, 2) == BLOCK)
    joliet = (d for d in blocks if d[:6] == b'\2CD001' and d[88:91] in (b'%/@', b'%/C', b'%/E'))
    return next(primary, None), next(joliet, None)
def root_of(descriptor):  # where its root directory is: block, bytes
    return le(descriptor, 158) + descriptor[157], le(descriptor, 166)
def ours_at(disc, start, places=()):  # the session of ours that begins there, from any place of its descriptors
    session = Session(start)
    for lba in (start + 16, start + 8) + tuple(places):
        session.take(*((application_use(d) or {}).get('start') == start and d or None for d in descriptors(disc, lba)))
    return session if session.ours else None
def session_at(disc, start, limit, root=None):  # whose descriptors stand at start + 16, and whose root lies below limit
    found = descriptors(disc, start + 16) if disc.block(start + 16)[1:6] == b'CD001' else (None, None)
    if not found[0] or not start <= root_of(found[0])[0] < limit or root not in (None, root_of(found[0])[0]):
        return None
    said = application_use(found[0])
    return ours_at(disc, said['start']) if said else Session(start, *found)
def newest(disc):  # the last session by the drive's table of contents, or that which the head names
    last = disc.last_session()
    found = descriptors(disc, last + 16)
    said = application_use(found[0]) or application_use(found[1])
    if said:
        return ours_at(disc, said['start'], (last + 16,))
    if not last and found[0]:  # of a foreign session; it is where the same root is named once more, or at 0
        root = root_of(found[0])[0]
        places = (session_at(disc, start, root + 1, root) for start in range(root // 16 * 16, 0, -16))
        return next((s for s in places if s), Session(0, *found))
    return Session(last, *found) if any(found) else None
def below(disc, session):  # the session before one, or None
    said, start = session.ours, session.start
    if said:
        place, found = said['previous_descriptor'], descriptors(disc, said['previous_descriptor'])
        foreign = Session(said['previous'], *found) if found[0] and not application_use(found[0]) else None
        return (ours_at(disc, said['previous'], (place,)) or foreign) if said['previous'] < start else None
    record = commit_record(disc, start - 1)
    places = (session_at(disc, at, start) for at in range((start - 1) // 16 * 16, -1, -16))
    return record and ours_at(disc, record['start']) or next((s for s in places if s and s.start < start), None)
def scanned(disc):  # sessions by looking at every block
    found, foreign, lba = {}, [], 0
    for data, n in disc.pieces(0, disc.blocks):
        for i in range(lba, lba + n if data else 0):
            b = data[(i - lba) * BLOCK:][:12]
            d = disc.block(i) if b[:6] in (b'\1CD001', b'\2CD001') or b == b'CDAPPENDFS-E' else b''
            said = application_use(d) or d and commit_record(disc, i)
            if said and (i < 32 or 8 <= i - said['start'] < 32 or i == said['start'] + said['sectors'] - 1):
                found[said['start']] = Session(said['start'], ours=said)
            elif d and not said and b[0] == 1 and root_of(d)[0] >= i - 16 >= 0:
                foreign.append(i - 16)
        lba += n
    found = {start: ours_at(disc, start, (16,)) or s for start, s in found.items()}
    inside = [range(s.start, s.start + s.ours['sectors']) for s in found.values()]
    before = [below(disc, s) for s in found.values()]
    before += [Session(s, *descriptors(disc, s + 16)) for s in foreign if not any(s in r for r in inside)]
    return {**{s.start: s for s in before if s}, **found}
def sessions(disc, scan):  # all of the disc, the oldest first, with their numbers
    found, session = {}, None if scan else newest(disc)
    while session and session.start not in found:
        found[session.start] = session
        session = below(disc, session)
    if not found or (found[min(found)].ours or {}).get('number', 1) > 1:
        say('looks at every block for sessions', lost=False)
        found = {**scanned(disc), **found}
    listed = [found[start] for start in sorted(found)]
    first = next((s.ours['number'] - i for i, s in enumerate(listed) if s.ours), 1)
    for i, session in enumerate(listed):
        session.number = session.ours['number'] if session.ours else max(1, first + i)
    return listed
def verify(disc, session):  # compares a session of ours with its commit record (burner/SESSION.md, "Proof")
    start, last = session.start, session.start + session.ours['sectors'] - 1
    record = commit_record(disc, last)
    if not record or any(record[field] != session.ours[field] for field in ('start', 'number', 'uuid')):
        return 'DAMAGED: it has no commit record'
    table, proof, kind = record['table'], record['digest'], record['kind']
    if not kind:
        digest = hashlib.sha256()
        for data, n in disc.pieces(start, last - start):
            digest.update(data or b'')
        return 'whole' if digest.digest() == proof else 'DAMAGED: its checksum is another'
    if kind > 1 or not (0 < record['piece'] <= 512 and start < table < last):
        return 'not verified: its commit record is of a kind that is not known here'
    if record['before'] and sha256(disc.block(record['before'])) != record['digest_before']:
        return 'DAMAGED: the session before it is not the one that it was'
    levels = [(start, table - start, record['piece'])]  # block, blocks, blocks for a digest: the pieces; digests above
    while len(levels) < 2 or levels[-1][1] > 1:
        digests = -(-levels[-1][1] // levels[-1][2])
        levels.append((table, -(-digests // 64), 1))
        table += levels[-1][1]
    for first, n, size in reversed(levels):
        content, bad = bytearray(), []
        for i, at in enumerate(range(first, first + n, size)):
            data = disc.patched(at, min(size, first + n - at) * BLOCK)
            bad += ['%d-%d' % (at, at + size - 1)] if sha256(data) != proof[32 * i:32 * i + 32] else []
            content += data if first != start else b''
        if bad:
            return 'DAMAGED: at blocks ' + ', '.join(bad[:20]) + (' and more' if bad[20:] else '')
        proof = content
    return 'whole'
# ---- directory records and their System Use entries -----------------------------------------------------------------
class Node:  # a file, directory, link or device, as a directory record describes it
    name, target, zisofs, twin, child, trouble, relocated = b'', None, None, None, None, None, False
    mode, links, uid, gid, serial, device, stream, ns = 0, 1, 0, 0, 0, (0, 0), b'', [0, 0]
    def __init__(self, record=None, lba=0, size=0):
        self.lba, self.bytes, self.flags, self.times = lba, size, 0, [0, 0]
        if record:
            self.identifier, self.flags = record[33:33 + record[32]], record[25]
            self.lba, self.bytes = le(record, 2) + record[1], le(record, 10)
            self.times = [date(record[18:25])] * 2
        self.sections = [(self.lba, self.bytes)]
    def is_directory(self):
        return stat.S_ISDIR(self.mode) if self.mode else self.flags & 2
def entries_of(disc, area):  # System Use entries (SUSP 4) of an area, and where it goes on
    for _ in range(32):
        more = None
        while len(area) >= 4 and 4 <= area[2] <= len(area) and area[:2] != b'ST':
            n, at = area[2], 5
            while area[:2] == b'SL' and at + 1 < len(area) and at < n:  # genisoimage makes longer ones than 255 bytes
                at += 2 + area[at + 1]
                n += 256 if at > n else 0
            n = n if n <= len(area) else area[2]
            entry, area = area[:n], area[n:]
            if entry[:2] == b'CE' and len(entry) >= 28:
                more = le(entry, 4), le(entry, 12), le(entry, 20)
            yield entry[:2].decode('latin-1'), entry
        if not more:
            return
        area = disc.read(more[0], 1)[more[1]:more[1] + more[2]] if more[1] + more[2] <= BLOCK else b''
    raise Lost('continuation areas without an end')
def rock_ridge(disc, record, skip):  # a record with what its System Use entries say (burner/format/rock_ridge.h)
    node, name, slash = Node(record), None, False
    at = 33 + record[32] + (record[32] + 1) % 2 + skip
    try:
        for kind, e in entries_of(disc, record[at:]):
            if kind == 'PX' and len(e) >= 36:
                node.mode, node.links, node.uid, node.gid = (le(e, i) for i in (4, 12, 20, 28))
                node.serial = le(e, 36) if len(e) >= 44 else 0
            elif kind == 'NM' and len(e) >= 5 and not e[4] & 6:
                name = (name or b'') + e[5:]
            elif kind == 'SL':
                node.target, at = node.target or b'', 5
                while at + 2 <= len(e):
                    flags, part = e[at], e[at + 2:at + 2 + e[at + 1]]
                    node.target += (b'/' if slash else b'') + {2: b'.', 4: b'..', 8: b'/'}.get(flags & 14, part)
                    slash = not flags & 9  # this one neither goes on nor is the root
                    at += 2 + e[at + 1]
            elif kind == 'TF' and len(e) >= 5:
                n = 17 if e[4] & 128 else 7
                bits = [bit for bit in range(7) if e[4] >> bit & 1]
                for i, bit in ((i, bit) for i, bit in ((0, 2), (1, 1)) if bit in bits):  # access, modification
                    node.times[i] = date(e[5 + n * bits.index(bit):][:n])
            elif kind == 'PN' and len(e) >= 20:
                high, low = le(e, 4), le(e, 12)
                node.device = (low >> 8, low & 255) if not high and low > 255 else (high, low)
            elif kind in ('CL', 'RE'):
                node.child, node.relocated = le(e, 4) if kind == 'CL' else node.child, kind == 'RE' or node.relocated
            elif kind == 'ZF' and len(e) >= 16 and e[4:6] in (b'pz', b'PZ'):
                width = 8 if e[4:6] == b'PZ' else 4
                node.zisofs = e[6] * 4, e[7], le(e, 8, width), width
            elif kind == 'AL':
                node.stream += e[5:]
            elif kind == 'PD' and len(e) == 18 and e[4:6] == b'NS':  # burner/format/nanoseconds.h
                node.ns = [le(e, i) for i in (14, 6) if max(le(e, j) for j in (6, 10, 14)) < 10**9] or [0, 0]
            elif kind == 'TW' and len(e) == 20 or kind == 'PD' and len(e) == 20 and e[4:6] == b'TW':
                node.twin = (le(e, 6), le(e, 14, 3) * BLOCK) if kind == 'PD' else (le(e, 4), le(e, 8))
    except Lost as error:
        node.trouble = 'name or attributes may be lost: %s' % error
    node.times = [t + n for t, n in zip(node.times, node.ns)]
    node.name = plain_name(node.identifier) if name is None else name
    return node
def acls_of(value):  # both ACLs, which AAIP has together, as Linux' attributes
    tags, lists, to, at = {1: 1, 10: 2, 3: 4, 12: 8, 5: 16, 6: 32}, {b'access': [], b'default': []}, b'access', 0
    while at < len(value):
        entry, more, at = value[at], value[at] & 8, at + 1
        number, to = 0 if more else NONE, b'default' if entry >> 4 == 8 else to
        while more and at < len(value):
            n, more = value[at] & 127, value[at] & 128
            number, at = (number << 8 * n | int.from_bytes(value[at + 1:at + 1 + n], 'big')) & NONE, at + 1 + n
        lists[to] += [(tags[entry >> 4], number, entry & 7)] if entry >> 4 in tags else []
    return [(b'system.posix_acl_' + name, b'\2\0\0\0' + b''.join(
        (tag | bits << 16 | number << 32).to_bytes(8, 'little') for tag, number, bits in sorted(entries)))
            for name, entries in lists.items() if len(entries) > (3 if name == b'access' else 0)]  # 3: the mode
def attributes_of(stream):  # extended attributes (burner/format/aaip.h)
    parts, at, begins = [], 0, True
    while at + 2 <= len(stream):
        parts += [b''] if begins else []
        parts[-1] += stream[at + 2:at + 2 + stream[at + 1]]
        begins, at = not stream[at] & 1, at + 2 + stream[at + 1]
    spaces = {1: b'', 3: b'user.', 5: b'trusted.', 6: b'security.'}
    pairs = list(zip(parts[::2], parts[1::2]))
    return [(spaces[n[0]] + n[1:], value) for n, value in pairs if n and n[0] in spaces] + \
        [acl for n, value in pairs if not n for acl in acls_of(value)]
def plain_name(identifier):  # without Rock Ridge, as Linux shows it
    name = identifier.split(b'\0')[0].lower()
    end = next((end for end in (b'.;1', b';1') if name.endswith(end) and name != end), b'')
    return name[:len(name) - len(end)].replace(b';', b'.').replace(b'/', b'.')
def joliet_name(identifier):
    text = identifier[:len(identifier) // 2 * 2].decode('utf-16-be', 'surrogatepass').split('\0')[0]
    text = text[:-2] if text.endswith(';1') and len(text) > 2 else text
    text = ''.join('_' if c == '/' or 0xd800 <= ord(c) < 0xe000 else c for c in text.rstrip('.') or text)
    return text.encode('utf-8')[:255].decode('utf-8', 'ignore').encode('utf-8')
def merged(nodes):  # sections of a file are consecutive records; associated and relocated ones are left out
    out, goes_on = [], False
    for node in (n for n in nodes if not n.flags & 4 and not n.relocated):
        goes_on = goes_on and node.identifier == out[-1].identifier
        if goes_on:
            out[-1].sections += node.sections
        out += [] if goes_on else [node]
        goes_on = node.flags & 128
    return out
class Tree:  # the names of a session: of its Rock Ridge tree (kind None), else of its Joliet tree, else plain ones
    def __init__(self, disc, session):
        self.disc, self.ours, self.kind, self.skip, self.root = disc, session.ours, None, 0, None
        self.seen, self.budget, self.cached = set(), disc.blocks, {}
        self.tables = {joliet: (le(d, 132), le(d, 140), int.from_bytes(d[148:152], 'big'))
                       for joliet, d in ((False, session.primary), (True, session.joliet)) if d}
        twin = root_of(session.joliet) if session.joliet else None
        if session.primary:
            lba, size = root_of(session.primary)
            self.root = self.dot(lba) or Node(lba=lba, size=size)
        for lba in (session.start + n for n in (18, 19, 20, 21, 48)) if self.ours and not self.root else ():
            rows = self.table((1 << 25, lba, lba))
            if rows and self.dot(rows[0][0]) and not self.root:
                say('no descriptor is left; the path table at block %d leads to the directories' % lba, lost=False)
                self.root, self.tables[False] = self.dot(rows[0][0]), (1 << 25, lba, lba)
        if not self.root or not self.ours and not self.announced():
            self.kind = joliet_name if twin else plain_name
            self.root = Node(lba=twin[0], size=twin[1]) if twin else self.root
            if self.ours and self.root:
                say('of the Rock Ridge tree nothing is found; the Joliet tree has neither modes nor links')
        if not self.root:
            raise Lost('neither descriptors nor path tables of session %d are left' % session.number)
        self.root.twin = self.root.twin or twin
    def announced(self):  # does the root's "." announce Rock Ridge?  CD-ROM XA has 14 bytes before
        area = self.disc.block(self.root.lba)[34:]
        at = next((at for at in (0, 14) if area[at:at + 2] + area[at + 4:at + 6] == b'SP\xbe\xef'), None)
        self.skip = area[at + 6] if at is not None else 0
        return at is not None
    def node(self, record, kind):
        node = Node(record) if kind else rock_ridge(self.disc, record, 0 if record[32:34] == b'\1\0' else self.skip)
        node.name = kind(node.identifier) if kind else node.name
        return node
    def dot(self, lba):  # the record "." that a directory begins with; None: none begins there
        b = self.disc.block(lba)
        return self.node(b[:b[0]], self.kind) if b and b[0] >= 34 and b[32:34] == b'\1\0' and \
            le(b, 2) + b[1] == lba else None
    def records(self, lba, size, kind):  # the nodes of a directory, and what is wrong with it
        nodes, faults, dot = [], [], self.dot(lba)
        if not dot and (self.ours or not size):
            return [], ['no directory begins at its block %d' % lba]
        n = -(-(size or dot.bytes) // BLOCK)
        self.budget -= n
        if self.budget < 0:
            raise Lost('the directories are larger than the disc')
        for i in range(lba, lba + n):
            b, at = self.disc.block(i), 0
            if not b or not b[0]:
                faults.append('block %d %s' % (i, 'is empty' if b else 'cannot be read'))
            while at < len(b) and b[at]:
                r = b[at:at + b[at]]
                if len(r) < max(34, b[at]) or not 0 < r[32] <= len(r) - 33 or \
                        self.ours and (r[2:6] != r[9:5:-1] or r[10:14] != r[17:13:-1]):
                    faults.append('block %d has what is no record' % i)
                    break
                if r[32] != 1 or r[33] > 1:
                    nodes.append(self.node(r, kind))
                at += b[at]
        return merged(nodes), faults
    def table(self, place):  # a path table (ECMA-119 9.4): block, parent's number, identifier; each of L or of M
        low, high = (self.disc.patched(lba, place[0]) for lba in place[1:])
        out, at, good = [], 0, True
        while at + 8 < len(low) and good:
            for data, order in ((low, 'little'), (high, 'big')):
                n = data[at] if at < len(data) else 0
                lba, parent = (int.from_bytes(data[at + i:at + j], order) for i, j in ((2, 6), (6, 8)))
                good = n and lba < self.disc.blocks and 1 <= parent <= max(1, len(out))
                if good:
                    out.append((lba + data[at + 1], parent, data[at + 8:at + 8 + n]))
                    at += 8 + n + n % 2
                    break
        return out
    def known(self, joliet):  # of a path table: below each directory (block, identifier); the identifiers of blocks
        if joliet not in self.cached:
            rows, children = self.table(self.tables[joliet]) if joliet in self.tables else [], {}
            for row, parent, identifier in rows[1:]:
                children.setdefault(rows[parent - 1][0], []).append((row, identifier))
            self.cached[joliet] = children, {row: identifier for row, _, identifier in rows}
        return self.cached[joliet]
    def names(self, directory, path):  # the nodes of a directory; what is wrong with it has been said
        if directory.lba in self.seen and directory.lba or len(path) > DEPTH:
            raise Lost('the directory has another place, too, or lies too deep')
        self.seen.add(directory.lba)
        nodes, faults = self.records(directory.lba, directory.bytes, self.kind)
        if faults:
            say('a damaged directory: %s' % '; '.join(faults[:3]), path)
            nodes += self.second(directory, path, nodes)
        for node in nodes:
            dot = self.dot(node.child) if node.child is not None else None
            for field in ('lba', 'bytes', 'mode', 'uid', 'gid', 'times') if dot else ():  # relocated
                setattr(node, field, getattr(dot, field))
        return nodes
    def second(self, directory, path, known):  # what other tables say of a damaged directory, without what is known
        nodes = []
        if not self.kind and directory.twin:
            nodes = self.records(directory.twin[0], directory.twin[1], joliet_name)[0]
            names, blocks = {n.name for n in known}, {n.twin[0] if n.twin else n.lba for n in known if n.bytes}
            nodes = [n for n in nodes if n.name not in names and not (n.bytes and n.lba in blocks)]
            say('%d names from its Joliet twin, which has no modes, links and devices' % len(nodes), path)
        by_twin, have = {n.lba: n for n in nodes if n.is_directory()}, {n.lba for n in known}
        for lba, identifier in self.known(self.kind is joliet_name)[0].get(directory.lba, []):
            dot = self.dot(lba) if lba not in have else None
            if dot:  # with the name that the Joliet tree has for it, or its path table
                other = by_twin.pop(dot.twin[0], None) if dot.twin else None
                second = self.known(True)[1].get(dot.twin[0]) if dot.twin else None
                dot.name = other.name if other else joliet_name(second) if second else \
                    (self.kind or plain_name)(identifier)
                nodes = [n for n in nodes if n is not other] + [dot]
        for node in by_twin.values() if not self.kind else ():  # the Joliet tree alone has it
            node.twin, node.lba, node.bytes = (node.lba, node.bytes), 0, 0
        return nodes
# ---- content: as pieces (data, bytes); data is None where it cannot be read -----------------------------------------
def stored(disc, sections):  # the bytes of a file on the disc
    for lba, size in sections:
        for data, n in disc.pieces(lba, (size + BLOCK - 1) // BLOCK):
            n = min(n * BLOCK, size)
            yield data and data[:n], n
            size -= n
def stored_at(disc, sections, at, n):  # n bytes from a place of it
    out = b''
    for lba, size in sections:
        take = min(n - len(out), size - at)
        if take > 0:
            out += disc.read(lba + at // BLOCK, (at % BLOCK + take + BLOCK - 1) // BLOCK)[at % BLOCK:][:take]
        at = max(0, at - size)
    return out
def unpacked(disc, sections, header, shift, size, width):  # the content of a zisofs file, block by block
    if not 15 <= shift <= 20 or (size >> shift) * width > sum(n for _, n in sections):
        raise Lost('it cannot be a zisofs file')
    for at in range(0, size, 1 << shift):
        want, data = min(size - at, 1 << shift), None
        try:
            pair = stored_at(disc, sections, header + (at >> shift) * width, 2 * width)
            begin, end = le(pair, 0, width), le(pair, width, width)
            packed = stored_at(disc, sections, begin, min(end - begin, 2 << shift))
            data = zlib.decompressobj().decompress(packed, want) if end != begin else bytes(want)
        except (Lost, zlib.error):
            pass
        yield data if data and len(data) == want else None, want
class Restore:  # makes the tree in the working directory: all names are new, and only what was made is entered
    def __init__(self, disc, tree):
        self.disc, self.tree, self.links, self.used, self.top = disc, tree, {}, set(), os.getcwdb()
    def name(self, wanted, taken, path):  # one that a directory can hold, and that is new
        wrong = b'/<>:"\\|?*' + bytes(range(32)) if os.name == 'nt' else b'/'
        name = bytes(95 if c in wrong else c for c in wanted.split(b'\0')[0])
        name = b'_' if name in (b'', b'.', b'..') else name[:255]
        first, i = name, len(taken)
        while name in taken:
            name, i = first[:240] + b'~%d' % i, i + 1
        taken.add(name)
        if name != wanted:
            say('no possible name, or there already; it is now %s' % shown(name), path + [wanted])
        return name
    def directory(self, directory, path):  # fills the working directory, which is `path` on the disc
        taken = set()
        for node in self.tree.names(directory, path):
            name = self.name(node.name, taken, path)
            try:
                if node.trouble:
                    say(node.trouble, path + [name])
                if node.is_directory():
                    os.mkdir(name, 0o700)
                    os.chdir(name)
                    try:
                        self.directory(node, path + [name])
                    finally:
                        os.chdir('..')
                    self.attributes(node, name)
                elif not self.is_link(node, name):
                    self.leaf(node, name, path + [name])
            except (OSError, OverflowError, AttributeError) as error:  # some systems have no device nodes
                if getattr(error, 'errno', 0) == 28:  # no space left on the device
                    raise
                say('LOST: %s' % (getattr(error, 'strerror', None) or error), path + [name])
    def key(self, node):  # names of one file have it in common: in sessions of ours the serial number
        key = node.serial if self.tree.ours else tuple(node.sections) if node.bytes else None
        return key if node.links > 1 and not self.tree.kind else None
    def is_link(self, node, name):  # makes another name of a file that is there
        path = self.links.get(self.key(node))
        try:
            return bool(path) and not os.link(os.path.join(self.top, *path), name, follow_symlinks=False)
        except (OSError, NotImplementedError):
            return False  # a system without links: it is written again
    def leaf(self, node, name, path):
        kind = stat.S_IFMT(node.mode or stat.S_IFREG)
        if kind == stat.S_IFREG:
            self.file(node, name, path)
        elif kind == stat.S_IFLNK and node.target:
            os.symlink(node.target, name)
        else:
            os.mknod(name, kind | 0o600, os.makedev(*node.device))
        self.attributes(node, name)
        self.links[self.key(node)] = path if self.key(node) else None
    def file(self, node, name, path):
        self.used.add(node.lba)
        at = good = 0
        with open(name, 'xb') as out:
            os.chmod(name, 0o600)
            for data, n in unpacked(self.disc, node.sections, *node.zisofs) if node.zisofs else \
                    stored(self.disc, node.sections):
                for i in range(0, n if data else 0, 65536):
                    if data.count(0, i, i + 65536) < len(data[i:i + 65536]):  # others become holes
                        out.seek(at + i)
                        out.write(data[i:i + 65536])
                at, good = at + n, good + (n if data else 0)
            out.truncate(at)
        if good < at:
            say('LOST: %d of its %d bytes; there are zeros in their place' % (at - good, at), path)
    def attributes(self, node, name):
        is_link = stat.S_ISLNK(node.mode)
        user = getattr(os, 'geteuid', lambda: None)()
        if node.mode and user == 0:
            os.chown(name, node.uid, node.gid, follow_symlinks=False)
        for key, value in attributes_of(node.stream):
            try:
                os.setxattr(name, key, value, follow_symlinks=False)
            except (OSError, ValueError, AttributeError) as error:
                say('attribute %s: %s' % (shown(key), error), [name])
                if key == b'system.posix_acl_access':  # the mode has its mask, which is no right of the group
                    node.mode &= ~0o70 | sum(value[i + 2] << 3 for i in range(4, len(value), 8) if value[i] == 4)
        if not is_link:
            mine = 0o7777 if user in (0, node.uid) else 0o1777  # no set-id bits of others become ours
            os.chmod(name, node.mode & mine if node.mode else 0o755 if node.is_directory() else 0o644)
        if not is_link or os.utime in os.supports_follow_symlinks:
            os.utime(name, ns=tuple(node.times), **(dict(follow_symlinks=False) if is_link else {}))
    def unnamed(self, session):  # contents of its table (burner/format/content_table.h) that no name has led to
        t = self.disc.patched(*session.ours['contents']) if session.ours else b''
        runs = 32 + 32 * le(t, 16)
        for at in range(32, runs if t[:15] == b'CDAPPENDFS-CNT ' and runs <= len(t) else 0, 32):
            size, where, n = le(t, at + 16, 8), le(t, at + 24), le(t, at + 28)
            places = range(runs + 8 * where, min(runs + 8 * (where + n), len(t) - 7), 8) if n > 1 else ()
            node = Node(lba=where, size=size)
            node.sections = [(le(t, i), le(t, i + 4) * BLOCK) for i in places] or node.sections
            node.lba, (last, length) = node.sections[0][0], node.sections[-1]
            node.sections[-1] = last, max(0, length - sum(n for _, n in node.sections) + size)
            name = b'without-a-name-%d-%d' % (node.lba, size)
            try:
                if node.lba not in self.used and not os.path.lexists(name):
                    self.file(node, name, [name])
                    say('content that no name leads to', [name])
            except Lost as error:
                say('LOST: %s' % error, [name])
def restore(disc, listed, session, outdir):
    tree, before = Tree(disc, session), failures
    os.makedirs(outdir, 0o700, exist_ok=True)
    os.chdir(outdir)
    if os.listdir('.'):
        raise Lost('%s is not empty' % shown(outdir))
    work = Restore(disc, tree)
    work.directory(tree.root, [])
    for other in listed[:listed.index(session) + 1] if failures > before else ():
        work.unnamed(other)
    work.attributes(tree.root, b'.')
    say('session %d is restored%s' % (session.number, failures and ', but for %d faults' % failures or ''), lost=False)
def main():
    parser = argparse.ArgumentParser(description=__doc__.strip(), usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--session', type=int, help='the one to restore, as the whole disc was then; else the newest')
    for flag, text in (('--list', 'lists the sessions'), ('--scan', 'looks at every block for sessions'),
                       ('--no-verify', 'does not compare sessions with their checksums')):
        parser.add_argument(flag, action='store_true', help=text)
    parser.add_argument('disc', metavar='IMAGE|DEVICE')
    parser.add_argument('outdir', metavar='OUTDIR', nargs='?')
    args = parser.parse_args()
    bool(args.outdir) != args.list or parser.error('OUTDIR, or --list (--help tells more)')
    sys.setrecursionlimit(5 * DEPTH)
    try:
        disc = Disc(args.disc)
        listed = sessions(disc, args.scan)
        wanted = [s for s in listed if s.number == args.session] if args.session else listed[-1:]
        if not wanted:
            raise Lost('no session %s of ISO 9660 is found' % (args.session or ''))
        for session in listed if args.list else listed[:listed.index(wanted[0]) + 1]:
            session.state = verify(disc, session) if session.ours and not args.no_verify else session.state
            if session.state.startswith('DAMAGED'):
                say('session %d is %s' % (session.number, session.state))
            if args.list:
                print(session)
        if not args.list:
            restore(disc, listed, wanted[0], args.outdir)
    except OSError as error:
        say('%s: %s' % (shown(args.disc), error.strerror or error))
    return int(failures > 0)
if __name__ == '__main__':
    sys.exit(main())
