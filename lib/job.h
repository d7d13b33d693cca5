/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * job.h: one packet on its way through the engine, and the parts of the path that it may come by. Each
 * answers with the packet's reason and fills its verdict; none is for anybody but the engine.
 */
#ifndef JOB_H
#define JOB_H

#include <netinet/in.h>

#include "engine.h"

#define JOB_ICMP_OTHER 0x100 /* in a key, with the type of what is neither query nor error */

/* One packet on its way. */
struct job {
	struct flow_key key;
	uint64_t hash;
	struct flow *flow;
	struct engine_zone *zone;
	struct sekisho_verdict *verdict;
	const struct sekisho_frame *frame;
	uint32_t denied_by; /* the entry of a network ACL, or SEKISHO_RULE_NONE */
	uint8_t direction;
	uint8_t plain;   /* the protocol of a plain frame, whose `packet` is empty as yet; or 0 */
	bool is_matched; /* what the rules say to it is known: `match` */
	struct rules_match match;
	struct packet packet;
};

/* ICMP has a key by its kind: identifier or code, and type, stand where others have ports. */
static inline void job_icmp_key_rest(struct flow_key_rest *rest, const struct packet *packet)
{
	if (packet->l4_kind == PACKET_L4_ICMP_QUERY) {
		rest->local_port = packet->icmp.id;
		rest->peer_port = track_icmp_request_type(packet);
	} else {
		rest->local_port = packet->icmp.code;
		rest->peer_port = (uint16_t)(JOB_ICMP_OTHER | packet->icmp.type);
	}
}

/* What goes out has its local end first, what comes in its peer's; no branch for it. */
static inline void job_key_make(struct flow_key *key, const struct packet *packet, uint16_t zone,
				unsigned direction)
{
	const uint8_t(*address)[16] = packet->address;
	struct flow_key_rest rest = {.local_port = packet->port[direction],
				     .peer_port = packet->port[!direction],
				     .zone = zone,
				     .protocol = packet->protocol,
				     .family = packet->family};

	_Static_assert(SEKISHO_EGRESS == 0 && SEKISHO_INGRESS == 1, "directions are indices");
	if (packet->l4_kind == PACKET_L4_ICMP_QUERY || packet->l4_kind == PACKET_L4_ICMP_OTHER)
		job_icmp_key_rest(&rest, packet);
	flow_key_set(key, address[direction], address[!direction], &rest);
}

/* ---- engine.c ---- */

/* Judge a packet that has all of layer 4's header by its flow, or by the rules. */
enum sekisho_reason engine_inspect_state(struct sekisho_engine *engine, struct job *job,
					 uint32_t now);

/* ---- engine_flow.c ---- */

/* A flow that is over, or that a former policy judged: NULL, and perhaps why, if it is gone. */
struct flow *engine_flow_settle(struct sekisho_engine *engine, const struct sekisho_policy *policy,
				struct flow *flow, uint32_t now, enum sekisho_reason *missing);

/*
 * A flow that has outlived its engine, by the policy of now and whatever the semantics: which rules open
 * it. False: none does, or it needs no tracking. It is in no table.
 */
bool engine_flow_judge(const struct sekisho_policy *policy, struct flow *flow);

/* What is known of an address pair may vouch, if it might, while the rules that opened its IKE are there. */
void engine_pair_judge(const struct sekisho_policy *policy, struct flow *entry, bool vouched);

/*
 * No flow answers for this packet: do the rules? `missing` is the reason if none does. `flow` is the
 * live flow that did not answer for it, or NULL; with `over` it has ended and makes room for the new.
 */
enum sekisho_reason engine_flow_may_open(struct sekisho_engine *engine, struct job *job,
					 struct flow *flow, bool over, enum sekisho_reason missing,
					 uint32_t now);

/* What the groups of the packet's endpoint say to it, flow or no flow. */
struct rules_match engine_match(const struct job *job);

/* Find that out beforehand for the plain packets among up to RULES_MANY that have no flow, if they are many. */
void engine_match_missed(struct job *jobs, unsigned count);

/*
 * AWS-145: whether the network ACL of the packet's endpoint denies it; notes by which entry. It comes
 * before the groups on ingress, and after them on egress, where a packet that they would not let out is
 * their drop. It knows no flows, and a packet that it denies changes none.
 */
bool engine_acl_denies(struct job *job);

/* The reason of a packet that an ACL's entry denies. */
enum sekisho_reason engine_acl_refuse(const struct job *job);

/* The live flow of a key, judged by the present policy; NULL if there is none (any more). */
static inline struct flow *engine_flow_live(struct sekisho_engine *engine,
					    const struct sekisho_policy *policy, struct flow *flow,
					    uint32_t now, enum sekisho_reason *missing)
{
	if (flow == NULL ||
	    (!flow_time_reached(now, flow->expires_at) && flow->generation == policy->generation))
		return flow;
	return engine_flow_settle(engine, policy, flow, now, missing);
}

/* A packet passed by this flow, or opened it: timers, counters, and who is to be thanked. */
static inline void engine_flow_refresh(struct job *job, struct flow *flow,
				       enum sekisho_timeout timer, uint32_t now)
{
	unsigned direction = job->direction;
	unsigned opener = track_is_originator(flow, direction) ? direction : !direction;

	flow->expires_at = now + job->zone->timeouts[flow->timeouts][timer];
	flow->packets[direction]++;
	flow->bytes[direction] += job->frame->length;
	job->verdict->rule = flow->rule[opener];
	job->verdict->opened_by = flow->opened_by[opener];
}

/* The same where the timer has to be found. */
static inline void engine_flow_account(struct job *job, struct flow *flow, uint32_t now)
{
	engine_flow_refresh(job, flow, track_timeout(flow), now);
}

/* ---- engine_error.c ---- */

/* An ICMP error: by the flow that it quotes (STRICT-60, 61, AWS-32). */
enum sekisho_reason engine_error_inspect(struct sekisho_engine *engine, struct job *job,
					 uint32_t now);

/* ---- engine_fragment.c ---- */

/* A fragment: the first as a packet, the others as it went. */
enum sekisho_reason engine_fragment_inspect(struct sekisho_engine *engine, struct job *job,
					    uint32_t now);

/* A packet that did not parse; as a first fragment it takes its whole datagram with it. */
enum sekisho_reason engine_fragment_malformed(struct sekisho_engine *engine, const struct job *job,
					      uint32_t now);

#endif
