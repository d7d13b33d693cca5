/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c: sekishod, the firewall daemon: start in order, run, stop in the opposite order.
 *
 * Everything that can be wrong in files is found before EAL starts. Exit codes: 0 a clean stop or a
 * valid configuration, 1 it failed, 2 usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>

#include "control.h"
#include "daemon.h"
#include "json_memory.h"
#include "notify.h"
#include "privileges.h"
#include "telemetry.h"

static const char usage[] =
	"usage: sekishod -c FILE [--check]\n"
	"  -c, --config FILE  the appliance file (sekisho.yaml)\n"
	"      --check        only check the files: exit 0 if they are valid, 1 if not\n"
	"  -v, --version      print the version\n"
	"  -h, --help         print this\n";

/* Whoever starts us without a stderr must not have the log written into whatever is opened first. */
static bool standard_files_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}

/* Read every policy file only to check it. */
static int check_policies(const struct config_appliance *appliance)
{
	int rc = 0;

	for (size_t i = 0; i < appliance->edge_count + 2; i++) {
		const char *path = i == 0 ? appliance->policy
				   : i == 1 ? appliance->shadow
					    : appliance->edges[i - 2].policy;
		struct config_errors errors = {0};
		struct config_policy *config;

		if (path == NULL || (i > 1 && appliance->policy && !strcmp(path, appliance->policy)))
			continue;
		config = config_policy_load(path, &errors);
		if (config == NULL) {
			start_print_errors(&errors);
			rc = -EINVAL;
			continue;
		}
		config_errors_fini(&errors);
		config_policy_destroy(config);
	}
	return rc;
}

static int daemon_init(struct daemon *daemon)
{
	const struct config_appliance *appliance = daemon->appliance;
	size_t edges = appliance->edge_count, workers = appliance->worker_count;

	daemon->edge_count = (unsigned)edges;
	daemon->worker_count = (unsigned)workers;
	daemon->steering.on = workers > 1;
	daemon->edges = aligned_alloc(64, edges * sizeof(*daemon->edges));
	daemon->workers = aligned_alloc(64, daemon->worker_count * sizeof(*daemon->workers));
	if (daemon->edges == NULL || daemon->workers == NULL) {
		log_error("no memory");
		return -ENOMEM;
	}
	memset(daemon->edges, 0, edges * sizeof(*daemon->edges));
	memset(daemon->workers, 0, daemon->worker_count * sizeof(*daemon->workers));
	for (unsigned i = 0; i < edges; i++) {
		const struct config_edge *config = &appliance->edges[i];
		struct edge *edge = &daemon->edges[i];

		edge->name = config->name;
		edge->index = (uint16_t)i;
		edge->own_file = config->policy != NULL &&
				 (appliance->policy == NULL ||
				  strcmp(config->policy, appliance->policy) != 0);
		for (unsigned side = 0; side < 2; side++) {
			edge->ports[side].device = config->device[side];
			port_device_name(config->device[side], edge->ports[side].name,
					 sizeof(edge->ports[side].name));
		}
	}
	return 0;
}

/* What came in must have gone somewhere. */
static void conservation_print(const struct daemon *daemon)
{
	struct daemon_totals totals;

	daemon_totals_read(daemon, &totals);
	log_line(CONFIG_LOG_ERROR + 2,
		 "conservation: received %llu = sent %llu + dropped %llu + held %llu: %s",
		 (unsigned long long)totals.received, (unsigned long long)totals.sent,
		 (unsigned long long)totals.dropped, (unsigned long long)totals.held,
		 totals.received == totals.sent + totals.dropped + totals.held ? "holds"
										       : "BROKEN");
}

