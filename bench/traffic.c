/* SPDX-License-Identifier: BSD-3-Clause */
/* traffic.c: see traffic.h. */
#include "traffic.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE    ((size_t)2 << 20)
#define ETHER        14
#define LOAD_PERCENT 85
#define FRAMES_MAX   (1u << 22)
#define LOCAL        0x0a000001u /* 10.0.0.1 and on: the endpoint */
#define PEER         0xc6336401u

/* ---- memory ----------------------------------------------------------------------------------- */

void *traffic_memory(size_t size)
{
	void *memory;

	size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (memory != MAP_FAILED)
		return memory;
	/* no pages set apart: ask for transparent ones */
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 0, size);
	return memory;
}

void traffic_memory_free(void *memory, size_t size)
{
	if (memory != NULL)
		munmap(memory, (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
}

/* An engine's memory: its size stands in front of it. */
static void *engine_allocate(void *context, size_t size, size_t align)
{
	struct traffic *traffic = context;
	size_t *memory = traffic_memory(size + align);

	if (memory == NULL)
		return NULL;
	*memory = size + align;
	traffic->bytes += size;
	return (uint8_t *)memory + align;
}

static void engine_release(void *context, void *memory)
{
	/* aligned to a page less the alignment, which is the same for all */
	size_t *start = (size_t *)((uintptr_t)memory & ~(uintptr_t)4095);

	(void)context;
	traffic_memory_free(start, *start);
}

/* ---- frames ----------------------------------------------------------------------------------- */

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t sum(const uint8_t *p, size_t length, uint32_t from)
{
	for (size_t i = 0; i < length; i += 2)
		from += (uint32_t)p[i] << 8 | p[i + 1];
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

/* What tells one flow from the others. */
struct tuple {
	uint32_t local, peer;
	uint16_t local_port, peer_port;
};

/* 2^12 local ports for each peer; the tuples of all flows differ. */
static struct tuple tuple_of(uint32_t flow)
{
	return (struct tuple){LOCAL, PEER + (flow >> 12), (uint16_t)(20000 + (flow & 0xfff)), 443};
}

struct segment {
	uint8_t flags;
	uint32_t seq, ack;
};

static void frame_make(uint8_t *frame, enum traffic_kind kind, const struct tuple *tuple,
		       uint8_t direction, const struct segment *segment)
{
	uint8_t *ip = frame + ETHER, *l4 = ip + 20;
	bool egress = direction == SEKISHO_EGRESS;
	uint32_t length = kind == TRAFFIC_TCP ? 20 : TRAFFIC_FRAME_SIZE - 4 - ETHER - 20;

	memset(frame, 0, TRAFFIC_FRAME_SIZE);
	frame[0] = frame[6] = 2;
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, 20 + length);
	ip[8] = 64;
	ip[9] = kind == TRAFFIC_TCP ? 6 : 17;
	put32(ip + 12, egress ? tuple->local : tuple->peer);
	put32(ip + 16, egress ? tuple->peer : tuple->local);
	put16(ip + 10, ~sum(ip, 20, 0));
	put16(l4, egress ? tuple->local_port : tuple->peer_port);
	put16(l4 + 2, egress ? tuple->peer_port : tuple->local_port);
	if (kind == TRAFFIC_TCP) {
		put32(l4 + 4, segment->seq);
		put32(l4 + 8, segment->ack);
		l4[12] = 5 << 4;
		l4[13] = segment->flags;
		put16(l4 + 14, 65535);
		put16(l4 + 16, ~sum(l4, length, sum(ip + 12, 8, 6 + length)));
	} else {
		put16(l4 + 4, length);
		put16(l4 + 6, ~sum(l4, length, sum(ip + 12, 8, 17 + length)));
	}
}

/* ---- policy ----------------------------------------------------------------------------------- */

static bool policy_make(struct traffic *traffic, char *message, unsigned message_size)
{
	static const bool literal = true;
	static const uint16_t group_index = 0;
	uint32_t count = traffic->plan.rules;
	struct sekisho_prefix local = {{10}, SEKISHO_IPV4, 8};
	struct sekisho_prefix *peers = calloc(count, sizeof(*peers));
	struct sekisho_rule_spec *rules = calloc(count, sizeof(*rules));
	char(*names)[24] = calloc(count, sizeof(*names));
	struct sekisho_group_spec group = {"g", rules, count};
	struct sekisho_endpoint_spec endpoint = {.name = "e",
						 .addresses = &local,
						 .address_count = 1,
						 .groups = &group_index,
						 .group_count = 1};
	struct sekisho_policy_spec spec;

	sekisho_policy_spec_init(&spec, traffic->plan.semantics);
	for (uint32_t i = 0; i < count; i++) {
		bool last = i + 1 == count;

		snprintf(names[i], sizeof(names[i]), "g/%u", i);
		peers[i] = (struct sekisho_prefix){
			{172, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, SEKISHO_IPV4, 32};
		if (last)
			peers[i] = (struct sekisho_prefix){{0}, SEKISHO_IPV4, 0};
		rules[i] = (struct sekisho_rule_spec){.name = names[i],
						      .direction = SEKISHO_EGRESS,
						      .protocol = SEKISHO_PROTOCOL_ALL,
						      .icmp_type = SEKISHO_ICMP_ANY,
						      .icmp_code = SEKISHO_ICMP_ANY,
						      .peers = &peers[i],
						      .peer_is_literal = &literal,
						      .peer_count = 1};
	}
	spec.groups = &group;
	spec.endpoints = &endpoint;
	spec.group_count = spec.endpoint_count = 1;
	spec.matcher = SEKISHO_MATCHER_COMPILED;
	spec.limits = (struct sekisho_limits_spec){0};
	traffic->policy = sekisho_policy_create(&spec, traffic->names, message, message_size);
	free(peers);
	free(rules);
	free(names);
	return traffic->policy != NULL;
}

/* ---- traffic ---------------------------------------------------------------------------------- */

static unsigned judge(struct traffic *traffic, const struct sekisho_frame *frames, unsigned count)
{
	struct sekisho_verdict verdicts[SEKISHO_BURST_MAX];
	unsigned passed = 0;

	sekisho_engine_burst(traffic->engine, traffic->now_ms, frames, count, verdicts);
	for (unsigned i = 0; i < count; i++)
		passed += verdicts[i].action == SEKISHO_PASS;
	return passed;
}

unsigned traffic_burst(struct traffic *traffic)
{
	struct sekisho_frame frames[TRAFFIC_BURST];
	uint32_t after = traffic->next + TRAFFIC_BURST;

	if (after == traffic->frame_count)
		after = 0;
	for (unsigned i = 0; i < TRAFFIC_BURST; i++, traffic->next++) {
		/* as a worker asks for headers as soon as a port has given it the frames */
		__builtin_prefetch(traffic->frames[after + i]);
		frames[i] = (struct sekisho_frame){.data = traffic->frames[traffic->next],
						   .captured = TRAFFIC_FRAME_SIZE - 4,
						   .length = TRAFFIC_FRAME_SIZE - 4,
						   .direction = traffic->directions[traffic->next],
						   .flags = SEKISHO_FRAME_L4_CHECKSUM_GOOD};
	}
	traffic->next = after;
	return judge(traffic, frames, TRAFFIC_BURST);
}

/* Every flow's handshake, or its first question and answers. */
static bool flows_open(struct traffic *traffic, char *message, unsigned message_size)
{
	static const struct {
		uint8_t direction;
		struct segment segment;
	} steps[4] = {{SEKISHO_EGRESS, {0x02, 100, 0}},
		      {SEKISHO_INGRESS, {0x12, 500, 101}},
		      {SEKISHO_EGRESS, {0x10, 101, 501}},
		      {SEKISHO_INGRESS, {0x10, 501, 101}}};
	uint32_t passed = 0;

	for (uint32_t flow = 0; flow < traffic->plan.flows; flow++) {
		struct tuple tuple = tuple_of(flow);

		for (unsigned i = 0; i < 4; i++) {
			uint8_t bytes[TRAFFIC_FRAME_SIZE];
			struct sekisho_frame frame = {.data = bytes,
						      .captured = TRAFFIC_FRAME_SIZE - 4,
						      .length = TRAFFIC_FRAME_SIZE - 4,
						      .direction = steps[i].direction};

			frame_make(bytes, traffic->plan.kind, &tuple, steps[i].direction,
				   &steps[i].segment);
			passed += judge(traffic, &frame, 1);
		}
	}
	if (passed == 4 * traffic->plan.flows)
		return true;
	snprintf(message, message_size, "only %u of %u packets passed", passed,
		 4 * traffic->plan.flows);
	return false;
}

/* Frames for flows in a random order, each flow equally often as far as they go. */
static bool frames_make(struct traffic *traffic)
{
	static const struct segment segments[2] = {{0x10, 101, 501}, {0x10, 501, 101}};
	uint32_t flows = traffic->plan.flows, count = flows < 4096 ? 4096 : flows;
	uint32_t *order;
	uint64_t random = UINT64_C(0x9e3779b97f4a7c15);

	if (count > FRAMES_MAX)
		count = FRAMES_MAX;
	count -= count % TRAFFIC_BURST;
	traffic->frame_count = count;
	traffic->frames = traffic_memory((size_t)count * TRAFFIC_FRAME_SIZE);
	traffic->directions = malloc(count);
	order = malloc(flows * sizeof(*order));
	if (traffic->frames == NULL || traffic->directions == NULL || order == NULL) {
		free(order);
		return false;
	}
	for (uint32_t i = 0; i < flows; i++)
		order[i] = i;
	for (uint32_t i = flows; i > 1; i--) {
		uint32_t j, swapped = order[i - 1];

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		j = (uint32_t)((random >> 32) * i >> 32);
		order[i - 1] = order[j];
		order[j] = swapped;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct tuple tuple = tuple_of(order[i % flows]);

		traffic->directions[i] = i & 1;
		frame_make(traffic->frames[i], traffic->plan.kind, &tuple, i & 1, &segments[i & 1]);
	}
	free(order);
	return true;
}

struct traffic *traffic_create(const struct traffic_plan *plan, char *message,
			       unsigned message_size)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));
	struct sekisho_engine_config config = {.zones = 1};

	if (traffic == NULL)
		return NULL;
	traffic->plan = *plan;
	traffic->now_ms = 1000;
	traffic->names = sekisho_rule_names_create(plan->rules);
	config.names = traffic->names;
	config.flows = plan->capacity ? plan->capacity
				      : (uint32_t)((uint64_t)plan->flows * 100 / LOAD_PERCENT) + 64;
	config.allocate = engine_allocate;
	config.release = engine_release;
	config.context = traffic;
	for (unsigned i = 0; i < sizeof(config.hash_key); i++)
		config.hash_key[i] = (uint8_t)(i * 37 + 11);
	snprintf(message, message_size, "not enough memory");
	if (traffic->names == NULL || !policy_make(traffic, message, message_size))
		goto fail;
	traffic->engine = sekisho_engine_create(&config, message, message_size);
	if (traffic->engine == NULL)
		goto fail;
	sekisho_engine_set_policy(traffic->engine, 0, traffic->policy);
	if (flows_open(traffic, message, message_size) && frames_make(traffic))
		return traffic;
fail:
	traffic_destroy(traffic);
	return NULL;
}

void traffic_destroy(struct traffic *traffic)
{
	if (traffic == NULL)
		return;
	sekisho_engine_destroy(traffic->engine);
	sekisho_policy_destroy(traffic->policy);
	if (traffic->names != NULL)
		sekisho_rule_names_destroy(traffic->names);
	traffic_memory_free(traffic->frames, (size_t)traffic->frame_count * TRAFFIC_FRAME_SIZE);
	free(traffic->directions);
	free(traffic);
}
