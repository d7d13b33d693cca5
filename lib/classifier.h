/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * classifier.h: which entry of a list of rules does a packet match first?
 *
 * All rules of a policy are broken down into entries: one peer block, one range of ports. Entries stand
 * in lists, one for each group or network ACL and direction, and the lists one after the other in one
 * array. Two ways to search a list, which must agree: one entry after the other, and through DPDK's
 * rte_acl, which finds the first of 100,000 as fast as the first of 100.
 */
#ifndef CLASSIFIER_H
#define CLASSIFIER_H

#include <sekisho.h>

#define CLASSIFIER_NONE UINT32_MAX

struct classifier_entry {
	struct sekisho_prefix peer;
	uint32_t list;
	uint32_t rule;        /* number */
	uint16_t protocol;    /* or SEKISHO_PROTOCOL_ALL */
	uint16_t first, last; /* of the packet's detail */
	bool everywhere;      /* a /0 written in the rule itself (AWS-10, 19) */
	bool deny;
};

/* What a packet shows to a list. */
struct classifier_query {
	const uint8_t *peer; /* 16 bytes; IPv4 in the first 4 */
	uint32_t list;
	uint8_t family, protocol;
	uint16_t detail; /* TCP, UDP: destination port; ICMP, ICMPv6: type x 256 + code; else 0 */
};

/* Indices of entries, or CLASSIFIER_NONE. */
struct classifier_match {
	uint32_t first;            /* that matches */
	uint32_t first_everywhere; /* that matches and has `everywhere` */
};

struct classifier;

/*
 * Compile `count` entries. They stay the caller's and must outlive the classifier. NULL, and a sentence
 * in `message`, when that would take too much memory. Needs EAL; one thread at a time.
 */
struct classifier *classifier_create(const struct classifier_entry *entries, uint32_t count,
				     char *message, size_t message_size);
void classifier_destroy(struct classifier *classifier);

/* Any number of threads. */
struct classifier_match classifier_find(const struct classifier *classifier,
					const struct classifier_query *query);

#define CLASSIFIER_MANY 16

/* The same for up to CLASSIFIER_MANY queries of one family together, which takes far less time for each. */
void classifier_find_many(const struct classifier *classifier,
			  const struct classifier_query *queries, unsigned count,
			  struct classifier_match *matches);

/* The same, one after the other: entries first .. first + count - 1, all of the query's list. */
struct classifier_match classifier_search(const struct classifier_entry *entries, uint32_t first,
					  uint32_t count, const struct classifier_query *query);

#endif
