#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""page.py PAGE SESSION - the tree of a session as a page of cdappendfs-info --html has it: a line for each path, sorted

Reads the data as a browser does: the text of the element, up to the first end tag.
"""
import json, re, sys

page = open(sys.argv[1], encoding='utf-8', errors='strict').read()
found = re.search(r'<script type="application/json" id="data">(.*?)</script', page, re.S)
disc = json.loads(found.group(1))
if sys.argv[2] == 'sessions':
	for s in disc['sessions']:
		print(s['number'], s['label'], 'lost' if s['root'] is None else s['message'])
	sys.exit()
if sys.argv[2] == 'directories':
	print(len(disc['dirs']))
	sys.exit()
session = next(s for s in disc['sessions'] if str(s['number']) == sys.argv[2])
lines = []


def walk(place, path):
	directory = disc['dirs'][place]
	time = 0
	for name, kind, size, change in zip(directory['n'].split('/'), directory['k'], directory['s'], directory['t']):
		time += change
		here = path + '/' + name
		lines.append('%s %s %s %d' % (ascii(here), kind, size if kind == 'f' else '-', 0 if kind == 'l' else time))
		if kind == 'd':
			walk(size, here)
	if 'e' in directory:
		lines.append(ascii(path) + ' cut')


walk(session['root'], '')
print('\n'.join(sorted(lines)))
