/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * endpoint.h: one end of a simulated TCP connection (RFC 9293), to have traffic that is
 * legitimate by construction: it sends what its peer's windows allow, sends again what is lost,
 * probes closed windows, keeps idle connections alive, answers as it must, and closes in any
 * order. Bytes have numbers and no contents.
 *
 * The test owns the clock and the wire: it calls in when a segment or the next time arrives, and
 * then takes what has been put into `out`.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "segments.h"

#define ENDPOINT_OUT_MAX 1024
#define ENDPOINT_GAPS    64

struct endpoint_options {
	uint32_t iss;
	uint32_t mss;
	uint32_t to_send;  /* bytes of data */
	uint32_t buffer;   /* the largest window it offers */
	uint32_t flight;   /* the most that it has on the way */
	uint32_t read_ms;  /* between reads of its application; 0 reads at once */
	uint32_t close_ms; /* after all data are sent, or the peer has closed: to its FIN */
	uint32_t abort_ms; /* RST at this time; 0 never */
	uint8_t scale;     /* SEGMENT_NO_SCALE offers none */
	bool fast_open;    /* data on the SYN (RFC 7413) */
	bool takes_fast_open;
	bool waits_for_fin;    /* closes only after its peer */
	bool fin_past_window;  /* some stacks send FIN into a full window */
	bool probes_with_byte; /* of a closed window: the next byte, or none and an old number */
};

enum endpoint_state {
	ENDPOINT_LISTEN,
	ENDPOINT_SYN_SENT,
	ENDPOINT_SYN_RECEIVED,
	ENDPOINT_OPEN, /* and all that follows it */
	ENDPOINT_GONE  /* by RST, or for it was finished; answers with RST */
};

struct endpoint {
	struct endpoint_options options;
	enum endpoint_state state;
	uint64_t seed;

	/* as sender */
	uint32_t una, nxt, window;
	uint32_t window_seq, window_ack; /* of the segment that the window is from */
	uint8_t peer_scale;              /* or SEGMENT_NO_SCALE */
	bool closing, fin_sent;
	unsigned copies; /* duplicate acknowledgements */
	uint32_t
		recover; /* what was sent when something was lost: until then, partial ones resend */

	/* as receiver */
	uint32_t rcv_nxt, unread, received;
	struct {
		uint32_t from, to;
	} gaps[ENDPOINT_GAPS]; /* what came past a gap */
	unsigned gap_count;
	uint32_t peer_fin;
	bool peer_fin_known, peer_closed;

	/* times; 0 is never */
	uint32_t resend_at, resend_ms, ack_at, read_at, close_at, abort_at, keepalive_at, leave_at;

	struct segment_spec out[ENDPOINT_OUT_MAX];
	unsigned out_count;
};

/* It listens, until it is told to connect. */
void endpoint_start(struct endpoint *endpoint, const struct endpoint_options *options,
		    uint64_t seed);
void endpoint_connect(struct endpoint *endpoint, uint32_t now);

/* A segment has come. */
void endpoint_receive(struct endpoint *endpoint, const struct segment_spec *segment, uint32_t now);

/* The next time at which it has something to do; 0 if it only waits. */
uint32_t endpoint_next(const struct endpoint *endpoint);

/* That time has come. */
void endpoint_tick(struct endpoint *endpoint, uint32_t now);

/* Whether both its FIN and its peer's are done with. */
bool endpoint_is_finished(const struct endpoint *endpoint);

#endif
