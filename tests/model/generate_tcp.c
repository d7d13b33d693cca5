/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generate_tcp.c: TCP between two ends that keep their own books: handshakes (also crossed, split, with
 * data), data, retransmissions, closed windows and probes, keepalives, FINs and RSTs, ports that are
 * used again. Segments overtake each other, get lost on either side, and some aim at the very edge of
 * a window.
 */
#include "generate.h"

#include <netinet/in.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static const uint32_t firsts[] = {100, 0x7fffff00, 0xfffffe00, 0xffffffff, 0};

static void restart(struct random *random, struct tcp_end *end)
{
	static const uint16_t windows[] = {65535, 65535, 29200, 8192, 1000, 1, 0};
	static const uint8_t scales[] = {EVENT_NO_SCALE, EVENT_NO_SCALE, 0, 2, 7, 14, 15};

	*end = (struct tcp_end){.first = RANDOM_OF(random, firsts) + random_below(random, 3000),
				.window = RANDOM_OF(random, windows),
				.scale = RANDOM_OF(random, scales)};
	end->next = end->acked = end->first;
	end->edge = end->first + 1 + 1000;
}

static void tcp_begin(struct random *random, struct talk *talk)
{
	static const uint16_t servers[] = {80, 443, 22, 4001};

	talk->port[talk->opener] = (uint16_t)(4000 + random_below(random, 2));
	talk->port[!talk->opener] = RANDOM_OF(random, servers);
	restart(random, &talk->tcp[0]);
	restart(random, &talk->tcp[1]);
}

static unsigned shift(const struct talk *talk, unsigned of)
{
	if (talk->tcp[0].scale == EVENT_NO_SCALE || talk->tcp[1].scale == EVENT_NO_SCALE)
		return 0;
	return talk->tcp[of].scale > 14 ? 14 : talk->tcp[of].scale;
}

/* A segment as its sender would write it. */
static void write(const struct talk *talk, unsigned sender, uint8_t flags, struct event *event)
{
	const struct tcp_end *end = &talk->tcp[sender];

	generate_address(talk, sender, event);
	event->tuple.protocol = IPPROTO_TCP;
	event->tcp_flags = flags;
	event->tuple.seq = end->next;
	event->tuple.ack = flags & ACK ? end->got : 0;
	event->window = end->window;
	event->scale = flags & SYN ? end->scale : EVENT_NO_SCALE;
}

/* The other end has got it: what it makes of it. */
static void deliver(struct talk *talk, unsigned sender, const struct event *event)
{
	struct tcp_end *from = &talk->tcp[sender], *to = &talk->tcp[!sender];
	uint32_t length = event->length + !!(event->tcp_flags & SYN) + !!(event->tcp_flags & FIN);
	uint32_t window = (uint32_t)event->window
			  << (event->tcp_flags & SYN ? 0 : shift(talk, sender));

	if (event->tcp_flags & SYN)
		to->got = event->tuple.seq;
	if (event->tuple.seq == to->got)
		to->got += length;
	if ((int32_t)(event->tuple.seq + length - from->next) > 0)
		from->next = event->tuple.seq + length;
	if (!(event->tcp_flags & ACK))
		return;
	if ((int32_t)(event->tuple.ack - to->acked) > 0)
		to->acked = event->tuple.ack;
	if ((int32_t)(event->tuple.ack + window - to->edge) > 0)
		to->edge = event->tuple.ack + window;
}

/* ---- What an end may say ---------------------------------------------------------------------- */

static void say_syn(struct random *random, struct talk *talk, unsigned sender, struct event *event)
{
	write(talk, sender, SYN, event);
	event->tuple.seq = talk->tcp[sender].first;
	if (random_chance(random, 10)) /* TFO */
		event->length = (uint16_t)random_below(random, 500);
}

static void say_syn_ack(struct random *random, struct talk *talk, unsigned sender,
			struct event *event)
{
	const struct tcp_end *other = &talk->tcp[!sender];

	write(talk, sender, SYN | ACK, event);
	event->tuple.seq = talk->tcp[sender].first;
	event->tuple.ack = random_chance(random, 80) ? other->first + 1 : other->next;
	if (random_chance(random, 5)) /* a cookie's number */
		event->tuple.seq = talk->tcp[sender].first += 77777;
}

static void say_data(struct random *random, struct talk *talk, unsigned sender, struct event *event)
{
	write(talk, sender, random_chance(random, 50) ? ACK | PSH : ACK, event);
	event->length = (uint16_t)random_below(random, 1400);
	if (random_chance(random, 20)) /* again */
		event->tuple.seq = talk->tcp[sender].acked;
}

