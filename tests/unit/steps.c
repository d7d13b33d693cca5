/* SPDX-License-Identifier: BSD-3-Clause */
/* steps.c: see steps.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <config.h>
#include <stdio.h>
#include <string.h>

#include "steps.h"

void steps_policy(struct bench *bench, const char *text)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_parse("policy", text, strlen(text), &errors);
	struct sekisho_policy *old = bench->policy;
	char message[128];

	if (config == NULL)
		fail_msg("%s", errors.text);
	bench->policy = sekisho_policy_create(config_policy_spec(config), bench->names, message,
					      sizeof(message));
	assert_non_null(bench->policy);
	sekisho_engine_set_policy(bench->engine, 0, bench->policy);
	sekisho_policy_destroy(old);
	config_policy_destroy(config);
}

void steps_run(struct bench *bench, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		const char *word;

		if (step->policy != NULL) {
			steps_policy(bench, step->policy);
			continue;
		}
		word = sekisho_reason_word(bench_send(bench, step->at_ms, step->packet).reason);
		if (strcmp(word, step->reason) != 0)
			fail_msg("step %zu (%u ms, %s): %s, expected %s", i + 1, step->at_ms,
				 step->packet, word, step->reason);
	}
}
