/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/burner/fault.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "tests/burner/drive.h"

static const struct {
	const char *name;
	enum fault_kind kind;
	int opcode;
} kinds[] = {
	{"write-error", FAULT_WRITE_ERROR, ANY_WRITE},	{"read-error", FAULT_READ_ERROR, ANY_READ},
	{"underrun", FAULT_UNDERRUN, ANY_WRITE},	{"miscompare", FAULT_MISCOMPARE, ANY_TRANSFER},
	{"corrupt", FAULT_CORRUPT, ANY_WRITE},		{"busy", FAULT_BUSY, ANY_TRANSFER},
	{"delay", FAULT_DELAY, ANY_TRANSFER},		{"medium-removed", FAULT_MEDIUM_REMOVED, ANY_TRANSFER},
	{"power-lost", FAULT_POWER_LOST, ANY_TRANSFER}, {"sense", FAULT_SENSE, ANY_TRANSFER},
};

bool command_writes(uint8_t opcode) { return opcode == 0x2a || opcode == 0xaa || opcode == 0x2e; }

bool command_reads(uint8_t opcode) { return opcode == 0x28 || opcode == 0xa8 || opcode == 0xbe || opcode == 0x2f; }

static bool parse_command(struct fault *f, const char *value)
{
	char *end;
	long number;

	if (!strcmp(value, "any"))
		f->opcode = ANY_COMMAND;
	else if (!strcmp(value, "write"))
		f->opcode = ANY_WRITE;
	else if (!strcmp(value, "read"))
		f->opcode = ANY_READ;
	else if ((number = strtol(value, &end, 0)) >= 0 && !*end && end != value)
		f->opcode = (int)number;
	else
		f->opcode = drive_opcode(value);
	return f->opcode != -1 || !strcmp(value, "any");
}

static bool parse_option(struct fault *f, const char *key, const char *value)
{
	unsigned key_number, asc, ascq;

	if (!strcmp(key, "cmd"))
		return parse_command(f, value);
	if (!strcmp(key, "lba")) {
		int n = sscanf(value, "%d-%d", &f->first_lba, &f->last_lba);

		if (n == 1)
			f->last_lba = f->first_lba;
		return n >= 1 && f->first_lba <= f->last_lba;
	}
	if (!strcmp(key, "function"))
		return sscanf(value, "%d", &f->function) == 1;
	if (!strcmp(key, "skip"))
		return sscanf(value, "%u", &f->skip) == 1;
	if (!strcmp(key, "times"))
		return sscanf(value, "%u", &f->times) == 1;
	if (!strcmp(key, "lose"))
		return sscanf(value, "%d", &f->lose) == 1;
	if (!strcmp(key, "seconds")) {
		f->milliseconds = (unsigned)(strtod(value, NULL) * 1000);
		return true;
	}
	if (!strcmp(key, "sense") && sscanf(value, "%x/%x/%x", &key_number, &asc, &ascq) == 3) {
		f->sense = (struct sense){.key = (uint8_t)key_number, .asc = (uint8_t)asc, .ascq = (uint8_t)ascq};
		return true;
	}
	return false;
}

static bool parse_kind(struct fault *f, const char *word)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (!strcmp(word, kinds[i].name)) {
			f->kind = kinds[i].kind;
			f->opcode = kinds[i].opcode;
			return true;
		}
	}
	return false;
}

int fault_add(struct faults *faults, const char *line)
{
	struct fault f = {.first_lba = -1, .last_lba = -1, .function = -1, .times = 1};
	_free_ char *copy = strdup(line);
	char *rest = copy;

	if (!copy)
		return -ENOMEM;
	for (char *word; (word = strsep(&rest, " \t\n"));) {
		char *value = strchr(word, '=');
		bool good = true;

		if (!*word)
			continue;
		if (value)
			*value++ = 0;
		if (!f.kind)
			good = parse_kind(&f, word);
		if (good && value)
			good = parse_option(&f, word, value);
		else if (good && !strcmp(word, "deferred"))
			f.deferred = true;
		else if (good && !strcmp(word, "until-written"))
			f.until_written = true;
		else if (good)
			good = parse_kind(&f, word);
		if (!good)
			return -EINVAL;
	}
	if (!f.kind || (f.kind == FAULT_SENSE && !f.sense.key))
		return -EINVAL;
	if (faults->n == MAX_FAULTS)
		return -ENOSPC;
	faults->list[faults->n++] = f;
	return 0;
}

void fault_clear(struct faults *faults) { faults->n = 0; }

static bool matches(const struct fault *f, const uint8_t *cdb, int32_t lba, int32_t blocks)
{
	bool writes = command_writes(cdb[0]), reads = command_reads(cdb[0]);

	if (f->opcode == ANY_WRITE    ? !writes :
	    f->opcode == ANY_READ     ? !reads :
	    f->opcode == ANY_TRANSFER ? !writes && !reads :
					f->opcode != ANY_COMMAND && f->opcode != cdb[0])
		return false;
	if (f->function >= 0 && (cdb[0] != 0x5b || (cdb[2] & 7) != f->function))
		return false;
	return f->first_lba < 0 || (blocks && f->first_lba < lba + blocks && f->last_lba >= lba);
}

static void drop(struct faults *faults, int i)
{
	faults->n--;
	memmove(&faults->list[i], &faults->list[i + 1], sizeof(faults->list[0]) * (size_t)(faults->n - i));
}

static void drop_written(struct faults *faults, const uint8_t *cdb, int32_t lba, int32_t blocks)
{
	for (int i = faults->n; command_writes(cdb[0]) && i-- > 0;)
		if (faults->list[i].until_written && faults->list[i].first_lba < lba + blocks &&
		    faults->list[i].last_lba >= lba)
			drop(faults, i);
}

const struct fault *fault_strikes(struct faults *faults, const uint8_t *cdb, int32_t lba, int32_t blocks)
{
	static struct fault struck; /* lives until the next command, also when it leaves the list */

	drop_written(faults, cdb, lba, blocks);
	for (int i = 0; i < faults->n; i++) {
		struct fault *f = &faults->list[i];

		if (!matches(f, cdb, lba, blocks))
			continue;
		if (f->skip) {
			f->skip--;
			continue;
		}
		struck = *f;
		if (f->times && !--f->times)
			drop(faults, i);
		return &struck;
	}
	return NULL;
}

bool fault_needs_undo(const struct faults *faults)
{
	for (int i = 0; i < faults->n; i++) {
		if (faults->list[i].kind == FAULT_POWER_LOST || faults->list[i].kind == FAULT_MEDIUM_REMOVED)
			return true;
	}
	return false;
}
