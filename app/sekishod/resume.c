/* SPDX-License-Identifier: BSD-3-Clause */
/* resume.c: see resume.h. */
#include "resume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon.h"

/* ---- The image -------------------------------------------------------------------------------- */

/* How long ago an image was made. A clock that has gone back since says that it was not. */
static uint64_t down_ms(uint64_t time_ms)
{
	uint64_t now_ms = (uint64_t)(clock_wall() * 1000);

	if (now_ms >= time_ms)
		return now_ms - time_ms;
	log_warning("the flow image is from the future by %" PRIu64
		    " ms: the clock has gone back, and its flows do not age",
		    time_ms - now_ms);
	return 0;
}

static void refuse(struct daemon *daemon, const char *why)
{
	struct resume *resume = &daemon->resume;

	snprintf(resume->refused, sizeof(resume->refused), "%s", why);
	log_error("%s/%s is ignored, and no flow is resumed: %s", daemon->state.path, SAVE_FILE,
		  why);
	state_set_aside(&daemon->state, SAVE_FILE);
}

static void image_find(struct daemon *daemon)
{
	struct resume *resume = &daemon->resume;
	int fd = state_file_open(&daemon->state, SAVE_FILE);
	char why[IMAGE_MESSAGE_MAX];

	if (fd == -ENOENT)
		return;
	if (fd < 0) {
		refuse(daemon, strerror(-fd));
		return;
	}
	if (image_open(&resume->image, fd, why) < 0) {
		close(fd);
		refuse(daemon, why);
		return;
	}
	resume->found = true;
	resume->time_ms = resume->image.header.time_ms;
	resume->down_ms = down_ms(resume->time_ms);
}

int resume_open(struct daemon *daemon, char *message)
{
	struct resume *resume = &daemon->resume;

	if (daemon->state.directory >= 0)
		image_find(daemon);
	if (resume->found) {
		memcpy(daemon->proof_key, resume->image.header.proof_key,
		       sizeof(daemon->proof_key));
	} else if (getrandom(daemon->proof_key, sizeof(daemon->proof_key), 0) !=
		   (ssize_t)sizeof(daemon->proof_key)) {
		snprintf(message, DAEMON_MESSAGE_MAX, "no random numbers: %s", strerror(errno));
		return -EIO;
	}
	return 0;
}

/* ---- Its numbers ------------------------------------------------------------------------------ */

struct name {
	const char *text;
	uint32_t number;
};

static int name_compare(const void *left, const void *right)
{
	return strcmp(((const struct name *)left)->text, ((const struct name *)right)->text);
}

/* The numbers that the image's rules have here. NULL: no memory. */
static uint32_t *rules_map(const struct image *image, const struct sekisho_rule_names *names)
{
	uint32_t count = sekisho_rule_names_count(names);
	struct name *known = calloc((size_t)count + 1, sizeof(*known));
	uint32_t *rules = calloc((size_t)image->header.rule_count + 1, sizeof(*rules));

	if (known == NULL || rules == NULL) {
		free(known);
		free(rules);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++)
		known[i] = (struct name){sekisho_rule_name(names, i), i};
	qsort(known, count, sizeof(*known), name_compare);
	for (uint32_t i = 0; i < image->header.rule_count; i++) {
		const struct name wanted = {.text = image->rules[i]};
		const struct name *found =
			bsearch(&wanted, known, count, sizeof(*known), name_compare);

		rules[i] = found ? found->number : SEKISHO_RULE_NONE;
	}
	free(known);
	return rules;
}

static uint16_t *zones_map(const struct image *image, const struct daemon *daemon)
{
	uint16_t *zones = calloc((size_t)image->header.zone_count + 1, sizeof(*zones));

	for (uint32_t i = 0; zones != NULL && i < image->header.zone_count; i++) {
		zones[i] = UINT16_MAX;
		for (unsigned e = 0; e < daemon->edge_count; e++)
			if (strcmp(daemon->edges[e].name, image->zones[i]) == 0)
				zones[i] = (uint16_t)e;
	}
	return zones;
}

/* ---- Its flows -------------------------------------------------------------------------------- */

