/* SPDX-License-Identifier: BSD-3-Clause */
/* frames.c: see frames.h. */
#include "frames.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define ETHER     14
#define IP        20
#define LOCAL     0x0a000001u /* 10.0.0.1, the endpoint */
#define PEER      0xc6336401u /* 198.51.100.1 and on */
#define PORT_BITS 12

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* The sum of a checksum, over an even or odd number of bytes. */
static uint32_t sum(const uint8_t *p, size_t length, uint32_t from)
{
	for (size_t i = 0; i < length; i++)
		from += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

static void tcp_write(uint8_t *l4, const struct frames_segment *segment)
{
	put32(l4 + 4, segment->seq);
	put32(l4 + 8, segment->ack);
	l4[12] = 5 << 4;
	l4[13] = segment->flags;
	put16(l4 + 14, 65535);
}

void frames_write(uint8_t *frame, const struct frames_spec *spec)
{
	uint32_t peer = PEER + (spec->flow >> PORT_BITS);
	uint16_t local_port = (uint16_t)(20000 + (spec->flow & ((1u << PORT_BITS) - 1)));
	uint8_t *ip = frame + ETHER, *l4 = ip + IP;
	bool egress = spec->direction == SEKISHO_EGRESS, tcp = spec->kind == FRAMES_TCP;
	/* a small segment carries no data; what is left of its frame is padding */
	uint32_t length = tcp && spec->length == 60 ? 20 : spec->length - ETHER - IP;

	memset(frame, 0, spec->length);
	frame[0] = frame[6] = 2;
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, IP + length);
	ip[8] = 64;
	ip[9] = tcp ? 6 : 17;
	put32(ip + 12, egress ? LOCAL : peer);
	put32(ip + 16, egress ? peer : LOCAL);
	put16(ip + 10, ~sum(ip, IP, 0));
	put16(l4, egress ? local_port : 443);
	put16(l4 + 2, egress ? 443 : local_port);
	if (tcp)
		tcp_write(l4, &spec->segment);
	else
		put16(l4 + 4, length);
	put16(l4 + (tcp ? 16 : 6), ~sum(l4, length, sum(ip + 12, 8, ip[9] + length)));
}

uint16_t frames_length(enum frames_size size, uint32_t position)
{
	static const uint16_t imix[12] = {60, 590, 60, 60, 590, 60, 1514, 60, 590, 60, 60, 590};

	return size == FRAMES_64 ? 60 : imix[position % 12];
}

/* The numbers 0..count-1 in a random order; NULL: no memory. */
static uint32_t *shuffled(uint32_t count)
{
	uint32_t *order = malloc((size_t)count * sizeof(*order));
	uint64_t random = FRAMES_RANDOM;

	if (order == NULL)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)((uint64_t)frames_draw(&random) * i >> 32);
		uint32_t swapped = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swapped;
	}
	return order;
}

/* Give each frame its place; the number of lines that they take. */
static size_t places_make(struct frames *frames, const struct frames_plan *plan)
{
	uint32_t line = 0;

	for (uint32_t i = 0; i < frames->count; i++) {
		frames->places[i] = (struct frames_place){
			.line = line,
			.length = frames_length(plan->size, i),
			.direction =
				plan->both_directions && i & 1 ? SEKISHO_INGRESS : SEKISHO_EGRESS};
		line += (frames->places[i].length + 63u) / 64;
	}
	return line;
}

bool frames_init(struct frames *frames, const struct frames_plan *plan)
{
	/* both ends of a flow that has had its handshake */
	static const struct frames_segment segments[2] = {{0x10, 101, 501}, {0x10, 501, 101}};
	uint32_t *order = shuffled(plan->flows);

	*frames = (struct frames){0};
	frames->count = (plan->count + FRAMES_BURST - 1) / FRAMES_BURST * FRAMES_BURST;
	frames->places = malloc((size_t)frames->count * sizeof(*frames->places));
	if (frames->places != NULL && order != NULL) {
		frames->size = places_make(frames, plan) * 64;
		frames->bytes = memory_take(frames->size);
	}
	for (uint32_t i = 0; frames->bytes != NULL && i < frames->count; i++) {
		const struct frames_place *place = &frames->places[i];

		frames_write(frames->bytes + (size_t)place->line * 64,
			     &(struct frames_spec){plan->kind, plan->first + order[i % plan->flows],
						   place->direction, place->length,
						   segments[place->direction]});
	}
	free(order);
	return frames->bytes != NULL;
}

void frames_fini(struct frames *frames)
{
	memory_give(frames->bytes, frames->size);
	free(frames->places);
}
