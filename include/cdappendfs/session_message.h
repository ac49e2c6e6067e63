/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_message.h - what somebody said of a session when it was made: one line of text, kept in it
 */
#ifndef CDAPPENDFS_SESSION_MESSAGE_H
#define CDAPPENDFS_SESSION_MESSAGE_H

#include "cdappendfs/disc.h"

#define SESSION_MESSAGE_MAX_BYTES 1000u
typedef char session_message[SESSION_MESSAGE_MAX_BYTES + 1]; /* "": none */

/* NULL: the text can be one.  Else why not, for who typed it; static. */
const char *session_message_refusal(const char *text);
/*
 * That of a session; "" when it has none, as those of others and of older versions.  -EBADMSG: it has one, and what is
 * there is another text; what disc_read() says.
 */
int session_message_read(struct disc *d, const struct disc_session *session, session_message ret);

#endif
