/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_export.c: a policy exported to AWS's words and imported again decides as it did: shown by random
 * packets, drawn from the addresses and ports that the policy itself names, through an engine for each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws_quota.h"
#include "config.h"
#include "export_aws.h"
#include "import_aws.h"

#define PACKETS    4000
#define POINTS_MAX 512

/* ---- there and back --------------------------------------------------------------------------- */

static struct config_policy *parse(const char *name, const char *text)
{
	struct config_errors errors = {0};
	struct config_policy *config = config_policy_parse(name, text, strlen(text), &errors);

	if (config == NULL)
		fail_msg("%s: %s", name, errors.text);
	return config;
}

/* The policy that comes of exporting and importing; malloc'd. */
static char *round_trip(const char *name, const char *text)
{
	struct config_policy *config = parse(name, text);
	struct import *import = import_aws_create();
	struct remarks remarks = {0};
	json_t *document = export_aws(config, &remarks);
	struct import_source source = {.name = name};
	char *json, *back;
	const char *policy;
	size_t length;

	assert_non_null(document);
	json = json_dumps(document, JSON_INDENT(4));
	source.text = json;
	source.length = strlen(json);
	import_aws_add(import, &source);
	policy = import_aws_policy(import, &length);
	if (policy == NULL)
		fail_msg("%s: not imported again: %s", name,
			 import_aws_remarks(import)->items[0].text);
	back = strdup(policy);
	free(json);
	json_decref(document);
	remarks_fini(&remarks);
	import_aws_destroy(import);
	config_policy_destroy(config);
	return back;
}

/* ---- packets ---------------------------------------------------------------------------------- */

/* What a policy names, to draw packets from. */
struct points {
	struct sekisho_prefix locals[POINTS_MAX], peers[POINTS_MAX];
	uint16_t ports[POINTS_MAX];
	uint16_t protocols[POINTS_MAX];
	size_t local_count, peer_count, port_count, protocol_count;
};

static void points_add_rule(struct points *points, const struct sekisho_rule_spec *rule)
{
	for (size_t i = 0; i < rule->peer_count && points->peer_count < POINTS_MAX; i++)
		points->peers[points->peer_count++] = rule->peers[i];
	for (size_t i = 0; i < rule->port_count && points->port_count + 4 < POINTS_MAX; i++) {
		points->ports[points->port_count++] = rule->ports[i].first;
		points->ports[points->port_count++] = rule->ports[i].last;
		points->ports[points->port_count++] = (uint16_t)(rule->ports[i].first - 1);
		points->ports[points->port_count++] = (uint16_t)(rule->ports[i].last + 1);
	}
	if (points->protocol_count < POINTS_MAX && rule->protocol < 256)
		points->protocols[points->protocol_count++] = rule->protocol;
}

static void points_gather(struct points *points, const struct sekisho_policy_spec *spec)
{
	static const uint16_t protocols[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE,
		IPPROTO_ESP, 89};
	static const struct sekisho_prefix everywhere[] = {{.family = 4}, {.family = 6}};

	*points = (struct points){0};
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		points->protocols[points->protocol_count++] = protocols[i];
	for (size_t i = 0; i < 2; i++) {
		points->locals[points->local_count++] = everywhere[i];
		points->peers[points->peer_count++] = everywhere[i];
	}
	points->ports[points->port_count++] = 500;
	for (size_t e = 0; e < spec->endpoint_count; e++) {
		const struct sekisho_endpoint_spec *endpoint = &spec->endpoints[e];

		for (size_t i = 0; i < endpoint->address_count && points->local_count < POINTS_MAX;
		     i++)
			points->locals[points->local_count++] = endpoint->addresses[i];
	}
	for (size_t g = 0; g < spec->group_count; g++) {
		for (size_t r = 0; r < spec->groups[g].rule_count; r++)
			points_add_rule(points, &spec->groups[g].rules[r]);
	}
	for (size_t a = 0; a < spec->acl_count; a++) {
		for (size_t r = 0; r < spec->acls[a].entry_count; r++)
			points_add_rule(points, &spec->acls[a].entries[r].match);
		for (size_t s = 0; s < spec->acls[a].subnet_count; s++) {
			if (points->peer_count < POINTS_MAX)
				points->peers[points->peer_count++] = spec->acls[a].subnets[s];
		}
	}
}

static unsigned draw(unsigned *seed, size_t below)
{
	return (unsigned)((size_t)rand_r(seed) % below);
}

