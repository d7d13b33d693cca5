/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * areas.h: the address pairs of two policies, in classes that neither tells apart.
 *
 * An *area* is a set of local addresses and a range of peers. No block of addresses that either policy
 * names begins or ends within it, so all its packets that are alike but for their addresses get the
 * same verdict of each policy; all but those whose source is their destination, which are dropped.
 * Areas do not overlap, and together they are all pairs of addresses of a family.
 *
 * Within an area only the protocol and the *detail* are left to tell: the destination port of TCP and
 * UDP, type x 256 + code of ICMP. areas_cuts() gives where anything can change there.
 *
 * Only boundaries are found here. What passes is the engine's to say.
 */
#ifndef AREAS_H
#define AREAS_H

#include <sekisho.h>

/* Addresses as numbers, first..last; IPv4 from 0 to 2^32 - 1. */
struct area_range {
	unsigned __int128 first, last;
};

/* Whose block it is. */
enum area_kind {
	AREA_RULE, /* of a group */
	AREA_ACL_ENTRY,
	AREA_ACL_SUBNETS, /* peers that the network ACL does not judge */
	AREA_UNFILTERED,  /* the never-filtered list */
	AREA_NO_SOURCE    /* no policy's: what no source may be */
};

struct area_entry {
	struct area_range peers;
	uint8_t policy, kind;                           /* enum area_kind */
	const struct sekisho_rule_spec *rule;           /* NULL if it is a mere list of addresses */
	const struct sekisho_acl_entry_spec *acl_entry; /* whose match `rule` is; else NULL */
};

struct area {
	uint8_t family;
	const struct area_range *locals; /* in order, and neither overlap nor touch */
	size_t local_count;
	struct area_range peers;
	const struct sekisho_policy_spec *specs[2];
	/* of each policy: the endpoint that the locals are of, as index plus one; 0: of none */
	uint16_t endpoint[2];
	const struct area_entry **entries; /* all blocks that the peers are in */
	size_t entry_count;
};

struct areas_walk {
	const struct sekisho_policy_spec *specs[2];
	/*
	 * Called for each area; those of the same locals come one after the other, with peers in order.
	 * Returns false to stop.
	 */
	bool (*area)(void *context, const struct area *area);
	void *context;
};

/* Walk all areas, those of IPv4 first. 0, 1 if it was stopped, or -ENOMEM. */
int areas_walk(const struct areas_walk *walk);

/* Whether a block of the area is of this very protocol, so that it may be unlike others. */
bool areas_mention(const struct area *area, unsigned protocol);

#define AREAS_CUTS_MAX 65537u

/*
 * Details of a protocol from which on something may be different, in order; the first is 0 and the
 * last is 65536. `cuts` has room for AREAS_CUTS_MAX. Returns how many there are; at least 2.
 */
unsigned areas_cuts(const struct area *area, unsigned protocol, uint32_t *cuts);

/* What the rules of a policy say of a packet, and what its network ACL. */
struct area_word {
	bool by_rule, acl_allows;
};

/* Look a packet up; `detail` is one that areas_cuts() has given. The engine decides; this tells apart. */
struct area_word areas_look_up(const struct area *area, unsigned policy, unsigned direction,
			       unsigned protocol, uint16_t detail);

/*
 * A number that packets have in common, of any areas, that cannot be told apart when they come first: their
 * locals, what they are, and all blocks that speak of them are the same.
 */
uint64_t areas_key(const struct area *area, unsigned direction, unsigned protocol, uint16_t detail);

/* Two addresses of the area that are not the same; false if it has none. */
bool areas_example(const struct area *area, unsigned __int128 *local, unsigned __int128 *peer);

/* A number as 16 bytes in network order, IPv4 in the first 4; and back. */
void areas_address(uint8_t family, unsigned __int128 number, uint8_t address[16]);
unsigned __int128 areas_number(uint8_t family, const uint8_t address[16]);

/* The addresses of a block. */
struct area_range areas_block(const struct sekisho_prefix *prefix);

#endif
