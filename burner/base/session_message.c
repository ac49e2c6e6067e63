/* SPDX-License-Identifier: GPL-3.0-or-later */
/* session_message.c - what text can be the message of a session */
#include <string.h>

#include "burner/base/utf8.h"
#include "cdappendfs/session_message.h"

const char *session_message_refusal(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	if (!*text)
		return "it is empty";
	if (strlen(text) > SESSION_MESSAGE_MAX_BYTES)
		return "it is longer than 1000 bytes";
	for (size_t n; *s; s += n) {
		n = utf8_length(s);
		if (!n)
			return "it is not UTF-8";
		if (utf8_controls(s, n))
			return "it is to be one line of text, without control characters";
	}
	return NULL;
}
