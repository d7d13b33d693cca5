/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_scenario.c: any bytes as a scenario file. What is refused is refused with a place and words. */
#include <scenario.h>

#include "fuzz.h"
#include "refusal.h"

static void check_words(const struct scenario_words *words)
{
	FUZZ_CHECK(words->text != NULL && words->line > 0 && words->column > 0);
}

static void check_expect(const struct scenario *scenario, const struct scenario_expect *expect)
{
	FUZZ_CHECK(expect->count <= 1 || expect->count == scenario->case_count);
	for (size_t i = 0; i < scenario->case_count; i++)
		FUZZ_CHECK((scenario_expected(expect, i) != NULL) == (expect->count > 0));
}

static void check_conversation(const struct scenario *scenario,
			       const struct scenario_conversation *conversation)
{
	FUZZ_CHECK(conversation->name != NULL && conversation->tries <= SCENARIO_TRIES_MAX);
	FUZZ_CHECK(conversation->exchange_count >= 1);
	for (size_t i = 0; i < conversation->exchange_count; i++) {
		check_words(&conversation->exchanges[i].ask);
		check_words(&conversation->exchanges[i].answer);
	}
	check_expect(scenario, &conversation->expect);
}

static void check(const struct scenario *scenario)
{
	const struct scenario_sweep *sweep = &scenario->sweep;

	for (size_t i = 0; i < scenario->address_count; i++)
		FUZZ_CHECK(scenario->addresses[i].name != NULL &&
			   scenario->addresses[i].address != NULL);
	for (size_t i = 0; i < scenario->case_count; i++)
		FUZZ_CHECK(scenario->cases[i].name != NULL && scenario->cases[i].policy_count >= 1);
	for (size_t i = 0; i < scenario->packet_count; i++) {
		check_words(&scenario->packets[i].send);
		check_expect(scenario, &scenario->packets[i].expect);
	}
	for (size_t i = 0; i < scenario->conversation_count; i++)
		check_conversation(scenario, &scenario->conversations[i]);
	if (sweep->conversation == NULL)
		return;
	FUZZ_CHECK(sweep->step_ms > 0 && sweep->from_ms <= sweep->to_ms);
	FUZZ_CHECK((sweep->to_ms - sweep->from_ms) / sweep->step_ms <= SCENARIO_STEPS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	struct config_errors errors = {0};
	struct scenario *scenario = scenario_load(path, &errors);

	refusal_check(path, scenario != NULL, &errors);
	config_errors_fini(&errors);
	if (scenario != NULL)
		check(scenario);
	scenario_destroy(scenario);
	return 0;
}
