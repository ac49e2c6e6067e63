#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""shelf.py - a catalogue read by its documented schema alone, for the tests

    shelf.py tree DB DISC SESSION     the paths that session has, one a line, as find -printf '%y %P' has them
    shelf.py sound DB                 is the database in order, and its index that of the names?
    shelf.py names DB                 how many rows of entry there are, and bytes for each
"""
import os
import sqlite3
import sys


def connect(path):
    db = sqlite3.connect(f'file:{path}?mode=ro', uri=True)
    db.text_factory = bytes
    return db


def as_bytes(name):
    return name if isinstance(name, bytes) else str(name).encode()


def tree(db, disc, session):
    title, root = db.execute('SELECT t.id, t.root FROM disc d JOIN title t ON t.id = d.title WHERE d.id = ?', (disc,)).fetchone()
    todo, lines = [(root, b'')], []
    while todo:
        directory, above = todo.pop()
        rows = db.execute('SELECT name, kind, child FROM entry WHERE directory = ? AND first <= ? AND '
                          '(last IS NULL OR last >= ?)', (directory, session, session))
        for name, kind, child in rows:
            path = above + as_bytes(name)
            lines.append(kind + b' ' + path)
            if child:
                todo.append((child, path + b'/'))
    sys.stdout.buffer.write(b''.join(line + b'\n' for line in sorted(lines)))


def sound(db, path):
    problems = [row[0] for row in db.execute('PRAGMA integrity_check') if row[0] != b'ok']
    problems += [f'foreign key: {row}' for row in db.execute('PRAGMA foreign_key_check')]
    rows = db.execute('SELECT count(*) FROM entry').fetchone()[0]
    # Without the names the index has its rows in entry_name_docsize, or tells by a question that all of them answer to.
    counted = db.execute('SELECT sum(names) FROM title').fetchone()[0] or 0
    if rows != counted:
        problems.append(f'{rows} names, {counted} counted')
    for entry, name in db.execute("SELECT id, name FROM entry WHERE length(name) >= 3 AND typeof(name) = 'text'").fetchall():
        trigrams = ['"' + t.replace('"', '""') + '"' for t in {name.decode()[i:i + 3] for i in range(len(name.decode()) - 2)}]
        if trigrams and not db.execute('SELECT 1 FROM entry_name WHERE entry_name MATCH ? AND rowid = ?',
                                       (' AND '.join(trigrams), entry)).fetchone():
            problems.append(f'{name} is not in the index')
            break
    print('\n'.join(str(p) for p in problems) or 'sound')
    return bool(problems)


def main():
    verb, path = sys.argv[1:3]
    db = connect(path)
    if verb == 'tree':
        tree(db, int(sys.argv[3]), int(sys.argv[4]))
    elif verb == 'sound':
        return sound(db, path)
    else:
        rows = db.execute('SELECT count(*) FROM entry').fetchone()[0]
        print(rows, os.path.getsize(path) // max(rows, 1))
    return 0


sys.exit(main())
