/* SPDX-License-Identifier: BSD-3-Clause */
/* endpoint.c: see endpoint.h. */
#include "endpoint.h"

#include <assert.h>
#include <string.h>

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10

#define RESEND_MS     200
#define RESEND_MAX_MS 4000
#define DELAY_MS      20 /* of an acknowledgement */
#define KEEPALIVE_MS  9000
#define LINGER_MS     15000 /* in TIME-WAIT */

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static uint32_t chance(struct endpoint *e, uint32_t n)
{
	e->seed = e->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(e->seed >> 33) % n;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The number past the last byte of data, which is that of the FIN. */
static uint32_t data_end(const struct endpoint *e)
{
	return e->options.iss + 1 + e->options.to_send;
}

static bool scales(const struct endpoint *e)
{
	return e->options.scale != SEGMENT_NO_SCALE && e->peer_scale != SEGMENT_NO_SCALE;
}

/* ---- sending ------------------------------------------------------------------------------- */

static void emit(struct endpoint *e, uint8_t flags, uint32_t seq, uint32_t length)
{
	uint32_t window = e->options.buffer - least(e->unread, e->options.buffer);

	if (!(flags & SYN) && scales(e))
		window >>= e->options.scale;
	assert(e->out_count < ENDPOINT_OUT_MAX);
	e->out[e->out_count++] = (struct segment_spec){
		.flags = flags,
		.scale = flags & SYN && (!(flags & ACK) || e->peer_scale != SEGMENT_NO_SCALE)
				 ? e->options.scale
				 : SEGMENT_NO_SCALE,
		.window = (uint16_t)least(window, 65535),
		.seq = seq,
		.ack = flags & ACK ? e->rcv_nxt : 0,
		.length = length};
	if (flags & ACK)
		e->ack_at = 0;
}

static void send_ack(struct endpoint *e)
{
	emit(e, ACK, e->nxt, 0);
}

static void send_syn(struct endpoint *e)
{
	uint32_t length = e->options.fast_open && e->resend_ms == RESEND_MS
				  ? least(e->options.mss, e->options.to_send)
				  : 0;

	emit(e, SYN, e->options.iss, length);
	if (before(e->nxt, e->options.iss + 1 + length))
		e->nxt = e->options.iss + 1 + length;
}

static void arm(struct endpoint *e, uint32_t now)
{
	e->resend_at = now + e->resend_ms;
}

/* Send the segment at `from` again, in whatever cut. */
static void resend(struct endpoint *e, uint32_t from)
{
	uint32_t sent_data = before(data_end(e), e->nxt) ? data_end(e) : e->nxt;
	uint32_t cut = chance(e, 4) ? e->options.mss : 1 + chance(e, e->options.mss);
	uint32_t length = least(sent_data - from, cut);
	bool fin = e->fin_sent && from + length == data_end(e);

	e->recover = e->nxt;
	emit(e, (uint8_t)(ACK | (fin ? FIN : 0)), from, length);
}

static bool may_close(const struct endpoint *e)
{
	return !e->fin_sent && e->nxt == data_end(e) && e->closing;
}

static void send_fin(struct endpoint *e, uint8_t flags, uint32_t seq, uint32_t length)
{
	emit(e, flags | FIN, seq, length);
	e->fin_sent = true;
	e->nxt = data_end(e) + 1;
}

/* All that window, flight and application let go. */
static void push(struct endpoint *e, uint32_t now)
{
	if (e->state != ENDPOINT_OPEN)
		return;
	while (before(e->nxt, data_end(e))) {
		uint32_t flight = e->nxt - e->una;
		uint32_t room = least(e->window, e->options.flight);
		uint32_t length = least(e->options.mss, data_end(e) - e->nxt);

		if (flight >= room)
			break;
		length = least(length, room - flight);
		if (e->nxt + length == data_end(e) && e->options.close_ms == 0 &&
		    !e->options.waits_for_fin && !e->fin_sent && chance(e, 2)) {
			send_fin(e, ACK | PSH, e->nxt, length);
			break;
		}
		emit(e, ACK | PSH, e->nxt, length);
		e->nxt += length;
	}
	if (e->nxt == data_end(e) && !e->options.waits_for_fin && !e->closing && e->close_at == 0)
		e->close_at = now + e->options.close_ms;
	if (may_close(e) && (e->nxt - e->una < e->window || e->options.fin_past_window))
		send_fin(e, ACK, e->nxt, 0);
	if (e->resend_at == 0 && (e->una != e->nxt || before(e->nxt, data_end(e)) || may_close(e)))
		arm(e, now);
	e->keepalive_at = now + KEEPALIVE_MS;
}

/* ---- receiving ----------------------------------------------------------------------------- */

static void take_window(struct endpoint *e, const struct segment_spec *s)
{
	bool newer = before(e->window_seq, s->seq) ||
		     (e->window_seq == s->seq && !before(s->ack, e->window_ack));

	if (!newer)
		return;
	e->window = s->window;
	if (!(s->flags & SYN) && scales(e))
		e->window <<= e->peer_scale;
	e->window_seq = s->seq;
	e->window_ack = s->ack;
}

static void take_ack(struct endpoint *e, const struct segment_spec *s, uint32_t now)
{
	if (before(e->una, s->ack) && !before(e->nxt, s->ack)) {
		e->window -= least(s->ack - e->una, e->window); /* its right edge stays */
		e->una = s->ack;
		e->copies = 0;
		e->resend_ms = RESEND_MS;
		e->resend_at = 0;
		if (e->una != e->nxt)
			arm(e, now);
		if (before(e->una, e->recover))
			resend(e, e->una);
	} else if (s->ack == e->una && s->length == 0 && e->una != e->nxt && ++e->copies == 3) {
		resend(e, e->una);
	}
	if (!before(s->ack, e->una) && !before(e->nxt, s->ack))
		take_window(e, s);
}

static void keep_past_gap(struct endpoint *e, uint32_t from, uint32_t to)
{
	for (unsigned i = 0; i < e->gap_count; i++) {
		if (before(to, e->gaps[i].from) || before(e->gaps[i].to, from))
			continue;
		if (before(from, e->gaps[i].from))
			e->gaps[i].from = from;
		if (before(e->gaps[i].to, to))
			e->gaps[i].to = to;
		return;
	}
	if (e->gap_count == ENDPOINT_GAPS)
		return;
	e->gaps[e->gap_count].from = from;
	e->gaps[e->gap_count++].to = to;
}

/* Data [from, to) have come: keep what is past a gap, and take all that is whole by now. */
static void take_data(struct endpoint *e, uint32_t from, uint32_t to)
{
	if (before(e->rcv_nxt, from)) {
		keep_past_gap(e, from, to);
		return;
	}
	if (before(e->rcv_nxt, to)) {
		e->received += to - e->rcv_nxt;
		e->unread += e->options.read_ms ? to - e->rcv_nxt : 0;
		e->rcv_nxt = to;
	}
	for (unsigned i = 0; i < e->gap_count; i++) {
		if (!before(e->rcv_nxt, e->gaps[i].from)) {
			uint32_t whole_from = e->gaps[i].from, whole_to = e->gaps[i].to;

			e->gaps[i] = e->gaps[--e->gap_count];
			take_data(e, whole_from, whole_to);
			return;
		}
	}
}

static void take_payload(struct endpoint *e, const struct segment_spec *s, uint32_t now)
{
	uint32_t start = s->seq + !!(s->flags & SYN), end = start + s->length;
	uint32_t edge = e->rcv_nxt + e->options.buffer - least(e->unread, e->options.buffer);

	if (before(edge, end))
		end = edge; /* a probe, or more than we have room for */
	else if (s->flags & FIN) {
		e->peer_fin = end;
		e->peer_fin_known = true;
	}
	if (before(start, end))
		take_data(e, start, end);
	if (e->peer_fin_known && !e->peer_closed && e->rcv_nxt == e->peer_fin) {
		e->rcv_nxt++;
		e->peer_closed = true;
		if (e->options.waits_for_fin)
			e->close_at = now + e->options.close_ms;
	}
	if (e->options.read_ms && e->unread > 0 && e->read_at == 0)
		e->read_at = now + e->options.read_ms;
}

static void become_open(struct endpoint *e, const struct segment_spec *s, uint32_t now)
{
	e->state = ENDPOINT_OPEN;
	e->una = s->ack;
	if (before(e->nxt, e->una))
		e->nxt = e->una;
	e->window_seq = s->seq;
	e->window_ack = s->ack;
	e->window = s->window;
	if (!(s->flags & SYN) && scales(e))
		e->window <<= e->peer_scale;
	e->resend_at = 0;
	e->resend_ms = RESEND_MS;
	if (e->options.abort_ms != 0)
		e->abort_at = now + e->options.abort_ms;
}

/* The peer's SYN, with ACK or without. */
static void take_syn(struct endpoint *e, const struct segment_spec *s)
{
	e->peer_scale = s->scale;
	e->rcv_nxt = s->seq + 1;
	e->window = s->window;
	if (s->length > 0 && e->options.takes_fast_open)
		take_data(e, s->seq + 1, s->seq + 1 + s->length);
}

static void receive_listening(struct endpoint *e, const struct segment_spec *s, uint32_t now)
{
	if ((s->flags & (SYN | ACK | RST)) != SYN)
		return;
	take_syn(e, s);
	e->state = ENDPOINT_SYN_RECEIVED;
	e->nxt = e->options.iss + 1;
	emit(e, SYN | ACK, e->options.iss, 0);
	arm(e, now);
}

static void receive_syn_sent(struct endpoint *e, const struct segment_spec *s, uint32_t now)
{
	bool acks = (s->flags & ACK) && before(e->options.iss, s->ack) && !before(e->nxt, s->ack);

	if ((s->flags & RST) && acks)
		e->state = ENDPOINT_GONE;
	if ((s->flags & RST) || !(s->flags & SYN) || ((s->flags & ACK) && !acks))
		return;
	take_syn(e, s);
	if (acks) {
		become_open(e, s, now);
		push(e, now);
		if (e->out_count == 0)
			send_ack(e);
		return;
	}
	e->state = ENDPOINT_SYN_RECEIVED; /* both open at once */
	emit(e, SYN | ACK, e->options.iss, 0);
	arm(e, now);
}

static bool acceptable(const struct endpoint *e, const struct segment_spec *s)
{
	uint32_t window = e->options.buffer - least(e->unread, e->options.buffer);
	uint32_t end = s->seq + s->length + !!(s->flags & FIN);

	if (end == s->seq)
		return !before(s->seq, e->rcv_nxt) && !before(e->rcv_nxt + window, s->seq);
	return before(e->rcv_nxt, end) && before(s->seq, e->rcv_nxt + (window ? window : 1));
}

static void receive_open(struct endpoint *e, const struct segment_spec *s, uint32_t now)
{
	if (s->flags & RST) {
		if (s->seq == e->rcv_nxt)
			e->state = ENDPOINT_GONE;
		else if (acceptable(e, s))
			send_ack(e); /* RFC 5961 */
		return;
	}
	if (e->state == ENDPOINT_SYN_RECEIVED && s->flags == SYN && s->seq + 1 == e->rcv_nxt) {
		emit(e, SYN | ACK, e->options.iss, 0);
		return;
	}
	if (e->state == ENDPOINT_SYN_RECEIVED) {
		if (!(s->flags & ACK) || !before(e->options.iss, s->ack) || before(e->nxt, s->ack))
			return;
		become_open(e, s, now);
	}
	if ((s->flags & SYN) || !acceptable(e, s)) {
		if (s->flags & ACK)
			take_ack(e, s, now);
		send_ack(e);
		push(e, now);
		return;
	}
	take_ack(e, s, now);
	take_payload(e, s, now);
	push(e, now);
	if (s->length == 0 && !(s->flags & FIN))
		return;
	if (s->flags & FIN || e->gap_count > 0 || chance(e, 2))
		send_ack(e);
	else if (e->ack_at == 0)
		e->ack_at = now + DELAY_MS;
}

/* A closed socket's word on whatever still comes. */
static void refuse(struct endpoint *e, const struct segment_spec *s)
{
	uint32_t end = s->seq + s->length + !!(s->flags & SYN) + !!(s->flags & FIN);

	if (s->flags & RST)
		return;
	e->rcv_nxt = end;
	if (s->flags & ACK)
		emit(e, RST, s->ack, 0);
	else
		emit(e, RST | ACK, 0, 0);
}

void endpoint_receive(struct endpoint *e, const struct segment_spec *s, uint32_t now)
{
	switch (e->state) {
	case ENDPOINT_LISTEN:
		receive_listening(e, s, now);
		break;
	case ENDPOINT_SYN_SENT:
		receive_syn_sent(e, s, now);
		break;
	case ENDPOINT_GONE:
		refuse(e, s);
		break;
	default:
		receive_open(e, s, now);
		if (endpoint_is_finished(e) && e->leave_at == 0)
			e->leave_at = now + LINGER_MS;
	}
}

/* ---- time ---------------------------------------------------------------------------------- */

void endpoint_start(struct endpoint *e, const struct endpoint_options *options, uint64_t seed)
{
	memset(e, 0, sizeof(*e));
	e->options = *options;
	e->seed = seed;
	e->peer_scale = SEGMENT_NO_SCALE;
	e->una = e->nxt = e->recover = options->iss;
	e->resend_ms = RESEND_MS;
}

void endpoint_connect(struct endpoint *e, uint32_t now)
{
	e->state = ENDPOINT_SYN_SENT;
	send_syn(e);
	arm(e, now);
}

bool endpoint_is_finished(const struct endpoint *e)
{
	return e->state == ENDPOINT_GONE ||
	       (e->fin_sent && e->una == data_end(e) + 1 && e->peer_closed);
}

static void resend_now(struct endpoint *e, uint32_t now)
{
	e->resend_ms = least(e->resend_ms * 2, RESEND_MAX_MS);
	arm(e, now);
	if (e->state == ENDPOINT_SYN_SENT)
		send_syn(e);
	else if (e->state == ENDPOINT_SYN_RECEIVED)
		emit(e, SYN | ACK, e->options.iss, 0);
	else if (e->una != e->nxt)
		resend(e, e->una);
	else if (e->window == 0 && before(e->nxt, data_end(e)) && e->options.probes_with_byte)
		emit(e, ACK, e->nxt++, 1);
	else if (e->window == 0)
		emit(e, ACK, e->una - 1, 0);
	else
		e->resend_at = 0;
}

static void reset(struct endpoint *e)
{
	emit(e, RST | ACK, e->nxt, 0);
	e->state = ENDPOINT_GONE;
}

static bool due(uint32_t *at, uint32_t now)
{
	if (*at == 0 || before(now, *at))
		return false;
	*at = 0;
	return true;
}

void endpoint_tick(struct endpoint *e, uint32_t now)
{
	if (e->state == ENDPOINT_GONE)
		return;
	if (due(&e->abort_at, now)) {
		reset(e);
		return;
	}
	if (due(&e->leave_at, now)) {
		e->state = ENDPOINT_GONE;
		return;
	}
	if (due(&e->resend_at, now))
		resend_now(e, now);
	if (due(&e->ack_at, now))
		send_ack(e);
	if (due(&e->close_at, now))
		e->closing = true;
	if (due(&e->read_at, now)) {
		e->unread -= least(e->unread, 1 + chance(e, e->options.buffer));
		send_ack(e); /* a window update */
		if (e->unread > 0)
			e->read_at = now + e->options.read_ms;
	}
	if (e->state == ENDPOINT_OPEN && due(&e->keepalive_at, now)) {
		e->keepalive_at = now + KEEPALIVE_MS;
		if (e->una == e->nxt)
			emit(e, ACK, e->nxt - 1, e->fin_sent ? 0 : chance(e, 2));
	}
	push(e, now);
}

uint32_t endpoint_next(const struct endpoint *e)
{
	const uint32_t times[] = {e->resend_at, e->ack_at,       e->read_at, e->close_at,
				  e->abort_at,  e->keepalive_at, e->leave_at};
	uint32_t next = 0;

	if (e->state == ENDPOINT_GONE || e->state == ENDPOINT_LISTEN)
		return 0;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i] != 0 && (next == 0 || before(times[i], next)))
			next = times[i];
	}
	return next;
}
