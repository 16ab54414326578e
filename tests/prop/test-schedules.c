/* SPDX-License-Identifier: Apache-2.0 */

/* Random schedules on random fabrics: VMs that hop about, planned moves of all
 * kinds begun, paused, activated, aborted and superseded, sessions that break,
 * switches that restart with or without their flows, slow channels, lies,
 * operators who change things, packets all the while.  What must hold is
 * judged after each step (world.c).
 *
 *   NVA_PROP_SCHEDULES=N   how many are run (default 10,000; with sanitizers,
 *                          which make each several times slower, 1,000)
 *   NVA_PROP_JOBS=N        by how many processes side by side (default 2)
 *   NVA_PROP_SEED=N        replays one, with its trace; a failure prints N
 *   NVA_PROP_SKIP=A,B,...  leaves these steps out (tests/prop/shrink.py) */

#include <config.h>

#include "steps.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define DEFAULT_SCHEDULES 1000
#else
#define DEFAULT_SCHEDULES 10000
#endif

enum { STEPS = 40 };

static struct world world;
static bool skipped[STEPS];

static void
run_schedule(uint64_t seed)
{
    world_create(&world, seed);
    for (int i = 0; i < STEPS; i++) {
        if (!skipped[i]) {
            world_seed_step(&world, i);
            steps_take(&world);
            world_judge(&world);
        }
    }
    world_seed_step(&world, STEPS);
    world_judge_end(&world);
    if (getenv("NVA_PROP_SEED")) {
        fputs(ds_cstr(&world.trace), stdout);
    }
    world_destroy(&world);
    world.sim = NULL;
}

/* Says what led here when something ends the process. */
static void
print_trace(void)
{
    if (world.sim) {
        world.sim = NULL;
        fprintf(stderr, "%sreplay with NVA_PROP_SEED=%"PRIu64"\n",
                ds_cstr(&world.trace), world.seed);
    }
}

static void
aborted(int signal_number)
{
    print_trace();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void
read_skip(const char *list)
{
    while (list && *list) {
        int i = atoi(list);

        if (i >= 0 && i < STEPS) {
            skipped[i] = true;
        }
        list += strcspn(list, ",");
        list += *list == ',';
    }
}

/* Schedules 'first', 'first' + 'every', ... up to 'n'. */
static void
run_share(int first, int every, int n)
{
    for (int i = first; i <= n; i += every) {
        run_schedule(i);
    }
}

/* Runs 'n' schedules by 'jobs' processes; true if all went well. */
static bool
run_jobs(int n, int jobs)
{
    bool well = true;
    int status;

    for (int i = 1; i < jobs; i++) {
        pid_t pid = fork();

        if (!pid) {
            run_share(1 + i, jobs, n);
            exit(EXIT_SUCCESS);
        }
        well &= pid > 0;
    }
    run_share(1, jobs, n);
    while (wait(&status) > 0) {
        well &= WIFEXITED(status) && !WEXITSTATUS(status);
    }
    return well;
}

static int
number_from_env(const char *name, int otherwise)
{
    const char *value = getenv(name);

    return value ? MAX(1, atoi(value)) : otherwise;
}

int
main(void)
{
    int n = number_from_env("NVA_PROP_SCHEDULES", DEFAULT_SCHEDULES);
    const char *one = getenv("NVA_PROP_SEED");

    atexit(print_trace);
    signal(SIGABRT, aborted);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_set_death_callback(print_trace);
#endif
    read_skip(getenv("NVA_PROP_SKIP"));
    if (one) {
        run_schedule(strtoull(one, NULL, 10));
        return EXIT_SUCCESS;
    }
    if (!run_jobs(n, number_from_env("NVA_PROP_JOBS", 2))) {
        return EXIT_FAILURE;
    }
    printf("%d schedules\n", n);
    return EXIT_SUCCESS;
}