static void say_ack(struct random *random, struct talk *talk, unsigned sender, struct event *event)
{
	struct tcp_end *end = &talk->tcp[sender];

	if (random_chance(random, 20))
		end->window = (uint16_t)(random_chance(random, 30) ? 0 : random_next(random));
	write(talk, sender, ACK, event);
	if (random_chance(random, 15)) { /* a keepalive */
		event->tuple.seq = end->acked - 1;
		event->length = (uint16_t)random_below(random, 2);
	}
}

/* At an edge of what the other end allows, or one beyond. */
static void say_edge(struct random *random, struct talk *talk, unsigned sender, struct event *event)
{
	const struct tcp_end *end = &talk->tcp[sender], *other = &talk->tcp[!sender];
	uint32_t off = random_below(random, 3) - 1;
	uint32_t reach = 1u << random_below(random, 31);

	write(talk, sender, ACK, event);
	event->length = (uint16_t)random_below(random, 100);
	switch (random_below(random, 5)) {
	case 0:
		event->tuple.seq = end->edge - event->length + off;
		break;
	case 1:
		event->tuple.seq = end->next - reach + off;
		break;
	case 2:
		event->tuple.ack = other->next + off;
		break;
	case 3:
		event->tuple.ack = other->next - reach + off;
		break;
	default:
		event->tuple.seq = end->next + random_below(random, 100000);
	}
}

static void say_fin(struct random *random, struct talk *talk, unsigned sender, struct event *event)
{
	write(talk, sender, FIN | ACK, event);
	event->length = (uint16_t)(random_chance(random, 30) ? random_below(random, 100) : 0);
	if (talk->tcp[sender].fin) /* again */
		event->tuple.seq -= event->length + 1u;
	talk->tcp[sender].fin = true;
}

static void say_rst(struct random *random, struct talk *talk, unsigned sender, struct event *event)
{
	static const uint32_t offs[] = {0, 0, 0, 1, (uint32_t)-1, 100, 100000};

	write(talk, sender, random_chance(random, 50) ? RST : RST | ACK, event);
	if (random_chance(random, 30))
		event->tuple.seq = talk->tcp[sender].acked;
	event->tuple.seq += RANDOM_OF(random, offs);
	if (random_chance(random, 20)) { /* against a SYN */
		event->tuple.seq = 0;
		event->tuple.ack = talk->tcp[!sender].first + 1;
	}
}

/* The host has forgotten all, and uses the port again. */
static void say_anew(struct random *random, struct talk *talk, unsigned sender, struct event *event)
{
	restart(random, &talk->tcp[sender]);
	say_syn(random, talk, sender, event);
}

/* Choose what is said next, by how far the talk is. */
static void choose(struct random *random, struct talk *talk, struct event *event)
{
	unsigned client = talk->opener, either = random_chance(random, 50);
	uint32_t kind = random_below(random, 100);

	if (talk->step++ == 0 || kind < 4)
		say_syn(random, talk, kind == 3 ? !client : client, event);
	else if (talk->step == 2 || kind < 8)
		say_syn_ack(random, talk, kind == 7 ? client : !client, event);
	else if (talk->step == 3)
		write(talk, client, ACK, event);
	else if (kind < 40)
		say_data(random, talk, either, event);
	else if (kind < 65)
		say_ack(random, talk, either, event);
	else if (kind < 75)
		say_edge(random, talk, either, event);
	else if (kind < 86)
		say_fin(random, talk, either, event);
	else if (kind < 94)
		say_rst(random, talk, either, event);
	else
		say_anew(random, talk, either, event);
}

static void tcp_say(struct random *random, struct talk *talk, struct event *event)
{
	unsigned taken;

	while (talk->queued == 0 || (talk->queued < TALK_QUEUE && random_chance(random, 20))) {
		struct event *next = &talk->queue[talk->queued++];

		*next = *event;
		choose(random, talk, next);
		if (!random_chance(random, 7)) /* else it is lost behind us, or refused by us */
			deliver(talk, next->direction, next);
	}
	taken = random_chance(random, 80) ? 0 : random_below(random, talk->queued);
	*event = talk->queue[taken];
	talk->queue[taken] = talk->queue[0];
	talk->queued--;
	for (unsigned i = 0; i < talk->queued; i++)
		talk->queue[i] = talk->queue[i + 1];
}

const struct script generate_tcp = {tcp_begin, tcp_say};
