/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * verdict.h: why a packet passed or was dropped. The only list of causes.
 *
 * Each row is (ID, word, action, admitted_by, sentence). The word is at once the counter, the metric
 * label, the trace word and the log word. One packet gets exactly one row, one row is exactly one
 * cause. To add a reason: add a row here, return it from one place, add a test that reaches it.
 *
 * The order is no contract, the words are.
 */
#ifndef SEKISHO_VERDICT_H
#define SEKISHO_VERDICT_H

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define SEKISHO_REASONS(X) \
	/* passed */ \
	X(RULE_MATCH,         "rule-match",          PASS, RULE, "a rule of its direction admits it, and it opens a flow") \
	X(RULE_UNTRACKED,     "rule-untracked",      PASS, RULE, "a rule admits it, and rules open both ways leave nothing to track (AWS-10)") \
	X(FLOW_ORIGINATOR,    "flow-originator",     PASS, FLOW, "it belongs to a live flow that its own side opened") \
	X(FLOW_ANSWER,        "flow-answer",         PASS, FLOW, "it belongs to a live flow that the other side opened") \
	X(RULE_STATELESS,     "rule-stateless",      PASS, RULE, "a rule admits it, and being an ICMP error it can open no flow") \
	X(ICMP_RELATED,       "icmp-related",        PASS, FLOW, "an ICMP error about a packet of a live flow") \
	X(NEVER_FILTERED,     "never-filtered",      PASS, LIST, "one of its addresses is on the never-filtered list (AWS-115)") \
	X(ARP,                "arp",                 PASS, LINK, "ARP keeps the wire alive (STRICT-62)") \
	X(NEIGHBOUR,          "neighbour-discovery", PASS, LINK, "IPv6 neighbour discovery of this link keeps the wire alive (STRICT-62)") \
	/* the frame and the IP header */ \
	X(NOT_IP,             "not-ip",              DROP, NONE, "neither IPv4, IPv6 nor ARP") \
	X(TRUNCATED,          "truncated",           DROP, NONE, "the frame ends inside a header that it announces") \
	X(VLAN_DEPTH,         "vlan-depth",          DROP, NONE, "more than two VLAN tags") \
	X(BAD_IP_HEADER,      "bad-ip-header",       DROP, NONE, "IP version, header length or total length contradict the frame") \
	X(BAD_IP_CHECKSUM,    "bad-ip-checksum",     DROP, NONE, "the IPv4 header checksum is wrong") \
	X(TTL_ZERO,           "ttl-zero",            DROP, NONE, "TTL or hop limit is 0") \
	X(BAD_SOURCE,         "bad-source",          DROP, NONE, "the source is a multicast, broadcast or loopback address") \
	X(LAND,               "land",                DROP, NONE, "source and destination are the same address") \
	X(SOURCE_ROUTE,       "source-route",        DROP, NONE, "an IPv4 source route option or an IPv6 routing header of type 0") \
	X(BAD_IP_OPTION,      "bad-ip-option",       DROP, NONE, "an IPv4 option contradicts its length") \
	X(EXT_UNKNOWN,        "ext-unknown",         DROP, NONE, "an IPv6 extension header that is not known") \
	X(EXT_CHAIN,          "ext-chain",           DROP, NONE, "IPv6 extension headers too many, too long or out of order") \
	X(BAD_ND,             "bad-nd",              DROP, NONE, "neighbour discovery with a hop limit other than 255") \
	/* layer 4 */ \
	X(L4_TRUNCATED,       "l4-truncated",        DROP, NONE, "the packet ends inside its layer 4 header") \
	X(BAD_L4_LENGTH,      "bad-l4-length",       DROP, NONE, "a layer 4 length contradicts the packet") \
	X(BAD_CHECKSUM,       "bad-checksum",        DROP, NONE, "the layer 4 checksum is wrong") \
	X(BAD_FLAGS,          "bad-flags",           DROP, NONE, "a set of TCP flags that no stack sends") \
	/* fragments */ \
	X(FRAGMENT_TINY,      "fragment-tiny",       DROP, NONE, "the first fragment does not hold the layer 4 header, or TCP at offset 1") \
	X(FRAGMENT_BAD,       "fragment-bad",        DROP, NONE, "a fragment whose offset and length make no datagram") \
	X(FRAGMENT_OVERLAP,   "fragment-overlap",    DROP, NONE, "fragments of its datagram overlap (STRICT-71)") \
	X(FRAGMENT_TOO_MANY,  "fragment-too-many",   DROP, NONE, "its datagram is in more than 64 fragments") \
	X(FRAGMENT_TIMEOUT,   "fragment-timeout",    DROP, NONE, "it was held, and the first fragment of its datagram did not come in time") \
	X(FRAGMENT_BUDGET,    "fragment-budget",     DROP, NONE, "no room to follow one more datagram, or to hold one more fragment") \
	X(FRAGMENT_REFUSED,   "fragment-refused",    DROP, NONE, "the first fragment of its datagram was dropped") \
	X(FRAGMENT_HELD,      "fragment-held",       HOLD, NONE, "it waits for the first fragment of its datagram; a verdict follows") \
	/* a packet without a flow */ \
	X(NO_RULE,            "no-rule",             DROP, NONE, "no flow and no rule of its direction admits it") \
	X(NETWORK_ACL,        "network-acl",         DROP, NONE, "the network ACL of its endpoint denies it, flow or no flow (AWS-145)") \
	X(NOT_AN_OPENING,     "not-an-opening",      DROP, NONE, "TCP of no flow that is not a bare SYN") \
	X(RULE_WITHDRAWN,     "rule-withdrawn",      DROP, NONE, "the rule that opened its flow is gone (STRICT-4)") \
	/* a packet of a flow */ \
	X(OUT_OF_WINDOW,      "out-of-window",       DROP, NONE, "TCP outside the window of its flow (STRICT-13)") \
	X(RST_INEXACT,        "rst-inexact",         DROP, NONE, "RST in the window but not at the next sequence expected (STRICT-14)") \
	X(SIMULTANEOUS_OPEN,  "simultaneous-open",   DROP, NONE, "a bare SYN against a SYN is no answer (STRICT-11)") \
	X(BAD_HANDSHAKE,      "bad-handshake",       DROP, NONE, "it does not answer the SYN that opened the flow (STRICT-12)") \
	X(FLOW_CLOSED,        "flow-closed",         DROP, NONE, "its flow was closed by FIN or RST (AWS-82)") \
	X(SYMMETRIC_PORTS,    "symmetric-ports",     DROP, NONE, "equal or well-known source ports prove nothing (STRICT-22)") \
	X(NO_PROOF_IKE,       "no-proof-ike",        DROP, NONE, "IKE that answers nothing the other side was admitted to ask (STRICT-33)") \
	X(IKE_MALFORMED,      "ike-malformed",       DROP, NONE, "not an IKE message, so no answer (STRICT-30)") \
	X(NO_IKE_SA,          "no-ike-sa",           DROP, NONE, "ESP in UDP or a keepalive without a live IKE SA of its address pair (STRICT-37)") \
	X(NO_PROOF_WIREGUARD, "no-proof-wireguard",  DROP, NONE, "WireGuard that answers no initiation from the other side (STRICT-50)") \
	X(WIREGUARD_MALFORMED, "wireguard-malformed", DROP, NONE, "not a WireGuard message, so no answer (STRICT-50)") \
	X(NO_PROOF_DNS,       "no-proof-dns",        DROP, NONE, "DNS that answers no outstanding query (STRICT-51)") \
	X(DNS_MALFORMED,      "dns-malformed",       DROP, NONE, "not a DNS message, so no answer (STRICT-51)") \
	X(NO_PROOF_NTP,       "no-proof-ntp",        DROP, NONE, "NTP whose origin timestamp the other side did not send (STRICT-52)") \
	X(NTP_MALFORMED,      "ntp-malformed",       DROP, NONE, "not an NTP message, so no answer (STRICT-52)") \
	X(NO_PROOF_ECHO,      "no-proof-echo",       DROP, NONE, "ICMP that answers no request from the other side (STRICT-53)") \
	X(NO_PROOF_PROTOCOL,  "no-proof-protocol",   DROP, NONE, "a protocol without ports proves nothing (STRICT-40)") \
	/* ICMP errors */ \
	X(ICMP_UNRELATED,     "icmp-unrelated",      DROP, NONE, "an ICMP error that quotes no packet of a live flow (STRICT-60)") \
	X(ICMP_REDIRECT,      "icmp-redirect",       DROP, NONE, "a redirect never passes by relation (STRICT-61)") \
	X(ICMP_MTU_SMALL,     "icmp-mtu-small",      DROP, NONE, "packet too big with an MTU under 68 or 1280 (STRICT-61)") \
	/* room */ \
	X(TABLE_FULL,         "table-full",          DROP, NONE, "no room for one more flow") \
	X(LIMIT_HALF_OPEN,    "limit-half-open",     DROP, NONE, "too many half-open flows (STRICT-17)") \
	X(LIMIT_SOURCE,       "limit-source",        DROP, NONE, "too many flows, or half-open ones, of one source (STRICT-17)")
