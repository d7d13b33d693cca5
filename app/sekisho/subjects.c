/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * subjects.c: from areas to subjects. In an area each range of ports (between two cuts) has a *mark*:
 * all that both policies say of packets to such a port, either way. Ports of the same mark are alike,
 * and so a flow is known by the marks of its two ports, and by whether they are equal, which strict
 * looks at (STRICT-22). Its mark is kept, and whoever has it again is a subject that was there before.
 */
#include "subjects.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "number_map.h"
#include "number_set.h"
#include "probe.h"

#define MARKS_MAX 64 /* unlike ports of an area that are looked at; subjects.h names it */

/* Ports of one mark: one of them, and another if there is one. */
struct marked {
	uint64_t mark;
	uint64_t ways[2]; /* what is said of packets to it, by direction */
	uint16_t port[2];
	unsigned count; /* of the ports above, 1 or 2 */
};

enum kind { KIND_IKE, KIND_UDP, KIND_TCP, KIND_ICMP, KIND_OTHER };

/* A subject that is not made into packets yet. */
struct item {
	uint64_t mark;
	unsigned rank; /* how well it shows what the policies are about; less is better */
	struct alphabet_ends ends;
	uint8_t kind;
	uint8_t protocol;   /* of KIND_OTHER */
	uint8_t type, code; /* of KIND_ICMP */
	unsigned grammars;  /* of KIND_UDP */
};

struct finder {
	struct subjects_walk *walk;
	const struct area *area;
	struct alphabet_ends ends;
	uint64_t timers;         /* of both endpoints, mixed */
	unsigned rank;           /* of the area */
	struct number_map words; /* what is known of packets, by areas_key() */
	struct item *items;
	size_t item_count, item_room;
	uint32_t *slots;   /* where items are, plus one, by their marks; 0: free */
	size_t slot_count; /* a power of two, at most half of it used */
	struct marked marked[MARKS_MAX];
	unsigned marked_count;
	uint32_t cuts[AREAS_CUTS_MAX];
	int rc;
};

static uint64_t mix_number(uint64_t hash, uint64_t number)
{
	return number_mix(hash, &number, sizeof(number));
}

/* ---- marks ------------------------------------------------------------------------------------ */

/* What the engines do with a first packet. */
static uint64_t first_word(struct finder *finder, const struct first_packet *packet)
{
	uint64_t key = areas_key(finder->area, packet->direction, packet->protocol, packet->detail);
	uint8_t bytes[PACKET_WORDS_FRAME_MAX];
	struct sekisho_frame frame;
	uint64_t word;

	if (number_map_find(&finder->words, key, &word))
		return word;
	frame = probe_frame(packet, bytes);
	word = finder->walk->first_word(finder->walk->context, &frame);
	if (number_map_put(&finder->words, key, word) != 0)
		finder->rc = -ENOMEM;
	return word;
}

/* All that is said of a packet of a direction: what the engines do, and what rules and ACLs say. */
static uint64_t way_mark(struct finder *finder, unsigned direction, uint8_t protocol,
			 uint16_t detail)
{
	const struct first_packet packet = {
		.direction = (uint8_t)direction,
		.family = finder->area->family,
		.protocol = protocol,
		.segment = FIRST_SYN,
		.detail = detail,
		.local = areas_number(finder->area->family, finder->ends.address[0]),
		.peer = areas_number(finder->area->family, finder->ends.address[1])};
	uint64_t mark = mix_number(7, first_word(finder, &packet));

	for (unsigned p = 0; p < 2; p++) {
		struct area_word word = areas_look_up(finder->area, p, direction, protocol, detail);

		mark = mix_number(mark, (uint64_t)word.by_rule << 1 | word.acl_allows);
	}
	return mark;
}

static uint64_t both_ways_mark(struct finder *finder, uint8_t protocol, uint16_t detail)
{
	return mix_number(way_mark(finder, SEKISHO_EGRESS, protocol, detail),
			  way_mark(finder, SEKISHO_INGRESS, protocol, detail));
}

