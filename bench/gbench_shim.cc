/* SPDX-License-Identifier: BSD-3-Clause */
/* gbench_shim.cc: the only C++ here; see gbench_shim.h. */
#include "gbench_shim.h"

#include <benchmark/benchmark.h>

#include <string>

struct gbench_state {
	benchmark::State &library;
};

extern "C" void gbench_register(const struct gbench_subject *given)
{
	struct gbench_subject subject = *given;
	std::string name = subject.name;

	if (subject.label != nullptr && subject.label[0] != '\0')
		name += std::string("/") + subject.label;
	benchmark::RegisterBenchmark(name.c_str(), [subject](benchmark::State &library) {
		struct gbench_state state = {library};
		char message[256] = "";
		void *world = subject.setup(subject.argument, message, sizeof(message));

		if (world == nullptr) {
			library.SkipWithError(message);
			return;
		}
		subject.run(&state, world);
		subject.teardown(world);
	});
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

extern "C" void gbench_items(struct gbench_state *state, int64_t count)
{
	state->library.SetItemsProcessed(count);
}

extern "C" void gbench_counter(struct gbench_state *state, const char *name, double value)
{
	state->library.counters[name] = value;
}

extern "C" int gbench_main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 2;
	benchmark::RunSpecifiedBenchmarks();
	benchmark::Shutdown();
	return 0;
}
