/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * resume.h: flows of a former run go on: the flow image of the state directory (save.h) is read before there
 * are engines, since it has the key of what proofs remember, and its flows enter them before workers start.
 *
 * A flow goes on if its edge is still there, by name; if it would still live, had the time gone by here;
 * and if the policy of now admits what opened it, whatever the semantics. So flows that had outlived their
 * rule (AWS-60) end with a restart. Which worker's engine takes a flow is asked anew: an image says nothing
 * of workers. A shadow (shadow.h) takes the same flows, judged by its own policy: with none, it would differ on
 * each of them. An image that is damaged, or of another version, is ignored whole, and set aside.
 */
#ifndef SEKISHOD_RESUME_H
#define SEKISHOD_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"

#define RESUME_OUTCOMES (SEKISHO_IMPORT_UNSOUND + 1)

struct daemon;

struct resume {
	bool found;                       /* an image that can be used */
	struct image image;               /* while it is read */
	uint64_t time_ms;                 /* the image's, since 1970 */
	uint64_t down_ms;                 /* how long ago that was */
	uint64_t counts[RESUME_OUTCOMES]; /* records, by enum sekisho_import */
	char refused[IMAGE_MESSAGE_MAX];  /* why an image was ignored; else empty */
};

/* Look for an image, and choose the key of proofs, the image's or a new one. 0, or -errno and a message. */
int resume_open(struct daemon *daemon, char *message);

/* Let the engines take their flows, of the policies that their edges have. Before workers start. */
void resume_flows(struct daemon *daemon);

/* Leave the image, if it is still open: the start has failed in between. */
void resume_close(struct daemon *daemon);

#endif
