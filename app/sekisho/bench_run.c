/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_run.c: see bench_run.h.
 *
 * One edge and one worker a core. The live flows are opened before the workers start, by the engines'
 * owner of that time, this thread. New flows are opened all the time and are never answered; so that
 * they end as fast as others begin, the workers' clock runs faster than the world's.
 */
#include "bench_run.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>

#include <daemon.h>

#include "bench_ports.h"
#include "bench_shadow.h"
#include "bench_turns.h"

#define LOAD_PERCENT  85
#define FRESH_ROOM    (1u << 18) /* new flows alive at a time for which there is room, at least */
#define FRESH_SECONDS 30         /* after which a UDP flow without an answer ends (AWS-46) */
#define PACKETS_MOST  20e6       /* a second, of a core: what the clock is set for */
#define SETTLE_US     300000     /* before what is measured */
#define TRIALS_MIN    5
#define TRIALS_MAX    120
#define TRIAL_S       0.5
#define STABLE        0.005 /* as far as the median may move, in the last trials */

const double bench_shares[BENCH_SHARES] = {0.5, 0.99, 0.999};

struct bench {
	struct bench_plan plan;
	struct config_appliance appliance;
	struct config_edge edge; /* with the devices, if there are any */
	struct bench_wire wire;  /* the same */
	uint16_t lcores[BENCH_CORES_MAX];
	struct bench_cores cores; /* the same */
	struct daemon daemon;
	struct bench_lane *lanes; /* one a core */
	struct bench_shadow *shadow; /* beside the policy that is measured; NULL: none */
	bool started;             /* EAL */
	bool wired;               /* the devices */
};

double bench_us(uint64_t ticks)
{
	return (double)ticks * 1e6 / (double)rte_get_tsc_hz();
}

bool bench_has_hugepages(const struct bench *bench)
{
	return bench->daemon.hugepages;
}

/* Whether frames go over a cable. */
static bool has_wire(const struct bench *bench)
{
	return bench->plan.devices[0][0] != '\0';
}

/* ---- start ------------------------------------------------------------------------------------ */

/* Room in each engine: for its live flows and as many new ones as are alive at a time. */
static uint32_t room_of(const struct bench *bench)
{
	uint32_t live = bench->plan.flows / bench->plan.cores, fresh = 0;

	if (bench->plan.fresh_percent > 0)
		fresh = live / 4 > FRESH_ROOM ? live / 4 : FRESH_ROOM;
	return (uint32_t)((uint64_t)live * 100 / LOAD_PERCENT + fresh) + 64;
}

/* What a core's table holds when it is as full as it is meant to be. */
static uint32_t share_of(const struct bench *bench)
{
	uint32_t share = (uint32_t)((uint64_t)room_of(bench) * LOAD_PERCENT / 100);

	return share < 1024 ? 1024 : share;
}

/* The process's last cpus, one a worker. False if there are not so many. */
static bool cores_choose(struct bench *bench, char *message)
{
	unsigned found = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && found < bench->plan.cores; cpu--)
		if (CPU_ISSET(cpu, &set))
			bench->lcores[found++] = (uint16_t)cpu;
	bench->cores = (struct bench_cores){bench->lcores, found};
	if (found == bench->plan.cores)
		return true;
	snprintf(message, BENCH_MESSAGE_MAX, "--cores is %u, but this process may use %u only",
		 bench->plan.cores, found);
	return false;
}

static bool bench_init(struct bench *bench, char *message)
{
	struct daemon *daemon = &bench->daemon;
	unsigned cores = bench->plan.cores;

	if (!cores_choose(bench, message))
		return false;
	bench->appliance = (struct config_appliance){
		.workers = bench->lcores, .worker_count = cores, .flows = room_of(bench) * cores};
	daemon->appliance = &bench->appliance;
	daemon->edge_count = daemon->worker_count = cores;
	daemon->edges = aligned_alloc(64, cores * sizeof(*daemon->edges));
	daemon->workers = aligned_alloc(64, cores * sizeof(*daemon->workers));
	bench->lanes = calloc(cores, sizeof(*bench->lanes));
	if (daemon->edges == NULL || daemon->workers == NULL || bench->lanes == NULL) {
		snprintf(message, BENCH_MESSAGE_MAX, "no memory");
		return false;
	}
	if (has_wire(bench)) {
		for (unsigned side = 0; side < 2; side++)
			bench->edge.device[side] = bench->plan.devices[side];
		bench->appliance.edges = &bench->edge;
		bench->appliance.edge_count = 1;
		daemon->frame_room = port_frame_room(&bench->appliance);
	}
	bench->started = eal_start(daemon, "sekisho", message) == 0;
	if (!bench->started || !has_wire(bench))
		return bench->started;
	bench->wired = bench_wire_start(&bench->wire, daemon, message);
	return bench->wired;
}

