/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet_words.h"

#define FLOWS     4096u
#define FRAGMENTS 256u
#define HELD_MS   60000u /* fragments are held for less */
#define NO_PACKET SIZE_MAX

/* ---- setting up ------------------------------------------------------------------------------- */

static bool frame_make(const struct stage *stage, const struct packet_words_names *names,
		       const struct scenario_words *words, struct stage_frame *frame)
{
	uint8_t bytes[PACKET_WORDS_FRAME_MAX];
	struct packet_words_error error;

	frame->length = packet_words_frame(words->text, names, bytes, &error);
	if (frame->length == 0) {
		fprintf(stderr, "%s:%u:%u: error: column %u of the packet: %s\n",
			stage->scenario->name, words->line, words->column, error.column,
			error.text);
		return false;
	}
	frame->bytes = malloc(frame->length);
	if (frame->bytes)
		memcpy(frame->bytes, bytes, frame->length);
	else
		fputs("sekisho: out of memory\n", stderr);
	return frame->bytes != NULL;
}

static bool frames_make(struct stage *stage, const struct packet_words_names *names)
{
	const struct scenario *scenario = stage->scenario;
	bool good = true;

	for (size_t i = 0; i < scenario->packet_count; i++)
		good &= frame_make(stage, names, &scenario->packets[i].send, &stage->packets[i]);
	for (size_t c = 0; c < scenario->conversation_count; c++) {
		const struct scenario_conversation *from = &scenario->conversations[c];
		struct stage_frame *to = stage->exchanges[c];

		for (size_t e = 0; e < from->exchange_count; e++) {
			good &= frame_make(stage, names, &from->exchanges[e].ask, &to[2 * e]);
			good &= frame_make(stage, names, &from->exchanges[e].answer,
					   &to[2 * e + 1]);
		}
	}
	return good;
}

