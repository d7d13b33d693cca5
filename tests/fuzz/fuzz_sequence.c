/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_sequence.c: conversations. An input is a list of steps (grammar.h): packets of every protocol
 * that is tracked, in both directions and families, whole or in fragments, alone or in bursts, with
 * time between them; and changes of the policy, from one semantics to the other too. The engine is
 * small, so that pressure is met as well.
 *
 * What is checked: each verdict in itself; that nothing is lost or counted twice (packets, rules,
 * flows, held frames); that a packet which is dropped changes no flow (STRICT-7); and at the end,
 * when time has run out, that nothing is left.
 */
#include <stdlib.h>
#include <string.h>

#include <sekisho.h>

#include "fuzz.h"
#include "grammar.h"
#include "policies.h"

#define FLOWS      64
#define FLOWS_SEEN (4 * FLOWS) /* a table may be larger than was asked for */
#define HELD_MAX   8
#define ZONES      2

#define FRAGMENTS_MS 60000u     /* the longest that fragments are held */
#define FLOWS_MS     432000000u /* the longest timer */
#define SILENT_MS    10000000u  /* may go by without a burst, and many times over */
#define RESTS        16         /* bursts that sweep everything */

/* The live flows at a time. */
struct flows {
	struct sekisho_flow_info flow[FLOWS_SEEN];
	unsigned count;
};

struct sequence {
	struct sekisho_engine *engine;
	struct grammar grammar;
	uint32_t now;
	uint64_t packets;       /* given to the engine */
	uint64_t opened, ruled; /* flows, and packets of a rule, by what verdicts say */
	uint64_t by_reason[SEKISHO_REASON_COUNT]; /* by what verdicts say */
	uint64_t changed[ZONES]; /* packets before the zone's policy last changed */
	uint64_t held[HELD_MAX]; /* packets that are held; 0 is free */
	struct sekisho_frame frames[SEKISHO_BURST_MAX];
	uint8_t *bytes[SEKISHO_BURST_MAX];
	unsigned waiting; /* frames of the burst that is put together */
};

static struct sequence sequence;
static struct flows before, after;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	policies_init();
	return 0;
}

/* ---- one verdict ------------------------------------------------------------------------------
 */

static void check_verdict(const struct sekisho_verdict *verdict)
{
	enum sekisho_admitted_by by;

	FUZZ_CHECK(verdict->reason < SEKISHO_REASON_COUNT);
	FUZZ_CHECK(verdict->action == sekisho_reason_action(verdict->reason));
	FUZZ_CHECK((verdict->bound != SEKISHO_BOUND_NONE) ==
		   (verdict->reason == SEKISHO_REASON_OUT_OF_WINDOW));
	by = sekisho_reason_admitted_by(verdict->reason);
	if (by == SEKISHO_BY_RULE || by == SEKISHO_BY_FLOW)
		FUZZ_CHECK(sekisho_rule_name(policies_names(), verdict->rule) != NULL);
	else if (verdict->reason != SEKISHO_REASON_NETWORK_ACL) /* an entry may have denied it */
		FUZZ_CHECK(verdict->rule == SEKISHO_RULE_NONE);
	/* what was held may follow a first fragment that came after it */
	FUZZ_CHECK(verdict->opened_by <= sequence.packets);
	if (by == SEKISHO_BY_FLOW)
		FUZZ_CHECK(verdict->opened_by != 0);
	if (verdict->opened)
		FUZZ_CHECK(verdict->reason == SEKISHO_REASON_RULE_MATCH);
	if (verdict->action == SEKISHO_DROP)
		FUZZ_CHECK(verdict->opened_by == 0);
}

/* ---- frames that are held ---------------------------------------------------------------------
 */

/* Find a packet among the held ones, or a free place with 0. */
static unsigned held_find(uint64_t packet)
{
	unsigned i = 0;

	while (i < HELD_MAX && sequence.held[i] != packet)
		i++;
	return i;
}

static void held_add(const struct sekisho_verdict *verdict)
{
	unsigned i = held_find(0);

	FUZZ_CHECK(i < HELD_MAX);
	sequence.held[i] = verdict->packet;
}

/* Take what is released: each frame once, and only what was held. The handle is the number. */
static void held_take(void)
{
	struct sekisho_release releases[3];
	unsigned count;

	do {
		count = sekisho_engine_release(sequence.engine, releases, 3);
		FUZZ_CHECK(count <= 3);
		for (unsigned i = 0; i < count; i++) {
			const struct sekisho_release *release = &releases[i];
			unsigned at = held_find((uintptr_t)release->handle);

			FUZZ_CHECK(release->handle != NULL && at < HELD_MAX);
			FUZZ_CHECK(release->verdict.packet == sequence.held[at]);
			FUZZ_CHECK(release->verdict.action != SEKISHO_HOLD);
			FUZZ_CHECK(release->zone < ZONES && release->direction < 2);
			check_verdict(&release->verdict);
			sequence.by_reason[release->verdict.reason]++;
			sequence.ruled += release->verdict.rule != SEKISHO_RULE_NONE;
			sequence.held[at] = 0;
		}
	} while (count == 3);
}

