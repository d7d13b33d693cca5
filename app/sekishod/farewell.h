/* SPDX-License-Identifier: BSD-3-Clause */
/* farewell.h: what those who watch are told when the daemon stops. */
#ifndef SEKISHOD_FAREWELL_H
#define SEKISHOD_FAREWELL_H

struct control;

/*
 * The daemon has been asked to stop. Lets go of clients that do not watch, stops jobs and workers, tells of
 * the end of each flow that is still alive, in records and to who watches ends, and then those who watch that
 * this is all. Takes FAREWELL_MS at most beside the stop of the workers: of what is not told by then it is
 * told how much it was. Control thread, after its loop.
 */
void farewell(struct control *control);

#endif