/* From EAL's start to its end. */
static int daemon_run(struct daemon *daemon, const char *program)
{
	char message[DAEMON_MESSAGE_MAX] = "";
	int rc = eal_start(daemon, program, message);

	if (rc < 0) {
		log_error("%s", message);
		return rc;
	}
	rc = start_policies(daemon);
	if (rc == 0)
		rc = port_start_all(daemon, message);
	if (rc == 0)
		rc = port_life_init(daemon, message);
	if (rc == 0)
		rc = resume_open(daemon, message);
	if (rc == 0)
		rc = worker_init_all(daemon, message);
	if (rc == 0 && daemon->appliance->shadow != NULL)
		rc = trial_start(daemon, daemon->appliance->shadow);
	if (rc == 0)
		resume_flows(daemon);
	if (rc == 0 && daemon->appliance->idle == CONFIG_IDLE_SLEEP)
		log_info("idle workers sleep: the first packet after a pause waits up to %u us here",
			 idle_measure_us());
	if (rc == 0)
		rc = worker_launch_all(daemon, message);
	if (rc == 0)
		rc = telemetry_start(daemon, message);
	if (rc == 0)
		rc = control_run(daemon, message);
	telemetry_stop();
	if (rc < 0 && message[0] != '\0')
		log_error("%s", message);
	if (!worker_stop_all(daemon)) {
		/* It may still touch all of our memory; leave that to the kernel. */
		_exit(EXIT_FAILURE);
	}
	if (rc == 0) {
		save_at_stop(daemon);
		conservation_print(daemon);
	}
	resume_close(daemon);
	port_life_fini(daemon);
	port_stop_all(daemon);
	trial_fini(daemon);
	worker_fini_all(daemon);
	snapshot_fini_all(daemon);
	if (daemon->names != NULL)
		sekisho_rule_names_destroy(daemon->names);
	rte_eal_cleanup();
	return rc;
}

/* All that comes before EAL. Where another daemon runs already, its ports are not touched. */
static int begin(struct daemon *daemon, char *message)
{
	const struct config_appliance *appliance = daemon->appliance;
	int rc = privileges_begin(appliance, message);

	if (rc == 0)
		rc = socket_check(appliance->socket, message);
	if (rc == 0)
		rc = socket_check(appliance->readonly_socket, message);
	if (rc < 0) {
		log_error("%s", message);
		return rc;
	}
	rc = daemon_init(daemon);
	return rc == 0 ? start_state(daemon) : rc;
}

static int run(const char *path, const char *program, bool check_only)
{
	static struct daemon daemon;
	char message[DAEMON_MESSAGE_MAX];
	struct config_errors errors = {0};
	sigset_t set;
	int rc = 0;

	memset(&daemon, 0, sizeof(daemon));
	daemon.state.directory = daemon.links = -1;
	json_memory_watch();
	daemon.started_ms = clock_ms();
	daemon.save.daemon = &daemon;
	daemon.config_path = path;
	daemon.appliance = config_appliance_load(path, &errors);
	if (daemon.appliance == NULL) {
		start_print_errors(&errors);
		return EXIT_FAILURE;
	}
	config_errors_fini(&errors);
	log_set_level((int)daemon.appliance->log_level);
	/* With a state directory it may be that the files are not even read: see start.c. */
	if (check_only || daemon.appliance->state == NULL)
		rc = check_policies(daemon.appliance);
	if (rc == 0 && records_check(daemon.appliance, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		rc = -EINVAL;
	}
	if (rc == 0 && check_only)
		printf("%s: valid\n", path);
	if (rc == 0 && !check_only) {
		/* Before EAL makes threads, so that they inherit it: signals go to control.c. */
		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGTERM);
		sigaddset(&set, SIGHUP);
		sigaddset(&set, SIGUSR1);
		sigprocmask(SIG_BLOCK, &set, NULL);
		signal(SIGPIPE, SIG_IGN);
		notify_init();
		rc = begin(&daemon, message);
		if (rc == 0)
			rc = daemon_run(&daemon, program);
		history_fini(&daemon.history);
		state_close(&daemon.state);
	}
	free(daemon.edges);
	free(daemon.workers);
	config_appliance_destroy(daemon.appliance);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'v'},	  {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = NULL;
	bool check_only = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:vh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check_only = true;
			break;
		case 'v':
			puts("sekishod " SEKISHO_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (path == NULL || optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (!standard_files_open()) {
		log_error("/dev/null: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return run(path, argv[0], check_only);
}