/* ---- flows ------------------------------------------------------------------------------------
 */

static void flows_read(struct flows *flows)
{
	uint32_t cursor = 0;

	flows->count = 0;
	do {
		flows->count +=
			sekisho_engine_flows(sequence.engine, sequence.now, &cursor, 7,
					     &flows->flow[flows->count], FLOWS_SEEN - flows->count);
		FUZZ_CHECK(flows->count < FLOWS_SEEN);
	} while (cursor != 0);
}

/* A flow from before its zone's policy changed is judged again by any packet, dropped or not. */
static bool is_stale(const struct sekisho_flow_info *flow)
{
	uint64_t changed = sequence.changed[flow->zone];

	return flow->opened_by[0] <= changed && flow->opened_by[1] <= changed;
}

static bool same_flow(const struct sekisho_flow_info *a, const struct sekisho_flow_info *b)
{
	return a->zone == b->zone && a->family == b->family && a->protocol == b->protocol &&
	       a->local_port == b->local_port && a->peer_port == b->peer_port &&
	       memcmp(a->local, b->local, sizeof(a->local)) == 0 &&
	       memcmp(a->peer, b->peer, sizeof(a->peer)) == 0;
}

static const struct sekisho_flow_info *flows_find(const struct flows *flows,
						  const struct sekisho_flow_info *flow)
{
	for (unsigned i = 0; i < flows->count; i++)
		if (same_flow(&flows->flow[i], flow))
			return &flows->flow[i];
	return NULL;
}

static void check_unchanged(const struct sekisho_flow_info *was, const struct sekisho_flow_info *is)
{
	FUZZ_CHECK(was->state == is->state);
	FUZZ_CHECK(was->opener == is->opener);
	FUZZ_CHECK(was->age_ms == is->age_ms);
	FUZZ_CHECK(was->expires_ms == is->expires_ms);
	FUZZ_CHECK(memcmp(was->opened, is->opened, sizeof(was->opened)) == 0);
	FUZZ_CHECK(memcmp(was->rule, is->rule, sizeof(was->rule)) == 0);
	FUZZ_CHECK(memcmp(was->opened_by, is->opened_by, sizeof(was->opened_by)) == 0);
	FUZZ_CHECK(memcmp(was->packets, is->packets, sizeof(was->packets)) == 0);
	FUZZ_CHECK(memcmp(was->bytes, is->bytes, sizeof(was->bytes)) == 0);
}

/* STRICT-7: `before` and `after` a packet that was dropped, the same flows are as they were. */
static void check_no_change(void)
{
	FUZZ_CHECK(after.count <= before.count);
	for (unsigned i = 0; i < before.count; i++) {
		const struct sekisho_flow_info *was = &before.flow[i];
		const struct sekisho_flow_info *is = flows_find(&after, was);

		if (is_stale(was))
			continue;
		FUZZ_CHECK(is != NULL);
		check_unchanged(was, is);
	}
}

/* ---- what must add up -------------------------------------------------------------------------
 */

static void check_rules(const struct sekisho_stats *stats)
{
	uint64_t packets = 0, opened = 0, live = 0;

	for (uint32_t rule = 0; rule < sekisho_rule_names_count(policies_names()); rule++) {
		struct sekisho_rule_stats one;

		sekisho_engine_rule_stats(sequence.engine, rule, &one);
		packets += one.packets;
		opened += one.flows;
		live += one.live;
	}
	FUZZ_CHECK(packets == sequence.ruled);
	FUZZ_CHECK(opened == stats->by_reason[SEKISHO_REASON_RULE_MATCH]);
	/* a flow has one rule, or one of each side */
	FUZZ_CHECK(live >= stats->flows && live <= 2 * stats->flows);
}

static void check_sums(void)
{
	struct sekisho_stats stats;
	uint64_t sum = 0, held = 0;

	sekisho_engine_stats(sequence.engine, &stats);
	for (int i = 0; i < SEKISHO_REASON_COUNT; i++) {
		FUZZ_CHECK(stats.by_reason[i] == sequence.by_reason[i]);
		sum += stats.by_reason[i];
	}
	for (unsigned i = 0; i < HELD_MAX; i++)
		held += sequence.held[i] != 0;
	FUZZ_CHECK(stats.held == held);
	FUZZ_CHECK(stats.received == sequence.packets);
	FUZZ_CHECK(stats.received == sum + stats.held);
	FUZZ_CHECK(stats.flows_created == sequence.opened);
	FUZZ_CHECK(stats.flows == stats.flows_created - stats.flows_expired - stats.flows_recycled -
					  stats.flows_closed);
	FUZZ_CHECK(stats.flows_half_open <= stats.flows && stats.flows <= stats.flows_capacity);
	check_rules(&stats);
}

/* ---- running ----------------------------------------------------------------------------------
 */

