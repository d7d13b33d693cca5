/* SPDX-License-Identifier: BSD-3-Clause */
/* test_diff.c: what a change of policy is said to change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <changes.h>

#define HEAD                                                                                   \
	"version: 1\nsemantics: strict\nprefix_lists:\n  - {name: l, entries: [10.0.0.0/8]}\n" \
	"endpoints:\n  - {name: e, addresses: [192.0.2.1], groups: [g, h]}\n"                  \
	"groups:\n"
#define INGRESS "  - name: g\n    ingress:\n"
#define WEB     "      - {id: web, protocol: tcp, ports: [80, 443], from: [0.0.0.0/0]}\n"
#define SSH     "      - {id: ssh, protocol: tcp, ports: 22, from: ['prefix_list:l']}\n"
#define PING    "      - {id: ping, protocol: icmp, icmp_type: 8, from: ['group:h']}\n"
#define H       "  - {name: h}\n"
#define BASE    HEAD INGRESS WEB SSH PING H

static struct config_policy *parse(const char *text)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_parse("t", text, strlen(text), &errors);

	if (config == NULL)
		fail_msg("%s", errors.text);
	return config;
}

/* "+NAME", "-NAME" or "~NAME" for each rule, then "settings" if anything else differs. */
static void expect(const char *from_text, const char *to_text, const char *expected)
{
	static const char signs[CHANGE_KINDS] = {
		[CHANGE_ADDED] = '+', [CHANGE_REMOVED] = '-', [CHANGE_CHANGED] = '~'};
	struct config_policy *from = parse(from_text), *to = parse(to_text);
	struct changes changes;
	char said[256] = "";
	size_t used = 0;

	assert_int_equal(
		changes_init(&changes, config_policy_spec(from), config_policy_spec(to)), 0);
	for (size_t i = changes.settings; i < changes.count; i++)
		used += (size_t)snprintf(said + used, sizeof(said) - used, "%c%s ",
					 signs[changes.items[i].kind], changes.items[i].name);
	snprintf(said + used, sizeof(said) - used, "%s", changes.settings > 0 ? "settings" : "");
	assert_string_equal(said, expected);
	changes_fini(&changes);
	config_policy_destroy(from);
	config_policy_destroy(to);
}

static void nothing_changes(void **state)
{
	(void)state;
	expect(BASE, BASE, "");
	/* moved, described, written in other words */
	expect(BASE,
	       HEAD H INGRESS SSH PING "      - {id: web, protocol: 6, ports: ['80', '443'], "
				       "from: 0.0.0.0/0, description: new}\n",
	       "");
}

static void rules_come_and_go(void **state)
{
	(void)state;
	expect(BASE, HEAD INGRESS WEB PING H, "-g/ssh ");
	expect(HEAD INGRESS WEB PING H, BASE, "+g/ssh ");
	/* a name in another group is another rule */
	expect(BASE, HEAD "  - name: h\n    ingress:\n" WEB "  - name: g\n    ingress:\n" SSH PING,
	       "-g/web +h/web ");
}

static void rules_change(void **state)
{
	static const char *const other[] = {
		"      - {id: web, protocol: tcp, ports: [80], from: [0.0.0.0/0]}\n",
		"      - {id: web, protocol: tcp, ports: [80, 444], from: [0.0.0.0/0]}\n",
		"      - {id: web, protocol: udp, ports: [80, 443], from: [0.0.0.0/0]}\n",
		"      - {id: web, protocol: tcp, ports: [80, 443], from: [0.0.0.0/1]}\n",
		"      - {id: web, protocol: tcp, ports: [80, 443], from: [0.0.0.0/0, '::/0']}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), "%s%s" SSH PING H, HEAD INGRESS, other[i]);
		expect(BASE, text, "~g/web ");
	}
	/* from in to out */
	expect(BASE,
	       HEAD INGRESS WEB SSH "    egress:\n      - {id: ping, protocol: icmp, icmp_type: 8, "
				    "to: ['group:h']}\n" H,
	       "~g/ping ");
}

