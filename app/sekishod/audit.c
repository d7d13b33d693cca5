/* SPDX-License-Identifier: BSD-3-Clause */
/* audit.c: who changed what: a line of JSON for each change, in the log and in the audit file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"

struct actor audit_daemon(void)
{
	return (struct actor){.uid = getuid(), .pid = getpid()};
}

static char *audit_line(const char *event, const struct actor *actor,
			const struct revision *revision)
{
	time_t now = time(NULL);
	char when[32], *line;
	struct tm utc;
	json_t *record;

	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	record = json_pack("{s:s,s:s,s:I,s:I,s:o*}", "time", when, "event", event, "uid",
			   (json_int_t)actor->uid, "pid", (json_int_t)actor->pid, "revision",
			   revision ? revision_json(revision) : NULL);
	line = record == NULL ? NULL : json_dumps(record, JSON_COMPACT);
	json_decref(record);
	return line;
}

void audit_write(const struct daemon *daemon, const char *event, const struct actor *actor,
		 const struct revision *revision)
{
	const char *path = daemon->appliance->audit;
	char *line = audit_line(event, actor, revision);
	int fd;

	log_info("audit %s", line ? line : "record without memory");
	fd = path == NULL || line == NULL
		     ? -1
		     : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (path != NULL && (fd < 0 || dprintf(fd, "%s\n", line) < 0))
		log_error("audit file %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(line);
}
