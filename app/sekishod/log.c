/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c: what the daemon tells its keeper, one plain line each, on stderr. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"

static int log_level = CONFIG_LOG_INFO;

void log_set_level(int level)
{
	log_level = level;
}

void log_line(int level, const char *format, ...)
{
	static const char *const prefix[] = {"error: ", "warning: ", "", ""};
	char line[2048];
	va_list arguments;
	size_t length;

	if (level > log_level)
		return;
	length = (size_t)snprintf(line, sizeof(line), "sekishod: %s", prefix[level]);
	va_start(arguments, format);
	vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
	va_end(arguments);
	/* One line is one write, so that lines of different threads do not mix. */
	for (length = 0; line[length] != '\0'; length++)
		if ((unsigned char)line[length] < ' ')
			line[length] = ' ';
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

double clock_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
