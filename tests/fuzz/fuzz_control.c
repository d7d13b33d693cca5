/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_control.c: any bytes from a client of the control socket. The daemon's own client.c and rpc.c
 * stand at one end of a socket pair, we at the other; the worker that flows.list asks and the thread
 * that builds policies are played here, so that the same input always does the same.
 * The first byte says who the client is and in what pieces its bytes come.
 *
 * What comes back must be lines of JSON-RPC, a reader must not get what is an admin's, and a client
 * that has left must leave nothing behind.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "control.h"
#include "drops.h"
#include "fuzz.h"

#define FLOWS     64
#define NAMES     512
#define EDGES     2
#define TURNS_MAX 100000

#define HEAD_ADMIN  0x01
#define HEAD_BYTES  0x02 /* one byte at a time */
#define HEAD_SLOW   0x04 /* the worker takes its time */
#define HEAD_PADDED 0xf8 /* all of these: nearly a line's worth of blanks come first */

static const char policy_text[] = "version: 1\n"
				  "semantics: aws-like\n"
				  "endpoints:\n"
				  "  - {name: b, addresses: [198.51.100.2/32], groups: [g]}\n"
				  "groups:\n"
				  "  - name: g\n"
				  "    egress:\n"
				  "      - {id: out, protocol: all, to: [0.0.0.0/0, \"::/0\"]}\n";

static struct edge edges[EDGES];
static struct worker worker;
static struct config_appliance appliance = {.name = "sekisho.yaml"};
static struct daemon firewall = {.state.directory = -1,
				 .appliance = &appliance,
				 .edges = edges,
				 .edge_count = EDGES,
				 .workers = &worker,
				 .worker_count = 1};
static struct control control = {.daemon = &firewall};

/* The far end: what has come of the line that is under way. */
static struct {
	int fd;
	char *line;
	size_t length;
	unsigned lines;
} peer;

/* ---- a daemon without ports and threads ------------------------------------------------------- */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char *arguments[] = {
		"fuzz_control",   "--no-huge", "-m",      "64",          "--no-pci", "--no-shconf",
		"--no-telemetry", "--lcores",  "0@(0,1)", "--log-level", "1"};

	(void)argc;
	(void)argv;
	log_set_level(-1);
	FUZZ_CHECK(rte_eal_init(sizeof(arguments) / sizeof(arguments[0]), arguments) >= 0);
	firewall.qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, rte_rcu_qsbr_get_memsize(1));
	FUZZ_CHECK(firewall.qsbr != NULL && rte_rcu_qsbr_init(firewall.qsbr, 1) == 0);
	peer.line = malloc(CONTROL_OUTPUT_MAX);
	control.epoll = epoll_create1(EPOLL_CLOEXEC);
	control.deadline = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	FUZZ_CHECK(peer.line != NULL && control.epoll >= 0 && control.deadline >= 0);
	FUZZ_CHECK(watches_start(&firewall.watches, &firewall, &(cpu_set_t){0}) == 0);
	pthread_mutex_init(&firewall.jobs.lock, NULL);
	pthread_cond_init(&firewall.jobs.wake, NULL);
	firewall.jobs.waiting.last = &firewall.jobs.waiting.first;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control.clients[i].fd = -1;
	return 0;
}

/* Let one flow be there, so that a list is not empty. */
static void engine_begin(void)
{
	static const uint8_t ping[] = {2,  2,    2,    2,    2,    2,  2,   2, 2,   2,  2,
				       2,  0x08, 0,    0x45, 0,    0,  28,  0, 0,   0,  0,
				       64, 1,    0x26, 0x77, 198,  51, 100, 2, 198, 51, 100,
				       1,  8,    0,    0xf7, 0xff, 0,  0,   0, 0};
	const struct sekisho_frame frame = {
		.data = ping, .captured = sizeof(ping), .length = sizeof(ping)};
	struct sekisho_engine_config config = {
		.flows = FLOWS, .fragments = 4, .held = 4, .zones = EDGES, .names = firewall.names};
	struct sekisho_verdict verdict;
	char message[DAEMON_MESSAGE_MAX];

	worker = (struct worker){.daemon = &firewall, .lcore = 1};
	worker.engine = sekisho_engine_create(&config, message, sizeof(message));
	worker.drops = drops_create(EDGES);
	FUZZ_CHECK(worker.engine != NULL && worker.drops != NULL);
	sekisho_engine_set_policy(worker.engine, 0, edges[0].snapshot->policy);
	sekisho_engine_burst(worker.engine, 0, &frame, 1, &verdict);
	FUZZ_CHECK(verdict.opened);
}