struct bench *bench_create(const struct bench_plan *plan, struct bench_limits *limits,
			   char *message)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	if (bench == NULL) {
		snprintf(message, BENCH_MESSAGE_MAX, "no memory");
		return NULL;
	}
	bench->plan = *plan;
	if (!bench_init(bench, message)) {
		bench_destroy(bench);
		return NULL;
	}
	fputs("measuring what the memory allows\n", stderr);
	limits->memory_ns = bench_memory_ns(&bench->cores, share_of(bench));
	limits->hash_ns = bench_hash_ns(&bench->cores, share_of(bench));
	return bench;
}

void bench_destroy(struct bench *bench)
{
	if (bench->wired)
		bench_wire_stop(&bench->wire);
	if (bench->started)
		rte_eal_cleanup();
	free(bench->daemon.edges);
	free(bench->daemon.workers);
	free(bench->lanes);
	free(bench);
}

/* ---- flows ------------------------------------------------------------------------------------ */

/* Which flows: those that stay, and those that come and go. */
static bool lane_plan(struct bench *bench, const struct sekisho_policy_spec *spec,
		      struct bench_lane_plan *plan, char *message)
{
	uint32_t live = bench->plan.flows / bench->plan.cores;

	*plan = (struct bench_lane_plan){.live_flows = live,
					 .live = bench_space_largest(spec, FRAMES_TCP),
					 .fresh_percent = bench->plan.fresh_percent,
					 .size = bench->plan.size};
	if (has_wire(bench))
		plan->wire = &bench->wire;
	if (plan->live.flows < live)
		plan->live = bench_space_largest(spec, FRAMES_UDP);
	if (plan->live.flows < live) {
		snprintf(
			message, BENCH_MESSAGE_MAX,
			"no single rule of this policy admits %u different IPv4 flows of TCP or of "
			"UDP, only %llu; a smaller --flows may do",
			live, (unsigned long long)plan->live.flows);
		return false;
	}
	if (plan->fresh_percent == 0)
		return true;
	plan->fresh = bench_space_largest(spec, FRAMES_UDP);
	if (plan->live.kind == FRAMES_UDP)
		plan->fresh_first = live;
	if (plan->fresh.flows >= (uint64_t)plan->fresh_first + FRESH_ROOM)
		return true;
	snprintf(message, BENCH_MESSAGE_MAX,
		 "no single rule of this policy admits enough different IPv4 flows of UDP to open "
		 "ever "
		 "new ones; measure without, with --mix established:100,new:0");
	return false;
}

/* Take up to a burst of flows through their handshakes; false, and a sentence, if one is dropped. */
static bool burst_open(struct bench *bench, unsigned core, struct frames_step *step, char *message)
{
	/* one time for all steps: on a busy machine much of the faster time may go by between two */
	uint32_t now_ms = daemon_now_ms(&bench->daemon);

	for (step->step = 0; step->step < FRAMES_STEPS; step->step++) {
		struct sekisho_verdict verdicts[FRAMES_BURST];
		struct sekisho_frame burst[FRAMES_BURST];
		uint8_t bytes[FRAMES_BURST][64];

		frames_step_write(step, bytes, burst);
		for (unsigned i = 0; i < step->count; i++)
			burst[i].zone = (uint16_t)core;
		if (bench->shadow != NULL)
			shadow_burst(bench->shadow->of[core], now_ms, burst, step->count, verdicts);
		else
			sekisho_engine_burst(bench->daemon.workers[core].engine, now_ms, burst,
					     step->count, verdicts);
		for (unsigned i = 0; i < step->count; i++) {
			if (verdicts[i].action == SEKISHO_PASS)
				continue;
			snprintf(message, BENCH_MESSAGE_MAX,
				 "the policy drops a packet that is to open a flow, %s: %s",
				 sekisho_reason_word(verdicts[i].reason),
				 sekisho_reason_sentence(verdicts[i].reason));
			return false;
		}
	}
	return true;
}

