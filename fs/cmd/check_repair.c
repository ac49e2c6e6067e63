/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/check_repair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"
#include "burner/base/own.h"
#include "fs/cmd/command.h"

#define COPY_SECTORS 512u

static int copy(struct disc *disc, uint64_t sectors, int fd, const struct burn_progress *progress)
{
	_free_ uint8_t *buf = malloc((size_t)COPY_SECTORS * SECTOR_BYTES);
	int r = buf ? 0 : -ENOMEM;

	for (uint64_t at = 0; at < sectors && !r; at += COPY_SECTORS) {
		uint32_t n = (uint32_t)min_u64(COPY_SECTORS, sectors - at);

		burn_report(progress, at, sectors);
		r = burn_is_cancelled(progress) ? -ECANCELED : disc_read_around(disc, (uint32_t)at, buf, n);
		if (!r)
			r = pwrite_full(fd, buf, (size_t)n * SECTOR_BYTES, at * SECTOR_BYTES, NULL);
	}
	return r;
}

/* bytes: of the image that it is of, 0: up to the end of the newest session. */
static int write_image(struct disc *disc, uint64_t bytes, struct new_file *to, const struct burn_progress *progress)
{
	_free_ char *why = NULL;
	struct disc_state state;
	int r = disc_state(disc, &state);

	if (!r && !bytes)
		bytes = (state.there_sectors ? min_u64(state.used_sectors, state.there_sectors) : state.used_sectors) *
			SECTOR_BYTES;
	if (!r)
		r = copy(disc, bytes / SECTOR_BYTES, to->fd, progress);
	if (!r)
		r = new_file_publish(to, &why);
	if (!r)
		return COMMAND_DONE;
	if (r == -ECANCELED)
		return command_fail("%s: ended, and not made", to->path);
	return why ? command_fail("%s", why) :
		     command_fail("%s: it could not be written, and is gone again: %s", to->path, strerror(-r));
}

int check_repair_look(struct disc *disc, const struct check_options *options, struct check_repair *ret)
{
	struct check_options again = *options;
	bool any = false;
	int r;

	*ret = (struct check_repair){.disc = NULL};
	again.reached = NULL;
	r = disc_repaired(disc, &options->progress, &ret->disc, &any);
	if (r)
		return r;
	if (any)
		return check_run(ret->disc, &again, &ret->report);
	disc_close(TAKE_PTR(ret->disc));
	return 0;
}

int check_repair_fail(const char *disc, int r)
{
	static const char unknown[] = "whether it can be made good again cannot be known";
	bool no_room = r == -ENOSPC || r == -EDQUOT || r == -EFBIG,
	     no_directory = r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -EROFS || r == -ELOOP;

	if (no_room || no_directory)
		return command_fail("%s: %s: what is made again waits in a file in %s, and that fails: %s; set TMPDIR "
				    "to a directory with room for it",
				    disc, unknown, large_files_directory(), strerror(-r));
	return command_fail("%s: %s: %s", disc, unknown, strerror(-r));
}

void check_repair_release(struct check_repair *r)
{
	disc_close(TAKE_PTR(r->disc));
	check_report_release(&r->report);
}

int check_repair_write(const struct check_repair *r, struct disc *disc, const char *name, struct new_file *to,
		       const struct burn_progress *progress)
{
	uint64_t bytes = 0;
	int result;

	if (!r->disc)
		return command_fail(
			"%s: nothing of it can be made good again: it has no parity (-o ecc=) that can be read, "
			"and what is damaged is not made again from what is whole; %s was not written",
			name, to->path);
	if (!r->report.sound)
		return command_fail("%s: not all of it can be made good again, so %s was not written", name, to->path);
	result = disc_image_bytes(disc, &bytes);
	if (result)
		return command_fail("%s: %s", name, strerror(-result));
	return write_image(r->disc, bytes, to, progress);
}