/* An address of the block. */
static void draw_address(unsigned *seed, const struct sekisho_prefix *block, uint8_t *address)
{
	memcpy(address, block->address, 16);
	for (unsigned bit = block->length; bit < (block->family == 4 ? 32u : 128u); bit++)
		address[bit / 8] |= (uint8_t)(draw(seed, 2) << (7 - bit % 8));
}

/* One of a family out of a list; all zero, which is an address as well, if there is none. */
static void draw_of_family(unsigned *seed, const struct sekisho_prefix *list, size_t count,
			   uint8_t family, uint8_t *address)
{
	const struct sekisho_prefix *block;

	do {
		block = &list[draw(seed, count)];
	} while (block->family != family);
	draw_address(seed, block, address);
}

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void header_checksum(uint8_t *header)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(header + 10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
}

static unsigned draw_port(unsigned *seed, const struct points *points)
{
	return draw(seed, 3) == 0 ? draw(seed, 65536)
				  : points->ports[draw(seed, points->port_count)];
}

/* Ports, or type and code, and for TCP flags of an opening more often than not. */
static void draw_layer4(unsigned *seed, const struct points *points, unsigned protocol, uint8_t *to)
{
	static const uint8_t types[] = {0, 3, 8, 11, 128, 129, 2, 1};

	memset(to, 0, 32);
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) {
		to[0] = types[draw(seed, sizeof(types))];
		to[1] = (uint8_t)draw(seed, 5);
		put16(to + 4, draw(seed, 4));
		return;
	}
	put16(to, draw_port(seed, points));
	put16(to + 2, draw_port(seed, points));
	if (protocol == IPPROTO_UDP)
		put16(to + 4, 32);
	if (protocol == IPPROTO_TCP) {
		to[12] = 0x80;
		to[13] = draw(seed, 3) == 0 ? 0x10 : 0x02;
		put16(to + 14, 0xffff);
	}
}

/* A frame of 14 + 20 or 40 + 32 bytes; returns its length. */
static uint32_t draw_frame(unsigned *seed, const struct points *points, uint8_t *frame,
			   struct sekisho_frame *out)
{
	uint8_t family = draw(seed, 3) == 0 ? 6 : 4, local[16], peer[16];
	unsigned protocol = points->protocols[draw(seed, points->protocol_count)];
	bool ingress = draw(seed, 2);
	uint8_t *ip = frame + 14;
	unsigned width = family == 4 ? 4 : 16, header = family == 4 ? 20 : 40;

	memset(frame, 0, 14 + header);
	draw_of_family(seed, points->locals, points->local_count, family, local);
	draw_of_family(seed, draw(seed, 4) ? points->peers : points->locals,
		       points->peer_count < points->local_count ? points->peer_count
								: points->local_count,
		       family, peer);
	put16(frame + 12, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4) {
		ip[0] = 0x45;
		put16(ip + 2, header + 32);
		put16(ip + 4, draw(seed, 65536));
		ip[8] = 64;
		ip[9] = (uint8_t)protocol;
	} else {
		ip[0] = 0x60;
		put16(ip + 4, 32);
		ip[6] = (uint8_t)protocol;
		ip[7] = 64;
	}
	memcpy(ip + (family == 4 ? 12 : 8), ingress ? peer : local, width);
	memcpy(ip + (family == 4 ? 12 : 8) + width, ingress ? local : peer, width);
	if (family == 4)
		header_checksum(ip);
	draw_layer4(seed, points, protocol, ip + header);
	out->direction = ingress ? SEKISHO_INGRESS : SEKISHO_EGRESS;
	return 14 + header + 32;
}

/* ---- engines ---------------------------------------------------------------------------------- */

struct judge {
	struct config_policy *config;
	struct sekisho_rule_names *names;
	struct sekisho_policy *policy;
	struct sekisho_engine *engine;
};

static void judge_init(struct judge *judge, const char *name, const char *text)
{
	struct sekisho_engine_config config = {.flows = 4096, .zones = 1};
	const struct sekisho_policy_spec *spec;
	char message[256] = "";

	judge->config = parse(name, text);
	spec = config_policy_spec(judge->config);
	judge->names = sekisho_rule_names_create(sekisho_policy_spec_names(spec));
	judge->policy = sekisho_policy_create(spec, judge->names, message, sizeof(message));
	if (judge->policy == NULL)
		fail_msg("%s: %s", name, message);
	config.names = judge->names;
	judge->engine = sekisho_engine_create(&config, message, sizeof(message));
	assert_non_null(judge->engine);
	sekisho_engine_set_policy(judge->engine, 0, judge->policy);
}

