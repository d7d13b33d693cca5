/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * policy_spec.h: what a policy is made from: addresses, rules, groups, network ACLs, endpoints and settings, as
 * plain data; the first part of sekisho.h, which includes it.
 */
#ifndef SEKISHO_POLICY_SPEC_H
#define SEKISHO_POLICY_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Addresses -------------------------------------------------------------------------------- */

enum sekisho_family { SEKISHO_IPV4 = 4, SEKISHO_IPV6 = 6 };

/* An address block. IPv4 uses address[0..3]; the rest is zero. Bits past `length` are zero. */
struct sekisho_prefix {
	uint8_t address[16]; /* network order */
	uint8_t family;      /* enum sekisho_family */
	uint8_t length;      /* 0..32 or 0..128 */
};

/* Whether an address, 16 bytes with IPv4 in the first 4, lies in a block. Any thread. */
bool sekisho_prefix_holds(const struct sekisho_prefix *prefix, uint8_t family,
			  const uint8_t *address);

enum sekisho_direction { SEKISHO_EGRESS = 0, SEKISHO_INGRESS = 1 };

/* "egress" or "ingress". Any thread. */
const char *sekisho_direction_word(enum sekisho_direction direction);

/* ---- What a policy is made from --------------------------------------------------------------- */

enum sekisho_semantics { SEKISHO_AWS_LIKE = 0, SEKISHO_STRICT = 1 };

/* "aws-like" or "strict". Any thread. */
const char *sekisho_semantics_word(enum sekisho_semantics semantics);

/*
 * The idle timers: (ID, name in the policy file, default aws-like, default strict, min, max), seconds.
 * Sources: AWS-42, AWS-49a (aws-like), STRICT-16, 23, 41 (strict), RFC 5382 and RFC 4787 (bounds).
 */
/* clang-format off */
#define SEKISHO_TIMEOUTS(X) \
	X(TCP_SYN_SENT,     "tcp_syn_sent",     120,    30,   1, 600) \
	X(TCP_SYN_RECEIVED, "tcp_syn_received", 60,     30,   1, 600) \
	X(TCP_ESTABLISHED,  "tcp_established",  432000, 7440, 60, 432000) \
	X(TCP_FIN_WAIT,     "tcp_fin_wait",     120,    120,  1, 600) \
	X(TCP_CLOSE_WAIT,   "tcp_close_wait",   60,     60,   1, 600) \
	X(TCP_LAST_ACK,     "tcp_last_ack",     30,     30,   1, 600) \
	X(TCP_TIME_WAIT,    "tcp_time_wait",    120,    120,  1, 600) \
	X(TCP_CLOSED,       "tcp_closed",       10,     10,   1, 600) \
	X(UDP,              "udp",              30,     30,   30, 60) \
	X(UDP_STREAM,       "udp_stream",       180,    180,  60, 180) \
	X(ICMP,             "icmp",             30,     30,   1, 600) \
	X(OTHER,            "other",            600,    600,  600, 600)
/* clang-format on */

enum sekisho_timeout {
#define X(id, ...) SEKISHO_TIMEOUT_##id,
	SEKISHO_TIMEOUTS(X)
#undef X
		SEKISHO_TIMEOUT_COUNT
};

/* One row of SEKISHO_TIMEOUTS, in seconds; `initial` is indexed by enum sekisho_semantics. */
struct sekisho_timeout_info {
	const char *name;
	uint32_t initial[2];
	uint32_t min, max;
};

/* The table above, SEKISHO_TIMEOUT_COUNT entries. Any thread. */
extern const struct sekisho_timeout_info sekisho_timeouts[];

#define SEKISHO_PROTOCOL_ALL 256 /* a rule's protocol: any */
#define SEKISHO_ICMP_ANY     (-1) /* a rule's ICMP type or code: any */

struct sekisho_port_range {
	uint16_t first, last; /* host order, first <= last */
};

/* One rule of a group. The peer is the source of ingress and the destination of egress. */
struct sekisho_rule_spec {
	const char *name; /* "group/id", unique in the policy and stable across reloads */
	const char *file; /* where it was written, for explanations; may be NULL */
	uint32_t line;
	uint8_t direction;                        /* enum sekisho_direction */
	uint16_t protocol;                        /* 0..255 or SEKISHO_PROTOCOL_ALL */
	int16_t icmp_type, icmp_code;             /* 0..255 or SEKISHO_ICMP_ANY; ICMP, ICMPv6 only */
	const struct sekisho_port_range *ports;   /* destination ports; none means all; TCP, UDP only */
	size_t port_count;
	const struct sekisho_prefix *peers;       /* at least one; references already resolved */
	const bool *peer_is_literal;              /* peers[i] was a CIDR in the rule itself (AWS-19) */
	size_t peer_count;
};

struct sekisho_group_spec {
	const char *name;
	const struct sekisho_rule_spec *rules;
	size_t rule_count;
};

