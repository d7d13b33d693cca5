/* SPDX-License-Identifier: BSD-3-Clause */
/* test_changes.c: what is said to change between two policies, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "changes.h"

#define HEAD  "version: 1\nsemantics: aws-like\n"
#define GROUP "groups:\n  - name: g\n    ingress:\n"
#define ENDS  "endpoints:\n  - {name: e, addresses: [192.0.2.1], groups: [g]}\n"

static struct config_policy *parse(const char *text)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_parse("t", text, strlen(text), &errors);

	if (config == NULL)
		fail_msg("%s", errors.text);
	return config;
}

/* Each change is a line: "+", "-" or "~", then its name, a colon, and its text. */
static void expect(const char *from_text, const char *to_text, const char *expected)
{
	static const char signs[CHANGE_KINDS] = {'+', '-', '~'};
	struct config_policy *from = parse(from_text), *to = parse(to_text);
	struct changes changes;
	char said[4096] = "";
	size_t used = 0, rules = 0;

	assert_int_equal(changes_init(&changes, config_policy_spec(from), config_policy_spec(to)),
			 0);
	for (size_t i = 0; i < changes.count; i++) {
		const struct change *change = &changes.items[i];

		used += (size_t)snprintf(said + used, sizeof(said) - used, "%c%s: %s\n",
					 signs[change->kind], change->name, change->text);
		rules += change->rule != NULL;
	}
	assert_string_equal(said, expected);
	assert_int_equal(changes.settings, changes.count - rules);
	assert_int_equal(changes.rules[0] + changes.rules[1] + changes.rules[2], rules);
	changes_fini(&changes);
	config_policy_destroy(from);
	config_policy_destroy(to);
}

static void nothing(void **state)
{
	const char *text = HEAD ENDS GROUP "      - {id: a, protocol: tcp, from: 10.0.0.0/8}\n";

	expect(text, text, "");
	/* in another order, with other words for the same */
	expect(HEAD
	       "endpoints:\n  - {name: a, addresses: [10.0.0.1, 10.0.0.2]}\n"
	       "  - {name: b, addresses: 10.0.0.3}\nnever_filtered: [10.1.0.0/16, 10.2.0.0/16]\n",
	       HEAD "never_filtered: [10.2.0.0/16, 10.1.2.3/16]\nendpoints:\n"
		    "  - {name: b, addresses: 10.0.0.3/32}\n"
		    "  - {name: a, addresses: [10.0.0.2, 10.0.0.1]}\n",
	       "");
}

static void rules(void **state)
{
	expect(HEAD ENDS GROUP "      - {id: a, protocol: tcp, ports: 22, from: 10.0.0.0/8}\n"
			       "      - {id: b, protocol: icmp, icmp_type: 8, from: 10.0.0.0/8}\n",
	       HEAD ENDS GROUP
	       "      - {id: a, protocol: tcp, ports: [22, 80-90], from: 10.0.0.0/8}\n"
	       "      - {id: c, protocol: 99, from: [10.0.0.0/8, \"2001:db8::/32\", 1.0.0.0/8, "
	       "2.0.0.0/8, 3.0.0.0/8, 4.0.0.0/8]}\n",
	       "~g/a: tcp 22 -> tcp 22, 80-90\n"
	       "-g/b: icmp type 8 from 10.0.0.0/8\n"
	       "+g/c: 99 from 10.0.0.0/8, 2001:db8::/32, 1.0.0.0/8, 2.0.0.0/8 and 2 more\n");
	expect(HEAD ENDS GROUP "      - {id: a, protocol: tcp, from: [10.0.0.0/8, 192.0.2.0/24]}\n",
	       HEAD ENDS GROUP "      - {id: a, protocol: udp, from: [192.0.2.0/24, 10.0.0.0/9]}\n",
	       "~g/a: tcp -> udp, from adds 10.0.0.0/9; drops 10.0.0.0/8\n");
	/* AWS-19: a /0 that is written is not one behind a reference */
	expect(HEAD ENDS "prefix_lists: [{name: p, entries: 0.0.0.0/0}]\n" GROUP
			 "      - {id: a, protocol: tcp, from: \"prefix_list:p\"}\n",
	       HEAD ENDS GROUP "      - {id: a, protocol: tcp, from: 0.0.0.0/0}\n",
	       "~g/a: tcp, the same blocks in other words or order\n");
	/* a reference stands for other addresses */
	expect(HEAD ENDS GROUP "      - {id: a, protocol: tcp, from: \"group:g\"}\n",
	       HEAD "endpoints:\n  - {name: e, addresses: [192.0.2.9], groups: [g]}\n" GROUP
		    "      - {id: a, protocol: tcp, from: \"group:g\"}\n",
	       "~endpoints.e.addresses: adds 192.0.2.9/32; drops 192.0.2.1/32\n"
	       "~g/a: tcp, from adds 192.0.2.9/32; drops 192.0.2.1/32\n");
	/* the same id the other way */
	expect(HEAD ENDS GROUP "      - {id: a, protocol: tcp, from: 10.0.0.0/8}\n",
	       HEAD ENDS "groups:\n  - name: g\n    egress:\n"
			 "      - {id: a, protocol: tcp, to: 10.0.0.0/8}\n",
	       "~g/a: ingress tcp -> egress tcp\n");
}

