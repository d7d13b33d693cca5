/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ntp.c: NTP (RFC 5905, versions 1 to 4; STRICT-52). An answer carries as its origin timestamp the
 * transmit timestamp of a packet from the other side: a server's (mode 4) that of a client's (3), a
 * symmetric peer's (1, 2) that of a symmetric peer's. A server answers once, and the last answer
 * closes the flow (STRICT-23). Peers go on, and may refer twice to the same packet.
 *
 * Everybody knows 0, so a packet that was sent at 0 entitles nothing. Broadcast (5), control (6) and
 * private (7) messages are no answers; nor is interleaved mode (RFC 9769), whose origin timestamp is
 * another. Extension fields and authentication behind the header are for the peers to judge.
 *
 * A timestamp is remembered as a keyed hash with who sent it and in which kind of association; three
 * fit into the flow, the oldest makes room.
 */
#include "proof.h"

#include "bounded_set.h"

#define NTP_HEADER       48
#define NTP_ORIGIN       24
#define NTP_TRANSMIT     40
#define NTP_VERSION_LAST 4

#define OUTSTANDING (sizeof(((struct flow *)0)->track.proof) / sizeof(uint64_t))

enum ntp_mode {
	NTP_RESERVED,
	NTP_SYMMETRIC_ACTIVE,
	NTP_SYMMETRIC_PASSIVE,
	NTP_CLIENT,
	NTP_SERVER,
	NTP_BROADCAST,
	NTP_CONTROL,
	NTP_PRIVATE
};

/* What a packet is in a conversation; 0 in the fields that its mode has not. */
struct ntp {
	bool malformed;
	bool once;        /* what it answers is answered by that */
	uint64_t asks;    /* hash of its own timestamp, which an answer refers to */
	uint64_t answers; /* hash of the timestamp that it refers to */
};

static uint64_t timestamp_hash(const struct track *track, const uint8_t *timestamp, unsigned sender,
			       bool symmetric)
{
	static const uint8_t zero[8];

	if (memcmp(timestamp, zero, sizeof(zero)) == 0)
		return 0;
	return proof_hash(track, sender | (symmetric ? 2u : 0u), timestamp, sizeof(zero));
}

/* Read a packet that went in `direction`. */
static struct ntp ntp_parse(const struct track *track, const struct packet *packet,
			    unsigned direction)
{
	const uint8_t *p = packet->payload;
	struct ntp ntp = {0};
	unsigned version, mode;
	bool symmetric;

	ntp.malformed = true;
	if (packet->payload_captured < 1)
		return ntp;
	version = p[0] >> 3 & 7;
	mode = p[0] & 7;
	if (version == 0 || version > NTP_VERSION_LAST || mode == NTP_RESERVED)
		return ntp;
	ntp.malformed = mode <= NTP_BROADCAST && packet->payload_captured < NTP_HEADER;
	if (ntp.malformed || mode >= NTP_BROADCAST)
		return ntp;
	symmetric = mode == NTP_SYMMETRIC_ACTIVE || mode == NTP_SYMMETRIC_PASSIVE;
	if (symmetric || mode == NTP_CLIENT)
		ntp.asks = timestamp_hash(track, p + NTP_TRANSMIT, direction, symmetric);
	if (symmetric || mode == NTP_SERVER)
		ntp.answers = timestamp_hash(track, p + NTP_ORIGIN, !direction, symmetric);
	ntp.once = mode == NTP_SERVER;
	return ntp;
}

static uint64_t *outstanding_of(struct flow *flow)
{
	return (uint64_t *)flow->track.proof;
}

/* A server has answered this: is it the last? */
static struct track_result answered(struct flow *flow, uint64_t asked)
{
	bounded_set_take(outstanding_of(flow), OUTSTANDING, asked);
	if (bounded_set_is_empty(outstanding_of(flow)))
		return (struct track_result){.outcome = TRACK_LAST};
	return TRACK_PASSED;
}

static struct track_result ntp_entitle(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction)
{
	struct ntp ntp = ntp_parse(track, packet, direction);

	if (ntp.once && bounded_set_has(outstanding_of(flow), OUTSTANDING, ntp.answers))
		return answered(flow, ntp.answers);
	if (ntp.asks != 0)
		bounded_set_add(outstanding_of(flow), OUTSTANDING, ntp.asks);
	return TRACK_PASSED;
}

static struct track_result ntp_answer(const struct track *track, struct flow *flow,
				      const struct packet *packet, unsigned direction)
{
	struct ntp ntp = ntp_parse(track, packet, direction);

	if (ntp.malformed)
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NTP_MALFORMED);
	if (!bounded_set_has(outstanding_of(flow), OUTSTANDING, ntp.answers))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_NTP);
	return ntp.once ? answered(flow, ntp.answers) : TRACK_PASSED;
}

const struct proof proof_ntp = {.entitle = ntp_entitle, .answer = ntp_answer};
