/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe.h: asking a policy what it would do, without a capture: packets made to order, and an engine
 * that is put back to its beginning as often as one likes.
 */
#ifndef PROBE_H
#define PROBE_H

#include "first_boxes.h"
#include "packet_words.h"
#include "trace.h"

#define PROBE_FLOWS     64 /* that an engine has room for: all are swept at one step of the clock */
#define PROBE_TEXT_SIZE 160

/* Ask about one frame. */
struct sekisho_verdict probe_ask(const struct trace_judge *judge, uint32_t now_ms,
				 const struct sekisho_frame *frame);

/*
 * Forget all flows. The clock goes once round its 32 bits, in steps that are longer than any timer: it
 * is `now_ms` again afterwards, and all flows are over.
 */
void probe_forget(const struct trace_judge *judge, uint32_t now_ms);

/* A first packet in the words of packet_words.h. */
void probe_text(const struct first_packet *packet, char text[PROBE_TEXT_SIZE]);

/* And as a frame, which is in `bytes`. */
struct sekisho_frame probe_frame(const struct first_packet *packet,
				 uint8_t bytes[PACKET_WORDS_FRAME_MAX]);

#endif
