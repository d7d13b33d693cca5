/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_import.c: any bytes as AWS's or Terraform's JSON. What is refused is refused with a remark; what
 * is taken gives a policy that the reader of policies takes, and that comes back unchanged when it is
 * exported and imported again.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <export_aws.h>
#include <import_aws.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The policy of one file, malloc'd; NULL if it is refused. */
static char *policy_of(const char *name, const char *text, size_t length)
{
	struct import *import = import_aws_create();
	struct import_source source = {.name = name, .text = text, .length = length};
	const struct remarks *remarks;
	const char *policy;
	char *copy = NULL;

	assert(import != NULL);
	import_aws_add(import, &source);
	policy = import_aws_policy(import, &length);
	remarks = import_aws_remarks(import);
	assert((policy != NULL) == (remarks->of_kind[REMARK_ERROR] == 0));
	for (size_t i = 0; i < remarks->count; i++) {
		assert(remarks->items[i].text[0] != '\0');
		/* refusing itself what it has made would be a fault of the import */
		assert(strncmp(remarks->items[i].text, "the policy that comes of it", 27) != 0);
	}
	if (policy != NULL) {
		assert(strlen(policy) == length);
		copy = strdup(policy);
	}
	import_aws_destroy(import);
	return copy;
}

/* The policy in AWS's JSON, malloc'd; NULL if AWS has no room for it. */
static char *exported(const char *policy)
{
	struct config_errors errors = {0};
	struct config_policy *config =
		config_policy_parse("policy", policy, strlen(policy), &errors);
	struct remarks remarks = {0};
	json_t *document;
	char *text;

	assert(config != NULL);
	document = export_aws(config, &remarks);
	assert((document != NULL) == (remarks.of_kind[REMARK_ERROR] == 0));
	text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	json_decref(document);
	remarks_fini(&remarks);
	config_policy_destroy(config);
	return text;
}

/* The entry of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size > 0 ? size : 1), *first, *json, *second, *third;

	if (exact == NULL)
		return 0;
	memcpy(exact, data, size);
	first = policy_of("pl-0f.json", exact, size);
	free(exact);
	json = first != NULL ? exported(first) : NULL;
	free(first);
	if (json == NULL)
		return 0;
	/* now all has ids, and must stay as it is */
	second = policy_of("export.json", json, strlen(json));
	free(json);
	assert(second != NULL);
	json = exported(second);
	assert(json != NULL);
	third = policy_of("export.json", json, strlen(json));
	assert(third != NULL && strcmp(second, third) == 0);
	free(json);
	free(second);
	free(third);
	return 0;
}
