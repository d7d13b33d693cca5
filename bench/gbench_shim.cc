/* SPDX-License-Identifier: BSD-3-Clause */
/* gbench_shim.cc: the only C++ here; see gbench_shim.h. */
#include "gbench_shim.h"

#include <benchmark/benchmark.h>

#include <string>

struct gbench_state {
	benchmark::State &library;
};

namespace
{

/* The subject that was measured last, and its world: most calls are for the same one again. */
struct {
	const struct gbench_kind *kind;
	const void *plan;
	void *world;
} present;

bool any_failed;

void present_end()
{
	if (present.world != nullptr)
		present.kind->teardown(present.world);
	present.world = nullptr;
}

void *world_of(const struct gbench_kind *kind, const void *plan, char *message, unsigned size)
{
	if (present.world != nullptr && present.kind == kind && present.plan == plan)
		return present.world;
	present_end();
	present = {kind, plan, kind->setup(plan, message, size)};
	return present.world;
}

} /* namespace */

extern "C" void gbench_register(const struct gbench_kind *kind, const char *name, const char *label,
				const void *plan)
{
	std::string full = name;

	if (label != nullptr && label[0] != '\0')
		full += std::string("/") + label;
	auto *subject =
		benchmark::RegisterBenchmark(full.c_str(), [kind, plan](benchmark::State &library) {
			struct gbench_state state = {library};
			char message[256] = "";
			void *world = world_of(kind, plan, message, sizeof(message));

			if (world == nullptr)
				gbench_fail(&state, message);
			else
				kind->run(&state, world);
		});
	if (kind->iterations > 0)
		subject->Iterations(kind->iterations);
}

extern "C" bool gbench_next(struct gbench_state *state)
{
	return state->library.KeepRunning();
}

extern "C" void gbench_pause(struct gbench_state *state)
{
	state->library.PauseTiming();
}

extern "C" void gbench_resume(struct gbench_state *state)
{
	state->library.ResumeTiming();
}

extern "C" void gbench_items(struct gbench_state *state, uint64_t count)
{
	state->library.SetItemsProcessed(static_cast<int64_t>(count));
}

extern "C" void gbench_counter(struct gbench_state *state, const char *name, double value)
{
	state->library.counters[name] = value;
}

extern "C" void gbench_fail(struct gbench_state *state, const char *message)
{
	any_failed = true;
	state->library.SkipWithError(message);
}

extern "C" void gbench_expect_none_lost(struct gbench_state *state, uint64_t lost)
{
	if (lost > 0)
		gbench_fail(state, (std::to_string(lost) + " did not pass").c_str());
}

extern "C" int gbench_main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 2;
	benchmark::RunSpecifiedBenchmarks();
	benchmark::Shutdown();
	present_end();
	return any_failed ? 1 : 0;
}
