/* SPDX-License-Identifier: BSD-3-Clause */
/* model.c: what becomes of a packet, in the order of AWS section 9 and STRICT-1..7. See model.h. */
#include "model.h"

#include <netinet/in.h>
#include <string.h>

/* ---- Small words ------------------------------------------------------------------------------ */

struct model_verdict model_drop(enum sekisho_reason reason)
{
	return (struct model_verdict){.reason = reason};
}

struct model_verdict model_pass(enum sekisho_reason reason)
{
	return (struct model_verdict){.reason = reason};
}

static bool passes(enum sekisho_reason reason)
{
	return sekisho_reason_action(reason) == SEKISHO_PASS;
}

bool model_is_strict(const struct model *model, const struct model_packet *packet)
{
	return model->policy[packet->zone]->semantics == SEKISHO_STRICT;
}

/* ---- Which protocol answers ---------------------------------------------------------------------- */

static enum sekisho_reason may_open(const struct model *model, const struct model_packet *packet)
{
	return packet->kind == MODEL_TCP ? model_tcp_may_open(model, packet) : MODEL_FINE;
}

/* STRICT-40: without ports there is no proof; ESP may follow IKE by a knob. */
static bool follows_ike(const struct model *model, const struct model_packet *packet)
{
	return packet->protocol == IPPROTO_ESP && model_is_strict(model, packet) &&
	       model->policy[packet->zone]->strict.esp == SEKISHO_ESP_FOLLOWS_IKE;
}

static struct model_opinion other_belongs(struct model *model, const struct model_flow *flow,
					  const struct model_packet *packet)
{
	if (!model_is_strict(model, packet) || flow->opened[packet->direction])
		return model_opinion(MODEL_PASSES, 0);
	if (follows_ike(model, packet) && model_ike_is_alive(model, &flow->key))
		return model_opinion(MODEL_PASSES, 0);
	return model_opinion(MODEL_NO_ANSWER, SEKISHO_REASON_NO_PROOF_PROTOCOL);
}

static struct model_opinion belongs(struct model *model, const struct model_flow *flow,
				    const struct model_packet *packet)
{
	switch (packet->kind) {
	case MODEL_TCP:
		return model_tcp_belongs(model, flow, packet);
	case MODEL_UDP:
		return model_udp_belongs(model, flow, packet);
	case MODEL_QUERY:
		return model_icmp_belongs(model, flow, packet);
	default:
		return other_belongs(model, flow, packet);
	}
}

/* A packet of the flow passes, whatever has admitted it. */
static void passed(struct model *model, struct model_flow *flow, const struct model_packet *packet)
{
	flow->packets[packet->direction]++;
	flow->bytes[packet->direction] += packet->frame_length;
	switch (packet->kind) {
	case MODEL_TCP:
		model_tcp_passed(model, flow, packet);
		break;
	case MODEL_UDP:
		model_udp_passed(model, flow, packet);
		break;
	case MODEL_QUERY:
		model_icmp_passed(model, flow, packet);
		break;
	default:
		if (flow->state == UNANSWERED && packet->direction != flow->opener)
			flow->state = ANSWERED;
		if (follows_ike(model, packet))
			model_ike_touch(model, &flow->key);
	}
	model_refresh(model, flow);
}

/* ---- By the rules: STRICT-1, AWS-6, 51 ------------------------------------------------------------ */

/*
 * STRICT-40: ESP that neither a flow nor a rule admits may follow an IKE SA of its pair, as the flow of
 * that would. Chosen: as long as the policy is that under which the SA was answered (STRICT-4).
 */
static struct model_verdict judge_by_ike(struct model *model, const struct model_packet *packet,
					 enum sekisho_reason missing)
{
	const struct model_pair *pair = NULL;
	struct model_verdict verdict = model_drop(missing);

	if (packet->kind == MODEL_OTHER && follows_ike(model, packet))
		pair = model_ike_pair(model, packet);
	if (pair == NULL || pair->policy != model->policy[packet->zone])
		return verdict;
	verdict.reason = pair->opener == packet->direction ? SEKISHO_REASON_FLOW_ORIGINATOR
							   : SEKISHO_REASON_FLOW_ANSWER;
	verdict.rule = pair->rule;
	verdict.opened_by = pair->opened_by;
	model_ike_touch(model, &pair->key);
	return verdict;
}

/*
 * Judge by the rules of the packet's direction. `flow` is the one that it is of, but not admitted by,
 * for want of `missing`; NULL if there is none.
 */