/* The grammar on a port under a policy, plus one; 0 if none proves anything. */
static unsigned grammar_on(const struct sekisho_policy_spec *spec, uint16_t port)
{
	for (unsigned g = 0; spec->semantics == SEKISHO_STRICT && g < SEKISHO_GRAMMAR_COUNT; g++) {
		for (unsigned i = 0; i < spec->strict.port_count[g]; i++) {
			if (spec->strict.ports[g][i] == port)
				return g + 1;
		}
	}
	return 0;
}

static unsigned grammars_on(const struct finder *finder, uint16_t port)
{
	unsigned grammars = 0;

	for (unsigned p = 0; p < 2; p++)
		grammars |= 1u << grammar_on(finder->area->specs[p], port);
	return grammars >> 1;
}

/* A port of UDP besides what rules say of it. */
static uint64_t udp_mark(const struct finder *finder, uint16_t port)
{
	uint64_t mark = port < 1024;

	for (unsigned p = 0; p < 2; p++)
		mark = mark << 8 | grammar_on(finder->area->specs[p], port);
	return mark;
}

/* Take the ports from..to into those of their mark. */
static void marked_add(struct finder *finder, const struct marked *new, uint16_t to)
{
	uint16_t from = new->port[0];
	struct marked *marked;
	unsigned i = 0;

	while (i < finder->marked_count && finder->marked[i].mark != new->mark)
		i++;
	if (i == MARKS_MAX) {
		finder->walk->shortened = true;
		return;
	}
	marked = &finder->marked[i];
	if (i == finder->marked_count) {
		*marked = *new;
		finder->marked_count++;
	}
	if (marked->count < 2)
		marked->port[marked->count++] = from;
	if (marked->count < 2 && to != from)
		marked->port[marked->count++] = to;
}

/* The unlike ports of TCP or UDP. Port 0 is nobody's, so a range shows its next one. */
static void ports_mark(struct finder *finder, uint8_t protocol)
{
	unsigned cuts = areas_cuts(finder->area, protocol, finder->cuts);

	finder->marked_count = 0;
	for (unsigned i = 0; i + 1 < cuts; i++) {
		uint16_t from = (uint16_t)finder->cuts[i];
		uint16_t to = (uint16_t)(finder->cuts[i + 1] - 1);
		struct marked new = {.mark = 5};

		for (unsigned d = 0; d < 2; d++) {
			new.ways[d] = way_mark(finder, d, protocol, from);
			new.mark = mix_number(new.mark, new.ways[d]);
		}
		if (protocol == IPPROTO_UDP)
			new.mark = mix_number(new.mark, udp_mark(finder, from));
		new.port[0] = from == 0 && to > 0 ? 1 : from;
		marked_add(finder, &new, to);
	}
}

/* ---- items ------------------------------------------------------------------------------------ */

static uint32_t *slot_of(const struct finder *finder, uint64_t mark)
{
	size_t at = (size_t)(mark ^ mark >> 32) & (finder->slot_count - 1);

	while (finder->slots[at] != 0 && finder->items[finder->slots[at] - 1].mark != mark)
		at = (at + 1) & (finder->slot_count - 1);
	return &finder->slots[at];
}

/* Room for one more item. */
static bool items_grow(struct finder *finder)
{
	size_t room = finder->item_room ? finder->item_room * 2 : 256;
	struct item *items = realloc(finder->items, room * sizeof(*items));
	uint32_t *slots = items ? calloc(2 * room, sizeof(*slots)) : NULL;

	if (items != NULL)
		finder->items = items;
	if (slots == NULL) {
		finder->rc = -ENOMEM;
		return false;
	}
	free(finder->slots);
	finder->item_room = room;
	finder->slots = slots;
	finder->slot_count = 2 * room;
	for (size_t i = 0; i < finder->item_count; i++)
		*slot_of(finder, items[i].mark) = (uint32_t)i + 1;
	return true;
}

/*
 * What the area's subjects are as examples: best are peers that a rule names, in the smallest block,
 * and then addresses of documents; last is what can be no source.
 */
