/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inquiry.h: a question to a worker about one packet: the excerpt of its engine that the packet would meet
 * (sekisho.h). The control thread fills it and sets REQUESTED, the worker answers between two bursts and
 * sets DONE; each touches the rest only in its own turn.
 */
#ifndef SEKISHOD_INQUIRY_H
#define SEKISHOD_INQUIRY_H

#include <stdatomic.h>

#include <sekisho.h>

#define INQUIRY_FRAME_MAX 9216

enum inquiry_state { INQUIRY_IDLE, INQUIRY_REQUESTED, INQUIRY_DONE };

struct inquiry {
	_Atomic int state; /* enum inquiry_state */
	const void *owner; /* who asked; NULL when nobody waits any more. Control thread. */
	struct sekisho_frame frame;
	uint8_t bytes[INQUIRY_FRAME_MAX]; /* of the frame */
	struct sekisho_excerpt excerpt;
};

/* Answer if it asks. The worker, between two bursts. */
static inline void inquiry_answer(struct inquiry *inquiry, const struct sekisho_engine *engine,
				  uint32_t now_ms)
{
	if (atomic_load_explicit(&inquiry->state, memory_order_acquire) != INQUIRY_REQUESTED)
		return;
	sekisho_engine_excerpt(engine, now_ms, &inquiry->frame, &inquiry->excerpt);
	atomic_store_explicit(&inquiry->state, INQUIRY_DONE, memory_order_release);
}

#endif