static struct model_verdict judge_by_rules(struct model *model, const struct model_packet *packet,
					   struct model_flow *flow, enum sekisho_reason missing)
{
	const struct sekisho_policy_spec *policy = model->policy[packet->zone];
	const struct sekisho_rule_spec *rule = model_rule(policy, packet);
	struct model_verdict verdict = model_pass(SEKISHO_REASON_RULE_MATCH);
	enum sekisho_reason refused = may_open(model, packet);

	if (refused == SEKISHO_REASON_BAD_FLAGS) /* STRICT-10: flow or no flow */
		return model_drop(refused);
	if (rule == NULL)
		return judge_by_ike(model, packet, missing);
	if (policy->semantics == SEKISHO_AWS_LIKE && model_is_untracked(policy, packet)) {
		verdict.reason = SEKISHO_REASON_RULE_UNTRACKED;
		verdict.rule = rule->name;
		return verdict;
	}
	if (refused != MODEL_FINE)
		return model_drop(flow != NULL ? missing : refused);
	verdict.opened = flow == NULL;
	if (flow == NULL)
		flow = model_create(model, packet, &refused);
	if (flow == NULL)
		return model_drop(refused);
	flow->opened[packet->direction] = true;
	flow->rule[packet->direction] = rule->name;
	flow->opened_by[packet->direction] = packet->number;
	flow->opening_type[packet->direction] = packet->type;
	flow->opening_code[packet->direction] = packet->code;
	passed(model, flow, packet);
	verdict.rule = rule->name;
	verdict.opened_by = packet->number;
	return verdict;
}

/* ---- By the flow: STRICT-2, 3, AWS-1 -------------------------------------------------------------- */

static struct model_verdict judge_by_flow(struct model *model, const struct model_packet *packet,
					  struct model_flow *flow)
{
	struct model_opinion opinion = belongs(model, flow, packet);
	unsigned owner = flow->opened[packet->direction] ? packet->direction : !packet->direction;
	struct model_verdict verdict = {.rule = flow->rule[owner],
					.opened_by = flow->opened_by[owner]};

	switch (opinion.outcome) {
	case MODEL_DROPS:
		verdict = model_drop(opinion.reason);
		verdict.bound = opinion.bound;
		return verdict;
	case MODEL_NO_ANSWER:
		return judge_by_rules(model, packet, flow, opinion.reason);
	case MODEL_OVER:
		model_remove(model, flow);
		return judge_by_rules(model, packet, NULL, opinion.reason);
	default:
		verdict.reason = owner == packet->direction ? SEKISHO_REASON_FLOW_ORIGINATOR
							    : SEKISHO_REASON_FLOW_ANSWER;
		passed(model, flow, packet);
		if (opinion.outcome == MODEL_ENDS)
			model_remove(model, flow);
		return verdict;
	}
}

/* ---- After a change of policy: STRICT-4, AWS-60..66 ----------------------------------------------- */

/* The packet by which a direction has opened a flow, as far as rules can see. */
static struct model_packet opening_packet(const struct model_flow *flow, unsigned direction)
{
	bool egress = direction == SEKISHO_EGRESS;
	struct model_packet packet = {
		.zone = flow->key.zone,
		.direction = direction,
		.family = flow->key.family,
		.protocol = flow->key.protocol,
		.kind = flow->key.protocol == IPPROTO_TCP   ? MODEL_TCP
			: flow->key.protocol == IPPROTO_UDP ? MODEL_UDP
							    : MODEL_OTHER,
		.type = flow->opening_type[direction],
		.code = flow->opening_code[direction],
		.source_port = egress ? flow->key.local_port : flow->key.peer_port,
		.destination_port = egress ? flow->key.peer_port : flow->key.local_port,
	};

	memcpy(packet.source, egress ? flow->key.local : flow->key.peer, 16);
	memcpy(packet.destination, egress ? flow->key.peer : flow->key.local, 16);
	return packet;
}

/* STRICT-4: where the opening rule is gone, so is what it opened. True if nothing is left. */
static bool rules_are_withdrawn(const struct model *model, struct model_flow *flow)
{
	for (unsigned direction = 0; direction < 2; direction++) {
		struct model_packet opening = opening_packet(flow, direction);
		const struct sekisho_rule_spec *rule;

		if (!flow->opened[direction])
			continue;
		rule = model_rule(model->policy[flow->key.zone], &opening);
		flow->opened[direction] = rule != NULL;
		flow->rule[direction] = rule != NULL ? rule->name : NULL;
	}
	return !flow->opened[0] && !flow->opened[1];
}

/* Only what is in use: the lists are much longer than a sequence needs. */
static void copy_flows(struct model_flows *to, const struct model_flows *from)
{
	to->count = from->count;
	to->pairs = from->pairs;
	memcpy(to->flow, from->flow, from->count * sizeof(from->flow[0]));
	memcpy(to->pair, from->pair, from->pairs * sizeof(from->pair[0]));
}