/* One entry of a network ACL (AWS-132, 133): the first that matches, by number, decides. */
struct sekisho_acl_entry_spec {
	struct sekisho_rule_spec match;
	uint16_t number; /* 1..32766 */
	bool deny;
};

/* Judges every packet, flow or no flow: before the groups on ingress, after them on egress (AWS-145). */
struct sekisho_acl_spec {
	const char *name;
	const struct sekisho_acl_entry_spec *entries; /* in any order; what none matches is denied */
	size_t entry_count;
	const struct sekisho_prefix *subnets; /* peers in these are not judged (AWS-130) */
	size_t subnet_count;
};

struct sekisho_endpoint_spec {
	const char *name;
	const struct sekisho_prefix *addresses; /* no two endpoints' may overlap */
	size_t address_count;
	const uint16_t *groups; /* indices into the policy's groups; rules of all are OR-ed (AWS-101) */
	size_t group_count;
	uint16_t acl; /* index of the policy's network ACL for it, plus one; 0: none */
	uint32_t timeouts[SEKISHO_TIMEOUT_COUNT]; /* seconds; 0 takes the policy's */
	bool auto_tracked;                        /* AWS-20: never untracked */
};

/* What "strict" can be told. Each knob's clause is in its comment. */
enum sekisho_symmetric_udp { SEKISHO_SYMMETRIC_RULE, SEKISHO_SYMMETRIC_TUPLE }; /* STRICT-22 */
enum sekisho_esp { SEKISHO_ESP_RULE, SEKISHO_ESP_FOLLOWS_IKE };                 /* STRICT-40 */

/*
 * UDP protocols whose packets prove themselves (STRICT-20): (ID, name in the policy file, default
 * port, what an answer is known by, the clause that says so).
 */
/* clang-format off */
#define SEKISHO_GRAMMARS(X) \
	X(IKE,       "ike",       500,   "the SPIs of IKE",             "STRICT-33") \
	X(NAT_T,     "nat_t",     4500,  "a live IKE SA",               "STRICT-37") \
	X(WIREGUARD, "wireguard", 51820, "WireGuard's indices",         "STRICT-50") \
	X(DNS,       "dns",       53,    "the query's id and question", "STRICT-51") \
	X(NTP,       "ntp",       123,   "NTP's origin timestamp",      "STRICT-52")
/* clang-format on */

enum sekisho_grammar {
#define X(id, name, port, known_by, clause) SEKISHO_GRAMMAR_##id,
	SEKISHO_GRAMMARS(X)
#undef X
		SEKISHO_GRAMMAR_COUNT
};

#define SEKISHO_GRAMMAR_PORTS 4 /* ports a grammar may be spoken on */

struct sekisho_strict_spec {
	enum sekisho_symmetric_udp symmetric_udp;
	enum sekisho_esp esp;
	bool verify_checksums; /* STRICT-73 */
	/* ports[g][0..port_count[g]-1]: host order; a count of 0 turns that grammar off */
	uint16_t ports[SEKISHO_GRAMMAR_COUNT][SEKISHO_GRAMMAR_PORTS];
	uint8_t port_count[SEKISHO_GRAMMAR_COUNT];
};

/* What "aws-like" can be told: AWS's unknowns, with our choices as defaults. */
struct sekisho_aws_spec {
	bool tcp_pickup; /* AWS-80: a mid-stream segment that a rule admits opens a flow; default true */
};

/* Ceilings on what is new; 0 means none. A *source* is the address that opened the flow. */
struct sekisho_limits_spec {
	uint32_t half_open_percent;    /* half-open flows, of the table, 1..100; STRICT-17 */
	uint32_t half_open_per_source; /* half-open flows of one source */
	uint32_t flows_per_source;     /* flows of one source, whatever their state */
};

/* How packets are matched against rules. Both give the same answers. */
enum sekisho_matcher {
	SEKISHO_MATCHER_LINEAR,  /* one rule after the other */
	SEKISHO_MATCHER_COMPILED /* DPDK's rte_acl; the caller has initialised EAL */
};

struct sekisho_policy_spec {
	enum sekisho_semantics semantics;
	const struct sekisho_group_spec *groups;
	size_t group_count;
	const struct sekisho_endpoint_spec *endpoints;
	size_t endpoint_count;
	const struct sekisho_acl_spec *acls;
	size_t acl_count;
	enum sekisho_matcher matcher;
	const struct sekisho_prefix *never_filtered; /* AWS-115 */
	size_t never_filtered_count;
	uint32_t timeouts[SEKISHO_TIMEOUT_COUNT]; /* seconds; 0 takes the semantics' default */
	struct sekisho_strict_spec strict;
	struct sekisho_aws_spec aws;
	struct sekisho_limits_spec limits;
};

/* Fill a description with the defaults of its semantics: no groups, no endpoints. Any thread. */
void sekisho_policy_spec_init(struct sekisho_policy_spec *spec, enum sekisho_semantics semantics);

#ifdef __cplusplus
}
#endif

#endif
