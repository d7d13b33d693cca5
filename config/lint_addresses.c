/* SPDX-License-Identifier: BSD-3-Clause */
/* lint_addresses.c: blocks that are not what they look like: 10.1.2.3/12 is all of 10.0.0.0/12. */
#include "linter.h"

#include <stdio.h>
#include <string.h>

#include "address.h"

static void judge(struct linter *linter, const char *text, const struct linter_subject *subject)
{
	struct sekisho_prefix block, whole;
	const char *slash = strchr(text, '/');
	char address[64], printed[ADDRESS_TEXT_SIZE];

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address) ||
	    !address_parse(text, &block))
		return; /* an address, or a reference */
	snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
	if (!address_parse(address, &whole) ||
	    memcmp(whole.address, block.address, sizeof(block.address)) == 0)
		return;
	address_print(&block, printed);
	linter_say(linter, LINT_HOST_BITS, subject, "'%s' stands for all of %s", text, printed);
}

/* A list of addresses in the file; `path` is its own. */
static void judge_list(struct linter *linter, char *const *list, unsigned count, const char *path,
		       const char *rule)
{
	for (unsigned i = 0; i < count; i++) {
		char at[LINTER_PATH + 64];

		snprintf(at, sizeof(at), "%s[%u]", path, i);
		judge(linter, list[i], &(struct linter_subject){at, rule, "AWS-107"});
	}
}

static void judge_rule(struct linter *linter, const struct schema_rule *rule, const char *path,
		       const char *name)
{
	char at[LINTER_PATH + 32];

	snprintf(at, sizeof(at), "%s.from", path);
	judge_list(linter, rule->from, rule->from_count, at, name);
	snprintf(at, sizeof(at), "%s.to", path);
	judge_list(linter, rule->to, rule->to_count, at, name);
}

static void judge_acl(struct linter *linter, size_t a)
{
	const struct schema_acl *acl = &linter->schema->network_acls[a];
	const struct sekisho_acl_entry_spec *entries = linter->spec->acls[a].entries;
	char path[LINTER_PATH];

	snprintf(path, sizeof(path), "network_acls[%zu].subnets", a);
	judge_list(linter, acl->subnets, acl->subnets_count, path, NULL);
	for (unsigned i = 0; i < acl->ingress_count; i++) {
		snprintf(path, sizeof(path), "network_acls[%zu].ingress[%u]", a, i);
		judge_rule(linter, &acl->ingress[i].match, path, entries[i].match.name);
	}
	entries += acl->ingress_count;
	for (unsigned i = 0; i < acl->egress_count; i++) {
		snprintf(path, sizeof(path), "network_acls[%zu].egress[%u]", a, i);
		judge_rule(linter, &acl->egress[i].match, path, entries[i].match.name);
	}
}

void lint_addresses(struct linter *linter)
{
	const struct schema_policy *schema = linter->schema;
	char path[LINTER_PATH];

	for (size_t e = 0; e < schema->endpoints_count; e++) {
		snprintf(path, sizeof(path), "endpoints[%zu].addresses", e);
		judge_list(linter, schema->endpoints[e].addresses,
			   schema->endpoints[e].addresses_count, path, NULL);
	}
	for (size_t i = 0; i < schema->prefix_lists_count; i++) {
		snprintf(path, sizeof(path), "prefix_lists[%zu].entries", i);
		judge_list(linter, schema->prefix_lists[i].entries,
			   schema->prefix_lists[i].entries_count, path, NULL);
	}
	for (size_t r = 0; r < linter->rule_count; r++) {
		linter_rule_path(linter, &linter->rules[r], path);
		judge_rule(linter, linter_written(linter, &linter->rules[r]), path,
			   linter->rules[r].spec->name);
	}
	for (size_t a = 0; a < schema->network_acls_count; a++)
		judge_acl(linter, a);
	judge_list(linter, schema->never_filtered, schema->never_filtered_count, "never_filtered",
		   NULL);
}