static int time_order(const void *x, const void *y, void *context)
{
	const struct scenario_packet *packets = context;
	size_t a = *(const size_t *)x, b = *(const size_t *)y;

	if (packets[a].at_ms != packets[b].at_ms)
		return packets[a].at_ms < packets[b].at_ms ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Packets by time; those of one time as they stand in the file. */
static void order_make(struct stage *stage)
{
	for (size_t i = 0; i < stage->scenario->packet_count; i++)
		stage->order[i] = i;
	qsort_r(stage->order, stage->scenario->packet_count, sizeof(*stage->order), time_order,
		stage->scenario->packets);
}

static bool memory_take(struct stage *stage)
{
	const struct scenario *scenario = stage->scenario;

	stage->cases = calloc(stage->case_count, sizeof(*stage->cases));
	stage->packets = calloc(scenario->packet_count + 1, sizeof(*stage->packets));
	stage->order = calloc(scenario->packet_count + 1, sizeof(*stage->order));
	stage->exchanges = calloc(scenario->conversation_count + 1, sizeof(*stage->exchanges));
	if (!stage->cases || !stage->packets || !stage->order || !stage->exchanges)
		return false;
	for (size_t c = 0; c < scenario->conversation_count; c++) {
		stage->exchanges[c] = calloc(2 * scenario->conversations[c].exchange_count + 1,
					     sizeof(**stage->exchanges));
		if (!stage->exchanges[c])
			return false;
	}
	return true;
}

static int cases_load(struct stage *stage, const struct scenario_case *from)
{
	int status = 0;

	for (size_t c = 0; c < stage->case_count && status == 0; c++) {
		stage->cases[c].from = &from[c];
		for (size_t p = 0; p < from[c].policy_count && status == 0; p++)
			status = trace_judge_load(&stage->cases[c].filters[p], from[c].policies[p],
						  FLOWS);
	}
	return status;
}

int stage_init(struct stage *stage, const struct scenario *scenario,
	       const struct scenario_case *otherwise)
{
	struct packet_words_name *list;
	bool good;

	*stage = (struct stage){.scenario = scenario,
				.case_count = scenario->case_count ? scenario->case_count : 1};
	list = calloc(scenario->address_count + 1, sizeof(*list));
	if (!list || !memory_take(stage)) {
		fputs("sekisho: out of memory\n", stderr);
		free(list);
		return -1;
	}
	for (size_t i = 0; i < scenario->address_count; i++)
		list[i] = (struct packet_words_name){scenario->addresses[i].name,
						     scenario->addresses[i].address};
	good = frames_make(stage, &(struct packet_words_names){list, scenario->address_count});
	free(list);
	if (!good)
		return 1;
	order_make(stage);
	return cases_load(stage, scenario->case_count ? scenario->cases : otherwise);
}

void stage_fini(struct stage *stage)
{
	const struct scenario *scenario = stage->scenario;

	for (size_t c = 0; stage->cases && c < stage->case_count; c++)
		for (size_t p = 0; p < SCENARIO_POLICIES_MAX; p++)
			trace_judge_fini(&stage->cases[c].filters[p]);
	for (size_t i = 0; stage->packets && i < scenario->packet_count; i++)
		free(stage->packets[i].bytes);
	for (size_t c = 0; stage->exchanges && c < scenario->conversation_count; c++) {
		size_t frames = 2 * scenario->conversations[c].exchange_count;

		for (size_t i = 0; stage->exchanges[c] && i < frames; i++)
			free(stage->exchanges[c][i].bytes);
		free(stage->exchanges[c]);
	}
	free(stage->cases);
	free(stage->packets);
	free(stage->order);
	free(stage->exchanges);
}

/* ---- a packet through the filters ------------------------------------------------------------- */

/* Rows of the packets that a filter was shown, by its own number for them less one. */
struct seen {
	size_t *rows;
	size_t count, capacity;
};

/* The case that is played, and how far. */
struct player {
	const struct stage *stage;
	const struct stage_case *from;
	struct stage_play *play;
	struct sekisho_engine *engines[SCENARIO_POLICIES_MAX];
	struct seen seen[SCENARIO_POLICIES_MAX];
	uint32_t now_ms;
};

static struct sekisho_tuple turned(const struct sekisho_tuple *tuple)
{
	struct sekisho_tuple back = *tuple;

	memcpy(back.source, tuple->destination, sizeof(back.source));
	memcpy(back.destination, tuple->source, sizeof(back.destination));
	return back;
}

/* Whether a filter is on a packet's way in this direction. */
static bool is_on_way(const struct sekisho_policy *policy, const struct sekisho_tuple *tuple,
		      enum sekisho_direction direction)
{
	struct sekisho_tuple back = turned(tuple);

	return sekisho_policy_direction(policy, direction == SEKISHO_EGRESS ? tuple : &back) ==
	       SEKISHO_EGRESS;
}

static bool seen_add(struct seen *seen, size_t row)
{
	if (seen->count == seen->capacity) {
		size_t capacity = seen->capacity ? seen->capacity * 2 : 64;
		size_t *rows = realloc(seen->rows, capacity * sizeof(*rows));

		if (!rows)
			return false;
		seen->rows = rows;
		seen->capacity = capacity;
	}
	seen->rows[seen->count++] = row;
	return true;
}

/* Tell packets by their rows, 1 is the first, and not as the filter counts them. */
static void number_by_row(const struct seen *seen, struct sekisho_verdict *verdict)
{
	if (verdict->opened_by > 0 && verdict->opened_by <= seen->count)
		verdict->opened_by = seen->rows[verdict->opened_by - 1] + 1;
}

/* Ask one filter. False: no memory. */
static bool filter_ask(struct player *player, size_t filter, struct sekisho_frame *frame,
		       struct stage_row *row)
{
	row->filter = filter;
	sekisho_engine_burst(player->engines[filter], player->now_ms, frame, 1, &row->verdict);
	if (!seen_add(&player->seen[filter], (size_t)(uintptr_t)frame->handle))
		return false;
	number_by_row(&player->seen[filter], &row->verdict);
	return true;
}

/* Ask the filters in the order of travel, up to the first that does not pass it. False: no memory. */
static bool filters_ask(struct player *player, struct sekisho_frame *frame, struct stage_row *row)
{
	static const enum sekisho_direction travel[] = {SEKISHO_EGRESS, SEKISHO_INGRESS};
	const struct stage_case *from = player->from;
	struct sekisho_tuple tuple;

	sekisho_frame_tuple(frame, &tuple);
	row->verdict = (struct sekisho_verdict){
		.action = SEKISHO_PASS, .reason = SEKISHO_REASON_COUNT, .rule = SEKISHO_RULE_NONE};
	if (from->from->policy_count == 1) {
		frame->direction =
			(uint8_t)sekisho_policy_direction(from->filters[0].policy, &tuple);
		return filter_ask(player, 0, frame, row);
	}
	for (unsigned way = 0; way < 2; way++) {
		frame->direction = (uint8_t)travel[way];
		for (size_t f = 0; f < from->from->policy_count; f++) {
			if (row->verdict.action == SEKISHO_PASS &&
			    is_on_way(from->filters[f].policy, &tuple, travel[way]) &&
			    !filter_ask(player, f, frame, row))
				return false;
		}
	}
	return true;
}

/* A row to write to: a new one, or the last if none are kept. NULL: no memory. */
static struct stage_row *row_add(struct stage_play *play)
{
	if (play->row_count == play->row_capacity) {
		size_t capacity = play->row_capacity ? play->row_capacity * 2 : 64;
		struct stage_row *rows = realloc(play->rows, capacity * sizeof(*rows));

		if (!rows)
			return NULL;
		play->rows = rows;
		play->row_capacity = capacity;
	}
	if (!play->keep_rows)
		play->row_count = 0;
	return &play->rows[play->row_count++];
}

/* Let those of the rows that were held have the verdict that they got now. */
static void releases_take(struct player *player)
{
	struct sekisho_release release;

	for (size_t f = 0; f < player->from->from->policy_count; f++) {
		while (sekisho_engine_release(player->engines[f], &release, 1) == 1) {
			number_by_row(&player->seen[f], &release.verdict);
			if (player->play->keep_rows)
				player->play->rows[(uintptr_t)release.handle].verdict =
					release.verdict;
		}
	}
}

/* Send a frame. 1 if it arrives, 0 if not, -1: no memory. */
static int frame_send(struct player *player, const struct stage_frame *bytes,
		      const struct scenario_words *words, size_t packet)
{
	struct stage_row *row = row_add(player->play);
	struct sekisho_frame frame = {
		.data = bytes->bytes, .captured = bytes->length, .length = bytes->length};
	int arrives;

	if (!row)
		return -1;
	*row = (struct stage_row){.at_ms = player->now_ms, .words = words, .packet = packet};
	frame.handle = (void *)(uintptr_t)(player->play->row_count - 1);
	if (!filters_ask(player, &frame, row))
		return -1;
	arrives = row->verdict.action == SEKISHO_PASS;
	releases_take(player);
	return arrives;
}

/* ---- conversations ---------------------------------------------------------------------------- */

/* How far a conversation is. */
struct talk {
	const struct scenario_conversation *from;
	const struct stage_frame *frames;
	size_t exchange, tries;
	uint32_t next_ms; /* when it asks again, or gives up */
	bool is_over;
};

static void talk_end(struct talk *talk, struct stage_end *end, bool is_up, uint32_t now_ms)
{
	talk->is_over = true;
	*end = (struct stage_end){is_up, now_ms};
}

/* Ask, and go on for as long as what asks is answered. False: no memory. */
static bool talk_ask(struct player *player, struct talk *talk, struct stage_end *end)
{
	const struct scenario_conversation *from = talk->from;

	for (;;) {
		const struct scenario_exchange *exchange = &from->exchanges[talk->exchange];
		const struct stage_frame *frames = &talk->frames[2 * talk->exchange];
		int arrives = frame_send(player, &frames[0], &exchange->ask, NO_PACKET);

		if (arrives == 1)
			arrives = frame_send(player, &frames[1], &exchange->answer, NO_PACKET);
		if (arrives < 0)
			return false;
		if (arrives == 0)
			break;
		talk->tries = 0;
		if (++talk->exchange == from->exchange_count) {
			talk_end(talk, end, true, player->now_ms);
			return true;
		}
	}
	talk->next_ms = player->now_ms + (talk->tries < from->tries ? from->retry_ms[talk->tries]
								    : from->patience_ms);
	return true;
}

/* It is time: ask again, or give up. */
static bool talk_turn(struct player *player, struct talk *talk, struct stage_end *end, bool first)
{
	if (first)
		return talk_ask(player, talk, end);
	if (talk->tries++ < talk->from->tries)
		return talk_ask(player, talk, end);
	talk_end(talk, end, false, player->now_ms);
	return true;
}

/* ---- a play ----------------------------------------------------------------------------------- */

static bool engines_make(struct player *player)
{
	for (size_t f = 0; f < player->from->from->policy_count; f++) {
		const struct trace_judge *judge = &player->from->filters[f];
		struct sekisho_engine_config config = {.flows = FLOWS,
						       .fragments = FRAGMENTS,
						       .held = FRAGMENTS,
						       .zones = 1,
						       .names = judge->names};
		char message[128];

		player->engines[f] = sekisho_engine_create(&config, message, sizeof(message));
		if (!player->engines[f])
			return false;
		sekisho_engine_set_policy(player->engines[f], 0, judge->policy);
	}
	return true;
}

/* The conversation whose turn is next; NULL if all are over. */
static struct talk *talk_next(struct talk *talks, size_t count)
{
	struct talk *next = NULL;

	for (size_t i = 0; i < count; i++)
		if (!talks[i].is_over && (!next || talks[i].next_ms < next->next_ms))
			next = &talks[i];
	return next;
}

/* Play all that is to be sent, in order of time. */
static bool run(struct player *player, struct talk *talks, bool *begun)
{
	const struct scenario *scenario = player->stage->scenario;
	size_t sent = 0;

	for (;;) {
		struct talk *talk = talk_next(talks, scenario->conversation_count);
		size_t packet =
			sent < scenario->packet_count ? player->stage->order[sent] : NO_PACKET;

		if (packet != NO_PACKET &&
		    (!talk || scenario->packets[packet].at_ms <= talk->next_ms)) {
			player->now_ms = scenario->packets[packet].at_ms;
			sent++;
			if (frame_send(player, &player->stage->packets[packet],
				       &scenario->packets[packet].send, packet) < 0)
				return false;
		} else if (talk) {
			size_t index = (size_t)(talk - talks);

			player->now_ms = talk->next_ms;
			if (!talk_turn(player, talk, &player->play->ends[index], !begun[index]))
				return false;
			begun[index] = true;
		} else {
			return true;
		}
	}
}

/* Time goes on until nothing is held. */
static void held_finish(struct player *player)
{
	for (size_t f = 0; f < player->from->from->policy_count; f++)
		sekisho_engine_burst(player->engines[f], player->now_ms + HELD_MS, NULL, 0, NULL);
	releases_take(player);
}

bool stage_play(struct stage *stage, size_t index, const struct scenario_conversation *later,
		uint32_t delay_ms, struct stage_play *play)
{
	const struct scenario *scenario = stage->scenario;
	size_t count = scenario->conversation_count;
	struct player player = {.stage = stage, .from = &stage->cases[index], .play = play};
	struct talk *talks = calloc(count + 1, sizeof(*talks));
	bool *begun = calloc(count + 1, sizeof(*begun)), good;

	play->ends = calloc(count + 1, sizeof(*play->ends));
	good = talks && begun && play->ends && engines_make(&player);
	for (size_t i = 0; good && i < count; i++) {
		const struct scenario_conversation *from = &scenario->conversations[i];

		talks[i] = (struct talk){.from = from, .frames = stage->exchanges[i]};
		talks[i].next_ms = from->at_ms + (from == later ? delay_ms : 0);
	}
	good = good && run(&player, talks, begun);
	if (good)
		held_finish(&player);
	for (size_t f = 0; f < SCENARIO_POLICIES_MAX; f++) {
		if (player.engines[f])
			sekisho_engine_destroy(player.engines[f]);
		free(player.seen[f].rows);
	}
	free(talks);
	free(begun);
	return good;
}

void stage_play_fini(struct stage_play *play)
{
	free(play->rows);
	free(play->ends);
	*play = (struct stage_play){0};
}
