/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * content_digest.h - content digests of a manifest's files: what may be equal (burner/format/content_table.h)
 *
 * One thread at a time.
 */
#ifndef FS_SHARING_CONTENT_DIGEST_H
#define FS_SHARING_CONTENT_DIGEST_H

#include "burner/base/own.h"
#include "burner/format/content_table.h"
#include "cdappendfs/manifest.h"

struct content_digester;
int content_digester_new(struct content_digester **ret); /* -ENOMEM */
void content_digester_free(struct content_digester *d);
DEFINE_FREEP(struct content_digester, content_digester_free)
/* Of a node's content, which is not empty.  Errors of the manifest's callbacks, -ENOMEM. */
int content_digest(struct content_digester *d, enum content_kind kind, const struct manifest *m, uint32_t node,
		   uint8_t ret[CONTENT_DIGEST_BYTES]);

#endif