struct resuming {
	struct daemon *daemon;
	struct sekisho_record_terms terms;
	struct sekisho_record_terms beside; /* the shadow's; without rules if there is no shadow */
	uint64_t beside_counts[RESUME_OUTCOMES];
	uint32_t now_ms;
};

/* The worker whose engine a flow belongs to; any, if its edge is no more. */
static struct worker *worker_of(struct daemon *daemon, const struct sekisho_record_terms *terms,
				const struct sekisho_record_owner *owner)
{
	uint16_t edge = terms->zones[owner->zone];
	uint32_t worker = edge % daemon->worker_count;

	if (daemon->steering.on && edge < daemon->edge_count)
		worker = sekisho_addresses_owner(&daemon->steering.owners[edge], edge,
						 owner->family, owner->local, owner->peer);
	return &daemon->workers[worker];
}

static void record_resume(void *context, const uint8_t *bytes, size_t length,
			  const struct sekisho_record_owner *owner)
{
	struct resuming *resuming = context;
	struct daemon *daemon = resuming->daemon;
	struct worker *worker = worker_of(daemon, &resuming->terms, owner);
	uint64_t down_ms = daemon->resume.down_ms;
	struct sekisho_engine *beside;

	daemon->resume.counts[sekisho_engine_import(worker->engine, resuming->now_ms, down_ms,
						    bytes, length, &resuming->terms)]++;
	if (resuming->beside.rules == NULL)
		return;
	beside = shadow_engine(trial_shadow(daemon, worker->index));
	resuming->beside_counts[sekisho_engine_import(beside, resuming->now_ms, down_ms, bytes,
						      length, &resuming->beside)]++;
}

static void image_resume(struct resuming *resuming)
{
	struct daemon *daemon = resuming->daemon;
	struct resume *resume = &daemon->resume;
	const struct image_visitor visitor = {.record = record_resume, .context = resuming};
	const uint64_t *counts = resume->counts;

	if (!image_walk(&resume->image, &visitor))
		log_error("%s/%s has changed while it was read", daemon->state.path, SAVE_FILE);
	log_info("flows of %" PRIu64 " ms ago: %" PRIu64 " resumed, %" PRIu64 " over, %" PRIu64
		 " without a rule, %" PRIu64 " without an edge, %" PRIu64 " without room",
		 resume->down_ms, counts[SEKISHO_IMPORT_RESUMED], counts[SEKISHO_IMPORT_EXPIRED],
		 counts[SEKISHO_IMPORT_WITHDRAWN], counts[SEKISHO_IMPORT_NO_ZONE],
		 counts[SEKISHO_IMPORT_NO_ROOM]);
	counts = resuming->beside_counts;
	if (resuming->beside.rules != NULL)
		log_info("the shadow takes %" PRIu64 " of them, and has no rule for %" PRIu64,
			 counts[SEKISHO_IMPORT_RESUMED], counts[SEKISHO_IMPORT_WITHDRAWN]);
}

void resume_flows(struct daemon *daemon)
{
	const struct shadow_policy *beside = trial_policy(daemon);
	struct image *image = &daemon->resume.image;
	struct resuming resuming = {.daemon = daemon, .now_ms = daemon_now_ms(daemon)};
	uint32_t *rules, *beside_rules = NULL;
	uint16_t *zones;

	if (!daemon->resume.found)
		return;
	worker_adopt_all(daemon);
	zones = zones_map(image, daemon);
	rules = rules_map(image, daemon->names);
	if (beside != NULL)
		beside_rules = rules_map(image, beside->names);
	resuming.terms = (struct sekisho_record_terms){.zones = zones,
						       .rules = rules,
						       .zone_count = image->header.zone_count,
						       .rule_count = image->header.rule_count,
						       .exact = image->header.exact};
	resuming.beside = resuming.terms;
	resuming.beside.rules = beside_rules;
	if (zones != NULL && rules != NULL && (beside == NULL || beside_rules != NULL))
		image_resume(&resuming);
	else
		refuse(daemon, "no memory");
	free(zones);
	free(rules);
	free(beside_rules);
	resume_close(daemon);
}

void resume_close(struct daemon *daemon)
{
	struct image *image = &daemon->resume.image;

	if (image->names == NULL)
		return;
	close(image->fd);
	image_close(image);
}
