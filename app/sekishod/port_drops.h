/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_drops.h: how packets get lost at a port, before the engine has seen them or after it has passed them.
 *
 * The only list of these causes: their counters, their words beside the engine's reasons, their keys in
 * `stats` and their metrics all come from it.
 */
#ifndef SEKISHOD_PORT_DROPS_H
#define SEKISHOD_PORT_DROPS_H

/* (ID, key, word, sentence, whose packets): those that a port has received, or those it was to send. */
#define PORT_DROPS(X)                                                                         \
	X(TRANSMIT_FULL, transmit_full, "transmit-full",                                      \
	  "it was admitted, but the port it was for took no more", SENT)                      \
	X(UNREADABLE, unreadable, "unreadable", "it came in pieces that could not be joined", \
	  RECEIVED)

enum port_drop {
#define X(id, key, word, sentence, whose) PORT_DROP_##id,
	PORT_DROPS(X)
#undef X
		PORT_DROP_COUNT
};

enum port_drop_whose { PORT_DROP_RECEIVED, PORT_DROP_SENT };

#endif
