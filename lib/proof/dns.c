/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dns.c: DNS over UDP (RFC 1035, STRICT-51). An answer is marked as a response and has the id and the
 * question section of a query that is outstanding, its letters in the same case. The answer to the
 * last outstanding query of a flow closes it (STRICT-23); cut short (TC) or with an error it is an
 * answer all the same. What else a message holds is not looked at. DNS over TCP is plain TCP.
 *
 * A query is remembered as a keyed hash. Three fit into the flow, which is what a stub resolver asks
 * at once from one port; an entry of its own takes the older ones of a forwarder that asks more.
 */
#include "proof.h"

#include "bounded_set.h"

#define DNS_HEADER    12
#define DNS_RESPONSE  0x80
#define DNS_NAME_MAX  255
#define DNS_LABEL_MAX 63

#define NEWEST (sizeof(((struct flow *)0)->track.proof) / sizeof(uint64_t))
#define OLDER  11

/* In a table entry; the empty key in front tells the sweep that this is no flow. */
struct dns_memory {
	struct flow_key none;
	uint64_t older[OLDER];
};

_Static_assert(sizeof(struct dns_memory) <= sizeof(struct flow), "fits an entry of the table");

struct dns {
	bool response;
	uint64_t query; /* hash of the id, the question and who asks; 0: malformed */
};

/* The length of a question: a name without pointers, type and class. 0 if it is none. */
static uint32_t question_length(const uint8_t *question, uint32_t captured)
{
	uint32_t at = 0;

	while (at < captured && at < DNS_NAME_MAX && question[at] != 0) {
		if (question[at] > DNS_LABEL_MAX)
			return 0;
		at += 1u + question[at];
	}
	return at < DNS_NAME_MAX && at + 5 <= captured ? at + 5 : 0;
}

/* Read a message that went in `direction`. More than one question is none (RFC 9619). */
static struct dns dns_parse(const struct track *track, const struct packet *packet,
			    unsigned direction)
{
	const uint8_t *p = packet->payload;
	struct dns dns = {0};
	uint32_t length = 0;
	uint64_t asker;

	if (packet->payload_captured < DNS_HEADER || p[4] != 0 || p[5] > 1)
		return dns;
	if (p[5] == 1) {
		length = question_length(p + DNS_HEADER, packet->payload_captured - DNS_HEADER);
		if (length == 0)
			return dns;
	}
	dns.response = p[2] & DNS_RESPONSE;
	asker = dns.response ? !direction : direction;
	dns.query = proof_hash(track, (uint64_t)p[0] << 16 | (uint64_t)p[1] << 8 | asker,
			       p + DNS_HEADER, length);
	return dns;
}

static uint64_t *newest_of(struct flow *flow)
{
	return (uint64_t *)flow->track.proof;
}

/* False if there is no memory for one more. */
static bool ask(const struct track *track, struct flow *flow, uint64_t query)
{
	uint64_t *newest = newest_of(flow);
	struct dns_memory *memory = flow_table_extension(track->table, flow);
	uint64_t older;

	if (memory == NULL && bounded_set_is_full(newest, NEWEST) &&
	    !bounded_set_has(newest, NEWEST, query)) {
		memory = proof_memory(track, flow);
		if (memory == NULL)
			return false;
	}
	if (memory != NULL)
		bounded_set_take(memory->older, OLDER, query);
	older = bounded_set_add(newest, NEWEST, query);
	if (older != 0)
		bounded_set_add(memory->older, OLDER, older);
	return true;
}

/* Strike a query off; false if it is not outstanding. */
static bool take(const struct track *track, struct flow *flow, uint64_t query)
{
	struct dns_memory *memory = flow_table_extension(track->table, flow);

	return bounded_set_take(newest_of(flow), NEWEST, query) ||
	       (memory != NULL && bounded_set_take(memory->older, OLDER, query));
}

/* A query has been answered: is it the last? */
static struct track_result answered(const struct track *track, struct flow *flow)
{
	const struct dns_memory *memory = flow_table_extension(track->table, flow);

	if (bounded_set_is_empty(newest_of(flow)) &&
	    (memory == NULL || bounded_set_is_empty(memory->older)))
		return (struct track_result){.outcome = TRACK_LAST};
	return TRACK_PASSED;
}

static struct track_result dns_entitle(const struct track *track, struct flow *flow,
				       const struct packet *packet, unsigned direction)
{
	struct dns dns = dns_parse(track, packet, direction);

	if (dns.query == 0)
		return TRACK_PASSED;
	if (dns.response)
		return take(track, flow, dns.query) ? answered(track, flow) : TRACK_PASSED;
	if (!ask(track, flow, dns.query))
		return track_no(TRACK_DROP, SEKISHO_REASON_TABLE_FULL);
	return TRACK_PASSED;
}

static struct track_result dns_answer(const struct track *track, struct flow *flow,
				      const struct packet *packet, unsigned direction)
{
	struct dns dns = dns_parse(track, packet, direction);

	if (dns.query == 0)
		return track_no(TRACK_JUDGE, SEKISHO_REASON_DNS_MALFORMED);
	if (!dns.response || !take(track, flow, dns.query))
		return track_no(TRACK_JUDGE, SEKISHO_REASON_NO_PROOF_DNS);
	return answered(track, flow);
}

const struct proof proof_dns = {.entitle = dns_entitle, .answer = dns_answer};
