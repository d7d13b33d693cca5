/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model.h: what the firewall must do, slowly. Written from the clauses of the semantics (AWS-n,
 * STRICT-n) and from what sekisho.h promises, not from the engine.
 *
 * One list of flows, looked through from end to end; time in 64 bits; no hash, no batch, no budget, no
 * policy generations: at each packet the model asks the policy of now. A clause is a function that
 * reads like it. Where a clause leaves a choice, the comment says what was chosen.
 *
 * STRICT-7 is one statement: what a packet has changed in the state is taken back if it is dropped
 * (model_judge()).
 *
 * Files: model.c (the path), model_flows.c (the list), model_parse.c (bytes), model_rules.c,
 * model_fragment.c, and one for each protocol family: model_tcp.c with model_window.c, model_udp.c with
 * model_ike.c and model_proofs.c, model_icmp.c.
 */
#ifndef MODEL_H
#define MODEL_H

#include <sekisho.h>

#define MODEL_FLOWS     64 /* the engine's smallest table, which it scans whole to make room */
#define MODEL_DATAGRAMS 8
#define MODEL_HELD      32
#define MODEL_ZONES     2

/* ---- A packet as the model reads it (model_parse.c) -------------------------------------------- */

#define MODEL_FINE SEKISHO_REASON_COUNT /* nothing is wrong */

