/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_aws_rules.c: the clauses of aws-like on what rules and network ACLs match, each with the policy
 * that it speaks of. What the files refuse is tests/config's matter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "steps.h"

/* To 169.254.169.123, UDP 123 to 123. */
#define TIME_SERVICE \
	"out bytes 080045000020000100004011fd1cc6336402a9fea97b007b007b000c000023000000"
/* Who has 198.51.100.1; and a neighbour solicitation for 2001:db8::2. */
#define ARP "out bytes 08060001080006040001020202020202c6336402000000000000c6336401"
#define ND                                                                                   \
	"in bytes "                                                                          \
	"86dd6000000000183aff20010db800000000000000000000000120010db80000000000000000000000" \
	"028700ef7c0000000020010db8000000000000000000000002"
/* Two datagrams from UDP port 4000, to 80 and to 81, in two fragments each. */
#define TO_80_FIRST \
	"in bytes 0800450000240007200040110658c6336401c63364020fa00050001800001111111111111111"
#define TO_80_LATER "in bytes 08004500001c000700024011265ec6336401c63364021111111111111111"
#define TO_81_FIRST \
	"in bytes 0800450000240008200040110657c6336401c63364020fa00051001800001111111111111111"
#define TO_81_LATER "in bytes 08004500001c000800024011265dc6336401c63364021111111111111111"

/* ---- rules ------------------------------------------------------------------------------------ */

STEPS(aws_100_what_a_rule_says,
      POLICY(GROUP("{protocol: tcp, ports: 80-90, from: [198.51.100.1], description: web}", "")),
      {0, "in tcp 4000 80 S 1 0 0", "rule-match"}, {0, "in tcp 4000 90 S 1 0 0", "rule-match"},
      {0, "in tcp 4000 79 S 1 0 0", "no-rule"}, {0, "in tcp 4000 91 S 1 0 0", "no-rule"},
      {0, "in udp 4000 80 junk", "no-rule"}, {0, "out tcp 4000 80 S 1 0 0", "no-rule"},
      POLICY(GROUP("{protocol: tcp, ports: 80-90, from: [198.51.100.3]}", "")),
      {0, "in tcp 4001 80 S 1 0 0", "no-rule"})

/* Rules of all groups in one set, in any order; what one admits no other takes back. */
#define TWO_GROUPS(first, second)                                                                 \
	FILE_STEP(STEPS_HEAD "endpoints: [{" STEPS_ENDPOINT ", groups: [" first ", " second       \
			     "]}]\ngroups:\n"                                                     \
			     "  - {name: narrow, ingress: [{protocol: tcp, ports: 22, from: "     \
			     "[203.0.113.0/24]}]}\n"                                              \
			     "  - {name: wide, ingress: [{protocol: tcp, ports: [22, 80], from: " \
			     "[198.51.100.0/24]}]}\n")
STEPS(aws_101_all_rules_are_one_set, TWO_GROUPS("narrow", "wide"),
      {0, "in tcp 4000 22 S 1 0 0", "rule-match"}, {0, "in tcp 4000 80 S 1 0 0", "rule-match"},
      TWO_GROUPS("wide", "narrow"), {0, "in tcp 4001 22 S 1 0 0", "rule-match"},
      {0, "in tcp 4001 23 S 1 0 0", "no-rule"})

STEPS(aws_102_protocols, POLICY(GROUP("{protocol: esp, from: [0.0.0.0/0]}", "")),
      {0, "in proto 50", "rule-match"}, {0, "in proto 51", "no-rule"},
      POLICY(GROUP("{protocol: 51, from: [0.0.0.0/0]}", "")), {0, "in proto 51", "rule-match"},
      {0, "in proto 47", "no-rule"}, POLICY(GROUP(ALL_IN, "")), {0, "in proto 47", "rule-match"},
      {0, "in tcp 4000 1 S 1 0 0", "rule-match"}, {0, "in udp 4000 65535 junk", "rule-match"},
      {0, "in echo 1 1", "rule-match"}, {0, "in proto 254", "rule-match"})

/* Where a rule names no ports or types, all are meant; they mean nothing for other protocols. */
STEPS(aws_103_ports_and_types,
      POLICY(GROUP("{protocol: tcp, from: [0.0.0.0/0]}, {protocol: icmpv6, from: [\"::/0\"]}", "")),
      {0, "in tcp 4000 1 S 1 0 0", "rule-match"}, {0, "in tcp 4000 65535 S 1 0 0", "rule-match"},
      {0, "in6 echo 1 1", "rule-match"}, {0, "in echo 1 1", "no-rule"})