static unsigned rank_of(const struct area *area, unsigned __int128 peer)
{
	unsigned __int128 size = ~(unsigned __int128)0;
	unsigned rank = area->peers.first == peer;

	for (size_t i = 0; i < area->entry_count; i++) {
		const struct area_entry *entry = area->entries[i];

		if (entry->kind == AREA_NO_SOURCE)
			return 1000;
		if (entry->kind == AREA_RULE && entry->peers.last - entry->peers.first < size)
			size = entry->peers.last - entry->peers.first;
	}
	for (; size > 0; size >>= 1)
		rank += 2;
	return rank;
}

/* Add a subject of the area, unless there is one of its mark; then the better example is kept. */
static void item_add(struct finder *finder, struct item item)
{
	uint32_t *slot;

	finder->walk->found++;
	if (finder->item_count == finder->item_room && !items_grow(finder))
		return;
	item.mark = mix_number(mix_number(item.mark, finder->timers), item.kind);
	item.rank = finder->rank;
	item.ends = finder->ends;
	slot = slot_of(finder, item.mark);
	if (*slot == 0) {
		finder->items[finder->item_count++] = item;
		*slot = (uint32_t)finder->item_count;
	} else if (finder->items[*slot - 1].ends.family == item.ends.family &&
		   finder->items[*slot - 1].rank > item.rank) {
		finder->items[*slot - 1] = item;
	}
}

/* What is said of ICMP errors between the ends, which may be about any flow. */
static uint64_t errors_mark(struct finder *finder)
{
	static const uint16_t kinds[2][3] = {{0x0301, 0x0501, 0x0304}, {0x0104, 0x8900, 0x0200}};
	bool is_v6 = finder->area->family == SEKISHO_IPV6;
	uint64_t mark = is_v6;

	for (unsigned i = 0; i < 3; i++)
		mark = mix_number(mark,
				  both_ways_mark(finder, is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
						 kinds[is_v6][i]));
	return mark;
}

/*
 * What strict makes of UDP between two ports when a side opens the flow: the grammar that is spoken, or
 * whether the tuple proves (STRICT-20..22). As a number.
 */
static unsigned udp_reading(const struct sekisho_policy_spec *spec, uint16_t from, uint16_t to)
{
	unsigned grammar = grammar_on(spec, to);

	if (spec->semantics != SEKISHO_STRICT)
		return 0;
	if (grammar == 0)
		grammar = grammar_on(spec, from);
	return grammar != 0 ? 2 + grammar : from >= 1024 && from != to;
}

/* A flow between two ports, which are in `ends`. */
static void ports_find(struct finder *finder, uint8_t protocol, uint64_t mark)
{
	const uint16_t *port = finder->ends.port;
	struct item item = {.kind = protocol == IPPROTO_TCP ? KIND_TCP : KIND_UDP};

	for (unsigned p = 0; item.kind == KIND_UDP && p < 2; p++) {
		const struct sekisho_policy_spec *spec = finder->area->specs[p];

		mark = mix_number(mark, udp_reading(spec, port[0], port[1]));
		mark = mix_number(mark, udp_reading(spec, port[1], port[0]));
	}
	item.mark = mark;
	item.grammars = grammars_on(finder, port[0]) | grammars_on(finder, port[1]);
	item_add(finder, item);
}

/* All pairs of unlike ports, and of UDP equal ones. */
static void flows_find(struct finder *finder, uint8_t protocol, uint64_t errors)
{
	ports_mark(finder, protocol);
	for (unsigned i = 0; i < finder->marked_count; i++) {
		for (unsigned j = 0; j < finder->marked_count; j++) {
			const struct marked *local = &finder->marked[i], *peer = &finder->marked[j];
			/* what is said of packets to the one, and of packets to the other */
			uint64_t mark = mix_number(mix_number(errors, local->ways[SEKISHO_INGRESS]),
						   peer->ways[SEKISHO_EGRESS]);
			bool same = i == j;

			finder->ends.port[0] = local->port[0];
			finder->ends.port[1] = peer->port[same && peer->count > 1];
			ports_find(finder, protocol, mark);
			if (!same || peer->count == 1)
				continue;
			finder->ends.port[1] = local->port[0];
			ports_find(finder, protocol, mark);
		}
	}
}

