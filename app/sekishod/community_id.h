/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * community_id.h: the name that other tools (Zeek, Suricata, ...) have for the same flow: Community ID, version 1.
 *
 * A SHA-1 of the tuple, the lower end first, so that both directions have the same; its seed is 0. It is
 * no secret and proves nothing, so SHA-1 will do.
 */
#ifndef SEKISHOD_COMMUNITY_ID_H
#define SEKISHOD_COMMUNITY_ID_H

#include <sekisho.h>

#define COMMUNITY_ID_SIZE 32

/* "1:LQU9qZlK+B5F3KDmev6m5PMibrg="; false if the tuple is of no IP packet. Any thread. */
bool community_id(const struct sekisho_tuple *tuple, char text[COMMUNITY_ID_SIZE]);

#endif
