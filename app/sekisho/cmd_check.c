/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_check.c: `sekisho check`: is this a policy that would be accepted?
 *
 * Building the snapshot is part of the check: what the loader takes and the firewall refuses is not
 * a valid policy.
 */
#include <stdio.h>

#include "cli.h"
#include "render.h"

/* The errors as given, on stderr; the answer alone on stdout when it is to be read by a program. */
static enum cli_exit invalid_print(const struct cli *cli, unsigned errors, const char *text)
{
	fputs(text, stderr);
	if (cli->output == CLI_JSON) {
		fputs("{\"policy\":", stdout);
		render_string_json(stdout, cli->operands[0]);
		printf(",\"valid\":false,\"errors\":%u,\"text\":", errors);
		render_string_json(stdout, text);
		puts("}");
	}
	return CLI_NO;
}

static void valid_print(const struct cli *cli, const struct sekisho_policy_spec *spec)
{
	size_t rules = 0, addresses = 0;

	for (size_t i = 0; i < spec->group_count; i++)
		rules += spec->groups[i].rule_count;
	for (size_t i = 0; i < spec->endpoint_count; i++)
		addresses += spec->endpoints[i].address_count;
	if (cli->output == CLI_JSON) {
		fputs("{\"policy\":", stdout);
		render_string_json(stdout, cli->operands[0]);
		printf(",\"valid\":true,\"semantics\":\"%s\",\"groups\":%zu,\"rules\":%zu,"
		       "\"endpoints\":%zu,\"addresses\":%zu}\n",
		       sekisho_semantics_word(spec->semantics), spec->group_count, rules,
		       spec->endpoint_count, addresses);
		return;
	}
	printf("%s: valid, %s, %zu groups, %zu rules, %zu endpoints with %zu address blocks\n",
	       cli->operands[0], sekisho_semantics_word(spec->semantics), spec->group_count, rules,
	       spec->endpoint_count, addresses);
}

enum cli_exit cmd_check(const struct cli *cli)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_load(cli->operands[0], &errors);
	const struct sekisho_policy_spec *spec;
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy = NULL;
	char message[256] = "out of memory", line[512];
	enum cli_exit code = CLI_OK;

	if (!config) {
		code = invalid_print(cli, errors.count, errors.text ? errors.text : "");
		config_errors_fini(&errors);
		return code;
	}
	config_errors_fini(&errors);
	spec = config_policy_spec(config);
	names = sekisho_rule_names_create(sekisho_policy_spec_names(spec));
	if (names)
		policy = sekisho_policy_create(spec, names, message, sizeof(message));
	if (policy) {
		valid_print(cli, spec);
		sekisho_policy_destroy(policy);
	} else {
		snprintf(line, sizeof(line), "%s: error: %s\n", cli->operands[0], message);
		code = invalid_print(cli, 1, line);
	}
	if (names)
		sekisho_rule_names_destroy(names);
	config_policy_destroy(config);
	return code;
}
