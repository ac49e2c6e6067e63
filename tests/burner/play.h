/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * play.h - the drive without a kernel: commands from standard input, answers to standard output
 *
 *	28 00 00 00 00 10 00 00 01 00 > 2048	a command that may answer 2048 bytes
 *	2a 00 00 00 00 00 00 00 10 00 < 32768	one with so much data (each block begins with its number in the command)
 *	55 10 00 00 00 00 00 00 3c 00 : 00 00 …	one with these bytes
 *	@ fault write-error lba=300		a request to the recorder
 *
 * Each line gives one line: "ok" and up to 64 bytes of answer, or "K/ASC/ASCQ NAME" with " lba N" and " progress N".
 * An empty line, and one that begins with #, is repeated as it is.
 */
#ifndef TESTS_BURNER_PLAY_H
#define TESTS_BURNER_PLAY_H

struct drive;

int play(struct drive *drive);

#endif
