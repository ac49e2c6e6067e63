#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# oddities.py - images that contradict themselves: made from a seed, listed, compared
#
#	oddities.py source DIR			the tree that they hold
#	oddities.py make SEED COUNT DIR [IMAGE…]	images DIR/NNN.iso, and DIR/index: a line "NNN RECIPE MUTATION" for
#						each; the recipes, and these images
#	oddities.py list ROOT			a tree: name, type, mode, owner, links, size, target, digest of each path
#	oddities.py isofs DIR			in the guest: each DIR/*.iso as Linux's isofs lists it -> DIR/*.isofs
#	oddities.py compare DIR			a line for each image: "NNN RECIPE MUTATION" and how it went, or "FAULT: …"
#
# What compare finds in DIR: NNN.isofs and NNN.ours, the two listings; NNN.log, what the mount said; and when "appended"
# was appended the same of new/NNN.iso, accepted/NNN when that took an -o accept=.  Either nothing was appended, and why
# was said; or Linux shows the same before and after, and so do we.
#
# Of the mutations below those of CORE are always made, then each of the others once, as far as COUNT allows; then chance
# combines them with the recipes.
import hashlib
import os
import random
import shutil
import stat
import struct
import subprocess
import sys

SECTOR = 2048


# ---- an image, and where things are in it ----------------------------------------------------------------------------
def le32(d, at): return struct.unpack_from('<I', d, at)[0]


def both32(d, at, v): struct.pack_into('<I', d, at, v & 0xffffffff), struct.pack_into('>I', d, at + 4, v & 0xffffffff)


def padded(n): return n + n % 2


class Record:
    """One directory record: its place in the image, that of the directory it lies in, its depth."""

    def __init__(self, image, at, directory, joliet, depth):
        self.d, self.at, self.directory, self.joliet, self.depth = image.d, at, directory, joliet, depth

    @property
    def length(self): return self.d[self.at]
    @property
    def lba(self): return le32(self.d, self.at + 2) + self.d[self.at + 1]
    @property
    def bytes(self): return le32(self.d, self.at + 10)
    @property
    def flags(self): return self.d[self.at + 25]
    @property
    def name(self): return bytes(self.d[self.at + 33:self.at + 33 + self.d[self.at + 32]])
    @property
    def is_directory(self): return bool(self.flags & 2)
    @property
    def is_dots(self): return self.name in (b'\0', b'\1')

    def entries(self):
        """System Use entries, those of continuation areas too: (signature, place, length)."""
        at, end, found, hops = self.at + 33 + padded(self.d[self.at + 32] + 33) - 33, self.at + self.length, [], 0
        while hops < 40:
            further = None
            while end - at >= 4 and self.d[at + 2] >= 4 and at + self.d[at + 2] <= end:
                signature = bytes(self.d[at:at + 2])
                found.append((signature, at, self.d[at + 2]))
                if signature == b'CE':
                    further = le32(self.d, at + 4) * SECTOR + le32(self.d, at + 12), le32(self.d, at + 20)
                at += self.d[at + 2]
            if not further or further[0] + further[1] > len(self.d):
                break
            at, end, hops = further[0], further[0] + further[1], hops + 1
        return found