STEPS(aws_104_the_destinations_port,
      POLICY(GROUP("{protocol: udp, ports: 53, from: [0.0.0.0/0]}",
		   "{protocol: udp, ports: 123, to: [0.0.0.0/0]}")),
      {0, "in udp 53 4000 junk", "no-rule"}, {0, "in udp 4000 53 junk", "rule-match"},
      {0, "out udp 123 4000 junk", "no-rule"}, {0, "out udp 4001 123 junk", "rule-match"})

STEPS(aws_105_icmp_types,
      POLICY(GROUP("{protocol: icmp, icmp_type: 8, icmp_code: 0, from: [0.0.0.0/0]}, "
		   "{protocol: icmpv6, icmp_type: 128, from: [\"::/0\"]}",
		   "{protocol: icmp, icmp_type: 3, to: [0.0.0.0/0]}")),
      {0, "in echo 1 1", "rule-match"}, {0, "in reply 2 1", "no-rule"},
      {0, "in6 echo 1 1", "rule-match"}, {0, "in6 reply 2 1", "no-rule"},
      {0, "in error 3 1 udp 1 2", "no-rule"})

/* Any code, and one of several. */
STEPS(aws_105_icmp_codes,
      POLICY(GROUP("{protocol: icmp, icmp_type: 3, from: [0.0.0.0/0]}, "
		   "{protocol: icmp, icmp_type: 11, icmp_code: 0, from: [0.0.0.0/0]}",
		   "")),
      {0, "in error 3 4 udp 1 2", "rule-stateless"}, {0, "in error 3 0 udp 1 2", "rule-stateless"},
      {0, "in error 11 0 udp 1 2", "rule-stateless"}, {0, "in error 11 1 udp 1 2", "no-rule"})

STEPS(aws_107_144_host_bits,
      POLICY("network_acls:\n  - name: n\n    endpoints: [b]\n    ingress: [{number: 1, action: "
	     "allow, "
	     "protocol: udp, from: 198.51.100.99/24}]\n" GROUP(
		     "{protocol: udp, from: [198.51.100.77/24]}", "")),
      {0, "in udp 4000 80 junk", "rule-match"})

STEPS(aws_111_a_prefix_list,
      POLICY("prefix_lists: [{name: p, entries: [203.0.113.0/24, 198.51.100.1, "
	     "\"2001:db8::/64\"]}]\n" GROUP("{protocol: udp, from: [\"prefix_list:p\"]}", "")),
      {0, "in udp 4000 80 junk", "rule-match"}, {0, "in6 udp 4000 80 junk", "rule-match"},
      POLICY("prefix_lists: [{name: p, entries: [203.0.113.0/24]}]\n" GROUP(
	      "{protocol: udp, from: [\"prefix_list:p\"]}", "")),
      {0, "in udp 4001 80 junk", "no-rule"})

STEPS(aws_112_without_rules, POLICY("groups: [{name: g}]\n"), {0, "in udp 4000 80 junk", "no-rule"},
      {0, "out udp 4000 80 junk", "no-rule"}, {0, "in proto 50", "no-rule"},
      {0, "out6 echo 1 1", "no-rule"}, POLICY(GROUP("", ALL_OUT)), /* as AWS makes them */
      {1, "in udp 4000 80 junk", "no-rule"}, {1, "out udp 4001 80 junk", "rule-match"})

/* The peer is another endpoint of the group, or is not. */
#define WITH_PEER(groups)                                                                 \
	FILE_STEP(STEPS_HEAD                                                              \
		  "endpoints:\n  - {" STEPS_ENDPOINT ", groups: [default]}\n"             \
		  "  - {name: a, addresses: [198.51.100.1], groups: [" groups "]}\n"      \
		  "groups:\n  - {name: other}\n  - {name: default, ingress: [{protocol: " \
		  "all, from: [\"group:default\"]}], egress: [" ALL_OUT "]}\n")
STEPS(aws_113_a_group_admits_itself, WITH_PEER("default"), {0, "in udp 4000 80 junk", "rule-match"},
      {0, "in6 udp 4000 80 junk", "no-rule"}, WITH_PEER("other"),
      {0, "in udp 4001 80 junk", "no-rule"})