static void settings(void **state)
{
	expect(HEAD "timeouts: {udp: 40}\n",
	       HEAD "timeouts: {udp: 50}\nlimits: {flows_per_source: 9}\naws: {tcp_pickup: false}\n"
		    "strict: {esp: follows-ike, symmetric_udp: tuple, verify_checksums: false, "
		    "ports: {ike: [500, 1500], dns: []}}\nnever_filtered: 10.0.0.0/8\n",
	       "~timeouts.udp: 40 s -> 50 s\n"
	       "~strict.symmetric_udp: rule -> tuple\n"
	       "~strict.esp: rule -> follows-ike\n"
	       "~strict.verify_checksums: true -> false\n"
	       "~strict.ports.ike: 500 -> 500, 1500\n"
	       "~strict.ports.dns: 53 -> none\n"
	       "~aws.tcp_pickup: true -> false\n"
	       "~limits.flows_per_source: 0 -> 9\n"
	       "~never_filtered: adds 10.0.0.0/8\n");
	expect("version: 1\nsemantics: strict\ntimeouts: {tcp_established: 7440}\n",
	       "version: 1\nsemantics: aws-like\ntimeouts: {tcp_established: 7440, "
	       "tcp_syn_sent: 30, tcp_syn_received: 30}\nlimits: {half_open_percent: 25}\n",
	       "~semantics: strict -> aws-like\n"
	       "~limits.half_open_per_source: 4096 -> 0\n");
}

static void endpoints(void **state)
{
	expect(HEAD "groups: [{name: g}, {name: h}, {name: i}]\nendpoints:\n"
		    "  - {name: a, addresses: [10.0.0.1, 10.0.0.2], groups: [g, h]}\n"
		    "  - {name: b, addresses: 10.0.0.3, timeouts: {udp: 40, icmp: 5}}\n",
	       HEAD "groups: [{name: h}, {name: i}, {name: g}]\nendpoints:\n"
		    "  - {name: a, addresses: [10.0.0.2, 10.0.0.4], groups: [i, h], "
		    "auto_tracked: true, timeouts: {udp: 50}}\n"
		    "  - {name: c, addresses: [10.0.0.3, 10.0.0.5]}\n",
	       "~endpoints.a.addresses: adds 10.0.0.4/32; drops 10.0.0.1/32\n"
	       "~endpoints.a.groups: adds i; drops g\n"
	       "~endpoints.a.timeouts.udp: the policy's -> 50 s\n"
	       "~endpoints.a.auto_tracked: false -> true\n"
	       "-endpoints.b: 10.0.0.3/32\n"
	       "+endpoints.c: 10.0.0.3/32, 10.0.0.5/32\n");
	expect(HEAD
	       "endpoints:\n  - {name: b, addresses: 10.0.0.3, timeouts: {udp: 40, icmp: 5}}\n",
	       HEAD "endpoints:\n  - {name: b, addresses: 10.0.0.3, timeouts: {icmp: 6}}\n",
	       "~endpoints.b.timeouts.udp: 40 s -> the policy's\n"
	       "~endpoints.b.timeouts.icmp: 5 s -> 6 s\n");
}

static void network_acls(void **state)
{
#define ACL(name, endpoint, more) \
	"network_acls:\n  - name: " name "\n    endpoints: [" endpoint "]\n    ingress:\n" more
#define E(number, action, rest) \
	"      - {number: " number ", action: " action ", " rest ", from: 10.0.0.0/8}\n"
	expect(HEAD ENDS "groups: [{name: g}]\n" ACL(
		       "n", "e",
		       E("1", "allow", "protocol: tcp") E("2", "deny", "protocol: udp")
			       E("3", "allow", "protocol: esp")),
	       HEAD ENDS "groups: [{name: g}]\n" ACL(
		       "n", "e",
		       E("4", "deny", "protocol: gre") E("2", "allow", "protocol: udp")
			       E("1", "allow", "protocol: tcp, ports: 80")),
	       "~network_acl:n/in-1: tcp -> tcp 80\n"
	       "~network_acl:n/in-2: deny -> allow: udp from 10.0.0.0/8\n"
	       "-network_acl:n/in-3: allow esp from 10.0.0.0/8\n"
	       "+network_acl:n/in-4: deny gre from 10.0.0.0/8\n");
	expect(HEAD ENDS "groups: [{name: g}]\n" ACL("n", "e", E("1", "allow", "protocol: tcp")),
	       HEAD ENDS "groups: [{name: g}]\n" ACL(
		       "m", "e", E("1", "allow", "protocol: tcp") "    subnets: 10.0.0.0/24\n"),
	       "~endpoints.e network ACL: n -> m\n"
	       "-network_acls.n: 1 entry\n"
	       "+network_acls.m: 1 entry\n");
	expect(HEAD ENDS "groups: [{name: g}]\n" ACL("n", "e", E("1", "allow", "protocol: tcp")),
	       HEAD ENDS "groups: [{name: g}]\n" ACL(
		       "n", "", E("1", "allow", "protocol: tcp") "    subnets: 10.0.0.0/24\n"),
	       "~endpoints.e network ACL: n -> none\n"
	       "~network_acls.n.subnets: adds 10.0.0.0/24\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),      cmocka_unit_test(rules),
		cmocka_unit_test(settings),     cmocka_unit_test(endpoints),
		cmocka_unit_test(network_acls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
