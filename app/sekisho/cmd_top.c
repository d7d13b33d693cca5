/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_top.c: the running daemon on a screen, or as lines where there is no screen.
 *
 * A screen needs a terminal on both sides that can place its cursor; anything else (a pipe, TERM=dumb, or a
 * terminal that is not known) gets one line an interval. It ends by q, or by SIGINT, SIGTERM or SIGHUP, and leaves the
 * terminal as it was: signals only set a flag, and the loop ends in one place.
 */
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "top.h"

#define INTERVAL_MS 2000
#define FIRST_MS    200

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	stopped = number;
}

/* Ours in the place of those of curses, which would end the process. */
static void signals_take(void)
{
	const struct sigaction action = {.sa_handler = stop};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* A screen, or NULL if there can be none. */
static SCREEN *screen_open(void)
{
	const char *term = getenv("TERM");
	SCREEN *screen;

	if (!term || !*term || strcmp(term, "dumb") == 0 || !isatty(STDOUT_FILENO) ||
	    !isatty(STDIN_FILENO))
		return NULL;
	setlocale(LC_CTYPE, "");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return NULL;
	if (!tigetstr("cup") || !tigetstr("clear")) {
		endwin();
		delscreen(screen);
		return NULL;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	return screen;
}

static void screen_draw(const struct top_sample *before, const struct top_sample *now)
{
	struct top_lines lines;

	erase();
	if (top_lines_init(&lines, (unsigned)LINES, before, now)) {
		for (unsigned i = 0; i < lines.count; i++) {
			bool bold = lines.text[i][0] == TOP_BOLD;

			attrset(bold ? A_BOLD : A_NORMAL);
			/* Writing into the last place of the screen fails, but writes. */
			mvaddnstr((int)i, 0, lines.text[i] + bold, COLS);
		}
	}
	top_lines_fini(&lines);
	refresh();
}

/* Wait for the next sample, and show the last one anew when the screen changes its size. */
static void screen_wait(long ms, const struct top_sample *before, const struct top_sample *now)
{
	struct timespec time;
	long long until;

	clock_gettime(CLOCK_MONOTONIC, &time);
	until = time.tv_sec * 1000LL + time.tv_nsec / 1000000 + ms;
	while (!stopped) {
		int key;

		clock_gettime(CLOCK_MONOTONIC, &time);
		ms = (long)(until - (time.tv_sec * 1000LL + time.tv_nsec / 1000000));
		if (ms <= 0)
			return;
		timeout((int)ms);
		key = getch();
		if (key == 'q' || key == 'Q' || (key == ERR && feof(stdin)))
			stopped = 1;
		else if (key == KEY_RESIZE)
			screen_draw(before, now);
	}
}

static void line_wait(long ms)
{
	if (fflush(stdout) != 0)
		stopped = 1;
	if (!stopped)
		poll(NULL, 0, (int)ms);
}

/* Ask and show until it is enough. */
static enum cli_exit top_run(struct rpc *rpc, const struct cli *cli, bool screen)
{
	void (*print)(FILE *, const struct top_sample *, const struct top_sample *) =
		cli->output == CLI_JSON ? top_json : top_summary;
	long interval_ms = cli->interval_ms ? cli->interval_ms : INTERVAL_MS;
	struct top_sample before, now;
	enum cli_exit code = top_sample_init(&before, rpc);

	/* The first rates are those of a moment, so that something is there to see soon. */
	poll(NULL, 0, FIRST_MS);
	while (code == CLI_OK && !stopped) {
		code = top_sample_init(&now, rpc);
		if (code == CLI_OK && screen)
			screen_draw(&before, &now);
		else if (code == CLI_OK)
			print(stdout, &before, &now);
		if (code == CLI_OK && screen)
			screen_wait(interval_ms, &before, &now);
		else if (code == CLI_OK)
			line_wait(interval_ms);
		top_sample_fini(&before);
		before = now;
	}
	top_sample_fini(&before);
	return code;
}

enum cli_exit cmd_top(const struct cli *cli)
{
	SCREEN *screen = NULL;
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_READ);

	if (code == CLI_OK) {
		if (cli->output == CLI_TABLE)
			screen = screen_open();
		signals_take();
		code = top_run(&rpc, cli, screen != NULL);
	}
	if (screen) {
		endwin();
		delscreen(screen);
		if (code != CLI_OK)
			fputs("sekisho: the daemon does not answer any more\n", stderr);
	}
	rpc_fini(&rpc);
	return code;
}