/* clang-format on */

/*
 * In which phase of the path a reason is found, in the order in which packets come by them, and the
 * clauses of the two papers on semantics that it follows: (ID, phase, clauses).
 */
/* clang-format off */
#define SEKISHO_PHASES(X) \
	X(PARSE,    "parse",    "is it a sound packet") \
	X(FRAGMENT, "fragment", "what became of the rest of its datagram") \
	X(FLOW,     "flow",     "does it belong to a live flow") \
	X(PROOF,    "proof",    "does it answer what the other side was admitted to ask") \
	X(RULES,    "rules",    "do rules, lists and network ACLs admit it") \
	X(LIMITS,   "limits",   "is there room for what it opens") \
	X(VERDICT,  "verdict",  "what becomes of it")

#define SEKISHO_REASON_ORIGINS(X) \
	X(RULE_MATCH,         RULES,    "AWS-3, STRICT-1") \
	X(RULE_UNTRACKED,     RULES,    "AWS-10") \
	X(FLOW_ORIGINATOR,    FLOW,     "AWS-3, STRICT-2") \
	X(FLOW_ANSWER,        FLOW,     "AWS-1, STRICT-3") \
	X(RULE_STATELESS,     RULES,    "AWS-31") \
	X(ICMP_RELATED,       FLOW,     "AWS-32, STRICT-60") \
	X(NEVER_FILTERED,     RULES,    "AWS-115") \
	X(ARP,                PARSE,    "STRICT-62") \
	X(NEIGHBOUR,          PARSE,    "STRICT-62") \
	X(NOT_IP,             PARSE,    "STRICT-62") \
	X(TRUNCATED,          PARSE,    "STRICT-70") \
	X(VLAN_DEPTH,         PARSE,    "STRICT-70") \
	X(BAD_IP_HEADER,      PARSE,    "STRICT-70") \
	X(BAD_IP_CHECKSUM,    PARSE,    "STRICT-70") \
	X(TTL_ZERO,           PARSE,    "STRICT-70") \
	X(BAD_SOURCE,         PARSE,    "STRICT-70") \
	X(LAND,               PARSE,    "STRICT-70") \
	X(SOURCE_ROUTE,       PARSE,    "STRICT-70") \
	X(BAD_IP_OPTION,      PARSE,    "STRICT-70") \
	X(EXT_UNKNOWN,        PARSE,    "STRICT-72") \
	X(EXT_CHAIN,          PARSE,    "STRICT-72") \
	X(BAD_ND,             PARSE,    "STRICT-62") \
	X(L4_TRUNCATED,       PARSE,    "STRICT-70") \
	X(BAD_L4_LENGTH,      PARSE,    "STRICT-70") \
	X(BAD_CHECKSUM,       PARSE,    "STRICT-73") \
	X(BAD_FLAGS,          FLOW,     "STRICT-10") \
	X(FRAGMENT_TINY,      FRAGMENT, "STRICT-71") \
	X(FRAGMENT_BAD,       FRAGMENT, "STRICT-71") \
	X(FRAGMENT_OVERLAP,   FRAGMENT, "STRICT-71") \
	X(FRAGMENT_TOO_MANY,  FRAGMENT, "STRICT-71") \
	X(FRAGMENT_TIMEOUT,   FRAGMENT, "STRICT-71") \
	X(FRAGMENT_BUDGET,    FRAGMENT, "STRICT-71") \
	X(FRAGMENT_REFUSED,   FRAGMENT, "STRICT-71") \
	X(FRAGMENT_HELD,      FRAGMENT, "STRICT-71") \
	X(NO_RULE,            RULES,    "AWS-6, STRICT-1") \
	X(NETWORK_ACL,        RULES,    "AWS-145") \
	X(NOT_AN_OPENING,     FLOW,     "STRICT-10, AWS-80") \
	X(RULE_WITHDRAWN,     FLOW,     "STRICT-4") \
	X(OUT_OF_WINDOW,      PROOF,    "STRICT-13") \
	X(RST_INEXACT,        PROOF,    "STRICT-14") \
	X(SIMULTANEOUS_OPEN,  PROOF,    "STRICT-11") \
	X(BAD_HANDSHAKE,      PROOF,    "STRICT-12") \
	X(FLOW_CLOSED,        FLOW,     "AWS-82, STRICT-14") \
	X(SYMMETRIC_PORTS,    PROOF,    "STRICT-22") \
	X(NO_PROOF_IKE,       PROOF,    "STRICT-33") \
	X(IKE_MALFORMED,      PROOF,    "STRICT-30") \
	X(NO_IKE_SA,          PROOF,    "STRICT-37") \
	X(NO_PROOF_WIREGUARD, PROOF,    "STRICT-50") \
	X(WIREGUARD_MALFORMED, PROOF,   "STRICT-50") \
	X(NO_PROOF_DNS,       PROOF,    "STRICT-51") \
	X(DNS_MALFORMED,      PROOF,    "STRICT-51") \
	X(NO_PROOF_NTP,       PROOF,    "STRICT-52") \
	X(NTP_MALFORMED,      PROOF,    "STRICT-52") \
	X(NO_PROOF_ECHO,      PROOF,    "STRICT-53") \
	X(NO_PROOF_PROTOCOL,  PROOF,    "STRICT-40") \
	X(ICMP_UNRELATED,     FLOW,     "STRICT-60") \
	X(ICMP_REDIRECT,      FLOW,     "STRICT-61") \
	X(ICMP_MTU_SMALL,     FLOW,     "STRICT-61") \
	X(TABLE_FULL,         LIMITS,   "AWS-51, STRICT-17") \
	X(LIMIT_HALF_OPEN,    LIMITS,   "STRICT-17") \
	X(LIMIT_SOURCE,       LIMITS,   "STRICT-17")