enum model_kind {
	MODEL_NO_IP,
	MODEL_ARP,
	MODEL_NEIGHBOUR,
	MODEL_TCP,
	MODEL_UDP,
	MODEL_QUERY,      /* ICMP that asks or answers */
	MODEL_ERROR,      /* ICMP that quotes */
	MODEL_OTHER,      /* what has no ports: ESP, GRE, the rest of ICMP, ... */
	MODEL_LATER_PIECE /* a fragment that is not the first */
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20

#define MODEL_NO_SCALE 0xff

struct model_packet {
	uint16_t zone;
	unsigned direction; /* enum sekisho_direction */
	uint64_t number;    /* 1 is the first that came */
	uint32_t frame_length;
	void *handle;
	enum sekisho_reason wrong; /* the first thing wrong with it, or MODEL_FINE */
	enum model_kind kind;
	uint8_t family, protocol;
	uint8_t source[16], destination[16];
	uint16_t source_port, destination_port;
	bool checksum_bad;
	bool checksum_good; /* the NIC has said so */
	/* the data of layer 4: by the lengths that are told, and what was captured of it */
	const uint8_t *data;
	uint32_t data_length, data_captured;
	/* fragments */
	bool is_fragment, more;
	uint32_t offset, bytes, identification;
	/* TCP */
	uint8_t flags, scale;
	uint32_t seq, ack;
	uint16_t window;
	/* ICMP */
	uint8_t type, code;
	uint16_t id, sequence;
	uint32_t mtu;
	const uint8_t *quote;
	uint32_t quote_captured;
};

/* Read a frame. */
void model_parse(const struct sekisho_frame *frame, struct model_packet *packet);

/* Read what an ICMP error quotes; false if it quotes nothing that could be of a flow. */
bool model_parse_quote(const struct model_packet *error, struct model_packet *quoted);

/* ---- Flows ------------------------------------------------------------------------------------ */

struct model_key {
	uint16_t zone;
	uint8_t family, protocol;
	uint8_t local[16], peer[16];
	uint16_t local_port, peer_port; /* ICMP queries: identifier, type of the request */
};

enum model_state {
	UNANSWERED,
	ANSWERED,
	STREAM,
	SYN_SENT,
	SYN_CROSSED,
	SYN_RECEIVED,
	PICKED_UP,
	ESTABLISHED,
	FIN_WAIT,
	CLOSE_WAIT,
	LAST_ACK,
	TIME_WAIT,
	CLOSED
};

/* One side of TCP, as a sender; numbers are sequence numbers, which wrap. */
struct model_tcp {
	bool known;              /* its SYN was seen */
	bool syn_acked;          /* the other side has acknowledged it */
	bool fin, fin_acked;     /* it has sent FIN; and that was acknowledged */
	bool rst_in_doubt;       /* it has sent RST, and the other side may not have believed it */
	uint32_t end;            /* one past the highest that it has sent */
	uint32_t acked;          /* the highest that was acknowledged; at first its SYN's own */
	uint32_t room;           /* how far past that the other side has let it go */
	uint32_t largest_window; /* that it has offered itself, in bytes */
	uint8_t scale;           /* of its windows, or MODEL_NO_SCALE */
};

/* The questions of one direction that were not yet answered (STRICT-53). */
struct model_echo {
	uint16_t newest;
	bool waits[64]; /* [n]: newest - n was asked and waits for its answer */
};

/* Something that a side has asked, as a number that tells it from what else it could ask. */
struct model_question {
	unsigned asker; /* direction */
	uint64_t what;
};

#define MODEL_QUESTIONS 14

/* The last few, oldest first; how many at most is each protocol's matter. */
struct model_questions {
	unsigned count;
	struct model_question question[MODEL_QUESTIONS];
};

/* What is known of IKE (STRICT-32..38); `asker` is 0 where it does not matter. */
struct model_ike {
	struct model_questions asked;   /* SPIi that a side has asked with */
	struct model_questions adopted; /* SPIi made by rekeying */
	struct model_questions barred;  /* STRICT-35 */
	struct model_questions awaited; /* STRICT-38: exchanges */
	bool forgot;                    /* an adopted one was pushed out */
	bool answered[2];               /* an SA that this direction has opened was answered */
};

#define MODEL_NO_GRAMMAR SEKISHO_GRAMMAR_COUNT

/* Pairs are by enum sekisho_direction, of the packets that they tell about. */
struct model_flow {
	struct model_key key;
	enum model_state state;
	uint64_t opened_at, expires_at; /* ms */
	unsigned opener;                /* direction of the packet that made it */
	bool opened[2]; /* a rule of this direction has admitted an opening packet */
	const char *rule[2];
	uint64_t opened_by[2];
	uint8_t opening_type[2], opening_code[2]; /* ICMP: of that packet */
	uint64_t packets[2], bytes[2];
	unsigned grammar;           /* UDP: enum sekisho_grammar or MODEL_NO_GRAMMAR */
	unsigned requests, answers; /* UDP, AWS-46 */
	struct model_echo echo[2];
	struct model_ike ike;
	struct model_questions asked;    /* DNS, NTP; WireGuard: initiations that wait */
	struct model_questions sessions; /* WireGuard: initiations that were answered */
	struct model_tcp tcp[2];
	uint32_t tcp_first_seq;     /* of the opener's SYN */
	struct model_tcp later_syn; /* STRICT-15: the opener's side, if that is answered */
	bool later_syn_waits;
};

/* IKE between two addresses (STRICT-36, 37), beside what each flow knows. */
struct model_pair {
	struct model_key key; /* of any of the pair's flows: zone, family and addresses count */
	uint64_t expires_at;
	uint64_t alive_until; /* an IKE SA of the pair; 0: none was */
	/* the flow on which that was answered last, and under which policy */
	unsigned opener; /* direction of who asked, or else of who opened that flow */
	const char *rule;
	uint64_t opened_by;
	const struct sekisho_policy_spec *policy;
	struct model_ike ike;
};

/*
 * A flow past its time. Ceilings by source are kept by counting, and may count it until the engine's
 * sweep has been there, which goes round in two seconds.
 */
struct model_ghost {
	struct model_flow flow;
	uint64_t until;
};

#define MODEL_GHOST_MS 2000

/* All that a dropped packet must leave as it was. */
struct model_flows {
	struct model_flow flow[MODEL_FLOWS];
	unsigned count;
	struct model_pair pair[MODEL_FLOWS];
	unsigned pairs;
};

/* ---- Fragments (model_fragment.c) -------------------------------------------------------------- */

#define MODEL_PIECES 64 /* STRICT-71 */

struct model_verdict {
	enum sekisho_reason reason;
	enum sekisho_bound bound;
	bool opened;        /* it made a flow */
	const char *rule;   /* NULL: none */
	uint64_t packet;    /* its number */
	uint64_t opened_by; /* 0: no flow */
};

struct model_piece {
	uint32_t first, past;
};

struct model_datagram {
	uint64_t begun; /* the number of the packet that began it; tells datagrams apart */
	uint16_t zone;
	unsigned direction;
	uint8_t family, protocol;
	uint8_t source[16], destination[16];
	uint32_t identification;
	uint64_t expires_at;
	struct model_piece piece[MODEL_PIECES];
	unsigned pieces;
	uint32_t end;               /* of the whole; 0: not known yet */
	enum sekisho_reason spoilt; /* or MODEL_FINE */
	bool decided;
	struct model_verdict verdict; /* of the first fragment, */
	struct model_packet first;    /* and what it was */
};

/* A frame that waits for its datagram's first fragment. */
struct model_waiting {
	uint64_t datagram; /* begun */
	uint64_t number;
	uint32_t length;
	void *handle;
	uint16_t zone;
	unsigned direction;
};

/* One that has waited. */
struct model_release {
	struct model_verdict verdict;
	uint64_t datagram;
	uint32_t length;
	void *handle;
	uint16_t zone;
	unsigned direction;
};

/* ---- The model -------------------------------------------------------------------------------- */

struct model_config {
	uint32_t flows, datagrams, held, held_bytes; /* at most MODEL_FLOWS, ... */
};

struct model {
	struct model_config config;
	const struct sekisho_policy_spec *policy[MODEL_ZONES];
	uint64_t now; /* ms */
	struct model_flows flows;
	struct model_flows before; /* what a packet that is dropped leaves */
	struct model_ghost ghost[MODEL_FLOWS];
	unsigned ghosts;
	struct model_datagram datagram[MODEL_DATAGRAMS];
	unsigned datagrams;
	struct model_waiting waiting[MODEL_HELD];
	unsigned held;
	struct model_release release[MODEL_HELD];
	unsigned releases; /* since the caller last set this to 0 */
	uint64_t received;
	bool undecided;            /* it came to a choice that is the engine's */
	enum sekisho_reason heard; /* what the engine says of the packet; where either is right */
};

/* Begin with nothing. */
void model_init(struct model *model, const struct model_config *config);

/* The clock is at `now` from here on: what is over ends, frames that waited too long are released. */
void model_step(struct model *model, uint64_t now);

/* All flows are judged again that the policies of now have not seen (STRICT-4). */
void model_rejudge(struct model *model);

/* Judge one frame. `heard` is the engine's reason, heeded only where a clause allows it or another. */
struct model_verdict model_judge(struct model *model, const struct sekisho_frame *frame,
				 enum sekisho_reason heard);

/* ---- Between the model's files ------------------------------------------------------------------ */

/* What a protocol says of a packet of a live flow. */
enum model_outcome {
	MODEL_PASSES,
	MODEL_ENDS, /* it passes, and the flow has nothing more to say (STRICT-23) */
	MODEL_DROPS,
	MODEL_NO_ANSWER, /* by the rules as if there were no flow (STRICT-3) */
	MODEL_OVER       /* the flow is over: by the rules, in its place */
};

struct model_opinion {
	enum model_outcome outcome;
	enum sekisho_reason reason;
	enum sekisho_bound bound;
};

static inline struct model_opinion model_opinion(enum model_outcome outcome,
						 enum sekisho_reason reason)
{
	return (struct model_opinion){.outcome = outcome, .reason = reason};
}

/* model.c */
struct model_verdict model_drop(enum sekisho_reason reason);
struct model_verdict model_pass(enum sekisho_reason reason);
bool model_is_strict(const struct model *model, const struct model_packet *packet);
struct model_verdict model_judge_whole(struct model *model, const struct model_packet *packet);

/* model_flows.c */

/* AWS-2, 28, 35: what makes packets one flow. */
struct model_key model_key(const struct model_packet *packet);

/* The flow that a packet is of, or NULL. */
struct model_flow *model_find(struct model *model, const struct model_packet *packet);

/* A new flow for a packet, or NULL and why there is no room. */
struct model_flow *model_create(struct model *model, const struct model_packet *packet,
				enum sekisho_reason *reason);

/* Set the idle timer anew, as each packet does that passes. */
void model_refresh(struct model *model, struct model_flow *flow);

void model_remove(struct model *model, struct model_flow *flow);

/* model_fragment.c */
struct model_verdict model_judge_fragment(struct model *model, const struct model_packet *packet);
void model_refuse_fragment(struct model *model, const struct model_packet *packet);
void model_end_datagrams(struct model *model);

/*
 * A protocol's three questions. May a packet of no flow open one? Does a packet belong to its flow?
 * A packet of the flow has passed: what is now known? Only the third changes anything.
 */
struct model_opinion model_udp_belongs(struct model *model, const struct model_flow *flow,
				       const struct model_packet *packet);
void model_udp_passed(struct model *model, struct model_flow *flow,
		      const struct model_packet *packet);

struct model_opinion model_icmp_belongs(struct model *model, const struct model_flow *flow,
					const struct model_packet *packet);
void model_icmp_passed(struct model *model, struct model_flow *flow,
		       const struct model_packet *packet);
uint8_t model_icmp_request(uint8_t type);

enum sekisho_reason model_tcp_may_open(const struct model *model,
				       const struct model_packet *packet);
struct model_opinion model_tcp_belongs(struct model *model, const struct model_flow *flow,
				       const struct model_packet *packet);
void model_tcp_passed(struct model *model, struct model_flow *flow,
		      const struct model_packet *packet);
bool model_tcp_quotes(const struct model_flow *flow, const struct model_packet *quoted);
void model_tcp_stretch(struct model_flow *flow, unsigned direction, uint32_t end);

/* model_window.c; sequence numbers wrap. */
bool model_before(uint32_t a, uint32_t b);
uint32_t model_later(uint32_t a, uint32_t b);

/* One past a segment's last number: data, and one each for SYN and FIN. */
uint32_t model_tcp_end(const struct model_packet *packet);

/* The number that the other side expects at least: as it has acknowledged, and past the SYN. */
uint32_t model_next_base(const struct model_tcp *side);

/* Whether numbers of `sender` are more than a window back, and all that is before `end` acknowledged. */
bool model_is_old(const struct model_tcp *sender, const struct model_tcp *receiver, uint32_t seq,
		  uint32_t end);

/* The bound that a segment of `sender` fails. */
enum sekisho_bound model_failed_bound(const struct model_tcp *sender,
				      const struct model_tcp *receiver,
				      const struct model_packet *packet);

/* A segment acknowledges and offers. */
void model_offer(struct model_tcp *sender, struct model_tcp *receiver,
		 const struct model_packet *packet);

/* A SYN; the same SYN again; and both SYNs were seen. */
void model_begin(struct model_tcp *sender, struct model_tcp *receiver,
		 const struct model_packet *packet);
void model_begin_again(struct model_tcp *sender, struct model_tcp *receiver,
		       const struct model_packet *packet);
void model_settle(struct model_tcp *one, struct model_tcp *other);

/* model_proofs.c: lists of questions; one that is added again is the newest. */
bool model_has(const struct model_questions *list, struct model_question question);
void model_strike(struct model_questions *list, struct model_question question);
void model_add(struct model_questions *list, unsigned most, struct model_question question);

/* A number that tells bytes of a kind from other bytes. */
uint64_t model_number(uint64_t kind, const uint8_t *bytes, uint32_t length);

/* The same for WireGuard, DNS and NTP (STRICT-50..52). */
struct model_opinion model_proof_answers(const struct model_flow *flow,
					 const struct model_packet *packet);
bool model_proof_ends(const struct model_flow *flow, const struct model_packet *packet);
void model_proof_passed(struct model_flow *flow, const struct model_packet *packet);

/* model_ike.c: the same for UDP of IKE's ports (STRICT-30..38). */
struct model_opinion model_ike_answers(struct model *model, const struct model_flow *flow,
				       const struct model_packet *packet);
void model_ike_passed(struct model *model, struct model_flow *flow,
		      const struct model_packet *packet);

/* The pair of a packet's addresses, if an IKE SA of it is alive; or NULL. */
const struct model_pair *model_ike_pair(const struct model *model,
					const struct model_packet *packet);

/* Whether an IKE SA of the pair is alive; what it carries keeps it alive. */
bool model_ike_is_alive(const struct model *model, const struct model_key *key);
void model_ike_touch(struct model *model, const struct model_key *key);

/* model_rules.c */

/* The rule that admits a packet, or NULL. */
const struct sekisho_rule_spec *model_rule(const struct sekisho_policy_spec *policy,
					   const struct model_packet *packet);

/* Whether AWS-10..20 leave this packet's flow untracked. */
bool model_is_untracked(const struct sekisho_policy_spec *policy,
			const struct model_packet *packet);

/* The name of the network ACL's entry that denies a packet (AWS-130..146), or NULL. */
const char *model_acl_denies(const struct sekisho_policy_spec *policy,
			     const struct model_packet *packet);

/* Milliseconds of a timer for flows of this inside address. */
uint64_t model_timeout(const struct sekisho_policy_spec *policy, uint8_t family,
		       const uint8_t *local, enum sekisho_timeout timeout);

/* Whether a block holds an address. */
bool model_prefix_holds(const struct sekisho_prefix *prefix, uint8_t family,
			const uint8_t *address);

#endif
