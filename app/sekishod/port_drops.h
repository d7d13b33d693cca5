/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_drops.h: how packets get lost at a port: by us, before the engine has seen them or after it has passed
 * them, and by the driver, the NIC or the kernel, which we only hear of.
 *
 * The only lists of these causes: counters, words beside the engine's reasons, keys in `stats` and metrics
 * all come from them.
 */
#ifndef SEKISHOD_PORT_DROPS_H
#define SEKISHOD_PORT_DROPS_H

/* (ID, key, word, sentence, whose packets): those that a port has received, or those it was to send. */
#define PORT_DROPS(X)                                                                         \
	X(TRANSMIT_FULL, transmit_full, "transmit-full",                                      \
	  "it was admitted, but the port it was for took no more", SENT)                      \
	X(TOO_LONG, too_long, "too-long",                                                     \
	  "it was admitted, but is longer than the port it was for takes", SENT)              \
	X(PORT_DOWN, port_down, "port-down", "the port it was for is not there", SENT)        \
	X(UNREADABLE, unreadable, "unreadable", "it came in pieces that could not be joined", \
	  RECEIVED)                                                                           \
	X(HANDOVER_FULL, handover_full, "handover-full",                                      \
	  "there was no room on its way to the worker that its flow belongs to", RECEIVED)

enum port_drop {
#define X(id, key, word, sentence, whose) PORT_DROP_##id,
	PORT_DROPS(X)
#undef X
		PORT_DROP_COUNT
};

enum port_drop_whose { PORT_DROP_RECEIVED, PORT_DROP_SENT };

/* (ID, key, member of rte_eth_stats, sentence): not among what was received, or among what was sent. */
#define PORT_LOSSES(X)                                                               \
	X(MISSED, missed, imissed, "it came faster than it was taken from the port") \
	X(ERRORS, errors, ierrors, "the driver could not receive it")                \
	X(NO_MBUF, no_mbuf, rx_nombuf, "there was no buffer to receive it in")       \
	X(TRANSMIT_ERRORS, transmit_errors, oerrors, "the driver took it and did not send it")

enum port_loss {
#define X(id, key, member, sentence) PORT_LOSS_##id,
	PORT_LOSSES(X)
#undef X
		PORT_LOSS_COUNT
};

#endif
