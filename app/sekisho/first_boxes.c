/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * first_boxes.c: from areas to boxes. In each area one packet of each kind is judged; what differs is
 * a list of pieces: protocols, details, segments. Areas next to each other with the same list are one,
 * and so are details and protocols.
 */
#include "first_boxes.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "number_map.h"

struct piece {
	uint16_t detail_first, detail_last;
	uint8_t protocol_first, protocol_last;
	uint8_t admitted, segments;
};

struct pieces {
	struct piece *piece;
	size_t count, room;
};

/* Areas of the same locals next to each other, with the same pieces. */
struct run {
	struct pieces pieces;
	struct area_range peers;
	bool is_open;
};

struct find {
	const struct first_boxes *told;
	struct pieces next;
	struct run runs[2]; /* by direction */
	struct area_range *locals;
	size_t local_count;
	uint8_t family;
	struct number_map judged; /* what is known of packets, by areas_key() */
	uint32_t cuts[AREAS_CUTS_MAX];
	bool out_of_memory;
};

/* IPv6 headers that are no protocols; a packet that ends in one is malformed. */
static const uint8_t six_headers[] = {
	IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS, IPPROTO_MH, 139, 140};

static bool pieces_add(struct find *find, const struct piece *piece)
{
	struct pieces *pieces = &find->next;

	if (pieces->count == pieces->room) {
		size_t room = pieces->room ? pieces->room * 2 : 64;
		struct piece *larger = realloc(pieces->piece, room * sizeof(*larger));

		if (larger == NULL) {
			find->out_of_memory = true;
			return false;
		}
		pieces->piece = larger;
		pieces->room = room;
	}
	pieces->piece[pieces->count++] = *piece;
	return true;
}

/* ---- judging ---------------------------------------------------------------------------------- */

/* The segments of a packet that only policy 0, only policy 1 lets pass. */
static bool packet_judge(struct find *find, const struct area *area,
			 const struct first_packet *packet, uint8_t only[2])
{
	uint64_t key = areas_key(area, packet->direction, packet->protocol, packet->detail), known;
	unsigned kinds = packet->protocol == IPPROTO_TCP ? FIRST_ALL : FIRST_SYN;

	if (number_map_find(&find->judged, key, &known)) {
		only[0] = (uint8_t)known;
		only[1] = (uint8_t)(known >> 8);
		return true;
	}
	only[0] = only[1] = 0;
	for (unsigned kind = 1; kind <= kinds; kind *= 2) {
		struct first_packet one = *packet;
		bool passes[2];

		one.segment = (uint8_t)kind;
		if (!find->told->judge(find->told->context, &one, passes))
			return false;
		for (unsigned p = 0; p < 2; p++) {
			if (passes[p] && !passes[!p])
				only[p] |= (uint8_t)kind;
		}
	}
	for (unsigned p = 0; p < 2; p++) {
		if (packet->protocol != IPPROTO_TCP && only[p])
			only[p] = FIRST_ALL;
	}
	if (number_map_put(&find->judged, key, only[0] | (uint64_t)only[1] << 8) != 0)
		find->out_of_memory = true;
	return !find->out_of_memory;
}

/* The pieces of one protocol: details from cut to cut, taken together where they are alike. */
static bool protocol_judge(struct find *find, const struct area *area, struct first_packet *packet)
{
	unsigned cuts = areas_cuts(area, packet->protocol, find->cuts);
	uint8_t before[2] = {0, 0}, only[2];
	uint32_t since = 0;

	for (unsigned i = 0; i < cuts; i++) {
		only[0] = only[1] = 0;
		packet->detail = (uint16_t)find->cuts[i];
		if (i + 1 < cuts && !packet_judge(find, area, packet, only))
			return false;
		if (i + 1 < cuts && memcmp(only, before, sizeof(only)) == 0)
			continue;
		for (uint8_t p = 0; p < 2; p++) {
			const struct piece piece = {
				.detail_first = (uint16_t)since,
				.detail_last = (uint16_t)(find->cuts[i] - 1),
				.protocol_first = packet->protocol,
				.protocol_last = packet->protocol,
				.admitted = p,
				.segments = before[p],
			};

			if (before[p] != 0 && !pieces_add(find, &piece))
				return false;
		}
		memcpy(before, only, sizeof(before));
		since = find->cuts[i];
	}
	return true;
}

static bool is_whole(const struct piece *piece)
{
	return piece->detail_first == 0 && piece->detail_last == UINT16_MAX &&
	       piece->segments == FIRST_ALL;
}

/* If the pieces of a protocol, from `since` on, are but the whole of it, as the ones before: join them. */
static void protocol_join(struct pieces *pieces, size_t since)
{
	struct piece *mine, *before;

	if (since == 0 || pieces->count != since + 1)
		return;
	mine = &pieces->piece[since];
	before = mine - 1;
	if (!is_whole(mine) || !is_whole(before) || before->admitted != mine->admitted ||
	    before->protocol_last + 1 != mine->protocol_first)
		return;
	before->protocol_last = mine->protocol_last;
	pieces->count--;
}

