/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_config.c: what the policy and appliance files say, and how bad ones are refused. Each file of
 * tests/config/bad says in its first lines where and with what words it is to be refused, all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

#define BAD      SOURCE_ROOT "/tests/config/bad"
#define EXAMPLES SOURCE_ROOT "/config/examples"
#define HEAD     "version: 1\nsemantics: strict\n"

/* Of the processor: others may want it too. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), most = strlen(end);

	return length >= most && strcmp(text + length - most, end) == 0;
}

/* A policy from text; the test fails if it is refused. */
static struct config_policy *good(const char *text)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_parse("t", text, strlen(text), &errors);

	if (config == NULL)
		fail_msg("refused: %s", errors.text);
	assert_int_equal(errors.count, 0);
	assert_null(errors.text);
	return config;
}

static const struct sekisho_rule_spec *rule_of(const struct config_policy *config, size_t rule)
{
	const struct sekisho_policy_spec *spec = config_policy_spec(config);

	assert_true(spec->group_count > 0);
	assert_true(spec->groups[0].rule_count > rule);
	return &spec->groups[0].rules[rule];
}

/* ---- files ------------------------------------------------------------------------------------ */

/* The errors that a file's first lines announce, each "# expect: 7:9: error: ...", as they are told. */
static void read_expected(const char *path, char *expected, size_t size)
{
	char line[1024];
	size_t at = 0;
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	expected[0] = '\0';
	while (fgets(line, sizeof(line), file) != NULL && strncmp(line, "# expect: ", 10) == 0) {
		line[strcspn(line, "\n")] = '\0';
		at += (size_t)snprintf(expected + at, size - at, "%s:%s\n", path, line + 10);
		assert_true(at < size);
	}
	fclose(file);
}

static bool is_refused(const char *path, bool appliance, struct config_errors *errors)
{
	if (appliance) {
		struct config_appliance *made = config_appliance_load(path, errors);

		config_appliance_destroy(made);
		return made == NULL;
	}
	struct config_policy *made = config_policy_load(path, errors);

	config_policy_destroy(made);
	return made == NULL;
}

static void bad_files_are_refused(void **state)
{
	DIR *folder = opendir(BAD);
	unsigned files = 0, wrong = 0;

	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		struct config_errors errors = {0};
		char path[1024], expected[16384];
		bool refused;

		if (!ends_with(entry->d_name, ".yaml"))
			continue;
		files++;
		snprintf(path, sizeof(path), "%s/%s", BAD, entry->d_name);
		read_expected(path, expected, sizeof(expected));
		refused = is_refused(path, strncmp(entry->d_name, "appliance-", 10) == 0, &errors);
		if (!refused || errors.text == NULL || strcmp(errors.text, expected) != 0) {
			wrong++;
			print_message("expected\n%sgot\n%s", expected,
				      errors.text ? errors.text : "no error\n");
		}
		config_errors_fini(&errors);
	}
	closedir(folder);
	assert_true(files >= 120);
	assert_int_equal(wrong, 0);
}

static void examples_load(void **state)
{
	DIR *folder = opendir(EXAMPLES);
	unsigned files = 0;

	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		struct config_errors errors = {0};
		char path[1024];

		if (!ends_with(entry->d_name, ".yaml"))
			continue;
		files++;
		snprintf(path, sizeof(path), "%s/%s", EXAMPLES, entry->d_name);
		if (is_refused(path, strcmp(entry->d_name, "sekisho.yaml") == 0, &errors))
			fail_msg("%s", errors.text);
		assert_int_equal(errors.count, 0);
	}
	closedir(folder);
	assert_true(files >= 6);
}