/* IKE, its second port and ESP of the pair, which one SA may connect (STRICT-36, 37, 40). */
static void ike_find(struct finder *finder, uint64_t errors)
{
	static const unsigned grammars[2] = {SEKISHO_GRAMMAR_IKE, SEKISHO_GRAMMAR_NAT_T};
	struct item item = {.kind = KIND_IKE};

	item.mark = mix_number(both_ways_mark(finder, IPPROTO_ESP, 0), errors);
	finder->ends.port[0] = finder->ends.port[1] = 0;
	for (unsigned g = 0; g < 2; g++) {
		uint16_t *port = &finder->ends.port[g];

		for (unsigned p = 2; p-- > 0;) {
			const struct sekisho_policy_spec *spec = finder->area->specs[p];

			if (spec->semantics == SEKISHO_STRICT &&
			    spec->strict.port_count[grammars[g]] > 0)
				*port = spec->strict.ports[grammars[g]][0];
		}
		item.mark = mix_number(item.mark, both_ways_mark(finder, IPPROTO_UDP, *port));
		item.mark = mix_number(item.mark, udp_mark(finder, *port));
	}
	if (finder->ends.port[0] != 0 || finder->ends.port[1] != 0)
		item_add(finder, item);
}

/* How the engine takes a type of ICMP: its own number where it is unlike all others. */
static unsigned icmp_kind(uint8_t family, uint8_t type)
{
	static const uint8_t errors[2][6] = {{3, 4, 11, 12}, {1, 2, 3, 4}};
	static const uint8_t requests[2][4] = {{8, 13, 15, 17}, {128}};
	bool is_v6 = family == SEKISHO_IPV6;

	if (memchr(errors[is_v6], type, 4) != NULL)
		return 256;
	if (memchr(requests[is_v6], type, is_v6 ? 1 : 4) != NULL)
		return 257;
	if (type == (is_v6 ? 137 : 5) || (is_v6 && type >= 133 && type <= 136))
		return type;
	return 258;
}

static bool is_reply(uint8_t family, uint8_t type)
{
	return family == SEKISHO_IPV6 ? type == 129
				      : type == 0 || type == 14 || type == 16 || type == 18;
}

static void icmp_find(struct finder *finder)
{
	uint8_t family = finder->area->family;
	uint8_t protocol = family == SEKISHO_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	unsigned cuts = areas_cuts(finder->area, protocol, finder->cuts);

	for (unsigned i = 0; i + 1 < cuts && finder->rc == 0; i++) {
		uint16_t detail = (uint16_t)finder->cuts[i];
		uint8_t type = (uint8_t)(detail >> 8);
		unsigned kind = icmp_kind(family, type);
		uint64_t mark = mix_number(both_ways_mark(finder, protocol, detail), kind);

		if (is_reply(family, type))
			continue; /* it comes with its request */
		if (kind == 257) {
			unsigned reply = type == 8 ? 0 : type + 1u;

			mark = mix_number(mark,
					  both_ways_mark(finder, protocol,
							 (uint16_t)(reply << 8 | (detail & 0xff))));
		}
		item_add(finder, (struct item){.mark = mark,
					       .kind = KIND_ICMP,
					       .type = type,
					       .code = (uint8_t)detail});
	}
}

/* Protocols without ports: those that rules name, ESP, and one that none names. */
static void others_find(struct finder *finder)
{
	bool had_unnamed = false;

	for (unsigned i = 0; i < 256 && finder->rc == 0; i++) {
		unsigned protocol = (IPPROTO_GRE + i) % 256; /* the one that none names is seen */
		bool is_named = areas_mention(finder->area, protocol) || protocol == IPPROTO_ESP;

		if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
		    protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6 ||
		    (!is_named && had_unnamed))
			continue;
		had_unnamed |= !is_named;
		item_add(finder, (struct item){.mark = both_ways_mark(finder, (uint8_t)protocol, 0),
					       .kind = KIND_OTHER,
					       .protocol = (uint8_t)protocol});
	}
}