/* Whether nothing tells a protocol from others that no rule names. */
static bool is_any_other(const struct area *area, unsigned protocol)
{
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || areas_mention(area, protocol))
		return false;
	if (area->family == SEKISHO_IPV4)
		return protocol != IPPROTO_ICMP;
	return protocol != IPPROTO_ICMPV6 &&
	       memchr(six_headers, (int)protocol, sizeof(six_headers)) == NULL;
}

/* All pieces of an area in a direction, into `next`. */
static bool area_judge(struct find *find, const struct area *area, unsigned direction)
{
	struct first_packet packet = {.direction = (uint8_t)direction, .family = area->family};
	bool judged_other = false;
	uint8_t other[2] = {0, 0};

	find->next.count = 0;
	if (!areas_example(area, &packet.local, &packet.peer))
		return true;
	for (unsigned protocol = 0; protocol < 256; protocol++) {
		size_t since = find->next.count;

		packet.protocol = (uint8_t)protocol;
		packet.detail = 0;
		if (!is_any_other(area, protocol)) {
			if (!protocol_judge(find, area, &packet))
				return false;
		} else {
			struct piece piece = {.detail_last = UINT16_MAX,
					      .protocol_first = packet.protocol,
					      .protocol_last = packet.protocol,
					      .segments = FIRST_ALL};

			if (!judged_other && !packet_judge(find, area, &packet, other))
				return false;
			judged_other = true;
			piece.admitted = other[1] != 0;
			if ((other[0] | other[1]) != 0 && !pieces_add(find, &piece))
				return false;
		}
		protocol_join(&find->next, since);
	}
	return true;
}

/* ---- runs ------------------------------------------------------------------------------------- */

/* Tell the boxes of a run. */
static bool run_close(struct find *find, unsigned direction)
{
	struct run *run = &find->runs[direction];
	struct first_packet example;

	for (size_t i = 0; run->is_open && i < run->pieces.count; i++) {
		const struct piece *piece = &run->pieces.piece[i];
		struct first_box box = {.direction = (uint8_t)direction,
					.family = find->family,
					.admitted = piece->admitted,
					.segments = piece->segments,
					.protocol_first = piece->protocol_first,
					.protocol_last = piece->protocol_last,
					.detail_first = piece->detail_first,
					.detail_last = piece->detail_last,
					.peers = run->peers};

		for (size_t l = 0; l < find->local_count; l++) {
			box.locals = find->locals[l];
			if (first_boxes_example(&box, &example) &&
			    !find->told->box(find->told->context, &box))
				return false;
		}
	}
	run->is_open = false;
	return true;
}

static bool pieces_equal(const struct pieces *a, const struct pieces *b)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->piece, b->piece, a->count * sizeof(*a->piece)) == 0);
}

/* Remember the locals of an area, which the areas that follow may share. */
static bool locals_take(struct find *find, const struct area *area)
{
	struct area_range *locals = realloc(find->locals, area->local_count * sizeof(*locals));

	if (locals == NULL) {
		find->out_of_memory = true;
		return false;
	}
	memcpy(locals, area->locals, area->local_count * sizeof(*locals));
	find->locals = locals;
	find->local_count = area->local_count;
	find->family = area->family;
	return true;
}

static bool area_take(void *context, const struct area *area)
{
	struct find *find = context;

	if (area->peers.first == 0 &&
	    (!run_close(find, 0) || !run_close(find, 1) || !locals_take(find, area)))
		return false;
	for (unsigned d = 0; d < 2; d++) {
		struct run *run = &find->runs[d];
		struct pieces unused;

		if (!area_judge(find, area, d))
			return false;
		if (run->is_open && pieces_equal(&run->pieces, &find->next)) {
			run->peers.last = area->peers.last;
			continue;
		}
		if (!run_close(find, d))
			return false;
		unused = run->pieces;
		*run = (struct run){find->next, area->peers, true};
		find->next = unused;
	}
	return true;
}

int first_boxes_find(const struct first_boxes *told)
{
	struct find *find = calloc(1, sizeof(*find));
	struct areas_walk walk = {{told->specs[0], told->specs[1]}, area_take, find};
	int rc;

	if (find == NULL)
		return -ENOMEM;
	find->told = told;
	rc = areas_walk(&walk);
	if (rc == 0 && (!run_close(find, 0) || !run_close(find, 1)))
		rc = 1;
	if (find->out_of_memory)
		rc = -ENOMEM;
	free(find->next.piece);
	free(find->runs[0].pieces.piece);
	free(find->runs[1].pieces.piece);
	number_map_fini(&find->judged);
	free(find->locals);
	free(find);
	return rc;
}

bool first_boxes_example(const struct first_box *box, struct first_packet *packet)
{
	const struct area area = {.family = box->family,
				  .locals = &box->locals,
				  .local_count = 1,
				  .peers = box->peers};
	unsigned segment = box->segments & -box->segments;

	*packet = (struct first_packet){.direction = box->direction,
					.family = box->family,
					.protocol = box->protocol_first,
					.segment = (uint8_t)segment,
					.detail = box->detail_first};
	if ((packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP) &&
	    packet->detail == 0 && box->detail_last > 0)
		packet->detail = 1; /* port 0 is nobody's */
	return areas_example(&area, &packet->local, &packet->peer);
}
