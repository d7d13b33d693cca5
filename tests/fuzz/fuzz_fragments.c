/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_fragments.c: pieces of datagrams in any order (STRICT-71). An input is a list of pieces
 * (records.h); a few identifications, addresses and protocols make them meet.
 *
 * The oracle remembers of each datagram what has passed of it, for as long as the engine must follow
 * it. Nothing may pass twice, nor before or without the first piece; what was held is released once,
 * and in time; no byte of a frame is changed.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <sekisho.h>

#include "craft.h"
#include "fuzz.h"
#include "policies.h"
#include "records.h"

#define PROTOCOLS 4
#define IDS       4
#define KEYS      (2 * 2 * PROTOCOLS * IDS) /* direction, family, protocol, identification */
#define PIECES    128
#define HELD_MAX  6
#define PIECE_MAX 1024u
#define FLOWS     64
#define IPV4_LIFE 30000u
#define IPV6_LIFE 60000u

struct piece {
	uint8_t way; /* bit 0 ingress, bit 1 IPv6, bit 2 no more follow */
	uint8_t gap;
	uint8_t protocol, id;
	uint8_t offset[2], length[2];
	uint8_t ports, options, hop_limit, unused[5];
};

_Static_assert(sizeof(struct piece) == RECORD_SIZE, "a piece is one record");

/* Where a piece stands in its datagram: bytes first .. past - 1. */
struct span {
	uint32_t first, past;
};

/* What has passed of a datagram. */
struct datagram {
	uint32_t begun; /* tick of the first piece that passed or was held; valid if `live` */
	bool live;
	uint32_t end; /* 0 while no last piece has passed */
	struct span span[PIECES];
	unsigned spans;
};

struct held {
	struct span span;
	uint32_t end, since;
	unsigned key;
	bool used;
};

struct fragments {
	struct sekisho_engine *engine;
	uint32_t now;
	struct datagram datagrams[KEYS];
	uint32_t next[KEYS]; /* where the last piece ended, 0 after the last of a datagram */
	struct held held[HELD_MAX];
};

static struct fragments fragments;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	policies_init();
	return 0;
}

static uint32_t life(unsigned key)
{
	return key & 2 ? IPV6_LIFE : IPV4_LIFE;
}

/* ---- the oracle -------------------------------------------------------------------------------
 */

/* The datagram of a key, as it is followed now. */
static struct datagram *datagram_of(unsigned key)
{
	struct datagram *datagram = &fragments.datagrams[key];

	if (!datagram->live || fragments.now - datagram->begun >= life(key))
		*datagram = (struct datagram){.live = true, .begun = fragments.now};
	return datagram;
}

static bool is_whole(const struct datagram *datagram)
{
	uint32_t bytes = 0;

	for (unsigned i = 0; i < datagram->spans; i++)
		bytes += datagram->span[i].past - datagram->span[i].first;
	return datagram->end != 0 && bytes == datagram->end; /* none overlap */
}

/* A piece passes: it overlaps nothing that has passed, and the first piece has. */
static void pass(unsigned key, const struct span *span, uint32_t end)
{
	struct datagram *datagram = datagram_of(key);
	bool first = span->first == 0;

	for (unsigned i = 0; i < datagram->spans; i++) {
		const struct span *other = &datagram->span[i];

		FUZZ_CHECK(span->past <= other->first || span->first >= other->past);
		first |= other->first == 0;
	}
	FUZZ_CHECK(first);
	FUZZ_CHECK(span->past > span->first && span->past <= 65535);
	FUZZ_CHECK(datagram->end == 0 || (end == 0 && span->past < datagram->end));
	FUZZ_CHECK(datagram->spans < PIECES);
	datagram->span[datagram->spans++] = *span;
	if (end != 0)
		datagram->end = end;
	if (is_whole(datagram))
		datagram->live = false;
}

static void hold(unsigned key, const struct span *span, uint32_t end, struct held *held)
{
	FUZZ_CHECK(span->first != 0);
	datagram_of(key);
	*held = (struct held){
		.span = *span, .end = end, .since = fragments.now, .key = key, .used = true};
}

/* A free place; the engine holds no more than there are. */
static struct held *held_free(void)
{
	for (unsigned i = 0; i < HELD_MAX; i++)
		if (!fragments.held[i].used)
			return &fragments.held[i];
	return NULL;
}

static void take_released(void)
{
	struct sekisho_release releases[2];
	unsigned count;

	do {
		count = sekisho_engine_release(fragments.engine, releases, 2);
		for (unsigned i = 0; i < count; i++) {
			struct held *held = releases[i].handle;

			FUZZ_CHECK(held >= fragments.held && held < fragments.held + HELD_MAX);
			FUZZ_CHECK(held->used);
			FUZZ_CHECK(releases[i].direction == (held->key & 1));
			held->used = false;
			if (releases[i].verdict.action == SEKISHO_PASS)
				pass(held->key, &held->span, held->end);
			else
				FUZZ_CHECK(releases[i].verdict.action == SEKISHO_DROP);
		}
	} while (count == 2);
}

/* ---- pieces -----------------------------------------------------------------------------------
 */

static const uint8_t protocols[PROTOCOLS] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ESP, IPPROTO_ICMP};

/* IPv6 tells datagrams apart by identification alone. */
static unsigned key_of(const struct piece *piece)
{
	unsigned protocol = piece->way & 2 ? 0 : piece->protocol % PROTOCOLS;

	return (piece->way & 3) | (protocol * IDS + piece->id % IDS) << 2;
}

