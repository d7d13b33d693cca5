/* SPDX-License-Identifier: BSD-3-Clause */
/* generate_proofs.c: WireGuard, DNS and NTP, spoken and misspoken (STRICT-50..52). */
#include "generate.h"

#include <netinet/in.h>

/* A UDP packet from one end to the other; now and then too short or too long. */
static void say(struct random *random, const struct talk *talk, unsigned sender,
		struct event *event)
{
	static const uint16_t sizes[] = {1,  11, 12, 31, 32, 40, 47,  48,
					 49, 56, 64, 80, 91, 92, 147, 148};

	generate_address(talk, sender, event);
	event->payload = talk->payload;
	if (random_chance(random, 8))
		event->payload_size = RANDOM_OF(random, sizes);
}

/* ---- WireGuard -------------------------------------------------------------------------------- */

static void wireguard_begin(struct random *random, struct talk *talk)
{
	talk->payload = PAYLOAD_WIREGUARD;
	talk->port[0] = talk->port[1] = 51820;
	if (random_chance(random, 30))
		talk->port[talk->opener] = 4000;
	talk->asked[0] = talk->asked[1] = 1;
}

/* An index is its owner's counter, and the owner; `asked` is that of the newest initiation. */
static uint32_t index_of(const struct talk *talk, unsigned owner, uint32_t back)
{
	return (talk->asked[owner] - back) * 2u + owner;
}

static void wireguard_say(struct random *random, struct talk *talk, struct event *event)
{
	unsigned sender = random_chance(random, 50);
	uint32_t kind = random_below(random, 100), back = random_below(random, 10) < 8 ? 0 : 1;

	say(random, talk, sender, event);
	back += random_chance(random, 5) ? 1 + random_below(random, 12) : 0;
	event->wireguard.index = index_of(talk, !sender, back);
	if (kind < 30) {
		talk->asked[sender] = (uint16_t)(talk->asked[sender] + random_below(random, 2));
		event->wireguard.type = 1;
		event->wireguard.index = index_of(talk, sender, 0);
	} else if (kind < 55) {
		event->wireguard.type = 2;
		event->wireguard.receiver = event->wireguard.index;
		event->wireguard.index = index_of(talk, sender, 0);
	} else {
		event->wireguard.type = (uint8_t)(kind < 62 ? 3 : kind < 98 ? 4 : kind % 7);
	}
}

const struct script generate_wireguard = {wireguard_begin, wireguard_say};

/* ---- DNS -------------------------------------------------------------------------------------- */

static void dns_begin(struct random *random, struct talk *talk)
{
	static const uint16_t clients[] = {4000, 4000, 53, 1023};

	talk->payload = PAYLOAD_DNS;
	talk->port[talk->opener] = RANDOM_OF(random, clients);
	talk->port[!talk->opener] = 53;
}

static void dns_say(struct random *random, struct talk *talk, struct event *event)
{
	bool response = random_chance(random, 50);
	unsigned sender = response ? !talk->opener : talk->opener;

	if (random_chance(random, 8))
		sender = !sender;
	say(random, talk, sender, event);
	if (!response && random_chance(random, 60))
		talk->id++;
	event->dns = (struct event_dns){
		.response = response,
		.id = (uint16_t)(talk->id -
				 (random_chance(random, 60) ? 0 : random_below(random, 18))),
		.question = (uint8_t)(random_chance(random, 80) ? 1 : random_below(random, 4)),
		.type = random_chance(random, 90) ? 1 : 28,
		.more = random_chance(random, 4),
	};
}

const struct script generate_dns = {dns_begin, dns_say};

/* ---- NTP -------------------------------------------------------------------------------------- */

static void ntp_begin(struct random *random, struct talk *talk)
{
	talk->payload = PAYLOAD_NTP;
	talk->port[0] = talk->port[1] = 123;
	if (random_chance(random, 30))
		talk->port[talk->opener] = 4000;
	talk->protocol = random_chance(random, 60) ? 3 : 1; /* client or symmetric */
}

static void ntp_say(struct random *random, struct talk *talk, struct event *event)
{
	unsigned sender = random_chance(random, 50);
	uint8_t *own = &talk->spi[sender], others = talk->spi[!sender];

	say(random, talk, sender, event);
	if (random_chance(random, 50))
		*own = (uint8_t)('a' + random_below(random, 20));
	if (random_chance(random, 20))
		others = (uint8_t)(random_chance(random, 30) ? 0 : 'a' + random_below(random, 20));
	event->ntp = (struct event_ntp){
		.mode = talk->protocol == 1      ? (uint8_t)(1 + random_below(random, 2))
			: sender == talk->opener ? 3
						 : 4,
		.origin = others,
		.transmit = *own,
	};
	if (random_chance(random, 8))
		event->ntp.mode = (uint8_t)random_below(random, 8);
}

const struct script generate_ntp = {ntp_begin, ntp_say};