/* clang-format on */

/* Why a flow is no more: (ID, word, sentence). */
/* clang-format off */
#define SEKISHO_ENDS(X) \
	X(EXPIRED,   "expired",        "no packet came within its time") \
	X(CLOSED,    "closed",         "TCP has closed it, by FIN of both sides or by RST, and its last timer is over") \
	X(ANSWERED,  "answered",       "its last answer has come (STRICT-51)") \
	X(REOPENED,  "reopened",       "it was over, and a new opening of the same tuple took its place") \
	X(RECYCLED,  "recycled",       "it was half-open or unanswered, and made room for another") \
	X(KILLED,    "killed",         "somebody closed it") \
	X(WITHDRAWN, "rule-withdrawn", "the rule that opened it is gone (STRICT-4)") \
	X(UNTRACKED, "untracked",      "rules open both ways leave nothing to track any more (AWS-65)") \
	X(SHUTDOWN,  "shutdown",       "the firewall stopped while it was alive; if it is saved, it goes on later")
/* clang-format on */

enum sekisho_end {
#define X(id, ...) SEKISHO_END_##id,
	SEKISHO_ENDS(X)
#undef X
		SEKISHO_END_COUNT
};

/* "expired", ...; and one plain sentence without a full stop. Any thread. */
const char *sekisho_end_word(enum sekisho_end end);
const char *sekisho_end_sentence(enum sekisho_end end);