STEPS(aws_76_115_time_service, POLICY("never_filtered: [aws]\n" GROUP("", "")),
      {0, TIME_SERVICE, "never-filtered"}, {0, "out udp 123 123 junk", "no-rule"},
      POLICY(GROUP("", "")), {0, TIME_SERVICE, "no-rule"})

/* ARP and neighbour discovery always; IGMP and others by the rules. */
STEPS(aws_117_what_keeps_the_wire_alive, POLICY(GROUP("", "")), {0, ARP, "arp"},
      {0, ND, "neighbour-discovery"}, {0, "in proto 2", "no-rule"},
      POLICY(GROUP("{protocol: 2, from: [0.0.0.0/0]}", "")), {0, "in proto 2", "rule-match"})

/* ---- network ACLs ----------------------------------------------------------------------------- */

#define ALLOW(number, what) "{number: " number ", action: allow, " what "}"
#define DENY(number, what)  "{number: " number ", action: deny, " what "}"
#define EVERY_OUT           ALLOW("1", "protocol: all, to: 0.0.0.0/0")

/* A network ACL before groups that are open to the peer, so that what passes is tracked. */
#define ACL(ingress, egress)                                                              \
	POLICY("network_acls:\n  - name: n\n    endpoints: [b]\n    ingress: [" ingress   \
	       "]\n    egress: [" egress                                                  \
	       "]\n" GROUP("{protocol: all, from: [198.51.100.0/24, \"2001:db8::/64\"]}", \
			   "{protocol: all, to: [198.51.100.0/24, \"2001:db8::/64\"]}"))

/* The other endpoint has none, so all of its packets pass. */
#define ACL_FOR(endpoints)                                                            \
	FILE_STEP(STEPS_HEAD "endpoints:\n  - {" STEPS_ENDPOINT ", groups: [g]}\n"    \
			     "  - {name: c, addresses: [203.0.113.9], groups: [g]}\n" \
			     "network_acls: [{name: n, endpoints: [" endpoints        \
			     "]}]\n" GROUP("{protocol: udp, from: [198.51.100.0/24]}", ""))
STEPS(aws_131_137_one_for_many, ACL_FOR("c"), {0, "in udp 4000 80 junk", "rule-match"},
      ACL_FOR("b, c"), {0, "in udp 4001 80 junk", "network-acl"})

STEPS(aws_133_what_an_entry_says,
      ACL(ALLOW("5", "protocol: tcp, ports: 80-90, from: 198.51.100.1/32"),
	  DENY("5", "protocol: udp, ports: 53, to: 198.51.100.0/24") ", " ALLOW(
		  "6", "protocol: udp, to: 198.51.100.0/24")),
      {0, "in tcp 4000 80 S 1 0 0", "rule-match"}, {0, "in tcp 4000 91 S 1 0 0", "network-acl"},
      {0, "in udp 4000 80 junk", "network-acl"}, {0, "out udp 4000 53 junk", "network-acl"},
      {0, "out udp 4000 54 junk", "rule-match"}, {0, "out tcp 4001 80 S 1 0 0", "network-acl"})

STEPS(aws_134_protocols_without_ports,
      ACL(ALLOW("1", "protocol: 50, from: 0.0.0.0/0") ", " ALLOW("2",
								 "protocol: icmp, from: 0.0.0.0/0"),
	  EVERY_OUT),
      {0, "in proto 50", "rule-match"}, {0, "in proto 51", "network-acl"},
      {0, "in echo 1 1", "rule-match"}, {0, "out proto 47", "rule-match"},
      {0, "out udp 4000 1 junk", "rule-match"})

/* AWS-137: nor does one without entries. */
STEPS(aws_135_what_none_matches, ACL(ALLOW("1", "protocol: udp, ports: 80, from: 0.0.0.0/0"), ""),
      {0, "in udp 4000 80 junk", "rule-match"}, {0, "in udp 4000 81 junk", "network-acl"},
      {0, "out udp 4000 80 junk", "network-acl"}, ACL("", ""),
      {0, "in udp 4001 80 junk", "network-acl"}, {0, "out6 udp 4001 80 junk", "network-acl"})

