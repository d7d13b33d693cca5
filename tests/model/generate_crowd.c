/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generate_crowd.c: more flows than the table holds, so that ceilings are met, and room is made or is not
 * (STRICT-17). Each flow has a port of its own and never more than two entries' worth of memory: what
 * takes a second entry, proofs and SYNs on living flows, is left to others.
 */
#include "generate.h"

#include <netinet/in.h>

#define FIRST_PORT 2000

static void crowd_begin(struct random *random, struct talk *talk)
{
	talk->is_long = true;
	talk->port[!talk->opener] = 99;
	/* how many of a hundred are TCP, and how many are answered */
	talk->asked[0] = (uint16_t)(random_below(random, 3) * 45);
	talk->asked[1] = (uint16_t)(random_below(random, 3) * 30);
}

/* The number of a flow's SYN, so that each end knows it. */
static uint32_t first_of(uint16_t port, unsigned sender)
{
	return port * 1000u + sender;
}

static void crowd_say(struct random *random, struct talk *talk, struct event *event)
{
	bool answer = talk->id < talk->step && random_chance(random, talk->asked[1]);
	unsigned sender = answer ? !talk->opener : talk->opener;
	uint16_t port;

	if (!answer && random_chance(random, 90))
		talk->step++;
	port = (uint16_t)(FIRST_PORT + (answer ? ++talk->id : talk->step));
	if (random_chance(random, 10))
		port = (uint16_t)(FIRST_PORT + random_below(random, talk->step + 1));
	talk->port[talk->opener] = port;
	generate_address(talk, sender, event);
	if (port * 37u % 100 >= talk->asked[0])
		return;
	event->tuple.protocol = IPPROTO_TCP;
	event->tcp_flags = answer ? 0x12 : 0x02;
	event->tuple.seq = first_of(port, sender);
	event->tuple.ack = answer ? first_of(port, !sender) + 1 : 0;
	if (!answer && random_chance(random, 10)) {
		event->tcp_flags = 0x10;
		event->tuple.seq++;
		event->tuple.ack = first_of(port, !sender) + 1;
	}
}

const struct script generate_crowd = {crowd_begin, crowd_say};
