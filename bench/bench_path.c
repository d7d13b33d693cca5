/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_path.c: the whole path, from frames to verdicts and counters, for packets of live flows. */
#include "subjects.h"
#include "traffic.h"

#include <stdio.h>

static void *setup(enum sekisho_semantics semantics, enum traffic_kind kind, int64_t flows,
		   char *message, unsigned message_size)
{
	const struct traffic_plan plan = {
		.semantics = semantics, .kind = kind, .flows = (uint32_t)flows, .rules = 100};

	return traffic_create(&plan, message, message_size);
}

static void *setup_udp_aws(int64_t flows, char *message, unsigned message_size)
{
	return setup(SEKISHO_AWS_LIKE, TRAFFIC_UDP, flows, message, message_size);
}

static void *setup_udp_strict(int64_t flows, char *message, unsigned message_size)
{
	return setup(SEKISHO_STRICT, TRAFFIC_UDP, flows, message, message_size);
}

static void *setup_tcp_aws(int64_t flows, char *message, unsigned message_size)
{
	return setup(SEKISHO_AWS_LIKE, TRAFFIC_TCP, flows, message, message_size);
}

static void *setup_tcp_strict(int64_t flows, char *message, unsigned message_size)
{
	return setup(SEKISHO_STRICT, TRAFFIC_TCP, flows, message, message_size);
}

static void run(struct gbench_state *state, void *world)
{
	struct traffic *traffic = world;
	uint64_t bursts = 0, passed = 0;

	while (gbench_next(state)) {
		passed += traffic_burst(traffic);
		bursts++;
	}
	gbench_items(state, (int64_t)(bursts * TRAFFIC_BURST));
	gbench_counter(state, "lost", (double)(bursts * TRAFFIC_BURST - passed));
	gbench_counter(state, "bytes_per_flow", (double)traffic->bytes / traffic->plan.flows);
}

static void teardown(void *world)
{
	traffic_destroy(world);
}

void bench_path_register(void)
{
	static const struct {
		const char *name;
		void *(*setup)(int64_t, char *, unsigned);
	} subjects[] = {
		{"path/udp/aws-like", setup_udp_aws},
		{"path/udp/strict", setup_udp_strict},
		{"path/tcp/aws-like", setup_tcp_aws},
		{"path/tcp/strict", setup_tcp_strict},
	};

	for (unsigned s = 0; s < sizeof(subjects) / sizeof(subjects[0]); s++)
		for (unsigned i = 0; i < SUBJECTS_FLOWS; i++)
			gbench_register(&(struct gbench_subject){
				subjects[s].name, subjects_flows[i].label, subjects_flows[i].flows,
				subjects[s].setup, run, teardown});
}
