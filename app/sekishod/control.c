/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.c: the control thread's loop: signals, sockets, clients, and a timer.
 *
 * The timer ticks once a second for upkeep, and every millisecond while a client waits for a worker or
 * a policy for its end.
 * Signals are blocked before EAL makes its threads, so all of them come here.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "control.h"
#include "farewell.h"
#include "metrics.h"
#include "notify.h"
#include "privileges.h"

#define EVENTS_MAX  64
#define ACCEPTS_MAX 64 /* in one go, so that a storm of connects does not starve the rest */

/* Addresses that mark what an event is of; all others are clients. */
static const char mark_signals, mark_timer, mark_deadline, mark_jobs, mark_metrics, mark_links,
	mark_listeners[2], mark_watches;

static int watch(struct control *control, int fd, const void *mark)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)mark};

	if (fd < 0 || epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return 0;
}

/* Keep a descriptor that has just been made, if it has, and watch it. */
static int watch_new(struct control *control, int *keep, int fd, const void *mark)
{
	*keep = fd;
	return fd < 0 ? -errno : watch(control, fd, mark);
}

static void timer_set(struct control *control)
{
	struct itimerspec every = {{1, 0}, {1, 0}};
	bool fast = control->daemon->retired != NULL || control->daemon->trials_retired != NULL ||
		    port_life_hurries(control->daemon);

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fast |= control->clients[i].fd >= 0 && (control->clients[i].walk != NULL ||
							 control->clients[i].explaining != NULL);
	if (fast == control->timer_fast)
		return;
	control->timer_fast = fast;
	if (fast)
		every = (struct itimerspec){{0, 1000000}, {0, 1000000}};
	timerfd_settime(control->timer, 0, &every, NULL);
}

static void timer_tick(struct control *control)
{
	uint64_t ticks, now = clock_ms();

	if (read(control->timer, &ticks, sizeof(ticks)) < 0)
		return;
	snapshot_reclaim(control->daemon);
	trial_reclaim(control->daemon);
	watchdog_tick(&control->watchdog, control->daemon);
	save_tick(control);
	commit_tell(control);
	port_life_look(control->daemon);
	metrics_server_tick(control->metrics);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0)
			continue;
		if (client->explaining != NULL) {
			explaining_continue(control, client);
		} else if (client->walk != NULL) {
			flow_walk_continue(control, client);
			if (client->walk == NULL)
				client_continue(control, client);
		} else if (client->output_length > client->output_sent &&
			   now - client->progress_ms > CONTROL_STALL_MS) {
			log_info("a client of pid %d does not read; closed", (int)client->pid);
			client_close(control, client);
		}
	}
}

/* The time to confirm in is over. */
static void deadline_reached(struct control *control)
{
	const struct actor self = audit_daemon();
	uint64_t ticks;

	if (read(control->deadline, &ticks, sizeof(ticks)) < 0 || control->pending.revision == NULL)
		return;
	log_warning("generation %u was not confirmed in time: it is withdrawn",
		    control->pending.revision->generation);
	commit_withdraw(control, "expire", &self);
}

static void listener_accept(struct control *control, enum control_role role)
{
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		int fd = socket_accept(control->listeners[role], &control->spare, client_refusal);

		if (fd == -EMFILE || fd == -ENFILE) {
			control->daemon->clients_refused++;
			if (!control->refuses)
				log_error("no file descriptors are left: clients are refused");
			control->refuses = true;
			continue;
		}
		if (fd < 0)
			return;
		control->refuses = false;
		client_open(control, fd, role);
	}
}

static void signal_take(struct control *control)
{
	struct signalfd_siginfo info;

	if (read(control->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGUSR1) {
		log_info("signal %u: the files of records are opened anew", info.ssi_signo);
		atomic_store(&control->daemon->watches.records.reopen, true);
		return;
	}
	log_info("stopping on signal %u", info.ssi_signo);
	control->stop = true;
}

/* The cpus that no worker polls on; none if there is no other. */
static cpu_set_t spare_cpus(const struct daemon *daemon)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (unsigned i = 0; i < daemon->worker_count; i++)
		CPU_CLR(daemon->workers[i].lcore, &cpus);
	return cpus;
}

/* What the loop waits for but clients. */
static int control_watch(struct control *control)
{
	const int flags = TFD_NONBLOCK | TFD_CLOEXEC;
	struct itimerspec second = {{1, 0}, {1, 0}};
	cpu_set_t cpus = spare_cpus(control->daemon);
	sigset_t set;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	rc = jobs_start(&control->daemon->jobs, &cpus);
	if (rc < 0)
		return rc;
	rc = watches_start(&control->daemon->watches, control->daemon, &cpus);
	if (rc < 0)
		return rc;
	control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	control->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (control->epoll < 0)
		return -errno;
	rc = watch_new(control, &control->signals, signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
		       &mark_signals);
	if (rc == 0)
		rc = watch_new(control, &control->timer, timerfd_create(CLOCK_MONOTONIC, flags),
			       &mark_timer);
	if (rc == 0)
		rc = watch_new(control, &control->deadline, timerfd_create(CLOCK_MONOTONIC, flags),
			       &mark_deadline);
	if (rc == 0)
		rc = watch(control, control->daemon->jobs.event, &mark_jobs);
	if (rc == 0)
		rc = watch(control, control->daemon->watches.event, &mark_watches);
	if (rc == 0)
		rc = watch(control, control->daemon->links, &mark_links);
	timerfd_settime(control->timer, 0, &second, NULL);
	return rc;
}