/*
 * Whether the policy of now has done with a flow. STRICT-4: it is gone with its rule. AWS-60: it outlives
 * its rule, but AWS-65: a flow that AWS-10 now leaves untracked loses its entry.
 */
static bool is_gone(const struct model *model, struct model_flow *flow)
{
	const struct sekisho_policy_spec *policy = model->policy[flow->key.zone];
	struct model_packet opening = opening_packet(flow, flow->opener);

	if (policy->semantics == SEKISHO_STRICT)
		return rules_are_withdrawn(model, flow);
	return model_is_untracked(policy, &opening);
}

/*
 * The flow, or NULL and in *missing what the packet may be dropped for. What a change of policy has done
 * here is not the packet's doing, and stays if that is dropped.
 */
static struct model_flow *judge_again(struct model *model, const struct model_packet *packet,
				      struct model_flow *flow, enum sekisho_reason *missing)
{
	bool gone = is_gone(model, flow);

	if (gone && model_is_strict(model, packet))
		*missing = SEKISHO_REASON_RULE_WITHDRAWN;
	if (gone)
		model_remove(model, flow);
	copy_flows(&model->before, &model->flows);
	return gone ? NULL : flow;
}

void model_rejudge(struct model *model)
{
	for (unsigned i = model->flows.count; i-- > 0;)
		if (is_gone(model, &model->flows.flow[i]))
			model_remove(model, &model->flows.flow[i]);
}

/* ---- ICMP errors: STRICT-60, 61, AWS-31..33 ------------------------------------------------------- */

/* The flow that an error quotes a packet of, in the direction that the quoted packet went. */
static struct model_flow *quoted_flow(struct model *model, const struct model_packet *error)
{
	enum sekisho_reason missing;
	struct model_packet quoted;
	struct model_flow *flow;

	if (!model_parse_quote(error, &quoted))
		return NULL;
	quoted.direction = !error->direction; /* it went the other way */
	if (memcmp(quoted.source, error->destination, 16) != 0)
		return NULL; /* the error goes to who sent what it quotes */
	flow = model_find(model, &quoted);
	if (flow != NULL)
		flow = judge_again(model, &quoted, flow, &missing);
	if (flow == NULL || flow->packets[quoted.direction] == 0)
		return NULL; /* nothing was really sent that way */
	if (model_is_strict(model, error) && quoted.kind == MODEL_TCP &&
	    !model_tcp_quotes(flow, &quoted))
		return NULL;
	return flow;
}

static bool is_redirect(const struct model_packet *packet)
{
	return packet->protocol == IPPROTO_ICMP ? packet->type == 5 : packet->type == 137;
}

/* STRICT-61: below these, a packet is never too big. */
static bool mtu_is_small(const struct model_packet *packet)
{
	if (packet->protocol == IPPROTO_ICMP)
		return packet->type == 3 && packet->code == 4 && packet->mtu < 68;
	return packet->type == 2 && packet->mtu < 1280;
}

/* An error never creates, refreshes or closes a flow. */
static struct model_verdict judge_error(struct model *model, const struct model_packet *packet)
{
	bool strict = model_is_strict(model, packet);
	const struct sekisho_rule_spec *rule = model_rule(model->policy[packet->zone], packet);
	struct model_verdict verdict = model_pass(SEKISHO_REASON_ICMP_RELATED);
	struct model_flow *flow = NULL;

	if (strict && is_redirect(packet))
		return model_drop(SEKISHO_REASON_ICMP_REDIRECT);
	if (strict && mtu_is_small(packet))
		return model_drop(SEKISHO_REASON_ICMP_MTU_SMALL);
	if (!is_redirect(packet)) /* AWS-33 names the types that are related; this is none */
		flow = quoted_flow(model, packet);
	if (flow != NULL) {
		unsigned owner =
			flow->opened[!packet->direction] ? !packet->direction : packet->direction;

		verdict.rule = flow->rule[owner];
		verdict.opened_by = flow->opened_by[owner];
		return verdict;
	}
	if (strict)
		return model_drop(SEKISHO_REASON_ICMP_UNRELATED);
	if (rule == NULL)
		return model_drop(SEKISHO_REASON_NO_RULE);
	verdict.reason = SEKISHO_REASON_RULE_STATELESS;
	verdict.rule = rule->name;
	return verdict;
}

/* ---- The path --------------------------------------------------------------------------------- */

static bool is_never_filtered(const struct sekisho_policy_spec *policy,
			      const struct model_packet *packet)
{
	for (size_t i = 0; i < policy->never_filtered_count; i++)
		if (model_prefix_holds(&policy->never_filtered[i], packet->family,
				       packet->source) ||
		    model_prefix_holds(&policy->never_filtered[i], packet->family,
				       packet->destination))
			return true;
	return false;
}