static void appliance_says_what_is_written(void **state)
{
	struct config_errors errors = {0};
	struct config_appliance *got = config_appliance_load(EXAMPLES "/sekisho.yaml", &errors);

	assert_non_null(got);
	assert_string_equal(got->policy, EXAMPLES "/aws-like.yaml");
	assert_int_equal(got->edge_count, 1);
	assert_string_equal(got->edges[0].name, "vpn-edge");
	assert_string_equal(got->edges[0].device[SEKISHO_EGRESS], "net_af_packet0,iface=in0");
	assert_string_equal(got->edges[0].device[SEKISHO_INGRESS], "net_af_packet1,iface=out0");
	assert_string_equal(got->edges[0].policy, got->policy);
	assert_int_equal(got->worker_count, 1);
	assert_int_equal(got->workers[0], 1);
	assert_int_equal(got->flows, 1048576);
	assert_int_equal(got->hugepages, CONFIG_HUGEPAGES_AUTO);
	assert_string_equal(got->socket, "/run/sekisho/sekisho.sock");
	assert_string_equal(got->state, "/var/lib/sekisho");
	assert_int_equal(got->save_interval, 60);
	assert_int_equal(got->metrics_port, 0);
	assert_null(got->metrics_socket);
	assert_false(got->dpdk_telemetry);
	assert_false(got->link_mirror);
	assert_int_equal(got->idle, CONFIG_IDLE_POLL);
	config_appliance_destroy(got);
}

/* ---- meaning ---------------------------------------------------------------------------------- */

static void one_may_stand_for_a_list(void **state)
{
	static const struct {
		const char *ports;
		size_t count;
		struct sekisho_port_range range[2];
	} cases[] = {
		{"500", 1, {{500, 500}}},
		{"[500, 4500]", 2, {{500, 500}, {4500, 4500}}},
		{"1024-65535", 1, {{1024, 65535}}},
		{"\"0-65535\"", 1, {{0, 65535}}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct config_policy *config;
		const struct sekisho_rule_spec *rule;

		snprintf(text, sizeof(text),
			 HEAD "groups:\n  - name: g\n    ingress:\n      - protocol: udp\n"
			      "        ports: %s\n        from: 10.0.0.0/8\n",
			 cases[i].ports);
		config = good(text);
		rule = rule_of(config, 0);
		assert_int_equal(rule->port_count, cases[i].count);
		for (size_t p = 0; p < rule->port_count; p++) {
			assert_int_equal(rule->ports[p].first, cases[i].range[p].first);
			assert_int_equal(rule->ports[p].last, cases[i].range[p].last);
		}
		assert_int_equal(rule->peer_count, 1);
		assert_int_equal(rule->peers[0].length, 8);
		assert_memory_equal(rule->peers[0].address, "\x0a\0\0\0", 4);
		assert_true(rule->peer_is_literal[0]);
		assert_int_equal(rule->line, 6);
		assert_int_equal(rule->direction, SEKISHO_INGRESS);
		config_policy_destroy(config);
	}
}

static void references_resolve(void **state)
{
	struct config_policy *config = good(
		HEAD "endpoints:\n  - {name: a, addresses: [10.0.0.1, 10.0.0.2], groups: g}\n"
		     "  - {name: b, addresses: 10.0.0.3, groups: [h, g]}\n"
		     "prefix_lists:\n  - {name: p, entries: [\"2001:db8::/32\", 192.0.2.0/24]}\n"
		     "groups:\n  - name: g\n    ingress:\n"
		     "      - {protocol: tcp, from: [\"group:g\", \"prefix_list:p\", 0.0.0.0/0]}\n"
		     "  - name: h\n    egress:\n      - {protocol: all, to: \"group:h\"}\n");
	const struct sekisho_rule_spec *rule = rule_of(config, 0);

	assert_int_equal(rule->peer_count, 6);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rule->peers[i].address[3], i + 1);
		assert_int_equal(rule->peers[i].length, 32);
	}
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(rule->peer_is_literal[i], i == 5);
	assert_int_equal(rule->peers[3].family, SEKISHO_IPV6);
	assert_int_equal(rule->peers[4].length, 24);
	rule = &config_policy_spec(config)->groups[1].rules[0];
	assert_int_equal(rule->peer_count, 1);
	assert_int_equal(rule->peers[0].address[3], 3);
	assert_int_equal(rule->direction, SEKISHO_EGRESS);
	config_policy_destroy(config);
}

