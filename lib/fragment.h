/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragment.h: virtual reassembly (STRICT-71, AWS-86; RFC 791, 8200, 1858, 3128, 5722, 7112).
 *
 * Nothing is put together: a fragment leaves as it came. What is kept of a datagram is which of its
 * bytes have been seen, and the verdict of its first fragment, which the others inherit. Those that
 * come before the first are held: their frames stay with the caller, a handle of each stays here.
 *
 * Life of a datagram: begun by whichever fragment comes first; decided when the first one has been
 * judged; spoilt by an overlap, a contradiction, or too many pieces; forgotten once all its bytes
 * have been seen, or when its time is over, 30 s (IPv4) or 60 s (IPv6) after it was begun.
 *
 * All of it is bounded: datagrams, held frames, their bytes, and the work of a burst. One thread
 * owns a table.
 */
#ifndef FRAGMENT_H
#define FRAGMENT_H

#include <stddef.h>

#include "flow_key.h"
#include "packet.h"

#define FRAGMENT_PIECES_MAX 64 /* of one datagram; STRICT-71 */
#define FRAGMENT_NONE       UINT32_MAX

/* Bytes of a datagram that have been seen: first .. past - 1. */
struct fragment_span {
	uint16_t first, past;
};

struct fragment_datagram {
	struct flow_key key;            /* the identification in the ports */
	uint32_t expires_at;            /* tick */
	uint32_t chain;                 /* next of its bucket, or of the free ones */
	uint32_t older, newer;          /* begun before and after it, of its family */
	uint32_t held_first, held_last; /* its frames that wait */
	uint32_t end; /* bytes of the whole; 0 while the last fragment has not come */
	uint8_t direction;
	uint8_t pieces; /* fragments seen */
	uint8_t spans;  /* of `span`: ordered, apart from each other */
	uint8_t spoilt; /* enum sekisho_reason that befell the whole, or PACKET_REASON_NONE */
	/* once decided: what the others inherit */
	uint8_t decided;
	uint8_t reason;
	uint32_t rule, opened_by;
	/* once decided, and if TCP: where the segment ends, less the datagram's bytes */
	uint8_t is_tcp;
	uint32_t tcp_end_base;
	struct flow_key flow;
	struct fragment_span span[FRAGMENT_PIECES_MAX];
};

/* A frame that waits, or that may leave. */
struct fragment_held {
	void *handle;
	uint64_t packet; /* its number */
	uint32_t next;
	uint32_t length;
	/* once it may leave: */
	uint32_t rule, opened_by;
	uint16_t zone;
	uint8_t reason, direction;
};

struct fragment_limits {
	uint32_t datagrams;
	uint32_t frames; /* held at once */
	uint32_t bytes;  /* of held frames */
};

/* A list through indices, oldest first. */
struct fragment_list {
	uint32_t first, last;
};

struct fragment_table {
	struct fragment_limits limits;
	struct fragment_datagram *datagrams;
	struct fragment_held *held;
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint32_t free_datagram, free_held;
	struct fragment_list
		age[2]; /* IPv4, IPv6: all live for the same time, so in order of expiry */
	struct fragment_list ready; /* held frames that may leave */
	uint32_t frames, bytes;     /* held now, ready ones included */
	struct flow_hash_secret secret;
};

/* The size of a table's memory, in bytes. */
size_t fragment_table_size(const struct fragment_limits *limits);

/* Lay a table into zeroed memory of that size. `random` is 32 bytes. */
void fragment_table_init(struct fragment_table *table, const struct fragment_limits *limits,
			 void *memory, const uint8_t *random);

enum fragment_outcome {
	FRAGMENT_REFUSE, /* drop, by `reason` */
	FRAGMENT_JUDGE,  /* the first: judge it, then fragment_decide() */
	FRAGMENT_FOLLOW, /* as the first was judged */
	FRAGMENT_WAIT    /* fragment_hold() it: there is room */
};

struct fragment_admission {
	enum fragment_outcome outcome;
	enum sekisho_reason reason; /* with FRAGMENT_REFUSE */
	struct fragment_datagram *datagram;
};

/* Where a fragment comes from, and when. */
struct fragment_origin {
	uint16_t zone;
	uint8_t direction;
	uint32_t now; /* tick */
};

/* Note a fragment that parsed well, and say what becomes of it. */
struct fragment_admission fragment_admit(struct fragment_table *table, const struct packet *packet,
					 const struct fragment_origin *origin);

/* The first fragment did not even parse: what else comes of its datagram goes the same way. */
void fragment_refuse(struct fragment_table *table, const struct packet *packet,
		     const struct fragment_origin *origin);

/* The first fragment has been judged: those that waited may leave. */
void fragment_decide(struct fragment_table *table, struct fragment_datagram *datagram,
		     enum sekisho_reason reason, uint32_t rule, uint32_t opened_by);

/* Hold a frame that was told to wait. */
void fragment_hold(struct fragment_table *table, struct fragment_datagram *datagram,
		   const struct fragment_held *frame);

/* The reason that a fragment has by its datagram's first one. */
enum sekisho_reason fragment_inherit(const struct fragment_datagram *datagram);

/* Whether every byte has been seen and judged, so that nothing need be remembered. */
bool fragment_is_complete(const struct fragment_datagram *datagram);

void fragment_forget(struct fragment_table *table, struct fragment_datagram *datagram);

/* End up to `budget` datagrams whose time is over. */
void fragment_age(struct fragment_table *table, uint32_t now, unsigned budget);

/* What a fragment could meet in a table. */
struct fragment_sample {
	bool found; /* its datagram is known, and is this, without the frames that wait */
	bool has_room;       /* for one more datagram */
	bool has_frame;      /* for one more held frame */
	uint32_t bytes_left; /* of those */
	struct fragment_datagram datagram;
};

/* Take one; changes nothing, and takes no longer than admitting the fragment would. */
void fragment_sample_take(const struct fragment_table *table, const struct packet *packet,
			  const struct fragment_origin *origin, struct fragment_sample *sample);

/*
 * Have an empty table, of at least two datagrams and one frame, do to the sample's packet what the sampled
 * one would, as one of zone 0.
 */
void fragment_sample_put(struct fragment_table *table, const struct fragment_sample *sample);

/* Take the next held frame that may leave into `frame`; false if there is none. */
bool fragment_take_ready(struct fragment_table *table, struct fragment_held *frame);

#endif
