/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_appliance.c: any bytes as an appliance file. */
#include <string.h>

#include "fuzz.h"
#include "refusal.h"

static void check_edge(const struct config_edge *edge)
{
	FUZZ_CHECK(edge->name != NULL);
	for (unsigned side = 0; side < 2; side++)
		FUZZ_CHECK(edge->device[side] != NULL && edge->device[side][0] != '\0');
	FUZZ_CHECK(strcmp(edge->device[0], edge->device[1]) != 0);
}

static void check(const struct config_appliance *appliance)
{
	FUZZ_CHECK(appliance->edge_count >= 1 && appliance->edge_count <= CONFIG_EDGES_MAX);
	for (size_t i = 0; i < appliance->edge_count; i++)
		check_edge(&appliance->edges[i]);
	FUZZ_CHECK(appliance->worker_count >= 1 && appliance->worker_count <= CONFIG_WORKERS_MAX);
	for (size_t i = 0; i < appliance->worker_count; i++)
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(appliance->workers[i] != appliance->workers[j]);
	FUZZ_CHECK(appliance->flows > 0);
	FUZZ_CHECK(appliance->socket != NULL && strlen(appliance->socket) < 108);
	FUZZ_CHECK(appliance->hugepages <= CONFIG_HUGEPAGES_NO);
	FUZZ_CHECK(appliance->log_level <= CONFIG_LOG_DEBUG);
	for (size_t i = 0; i < appliance->eal_argument_count; i++)
		FUZZ_CHECK(appliance->eal_arguments[i] != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(data, size);
	struct config_errors errors = {0};
	struct config_appliance *appliance = config_appliance_load(path, &errors);

	refusal_check(path, appliance != NULL, &errors);
	config_errors_fini(&errors);
	if (appliance != NULL)
		check(appliance);
	config_appliance_destroy(appliance);
	return 0;
}