static void names_stay_when_rules_move(void **state)
{
#define ONE "      - {protocol: tcp, ports: 22, from: 10.0.0.0/8}\n"
#define TWO "      - {protocol: icmp, icmp_type: 8, from: 10.0.0.0/8}\n"
	static const char head[] = HEAD "groups:\n  - name: g\n    ingress:\n";
	char text[2][512];
	struct config_policy *a, *b;

	snprintf(text[0], sizeof(text[0]), "%s%s%s", head, ONE, TWO);
	snprintf(text[1], sizeof(text[1]), "%s%s%s", head, TWO, ONE);
	a = good(text[0]);
	b = good(text[1]);
	assert_string_equal(rule_of(a, 0)->name, rule_of(b, 1)->name);
	assert_string_equal(rule_of(a, 1)->name, rule_of(b, 0)->name);
	assert_string_not_equal(rule_of(a, 0)->name, rule_of(a, 1)->name);
	config_policy_destroy(a);
	config_policy_destroy(b);
}

/* A file may have any name; what is told of it must be text. */
static void names_of_files_are_text(void **state)
{
	static const char *const names[][2] = {{"plain.yaml", "plain.yaml"},
					       {"\u95a2\u6240/\U0001f6c2.yaml", "\u95a2\u6240/\U0001f6c2.yaml"},
					       {"n\xff/p.yaml", "n?/p.yaml"},
					       {"cut\xe9\x96", "cut??"},
					       {"over\xc0\xaflong", "over??long"},
					       {"half\xed\xa0\x80", "half???"},
					       {"beyond\xf4\x90\x80\x80", "beyond????"}};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		static const char text[] = "version: 1\nsemantics: strict\nendpoints: []\ngroups: []\n";
		struct config_errors errors = {0};
		struct config_policy *config =
			config_policy_parse(names[i][0], text, strlen(text), &errors);

		if (config == NULL)
			fail_msg("%s", errors.text);
		assert_string_equal(config_policy_name(config), names[i][1]);
		config_policy_destroy(config);
	}
}

