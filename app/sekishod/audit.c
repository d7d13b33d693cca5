/* SPDX-License-Identifier: BSD-3-Clause */
/* audit.c: who changed what: a line of JSON for each change, in the log and in the audit file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "append.h"
#include "daemon.h"
#include "json_memory.h"

struct actor audit_daemon(void)
{
	return (struct actor){.uid = getuid(), .pid = getpid()};
}

/* Add a text as a line, which costs it its end; NULL is one that there was no memory for. */
static void audit_keep(const char *path, char *line)
{
	int fd = line == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	int rc = line == NULL ? -ENOMEM : -errno;
	size_t length;

	if (fd >= 0) {
		length = strlen(line);
		line[length] = '\n'; /* in the place of its end */
		rc = append_lines(fd, line, length + 1);
		close(fd);
	}
	if (rc < 0)
		log_error("audit file %s: %s", path, strerror(-rc));
}

/* Write a record, whose members beside who and when are those of `more`; takes the reference. */
static void audit_record(const struct daemon *daemon, const char *event, const struct actor *actor,
			 json_t *more)
{
	const char *path = daemon->appliance->audit;
	time_t now = time(NULL);
	char when[32], *line;
	json_t *record;
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	record = json_pack("{s:s,s:s,s:I,s:I}", "time", when, "event", event, "uid",
			   (json_int_t)actor->uid, "pid", (json_int_t)actor->pid);
	if (record != NULL && more != NULL)
		json_object_update(record, more);
	line = json_text(record, JSON_COMPACT);
	json_decref(record);
	json_decref(more);
	log_info("audit %s", line ? line : "record without memory");
	if (path != NULL)
		audit_keep(path, line);
	free(line);
}

void audit_write(const struct daemon *daemon, const char *event, const struct actor *actor,
		 const struct revision *revision)
{
	json_t *more = NULL;

	if (revision != NULL)
		more = json_pack("{s:o}", "revision", revision_json(revision));
	audit_record(daemon, event, actor, more);
}

void audit_flows_kill(const struct daemon *daemon, const struct actor *actor, const char *filter,
		      uint64_t killed)
{
	audit_record(daemon, "flows.kill", actor,
		     json_pack("{s:s?,s:I}", "filter", filter, "killed", (json_int_t)killed));
}

void audit_shadow(const struct daemon *daemon, const char *event, const struct actor *actor,
		  const char *policy)
{
	audit_record(daemon, event, actor, json_pack("{s:s}", "policy", policy));
}