static bool flows_open(struct bench *bench, unsigned core, char *message)
{
	const struct bench_lane_plan *plan = &bench->lanes[core].plan;
	struct frames_step step = {.space = &plan->live.space, .kind = plan->live.kind};

	for (; step.first < plan->live_flows; step.first += FRAMES_BURST) {
		uint32_t left = plan->live_flows - step.first;

		step.count = left < FRAMES_BURST ? left : FRAMES_BURST;
		if (!burst_open(bench, core, &step, message))
			return false;
	}
	return true;
}

/* How much faster the clock must run so that no more new flows are alive than there is room for. */
static unsigned clock_factor(const struct bench *bench)
{
	double alive = PACKETS_MOST * bench->plan.fresh_percent / 100 * FRESH_SECONDS;
	double room = room_of(bench) - (double)bench->plan.flows / bench->plan.cores;

	return alive > room ? (unsigned)(alive / room) + 1 : 1;
}

/* ---- trials ----------------------------------------------------------------------------------- */

/* What the workers have done so far. */
struct reading {
	double wall, cpu; /* seconds; cpu: of all workers together */
	uint64_t packets, opened;
};

static void reading_take(const struct bench *bench, struct reading *reading)
{
	struct daemon_totals totals;

	reading->cpu = 0;
	for (unsigned i = 0; i < bench->plan.cores; i++) {
		clockid_t clock;

		if (atomic_load_explicit(&bench->lanes[i].has_thread, memory_order_acquire) &&
		    pthread_getcpuclockid(bench->lanes[i].thread, &clock) == 0)
			reading->cpu += bench_seconds(clock);
	}
	reading->wall = bench_seconds(CLOCK_MONOTONIC);
	daemon_totals_read(&bench->daemon, &totals);
	reading->packets = totals.engines.received;
	reading->opened = totals.engines.flows_created;
}

static int double_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, unsigned count)
{
	double sorted[TRIALS_MAX];

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), double_compare);
	return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* Whether the median has hardly moved in the last three trials. */
static bool is_stable(const double *values, unsigned count)
{
	double now = median(values, count);

	for (unsigned back = 1; back <= 3; back++) {
		double then = median(values, count - back);

		if (then < now * (1 - STABLE) || then > now * (1 + STABLE))
			return false;
	}
	return true;
}

static double spread(const double *values, unsigned count)
{
	double least = values[0], largest = values[0];

	for (unsigned i = 1; i < count; i++) {
		least = values[i] < least ? values[i] : least;
		largest = values[i] > largest ? values[i] : largest;
	}
	return 100 * (largest - least) / median(values, count);
}

/* On a terminal each trial's line takes the place of the one before. */
static void progress(const struct bench_result *result, double ns)
{
	fprintf(stderr, "%s: trial %u, %.1f ns a packet%s",
		sekisho_semantics_word(result->semantics), result->trials, ns,
		isatty(STDERR_FILENO) ? "   \r" : "\n");
}

/* What trials say: nanoseconds a packet, and flows opened a packet. */
static void trials_conclude(const struct bench *bench, const double *ns, const double *opened,
			    struct bench_result *result)
{
	result->ns_per_packet = median(ns, result->trials);
	result->spread_percent = spread(ns, result->trials);
	result->packets_per_s = bench->plan.cores * 1e9 / result->ns_per_packet;
	result->flows_per_s = median(opened, result->trials) * result->packets_per_s;
	result->core_share /= result->trials;
}

/*
 * Trials until the median is stable or the time is over. The workers are running. None if they have
 * nothing to do, as all frames have been dropped.
 */
static void trials_run(struct bench *bench, struct bench_result *result)
{
	double ns[TRIALS_MAX], opened[TRIALS_MAX], begin;
	struct reading from, to;

	usleep(SETTLE_US);
	reading_take(bench, &from);
	begin = from.wall;
	do {
		usleep((useconds_t)(TRIAL_S * 1e6));
		reading_take(bench, &to);
		if (to.packets == from.packets)
			break;
		ns[result->trials] =
			(to.cpu - from.cpu) * 1e9 / (double)(to.packets - from.packets);
		opened[result->trials] =
			(double)(to.opened - from.opened) / (double)(to.packets - from.packets);
		result->core_share +=
			(to.cpu - from.cpu) / (to.wall - from.wall) / bench->plan.cores;
		result->trials++;
		progress(result, ns[result->trials - 1]);
		from = to;
		if (result->trials >= TRIALS_MIN && is_stable(ns, result->trials))
			break;
	} while (result->trials < TRIALS_MAX &&
		 (to.wall - begin < bench->plan.seconds || result->trials < 2));
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	if (result->trials > 0)
		trials_conclude(bench, ns, opened, result);
}