static uint64_t timers_mark(const struct area *area)
{
	uint64_t mark = 3;

	for (unsigned p = 0; p < 2; p++) {
		uint16_t endpoint = area->endpoint[p];

		if (endpoint == 0)
			continue;
		mark = number_mix(mark, area->specs[p]->endpoints[endpoint - 1].timeouts,
				  sizeof(area->specs[p]->endpoints[0].timeouts));
	}
	return mark;
}

static bool area_take(void *context, const struct area *area)
{
	struct finder *finder = context;
	unsigned __int128 local, peer;
	uint64_t errors;

	if (!areas_example(area, &local, &peer))
		return true;
	finder->area = area;
	finder->ends.family = area->family;
	areas_address(area->family, local, finder->ends.address[0]);
	areas_address(area->family, peer, finder->ends.address[1]);
	finder->timers = timers_mark(area);
	finder->rank = rank_of(area, peer);
	errors = errors_mark(finder);
	ike_find(finder, errors);
	flows_find(finder, IPPROTO_UDP, errors);
	flows_find(finder, IPPROTO_TCP, errors);
	icmp_find(finder);
	others_find(finder);
	return finder->rc == 0;
}

/* ---- telling ---------------------------------------------------------------------------------- */

static void alphabet_make(struct alphabet *alphabet, const struct item *item)
{
	static const unsigned grammars[2] = {1u << SEKISHO_GRAMMAR_IKE,
					     1u << SEKISHO_GRAMMAR_NAT_T};

	alphabet->count = 0;
	switch ((enum kind)item->kind) {
	case KIND_IKE:
		for (unsigned g = 0; g < 2; g++) {
			struct alphabet_ends ends = item->ends;

			ends.port[0] = ends.port[1] = item->ends.port[g];
			if (ends.port[0] != 0)
				alphabet_add_udp(alphabet, &ends, grammars[g]);
		}
		alphabet_add_other(alphabet, &item->ends, IPPROTO_ESP);
		break;
	case KIND_UDP:
		alphabet_add_udp(alphabet, &item->ends, item->grammars);
		alphabet_add_errors(alphabet, &item->ends, "udp");
		break;
	case KIND_TCP:
		alphabet_add_tcp(alphabet, &item->ends);
		break;
	case KIND_ICMP:
		alphabet_add_icmp(alphabet, &item->ends, item->type, item->code);
		break;
	case KIND_OTHER:
		alphabet_add_other(alphabet, &item->ends, item->protocol);
		break;
	}
}

/* IPv4 first, then the best examples; by their marks if they are as good. */
static int by_rank(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->ends.family != y->ends.family)
		return x->ends.family - y->ends.family;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind - y->kind;
	return x->mark < y->mark ? -1 : x->mark > y->mark;
}

static void items_tell(struct finder *finder)
{
	struct alphabet *alphabet = malloc(sizeof(*alphabet));

	if (finder->item_count > 0)
		qsort(finder->items, finder->item_count, sizeof(*finder->items), by_rank);
	if (alphabet == NULL)
		finder->rc = -ENOMEM;
	for (size_t i = 0; finder->rc == 0 && i < finder->item_count; i++) {
		alphabet_make(alphabet, &finder->items[i]);
		if (!finder->walk->subject(finder->walk->context, alphabet))
			finder->rc = 1;
	}
	free(alphabet);
}

int subjects_walk(struct subjects_walk *walk)
{
	struct finder *finder = calloc(1, sizeof(*finder));
	struct areas_walk areas = {{walk->specs[0], walk->specs[1]}, area_take, finder};
	int rc;

	if (finder == NULL)
		return -ENOMEM;
	finder->walk = walk;
	walk->found = 0;
	walk->shortened = false;
	rc = areas_walk(&areas);
	if (rc == 0)
		items_tell(finder);
	if (finder->rc != 0)
		rc = finder->rc;
	free(finder->items);
	free(finder->slots);
	number_map_fini(&finder->words);
	free(finder);
	return rc;
}