/* By default right after the former piece of its datagram; else near it, at a place, or near 65535. */
static uint32_t first_of(const struct piece *piece)
{
	uint32_t *next = &fragments.next[key_of(piece)];

	if (piece->offset[1] & 0x80)
		return 65528u - piece->offset[0] * 8u;
	if (piece->offset[1] & 0x40)
		return piece->offset[0] * 8u;
	return (*next + (uint32_t)(int8_t)piece->offset[0] * 8u) & 0xfff8;
}

static struct span span_of(const struct piece *piece)
{
	uint32_t first = first_of(piece), length = (piece->length[0] + 3u) * 8u;

	if (piece->length[1] & 0x80)
		length += piece->length[1] & 7;
	if (piece->length[1] & 0x40)
		length = 0;
	if (length > PIECE_MAX)
		length = PIECE_MAX;
	fragments.next[key_of(piece)] = piece->way & 4 ? 0 : first + length;
	return (struct span){first, first + length};
}

/* The layer 4 bytes of a piece: those of a header where it begins at 0, else anything. */
static void l4_of(const struct piece *piece, uint8_t *l4)
{
	memset(l4, 0, PIECE_MAX);
	craft_put16(l4, 4000);
	craft_put16(l4 + 2, 80u + (piece->ports & 3));
	if (protocols[piece->protocol % PROTOCOLS] == IPPROTO_UDP)
		craft_put16(l4 + 4, 4096);
	if (protocols[piece->protocol % PROTOCOLS] == IPPROTO_TCP) {
		l4[12] = 5 << 4;
		l4[13] = piece->ports & 4 ? 0x10 : 0x02;
	}
	if (protocols[piece->protocol % PROTOCOLS] == IPPROTO_ICMP)
		l4[0] = piece->way & 2 ? 128 : 8;
}

static struct craft craft_of(const struct piece *piece, const struct span *span)
{
	bool in = piece->way & 1, six = piece->way & 2;
	uint8_t protocol = protocols[piece->protocol % PROTOCOLS];

	return (struct craft){
		.from = in ? 100 : 2,
		.to = in ? 2 : 100,
		.v6 = six,
		.protocol = six && protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : protocol,
		.hop_limit = piece->hop_limit == 0xff ? 0 : 64,
		.options = piece->options < CRAFT_OPTIONS_COUNT ? piece->options : CRAFT_PLAIN,
		.offset = (uint16_t)span->first,
		.more = !(piece->way & 4),
		.id = piece->id % IDS,
	};
}

static void send_piece(const struct piece *piece)
{
	uint8_t l4[PIECE_MAX], frame[CRAFT_FRAME_MAX];
	struct span span = span_of(piece);
	struct craft craft = craft_of(piece, &span);
	struct held *place = held_free();
	struct sekisho_frame one = {.handle = place, .direction = piece->way & 1};
	struct sekisho_verdict verdict;
	uint8_t *exact;

	l4_of(piece, l4);
	one.captured = one.length = craft_frame(&craft, l4, span.past - span.first, frame);
	exact = malloc(one.length);
	FUZZ_CHECK(exact != NULL);
	memcpy(exact, frame, one.length);
	one.data = exact;
	sekisho_engine_burst(fragments.engine, fragments.now, &one, 1, &verdict);
	FUZZ_CHECK(memcmp(exact, frame, one.length) == 0);
	free(exact);
	/* what is never filtered is not followed either */
	if ((span.first != 0 || craft.more) && verdict.reason != SEKISHO_REASON_NEVER_FILTERED) {
		uint32_t end = craft.more ? 0 : span.past;

		FUZZ_CHECK(verdict.action != SEKISHO_HOLD || place != NULL);
		if (verdict.action == SEKISHO_PASS)
			pass(key_of(piece), &span, end);
		else if (verdict.action == SEKISHO_HOLD)
			hold(key_of(piece), &span, end, place);
	}
	take_released();
}

static void advance(uint8_t gap)
{
	static const uint32_t gaps[] = {0,     1,     1000,  10000, 15000,
					29999, 30000, 30001, 59999, 60000};

	fragments.now += gaps[gap % (sizeof(gaps) / sizeof(gaps[0]))];
}

static void begin(const uint8_t *head)
{
	struct sekisho_engine_config config = {.flows = FLOWS,
					       .fragments = 1 + head[1] % 8,
					       .held = HELD_MAX,
					       .held_bytes = 2048,
					       .zones = 1,
					       .names = policies_names()};
	char message[256];

	memset(&fragments, 0, sizeof(fragments));
	fragments.engine = sekisho_engine_create(&config, message, sizeof(message));
	FUZZ_CHECK(fragments.engine != NULL);
	sekisho_engine_set_policy(fragments.engine, 0, policies_get(head[0]));
	fragments.now = head[2] & 1 ? 0xffff0000 : 0;
}

/* All that is held must go once its time is over. */
static void end(void)
{
	fragments.now += IPV6_LIFE;
	for (unsigned i = 0; i < 8; i++) {
		sekisho_engine_burst(fragments.engine, fragments.now, NULL, 0, NULL);
		take_released();
	}
	for (unsigned i = 0; i < HELD_MAX; i++)
		FUZZ_CHECK(!fragments.held[i].used);
	sekisho_engine_destroy(fragments.engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < RECORD_SIZE)
		return 0;
	begin(data);
	for (size_t i = 0; i < records_count(size); i++) {
		struct piece piece;

		memcpy(&piece, records_at(data, i), sizeof(piece));
		advance(piece.gap);
		send_piece(&piece);
	}
	end();
	return 0;
}
