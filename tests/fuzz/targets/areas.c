/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner: what is read of a medium besides its sessions: its system area with partition tables, what it is when it is
 * no disc, a head to merge with, single structures
 *
 * Input: end of the volume and length of the medium (numbers), then as common/image.h.
 */
#include "burner/format/commit_record.h"
#include "burner/medium/internal.h"
#include "burner/session/stream.h"
#include "burner/format/appuse.h"
#include "tests/fuzz/common/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint64_t end = take_number(&in), length = take_number(&in);
	uint8_t head[16 * SECTOR_BYTES], again[16 * SECTOR_BYTES];
	struct disc_session session;
	struct commit_record commit;
	struct appuse appuse;
	struct disc_image m;

	image_make(&m, &in);
	MUST(guess_content(&m.disc.disc));
	(void)!guess_udf(&m.disc.disc, 0);
	(void)!partition_behind(&m.disc.disc, end, length);
	if (pvd_check(m.data + 16 * SECTOR_BYTES, 0, length) == 0) {
		pvd_session(m.data + 16 * SECTOR_BYTES, 0, 16, &session);
		MUST(strnlen(session.volume_id, sizeof(session.volume_id)) <= 32);
	}
	(void)!appuse_decode(m.data + 16 * SECTOR_BYTES, &appuse);
	(void)!commit_record_decode(m.data, &commit);
	if (session_published_descriptors(m.data + m.descriptor_lba * SECTOR_BYTES, m.descriptor_lba - 16, head) < 0)
		memcpy(head, m.data, sizeof(head));
	session_merge_published(m.data + 16 * SECTOR_BYTES, head);
	memcpy(again, head, sizeof(head));
	session_merge_published(head, again);
	image_release(&m);
	return 0;
}