class Image:
    def __init__(self, data):
        self.d = bytearray(data)
        self.descriptors = {}
        for lba in range(16, 32):
            block = self.d[lba * SECTOR:lba * SECTOR + SECTOR]
            if block[1:6] != b'CD001' or block[0] == 255:
                break
            kind = {0: 'boot', 1: 'primary', 2: 'joliet' if block[88:90] == b'%/' else 'enhanced'}.get(block[0], 'other')
            self.descriptors.setdefault(kind, lba * SECTOR)

    def root(self, kind): return self.descriptors[kind] + 156

    def records(self, kind='primary'):
        """All records of a tree, those of "." and ".." too."""
        if kind not in self.descriptors:
            return []
        root, found, seen = self.root(kind), [], set()
        queue = [(le32(self.d, root + 2), le32(self.d, root + 10), 0)]
        while queue:
            lba, length, depth = queue.pop(0)
            if lba in seen or (lba * SECTOR + length) > len(self.d):
                continue
            seen.add(lba)
            for base in range(lba * SECTOR, lba * SECTOR + length, SECTOR):
                at = base
                while at < base + SECTOR and self.d[at]:
                    r = Record(self, at, lba, kind == 'joliet', depth)
                    if r.length < 34:
                        break
                    found.append(r)
                    if r.is_directory and not r.is_dots:
                        queue.append((r.lba, r.bytes, depth + 1))
                    at += r.length
        return found

    def of(self, kind='primary', test=lambda r: True): return [r for r in self.records(kind) if test(r)]

    def dots(self, kind='primary'): return self.of(kind, lambda r: r.name == b'\0')

    def append_blocks(self, data):
        """Behind all there is; the block."""
        self.d += bytes(-len(self.d) % SECTOR)
        lba = len(self.d) // SECTOR
        self.d += data + bytes(-len(data) % SECTOR)
        for kind in ('primary', 'joliet'):
            if kind in self.descriptors:
                both32(self.d, self.descriptors[kind] + 80, len(self.d) // SECTOR)
        return lba


def is_plain(r): return not r.is_directory


def is_named_directory(r): return r.is_directory and not r.is_dots


# ---- mutations: each takes an image and chance, and returns False when it has nothing to change -----------------------
MUTATIONS = {}


def mutation(function):
    MUTATIONS[function.__name__.strip('_')] = function
    return function


def pick(chance, candidates): return chance.choice(candidates) if candidates else None


def tree(image, chance): return chance.choice([k for k in ('primary', 'joliet') if k in image.descriptors])


def set_directory_length(image, chance, of_dot, length):
    kind = tree(image, chance)
    r = pick(chance, [x for x in image.of(kind, is_named_directory) if x.bytes > SECTOR] or image.of(kind, is_named_directory))
    if not r:
        return False
    at = r.lba * SECTOR if of_dot else r.at
    both32(image.d, at + 10, length(r.bytes))


@mutation
def nothing(image, chance): pass
@mutation
def directory_shorter(image, chance): return set_directory_length(image, chance, False, lambda n: SECTOR if n > SECTOR else 1024)
@mutation
def directory_longer(image, chance): return set_directory_length(image, chance, False, lambda n: n + SECTOR * chance.choice([1, 2, 7]))
@mutation
def directory_of_length_0(image, chance): return set_directory_length(image, chance, False, lambda n: 0)
@mutation
def directory_of_odd_length(image, chance): return set_directory_length(image, chance, False, lambda n: n - chance.randrange(1, 2000))
@mutation
def directory_immense(image, chance): return set_directory_length(image, chance, False, lambda n: 0xfffff800)
@mutation
def dot_shorter(image, chance): return set_directory_length(image, chance, True, lambda n: SECTOR if n > SECTOR else 200)
@mutation
def dot_longer(image, chance): return set_directory_length(image, chance, True, lambda n: n + SECTOR)
@mutation
def dot_of_length_0(image, chance): return set_directory_length(image, chance, True, lambda n: 0)


@mutation
def dot_elsewhere(image, chance):
    kind = tree(image, chance)
    a, b = pick(chance, image.of(kind, is_named_directory)), pick(chance, image.of(kind, is_named_directory))
    if not a or a.lba == b.lba:
        return False
    both32(image.d, a.lba * SECTOR + 2, b.lba)


@mutation
def dot_nowhere(image, chance):
    a = pick(chance, image.of(tree(image, chance), is_named_directory))
    if not a:
        return False
    both32(image.d, a.lba * SECTOR + 2, 0x00fffff0)


@mutation
def directory_with_a_sector_of_zeros(image, chance):
    a = pick(chance, [r for r in image.of(tree(image, chance), is_named_directory) if r.bytes > SECTOR])
    if not a:
        return False
    at = (a.lba + chance.randrange(1, a.bytes // SECTOR)) * SECTOR
    image.d[at:at + SECTOR] = bytes(SECTOR)


@mutation
def dot_of_zeros(image, chance):
    a = pick(chance, image.of(tree(image, chance), is_named_directory))
    if not a:
        return False
    image.d[a.lba * SECTOR:a.lba * SECTOR + 34] = bytes(34)


@mutation
def dot_with_a_name(image, chance):
    a = pick(chance, image.of('primary', is_named_directory))
    if not a:
        return False
    image.d[a.lba * SECTOR + 33] = ord('X')


@mutation
def dot_is_a_file(image, chance):
    a = pick(chance, image.of('primary', is_named_directory))
    if not a:
        return False
    image.d[a.lba * SECTOR + 25] &= ~2


@mutation
def root_dot_shorter(image, chance):
    r = pick(chance, [k for k in ('primary', 'joliet') if k in image.descriptors])
    both32(image.d, le32(image.d, image.root(r) + 2) * SECTOR + 10, chance.choice([0, 300, SECTOR, 2 * SECTOR]))


@mutation
def root_of_other_length(image, chance):
    kind = tree(image, chance)
    both32(image.d, image.root(kind) + 10, chance.choice([0, 100, SECTOR, 1 << 20, 0xffffffff]))


@mutation
def root_record_of_68_bytes(image, chance): image.d[image.root('primary')] = 68
@mutation
def root_record_of_length_0(image, chance): image.d[image.root(tree(image, chance))] = 0
@mutation
def root_record_without_flags(image, chance): image.d[image.root(tree(image, chance)) + 25] = 0
@mutation
def root_record_of_an_odd_name(image, chance): image.d[image.root(tree(image, chance)) + 33] = 7
@mutation
def root_nowhere(image, chance): both32(image.d, image.root('primary') + 2, chance.choice([0, 5, 0x00ffff00, 0xffffffff]))
@mutation
def joliet_root_nowhere(image, chance):
    if 'joliet' not in image.descriptors:
        return False
    both32(image.d, image.root('joliet') + 2, chance.choice([0, 5, 0x00ffff00]))


@mutation
def root_in_zeros(image, chance):
    at = image.append_blocks(bytes(2 * SECTOR))
    both32(image.d, image.root('primary') + 2, at)


@mutation
def root_in_a_file(image, chance):
    f = pick(chance, image.of('primary', lambda r: is_plain(r) and r.bytes))
    if not f:
        return False
    both32(image.d, image.root('primary') + 2, f.lba)


@mutation
def root_empty(image, chance):
    r = le32(image.d, image.root('primary') + 2) * SECTOR
    at = r + image.d[r]
    at += image.d[at]
    image.d[at:(at // SECTOR + 1) * SECTOR] = bytes(SECTOR - at % SECTOR)


def change_entry(image, records, wanted, change):
    done = False
    for r in records:
        for signature, at, length in r.entries():
            if signature in wanted:
                change(at, length)
                done = True
    return done


def root_dot(image): return [Record(image, le32(image.d, image.root('primary') + 2) * SECTOR, 0, False, 0)]


def to_pd(image):
    def change(at, length): image.d[at:at + 2] = b'PD'
    return change


@mutation
def root_without_er(image, chance): return change_entry(image, root_dot(image), (b'ER',), to_pd(image))
@mutation
def root_without_px(image, chance): return change_entry(image, root_dot(image), (b'PX',), to_pd(image))
@mutation
def root_without_er_and_px(image, chance): return change_entry(image, root_dot(image), (b'ER', b'PX'), to_pd(image))
@mutation
def root_without_sp(image, chance): return change_entry(image, root_dot(image), (b'SP',), to_pd(image))
@mutation
def root_without_all(image, chance): return change_entry(image, root_dot(image), (b'SP', b'ER', b'PX'), to_pd(image))
@mutation
def root_without_ce(image, chance): return change_entry(image, root_dot(image), (b'CE',), to_pd(image))


@mutation
def er_of_another_name(image, chance):
    def change(at, length): image.d[at + 8:at + 12] = b'XXXX'
    return change_entry(image, root_dot(image), (b'ER',), change)


@mutation
def er_too_long(image, chance):
    def change(at, length): image.d[at + 4] = 250
    return change_entry(image, root_dot(image), (b'ER',), change)


@mutation
def sp_skips(image, chance):
    def change(at, length): image.d[at + 6] = chance.choice([1, 14, 200])
    return change_entry(image, root_dot(image), (b'SP',), change)


@mutation
def sp_without_its_mark(image, chance):
    def change(at, length): image.d[at + 4] = 0
    return change_entry(image, root_dot(image), (b'SP',), change)


def change_one(image, chance, wanted, change, test=lambda r: not r.is_dots):
    r = pick(chance, [x for x in image.of('primary', test) if any(e[0] == wanted for e in x.entries())])
    return change_entry(image, [r], (wanted,), change) if r else False


def set_byte(image, offset, value):
    def change(at, length): image.d[at + offset] = value
    return change


@mutation
def nm_continues(image, chance): return change_one(image, chance, b'NM', set_byte(image, 4, 1))
@mutation
def nm_all_without_continue(image, chance):
    return change_entry(image, image.of('primary'), (b'NM',), set_byte(image, 4, 0))
@mutation
def nm_current(image, chance): return change_one(image, chance, b'NM', set_byte(image, 4, chance.choice([2, 4, 6])))
@mutation
def nm_host(image, chance): return change_one(image, chance, b'NM', set_byte(image, 4, chance.choice([0x20, 0x80])))
@mutation
def nm_missing(image, chance): return change_one(image, chance, b'NM', to_pd(image))
@mutation
def nm_with_nul(image, chance): return change_one(image, chance, b'NM', set_byte(image, 6, 0))
@mutation
def nm_with_slash(image, chance): return change_one(image, chance, b'NM', set_byte(image, 5, ord('/')))
@mutation
def nm_too_long(image, chance): return change_one(image, chance, b'NM', set_byte(image, 2, 250))
@mutation
def nm_too_short(image, chance): return change_one(image, chance, b'NM', set_byte(image, 2, chance.choice([0, 2, 3, 4])))
@mutation
def nm_is_re(image, chance):
    def change(at, length): image.d[at:at + 2] = b'RE'
    return change_one(image, chance, b'NM', change)
@mutation
def tf_is_rr(image, chance):
    def change(at, length):
        image.d[at:at + 2] = b'RR'
        image.d[at + 4] = chance.choice([0, 0x81, 0x89, 0xff])
    return change_one(image, chance, b'TF', change)
@mutation
def tf_is_nm(image, chance):
    def change(at, length):
        image.d[at:at + 2] = b'NM'
        image.d[at + 4] = 0
        image.d[at + 5:at + length] = (b'another-piece-of-a-name' * 12)[:length - 5]
    return change_one(image, chance, b'TF', change)


@mutation
def px_of_another_type(image, chance):
    def change(at, length): both32(image.d, at + 4, chance.choice([0o40755, 0o100644, 0o120777, 0o10644, 0o20600, 0o644, 0o170000]))
    return change_one(image, chance, b'PX', change)
@mutation
def px_of_another_mode(image, chance):
    def change(at, length): both32(image.d, at + 4, le32(image.d, at + 4) ^ 0o52)
    return change_one(image, chance, b'PX', change)
@mutation
def px_of_dot(image, chance):
    def change(at, length): both32(image.d, at + 4, 0o40711)
    return change_one(image, chance, b'PX', change, lambda r: r.name == b'\0')
@mutation
def px_links(image, chance):
    def change(at, length): both32(image.d, at + 12, chance.choice([0, 2, 3, 70000, 0xffffffff]))
    return change_one(image, chance, b'PX', change)
@mutation
def px_halves(image, chance):
    def change(at, length): struct.pack_into('>I', image.d, at + 8, 0o100777)
    return change_one(image, chance, b'PX', change)
@mutation
def px_missing(image, chance): return change_one(image, chance, b'PX', to_pd(image))
@mutation
def px_too_short(image, chance): return change_one(image, chance, b'PX', set_byte(image, 2, 12))


def change_component(image, chance, flags):
    def change(at, length):
        places, p = [], at + 5
        while p + 2 <= at + length:
            places.append(p)
            p += 2 + image.d[p + 1]
        if places:
            image.d[chance.choice(places)] = chance.choice(flags)
    return change_one(image, chance, b'SL', change)


@mutation
def sl_root_inside(image, chance): return change_component(image, chance, [8])
@mutation
def sl_continues_inside(image, chance): return change_component(image, chance, [1])
@mutation
def sl_odd_flags(image, chance): return change_component(image, chance, [0x10, 0x20, 6, 9, 0x40, 0x18, 3, 5])
@mutation
def sl_entry_flags(image, chance):
    def change(at, length): image.d[at + 4] ^= 1
    return change_one(image, chance, b'SL', change)
@mutation
def sl_component_too_long(image, chance):
    def change(at, length): image.d[at + 6] = 250
    return change_one(image, chance, b'SL', change)
@mutation
def sl_missing(image, chance): return change_one(image, chance, b'SL', to_pd(image))
@mutation
def sl_of_a_file(image, chance):
    r = pick(chance, image.of('primary', lambda r: is_plain(r) and any(e[0] == b'SL' for e in r.entries())))
    if not r:
        return False
    return change_entry(image, [r], (b'PX',), lambda at, length: both32(image.d, at + 4, 0o100644))


@mutation
def ce_elsewhere(image, chance):
    def change(at, length): both32(image.d, at + chance.choice([4, 12, 20]), chance.choice([1, 16, 2047, 1 << 24]))
    return change_one(image, chance, b'CE', change)
@mutation
def cl_elsewhere(image, chance):
    def change(at, length): both32(image.d, at + 4, chance.choice([16, 1 << 24, le32(image.d, image.root('primary') + 2)]))
    return change_one(image, chance, b'CL', change)
@mutation
def cl_missing(image, chance): return change_one(image, chance, b'CL', to_pd(image))
@mutation
def re_missing(image, chance): return change_one(image, chance, b'RE', to_pd(image))


def change_record(image, chance, change, test=lambda r: not r.is_dots, kind=None):
    r = pick(chance, image.of(kind or tree(image, chance), test))
    if not r:
        return False
    return change(r.at)


@mutation
def record_halves_of_place(image, chance):
    return change_record(image, chance, lambda at: struct.pack_into('>I', image.d, at + 6, 99))
@mutation
def record_halves_of_length(image, chance):
    return change_record(image, chance, lambda at: struct.pack_into('>I', image.d, at + 14, 99))
@mutation
def little_end_of_length(image, chance):
    return change_record(image, chance, lambda at: struct.pack_into('<I', image.d, at + 10, 17), lambda r: is_plain(r) and r.bytes > 17)
@mutation
def extended_attributes(image, chance):
    def change(at):
        n = chance.choice([1, 2])
        image.d[at + 1] = n
        both32(image.d, at + 2, le32(image.d, at + 2) - n)
    return change_record(image, chance, change, lambda r: not r.is_dots and r.bytes > 0)
@mutation
def extended_attributes_unsaid(image, chance):
    def change(at): image.d[at + 1] = 1
    return change_record(image, chance, change, is_plain)
@mutation
def file_unit(image, chance):
    def change(at): image.d[at + 26] = 1
    return change_record(image, chance, change, lambda r: is_plain(r) and r.bytes)
@mutation
def interleave_gap(image, chance):
    def change(at): image.d[at + 26], image.d[at + 27] = chance.choice([0, 1]), 1
    return change_record(image, chance, change, lambda r: is_plain(r) and r.bytes)


def xor_flags(image, chance, bits, test=is_plain):
    def change(at): image.d[at + 25] ^= bits
    return change_record(image, chance, change, test)


@mutation
def hidden(image, chance): return xor_flags(image, chance, 1)
@mutation
def hidden_directory(image, chance): return xor_flags(image, chance, 1, is_named_directory)
@mutation
def associated(image, chance): return xor_flags(image, chance, 4)
@mutation
def more_sections(image, chance): return xor_flags(image, chance, 0x80)
@mutation
def directory_with_sections(image, chance): return xor_flags(image, chance, 0x80, is_named_directory)
@mutation
def record_and_protection_bits(image, chance): return xor_flags(image, chance, chance.choice([8, 16, 0x60]))
@mutation
def file_is_directory(image, chance): return xor_flags(image, chance, 2)
@mutation
def directory_is_file(image, chance): return xor_flags(image, chance, 2, is_named_directory)


def change_name(image, chance, change, test=is_plain):
    return change_record(image, chance, lambda at: change(at + 33, image.d[at + 32]), test, 'primary')


@mutation
def name_in_lower_case(image, chance):
    def change(at, n): image.d[at:at + n] = bytes(image.d[at:at + n]).lower()
    return change_name(image, chance, change)
@mutation
def name_with_version_2(image, chance):
    def change(at, n): image.d[at + n - 1] = ord('2')
    return change_name(image, chance, change)
@mutation
def name_without_version(image, chance):
    def change(at, n): image.d[at + n - 2:at + n] = b'..'
    return change_name(image, chance, change)
@mutation
def name_with_nul(image, chance):
    def change(at, n): image.d[at + n // 2] = 0
    return change_name(image, chance, change)
@mutation
def name_begins_with_nul(image, chance):
    def change(at, n): image.d[at] = 0
    return change_name(image, chance, change, lambda r: is_plain(r) and len(r.name) > 1)
@mutation
def name_with_slash(image, chance):
    def change(at, n): image.d[at + n // 2] = ord('/')
    return change_name(image, chance, change)
@mutation
def name_with_high_bits(image, chance):
    def change(at, n): image.d[at] = 0xc4
    return change_name(image, chance, change)
@mutation
def name_too_long(image, chance):
    def change(at): image.d[at + 32] = chance.choice([0, 200, 255])
    return change_record(image, chance, change)
@mutation
def joliet_name_with_dots(image, chance):
    def change(at):
        n = image.d[at + 32]
        if n >= 4:
            image.d[at + 33 + n - 2:at + 33 + n] = b'\0.'
    return change_record(image, chance, change, lambda r: not r.is_dots, 'joliet') if 'joliet' in image.descriptors else False
@mutation
def joliet_name_with_nul(image, chance):
    def change(at):
        if image.d[at + 32] >= 6:
            image.d[at + 37:at + 39] = b'\0\0'
    return change_record(image, chance, change, lambda r: not r.is_dots, 'joliet') if 'joliet' in image.descriptors else False
@mutation
def names_alike(image, chance):
    a = image.of('primary', lambda r: is_plain(r))
    pairs = [(x, y) for x, y in zip(a, a[1:]) if x.directory == y.directory and len(x.name) == len(y.name) and x.length == y.length]
    if not pairs:
        return False
    x, y = chance.choice(pairs)
    keep = bytes(image.d[y.at:y.at + 18])
    image.d[y.at:y.at + y.length] = image.d[x.at:x.at + x.length]
    image.d[y.at:y.at + 18] = keep


@mutation
def record_too_short(image, chance):
    def change(at): image.d[at] = chance.choice([1, 33, 34, 35])
    return change_record(image, chance, change)
@mutation
def record_of_odd_length(image, chance):
    def change(at): image.d[at] -= 1
    return change_record(image, chance, change)
@mutation
def record_of_length_0(image, chance):
    def change(at): image.d[at] = 0
    return change_record(image, chance, change)
@mutation
def record_beyond_its_block(image, chance):
    def change(at): image.d[at] = 254
    return change_record(image, chance, change)
@mutation
def file_nowhere(image, chance):
    return change_record(image, chance, lambda at: both32(image.d, at + 2, chance.choice([0x00ffff00, 0xffffffff])), lambda r: is_plain(r) and r.bytes)
@mutation
def file_immense(image, chance):
    return change_record(image, chance, lambda at: both32(image.d, at + 10, 0xfffff000), lambda r: is_plain(r) and r.bytes)
@mutation
def file_over_another(image, chance):
    other = pick(chance, image.of('primary', lambda r: is_plain(r) and r.bytes))
    if not other:
        return False
    return change_record(image, chance, lambda at: both32(image.d, at + 2, other.lba), lambda r: is_plain(r) and r.bytes)
@mutation
def directory_of_its_parent(image, chance):
    r = pick(chance, image.of(tree(image, chance), lambda r: is_named_directory(r) and r.depth > 0))
    if not r:
        return False
    both32(image.d, r.at + 2, r.directory)
@mutation
def directory_nowhere(image, chance):
    return change_record(image, chance, lambda at: both32(image.d, at + 2, 0x00ffff00), is_named_directory)


@mutation
def path_tables_of_zeros(image, chance):
    for kind in ('primary', 'joliet'):
        if kind in image.descriptors:
            at = le32(image.d, image.descriptors[kind] + 140) * SECTOR
            image.d[at:at + 200] = bytes(200)
@mutation
def path_table_nowhere(image, chance): struct.pack_into('<I', image.d, image.descriptors['primary'] + 140, 0x00ffff00)
@mutation
def path_table_length(image, chance): both32(image.d, image.descriptors['primary'] + 132, chance.choice([0, 1, 1 << 30]))
@mutation
def volume_size_halves(image, chance): struct.pack_into('>I', image.d, image.descriptors[tree(image, chance)] + 84, 17)
@mutation
def volume_size_little_end(image, chance):
    at = image.descriptors['primary'] + 80
    struct.pack_into('<I', image.d, at, le32(image.d, at) // 2)
@mutation
def volume_size(image, chance): both32(image.d, image.descriptors['primary'] + 80, chance.choice([0, 20, len(image.d) // SECTOR - 1, 1 << 20, 0xffffffff]))
@mutation
def descriptor_version(image, chance): image.d[image.descriptors[tree(image, chance)] + 6] = chance.choice([0, 2])
@mutation
def descriptor_structure_version(image, chance): image.d[image.descriptors['primary'] + 881] = chance.choice([0, 2])
@mutation
def joliet_level(image, chance):
    if 'joliet' not in image.descriptors:
        return False
    image.d[image.descriptors['joliet'] + 90] = chance.choice([0x40, 0x43, 0x44, 0])


def descriptor_blocks(image):
    end = 16
    while image.d[end * SECTOR + 1:end * SECTOR + 6] == b'CD001' and image.d[end * SECTOR] != 255:
        end += 1
    return end


def rearrange(image, blocks):
    """Descriptors anew from block 16 on; what lies behind them stays, so there must be room."""
    end = descriptor_blocks(image) + 1
    room = end
    while room < 32 and not any(image.d[room * SECTOR:(room + 1) * SECTOR]):
        room += 1
    if len(blocks) > room - 16:
        return False
    image.d[16 * SECTOR:end * SECTOR] = bytes((end - 16) * SECTOR)
    image.d[16 * SECTOR:(16 + len(blocks)) * SECTOR] = b''.join(blocks)


def blocks_of(image): return [bytes(image.d[n * SECTOR:(n + 1) * SECTOR]) for n in range(16, descriptor_blocks(image) + 1)]


BOOT = b'\0CD001\1' + b'SOME OTHER SYSTEM'.ljust(SECTOR - 7, b'\0')


@mutation
def boot_record_first(image, chance): return rearrange(image, [BOOT] + blocks_of(image))
@mutation
def supplementary_first(image, chance):
    blocks = blocks_of(image)
    return rearrange(image, [blocks[-2]] + blocks[:-2] + blocks[-1:]) if len(blocks) > 2 else False
@mutation
def unknown_descriptor_first(image, chance): return rearrange(image, [b'\3CD001\1' + bytes(SECTOR - 7)] + blocks_of(image))
@mutation
def no_descriptor_first(image, chance): return rearrange(image, [b'something else'.ljust(SECTOR, b'\0')] + blocks_of(image))
@mutation
def terminator_early(image, chance):
    blocks = blocks_of(image)
    return rearrange(image, blocks[:1] + blocks[-1:] + blocks[1:]) if len(blocks) > 2 else False
@mutation
def no_terminator(image, chance):
    at = descriptor_blocks(image) * SECTOR
    image.d[at:at + SECTOR] = bytes(SECTOR)
@mutation
def primary_twice(image, chance):
    blocks = blocks_of(image)
    return rearrange(image, blocks[:1] + blocks)


def smaller_blocks(image, size):
    factor = SECTOR // size
    for kind in ('primary', 'joliet'):
        if kind not in image.descriptors:
            continue
        records, d = image.records(kind), image.descriptors[kind]
        places = {r.at for r in records} | {image.root(kind)}
        for r in records:
            for signature, at, length in r.entries():
                if signature in (b'CE', b'CL', b'PL'):
                    places.add(at + 2)
        for at in places:
            both32(image.d, at + 2, le32(image.d, at + 2) * factor)
        struct.pack_into('<H', image.d, d + 128, size), struct.pack_into('>H', image.d, d + 130, size)
        both32(image.d, d + 80, le32(image.d, d + 80) * factor)
        struct.pack_into('<I', image.d, d + 140, le32(image.d, d + 140) * factor)
        struct.pack_into('>I', image.d, d + 148, struct.unpack_from('>I', image.d, d + 148)[0] * factor)


@mutation
def blocks_of_512(image, chance): return smaller_blocks(image, 512)
@mutation
def blocks_of_1024(image, chance): return smaller_blocks(image, 1024)
@mutation
def blocks_of_512_said(image, chance): struct.pack_into('<H', image.d, image.descriptors['primary'] + 128, 512)
@mutation
def blocks_of_4096_said(image, chance): struct.pack_into('<H', image.d, image.descriptors['primary'] + 128, 4096)
@mutation
def block_size_halves(image, chance): struct.pack_into('>H', image.d, image.descriptors['primary'] + 130, 512)


@mutation
def noise_in_directories(image, chance):
    kind = tree(image, chance)
    lbas = sorted({r.directory for r in image.records(kind)})
    for _ in range(chance.randrange(1, 6)):
        image.d[chance.choice(lbas) * SECTOR + chance.randrange(SECTOR // 2)] = chance.randrange(256)
@mutation
def noise_in_entries(image, chance):
    places = [(at, n) for r in image.records() for s, at, n in r.entries()]
    if not places:
        return False
    for _ in range(chance.randrange(1, 4)):
        at, n = chance.choice(places)
        image.d[at + chance.randrange(n)] = chance.randrange(256)
@mutation
def noise_in_descriptors(image, chance):
    at = image.descriptors[tree(image, chance)]
    for _ in range(chance.randrange(1, 4)):
        image.d[at + chance.randrange(7, 190)] = chance.randrange(256)


CORE = ('directory_shorter', 'directory_longer', 'directory_of_length_0', 'dot_shorter', 'dot_elsewhere', 'root_of_other_length',
        'root_record_of_68_bytes', 'root_nowhere', 'root_empty', 'root_without_er', 'root_without_all', 'nm_all_without_continue',
        'sl_root_inside', 'px_of_another_type', 'record_halves_of_length', 'boot_record_first', 'supplementary_first',
        'blocks_of_512', 'extended_attributes', 'more_sections')


# ---- recipes: how the images begin --------------------------------------------------------------------------------------
def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)


def make_source(top):
    chance = random.Random(7)
    write(top + '/hello.txt', b'hello\n')
    write(top + '/README', b'read me\n' * 300)
    write(top + '/empty', b'')
    write(top + '/A rather long name, with blanks.text', b'long\n')
    write(top + '/' + 'n' * 180 + '.x', b'very long\n')
    write(top + '/data.bin', chance.randbytes(9000))
    for i in range(24):
        write(f'{top}/many/file number {i} of many.txt', b'%d\n' % i)
    write(top + '/sub/deeper/deepest/in it.c', b'int main;\n')
    write(top + '/sub/one', b'1\n')
    os.makedirs(top + '/nothing in it', exist_ok=True)
    deep = top + '/d1/d2/d3/d4/d5/d6/d7/d8/d9/d10'
    write(deep + '/bottom', b'bottom\n')
    for name, target in (('link', 'hello.txt'), ('slashes', 'share//doc/x'), ('more', '../usr//lib///y'), ('root', '/'),
                         ('absolute', '//x/y'), ('dot', '.'), ('dotdot', '..//..'), ('trailing', 'sub/'), ('at', 'sub/.'),
                         ('far', 'component/' * 20 + 'end')):
        os.symlink(target, f'{top}/sub/{name}')
    os.link(top + '/README', top + '/sub/linked')
    os.chmod(top + '/hello.txt', 0o640)
    os.chmod(top + '/README', 0o755)
    if os.geteuid() == 0:
        os.mknod(top + '/sub/null', 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        os.mkfifo(top + '/sub/fifo')
    for path, names, files in os.walk(top):
        for name in names + files:
            os.utime(path + '/' + name, (1e9, 1e9), follow_symlinks=False)


G = ['genisoimage', '-quiet', '-no-pad', '-graft-points']
X = ['xorriso', '-as', 'mkisofs', '-quiet', '-no-pad']
RECIPES = {
    'rock-ridge': G + ['-R', '-D'],
    'rock-ridge-joliet': G + ['-R', '-J', '-joliet-long', '-D'],
    'relocated': G + ['-R'],
    'rational-joliet': G + ['-r', '-J', '-joliet-long'],
    'joliet': G + ['-J', '-joliet-long', '-D', '-iso-level', '2'],
    'plain-1': G + ['-iso-level', '1', '-D'],
    'plain-2': G + ['-iso-level', '2', '-D'],
    'plain-3': G + ['-iso-level', '3', '-D', '-l', '-allow-lowercase', '-allow-multidot', '-relaxed-filenames'],
    'plain-4': G + ['-iso-level', '4', '-D'],
    'untranslated': G + ['-U', '-D'],
    'without-versions': G + ['-N', '-d', '-D', '-iso-level', '2'],
    'translated': G + ['-R', '-T', '-D'],
    'hidden': G + ['-R', '-J', '-hidden', 'hello.txt', '-D'],
    'xa': G + ['-R', '-XA', '-D'],
    'unlinked': G + ['-R', '-D', '-no-cache-inodes'],
    'sorted-names': G + ['-R', '-D', '-untranslated-filenames', '-no-iso-translate'],
    'boot': G + ['-R', '-J', '-D', '-b', 'data.bin', '-no-emul-boot', '-c', 'boot.cat'],
    'xorriso': X + ['-R'],
    'xorriso-joliet': X + ['-R', '-J', '-joliet-long'],
    'xorriso-plain': X + ['--norock', '-iso-level', '3'],
    'xorriso-hardlinks': X + ['-R', '--hardlinks'],
}


def make_base(name, source, path):
    if name == 'second-session':
        subprocess.run(['xorriso', '-outdev', path, '-map', source, '/', '-commit'], check=True, capture_output=True)
        subprocess.run(['xorriso', '-dev', path, '-map', source + '/many', '/again', '-commit'], check=True, capture_output=True)
    elif name == 'compressed':
        if not shutil.which('mkzftree'):
            return False
        shutil.rmtree(path + '.z', ignore_errors=True)
        subprocess.run(['mkzftree', source, path + '.z'], check=True, capture_output=True)
        subprocess.run(G + ['-R', '-z', '-D', '-o', path, path + '.z'], check=True, capture_output=True)
        shutil.rmtree(path + '.z')
    else:
        return subprocess.run(RECIPES[name] + ['-o', path, source], capture_output=True).returncode == 0
    return True


def make_bases(top):
    source = top + '/source'
    make_source(source)
    bases = {}
    for name in list(RECIPES) + ['second-session', 'compressed']:
        path = f'{top}/{name}.base'
        if make_base(name, source, path):
            with open(path, 'rb') as f:
                bases[name] = f.read()
            os.unlink(path)
        else:
            print(f'recipe {name}: not here', file=sys.stderr)
    shutil.rmtree(source)
    return bases


def mutate(chance, bases, name, recipe):
    """An image to which the mutation applies, or None."""
    recipes = [recipe] if recipe else chance.sample(sorted(bases), len(bases))
    for r in recipes:
        image = Image(bases[r])
        if MUTATIONS[name](image, chance) is not False:
            return r, image
    return None


def make(seed, count, top, more):
    os.makedirs(top, exist_ok=True)
    bases = make_bases(top)
    for path in more:
        with open(path, 'rb') as f:
            bases[os.path.basename(path).removesuffix('.iso')] = f.read()
    plan = [(None, 'nothing', r) for r in sorted(bases)] + [(None, m, None) for m in MUTATIONS if m != 'nothing']
    first = random.Random(seed)
    if count < len(plan):
        core = [p for p in plan if p[1] in CORE]
        rest = [p for p in plan if p[1] not in CORE]
        plan = core + first.sample(rest, max(0, min(len(rest), count - len(core))))
    while len(plan) < count:
        plan.append((None, first.choice(sorted(MUTATIONS)), first.choice(sorted(bases))))
    with open(top + '/index', 'w') as index:
        n = 0
        for i, (_, name, recipe) in enumerate(plan):
            made = mutate(random.Random(f'{seed}/{i}'), bases, name, recipe)
            if not made:
                continue
            with open(f'{top}/{n:03}.iso', 'wb') as f:
                f.write(made[1].d)
            print(f'{n:03}', made[0], name, file=index)
            n += 1


# ---- listings -----------------------------------------------------------------------------------------------------------
def text(name): return name.encode('utf-8', 'surrogateescape').decode('latin-1').translate({i: f'\\{i:03o}' for i in list(range(33)) + [92, 127]})


def digest(path, size):
    h = hashlib.sha256()
    try:
        with open(path, 'rb', buffering=0) as f:
            left = min(size, 1 << 22)
            while left:
                data = f.read(min(left, 1 << 17))
                if not data:
                    return 'short'
                h.update(data)
                left -= len(data)
    except OSError:
        return 'unreadable'
    return h.hexdigest()[:16]


def describe(path, out, name):
    try:
        st = os.lstat(path)
    except OSError:
        print(name, 'unreadable', file=out)
        return None
    kind = stat.filemode(st.st_mode)[0]
    words = [kind, f'{st.st_mode & 0o7777:04o}', f'{st.st_uid}:{st.st_gid}']
    if kind != 'd':
        words += [f'links={st.st_nlink}']
    if kind == '-':
        words += [f'size={st.st_size}', digest(path, st.st_size)]
    if kind == 'l':
        try:
            words.append('->' + text(os.readlink(path)))
        except OSError:
            words.append('->unreadable')
    if kind in 'bc':
        words.append(f'{os.major(st.st_rdev)},{os.minor(st.st_rdev)}')
    print(name, *words, file=out)
    return kind


def list_tree(top, out):
    queue, n = [('', 0)], 0
    seen = set()
    if describe(top, out, '/') != 'd':
        return
    while queue and n < 3000:
        here, depth = queue.pop(0)
        try:
            names = sorted(os.listdir(top + here))
        except OSError:
            print(text(here) or '/', 'cannot be listed', file=out)
            continue
        for name in names:
            n += 1
            # the same name twice is one path
            if here + '/' + name in seen:
                print(text(here + '/' + name), 'once more', file=out)
                continue
            seen.add(here + '/' + name)
            if describe(top + here + '/' + name, out, text(here + '/' + name)) == 'd' and depth < 20:
                queue.append((here + '/' + name, depth + 1))


def isofs(directory):
    """Each image by the kernel's own driver, one after the other."""
    os.makedirs('/mnt/oddity', exist_ok=True)
    for name in sorted(os.listdir(directory)):
        if not name.endswith('.iso'):
            continue
        stem = directory + '/' + name[:-4]
        with open(stem + '.isofs', 'w') as out:
            r = subprocess.run(['mount', '-t', 'iso9660', '-o', 'ro,loop,utf8', stem + '.iso', '/mnt/oddity'], capture_output=True)
            if r.returncode:
                print('not mounted', file=out)
                continue
            list_tree('/mnt/oddity', out)
            subprocess.run(['umount', '/mnt/oddity'])


def lines(path):
    """Of a listing: name -> what it is."""
    if not os.path.exists(path):
        return None
    with open(path) as f:
        return {line.split(' ', 1)[0]: line.rstrip('\n').split(' ', 1)[-1] for line in f if not line.endswith(' once more\n')}


def readable(listing, by=None):
    """Without what Linux cannot read, which others may, and what is below it."""
    bad = {n for n, what in (by or listing).items() if 'unreadable' in what or 'cannot be listed' in what}
    return {n: what for n, what in listing.items() if not any(n == b or n.startswith(b.rstrip('/') + '/') for b in bad)}


def without_links(listing):
    """What a file was called elsewhere, on no disc, is not kept."""
    return {n: ' '.join(w for w in what.split(' ') if not w.startswith('links=')) for n, what in listing.items()}


def changed(old, new):
    """Blocks of the old file that are not what they were, besides the head, and zeros behind its volume."""
    end = le32(old, 16 * SECTOR + 80)
    for n in range(len(old) // SECTOR):
        at = slice(n * SECTOR, (n + 1) * SECTOR)
        if not 16 <= n < 32 and old[at] != new[at] and (n < end or any(old[at])):
            return True
    return False


def difference(a, b, without=()):
    """The first few names of which the two listings say something else."""
    found = [f'{n}: {a.get(n, "-")} | {b.get(n, "-")}' for n in sorted(set(a) | set(b)) if n not in without and a.get(n) != b.get(n)]
    return f'{len(found)}: ' + '; '.join(found[:3]) if found else ''


def judge(top, n):
    """What is wrong with image n, or how it went."""
    linux, ours = lines(f'{top}/{n}.isofs'), lines(f'{top}/{n}.ours')
    new_linux, new_ours = lines(f'{top}/new/{n}.isofs'), lines(f'{top}/new/{n}.ours')
    with open(f'{top}/{n}.log', errors='replace') as f:
        said = ' '.join(f.read().split())
    same = difference(without_links(readable(linux)), without_links(readable(ours, linux)))
    if os.path.exists(f'{top}/new/{n}.iso'):
        with open(f'{top}/{n}.iso', 'rb') as a, open(f'{top}/new/{n}.iso', 'rb') as b:
            old, new = a.read(), b.read()
        if changed(old, new):
            return 'FAULT: blocks of the old file were changed'
    if os.path.exists(f'{top}/accepted/{n}'):
        lost = 'no "appended"'
        if '/appended' in new_ours:
            lost = difference(without_links(ours), without_links(new_ours), ('/', '/appended'))
        again = difference(new_linux, new_ours)
        if lost or again:
            return f'FAULT: accepted, but the new session has not what was shown: {lost or again}'
        return f'appended to when it was accepted: {said[:200]}'
    if new_linux is None:
        if not said:
            return 'FAULT: not appended to, without a word'
        return f'refused, {"seen alike" if not same else "DIFFERS " + same}: {said[:300]}'
    if linux != {'not': 'mounted'}:
        lost = difference(without_links(readable(linux)), without_links(readable(new_linux, linux)), ('/', '/appended'))
        if lost:
            return f'FAULT: the append changed what Linux shows: {lost}'
        if same:
            return f'FAULT: seen otherwise than by Linux: {same}'
    again = difference(new_linux, new_ours)
    if again:
        return f'FAULT: the new session is seen otherwise than by Linux: {again}'
    return 'appended to'


def compare(top):
    with open(top + '/index') as f:
        for line in f:
            n, recipe, name = line.split()
            print(n, recipe, name, judge(top, n))


def main():
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == 'make':
        make(int(arguments[0]), int(arguments[1]), arguments[2], arguments[3:])
    elif verb == 'source':
        make_source(arguments[0])
    elif verb == 'list':
        list_tree(arguments[0], sys.stdout)
    elif verb == 'isofs':
        isofs(arguments[0])
    elif verb == 'compare':
        compare(arguments[0])
    else:
        sys.exit('usage: oddities.py source|make|list|isofs|compare …')


if __name__ == '__main__':
    main()
