/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stage.h: a scenario (config/scenario.h) played on a virtual clock.
 *
 * A packet meets the filters of a case in its order of travel: the one that has its source behind it,
 * outwards; then the one that has its destination, inwards. A filter that has neither is not on its
 * way, unless it is the only one of the case. The first that drops it decides. Travel takes no time.
 *
 * What asks in a conversation arrives, is answered at once, and the answer arrives; then the next
 * exchange begins. Where one of the two is dropped, it is asked again, until patience ends.
 */
#ifndef STAGE_H
#define STAGE_H

#include <scenario.h>

#include "trace.h"

struct stage_case {
	const struct scenario_case *from;
	struct trace_judge filters[SCENARIO_POLICIES_MAX];
};

/* A frame of a packet's words. */
struct stage_frame {
	uint8_t *bytes;
	uint32_t length;
};

struct stage {
	const struct scenario *scenario;
	struct stage_case *cases;
	size_t case_count;
	struct stage_frame *packets;    /* by packet of the scenario */
	size_t *order;                  /* packets by time */
	struct stage_frame **exchanges; /* [conversation][2 * exchange + is answer] */
};

/* What became of a packet. */
struct stage_row {
	uint32_t at_ms;
	const struct scenario_words *words;
	size_t packet; /* of the scenario; SIZE_MAX: of a conversation */
	size_t filter; /* that decided */
	struct sekisho_verdict verdict; /* opened_by is a row, 1 is the first */
};

/* How a conversation ended. */
struct stage_end {
	bool is_up;
	uint32_t at_ms; /* when it came up, or patience ended */
};

/* One case, played once. */
struct stage_play {
	struct stage_row *rows; /* in order of time */
	size_t row_count, row_capacity;
	bool keep_rows;
	struct stage_end *ends; /* by conversation */
};

/*
 * Load the policies and make the frames of a scenario, which must outlive the stage. 0; 1 if a policy or
 * a packet is wrong, -1 for any other failure; errors are on stderr. If the
 * scenario has no case, `otherwise` is the one. Call stage_fini() in any case.
 */
int stage_init(struct stage *stage, const struct scenario *scenario,
	       const struct scenario_case *otherwise);
void stage_fini(struct stage *stage);

/*
 * Play a case, with one conversation `delay_ms` later (NULL: none). Rows are kept if play->keep_rows.
 * False if there is no memory. Call stage_play_fini() in any case.
 */
bool stage_play(struct stage *stage, size_t index, const struct scenario_conversation *later,
		uint32_t delay_ms, struct stage_play *play);
void stage_play_fini(struct stage_play *play);

#endif
