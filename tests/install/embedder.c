/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * embedder.c: a program of somebody else, built against what `meson install` has put down: one endpoint
 * that may send, one packet out and its answer back. Prints the reason of each.
 */
#include <stdio.h>
#include <string.h>

#include <sekisho.h>

static const uint8_t inside[4] = {198, 51, 100, 2}, outside[4] = {198, 51, 100, 1};

/* The one rule: the endpoint may send UDP to anybody. */
static struct sekisho_policy *policy_make(struct sekisho_rule_names *names, char *message,
					  size_t size)
{
	static const uint16_t groups[] = {0};
	const struct sekisho_prefix anybody = {.family = SEKISHO_IPV4};
	struct sekisho_prefix address = {.family = SEKISHO_IPV4, .length = 32};
	const struct sekisho_rule_spec rule = {
		.name = "vpn/all-out",
		.direction = SEKISHO_EGRESS,
		.protocol = 17,
		.icmp_type = SEKISHO_ICMP_ANY,
		.icmp_code = SEKISHO_ICMP_ANY,
		.peers = &anybody,
		.peer_is_literal = (const bool[]){true},
		.peer_count = 1,
	};
	const struct sekisho_group_spec group = {"vpn", &rule, 1};
	const struct sekisho_endpoint_spec endpoint = {
		.name = "gateway",
		.addresses = &address,
		.address_count = 1,
		.groups = groups,
		.group_count = 1,
	};
	struct sekisho_policy_spec spec;

	memcpy(address.address, inside, sizeof(inside));
	sekisho_policy_spec_init(&spec, SEKISHO_AWS_LIKE);
	spec.groups = &group;
	spec.group_count = 1;
	spec.endpoints = &endpoint;
	spec.endpoint_count = 1;
	return sekisho_policy_create(&spec, names, message, size);
}

/* An Ethernet frame of UDP from port 500 to port 500 that carries nothing. */
static void frame_make(uint8_t frame[42], const uint8_t *from, const uint8_t *to)
{
	static const uint8_t head[23] = {0x02, 0, 0,    0, 0, 1,  0x02, 0, 0, 0, 0, 2,
					 8,    0, 0x45, 0, 0, 28, 0,    0, 0, 0, 64};
	uint32_t sum = 0;

	memset(frame, 0, 42);
	memcpy(frame, head, sizeof(head));
	frame[23] = 17;
	memcpy(frame + 26, from, 4);
	memcpy(frame + 30, to, 4);
	memcpy(frame + 34, (const uint8_t[]){500 >> 8, 500 & 255, 500 >> 8, 500 & 255, 0, 8}, 6);
	for (unsigned i = 14; i < 34; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame[24] = (uint8_t)(sum >> 8);
	frame[25] = (uint8_t)sum;
}

static void judge(struct sekisho_engine *engine, enum sekisho_direction direction)
{
	struct sekisho_verdict verdict;
	uint8_t bytes[42];
	const struct sekisho_frame frame = {
		.data = bytes, .captured = 42, .length = 42, .direction = (uint8_t)direction};

	if (direction == SEKISHO_EGRESS)
		frame_make(bytes, inside, outside);
	else
		frame_make(bytes, outside, inside);
	sekisho_engine_burst(engine, 0, &frame, 1, &verdict);
	printf("%s %s\n", sekisho_direction_word(direction), sekisho_reason_word(verdict.reason));
}

int main(void)
{
	char message[256] = "no memory";
	struct sekisho_rule_names *names = sekisho_rule_names_create(64);
	struct sekisho_policy *policy = names ? policy_make(names, message, sizeof(message)) : NULL;
	struct sekisho_engine_config config = {.flows = 64, .zones = 1, .names = names};
	struct sekisho_engine *engine =
		policy ? sekisho_engine_create(&config, message, sizeof(message)) : NULL;

	if (engine == NULL) {
		fprintf(stderr, "embedder: %s\n", message);
		return 1;
	}
	sekisho_engine_set_policy(engine, 0, policy);
	judge(engine, SEKISHO_INGRESS);
	judge(engine, SEKISHO_EGRESS);
	judge(engine, SEKISHO_INGRESS);
	sekisho_engine_destroy(engine);
	sekisho_policy_destroy(policy);
	sekisho_rule_names_destroy(names);
	return 0;
}
