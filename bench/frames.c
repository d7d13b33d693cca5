/* SPDX-License-Identifier: BSD-3-Clause */
/* frames.c: see frames.h. */
#include "frames.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define ETHER 14
#define IP    20

const struct frames_space frames_space_default = {
	.local = 0x0a000001u,
	.peer = 0xc6336401u,
	.first_port = 20000,
	.service_port = 443,
	.port_bits = 12,
	.opener = SEKISHO_EGRESS,
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

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

/* The addresses and ports of a flow's frame, and the header's checksum. */
static void address_write(uint8_t *frame, const struct frames_space *space, uint32_t flow,
			  uint8_t direction)
{
	uint32_t peer = space->peer + (flow >> space->port_bits);
	uint16_t opening = (uint16_t)(space->first_port + (flow & ((1u << space->port_bits) - 1)));
	bool egress = direction == SEKISHO_EGRESS, forth = direction == space->opener;
	uint8_t *ip = frame + ETHER, *l4 = ip + IP;

	put32(ip + 12, egress ? space->local : peer);
	put32(ip + 16, egress ? peer : space->local);
	put16(ip + 10, 0);
	put16(ip + 10, ~sum(ip, IP, 0));
	put16(l4, forth ? opening : space->service_port);
	put16(l4 + 2, forth ? space->service_port : opening);
}

void frames_write(uint8_t *frame, const struct frames_spec *spec)
{
	uint8_t *ip = frame + ETHER, *l4 = ip + IP;
	bool tcp = spec->kind == FRAMES_TCP;
	/* a small segment carries no data; what is left of its frame is padding */
	uint32_t length = tcp && spec->length == 60 ? 20 : spec->length - ETHER - IP;

	memset(frame, 0, spec->length);
	frame[0] = frame[6] = 2;
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, IP + length);
	ip[8] = 64;
	ip[9] = tcp ? 6 : 17;
	address_write(frame, spec->space, spec->flow, spec->direction);
	if (tcp)
		tcp_write(l4, &spec->segment);
	else
		put16(l4 + 4, length);
	put16(l4 + (tcp ? 16 : 6), ~sum(l4, length, sum(ip + 12, 8, ip[9] + length)));
}

void frames_readdress(uint8_t *frame, const struct frames_space *space, uint32_t flow)
{
	uint8_t *ip = frame + ETHER, *l4 = ip + IP;
	uint8_t *peer = ip + (space->opener == SEKISHO_EGRESS ? 16 : 12);
	uint32_t now = space->peer + (flow >> space->port_bits);
	uint32_t difference = 0xffffu - get16(ip + 10);

	/* RFC 1624: the checksum follows from what changes */
	difference +=
		0xffffu - get16(peer) + (now >> 16) + 0xffffu - get16(peer + 2) + (now & 0xffff);
	difference = (difference & 0xffff) + (difference >> 16);
	put16(ip + 10, ~((difference & 0xffff) + (difference >> 16)));
	put32(peer, now);
	put16(l4, space->first_port + (flow & ((1u << space->port_bits) - 1)));
	put16(l4 + 6, 0);
}

void frames_step_write(const struct frames_step *step, uint8_t bytes[FRAMES_BURST][64],
		       struct sekisho_frame *burst)
{
	static const struct frames_segment segments[FRAMES_STEPS] = {
		{0x02, 100, 0}, {0x12, 500, 101}, {0x10, 101, 501}, {0x10, 501, 101}};
	uint8_t opener = step->space->opener;

	for (unsigned i = 0; i < step->count; i++) {
		const struct frames_spec spec = {.space = step->space,
						 .kind = step->kind,
						 .flow = step->first + i,
						 .direction = step->step & 1 ? !opener : opener,
						 .length = 60,
						 .segment = segments[step->step]};

		frames_write(bytes[i], &spec);
		burst[i] = (struct sekisho_frame){.data = bytes[i],
						  .captured = spec.length,
						  .length = spec.length,
						  .direction = spec.direction};
	}
}

struct frames_segment frames_established(const struct frames_space *space, uint8_t direction)
{
	return direction == space->opener ? (struct frames_segment){0x10, 101, 501}
					  : (struct frames_segment){0x10, 501, 101};
}

uint16_t frames_length(enum frames_size size, uint32_t position)
{
	static const uint16_t imix[12] = {60, 590, 60, 60, 590, 60, 1514, 60, 590, 60, 60, 590};

	return size == FRAMES_64 ? 60 : imix[position % 12];
}

uint32_t *frames_shuffled(uint32_t count)
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
	const struct frames_space *space = &frames_space_default;
	uint32_t *order = frames_shuffled(plan->flows);

	*frames = (struct frames){0};
	frames->count = (plan->count + FRAMES_BURST - 1) / FRAMES_BURST * FRAMES_BURST;
	frames->places = malloc((size_t)frames->count * sizeof(*frames->places));
	if (frames->places != NULL && order != NULL) {
		frames->size = places_make(frames, plan) * 64;
		frames->bytes = memory_take(frames->size);
	}
	for (uint32_t i = 0; frames->bytes != NULL && i < frames->count; i++) {
		const struct frames_place *place = &frames->places[i];
		const struct frames_spec spec = {
			.space = space,
			.kind = plan->kind,
			.flow = plan->first + order[i % plan->flows],
			.direction = place->direction,
			.length = place->length,
			.segment = frames_established(space, place->direction)};

		frames_write(frames->bytes + (size_t)place->line * 64, &spec);
	}
	free(order);
	return frames->bytes != NULL;
}

void frames_fini(struct frames *frames)
{
	memory_give(frames->bytes, frames->size);
	free(frames->places);
}
