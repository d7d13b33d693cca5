/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shadow.h: a second policy beside the enforced ones, that judges the same packets and decides nothing.
 *
 * Each worker has a *shadow*: an engine of its own with a flow table of its own, which is shown every
 * burst after the enforced engine has judged it. Where one lets a packet pass and the other drops it,
 * that is counted by the pair of reasons, and now and then a packet is kept as a sample. Nothing goes
 * back: frames are sent and freed as the enforced engine says, whose state and counters do not know of
 * the shadow. Rules of the shadow's policy have names of their own, so that they are in no list of
 * rules.
 *
 * Either engine may hold a fragment until the first of its datagram has come. What both have decided at
 * last is then compared, though the frame may be gone; a packet that cannot be compared any more is
 * counted as that.
 *
 * Life: trial.h. Written by the worker, read by any thread.
 */
#ifndef SEKISHOD_SHADOW_H
#define SEKISHOD_SHADOW_H

#include <config.h>
#include <sekisho.h>

struct shadow;

#define SHADOW_MESSAGE_SIZE 256 /* at least */
#define SHADOW_PAIRS        64  /* pairs of reasons that are told apart */
#define SHADOW_SAMPLES      4   /* of each pair, the newest that were kept */

/* Who judges: indices of what there are two of. */
enum { SHADOW_ENFORCED, SHADOW_BESIDE };

struct shadow_policy {
	struct config_policy *config; /* NULL: there is none */
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy;
	uint64_t since_ms; /* clock_ms() when it began to judge */
};

/* Build it from a parsed policy, which it then owns. 0, or -ENOMEM and a message. EAL has been started. */
int shadow_policy_build(struct shadow_policy *shadow, struct config_policy *config,
			char message[SHADOW_MESSAGE_SIZE]);

/* In any case. */
void shadow_policy_fini(struct shadow_policy *shadow);

/*
 * The shadow of a worker's engine, which has been made like `like` and may have judged for a while. NULL and a
 * message on failure.
 */
struct shadow *shadow_create(const struct shadow_policy *policy, struct sekisho_engine *enforced,
			     const struct sekisho_engine_config *like,
			     char message[SHADOW_MESSAGE_SIZE]);
void shadow_destroy(struct shadow *shadow);

/* The engine that judges beside the worker's. Before a worker has the shadow. */
struct sekisho_engine *shadow_engine(const struct shadow *shadow);

/*
 * Judge a burst by the enforced engine, whose verdicts are given back, and beside it; in place of
 * sekisho_engine_burst(). The worker only.
 */
void shadow_burst(struct shadow *shadow, uint32_t now_ms, const struct sekisho_frame *frames,
		  unsigned count, struct sekisho_verdict *enforced);

/* The enforced engine has released frames that it had held. The worker only. */
void shadow_released(struct shadow *shadow, const struct sekisho_release *releases, unsigned count);

/* ---- reading: any thread ---------------------------------------------------------------------- */

struct shadow_counts {
	uint64_t packets;    /* that both have judged */
	uint64_t differ;     /* one lets it pass, the other drops it */
	uint64_t uncompared; /* held so long that the other's verdict was forgotten */
};

void shadow_counts_read(const struct shadow *shadow, struct shadow_counts *counts);

struct shadow_sample {
	uint32_t at_ms; /* daemon_now_ms() */
	uint16_t zone;
	uint8_t direction;
	struct sekisho_tuple tuple;
	struct sekisho_verdict verdicts[2];
};

struct shadow_pair {
	uint8_t reasons[2];
	uint64_t packets;
	struct shadow_sample samples[SHADOW_SAMPLES];
	unsigned sample_count; /* the newest first */
};

/* Pair number `index`, below SHADOW_PAIRS; false if there is none (yet). */
bool shadow_pair_read(const struct shadow *shadow, unsigned index, struct shadow_pair *pair);

#endif