/* The policy that the daemon has started with, and its place in the history. */
static void policy_begin(void)
{
	const struct actor nobody = {(uid_t)-1, 0};
	struct config_errors errors = {0};
	char message[DAEMON_MESSAGE_MAX];
	struct config_policy *config =
		config_policy_parse("policy.yaml", policy_text, sizeof(policy_text) - 1, &errors);
	struct revision *revision = revision_create(REVISION_START, NULL, "policy.yaml", &nobody);

	FUZZ_CHECK(config != NULL && revision != NULL);
	firewall.common = snapshot_create(&firewall, config, message);
	FUZZ_CHECK(firewall.common != NULL);
	FUZZ_CHECK(snapshot_describe(firewall.common, NULL, revision) == 0);
	revision->text = strdup(policy_text);
	history_add(&firewall.history, revision);
	firewall.common->generation = revision->generation;
	for (unsigned i = 0; i < EDGES; i++) {
		edges[i] = (struct edge){.name = i ? "other" : "edge", .index = (uint16_t)i};
		for (unsigned side = 0; side < 2; side++)
			edges[i].ports[side] = (struct port){.device = "none", .id = UINT16_MAX};
		snapshot_publish(&firewall, &edges[i], firewall.common);
	}
}

/* A fresh daemon; one that nobody has changed since is as good. */
static void daemon_begin(void)
{
	if (firewall.names != NULL)
		return;
	firewall.names = sekisho_rule_names_create(NAMES);
	FUZZ_CHECK(firewall.names != NULL);
	policy_begin();
	engine_begin();
}

/* The job thread's turn: one job. */
static void job_turn(void)
{
	struct job_list *waiting = &firewall.jobs.waiting;
	struct job *job = waiting->first;
	bool finish;

	if (job == NULL)
		return;
	waiting->first = job->next;
	if (waiting->first == NULL)
		waiting->last = &waiting->first;
	finish = job->done != NULL; /* a job without may free itself */
	job->run(job);
	if (finish)
		job->done(job);
}

/* The worker's turn: answer what is asked. */
static void worker_turn(void)
{
	worker_answer(&worker, 0);
	inquiry_answer(&worker.inquiry, worker.engine, 0);
}

/* What was not confirmed goes back, as when its time is over. */
static void daemon_expire(void)
{
	const struct actor nobody = audit_daemon();

	while (firewall.jobs.waiting.first != NULL)
		job_turn();
	FUZZ_CHECK(control.change == NULL);
	if (control.pending.revision != NULL)
		commit_withdraw(&control, "expire", &nobody);
	while (firewall.jobs.waiting.first != NULL)
		job_turn();
	FUZZ_CHECK(control.pending.revision == NULL);
}

static void daemon_end(void)
{
	struct sekisho_stats stats;

	daemon_expire();
	FUZZ_CHECK(control.staged == 0 && worker.mailbox.owner == 0);
	atomic_store(&worker.mailbox.state, MAILBOX_IDLE);
	control.stop = false;
	sekisho_engine_stats(worker.engine, &stats);
	if (stats.flows == 1 && firewall.history.generation == 1 && sekisho_rule_names_count(firewall.names) == 1)
		return;
	sekisho_engine_destroy(worker.engine);
	free(worker.drops);
	while (firewall.retired != NULL)
		snapshot_reclaim(&firewall);
	while (firewall.jobs.waiting.first != NULL)
		job_turn();
	snapshot_fini_all(&firewall);
	firewall.common = NULL;
	memset(edges, 0, sizeof(edges));
	history_fini(&firewall.history);
	memset(&firewall.history, 0, sizeof(firewall.history));
	sekisho_rule_names_destroy(firewall.names);
	firewall.names = NULL;
}

/* ---- the client -------------------------------------------------------------------------------- */

