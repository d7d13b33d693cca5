/* SPDX-License-Identifier: BSD-3-Clause */
/* track.c: which tracker a packet goes to, and what all of them share. */
#include "proof/proof.h"
#include "track.h"

#include <netinet/in.h>

enum sekisho_reason track_may_open(const struct track *track, const struct packet *packet)
{
	if (packet->l4_kind == PACKET_L4_TCP)
		return track_tcp_may_open(track, &packet->tcp);
	return PACKET_REASON_NONE;
}

bool track_open(const struct track *track, struct flow *flow, const struct packet *packet,
		unsigned direction)
{
	bool done;

	switch (packet->l4_kind) {
	case PACKET_L4_TCP:
		done = track_tcp_open(track, flow, &packet->tcp, direction);
		break;
	case PACKET_L4_UDP:
		done = track_udp_open(track, flow, packet, direction);
		break;
	case PACKET_L4_ICMP_QUERY:
		done = track_icmp_open(track, flow, packet, direction);
		break;
	default:
		done = track_other_open(track, flow, packet, direction);
	}
	if (!done)
		return false;
	if (flow->opened == 0)
		flow->opener = direction & 1;
	flow->opened |= (uint8_t)(1u << direction);
	return true;
}

const uint8_t track_tcp_timeouts[FLOW_STATE_COUNT] = {
	[FLOW_SYN_SENT] = SEKISHO_TIMEOUT_TCP_SYN_SENT,
	[FLOW_SYN_CROSSED] = SEKISHO_TIMEOUT_TCP_SYN_RECEIVED,
	[FLOW_SYN_RECEIVED] = SEKISHO_TIMEOUT_TCP_SYN_RECEIVED,
	[FLOW_ESTABLISHED] = SEKISHO_TIMEOUT_TCP_ESTABLISHED,
	[FLOW_RESUMED] = SEKISHO_TIMEOUT_TCP_ESTABLISHED,
	[FLOW_PICKED_UP] = SEKISHO_TIMEOUT_TCP_SYN_SENT,
	[FLOW_FIN_WAIT] = SEKISHO_TIMEOUT_TCP_FIN_WAIT,
	[FLOW_CLOSE_WAIT] = SEKISHO_TIMEOUT_TCP_CLOSE_WAIT,
	[FLOW_LAST_ACK] = SEKISHO_TIMEOUT_TCP_LAST_ACK,
	[FLOW_TIME_WAIT] = SEKISHO_TIMEOUT_TCP_TIME_WAIT,
	[FLOW_CLOSED] = SEKISHO_TIMEOUT_TCP_CLOSED,
};

const struct flow *track_vouches(const struct track *track, const struct flow_key *key,
				 const struct packet *packet)
{
	return packet->l4_kind == PACKET_L4_OTHER ? track_other_vouches(track, key, packet) : NULL;
}

const char *track_state_word(enum flow_state state)
{
	static const char *const words[FLOW_STATE_COUNT] = {
		[FLOW_UNANSWERED] = "unanswered",   [FLOW_ANSWERED] = "answered",
		[FLOW_STREAM] = "stream",           [FLOW_SYN_SENT] = "syn-sent",
		[FLOW_SYN_CROSSED] = "syn-crossed", [FLOW_SYN_RECEIVED] = "syn-received",
		[FLOW_ESTABLISHED] = "established", [FLOW_RESUMED] = "resumed",
		[FLOW_PICKED_UP] = "picked-up",
		[FLOW_FIN_WAIT] = "fin-wait",       [FLOW_CLOSE_WAIT] = "close-wait",
		[FLOW_LAST_ACK] = "last-ack",       [FLOW_TIME_WAIT] = "time-wait",
		[FLOW_CLOSED] = "closed",
	};

	return words[state];
}

bool track_quotes(const struct track *track, const struct flow *flow, const struct packet *quoted,
		  unsigned direction)
{
	if (flow->packets[direction] == 0)
		return false;
	if (track->profile->tcp_validates && flow->key.protocol == IPPROTO_TCP)
		return track_tcp_quotes(flow, quoted, direction);
	return true;
}

/* Whether an extension is what IKE knows. */
static bool is_of_ike(const struct flow_key *key, uint8_t grammar)
{
	return key->family & FLOW_KEY_PAIR || grammar == SEKISHO_GRAMMAR_IKE + 1 ||
	       grammar == SEKISHO_GRAMMAR_NAT_T + 1;
}

bool track_memory_is_sound(const struct flow_key *key, uint8_t grammar, const void *memory)
{
	const struct flow *entry = memory;

	if (entry->key.family != 0) /* ageing would take it for a flow */
		return false;
	if (is_of_ike(key, grammar))
		return proof_ike_memory_is_sound(memory);
	if (key->protocol == IPPROTO_TCP)
		return track_tcp_memory_is_sound(memory);
	/* sets of hashes, and counters: these may be any */
	return key->protocol == IPPROTO_ESP || grammar == SEKISHO_GRAMMAR_WIREGUARD + 1 ||
	       grammar == SEKISHO_GRAMMAR_DNS + 1;
}

void track_memory_move(const struct flow_key *key, uint8_t grammar, void *memory, uint32_t ticks)
{
	if (is_of_ike(key, grammar))
		proof_ike_memory_move(memory, ticks);
}