static void host_bits_are_cleared(void **state)
{
	struct config_policy *config =
		good(HEAD "never_filtered: [10.1.2.3/12, \"2001:db8::ffff/33\", 10.1.2.3]\n");
	const struct sekisho_prefix *got = config_policy_spec(config)->never_filtered;

	assert_memory_equal(got[0].address, "\x0a\0\0\0", 4);
	assert_memory_equal(got[1].address, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(got[2].address, "\x0a\x01\x02\x03", 4);
	config_policy_destroy(config);
}

/* AWS-115: the preset stands for the services' addresses, beside others. */
static void aws_115_preset(void **state)
{
	struct config_policy *config = good(HEAD "never_filtered: [aws, 10.0.0.53]\n");
	const struct sekisho_policy_spec *spec = config_policy_spec(config);
	bool metadata = false;

	for (size_t i = 0; i < spec->never_filtered_count; i++)
		metadata |= memcmp(spec->never_filtered[i].address, "\xa9\xfe\xa9\xfe", 4) == 0;
	assert_true(metadata);
	assert_true(spec->never_filtered_count > 2);
	assert_memory_equal(spec->never_filtered[spec->never_filtered_count - 1].address,
			    "\x0a\0\0\x35", 4);
	config_policy_destroy(config);
	config = good(HEAD);
	assert_int_equal(config_policy_spec(config)->never_filtered_count, 0); /* off by default */
	config_policy_destroy(config);
}

/* STRICT-20: which ports a grammar is spoken on; an empty list turns it off. */
static void strict_20_ports(void **state)
{
	struct config_policy *config =
		good(HEAD "strict: {ports: {wireguard: [51820, 443], dns: [], ntp: 1123, ike: 53}}\n");
	const struct sekisho_strict_spec *strict = &config_policy_spec(config)->strict;

	assert_int_equal(strict->port_count[SEKISHO_GRAMMAR_WIREGUARD], 2);
	assert_int_equal(strict->ports[SEKISHO_GRAMMAR_WIREGUARD][1], 443);
	assert_int_equal(strict->port_count[SEKISHO_GRAMMAR_DNS], 0);
	assert_int_equal(strict->ports[SEKISHO_GRAMMAR_NTP][0], 1123);
	assert_int_equal(strict->ports[SEKISHO_GRAMMAR_IKE][0], 53);
	config_policy_destroy(config);
	config = good(HEAD);
	strict = &config_policy_spec(config)->strict;
	assert_int_equal(strict->ports[SEKISHO_GRAMMAR_WIREGUARD][0], 51820);
	assert_int_equal(strict->ports[SEKISHO_GRAMMAR_DNS][0], 53);
	assert_int_equal(strict->ports[SEKISHO_GRAMMAR_NTP][0], 123);
	config_policy_destroy(config);
}

static void carriage_returns_are_no_matter(void **state)
{
	struct config_policy *config =
		good("version: 1\r\nsemantics: strict\r\ngroups:\r\n  - name: g\r\n"
		     "    description: |\r\n      one\r\n      two\r\n    ingress:\r\n"
		     "      - protocol: tcp\r\n        ports: 22\r\n        from: 10.0.0.0/8\r\n"
		     "      - {protocol: udp,\r\n         from: 192.0.2.7}\r\n");

	assert_string_equal(config_policy_spec(config)->groups[0].name, "g");
	assert_int_equal(rule_of(config, 0)->line, 9);
	assert_int_equal(rule_of(config, 0)->ports[0].first, 22);
	assert_int_equal(rule_of(config, 1)->line, 12);
	config_policy_destroy(config);
}

static void many_byte_characters(void **state)
{
	static const char text[] =
		HEAD "groups:\n  - name: g\n    description: \xe9\x96\xa2\xe6\x89\x80 \xf0\x9f\x9a\xa7\n"
		     "    ingress:\n      - protocol: tcp\n        description: \xc3\xa9\n"
		     "        from: 10.0.0.0/8 # \xe9\x96\xa2\n        ports: 22\n"
		     "      - {protocol: udp, description: \"\xe9\x96\xa2\", from: 192.0.2.7}\n";
	struct config_policy *config = good(text);
	size_t length;

	assert_int_equal(rule_of(config, 0)->peers[0].address[0], 10);
	assert_int_equal(rule_of(config, 0)->ports[0].first, 22);
	assert_int_equal(rule_of(config, 1)->peers[0].address[3], 7);
	assert_string_equal(config_policy_text(config, &length), text);
	assert_int_equal(length, strlen(text));
	config_policy_destroy(config);
}

/* ---- too much --------------------------------------------------------------------------------- */

static void refused_soon(const char *text, size_t length)
{
	struct config_errors errors = {0};
	double start = seconds();

	assert_null(config_policy_parse("t", text, length, &errors));
	assert_true(seconds() - start < 30);
	assert_true(errors.count > 0);
	config_errors_fini(&errors);
}

static void huge_file_is_not_read(void **state)
{
	char path[] = "/tmp/test_config.XXXXXX";
	int fd = mkstemp(path);
	struct config_errors errors = {0};
	double start;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	close(fd);
	start = seconds();
	assert_null(config_policy_load(path, &errors));
	unlink(path);
	assert_true(seconds() - start < 1);
	assert_non_null(strstr(errors.text, "67108864 bytes, at most 33554432 are allowed"));
	config_errors_fini(&errors);
}

static void bombs_are_refused(void **state)
{
	static const char bomb[] = HEAD "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n";
	size_t depth = 100000;
	char *deep = malloc(depth + sizeof(HEAD) + 16);
	int head = sprintf(deep, "%sgroups: ", HEAD);

	refused_soon(bomb, strlen(bomb));
	memset(deep + head, '[', depth);
	refused_soon(deep, (size_t)head + depth);
	memset(deep + head, '{', depth);
	refused_soon(deep, (size_t)head + depth);
	free(deep);
}

static void byte_order_mark_is_refused(void **state)
{
	static const char text[] = "\xef\xbb\xbf" HEAD;
	struct config_errors errors = {0};

	assert_null(config_policy_parse("t", text, strlen(text), &errors));
	assert_string_equal(errors.text, "t:1:1: error: the file begins with a byte order mark\n");
	config_errors_fini(&errors);
}

/* A list of 5000 blocks that 1000 rules name: 5 million, in 80 kB of text. */
static void references_have_a_bound(void **state)
{
	size_t room = 1 << 18, at;
	char *text = malloc(room);
	struct config_errors errors = {0};

	at = (size_t)sprintf(text, HEAD "prefix_lists:\n  - name: p\n    entries:\n");
	for (unsigned i = 0; i < 5000; i++)
		at += (size_t)snprintf(text + at, room - at, "      - 10.0.%u.%u\n", i >> 8, i & 255);
	at += (size_t)snprintf(text + at, room - at, "groups:\n  - name: g\n    ingress:\n");
	for (unsigned i = 0; i < 1000; i++)
		at += (size_t)snprintf(text + at, room - at,
				       "      - {id: r%u, protocol: tcp, from: prefix_list:p}\n", i);
	assert_null(config_policy_parse("t", text, at, &errors));
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.text, "t:5809:9: error: up to here, the policy stands for "
					    "more than 4000000 blocks"));
	config_errors_fini(&errors);
	free(text);
}

