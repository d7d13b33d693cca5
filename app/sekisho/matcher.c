/* SPDX-License-Identifier: BSD-3-Clause */
#include "matcher.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>

#define LINEAR_MAX 256    /* entries: a rule has as many as its peers times its ranges of ports */
#define HEAP_MB    "3072" /* taken from the system as it is used; two policies of any size fit */

/* ---- EAL -------------------------------------------------------------------------------------- */

static void eal_stop(void)
{
	rte_eal_cleanup();
}

/* Start EAL, once. Its one lcore is this thread, which may go on running where it might before. */
static bool eal_start(void)
{
	/* EAL keeps pointers into these. */
	static char words[][24] = {"sekisho",   "--no-telemetry", "--log-level=error",
				   "--no-huge", "--no-shconf",    "--no-pci",
				   "-m",        HEAP_MB,          "--lcores",
				   "0@0"};
	static char *arguments[sizeof(words) / sizeof(words[0]) + 1];
	static enum { NOT_TRIED, STARTED, FAILED } state;
	unsigned count = sizeof(words) / sizeof(words[0]), cpu = 0;
	cpu_set_t cpus;

	if (state != NOT_TRIED)
		return state == STARTED;
	state = FAILED;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return false;
	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &cpus))
		cpu++;
	snprintf(words[count - 1], sizeof(words[0]), "0@%u", cpu);
	for (unsigned i = 0; i < count; i++)
		arguments[i] = words[i];
	if (rte_eal_init((int)count, arguments) >= 0 && atexit(eal_stop) == 0)
		state = STARTED;
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return state == STARTED;
}

/* ---- policies --------------------------------------------------------------------------------- */

static size_t rule_entries(const struct sekisho_rule_spec *rule)
{
	return rule->peer_count * (rule->port_count > 0 ? rule->port_count : 1);
}

static size_t entries(const struct sekisho_policy_spec *spec)
{
	size_t count = 0;

	for (size_t i = 0; i < spec->group_count; i++)
		for (size_t j = 0; j < spec->groups[i].rule_count; j++)
			count += rule_entries(&spec->groups[i].rules[j]);
	for (size_t i = 0; i < spec->acl_count; i++)
		for (size_t j = 0; j < spec->acls[i].entry_count; j++)
			count += rule_entries(&spec->acls[i].entries[j].match);
	return count;
}

struct sekisho_policy *matcher_policy_create(const struct sekisho_policy_spec *spec,
					     struct sekisho_rule_names *names, char *message,
					     size_t message_size)
{
	struct sekisho_policy_spec chosen = *spec;
	struct sekisho_policy *policy = NULL;

	chosen.matcher = SEKISHO_MATCHER_COMPILED;
	if (entries(spec) > LINEAR_MAX && eal_start())
		policy = sekisho_policy_create(&chosen, names, message, message_size);
	if (policy != NULL)
		return policy;
	chosen.matcher = SEKISHO_MATCHER_LINEAR;
	return sekisho_policy_create(&chosen, names, message, message_size);
}