/* STRICT-73. Chosen: before anything is made of layer 4, for its ports may be what is broken. */
static bool checksum_is_refused(const struct model *model, const struct model_packet *packet)
{
	return packet->checksum_bad && !packet->checksum_good && model_is_strict(model, packet) &&
	       model->policy[packet->zone]->strict.verify_checksums;
}

/* By the groups, and what they have let pass before. */
static struct model_verdict judge_by_groups(struct model *model, const struct model_packet *packet)
{
	enum sekisho_reason missing = SEKISHO_REASON_NO_RULE;
	struct model_flow *flow;

	if (packet->kind == MODEL_ERROR)
		return judge_error(model, packet);
	flow = model_find(model, packet);
	if (flow != NULL)
		flow = judge_again(model, packet, flow, &missing);
	return flow != NULL ? judge_by_flow(model, packet, flow)
			    : judge_by_rules(model, packet, NULL, missing);
}

/*
 * AWS-145: on egress the network ACL comes after the groups, and both must admit. Chosen: a packet that
 * the groups would not let out for want of a rule or a relation is theirs, any other that the ACL denies
 * is the ACL's, whatever a tracker would have said to it.
 */
static struct model_verdict judge_denied_egress(struct model *model,
						const struct model_packet *packet,
						struct model_verdict denied)
{
	enum sekisho_reason missing = SEKISHO_REASON_NO_RULE;
	struct model_verdict verdict;
	struct model_flow *flow;

	if (packet->kind == MODEL_ERROR) {
		verdict = judge_error(model, packet);
		return passes(verdict.reason) ? denied : verdict;
	}
	flow = model_find(model, packet);
	if (flow != NULL)
		flow = judge_again(model, packet, flow, &missing);
	if (flow != NULL)
		return denied;
	if (may_open(model, packet) == SEKISHO_REASON_BAD_FLAGS)
		return model_drop(SEKISHO_REASON_BAD_FLAGS);
	return model_rule(model->policy[packet->zone], packet) != NULL ? denied
								       : model_drop(missing);
}

/* A packet that is no fragment, or the first one of a datagram. */
struct model_verdict model_judge_whole(struct model *model, const struct model_packet *packet)
{
	struct model_verdict denied = {
		.reason = SEKISHO_REASON_NETWORK_ACL,
		.rule = model_acl_denies(model->policy[packet->zone], packet),
	};

	if (checksum_is_refused(model, packet))
		return model_drop(SEKISHO_REASON_BAD_CHECKSUM);
	if (denied.rule == NULL)
		return judge_by_groups(model, packet);
	if (packet->direction == SEKISHO_INGRESS)
		return denied;
	return judge_denied_egress(model, packet, denied);
}

static struct model_verdict judge(struct model *model, const struct model_packet *packet)
{
	if (packet->wrong != MODEL_FINE) {
		if (packet->is_fragment && packet->offset == 0)
			model_refuse_fragment(model, packet);
		return model_drop(packet->wrong);
	}
	if (packet->kind == MODEL_ARP)
		return model_pass(SEKISHO_REASON_ARP);
	if (packet->kind == MODEL_NEIGHBOUR)
		return model_pass(SEKISHO_REASON_NEIGHBOUR);
	if (is_never_filtered(model->policy[packet->zone], packet))
		return model_pass(SEKISHO_REASON_NEVER_FILTERED);
	if (packet->is_fragment)
		return model_judge_fragment(model, packet);
	return model_judge_whole(model, packet);
}

void model_init(struct model *model, const struct model_config *config)
{
	model->config = *config;
	model->flows.count = model->flows.pairs = 0;
	model->ghosts = model->datagrams = model->held = model->releases = 0;
	model->received = model->now = 0;
	model->undecided = false;
}

struct model_verdict model_judge(struct model *model, const struct sekisho_frame *frame,
				 enum sekisho_reason heard)
{
	struct model_packet packet = {.zone = frame->zone,
				      .direction = frame->direction,
				      .number = ++model->received,
				      .frame_length = frame->length,
				      .checksum_good =
					      frame->flags & SEKISHO_FRAME_L4_CHECKSUM_GOOD,
				      .handle = frame->handle};
	struct model_verdict verdict;

	model->heard = heard;
	copy_flows(&model->before, &model->flows);
	model_parse(frame, &packet);
	verdict = judge(model, &packet);
	verdict.packet = packet.number;
	if (!passes(verdict.reason)) /* STRICT-7 */
		copy_flows(&model->flows, &model->before);
	return verdict;
}
