/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steps.h: tables whose policies are written as their users write them. A step is a row of packets.h,
 * or a policy that is in force from then on.
 *
 *	STEPS(aws_6_nothing_admits_it,
 *	      POLICY("groups: [{name: g}]\n"),
 *	      {0, "in udp 4000 80 junk", "no-rule"})
 *
 * POLICY() adds what most of them begin with: aws-like, and the endpoint of bench.h with group g. FILE_STEP()
 * is a whole policy file.
 */
#ifndef STEPS_H
#define STEPS_H

#include "bench.h"

struct step {
	uint32_t at_ms;
	const char *packet, *reason; /* as in struct row */
	const char *policy;          /* if not NULL: no packet but this policy file */
};

#define STEPS_ENDPOINT "name: b, addresses: [198.51.100.2, \"2001:db8::2\"]"
#define STEPS_HEAD     "version: 1\nsemantics: aws-like\n"
#define FILE_STEP(text)        \
	{                      \
		.policy = text \
	}
#define POLICY(text) FILE_STEP(STEPS_HEAD "endpoints: [{" STEPS_ENDPOINT ", groups: [g]}]\n" text)

/* One group g with these rules, in YAML's flow style. */
#define GROUP(ingress, egress) "groups: [{name: g, ingress: [" ingress "], egress: [" egress "]}]\n"
#define ALL_IN                 "{protocol: all, from: [0.0.0.0/0, \"::/0\"]}"
#define ALL_OUT                "{protocol: all, to: [0.0.0.0/0, \"::/0\"]}"

/* Put a policy file in force; it must be valid. */
void steps_policy(struct bench *bench, const char *text);

/* Run steps, and fail at the first packet that gets another reason than it says. */
void steps_run(struct bench *bench, const struct step *steps, size_t count);

/* A test: these steps through a new bench. */
#define STEPS(name, ...)                                                    \
	static void name(void **state)                                      \
	{                                                                   \
		static const struct step steps[] = {__VA_ARGS__};           \
		struct bench bench;                                         \
		(void)state;                                                \
		bench_init(&bench, 1024);                                   \
		steps_run(&bench, steps, sizeof(steps) / sizeof(steps[0])); \
		bench_fini(&bench);                                         \
	}

#endif