STEPS(aws_136_the_default_one,
      ACL(ALLOW("100",
		"protocol: all, from: 0.0.0.0/0") ", " ALLOW("101",
							     "protocol: all, from: \"::/0\""),
	  ALLOW("100", "protocol: all, to: 0.0.0.0/0") ", " ALLOW("101",
								  "protocol: all, to: \"::/0\"")),
      {0, "in udp 4000 80 junk", "rule-match"}, {0, "in6 udp 4000 80 junk", "rule-match"},
      {0, "out proto 47", "rule-match"}, {0, "out6 echo 1 1", "rule-match"})

STEPS(aws_139_each_family, ACL(ALLOW("1", "protocol: all, from: 0.0.0.0/0"), EVERY_OUT),
      {0, "in udp 4000 80 junk", "rule-match"}, {0, "in6 udp 4000 80 junk", "network-acl"},
      {0, "out6 udp 4001 80 junk", "network-acl"})

STEPS(aws_140_never_filtered,
      POLICY("never_filtered: [aws]\nnetwork_acls: [{name: n, endpoints: [b]}]\n" GROUP("", "")),
      {0, TIME_SERVICE, "never-filtered"}, {0, "out udp 123 123 junk", "no-rule"})

/* Nothing is automatic: not even the error that a live flow would relate. */
STEPS(aws_141_errors_need_entries, ACL(ALLOW("1", "protocol: udp, from: 0.0.0.0/0"), EVERY_OUT),
      {0, "out udp 4000 99 junk", "rule-match"}, {1, "in error 3 4 udp 4000 99", "network-acl"},
      ACL(ALLOW("1", "protocol: udp, from: 0.0.0.0/0") ", " ALLOW(
		  "2", "protocol: icmp, icmp_type: 3, icmp_code: 4, from: 0.0.0.0/0"),
	  EVERY_OUT),
      {2, "in error 3 4 udp 4000 99", "icmp-related"},
      {3, "in error 3 3 udp 4000 99", "network-acl"})

/* The first has the ports; what becomes of it becomes of the others. */
STEPS(aws_142_later_fragments,
      ACL(ALLOW("1", "protocol: udp, ports: 80, from: 0.0.0.0/0"), EVERY_OUT),
      {0, TO_80_FIRST, "rule-match"}, {1, TO_80_LATER, "flow-originator"},
      {2, TO_81_FIRST, "network-acl"}, {3, TO_81_LATER, "fragment-refused"})

/* A narrow denial that comes later by number does nothing, whatever its place in the file. */
STEPS(aws_146_the_first_that_matches,
      ACL(DENY("20", "protocol: tcp, ports: 80, from: 198.51.100.1/32") ", " ALLOW(
		  "10", "protocol: tcp, from: 0.0.0.0/0"),
	  EVERY_OUT),
      {0, "in tcp 4000 80 S 1 0 0", "rule-match"},
      ACL(DENY("5", "protocol: tcp, ports: 80, from: 198.51.100.1/32") ", " ALLOW(
		  "10", "protocol: tcp, from: 0.0.0.0/0"),
	  EVERY_OUT),
      {1, "in tcp 4001 80 S 1 0 0", "network-acl"}, {1, "in tcp 4001 81 S 1 0 0", "rule-match"})

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aws_100_what_a_rule_says),
		cmocka_unit_test(aws_101_all_rules_are_one_set),
		cmocka_unit_test(aws_102_protocols),
		cmocka_unit_test(aws_103_ports_and_types),
		cmocka_unit_test(aws_104_the_destinations_port),
		cmocka_unit_test(aws_105_icmp_types),
		cmocka_unit_test(aws_105_icmp_codes),
		cmocka_unit_test(aws_107_144_host_bits),
		cmocka_unit_test(aws_111_a_prefix_list),
		cmocka_unit_test(aws_112_without_rules),
		cmocka_unit_test(aws_113_a_group_admits_itself),
		cmocka_unit_test(aws_76_115_time_service),
		cmocka_unit_test(aws_117_what_keeps_the_wire_alive),
		cmocka_unit_test(aws_131_137_one_for_many),
		cmocka_unit_test(aws_133_what_an_entry_says),
		cmocka_unit_test(aws_134_protocols_without_ports),
		cmocka_unit_test(aws_135_what_none_matches),
		cmocka_unit_test(aws_136_the_default_one),
		cmocka_unit_test(aws_139_each_family),
		cmocka_unit_test(aws_140_never_filtered),
		cmocka_unit_test(aws_141_errors_need_entries),
		cmocka_unit_test(aws_142_later_fragments),
		cmocka_unit_test(aws_146_the_first_that_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