static void judge_fini(struct judge *judge)
{
	sekisho_engine_destroy(judge->engine);
	sekisho_policy_destroy(judge->policy);
	sekisho_rule_names_destroy(judge->names);
	config_policy_destroy(judge->config);
}

/* How often each reason was met, over all policies: a test of nothing but drops would show nothing. */
static unsigned met[SEKISHO_REASON_COUNT];

/* How many of the packets two policies judge differently. */
static unsigned differences(const char *name, const char *before, const char *after)
{
	struct judge judges[2];
	struct points points;
	unsigned seed = 7, differ = 0;

	judge_init(&judges[0], name, before);
	judge_init(&judges[1], name, after);
	points_gather(&points, config_policy_spec(judges[0].config));
	for (uint32_t i = 0; i < PACKETS; i++) {
		uint8_t bytes[128];
		struct sekisho_frame frame = {.data = bytes};
		struct sekisho_verdict verdicts[2];

		frame.captured = frame.length = draw_frame(&seed, &points, bytes, &frame);
		for (int j = 0; j < 2; j++)
			sekisho_engine_burst(judges[j].engine, i * 20, &frame, 1, &verdicts[j]);
		differ += verdicts[0].action != verdicts[1].action ||
			  verdicts[0].reason != verdicts[1].reason;
		met[verdicts[0].reason]++;
	}
	judge_fini(&judges[0]);
	judge_fini(&judges[1]);
	return differ;
}

static void check(const char *name, const char *text)
{
	char *back = round_trip(name, text), *again;
	unsigned differ = differences(name, text, back);

	if (differ > 0)
		fail_msg("%s: %u of %d packets are judged differently\n%s", name, differ, PACKETS,
			 back);
	again = round_trip(name, back);
	assert_string_equal(back, again);
	free(back);
	free(again);
}

/* ---- policies --------------------------------------------------------------------------------- */

