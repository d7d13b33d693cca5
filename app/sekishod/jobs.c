/* SPDX-License-Identifier: BSD-3-Clause */
/* jobs.c: two lists under a lock, and the thread between them. */
#include "jobs.h"

#include <errno.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define JOBS_NICE 10

static void list_init(struct job_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_add(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->last = job;
	list->last = &job->next;
}

static struct job *list_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job != NULL) {
		list->first = job->next;
		if (list->first == NULL)
			list->last = &list->first;
	}
	return job;
}

static struct job *take(struct jobs *jobs, struct job_list *list)
{
	struct job *job;

	pthread_mutex_lock(&jobs->lock);
	job = list_take(list);
	pthread_mutex_unlock(&jobs->lock);
	return job;
}

/* The next job, waited for; NULL when there is none and none will come. */
static struct job *wait_for_job(struct jobs *jobs)
{
	struct job *job;

	pthread_mutex_lock(&jobs->lock);
	while ((job = list_take(&jobs->waiting)) == NULL && !jobs->stopping)
		pthread_cond_wait(&jobs->wake, &jobs->lock);
	pthread_mutex_unlock(&jobs->lock);
	return job;
}

static void *jobs_main(void *argument)
{
	struct jobs *jobs = argument;
	struct job *job;

	if (CPU_COUNT(&jobs->cpus) > 0)
		sched_setaffinity(0, sizeof(jobs->cpus), &jobs->cpus);
	else
		setpriority(PRIO_PROCESS, (id_t)gettid(), JOBS_NICE);
	while ((job = wait_for_job(jobs)) != NULL) {
		bool finish = job->done != NULL;

		job->run(job);
		if (!finish)
			continue;
		pthread_mutex_lock(&jobs->lock);
		list_add(&jobs->finished, job);
		pthread_mutex_unlock(&jobs->lock);
		eventfd_write(jobs->event, 1);
	}
	return NULL;
}

int jobs_start(struct jobs *jobs, const cpu_set_t *cpus)
{
	int rc;

	*jobs = (struct jobs){.cpus = *cpus, .event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	if (jobs->event < 0)
		return -errno;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->wake, NULL);
	list_init(&jobs->waiting);
	list_init(&jobs->finished);
	rc = pthread_create(&jobs->thread, NULL, jobs_main, jobs);
	if (rc != 0) {
		close(jobs->event);
		return -rc;
	}
	jobs->started = true;
	return 0;
}

void jobs_add(struct jobs *jobs, struct job *job)
{
	pthread_mutex_lock(&jobs->lock);
	list_add(&jobs->waiting, job);
	pthread_cond_signal(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
}

void jobs_finish(struct jobs *jobs)
{
	struct job *job;
	eventfd_t count;

	eventfd_read(jobs->event, &count);
	while ((job = take(jobs, &jobs->finished)) != NULL)
		job->done(job);
}

void jobs_stop(struct jobs *jobs)
{
	struct job *job;

	if (!jobs->started)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	pthread_cond_signal(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
	pthread_join(jobs->thread, NULL);
	jobs_finish(jobs);
	while ((job = take(jobs, &jobs->waiting)) != NULL) {
		bool finish = job->done != NULL;

		job->run(job);
		if (finish)
			job->done(job);
	}
	close(jobs->event);
	pthread_cond_destroy(&jobs->wake);
	pthread_mutex_destroy(&jobs->lock);
	jobs->started = false;
}
