/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap.h: what workers tell of packets and flows to those who watch.
 *
 * Each worker has a tap: a ring of bytes with one writer, the worker, and one reader, the thread of
 * watch.c. What is wanted is one word that the reader sets: 0 when nobody watches, and then a burst
 * costs the worker the look at that word. A record that has no room is lost and counted; the worker
 * never waits.
 *
 * A record is its header and then the first bytes of the frame, as many as are wanted; or what is to be
 * said of a flow that has ended, which the engine tells while that is wanted. Records are
 * whole and aligned in the ring; one that would cross its end begins at its start, behind a gap that
 * has a header of its own.
 *
 * Rejected: a ring of pointers to mbufs, since they would be missing in the pool while a slow reader
 * has them, and packets would be lost for having been watched.
 */
#ifndef SEKISHOD_TAP_H
#define SEKISHOD_TAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sekisho.h>

#define TAP_RING  (4u << 20) /* bytes of a worker's ring; touched only when somebody watches */
#define TAP_ALIGN 8u
#define TAP_SNAP  16384u /* most bytes of a frame in a record */

/* What is wanted: which records, and in the upper bits how many bytes of a frame. */
#define TAP_PASSED     0x1u
#define TAP_DROPPED    0x2u
#define TAP_ENDED      0x4u
#define TAP_SNAP_SHIFT 16

enum tap_kind {
	TAP_GAP,
	TAP_PACKET,
	TAP_FLOW_END /* a struct sekisho_flow_end follows; the direction is its opener's */
};

struct tap_record {
	uint32_t size; /* in the ring, with all that follows */
	uint8_t kind;  /* enum tap_kind */
	uint8_t direction;
	uint16_t zone;
	uint64_t ticks;    /* rte_rdtsc() */
	/* of a packet */
	uint32_t length;   /* of the frame on the wire */
	uint32_t captured; /* bytes of it that follow */
	struct sekisho_verdict verdict;
};

struct tap {
	/* the reader's */
	_Alignas(64) _Atomic uint32_t wanted;
	_Atomic uint64_t tail;
	/* the writer's */
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t lost; /* records */
	bool told_of_ends;     /* by the engine */
	uint8_t *ring;
};

/* 0 or -ENOMEM. Before the worker runs. */
int tap_init(struct tap *tap);
void tap_fini(struct tap *tap);

/* ---- the worker ------------------------------------------------------------------------------- */

/* Tell of a burst's packets that have their verdicts; tap_burst() is what to call. */
void tap_write_burst(struct tap *tap, const struct sekisho_frame *frames, unsigned count,
		     const struct sekisho_verdict *verdicts);

/* Tell of frames that were held, whose handles are mbufs; tap_released() is what to call. */
void tap_write_released(struct tap *tap, const struct sekisho_release *releases, unsigned count);

/* Whether there is room for as many bytes of records again as wait, so that none of a few more are lost. */
static inline bool tap_is_half_empty(const struct tap *tap)
{
	return atomic_load_explicit(&tap->head, memory_order_relaxed) -
		       atomic_load_explicit(&tap->tail, memory_order_acquire) <=
	       TAP_RING / 2;
}

/* Have the engine tell of flows that end, or no longer; tap_follow() is what to call. */
void tap_set_ends(struct tap *tap, struct sekisho_engine *engine);

/* Whether any packet is wanted. */
static inline bool tap_wants_packets(const struct tap *tap)
{
	return (atomic_load_explicit(&tap->wanted, memory_order_relaxed) &
		(TAP_PASSED | TAP_DROPPED)) != 0;
}

/* Between bursts: do as is wanted now. */
static inline void tap_follow(struct tap *tap, struct sekisho_engine *engine)
{
	uint32_t wanted = atomic_load_explicit(&tap->wanted, memory_order_relaxed);

	if (__builtin_expect((wanted & TAP_ENDED) != 0, 0) != tap->told_of_ends)
		tap_set_ends(tap, engine);
}

/* A burst has its verdicts, and no frame has been freed. */
static inline void tap_burst(struct tap *tap, const struct sekisho_frame *frames, unsigned count,
			     const struct sekisho_verdict *verdicts)
{
	if (__builtin_expect(tap_wants_packets(tap), 0))
		tap_write_burst(tap, frames, count, verdicts);
}

/* Frames that were held have their verdicts, and none has been freed. */
static inline void tap_released(struct tap *tap, const struct sekisho_release *releases,
				unsigned count)
{
	if (__builtin_expect(tap_wants_packets(tap), 0))
		tap_write_released(tap, releases, count);
}

/* ---- the reader ------------------------------------------------------------------------------- */

/* Say what is wanted from the next burst on; 0: nothing. */
void tap_want(struct tap *tap, uint32_t wanted);

/*
 * The oldest record, with what follows it; NULL if there is none. Stays until tap_next(). All that it
 * says of sizes has been checked by the writer, the bytes of the frame are a stranger's.
 */
const struct tap_record *tap_peek(struct tap *tap);
void tap_next(struct tap *tap, const struct tap_record *record);

#endif