static char *file_read(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text;
	size_t length;

	if (file == NULL)
		return NULL;
	text = malloc(1 << 20);
	length = fread(text, 1, (1 << 20) - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

static void imported_policies_come_back(void **state)
{
	DIR *cases = opendir(SOURCE_ROOT "/tests/import");
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(cases);
	while ((entry = readdir(cases)) != NULL) {
		char path[1024], *text;

		snprintf(path, sizeof(path), SOURCE_ROOT "/tests/import/%s/policy.yaml",
			 entry->d_name);
		text = file_read(path);
		if (text == NULL)
			continue;
		check(entry->d_name, text);
		free(text);
		count++;
	}
	closedir(cases);
	assert_true(count >= 20);
}

#define HEAD "version: 1\nsemantics: aws-like\n"

/* What an import never writes and a person does. */
static const struct {
	const char *name, *text;
} written[] = {
	{"ports and peers in lists", HEAD
	 "endpoints:\n  - {name: a b/c, addresses: [10.0.0.0/24, \"2001:db8::/64\"], groups: [g, "
	 "h]}\n"
	 "groups:\n  - name: g\n    ingress:\n"
	 "      - {id: many, protocol: tcp, ports: [22, 80-90, 443], from: [192.0.2.0/24, "
	 "\"::/0\"]}\n"
	 "      - {protocol: tcp, ports: 22, from: [192.0.2.0/24], description: the same once "
	 "more}\n"
	 "      - {protocol: icmp, icmp_type: 3, from: 0.0.0.0/0}\n"
	 "      - {protocol: \"6\", ports: 0-65535, from: \"group:h\"}\n"
	 "  - name: h\n    egress:\n      - {protocol: -1, to: [0.0.0.0/0, \"prefix_list:p q\"]}\n"
	 "prefix_lists:\n  - {name: p q, description: lost, entries: [10.1.2.3, "
	 "\"2001:db8::/32\"]}\n"},
	{"untracked", HEAD
	 "endpoints:\n  - {name: a, addresses: 10.0.0.1, groups: g}\n"
	 "  - {name: b, addresses: 10.0.0.2, groups: g, auto_tracked: true}\n"
	 "groups:\n  - name: g\n    ingress:\n      - {protocol: tcp, ports: 80, from: 0.0.0.0/0}\n"
	 "    egress:\n      - {protocol: all, to: 0.0.0.0/0}\n"},
	{"timeouts",
	 HEAD "timeouts: {tcp_established: 60, udp: 40, udp_stream: 60}\n"
	      "endpoints:\n  - {name: a, addresses: 10.0.0.1, groups: g, timeouts: {udp: 60}}\n"
	      "  - {name: b, addresses: 10.0.0.2, groups: g}\n"
	      "groups:\n  - name: g\n    egress:\n      - {protocol: all, to: 0.0.0.0/0}\n"},
	{"network ACLs", HEAD
	 "endpoints:\n  - {name: a, addresses: 10.0.0.1, groups: g}\n"
	 "  - {name: b, addresses: [10.0.1.1, \"2001:db8::1\"], groups: g}\n"
	 "network_acls:\n  - name: n\n    endpoints: [a]\n    subnets: [10.0.0.0/24]\n    "
	 "ingress:\n"
	 "      - {number: 20, action: allow, protocol: all, from: 0.0.0.0/0}\n"
	 "      - {number: 10, action: deny, protocol: tcp, ports: [22, 80-90], from: [10.0.0.0/8, "
	 "192.0.2.0/24]}\n"
	 "    egress:\n      - {number: 32766, action: allow, protocol: udp, to: [0.0.0.0/0]}\n"
	 "  - name: m\n    endpoints: [b]\n    ingress:\n"
	 "      - {number: 1, action: allow, protocol: tcp, ports: [1, 2, 3], from: [10.0.0.0/8]}\n"
	 "      - {number: 2, action: deny, protocol: icmp, icmp_type: 8, from: [0.0.0.0/0], "
	 "description: lost}\n"
	 "      - {number: 3, action: allow, protocol: all, from: [0.0.0.0/0, \"::/0\"]}\n"
	 "groups:\n  - name: g\n    ingress:\n      - {protocol: all, from: [0.0.0.0/0, "
	 "\"::/0\"]}\n"
	 "    egress:\n      - {protocol: all, to: [0.0.0.0/0, \"::/0\"]}\n"},
	{"one id for all", HEAD
	 "endpoints:\n  - {name: a, id: sg-1, addresses: 10.0.0.1, groups: g}\n"
	 "  - {name: b, id: sg-1, addresses: 10.0.0.2, groups: h}\n"
	 "groups:\n  - name: g\n    id: sg-1\n    ingress:\n      - {protocol: tcp, from: "
	 "\"group:h\"}\n"
	 "  - name: h\n    id: sg-1\n    ingress:\n      - {protocol: udp, from: \"group:g\"}\n"
	 "  - name: sg-1\n    ingress:\n      - {protocol: icmp, from: \"group:g\"}\n"
	 "  - name: network-acl:x\n    ingress:\n      - {id: sgr-1, protocol: icmp, from: "
	 "[\"group:g\", 10.0.0.0/8]}\n"},
};

static void written_policies_come_back(void **state)
{
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		check(written[i].name, written[i].text);
}

static void all_reasons_were_met(void **state)
{
	assert_true(met[SEKISHO_REASON_RULE_MATCH] > 1000);
	assert_true(met[SEKISHO_REASON_NO_RULE] > 1000);
	assert_true(met[SEKISHO_REASON_NETWORK_ACL] > 100);
	/* and the packets tell policies apart that differ in one word */
	assert_true(differences("one port", written[1].text,
				HEAD "endpoints:\n  - {name: a, addresses: 10.0.0.1, groups: g}\n"
				     "  - {name: b, addresses: 10.0.0.2, groups: g}\n"
				     "groups:\n  - name: g\n    ingress:\n"
				     "      - {protocol: tcp, ports: 81, from: 0.0.0.0/0}\n"
				     "    egress:\n      - {protocol: all, to: 0.0.0.0/0}\n") > 0);
}

/* ---- what is told ----------------------------------------------------------------------------- */

static void what_aws_lacks_is_told(void **state)
{
	static const char *const paths[] = {"semantics",
					    "aws.tcp_pickup",
					    "never_filtered",
					    "limits",
					    "timeouts",
					    "endpoints[0]",
					    "groups[0]",
					    "prefix_lists[0].description",
					    "network_acls[0].ingress"};
	struct config_policy *config =
		parse("lacks", "version: 1\nsemantics: strict\naws: {tcp_pickup: "
			       "false}\nnever_filtered: [10.0.0.53]\n"
			       "limits: {half_open_percent: 10}\ntimeouts: {icmp: 5, udp: 40}\n"
			       "endpoints:\n  - {name: a, addresses: [10.0.0.1], groups: g, "
			       "timeouts: {tcp_closed: 1}}\n"
			       "groups:\n  - name: g\n    ingress:\n      - {id: mine, protocol: "
			       "tcp, from: 10.0.0.0/8}\n"
			       "prefix_lists:\n  - {name: p, description: x, entries: []}\n"
			       "network_acls:\n  - name: n\n    endpoints: []\n    ingress:\n"
			       "      - {number: 1, action: deny, protocol: all, from: 0.0.0.0/0, "
			       "description: y}\n");
	struct remarks remarks = {0};
	json_t *document = export_aws(config, &remarks);

	assert_non_null(document);
	for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
		bool told = false;

		for (size_t i = 0; i < remarks.count; i++)
			told |= remarks.items[i].kind == REMARK_LEFT_OUT &&
				strcmp(remarks.items[i].path, paths[p]) == 0;
		if (!told)
			fail_msg("nothing is said of %s", paths[p]);
	}
	assert_int_equal(remarks.of_kind[REMARK_LEFT_OUT], sizeof(paths) / sizeof(paths[0]));
	json_decref(document);
	remarks_fini(&remarks);
	config_policy_destroy(config);
}

/* `count` blocks, one a line or in one list. */
static void print_blocks(FILE *to, unsigned count, const char *before, const char *after)
{
	for (unsigned i = 0; i < count; i++)
		fprintf(to, "%s10.%u.%u.0/24%s", before, i / 256, i % 256, after);
}

/* A policy that is at each quota, or over each by one. */
static char *quota_policy(unsigned over)
{
	size_t length;
	char *text;
	FILE *to = open_memstream(&text, &length);

	fprintf(to,
		HEAD "endpoints:\n  - {name: z, addresses: 10.0.0.1, groups: [g, a, b, c, d%s]}\n",
		over ? ", e" : "");
	fputs("prefix_lists:\n  - name: full\n    entries:\n", to);
	print_blocks(to, 1000 + over, "      - ", "\n");
	fputs("  - {name: two, entries: [10.0.0.0/8, 11.0.0.0/8]}\n", to);
	fputs("network_acls:\n  - name: n\n    endpoints: []\n    egress:\n", to);
	fputs("      - {number: 1, action: deny, protocol: tcp, ports: [1, 2], to: [", to);
	print_blocks(to, 10 + over, "", ", ");
	fputs("]}\ngroups:\n  - {name: a}\n  - {name: b}\n  - {name: c}\n  - {name: d}\n", to);
	fputs("  - {name: e}\n  - name: g\n    ingress:\n", to);
	/* 2 x (1 + 1 + 2) of the references, and blocks up to 60 */
	fputs("      - {protocol: tcp, ports: [1, 2], from: [\"group:a\", \"group:b\", "
	      "\"prefix_list:two\"]}\n      - {protocol: udp, from: [",
	      to);
	print_blocks(to, 52 + over, "", ", ");
	fputs("]}\n    egress:\n      - {protocol: all, to: [", to);
	for (unsigned i = 0; i < 60 + over; i++)
		fprintf(to, "\"2001:db8:%x::/48\", ", i);
	fputs("]}\n", to);
	fclose(to);
	return text;
}

static void quotas_are_notes(void **state)
{
	static const char *const paths[] = {"groups[5].ingress", "groups[5].egress",
					    "endpoints[0].groups", "prefix_lists[0].entries",
					    "network_acls[0].egress"};

	for (unsigned over = 0; over < 2; over++) {
		char *text = quota_policy(over);
		struct config_policy *config = parse("quota", text);
		struct remarks remarks = {0};

		aws_quota_tell(config, &remarks);
		assert_int_equal(remarks.count, over ? 5 : 0);
		for (size_t i = 0; i < remarks.count; i++) {
			assert_int_equal(remarks.items[i].kind, REMARK_NOTE);
			assert_string_equal(remarks.items[i].path, paths[i]);
		}
		remarks_fini(&remarks);
		config_policy_destroy(config);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imported_policies_come_back),
		cmocka_unit_test(written_policies_come_back),
		cmocka_unit_test(all_reasons_were_met),
		cmocka_unit_test(what_aws_lacks_is_told),
		cmocka_unit_test(quotas_are_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