/* Send what waits as one burst. */
static void burst(void)
{
	struct sekisho_verdict verdicts[SEKISHO_BURST_MAX];
	unsigned count = sequence.waiting;

	if (count == 1)
		flows_read(&before);
	for (unsigned i = 0; i < count; i++)
		sequence.frames[i].handle = (void *)(uintptr_t)(sequence.packets + i + 1);
	sekisho_engine_burst(sequence.engine, sequence.now, sequence.frames, count, verdicts);
	for (unsigned i = 0; i < count; i++) {
		FUZZ_CHECK(verdicts[i].packet == ++sequence.packets);
		FUZZ_CHECK(verdicts[i].opened_by <= verdicts[i].packet);
		check_verdict(&verdicts[i]);
		sequence.opened += verdicts[i].opened;
		sequence.ruled += verdicts[i].rule != SEKISHO_RULE_NONE;
		if (verdicts[i].action == SEKISHO_HOLD)
			held_add(&verdicts[i]);
		else
			sequence.by_reason[verdicts[i].reason]++;
		free(sequence.bytes[i]);
	}
	sequence.waiting = 0;
	held_take();
	if (count == 1 && verdicts[0].action == SEKISHO_DROP) {
		flows_read(&after);
		check_no_change();
	}
}

/* Add a packet to the burst; its bytes stand in memory of just their size. */
static void add(const struct step *step)
{
	uint8_t frame[CRAFT_FRAME_MAX];
	uint32_t length = grammar_frame(&sequence.grammar, step, frame);
	uint8_t *exact = malloc(length > 0 ? length : 1);

	FUZZ_CHECK(exact != NULL);
	memcpy(exact, frame, length);
	sequence.bytes[sequence.waiting] = exact;
	sequence.frames[sequence.waiting++] = (struct sekisho_frame){
		.data = exact,
		.captured = length,
		.length = length,
		.zone = step->way & GRAMMAR_OTHER_ZONE ? 1 : 0,
		.direction = step->way & GRAMMAR_INGRESS ? SEKISHO_INGRESS : SEKISHO_EGRESS,
	};
	if (!(step->way & GRAMMAR_BURST) || sequence.waiting == SEKISHO_BURST_MAX)
		burst();
}

static void change_policy(uint16_t zone, unsigned which)
{
	sekisho_engine_set_policy(sequence.engine, zone, policies_get(which));
	sequence.changed[zone] = sequence.packets;
}

static void begin(const uint8_t *head)
{
	static const uint32_t starts[] = {0, 0x7fffff00, 0xffffff00, 0x80000000};
	struct sekisho_engine_config config = {.flows = FLOWS,
					       .fragments = 4,
					       .held = HELD_MAX,
					       .held_bytes = 4096,
					       .zones = ZONES,
					       .names = policies_names()};
	char message[256];

	memset(&sequence, 0, sizeof(sequence));
	memcpy(config.hash_key, head + 4, 4);
	sequence.engine = sekisho_engine_create(&config, message, sizeof(message));
	FUZZ_CHECK(sequence.engine != NULL);
	sequence.now = starts[head[2] % 4];
	for (uint16_t zone = 0; zone < ZONES; zone++)
		change_policy(zone, head[zone]);
}

/* A burst without packets. */
static void idle(void)
{
	sekisho_engine_burst(sequence.engine, sequence.now, NULL, 0, NULL);
	held_take();
}

/* A burst has one time. The clock compares by signed difference, so a long gap is not left silent. */
static void advance(uint32_t ms)
{
	if (ms > 0 && sequence.waiting > 0)
		burst();
	sequence.now += ms;
	if (ms > SILENT_MS)
		idle();
}

/* Let time go by without packets, long enough to sweep everything. */
static void rest(uint32_t ms)
{
	sequence.now += ms;
	for (unsigned i = 0; i < RESTS; i++)
		idle();
}

/* Time runs out: nothing may stay behind. */
static void end(void)
{
	struct sekisho_stats stats;

	if (sequence.waiting > 0)
		burst();
	check_sums();
	rest(FRAGMENTS_MS);
	check_sums();
	sekisho_engine_stats(sequence.engine, &stats);
	FUZZ_CHECK(stats.held == 0);
	rest(FLOWS_MS);
	check_sums();
	sekisho_engine_stats(sequence.engine, &stats);
	FUZZ_CHECK(stats.flows == 0 && stats.flows_half_open == 0);
	sekisho_engine_destroy(sequence.engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = records_count(size);

	if (size < RECORD_SIZE)
		return 0;
	begin(data);
	for (size_t i = 0; i < count; i++) {
		struct step step = grammar_step(data, i);

		advance(grammar_gap_ms(&step));
		if (step.what == GRAMMAR_POLICY)
			change_policy(step.way & GRAMMAR_OTHER_ZONE ? 1 : 0, step.flags);
		else if (step.what == GRAMMAR_IDLE)
			burst();
		else
			add(&step);
	}
	end();
	return 0;
}
