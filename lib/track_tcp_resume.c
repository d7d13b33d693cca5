/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * track_tcp_resume.c: connections that have gone on unseen. The image that a flow was resumed from may be
 * older than its last segments, after a kill, and then its numbers lie outside of the windows for good.
 * Nobody is left who saw them move; what is left is who may open the flow.
 *
 * So such a flow begins as FLOW_RESUMED. Segments from a side that a rule opens are taken for true, as that
 * side could open anew, and say where the connection is (STRICT-2). Each side acknowledges all that it has
 * got, so when after that one of the other side fits, neither has got what we do not know of: the windows
 * hold again (STRICT-13). What of the other side does not fit passes only as the trigger of what the host
 * says to it, without touching state, as a SYN does (STRICT-15): the host acknowledges it if it is the next,
 * and challenges it if it is forged, and either says where the connection is. Without this a download would
 * never go on, for only the side without a rule has something to send; nor an upload whose last
 * acknowledgements were lost, for what is sent again has long been acknowledged.
 * Flows of an image that was made at the end have nothing to doubt and begin where they were.
 */
#include "track_tcp.h"

#define DOUBT_MS 300000u /* retransmissions come once in two minutes at least */

bool track_tcp_may_be_behind(const struct segment *segment)
{
	return segment->track->now - segment->track->table->resumed_at <= DOUBT_MS;
}