/* All that names something is found in better than quadratic time. */
static void many_endpoints_and_groups(void **state)
{
	const unsigned count = 30000;
	size_t room = count * 128, at;
	char *text = malloc(room);
	struct config_policy *config;
	double start;

	at = (size_t)sprintf(text, HEAD "groups:\n");
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(text + at, room - at,
				       "- {name: g%u, ingress: [{protocol: tcp, from: group:g%u}]}\n", i,
				       count - 1 - i);
	at += (size_t)snprintf(text + at, room - at, "endpoints:\n");
	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(text + at, room - at,
				       "- {name: e%u, addresses: 10.%u.%u.%u, groups: g%u}\n", i,
				       i >> 16, i >> 8 & 255, i & 255, count - 1 - i);
	start = seconds();
	config = good(text);
	print_message("%u groups and endpoints in %.1f s\n", count, seconds() - start);
	assert_true(seconds() - start < 30);
	for (unsigned i = 0; i < count; i += 1000) {
		const struct sekisho_rule_spec *rule = &config_policy_spec(config)->groups[i].rules[0];

		assert_int_equal(rule->peer_count, 1); /* endpoint i carries group count - 1 - i */
		assert_int_equal(rule->peers[0].address[2] << 8 | rule->peers[0].address[3], i);
		assert_false(rule->peer_is_literal[0]);
	}
	config_policy_destroy(config);
	free(text);
}

static void many_rules(void **state)
{
	static const char head[] = HEAD "groups:\n  - name: g\n    ingress:\n";
	size_t room = 300000 * 64 + sizeof(head), at = strlen(head);
	char *text = malloc(room);
	struct config_errors errors = {0};
	struct config_policy *config;
	double start;

	strcpy(text, head);
	for (unsigned i = 0; i < 300000; i++)
		at += (size_t)snprintf(text + at, room - at,
				       "      - {id: r%u, protocol: tcp, from: 10.%u.%u.%u}\n", i,
				       i >> 16, i >> 8 & 255, i & 255);
	start = seconds();
	config = config_policy_parse("t", text, at, &errors);
	print_message("300000 rules: %s in %.1f s\n", config ? "loaded" : errors.text,
		      seconds() - start);
	assert_true(seconds() - start < 60);
	assert_true(config != NULL || errors.count > 0);
	config_policy_destroy(config);
	config_errors_fini(&errors);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(examples_load),
		cmocka_unit_test(appliance_says_what_is_written),
		cmocka_unit_test(one_may_stand_for_a_list),
		cmocka_unit_test(references_resolve),
		cmocka_unit_test(names_stay_when_rules_move),
		cmocka_unit_test(names_of_files_are_text),
		cmocka_unit_test(host_bits_are_cleared),
		cmocka_unit_test(aws_115_preset),
		cmocka_unit_test(strict_20_ports),
		cmocka_unit_test(carriage_returns_are_no_matter),
		cmocka_unit_test(many_byte_characters),
		cmocka_unit_test(huge_file_is_not_read),
		cmocka_unit_test(bombs_are_refused),
		cmocka_unit_test(byte_order_mark_is_refused),
		cmocka_unit_test(references_have_a_bound),
		cmocka_unit_test(many_endpoints_and_groups),
		cmocka_unit_test(many_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