/* Whether bursts are timed, one by one. */
static void lanes_measure(struct bench *bench, bool measuring)
{
	for (unsigned i = 0; i < bench->plan.cores; i++)
		atomic_store(&bench->lanes[i].measuring, measuring);
}

/* The same trials with the shadow beside. The workers are running. */
static void shadowed_run(struct bench *bench, struct bench_result *result)
{
	struct bench_result beside = {.semantics = result->semantics};

	fprintf(stderr, "%s: with a shadow\n", sekisho_semantics_word(result->semantics));
	bench_shadow_switch(bench->shadow, &bench->daemon, true);
	trials_run(bench, &beside);
	bench_shadow_switch(bench->shadow, &bench->daemon, false);
	result->shadowed_ns = beside.ns_per_packet;
}

/* How long packets take when there are fewer. The workers are running, and have done all they can. */
static void loads_run(struct bench *bench, struct bench_result *result)
{
	fprintf(stderr, "%s: latency\n", sekisho_semantics_word(result->semantics));
	bench_loads_measure(bench->lanes, bench->plan.cores,
			    result->packets_per_s * result->core_share, result->loads);
}

/* What is told of the workers when they have stopped. */
static void result_finish(const struct bench *bench, struct bench_result *result)
{
	const struct sekisho_stats *engines;
	struct daemon_totals totals;
	uint64_t bytes = 0, frames = 0, engine_bytes = 0, most = 0;
	struct bench_stages stages = {0};

	daemon_totals_read(&bench->daemon, &totals);
	engines = &totals.engines;
	for (unsigned i = 0; i < bench->plan.cores; i++) {
		bench_stages_add(&stages, &bench->lanes[i].stages);
		bytes += bench->lanes[i].bytes;
		frames += bench->lanes[i].frames;
		engine_bytes += bench->daemon.workers[i].engine_bytes;
		for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
			result->ticks.count[b] += bench->lanes[i].ticks.count[b];
	}
	for (unsigned i = 0; i < BENCH_SHARES; i++)
		result->burst_us[i] = bench_us(histogram_quantile(&result->ticks, bench_shares[i]));
	result->stages = bench_stages_split(&stages, result->ns_per_packet, result->ports_ns);
	result->bits_per_s = result->packets_per_s * 8 * (double)bytes / (double)frames;
	result->bytes_per_flow =
		(double)engine_bytes * 100 / LOAD_PERCENT / (double)engines->flows_capacity;
	result->flows = engines->flows;
	result->received = engines->received;
	for (unsigned d = 0; d < PORT_DROP_COUNT; d++)
		result->unsent += totals.port_drops[d];
	result->dropped = totals.dropped - result->unsent;
	for (unsigned reason = 0; reason < SEKISHO_REASON_COUNT; reason++)
		if (sekisho_reason_action(reason) == SEKISHO_DROP &&
		    engines->by_reason[reason] > most) {
			most = engines->by_reason[reason];
			result->drop_reason = reason;
		}
}

/* ---- a policy --------------------------------------------------------------------------------- */

static unsigned lane_turn(void *world)
{
	return bench_lane_turn(world);
}

static double measure_ports(struct bench *bench)
{
	struct bench_turns turns[BENCH_CORES_MAX];

	for (unsigned i = 0; i < bench->plan.cores; i++)
		turns[i] = (struct bench_turns){.turn = lane_turn, .world = &bench->lanes[i]};
	return bench_turns_ns(&bench->cores, turns);
}

/* Edges with their lanes' ports, and engines with the policy and the live flows. */
static bool workers_prepare(struct bench *bench, struct sekisho_policy *policy,
			    struct bench_result *result, char *message)
{
	struct daemon *daemon = &bench->daemon;

