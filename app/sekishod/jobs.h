/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * jobs.h: a thread for what takes long, so that neither the control thread nor a worker waits for it:
 * building a policy, freeing one, writing to disk.
 *
 * A job is run on the job thread, and is then done on the control thread. Jobs are run one at a time
 * in the order in which they were added, so a job may rely on all before it. The job thread keeps off
 * the workers' cpus, and is nice to them where there are no others.
 */
#ifndef SEKISHOD_JOBS_H
#define SEKISHOD_JOBS_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

/* Embed it in what the job is about; it belongs to the jobs until it is done. */
struct job {
	void (*run)(struct job *job);  /* job thread; may free the job if there is no `done` */
	void (*done)(struct job *job); /* control thread; NULL: nothing more */
	struct job *next;
};

struct job_list {
	struct job *first, **last;
};

struct jobs {
	int event; /* readable when jobs_finish() has something to do */
	bool started, stopping;
	cpu_set_t cpus;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job_list waiting, finished; /* under the lock */
};

/*
 * Start the thread, on `cpus` unless that is empty. 0 or -errno; then there is nothing to stop. All
 * functions: control thread.
 */
int jobs_start(struct jobs *jobs, const cpu_set_t *cpus);

void jobs_add(struct jobs *jobs, struct job *job);

/* Call `done` of all that have been run. Never blocks for a job. */
void jobs_finish(struct jobs *jobs);

/* Run and finish all that is left, also what those add; then end the thread. */
void jobs_stop(struct jobs *jobs);

#endif
