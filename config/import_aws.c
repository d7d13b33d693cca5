/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * import_aws.c: from files to the policy: what a document holds, who reads it, and the end of it all.
 *
 * The finished policy is read once more by config_policy_parse() before it is handed out: an import
 * ends in a policy that `check` takes, or in an error.
 */
#include "import_aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "import_acl.h"
#include "import_describe.h"
#include "import_terraform.h"

static const struct remark_place nowhere;

/* ---- documents -------------------------------------------------------------------------------- */

static const struct {
	const char *member;
	void (*take)(const struct node *entry);
} members[] = {
	{"SecurityGroups", describe_group},        {"SecurityGroupRules", describe_group_rule},
	{"NetworkInterfaces", describe_interface}, {"NetworkAcls", acl_describe},
	{"Subnets", acl_describe_subnet},          {"PrefixLists", describe_list},
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

/* Note a page of what is listed: one of them must be the last, without a token for the next. */
static void page_note(const struct node *document, const char *what)
{
	struct node token = node_member(document, "NextToken");
	json_t *pages = document->import->pages;

	if (what == NULL || json_is_true(json_object_get(pages, what)))
		return;
	if (json_object_set_new(pages, what, json_boolean(token.value == NULL)) != 0)
		document->import->no_memory = true;
}

static bool take_list_entries(const struct node *document)
{
	struct node entries = node_member(document, "Entries");
	struct import *import = document->import;
	struct import_list *list;

	if (entries.value == NULL)
		return false;
	import->entries_taken = true;
	if (import->source_list == NULL) {
		NODE_REMARK(&entries, REMARK_ERROR,
			    "entries of a prefix list whose id is not known: name the file as "
			    "pl-0123abcd.json, or say --prefix-list ID=FILE");
		return true;
	}
	list = import_list(import, import->source_list, node_place(&entries));
	if (list == NULL)
		return true;
	list->thing.known = true;
	page_note(document, import_print(import, "Entries of %s", import->source_list));
	for (size_t i = 0; i < node_length(&entries); i++) {
		struct node entry = node_entry(&entries, i);

		describe_list_entry(&entry);
	}
	return true;
}

static void take_document(const struct node *document)
{
	bool taken;

	if (!node_is_object(document))
		return;
	if (plan_is_terraform(document)) {
		plan_resources(document, terraform_take);
		return;
	}
	taken = take_list_entries(document);
	for (size_t m = 0; m < MEMBERS; m++) {
		struct node list = node_member(document, members[m].member);

		if (list.value == NULL)
			continue;
		taken = true;
		page_note(document, members[m].member);
		for (size_t i = 0; i < node_length(&list); i++) {
			struct node entry = node_entry(&list, i);

			members[m].take(&entry);
		}
	}
	if (!taken && node_member(document, "terraform_version").value != NULL)
		NODE_REMARK(
			document, REMARK_ERROR,
			"is Terraform's own state file: give what `terraform show -json` prints "
			"of it");
	else if (!taken)
		NODE_REMARK(document, REMARK_ERROR,
			    "is no known output: none of SecurityGroups, SecurityGroupRules, "
			    "NetworkInterfaces, NetworkAcls, Subnets, PrefixLists and Entries is "
			    "in it, nor is it what "
			    "`terraform show -json` prints");
}

/* "pl-0123abcd" of ".../pl-0123abcd.json"; NULL for other names. */
static const char *list_of_name(struct import *import, const char *name)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
	size_t length;

	if (strncmp(base, "pl-", 3) != 0)
		return NULL;
	length = strspn(base + 3, letters);
	return length > 0 ? import_print(import, "pl-%.*s", (int)length, base + 3) : NULL;
}

void import_aws_add(struct import *import, const struct import_source *source)
{
	import->entries_taken = false;
	import->source_list = source->prefix_list != NULL ? source->prefix_list
							  : list_of_name(import, source->name);
	node_documents(import, source, take_document);
	if (source->prefix_list != NULL && !import->entries_taken)
		import_remark(import, REMARK_ERROR, (struct remark_place){source->name, NULL},
			      "there are no Entries of prefix list '%s' in it",
			      source->prefix_list);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void tell_missing_pages(struct import *import)
{
	const char *what;
	json_t *last;

	json_object_foreach(import->pages, what, last)
	{
		if (!json_is_true(last))
			import_remark(import, REMARK_NOTE, nowhere,
				      "each file with %s has a NextToken: the last page is missing",
				      what);
	}
}

/* Read the finished text as `check` does. */
static void tell_invalid(struct import *import, const char *text, size_t length)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_parse("policy", text, length, &errors);

	for (char *line = errors.text, *end; line != NULL && *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		import_remark(import, REMARK_ERROR, nowhere, "the policy that comes of it: %.*s",
			      (int)(end - line), line);
	}
	if (config == NULL && errors.text == NULL)
		import->no_memory = true;
	config_policy_destroy(config);
	config_errors_fini(&errors);
}

/* The policy, or NULL when there is an error or no memory. */
static const char *policy_make(struct import *import, size_t *length)
{
	char *text, *kept = NULL;

	tell_missing_pages(import);
	if (import->no_memory || import->remarks.of_kind[REMARK_ERROR] > 0)
		return NULL;
	if (import->groups.count + import->lists.count + import->acls.count == 0) {
		import_remark(import, REMARK_ERROR, nowhere, "there are no groups in it");
		return NULL;
	}
	import_resolve(import);
	if (import->remarks.of_kind[REMARK_ERROR] > 0)
		return NULL;
	text = import->no_memory ? NULL : import_yaml(import, length);
	if (text != NULL) {
		tell_invalid(import, text, *length);
		kept = import_own(import, *length + 1);
		if (kept != NULL)
			memcpy(kept, text, *length + 1);
	}
	else
		import->no_memory = true;
	free(text);
	return import->remarks.of_kind[REMARK_ERROR] > 0 ? NULL : kept;
}

const char *import_aws_policy(struct import *import, size_t *length)
{
	const char *policy = policy_make(import, length);

	if (!import->no_memory)
		return policy;
	import_remark(import, REMARK_ERROR, nowhere, "not enough memory");
	return NULL;
}