/* What went wrong in the kernel, said. */
static int control_failed(int rc, char *message)
{
	if (rc < 0)
		snprintf(message, DAEMON_MESSAGE_MAX, "the control thread: %s", strerror(-rc));
	return rc;
}

static int control_init(struct control *control, char *message)
{
	const struct config_appliance *appliance = control->daemon->appliance;
	const char *const paths[] = {appliance->readonly_socket, appliance->socket};
	int rc = control_watch(control);

	if (rc < 0)
		return control_failed(rc, message);
	for (unsigned role = 0; role < 2; role++) {
		if (paths[role] == NULL)
			continue;
		rc = socket_listen(paths[role], appliance->group, message);
		if (rc < 0)
			return rc;
		control->listeners[role] = rc;
		rc = watch(control, rc, &mark_listeners[role]);
		if (rc < 0)
			return control_failed(rc, message);
	}
	rc = metrics_server_create(&control->metrics, control->daemon, message);
	if (rc < 0 || control->metrics == NULL)
		return rc;
	return control_failed(watch(control, metrics_server_fd(control->metrics), &mark_metrics),
			      message);
}

/* Nobody comes in any more. */
static void listeners_close(struct control *control)
{
	const struct config_appliance *appliance = control->daemon->appliance;

	for (unsigned role = 0; role < 2; role++) {
		if (control->listeners[role] < 0)
			continue;
		unlink(role == CONTROL_ADMIN ? appliance->socket : appliance->readonly_socket);
		close(control->listeners[role]);
		control->listeners[role] = -1;
	}
}

static void control_fini(struct control *control)
{
	listeners_close(control);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0)
			client_close(control, &control->clients[i]);
	watches_stop(&control->daemon->watches);
	metrics_server_destroy(control->metrics);
	save_cancel(&control->daemon->save);
	jobs_stop(&control->daemon->jobs);
	commit_fini(control);
	close(control->spare);
	close(control->deadline);
	close(control->timer);
	close(control->signals);
	close(control->epoll);
}

static void control_ready(const struct control *control)
{
	const struct daemon *daemon = control->daemon;
	char text[1500];
	size_t used = 0;

	for (unsigned i = 0; i < daemon->edge_count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
					 daemon->edges[i].name);
	log_line(CONFIG_LOG_ERROR + 2, "ready: edges %s; socket %s; read-only socket %s", text,
		 daemon->appliance->socket ? daemon->appliance->socket : "none",
		 daemon->appliance->readonly_socket ? daemon->appliance->readonly_socket : "none");
	notify_send("READY=1\nSTATUS=edges %.400s", text);
}

/* Clients that watch go on. */
static void watches_have_output(struct control *control)
{
	eventfd_t count;

	eventfd_read(control->daemon->watches.event, &count);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].fd >= 0 && control->clients[i].watch != NULL)
			client_continue(control, &control->clients[i]);
}

static void control_loop(struct control *control)
{
	struct epoll_event events[EVENTS_MAX];

	while (!control->stop) {
		int count = epoll_wait(control->epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < count; i++) {
			const void *mark = events[i].data.ptr;

			if (mark == &mark_signals)
				signal_take(control);
			else if (mark == &mark_timer)
				timer_tick(control);
			else if (mark == &mark_deadline)
				deadline_reached(control);
			else if (mark == &mark_jobs)
				jobs_finish(&control->daemon->jobs);
			else if (mark == &mark_watches)
				watches_have_output(control);
			else if (mark == &mark_links)
				port_life_look(control->daemon);
			else if (mark == &mark_metrics)
				metrics_server_work(control->metrics);
			else if (mark == &mark_listeners[CONTROL_READER])
				listener_accept(control, CONTROL_READER);
			else if (mark == &mark_listeners[CONTROL_ADMIN])
				listener_accept(control, CONTROL_ADMIN);
			else if (((struct client *)events[i].data.ptr)->fd >= 0)
				client_event(control, events[i].data.ptr, events[i].events);
		}
		timer_set(control);
	}
}

int control_run(struct daemon *daemon, char *message)
{
	static struct control control;
	int rc;

	control = (struct control){.daemon = daemon, .epoll = -1, .signals = -1, .timer = -1,
				   .deadline = -1, .listeners = {-1, -1}, .spare = -1};
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control.clients[i].fd = -1;
	rc = control_init(&control, message);
	if (rc == 0)
		rc = privileges_settle(daemon, message);
	if (rc == 0) {
		watchdog_init(&control.watchdog, daemon);
		control_ready(&control);
		control_loop(&control);
		notify_send("STOPPING=1");
		listeners_close(&control);
		farewell(&control);
	}
	control_fini(&control);
	return rc;
}