/* BASE with `old` replaced by `new`. */
static void base_with(const char *old, const char *new, char *text, size_t size)
{
	static const char base[] = BASE;
	const char *at = strstr(base, old);

	assert_non_null(at);
	snprintf(text, size, "%.*s%s%s", (int)(at - base), base, new, at + strlen(old));
}

static void references_count_as_what_they_stand_for(void **state)
{
	char text[1024];

	(void)state;
	base_with("10.0.0.0/8", "10.0.0.0/9", text, sizeof(text));
	expect(BASE, text, "~g/ssh ");
	base_with("192.0.2.1", "192.0.2.9", text, sizeof(text));
	expect(BASE, text, "~g/ping settings");
}

static void settings_change(void **state)
{
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", BASE, "timeouts: {udp: 45}\n");
	expect(BASE, text, "settings");
	snprintf(text, sizeof(text), "%s%s", BASE, "strict: {esp: follows-ike}\n");
	expect(BASE, text, "settings");
	snprintf(text, sizeof(text), "%s%s", BASE, "never_filtered: [169.254.169.254]\n");
	expect(BASE, text, "settings");
	snprintf(text, sizeof(text), "%s%s", BASE, "limits: {half_open_percent: 26}\n");
	expect(BASE, text, "settings");
}

static void network_acls_change(void **state)
{
#define ACL(number, action)                                                              \
	BASE "network_acls:\n  - name: edge\n    endpoints: [e]\n    ingress:\n      - " \
	     "{number: " number ", action: " action ", protocol: all, from: [0.0.0.0/0]}\n"
	(void)state;
	expect(ACL("100", "allow"), ACL("100", "allow"), "");
	expect(BASE, ACL("100", "allow"), "settings");
	expect(ACL("100", "allow"), ACL("101", "allow"), "settings");
	expect(ACL("100", "allow"), ACL("100", "deny"), "settings");
}

/* Their places in the file say nothing, nor do those of their entries, whose numbers do. */
static void moved_lists_change_nothing(void **state)
{
#define TWO_ENDPOINTS(first, second) \
	"version: 1\nsemantics: strict\ngroups:\n" INGRESS WEB H "endpoints:\n" first second
#define E "  - {name: e, addresses: [192.0.2.1, 192.0.2.7], groups: [g, h]}\n"
#define F "  - {name: f, addresses: [192.0.2.2], groups: [g]}\n"
#define EDGE "  - name: edge\n    endpoints: [e]\n    ingress:\n"
#define YARD "  - name: yard\n    endpoints: [f]\n    ingress:\n" ENTRY("1", "allow")
#define ENTRY(number, action) \
	"      - {number: " number ", action: " action ", protocol: all, from: [0.0.0.0/0]}\n"
#define TWO_ACLS(first, second) TWO_ENDPOINTS(E, F) "network_acls:\n" first second
	const char *base = TWO_ACLS(EDGE ENTRY("1", "deny") ENTRY("2", "allow"), YARD);

	(void)state;
	expect(TWO_ENDPOINTS(E, F), TWO_ENDPOINTS(F, E), "");
	expect(TWO_ENDPOINTS(E, F),
	       TWO_ENDPOINTS(F, "  - {name: e, addresses: [192.0.2.7, 192.0.2.1], groups: [h, g]}\n"),
	       "");
	expect(base, TWO_ACLS(YARD, EDGE ENTRY("1", "deny") ENTRY("2", "allow")), "");
	expect(base, TWO_ACLS(EDGE ENTRY("2", "allow") ENTRY("1", "deny"), YARD), "");
	expect(base, TWO_ACLS(YARD, EDGE ENTRY("1", "allow") ENTRY("2", "allow")), "settings");
	expect(TWO_ENDPOINTS(E, F), TWO_ENDPOINTS(F, ""), "settings");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes),
		cmocka_unit_test(rules_come_and_go),
		cmocka_unit_test(rules_change),
		cmocka_unit_test(references_count_as_what_they_stand_for),
		cmocka_unit_test(settings_change),
		cmocka_unit_test(network_acls_change),
		cmocka_unit_test(moved_lists_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