/* One line has come back. */
static void check_line(const char *line, size_t length, bool admin)
{
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL), *result;
	const char *version = json_string_value(json_object_get(object, "jsonrpc"));
	bool told = json_object_get(object, "method") != NULL, hello = peer.lines++ == 0;

	FUZZ_CHECK(json_is_object(object) && version != NULL && strcmp(version, "2.0") == 0);
	result = json_object_get(object, "result");
	FUZZ_CHECK(told || !hello);
	if (!told)
		FUZZ_CHECK((result == NULL) != (json_object_get(object, "error") == NULL));
	FUZZ_CHECK(admin || json_object_get(result, "stopping") == NULL);
	json_decref(object);
}

/* Read what there is; false once the other end is closed. */
static bool peer_read(bool admin)
{
	for (;;) {
		char *end;
		ssize_t got = recv(peer.fd, peer.line + peer.length,
				   CONTROL_OUTPUT_MAX - peer.length, MSG_DONTWAIT);

		if (got <= 0)
			return got != 0;
		peer.length += (size_t)got;
		while ((end = memchr(peer.line, '\n', peer.length)) != NULL) {
			size_t length = (size_t)(end - peer.line);

			check_line(peer.line, length, admin);
			peer.length -= length + 1;
			memmove(peer.line, end + 1, peer.length);
		}
		FUZZ_CHECK(peer.length < CONTROL_OUTPUT_MAX);
	}
}

/* Whatever epoll would say now, and what the timer and the worker would do. */
static void server_turn(struct client *client, bool slow)
{
	uint32_t events = client->interest & EPOLLOUT;
	char byte;

	if (recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
		events |= client->interest & EPOLLIN;
	if (events != 0)
		client_event(&control, client, events);
	if (!slow) {
		worker_turn();
		job_turn();
	}
	if (client->fd >= 0 && client->walk != NULL) {
		flow_walk_continue(&control, client);
		if (client->walk == NULL)
			client_continue(&control, client);
	}
	if (client->fd >= 0 && client->explaining != NULL)
		explaining_continue(&control, client);
}

/*
 * Send all, in pieces, reading what comes back; then hang up, and wait for the server to do so. Who is told
 * of what happens may go on reading after its last word, so there the server is not waited for.
 */
static void talk(struct client *client, uint8_t head, const uint8_t *data, size_t size)
{
	size_t piece = (head & HEAD_BYTES) && size < CONTROL_LINE_MAX / 2 ? 1 : size, sent = 0;
	bool ended = false;

	for (unsigned turn = 0; client->fd >= 0 && !control.stop; turn++) {
		FUZZ_CHECK(turn < TURNS_MAX);
		if (sent < size) {
			size_t left = size - sent < piece ? size - sent : piece;
			ssize_t went =
				send(peer.fd, data + sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);

			sent += went > 0 ? (size_t)went : 0;
		} else if (!ended) {
			shutdown(peer.fd, SHUT_WR);
			ended = true;
		}
		server_turn(client, (head & HEAD_SLOW) && turn % 4 != 0);
		if (!peer_read(head & HEAD_ADMIN) || (ended && client->watch != NULL))
			break;
	}
}

/* The input behind many blanks, so that lines about as long as they may be are met. */
static uint8_t *padded(const uint8_t *data, size_t *size)
{
	size_t blanks = CONTROL_LINE_MAX - 64;
	uint8_t *bytes = malloc(blanks + *size);

	FUZZ_CHECK(bytes != NULL);
	memset(bytes, ' ', blanks);
	memcpy(bytes + blanks, data, *size);
	*size += blanks;
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t head = size > 0 ? data[0] : 0, *bytes = NULL;
	int pair[2];

	if (size < 1)
		return 0;
	data++;
	size--;
	if ((head & HEAD_PADDED) == HEAD_PADDED)
		data = bytes = padded(data, &size);
	daemon_begin();
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	peer.fd = pair[1];
	peer.length = peer.lines = 0;
	client_open(&control, pair[0], head & HEAD_ADMIN ? CONTROL_ADMIN : CONTROL_READER);
	talk(&control.clients[0], head, data, size);
	if (control.clients[0].fd >= 0)
		client_close(&control, &control.clients[0]);
	peer_read(head & HEAD_ADMIN);
	close(peer.fd);
	daemon_end();
	free(bytes);
	return 0;
}