	if (worker_init_all(daemon, message) < 0)
		return false;
	result->clock_factor = clock_factor(bench);
	daemon->ms_per_tick *= result->clock_factor;
	for (unsigned i = 0; i < bench->plan.cores; i++) {
		struct edge *edge = &daemon->edges[i];

		edge->index = (uint16_t)i;
		for (unsigned side = 0; side < 2; side++) {
			edge->ports[side].id = bench->lanes[i].ports[side];
			port_serve(&edge->ports[side], UINT32_MAX);
		}
		atomic_store(&edge->current, policy);
		daemon->workers[i].adopted[edge->index] = policy;
		sekisho_engine_set_policy(daemon->workers[i].engine, edge->index, policy);
		if (bench->shadow != NULL &&
		    !bench_shadow_add(bench->shadow, &daemon->workers[i], message))
			return false;
		if (!flows_open(bench, i, message))
			return false;
	}
	return true;
}

static bool workers_measure(struct bench *bench, struct sekisho_policy *policy,
			    struct bench_result *result, char *message)
{
	struct daemon *daemon = &bench->daemon;
	bool done;

	memset(daemon->edges, 0, daemon->edge_count * sizeof(*daemon->edges));
	memset(daemon->workers, 0, daemon->worker_count * sizeof(*daemon->workers));
	atomic_store(&daemon->stop, false);
	done = workers_prepare(bench, policy, result, message);
	if (done) {
		done = worker_launch_all(daemon, message) == 0;
		if (done) {
			lanes_measure(bench, true);
			trials_run(bench, result);
			lanes_measure(bench, false);
		}
		if (result->trials > 0 && bench->shadow != NULL)
			shadowed_run(bench, result);
		if (result->trials > 0 && !has_wire(bench))
			loads_run(bench, result);
		if (!worker_stop_all(daemon))
			_exit(EXIT_FAILURE); /* it may still touch all of our memory */
		result_finish(bench, result);
	}
	if (bench->shadow != NULL)
		bench_shadow_end(bench->shadow);
	worker_fini_all(daemon);
	if (done && has_wire(bench) && !bench_wire_is_joined(&bench->wire)) {
		snprintf(message, BENCH_MESSAGE_MAX,
			 "what %.150s sends does not arrive at %.150s, nor the other way round: is "
			 "there a "
			 "cable "
			 "between them?",
			 bench->plan.devices[0], bench->plan.devices[1]);
		return false;
	}
	if (done && result->trials == 0) {
		snprintf(message, BENCH_MESSAGE_MAX,
			 "all packets were dropped, most of them %s: %s",
			 sekisho_reason_word(result->drop_reason),
			 sekisho_reason_sentence(result->drop_reason));
		return false;
	}
	return done;
}

static bool policy_measure(struct bench *bench, const struct config_policy *config,
			   struct bench_result *result, char *message)
{
	struct sekisho_policy_spec spec = *config_policy_spec(config);
	struct sekisho_policy *policy = NULL;
	struct bench_lane_plan plan;
	unsigned lanes = 0;
	bool done = false;

	*result = (struct bench_result){.semantics = spec.semantics};
	if (!lane_plan(bench, &spec, &plan, message))
		return false;
	result->live_kind = plan.live.kind;
	fprintf(stderr, "%s: making %u flows\n", sekisho_semantics_word(spec.semantics),
		bench->plan.flows);
	spec.matcher = SEKISHO_MATCHER_COMPILED;
	bench->daemon.names = sekisho_rule_names_create(sekisho_policy_spec_names(&spec) + 1);
	if (bench->daemon.names == NULL) {
		snprintf(message, BENCH_MESSAGE_MAX, "no memory");
		return false;
	}
	policy = sekisho_policy_create(&spec, bench->daemon.names, message, BENCH_MESSAGE_MAX);
	if (policy != NULL)
		for (done = true; done && lanes < bench->plan.cores; lanes++)
			done = bench_lane_init(&bench->lanes[lanes], &plan, message,
					       BENCH_MESSAGE_MAX);
	if (done)
		result->ports_ns = measure_ports(bench);
	done = done && workers_measure(bench, policy, result, message);
	while (lanes > 0)
		bench_lane_fini(&bench->lanes[--lanes]);
	sekisho_policy_destroy(policy);
	sekisho_rule_names_destroy(bench->daemon.names);
	return done;
}

bool bench_policy(struct bench *bench, const struct config_policy *config,
		  struct config_policy *shadow_config, struct bench_result *result, char *message)
{
	struct bench_shadow shadow;
	bool done;

	if (shadow_config == NULL)
		return policy_measure(bench, config, result, message);
	bench->shadow = &shadow;
	done = bench_shadow_init(&shadow, shadow_config, message) &&
	       policy_measure(bench, config, result, message);
	bench_shadow_fini(&shadow);
	bench->shadow = NULL;
	return done;
}