enum sekisho_phase {
#define X(id, ...) SEKISHO_PHASE_##id,
	SEKISHO_PHASES(X)
#undef X
		SEKISHO_PHASE_COUNT
};

/* "parse", ...; and what the phase asks of a packet. Any thread. */
const char *sekisho_phase_word(enum sekisho_phase phase);
const char *sekisho_phase_question(enum sekisho_phase phase);

/* Why, one for each row. SEKISHO_REASON_COUNT is their number, never a reason itself. */
enum sekisho_reason {
#define X(id, word, action, by, sentence) SEKISHO_REASON_##id,
	SEKISHO_REASONS(X)
#undef X
		SEKISHO_REASON_COUNT
};

/* What to do with the packet. One that is held gets its verdict later: sekisho_engine_release(). */
enum sekisho_action { SEKISHO_DROP, SEKISHO_PASS, SEKISHO_HOLD };

/* What admitted it: nothing (it was dropped), a rule, a flow, a list, or being link upkeep. */
enum sekisho_admitted_by {
	SEKISHO_BY_NONE,
	SEKISHO_BY_RULE,
	SEKISHO_BY_FLOW,
	SEKISHO_BY_LIST,
	SEKISHO_BY_LINK
};

/* The word of a reason ("no-rule"); never NULL for a valid reason. Any thread. */
const char *sekisho_reason_word(enum sekisho_reason reason);

/* One plain sentence on a reason, without a full stop. Any thread. */
const char *sekisho_reason_sentence(enum sekisho_reason reason);

/* The phase that a reason is found in. Any thread. */
enum sekisho_phase sekisho_reason_phase(enum sekisho_reason reason);

/* The clauses that it follows, "STRICT-33" or "AWS-3, STRICT-2". Any thread. */
const char *sekisho_reason_clauses(enum sekisho_reason reason);

/* Whether a reason passes, drops or holds, by the reason. */
extern const unsigned char sekisho_reason_actions[SEKISHO_REASON_COUNT];

/* The same as a function. Any thread. */
static inline enum sekisho_action sekisho_reason_action(enum sekisho_reason reason)
{
	return (enum sekisho_action)sekisho_reason_actions[reason];
}

/* What admits a packet of this reason. Any thread. */
enum sekisho_admitted_by sekisho_reason_admitted_by(enum sekisho_reason reason);

/* "rule", "flow", "list", "link", or NULL for SEKISHO_BY_NONE. Any thread. */
const char *sekisho_admitted_by_word(enum sekisho_admitted_by by);

#ifdef __cplusplus
}
#endif

#endif
