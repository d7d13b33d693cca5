/* SPDX-License-Identifier: BSD-3-Clause */
/* records.c: what records are made of, and the files that they go to. */
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "append.h"
#include "daemon.h"

#define ENTRIES   65536 /* tuples of an interval of the flow log */
#define PATH_ROOM 4200

/* ---- files ------------------------------------------------------------------------------------ */

static void file_failed(struct record_file *file, int error)
{
	if (!file->failed)
		log_error("records: %s: %s", file->path, strerror(error));
	file->failed = true;
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static bool file_open(struct record_file *file)
{
	struct stat info;

	if (file->fd >= 0)
		return true;
	file->fd = open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (file->fd < 0 || fstat(file->fd, &info) < 0) {
		file_failed(file, errno);
		return false;
	}
	file->size = (uint64_t)info.st_size;
	file->written_at = info.st_mtime;
	file->failed = false;
	return true;
}

static void file_close(struct record_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* FILE becomes FILE.1, that FILE.2, and so on; the last is gone. */
static void file_rotate(struct record_file *file, unsigned keep)
{
	char from[PATH_ROOM], to[PATH_ROOM];

	file_close(file);
	for (unsigned i = keep; i > 0; i--) {
		snprintf(from, sizeof(from), i > 1 ? "%s.%u" : "%s", file->path, i - 1);
		snprintf(to, sizeof(to), "%s.%u", file->path, i);
		if (rename(from, to) < 0 && errno != ENOENT)
			log_error("records: %s: %s", from, strerror(errno));
	}
}

static unsigned lines_count(const char *text, size_t length)
{
	unsigned lines = 0;

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

/* Whether a file is to get another name before these bytes: it would be too large, or is of another time. */
static bool file_is_full(const struct record_file *file, const struct config_records *config,
			 size_t length, time_t now)
{
	time_t period = (time_t)config->rotate_hours * 3600;

	if (file->size == 0)
		return false;
	return file->size + length > config->rotate_bytes ||
	       (period > 0 && file->written_at / period != now / period);
}

/* Append whole lines, or count them as lost. */
static void file_write(struct records *records, struct record_file *file, const char *text,
		       size_t length)
{
	const struct config_records *config = &records->daemon->appliance->records;
	unsigned lines = lines_count(text, length);
	time_t now = (time_t)clock_wall();
	int rc = -EBADF;

	if (file_open(file) && file_is_full(file, config, length, now))
		file_rotate(file, config->rotate_keep);
	if (file_open(file))
		rc = append_lines(file->fd, text, length);
	if (rc == 0) {
		file->size += length;
		file->written_at = now;
		atomic_fetch_add_explicit(&records->written, lines, memory_order_relaxed);
		return;
	}
	if (file->fd >= 0)
		file_failed(file, -rc);
	atomic_fetch_add_explicit(&records->lost, lines, memory_order_relaxed);
}

/* ---- records ---------------------------------------------------------------------------------- */

static void flow_line_write(void *context, const char *line, size_t length)
{
	struct records *records = context;

	file_write(records, &records->flow_file, line, length);
}

static const char *format_of(const struct config_appliance *appliance)
{
	return appliance->records.flow_format ? appliance->records.flow_format : FLOW_LOG_DEFAULT;
}

int records_check(const struct config_appliance *appliance, char *message, size_t size)
{
	struct flow_log_format format;
	char what[256];

	if (flow_log_format_parse(&format, format_of(appliance), what, sizeof(what)) == 0)
		return 0;
	snprintf(message, size, "%s:%u:%u: error: records.flow_log.format: %s", appliance->name,
		 appliance->records.flow_format_line, appliance->records.flow_format_column, what);
	return -EINVAL;
}

int records_init(struct records *records, const struct daemon *daemon)
{
	const struct config_records *config = &daemon->appliance->records;
	struct flow_log_settings settings = {.account = config->account,
					     .interfaces = records->interfaces,
					     .interface_count = daemon->edge_count,
					     .entries = ENTRIES,
					     .write = flow_line_write,
					     .context = records};
	char message[DAEMON_MESSAGE_MAX];

	records->daemon = daemon;
	records->flow_file = (struct record_file){.path = config->flow_log, .fd = -1};
	records->event_file = (struct record_file){.path = config->events, .fd = -1};
	if (config->flow_log == NULL)
		return 0;
	for (unsigned i = 0; i < daemon->edge_count; i++)
		records->interfaces[i] = daemon->edges[i].name;
	if (getrandom(&settings.key, sizeof(settings.key), 0) != (ssize_t)sizeof(settings.key))
		return -EIO;
	if (flow_log_format_parse(&settings.format, format_of(daemon->appliance), message,
				  sizeof(message)) < 0)
		return -EINVAL;
	records->flow_log = flow_log_create(&settings, clock_wall());
	records->flush_at_ms = clock_ms() + config->interval * 1000;
	return records->flow_log == NULL ? -ENOMEM : 0;
}

void records_fini(struct records *records)
{
	if (records->flow_log != NULL)
		flow_log_flush(records->flow_log, clock_wall());
	flow_log_destroy(records->flow_log);
	records->flow_log = NULL;
	file_close(&records->flow_file);
	file_close(&records->event_file);
}

void records_packet(struct records *records, const struct tell *tell)
{
	const struct flow_log_packet packet = {.tuple = &tell->tuple,
					       .time = tell->time,
					       .zone = tell->record->zone,
					       .direction = tell->record->direction,
					       .reason = tell->record->verdict.reason};

	if (records->flow_log != NULL)
		flow_log_add(records->flow_log, &packet);
}

void records_lose(struct records *records)
{
	if (records->flow_log != NULL)
		flow_log_lose(records->flow_log);
}

void records_events(struct records *records, const char *lines, size_t length)
{
	file_write(records, &records->event_file, lines, length);
}

void records_work(struct records *records)
{
	const struct config_records *config = &records->daemon->appliance->records;
	uint64_t now = clock_ms();

	if (atomic_exchange_explicit(&records->reopen, false, memory_order_relaxed)) {
		file_close(&records->flow_file);
		file_close(&records->event_file);
	}
	if (records->flow_log == NULL || now < records->flush_at_ms)
		return;
	flow_log_flush(records->flow_log, clock_wall());
	records->flush_at_ms = now + config->interval * 1000;
}
