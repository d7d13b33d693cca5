/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tap.c: a ring of bytes between a worker and who watches.
 *
 * `head` and `tail` count bytes and never wrap; their low bits are places in the ring. The writer
 * publishes a burst's records at once.
 */
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

_Static_assert((TAP_RING & (TAP_RING - 1)) == 0, "places are low bits");
_Static_assert(sizeof(struct tap_record) % TAP_ALIGN == 0, "what follows is aligned");
_Static_assert(sizeof(struct sekisho_flow_end) % TAP_ALIGN == 0, "and so is the next record");

int tap_init(struct tap *tap)
{
	tap->ring = calloc(1, TAP_RING);
	return tap->ring == NULL ? -ENOMEM : 0;
}

void tap_fini(struct tap *tap)
{
	free(tap->ring);
	tap->ring = NULL;
}

/* ---- the worker ------------------------------------------------------------------------------- */

/* Where the worker writes; `head` is published when it is done. */
struct writer {
	struct tap *tap;
	uint64_t head, tail, ticks;
	uint32_t wanted, snap;
};

static void writer_begin(struct writer *writer, struct tap *tap)
{
	uint32_t wanted = atomic_load_explicit(&tap->wanted, memory_order_relaxed);

	*writer = (struct writer){
		.tap = tap,
		.head = atomic_load_explicit(&tap->head, memory_order_relaxed),
		.tail = atomic_load_explicit(&tap->tail, memory_order_acquire),
		.ticks = rte_rdtsc(),
		.wanted = wanted,
		.snap = wanted >> TAP_SNAP_SHIFT,
	};
}

static void writer_end(struct writer *writer)
{
	atomic_store_explicit(&writer->tap->head, writer->head, memory_order_release);
}

/* Room for a record of this size, aligned and whole; NULL: it is lost, and counted. */
static struct tap_record *writer_room(struct writer *writer, uint32_t size)
{
	uint32_t at = (uint32_t)writer->head & (TAP_RING - 1);
	uint32_t gap = at + size > TAP_RING ? TAP_RING - at : 0;
	struct tap_record *record = (struct tap_record *)(void *)(writer->tap->ring + at);

	if (writer->head + gap + size - writer->tail > TAP_RING) {
		uint64_t lost = atomic_load_explicit(&writer->tap->lost, memory_order_relaxed);

		atomic_store_explicit(&writer->tap->lost, lost + 1, memory_order_relaxed);
		return NULL;
	}
	if (gap > 0) {
		/* of a header there may be room for the first words only */
		record->size = gap;
		record->kind = TAP_GAP;
		writer->head += gap;
		record = (struct tap_record *)(void *)writer->tap->ring;
	}
	writer->head += size;
	record->size = size;
	return record;
}

/* One packet with its verdict; `data` has at least `captured` bytes. */
static void write_packet(struct writer *writer, const struct sekisho_frame *frame,
			 const struct sekisho_verdict *verdict)
{
	uint32_t captured = frame->captured < writer->snap ? frame->captured : writer->snap;
	uint32_t size = (uint32_t)sizeof(struct tap_record) +
			((captured + TAP_ALIGN - 1) & ~(TAP_ALIGN - 1));
	uint32_t kind = verdict->action == SEKISHO_PASS   ? TAP_PASSED
			: verdict->action == SEKISHO_DROP ? TAP_DROPPED
							  : 0;
	struct tap_record *record;

	if (!(writer->wanted & kind))
		return;
	record = writer_room(writer, size);
	if (record == NULL)
		return;
	record->kind = TAP_PACKET;
	record->direction = frame->direction;
	record->zone = frame->zone;
	record->ticks = writer->ticks;
	record->length = frame->length;
	record->captured = captured;
	record->verdict = *verdict;
	memcpy(record + 1, frame->data, captured);
}

void tap_write_burst(struct tap *tap, const struct sekisho_frame *frames, unsigned count,
		     const struct sekisho_verdict *verdicts)
{
	struct writer writer;

	writer_begin(&writer, tap);
	for (unsigned i = 0; i < count; i++)
		write_packet(&writer, &frames[i], &verdicts[i]);
	writer_end(&writer);
}

void tap_write_released(struct tap *tap, const struct sekisho_release *releases, unsigned count)
{
	struct writer writer;

	writer_begin(&writer, tap);
	for (unsigned i = 0; i < count; i++) {
		const struct rte_mbuf *mbuf = releases[i].handle;
		const struct sekisho_frame frame = {
			.data = rte_pktmbuf_mtod(mbuf, const uint8_t *),
			.captured = mbuf->data_len,
			.length = mbuf->pkt_len,
			.zone = releases[i].zone,
			.direction = releases[i].direction,
		};

		write_packet(&writer, &frame, &releases[i].verdict);
	}
	writer_end(&writer);
}

/* The engine's word that a flow has ended. */
static void write_end(void *context, const struct sekisho_flow_end *end)
{
	struct writer writer;
	struct tap_record *record;

	writer_begin(&writer, context);
	record = writer_room(&writer, (uint32_t)(sizeof(*record) + sizeof(*end)));
	if (record == NULL)
		return;
	record->kind = TAP_FLOW_END;
	record->direction = end->flow.opener;
	record->zone = end->flow.zone;
	record->ticks = writer.ticks;
	memcpy(record + 1, end, sizeof(*end));
	writer_end(&writer);
}

void tap_set_ends(struct tap *tap, struct sekisho_engine *engine)
{
	tap->told_of_ends = !tap->told_of_ends;
	sekisho_engine_tell_ends(engine, tap->told_of_ends ? write_end : NULL, tap);
}

/* ---- the reader ------------------------------------------------------------------------------- */

void tap_want(struct tap *tap, uint32_t wanted)
{
	atomic_store_explicit(&tap->wanted, wanted, memory_order_relaxed);
}

const struct tap_record *tap_peek(struct tap *tap)
{
	uint64_t head = atomic_load_explicit(&tap->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&tap->tail, memory_order_relaxed);

	while (tail != head) {
		const struct tap_record *record =
			(const void *)(tap->ring + ((uint32_t)tail & (TAP_RING - 1)));

		if (record->kind != TAP_GAP)
			return record;
		tail += record->size;
		atomic_store_explicit(&tap->tail, tail, memory_order_release);
	}
	return NULL;
}

void tap_next(struct tap *tap, const struct tap_record *record)
{
	uint64_t tail = atomic_load_explicit(&tap->tail, memory_order_relaxed);

	atomic_store_explicit(&tap->tail, tail + record->size, memory_order_release);
}
